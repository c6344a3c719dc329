# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What security groups allow, as a table of packet filters for one network namespace.

Security groups are stateful, allow what a rule names and drop the rest:
https://docs.aws.amazon.com/vpc/latest/userguide/vpc-security-groups.html
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Any

Group = Mapping[str, Any]
"""A security group with its ``IpPermissions`` and ``IpPermissionsEgress``, as EC2 describes it."""

# What no security group filters: credentials and metadata of a task, and the resolver of the VPC.
# https://docs.aws.amazon.com/vpc/latest/userguide/vpc-security-groups.html
TASK_ENDPOINT = "169.254.170.2"
HTTPS = 443


@dataclass(frozen=True)
class Member:
    """Somebody who has security groups: a container at its own address, or a load balancer at the gateway's."""

    address: str
    groups: frozenset[str]


@dataclass(frozen=True)
class Surroundings:
    """What a table depends on besides its own container.

    ``gateway`` is the address of this machine, from which load balancers call and at whose ``api_port`` AWS's API
    answers. ``resolvers`` are the name servers that Docker asks on behalf of containers.
    """

    groups: Mapping[str, Group]
    members: tuple[Member, ...]
    gateway: str
    api_port: int
    resolvers: tuple[str, ...]


def table(own: frozenset[str], around: Surroundings, *, managed: bool) -> str:
    """Return what ``iptables-restore`` takes for a container with these groups.

    A ``managed`` one is looked after by its service from this machine, as RDS does with its instances.
    """
    lines = ["*filter", ":INPUT DROP [0:0]", ":FORWARD DROP [0:0]", ":OUTPUT DROP [0:0]", ":BALANCER - [0:0]"]
    for chain, interface in (("INPUT", "-i"), ("OUTPUT", "-o")):
        lines += [
            f"-A {chain} {interface} lo -j ACCEPT",
            f"-A {chain} -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT",
        ]
    if managed:
        lines.append(f"-A INPUT -s {around.gateway} -j ACCEPT")
    lines.append(f"-A INPUT -s {around.gateway} -j BALANCER")
    sources = _allowed(own, around.groups, around.members, "IpPermissions")
    lines += [f"-A INPUT -s {source} {_ports(permission)}-j ACCEPT" for source, permission in sources]
    # A load balancer has no namespace of its own, so its target looks at what may leave it, too.
    lines += [f"-A BALANCER {ports}-j RETURN" for ports in _from_balancers(own, around)]
    lines.append("-A BALANCER -j DROP")
    lines.append(f"-A OUTPUT -d {TASK_ENDPOINT} -j ACCEPT")
    lines += [
        f"-A OUTPUT -d {resolver} -p {protocol} --dport 53 -j ACCEPT"
        for resolver in around.resolvers
        for protocol in ("udp", "tcp")
    ]
    if _calls_aws(own, around):
        lines.append(f"-A OUTPUT -d {around.gateway} -p tcp --dport {around.api_port} -j ACCEPT")
    targets = _allowed(own, around.groups, around.members, "IpPermissionsEgress")
    lines += [f"-A OUTPUT -d {target} {_ports(permission)}-j ACCEPT" for target, permission in targets]
    return "\n".join([*dict.fromkeys(lines), "COMMIT", ""])


def callers(
    own: frozenset[str], groups: Mapping[str, Group], members: Collection[Member], port: int
) -> frozenset[IPv4Network]:
    """Return the networks from which somebody with these groups may be called at a port of TCP."""
    allowed = _allowed(own, groups, members, "IpPermissions")
    return frozenset(IPv4Network(source, strict=False) for source, permission in allowed if _includes(permission, port))


def _permissions(own: frozenset[str], groups: Mapping[str, Group], direction: str) -> Iterator[Mapping[str, Any]]:
    for group in sorted(own):
        yield from groups.get(group, {}).get(direction, [])


def _allowed(
    own: frozenset[str], groups: Mapping[str, Group], members: Collection[Member], direction: str
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the networks of all rules of one direction, each with its rule.

    A group stands for the addresses of its members.
    """
    for permission in _permissions(own, groups, direction):
        for item in permission.get("IpRanges", []):
            yield item["CidrIp"], permission
        named = {item["GroupId"] for item in permission.get("UserIdGroupPairs", [])}
        for member in members:
            if named & member.groups:
                yield f"{member.address}/32", permission


def _ports(permission: Mapping[str, Any]) -> str:
    protocol = str(permission["IpProtocol"])
    if protocol == "-1":
        return ""
    if "FromPort" not in permission or protocol not in ("tcp", "udp"):
        return f"-p {protocol} "
    return f"-p {protocol} --dport {permission['FromPort']}:{permission['ToPort']} "


def _from_balancers(own: frozenset[str], around: Surroundings) -> Iterator[str]:
    """Yield the ports to which some load balancer's own groups let it call a container with these groups."""
    for balancer in around.members:
        if balancer.address != around.gateway:
            continue
        for permission in _permissions(balancer.groups, around.groups, "IpPermissionsEgress"):
            # Every network that a load balancer may call is taken for that of its targets.
            if permission.get("IpRanges") or own & {item["GroupId"] for item in permission.get("UserIdGroupPairs", [])}:
                yield _ports(permission)


def _calls_aws(own: frozenset[str], around: Surroundings) -> bool:
    """Tell whether a rule lets HTTPS out of the VPC, to endpoints, or to a prefix list: AWS's API is there."""
    return any(
        _includes(permission, HTTPS)
        for permission in _permissions(own, around.groups, "IpPermissionsEgress")
        if permission.get("IpRanges") or permission.get("PrefixListIds")
    )


def _includes(permission: Mapping[str, Any], port: int) -> bool:
    """Tell whether a rule is for a port of TCP."""
    if str(permission["IpProtocol"]) == "-1":
        return True
    return permission["IpProtocol"] == "tcp" and int(permission["FromPort"]) <= port <= int(permission["ToPort"])
