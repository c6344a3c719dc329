# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Endpoints: what they lead to can change, and they are gone only when nothing holds them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fake_aws import OURS, FakeAws, FakeClient, in_turn, refusal

from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.engine import ApplyError, Engine
from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.tags import tags_to_list
from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.values import KNOWN_AFTER_APPLY
from ansible_collections.sm2a.airflow.plugins.module_utils._resources.security_group import SecurityGroup
from ansible_collections.sm2a.airflow.plugins.module_utils._resources.vpc import RouteTable, Subnet, Vpc
from ansible_collections.sm2a.airflow.plugins.module_utils._resources.vpc_endpoint import (
    GatewayEndpoint,
    InterfaceEndpoint,
    Policy,
)

TAGS = {**OURS, "Name": "sm2a-test-s3"}
FOUND: dict[str, Any] = {
    "VpcEndpointId": "vpce-1",
    "VpcEndpointType": "Gateway",
    "VpcId": "vpc-1",
    "ServiceName": "s3",
    "State": "available",
    "RouteTableIds": ["rtb-b", "rtb-old"],
    "Tags": tags_to_list(TAGS),
}


def policy(account_id: str) -> dict[str, Any]:
    return {"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": f"of {account_id}"}]}


def gateway(ec2: FakeClient, limits: Policy | None = None) -> GatewayEndpoint:
    aws: Any = FakeAws(ec2=ec2)
    vpc = Vpc(aws, "sm2a-test", TAGS, "10.0.0.0/16")
    vpc.id = "vpc-1"
    tables = [RouteTable(aws, name, TAGS, vpc, [], None) for name in ("rtb-a", "rtb-b")]
    for table in tables:
        table.id = table.name
    return GatewayEndpoint(aws, "sm2a-test-s3", TAGS, vpc, "s3", tables, limits)


def interface(ec2: FakeClient, limits: Policy | None = None, beside: list[str] | None = None) -> InterfaceEndpoint:
    aws: Any = FakeAws(ec2=ec2)
    vpc = Vpc(aws, "sm2a-test", TAGS, "10.0.0.0/16")
    subnet, group = Subnet(aws, "s", TAGS, vpc, "", ""), SecurityGroup(aws, "g", TAGS, vpc, "")
    vpc.id, subnet.id, group.id = "vpc-1", "subnet-a", "sg-a"
    return InterfaceEndpoint(aws, "sm2a-test-s3", TAGS, vpc, "sqs", [subnet], group, limits, beside)


def test_route_tables_are_added_and_taken_away_in_one_call() -> None:
    ec2 = FakeClient(describe_vpc_endpoints={"VpcEndpoints": [FOUND]})

    [step] = Engine("test", check_mode=False).apply([gateway(ec2)])

    assert step.action == "update"
    assert ec2.called("modify_vpc_endpoint") == [
        {"VpcEndpointId": "vpce-1", "AddRouteTableIds": ["rtb-a"], "RemoveRouteTableIds": ["rtb-old"]}
    ]


@pytest.mark.parametrize("state", ["deleting", "Deleted"])
def test_one_on_its_way_out_is_not_there(state: str) -> None:
    assert gateway(FakeClient(describe_vpc_endpoints={"VpcEndpoints": [{**FOUND, "State": state}]})).find() is None


def test_an_endpoint_of_the_other_type_is_not_this_one() -> None:
    other = {**FOUND, "VpcEndpointType": "Interface"}

    assert gateway(FakeClient(describe_vpc_endpoints={"VpcEndpoints": [other]})).find() is None


@pytest.mark.parametrize(
    "deletion",
    [
        {},
        {"Unsuccessful": [{"Error": {"Code": "InvalidVpcEndpointId.NotFound", "Message": "gone"}}]},
        refusal("X.NotFound"),
    ],
)
def test_an_endpoint_is_waited_for_until_it_holds_nothing(deletion: Any) -> None:
    ec2 = FakeClient(
        describe_vpc_endpoints=in_turn(
            {"VpcEndpoints": [FOUND]},
            {"VpcEndpoints": [{**FOUND, "State": "deleting"}]},
            refusal("InvalidVpcEndpointId.NotFound"),
        ),
        delete_vpc_endpoints=deletion,
    )

    [step] = Engine("test", check_mode=False).remove([gateway(ec2)])

    assert step.action == "delete" and len(ec2.called("describe_vpc_endpoints")) == 3


def test_a_deletion_that_is_refused_says_why() -> None:
    problem = {"Unsuccessful": [{"Error": {"Code": "InvalidRequest", "Message": "managed by RDS"}}]}
    ec2 = FakeClient(describe_vpc_endpoints={"VpcEndpoints": [FOUND]}, delete_vpc_endpoints=problem)

    with pytest.raises(ApplyError, match="could not be deleted: InvalidRequest: managed by RDS"):
        Engine("test", check_mode=False).remove([gateway(ec2)])


@pytest.mark.parametrize(("states", "fine"), [(["pending", "available"], True), (["pending", "Rejected"], False)])
def test_an_interface_is_waited_for_as_long_as_there_is_hope(states: list[str], fine: bool) -> None:
    new = {**FOUND, "VpcEndpointType": "Interface", "ServiceName": "sqs", "LastError": {"Message": "not allowed"}}
    answers = [{"VpcEndpoints": [{**new, "State": state}]} for state in states]
    ec2 = FakeClient(
        describe_vpc_endpoints=in_turn({"VpcEndpoints": []}, *answers),
        create_vpc_endpoint={"VpcEndpoint": {"VpcEndpointId": "vpce-1"}},
    )

    if fine:
        [step] = Engine("test", check_mode=False).apply([interface(ec2)])
        assert step.action == "create" and ec2.called("create_vpc_endpoint")[0]["PrivateDnsEnabled"] is True
    else:
        with pytest.raises(ApplyError, match="is Rejected: not allowed"):
            Engine("test", check_mode=False).apply([interface(ec2)])


def test_an_endpoint_is_found_by_the_name_of_its_service_again() -> None:
    found = {**FOUND, "VpcEndpointType": "Interface", "ServiceName": "sqs", "SubnetIds": ["subnet-a"]}
    ec2 = FakeClient(describe_vpc_endpoints={"VpcEndpoints": [{**found, "PrivateDnsEnabled": False}]})

    [step] = Engine("test", check_mode=False).apply([interface(ec2)])

    assert step.before == {"private_dns": False}
    assert ec2.called("modify_vpc_endpoint") == [{"VpcEndpointId": "vpce-1", "PrivateDnsEnabled": True}]


def test_groups_that_an_implementation_does_not_tell_are_not_compared() -> None:
    found = {**FOUND, "VpcEndpointType": "Interface", "ServiceName": "sqs", "SubnetIds": ["subnet-a"]}
    told = {**found, "Groups": [{"GroupId": "sg-b"}]}

    for answer, groups in ((found, ["sg-a"]), (told, ["sg-b"])):
        state = interface(FakeClient(describe_vpc_endpoints={"VpcEndpoints": [answer]})).find()
        assert state is not None and state["security_group_ids"] == groups


def test_a_policy_that_somebody_opened_is_shown_and_put_back() -> None:
    opened = {"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}]}
    found = {**FOUND, "RouteTableIds": ["rtb-a", "rtb-b"], "PolicyDocument": json.dumps(opened)}
    ec2 = FakeClient(describe_vpc_endpoints={"VpcEndpoints": [found]})

    [step] = Engine("test", check_mode=False).apply([gateway(ec2, policy)])

    assert (step.before, step.after) == ({"policy": opened}, {"policy": policy("123456789012")})
    [change] = ec2.called("modify_vpc_endpoint")
    assert json.loads(change.pop("PolicyDocument")) == policy("123456789012")
    assert change == {"VpcEndpointId": "vpce-1"}


def test_a_policy_of_a_vpc_that_is_yet_to_come_is_planned() -> None:
    ec2 = FakeClient(describe_vpc_endpoints={"VpcEndpoints": []})
    planned = gateway(ec2, policy)
    planned.vpc.id = KNOWN_AFTER_APPLY

    [step] = Engine("test", check_mode=True).apply([planned])

    assert step.after["policy"] == policy(KNOWN_AFTER_APPLY)


@pytest.mark.parametrize("supported", [True, False])
def test_only_services_that_take_a_policy_get_one_and_all_are_asked_at_once(supported: bool) -> None:
    new = {**FOUND, "VpcEndpointType": "Interface", "ServiceName": "sqs", "State": "available"}
    details = [{"ServiceName": "sqs", "VpcEndpointPolicySupported": supported}, {"ServiceName": "ecs"}]
    ec2 = FakeClient(
        describe_vpc_endpoints=in_turn({"VpcEndpoints": []}, {"VpcEndpoints": [new]}),
        describe_vpc_endpoint_services={"ServiceDetails": details},
        create_vpc_endpoint={"VpcEndpoint": {"VpcEndpointId": "vpce-1"}},
    )

    Engine("test", check_mode=False).apply([interface(ec2, policy, ["sqs", "ecs"])])

    [created] = ec2.called("create_vpc_endpoint")
    assert ("PolicyDocument" in created) is supported
    assert ec2.called("describe_vpc_endpoint_services")[0] == {"ServiceNames": ["ecs", "sqs"]}
