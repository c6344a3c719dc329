# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The packet filters that stand for security groups on the local AWS."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import Any

import pytest
from packet_filters import Member, Surroundings, callers, table

GATEWAY, API_PORT = "10.42.0.1", 4566
RESOLVER = "192.0.2.53"


def tcp(port: int, **side: Any) -> dict[str, Any]:
    return {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, **side}


def by_group(*names: str) -> dict[str, Any]:
    return {"UserIdGroupPairs": [{"GroupId": name} for name in names]}


def by_network(*cidrs: str) -> dict[str, Any]:
    return {"IpRanges": [{"CidrIp": cidr} for cidr in cidrs]}


def group(ingress: list[Any] | None = None, egress: list[Any] | None = None) -> dict[str, Any]:
    return {"IpPermissions": ingress or [], "IpPermissionsEgress": egress or []}


GROUPS = {
    "web": group(
        [tcp(8080, **by_group("balancer"))], [tcp(5432, **by_group("data")), tcp(443, **by_network("0.0.0.0/0"))]
    ),
    "data": group([tcp(5432, **by_group("web"))]),
    "balancer": group([tcp(443, **by_network("0.0.0.0/0"))], [tcp(8080, **by_group("web"))]),
    "mute": group([tcp(8080, **by_group("balancer", "mute"))]),
    "open": group(
        [{"IpProtocol": "-1", **by_network("10.42.0.0/16")}], [{"IpProtocol": "-1", **by_network("10.0.0.0/8")}]
    ),
}
MEMBERS = (
    Member("10.42.128.2", frozenset({"web"})),
    Member("10.42.128.3", frozenset({"data"})),
    Member(GATEWAY, frozenset({"balancer"})),
    Member("10.42.128.4", frozenset({"mute"})),
)
AROUND = Surroundings(GROUPS, MEMBERS, GATEWAY, API_PORT, (RESOLVER,))


def accepts(text: str, chain: str, other_side: str, port: int, protocol: str = "tcp") -> bool:
    """Tell what a table does with the first packet of a connection."""
    for line in text.splitlines():
        words = line.split()
        if words[:2] != ["-A", chain] or "-i" in words or "-o" in words or "--ctstate" in words:
            continue
        options = dict(zip(words[2::2], words[3::2], strict=False))
        first, _colon, last = options.get("--dport", "0:65535").partition(":")
        network = options.get("-s") or options.get("-d") or "0.0.0.0/0"
        if (
            ip_address(other_side) not in ip_network(network)
            or options.get("-p", protocol) != protocol
            or not int(first) <= port <= int(last or first)
        ):
            continue
        target = options["-j"]
        if target == "ACCEPT":
            return True
        if target == "DROP" or (target == "BALANCER" and not _returns(text, port)):
            return False
    return False


def _returns(text: str, port: int) -> bool:
    return any(f"--dport {port}:{port} -j RETURN" in line for line in text.splitlines() if "-A BALANCER" in line)


@pytest.mark.parametrize(
    ("own", "chain", "other_side", "port", "passes"),
    [
        ("data", "INPUT", "10.42.128.2", 5432, True),
        ("data", "INPUT", "10.42.128.2", 5433, False),
        ("data", "INPUT", "10.42.128.4", 5432, False),
        ("data", "INPUT", "10.42.128.99", 5432, False),
        ("data", "OUTPUT", "10.42.128.2", 8080, False),
        ("data", "OUTPUT", GATEWAY, API_PORT, False),
        ("web", "INPUT", GATEWAY, 8080, True),
        ("web", "INPUT", GATEWAY, 5432, False),
        ("web", "INPUT", "10.42.128.2", 8080, False),
        ("web", "OUTPUT", "10.42.128.3", 5432, True),
        ("web", "OUTPUT", "10.42.128.4", 5432, False),
        ("web", "OUTPUT", "198.51.100.1", 443, True),
        ("web", "OUTPUT", "198.51.100.1", 80, False),
        # HTTPS may go out, and that is where AWS's API is.
        ("web", "OUTPUT", GATEWAY, API_PORT, True),
        # The load balancer may be let in, but may not call this group.
        ("mute", "INPUT", GATEWAY, 8080, False),
        ("mute", "INPUT", "10.42.128.4", 8080, True),
        ("mute", "OUTPUT", "10.42.128.4", 8080, False),
        ("open", "INPUT", "10.42.128.99", 22, True),
        ("open", "INPUT", "10.43.0.1", 22, False),
        ("open", "OUTPUT", "10.99.0.1", 22, True),
        ("unknown", "INPUT", "10.42.128.2", 8080, False),
        ("unknown", "OUTPUT", GATEWAY, API_PORT, False),
        # What no security group filters.
        ("unknown", "OUTPUT", "169.254.170.2", 80, True),
        ("unknown", "OUTPUT", RESOLVER, 53, True),
    ],
)
def test_a_packet_passes_if_a_rule_of_some_group_says_so(
    own: str, chain: str, other_side: str, port: int, passes: bool
) -> None:
    assert accepts(table(frozenset({own}), AROUND, managed=False), chain, other_side, port) == passes


def test_rules_of_all_groups_of_one_add_up() -> None:
    both = table(frozenset({"data", "mute"}), AROUND, managed=False)

    assert accepts(both, "INPUT", "10.42.128.2", 5432) and accepts(both, "INPUT", "10.42.128.4", 8080)


def test_a_database_is_looked_after_by_its_service() -> None:
    assert accepts(table(frozenset({"data"}), AROUND, managed=True), "INPUT", GATEWAY, 5432)
    assert not accepts(table(frozenset({"data"}), AROUND, managed=False), "INPUT", GATEWAY, 5432)


def test_answers_pass_and_nothing_else_by_default() -> None:
    lines = table(frozenset(), AROUND, managed=False).splitlines()

    assert lines[0] == "*filter" and lines[-1] == "COMMIT"
    for chain in ("INPUT", "OUTPUT"):
        assert f":{chain} DROP [0:0]" in lines
        assert f"-A {chain} -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT" in lines


@pytest.mark.parametrize(
    ("own", "port", "networks"),
    [
        ({"balancer"}, 443, {"0.0.0.0/0"}),
        ({"balancer"}, 80, set()),
        # A group stands for the addresses of its members.
        ({"data"}, 5432, {"10.42.128.2/32"}),
        ({"open"}, 443, {"10.42.0.0/16"}),
        ({"balancer", "open"}, 443, {"0.0.0.0/0", "10.42.0.0/16"}),
        ({"unknown"}, 443, set()),
    ],
)
def test_who_may_call_a_port_is_what_the_rules_of_its_groups_name(own: set[str], port: int, networks: set[str]) -> None:
    assert callers(frozenset(own), GROUPS, MEMBERS, port) == {ip_network(one) for one in networks}
