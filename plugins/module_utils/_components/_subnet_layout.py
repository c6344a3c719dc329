# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which zones the subnets of a new VPC are in, and which ranges they have. Nothing here asks AWS."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network
from itertools import combinations

from .._reconcile.errors import OptionError

VPC_SIZES = "https://docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html"
SUBNET_SIZES = "https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html"
ZONES = "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html"
# A load balancer wants subnets of this size (ZONES).
LOAD_BALANCER_PREFIX = 27
KINDS = ("public", "private")
SPECIAL_PURPOSE = "https://www.rfc-editor.org/rfc/rfc6890"
# "This network", loopback, link-local, multicast and reserved (SPECIAL_PURPOSE).
RESERVED = [IPv4Network(cidr) for cidr in ("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "240.0.0.0/4")]


def network_of(option: str, cidr: str, documentation: str) -> IPv4Network:
    """Return the network that an option names, of a size that AWS takes. Raises OptionError."""
    try:
        network = IPv4Network(cidr)
    except ValueError as error:
        raise OptionError(option, cidr, f"it is not an IPv4 network: {error}", documentation) from None
    if not 16 <= network.prefixlen <= 28:
        raise OptionError(option, cidr, "its prefix must be from /16 to /28", documentation)
    return network


def vpc_range(option: str, cidr: str, documentation: str) -> None:
    """Refuse what `network_of` refuses, and ranges whose addresses no host can have. Raises OptionError."""
    network = network_of(option, cidr, documentation)
    for reserved in RESERVED:
        if network.overlaps(reserved):
            raise OptionError(option, cidr, f"no host has an address of {reserved}", SPECIAL_PURPOSE)


@dataclass(frozen=True)
class Layout:
    """The ranges that the subnets of a VPC can have.

    ``given`` are the ranges that the user chose for subnets of a kind; without them subnets are eighths of the VPC, the
    public ones of its first half. In ``taken``, the subnets that exist, each kind maps zones to ranges.
    """

    region: str
    cidr: str
    zone_count: int
    given: Mapping[str, list[str]]

    def validate(self) -> None:
        """Refuse ranges that AWS would refuse, or that are too small for a load balancer. Raises OptionError."""
        vpc = network_of("cidr", self.cidr, VPC_SIZES)
        named = [
            (_option(kind), network_of(_option(kind), cidr, SUBNET_SIZES))
            for kind in KINDS
            for cidr in self.given[kind]
        ]
        for kind in KINDS:
            self._validate_number(kind, vpc)
        for option, subnet in named:
            if not subnet.subnet_of(vpc):
                raise OptionError(option, str(subnet), f"it is not inside of the VPC's {vpc}", SUBNET_SIZES)
            if option == _option("public") and subnet.prefixlen > LOAD_BALANCER_PREFIX:
                rule = f"a load balancer needs subnets of /{LOAD_BALANCER_PREFIX} or larger"
                raise OptionError(option, str(subnet), rule, ZONES)
        every = named + [
            (_option(kind), eighth)
            for kind in KINDS
            if not self.given[kind]
            for eighth in self._eighths(kind)[: self.zone_count]
        ]
        for (option, one), (_other, two) in combinations(every, 2):
            if one.overlaps(two):
                raise OptionError(option, str(one), f"it overlaps {two}", SUBNET_SIZES)

    def _validate_number(self, kind: str, vpc: IPv4Network) -> None:
        option, given = _option(kind), self.given[kind]
        if given and len(given) != self.zone_count:
            raise OptionError(option, given, f"one for each of the {self.zone_count} zones is needed", ZONES)
        if not given and vpc.prefixlen > 24:
            raise OptionError("cidr", str(vpc), f"it is too small to be divided; give {option}", SUBNET_SIZES)

    def _eighths(self, kind: str) -> list[IPv4Network]:
        """Return half of the VPC's eighths, the first half for public subnets."""
        eighths = list(IPv4Network(self.cidr).subnets(prefixlen_diff=3))
        return eighths[:4] if kind == "public" else eighths[4:]

    def candidates(self, kind: str) -> list[str]:
        """Return the ranges that subnets of a kind can have: those given, or eighths of the VPC."""
        if self.given[kind]:
            return list(self.given[kind])
        others = [IPv4Network(cidr) for other in KINDS for cidr in self.given[other]]
        return [str(eighth) for eighth in self._eighths(kind) if not any(map(eighth.overlaps, others))]

    def used_zones(self, taken: Mapping[str, Mapping[str, str]]) -> list[str]:
        """Return the zones that have subnets, in the order of their ranges, which no other option changes."""

        def position(zone: str) -> tuple[int, str]:
            for kind in KINDS:
                candidates = self.candidates(kind)
                if taken[kind].get(zone) in candidates:
                    return candidates.index(taken[kind][zone]), zone
            return len(KINDS) * 4, zone

        return sorted({zone for zones in taken.values() for zone in zones}, key=position)

    def zones(
        self, taken: Mapping[str, Mapping[str, str]], wanted: list[str], usable: Callable[[], list[str]]
    ) -> list[str]:
        """Return the zones, those in use first: of the ``wanted`` ones, or as many as there shall be.

        ``usable`` names those that the region has now, and is called only if it matters. Raises OptionError if the
        region has too few.
        """
        used = self.used_zones(taken)
        if wanted:
            return [zone for zone in used if zone in wanted] + [zone for zone in wanted if zone not in used]
        # Zones that are in use stay, also while AWS calls one impaired or after a region got another one.
        names = used if len(used) >= self.zone_count else used + sorted(set(usable()) - set(used))
        if len(names) < self.zone_count:
            raise OptionError(
                "availability_zone_count", self.zone_count, f"the region {self.region} has {len(names)} zones", ZONES
            )
        return names[: self.zone_count]

    def ranges(self, kind: str, zones: list[str], taken: Mapping[str, str]) -> dict[str, str]:
        """Return each zone's range: the one that its subnet has, or the first that no subnet has.

        Raises OptionError if no range is left, because of subnets in zones that are to be given up.
        """
        candidates = self.candidates(kind)
        free = [cidr for cidr in candidates if cidr not in taken.values()]
        ranges = {}
        for zone in zones:
            if taken.get(zone) in candidates:
                ranges[zone] = taken[zone]
            elif free:
                ranges[zone] = free.pop(0)
            else:
                leaving = ", ".join(sorted(set(taken) - set(zones)))
                rule = f"no range is free for {zone} while {leaving} has a subnet; give it one in {_option(kind)}"
                raise OptionError("availability_zones", zones, rule, SUBNET_SIZES)
        return ranges


def _option(kind: str) -> str:
    return f"{kind}_subnet_cidrs"
