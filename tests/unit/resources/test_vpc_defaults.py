# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What AWS made with the VPC is taken over once, leads nowhere, and is read with all others of its kind."""

from __future__ import annotations

from typing import Any

from fake_aws import OURS, FakeAws, FakeClient, in_turn

from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.engine import Engine
from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.tags import tags_to_list
from ansible_collections.sm2a.airflow.plugins.module_utils._resources.security_group import EgressRules, IngressRules
from ansible_collections.sm2a.airflow.plugins.module_utils._resources.vpc import Vpc
from ansible_collections.sm2a.airflow.plugins.module_utils._resources.vpc_defaults import (
    DefaultSecurityGroup,
    MainRouteTable,
)

GROUP_TAGS, TABLE_TAGS = ({**OURS, "Name": name} for name in ("sm2a-test-default", "sm2a-test-main"))
# As AWS makes it: its members call each other, and everything may go out.
ITSELF = {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": "sg-1"}]}
EVERYWHERE = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
GROUP: dict[str, Any] = {"GroupId": "sg-1", "VpcId": "vpc-1", "GroupName": "default"}
OPEN = {**GROUP, "IpPermissions": [ITSELF], "IpPermissionsEgress": [EVERYWHERE]}
TABLE: dict[str, Any] = {"RouteTableId": "rtb-1", "VpcId": "vpc-1"}
MAIN = {"Main": True, "RouteTableAssociationId": "rtbassoc-1", "RouteTableId": "rtb-1"}
TO_THE_INTERNET = {"DestinationCidrBlock": "0.0.0.0/0", "GatewayId": "igw-1"}


def vpc(aws: Any) -> Vpc:
    one = Vpc(aws, "sm2a-test", GROUP_TAGS, "10.0.0.0/16")
    one.id = "vpc-1"
    return one


def group_and_rules(ec2: FakeClient) -> list[Any]:
    aws: Any = FakeAws(ec2=ec2)
    group = DefaultSecurityGroup(aws, "sm2a-test-default", GROUP_TAGS, vpc(aws))
    return [group, IngressRules(aws, group, []), EgressRules(aws, group, [])]


def table(ec2: FakeClient) -> MainRouteTable:
    aws: Any = FakeAws(ec2=ec2)
    return MainRouteTable(aws, "sm2a-test-main", TABLE_TAGS, vpc(aws))


def test_the_default_group_is_tagged_and_closed() -> None:
    tagged = {**GROUP, "Tags": tags_to_list(GROUP_TAGS)}
    ec2 = FakeClient(
        describe_security_groups=in_turn(
            *[{"SecurityGroups": []}] * 2, {"SecurityGroups": [OPEN]}, {"SecurityGroups": [tagged]}
        )
    )

    steps = Engine("test", check_mode=False).apply(group_and_rules(ec2))

    assert [step.action for step in steps] == ["create", "none", "none"]
    assert ec2.called("create_tags") == [{"Resources": ["sg-1"], "Tags": tags_to_list(GROUP_TAGS)}]
    assert [call["IpPermissions"] for call in ec2.called("revoke_security_group_ingress")] == [[ITSELF]]
    assert [call["IpPermissions"] for call in ec2.called("revoke_security_group_egress")] == [[EVERYWHERE]]


def test_a_default_group_that_somebody_opened_is_closed_again() -> None:
    ec2 = FakeClient(describe_security_groups={"SecurityGroups": [{**OPEN, "Tags": tags_to_list(GROUP_TAGS)}]})

    steps = Engine("test", check_mode=False).apply(group_and_rules(ec2))

    assert sorted(step.action for step in steps) == ["delete", "delete", "none"]
    assert len(ec2.called("describe_security_groups")) == 1


def test_the_main_table_is_tagged_and_leads_nowhere() -> None:
    found = {**TABLE, "Routes": [TO_THE_INTERNET], "Associations": [MAIN]}
    tagged = {**found, "Routes": [], "Tags": tags_to_list(TABLE_TAGS)}
    ec2 = FakeClient(
        describe_route_tables=in_turn(*[{"RouteTables": []}] * 2, {"RouteTables": [found]}, {"RouteTables": [tagged]})
    )

    [step] = Engine("test", check_mode=False).apply([table(ec2)])

    assert step.action == "create" and len(ec2.called("create_tags")) == 1
    assert ec2.called("delete_route") == [{"RouteTableId": "rtb-1", "DestinationCidrBlock": "0.0.0.0/0"}]


def test_the_main_table_becomes_the_main_one_again() -> None:
    ours = {**TABLE, "Tags": tags_to_list(TABLE_TAGS)}
    theirs = {"RouteTableId": "rtb-9", "Associations": [{**MAIN, "RouteTableId": "rtb-9"}]}
    ec2 = FakeClient(describe_route_tables=in_turn({"RouteTables": [ours]}, {"RouteTables": [theirs]}))

    [step] = Engine("test", check_mode=True).apply([table(ec2)])
    assert (step.before, step.after) == ({"main": False}, {"main": True})

    ec2.answers["describe_route_tables"] = in_turn(
        {"RouteTables": [ours]}, {"RouteTables": [theirs]}, {"RouteTables": [{**ours, "Associations": [MAIN]}]}
    )
    Engine("test", check_mode=False).apply([table(ec2)])
    assert ec2.called("replace_route_table_association") == [{"AssociationId": "rtbassoc-1", "RouteTableId": "rtb-1"}]


def test_what_nobody_changed_is_left_alone_with_one_read() -> None:
    found = {**TABLE, "Associations": [MAIN, {"SubnetId": "subnet-of-others"}], "Tags": tags_to_list(TABLE_TAGS)}
    for associated in found["Associations"]:
        associated.setdefault("RouteTableAssociationId", "rtbassoc-2")
    ec2 = FakeClient(describe_route_tables={"RouteTables": [found]})

    [step] = Engine("test", check_mode=False).apply([table(ec2)])

    assert step.action == "none" and [name for name, _arguments in ec2.calls] == ["describe_route_tables"]
