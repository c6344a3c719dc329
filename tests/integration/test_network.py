# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The network module against both emulators."""

from __future__ import annotations

import json
from typing import Any

import pytest
from emulators import REGION, Account, Vpc

A, B, C = (f"{REGION}{letter}" for letter in "abc")


def ranges(account: Account) -> dict[str, str]:
    """Return the range of every subnet of ours by its name."""
    found = account.client("ec2").describe_subnets(Filters=[{"Name": "tag:sm2a:environment", "Values": ["test"]}])
    return {
        tag["Value"]: subnet["CidrBlock"]
        for subnet in found["Subnets"]
        for tag in subnet["Tags"]
        if tag["Key"] == "Name"
    }


def changes(result: dict[str, Any]) -> dict[str, str]:
    """Return what was done, by kind and name."""
    assert not result.get("failed"), result["msg"]
    return {
        f"{step['kind'].removeprefix('AWS::EC2::')} {step['name']}": step["action"]
        for step in result["plan"]
        if step["action"] != "none"
    }


def test_lifecycle(account: Account) -> None:
    results = account.lifecycle("network", change={"nat_gateways": "one_per_zone"})
    assert len(results["create"]["network"]["private_subnet_ids"]) == 2
    assert account.client("ec2").describe_addresses()["Addresses"] == []


def test_a_lost_route_and_a_detached_gateway_are_repaired(account: Account) -> None:
    account.run("network")
    ec2 = account.client("ec2")
    tables = ec2.describe_route_tables(Filters=[{"Name": "tag:Name", "Values": ["sm2a-test-public"]}])["RouteTables"]
    ec2.delete_route(RouteTableId=tables[0]["RouteTableId"], DestinationCidrBlock="0.0.0.0/0")
    gateway = ec2.describe_internet_gateways(Filters=[{"Name": "tag:Name", "Values": ["sm2a-test-internet"]}])
    gateway = gateway["InternetGateways"][0]
    ec2.detach_internet_gateway(
        InternetGatewayId=gateway["InternetGatewayId"], VpcId=gateway["Attachments"][0]["VpcId"]
    )

    result = account.run("network")

    assert sorted(step["name"] for step in result["plan"] if step["action"] == "update") == [
        "sm2a-test-internet",
        "sm2a-test-public",
    ]
    assert not account.run("network")["changed"]


def test_a_zone_keeps_its_range_whichever_comes_before_it(account: Account) -> None:
    first = account.run("network", availability_zones=[B, C])
    before = ranges(account)

    assert not account.run("network", availability_zones=[C, B])["changed"]
    more = account.run("network", availability_zones=[A, B, C])
    after = ranges(account)

    assert not more.get("failed"), more["msg"]
    assert {name: after[name] for name in before} == before
    assert len(set(after.values())) == 6
    # The NAT gateway stays where it is too.
    assert not [name for name in changes(more) if name.startswith("NatGateway")]
    assert more["network"]["availability_zones"] == [B, C, A]
    again = account.run("network", availability_zone_count=3)
    assert (again["changed"], again["network"]["availability_zones"]) == (False, [B, C, A])
    assert set(first["network"]["public_subnet_ids"]) < set(again["network"]["public_subnet_ids"])


def test_a_new_zone_gets_a_range_that_none_has_while_another_leaves(account: Account) -> None:
    account.run("network", availability_zones=[A, B])
    before = ranges(account)

    result = account.run("network", availability_zones=[C, B])

    assert changes(result)[f"Subnet sm2a-test-public-{A}"] == "delete"
    after = ranges(account)
    assert sorted(after) == sorted(f"sm2a-test-{kind}-{zone}" for kind in ("public", "private") for zone in (B, C))
    assert not set(before.values()) & {after[f"sm2a-test-public-{C}"], after[f"sm2a-test-private-{C}"]}
    assert not account.run("network", availability_zones=[C, B])["changed"]


def test_a_zone_cannot_take_the_range_of_one_that_leaves(account: Account) -> None:
    options = {"public_subnet_cidrs": ["10.42.0.0/24", "10.42.1.0/24"]}
    account.run("network", availability_zones=[A, B], **options)

    result = account.run("network", availability_zones=[B, C], check=True, **options)

    assert result["failed"]
    assert result["msg"].startswith("availability_zones:") and f"while {A} has a subnet" in result["msg"]


def test_what_cannot_be_changed_is_refused_in_check_mode_too(account: Account) -> None:
    account.run("network", cidr="10.50.0.0/16", nat_gateways="none")

    for check in (True, False):
        result = account.run("network", cidr="10.51.0.0/16", nat_gateways="none", check=check)
        assert result["failed"] and "'10.50.0.0/16' cannot be changed to '10.51.0.0/16'" in result["msg"]
        assert result["api_calls"]["write"] == 0


def test_a_default_route_that_leads_elsewhere_is_led_back(account: Account) -> None:
    account.run("network")
    ec2 = account.client("ec2")
    by_name = {
        tag["Value"]: table
        for table in ec2.describe_route_tables()["RouteTables"]
        for tag in table.get("Tags", [])
        if tag["Key"] == "Name"
    }
    gateway = ec2.describe_internet_gateways(Filters=[{"Name": "tag:Name", "Values": ["sm2a-test-internet"]}])
    gateway_id = gateway["InternetGateways"][0]["InternetGatewayId"]
    private = by_name[f"sm2a-test-private-{A}"]["RouteTableId"]
    ec2.replace_route(RouteTableId=private, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway_id)

    result = account.run("network")

    shown = f"AWS::EC2::RouteTable sm2a-test-private-{A}"
    assert result["diff"]["before"][shown] == {"default_route": gateway_id}
    assert result["diff"]["after"][shown]["default_route"].startswith("nat-")
    assert not account.run("network")["changed"]


def test_without_waiting_the_next_run_finishes_the_routes(account: Account) -> None:
    first = account.run("network", wait=False)
    assert changes(first)[f"NatGateway sm2a-test-nat-{A}"] == "create"
    assert changes(first)[f"RouteTable sm2a-test-private-{A}"] == "deferred"
    assert first["network"]["private_route_table_ids"] == []

    second = account.run("network", wait=False)

    assert changes(second)[f"RouteTable sm2a-test-private-{A}"] == "create"
    tables = account.client("ec2").describe_route_tables(RouteTableIds=second["network"]["private_route_table_ids"])
    targets = [
        route.get("NatGatewayId", "")
        for table in tables["RouteTables"]
        for route in table["Routes"]
        if route.get("DestinationCidrBlock") == "0.0.0.0/0"
    ]
    assert len(targets) == 2 and all(target.startswith("nat-") for target in targets)
    assert not account.run("network")["changed"]


@pytest.mark.parametrize(
    ("given", "refusal"),
    [
        ({"vpc_id": "vpc-0123456789abcdef0"}, "vpc_id: 'vpc-0123456789abcdef0' is refused: there is no such VPC"),
        ({"public_subnet_ids": ["subnet-0123456789abcdef0", 0]}, "public_subnet_ids: 'subnet-0123456789abcdef0' is"),
        ({"private_subnet_ids": ["nonsense", 0]}, "private_subnet_ids: 'nonsense' is refused: an id is like subnet-"),
    ],
)
def test_an_existing_network_must_exist(account: Account, vpc: Vpc, given: dict[str, Any], refusal: str) -> None:
    options = {"vpc_id": vpc.id, "public_subnet_ids": vpc.subnet_ids, "private_subnet_ids": vpc.subnet_ids}
    given = {
        name: [vpc.subnet_ids[item] if isinstance(item, int) else item for item in value]
        if isinstance(value, list)
        else value
        for name, value in given.items()
    }

    result = account.run("network", **{**options, **given})

    assert result["failed"] and result["msg"].startswith(refusal)
    assert "https://docs.aws.amazon.com/" in result["msg"]


def test_a_public_subnet_too_small_for_a_load_balancer_is_refused(account: Account, vpc: Vpc) -> None:
    small = account.client("ec2").create_subnet(VpcId=vpc.id, CidrBlock="10.0.9.0/28", AvailabilityZone=f"{REGION}a")[
        "Subnet"
    ]["SubnetId"]
    options = {"vpc_id": vpc.id, "private_subnet_ids": vpc.subnet_ids}

    result = account.run("network", public_subnet_ids=[small, vpc.subnet_ids[1]], **options)

    assert result["failed"] and "its range is 10.0.9.0/28; a load balancer needs /27 or larger" in result["msg"]


def test_an_existing_vpc_is_taken_as_it_is(account: Account, vpc: Vpc) -> None:
    options = {"vpc_id": vpc.id, "public_subnet_ids": vpc.subnet_ids, "private_subnet_ids": vpc.subnet_ids}
    result = account.run("network", **options)
    assert (result["changed"], result["network"]["vpc_id"]) == (False, vpc.id)
    account.run("network", state="absent", **options)
    assert account.client("ec2").describe_vpcs(VpcIds=[vpc.id])["Vpcs"]


def test_what_other_options_made_is_taken_down(account: Account) -> None:
    ec2 = account.client("ec2")
    account.run("network", availability_zone_count=3, nat_gateways="one_per_zone")

    result = account.run("network", nat_gateways="none", s3_endpoint=False)

    assert not result.get("failed"), result["msg"]
    assert ec2.describe_addresses()["Addresses"] == []
    subnets = ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [result["network"]["vpc_id"]]}])["Subnets"]
    assert len(subnets) == 4
    assert not account.run("network", nat_gateways="none", s3_endpoint=False)["changed"]


def test_absent_finds_everything_whatever_the_options(account: Account) -> None:
    created = account.run("network", availability_zone_count=3, nat_gateways="one_per_zone")["network"]

    result = account.run("network", state="absent", nat_gateways="none", s3_endpoint=False)

    assert not result.get("failed"), result["msg"]
    ec2 = account.client("ec2")
    assert ec2.describe_addresses()["Addresses"] == []
    assert created["vpc_id"] not in [vpc["VpcId"] for vpc in ec2.describe_vpcs()["Vpcs"]]


def vpc_endpoints(account: Account) -> dict[str, list[str]]:
    """Return the subnets of the endpoints by service, without those that are on their way out."""
    return {
        endpoint["ServiceName"].split(".", 3)[3]: sorted(endpoint.get("SubnetIds", []))
        for endpoint in account.client("ec2").describe_vpc_endpoints()["VpcEndpoints"]
        if endpoint["State"].lower() == "available"
    }


def test_interface_endpoints(account: Account) -> None:
    options = {"nat_gateways": "none", "availability_zones": [A, B]}
    wanted = {**options, "interface_endpoints": ["ecr.api", "sqs"]}
    planned = account.run("network", check=True, **wanted)
    created = account.run("network", **wanted)

    assert not created.get("failed"), created["msg"]
    assert planned["plan"] == created["plan"]
    private = sorted(created["network"]["private_subnet_ids"])
    assert vpc_endpoints(account) == {"s3": [], "ecr.api": private, "sqs": private}
    assert account.run("network", **wanted)["changed"] is False

    changed = account.run("network", **{**wanted, "interface_endpoints": ["sqs"], "availability_zones": [A, B, C]})
    assert changes(changed)["VPCEndpoint sm2a-test-ecr.api"] == "delete"
    assert changes(changed)["VPCEndpoint sm2a-test-sqs"] == "update"
    assert vpc_endpoints(account) == {"s3": [], "sqs": sorted(changed["network"]["private_subnet_ids"])}

    without = account.run("network", **options)
    assert changes(without)["SecurityGroup sm2a-test-endpoints"] == "delete"
    assert vpc_endpoints(account) == {"s3": []}
    assert account.run("network", **options)["changed"] is False


# MiniStack 1.5.33 forgets the tags of a flow log: it does not know EC2's name of the resource type, vpc-flow-log.
on_moto = pytest.mark.parametrize("emulator", ["moto"], indirect=True)


@on_moto
def test_flow_logs(account: Account) -> None:
    wanted = {"nat_gateways": "none", "flow_logs": "cloudwatch"}
    ec2, logs = account.client("ec2"), account.client("logs")
    planned = account.run("network", check=True, **wanted)
    created = account.run("network", **wanted)

    assert not created.get("failed"), created["msg"]
    assert planned["plan"] == created["plan"]
    [flow_log] = ec2.describe_flow_logs()["FlowLogs"]
    assert flow_log["ResourceId"] == created["network"]["vpc_id"]
    assert flow_log["DeliverLogsPermissionArn"].endswith(":role/sm2a-test-flow-logs")
    assert account.run("network", **wanted)["changed"] is False

    changed = account.run("network", flow_logs_traffic="REJECT", **wanted)
    assert changes(changed) == {"FlowLog sm2a-test-flow-logs": "update"}
    assert [log["TrafficType"] for log in ec2.describe_flow_logs()["FlowLogs"]] == ["REJECT"]

    without = account.run("network", nat_gateways="none")
    assert sorted(changes(without).values()) == ["delete", "delete"]
    assert ec2.describe_flow_logs()["FlowLogs"] == []
    # What was written stays until it expires, or is told to go.
    assert [group["logGroupName"] for group in logs.describe_log_groups()["logGroups"]] == ["/sm2a/test/flow-logs"]
    assert account.run("network", nat_gateways="none")["changed"] is False

    absent = account.run("network", state="absent", delete_flow_logs=True)
    assert not absent.get("failed"), absent["msg"]
    assert logs.describe_log_groups()["logGroups"] == []


@on_moto
def test_flow_logs_go_to_a_bucket(account: Account) -> None:
    account.client("s3").create_bucket(Bucket="audit", CreateBucketConfiguration={"LocationConstraint": REGION})
    wanted = {"nat_gateways": "none", "flow_logs": "s3", "flow_logs_bucket_arn": "arn:aws:s3:::audit"}

    created = account.run("network", **wanted)

    assert changes(created)["FlowLog sm2a-test-flow-logs"] == "create"
    assert "Role sm2a-test-flow-logs" not in changes(created)
    [flow_log] = account.client("ec2").describe_flow_logs()["FlowLogs"]
    assert (flow_log["LogDestinationType"], flow_log["LogDestination"]) == ("s3", "arn:aws:s3:::audit")
    assert account.run("network", **wanted)["changed"] is False
    account.run("network", state="absent")
    assert account.client("ec2").describe_flow_logs()["FlowLogs"] == []


def test_a_network_of_our_own_goes_also_once_another_is_given(account: Account, vpc: Vpc) -> None:
    created = account.run("network", nat_gateways="none")["network"]
    options = {"vpc_id": vpc.id, "public_subnet_ids": vpc.subnet_ids, "private_subnet_ids": vpc.subnet_ids}
    assert account.run("network", **options)["changed"] is False

    account.run("network", state="absent", **options)

    left = [found["VpcId"] for found in account.client("ec2").describe_vpcs()["Vpcs"]]
    assert vpc.id in left and created["vpc_id"] not in left


def test_what_aws_makes_with_a_vpc_leads_nowhere_and_is_closed_again(account: Account) -> None:
    vpc_id = account.run("network")["network"]["vpc_id"]
    ec2 = account.client("ec2")
    inside = {"Name": "vpc-id", "Values": [vpc_id]}
    by_default = [inside, {"Name": "group-name", "Values": ["default"]}]
    [group] = ec2.describe_security_groups(Filters=by_default)["SecurityGroups"]
    assert (group["IpPermissions"], group["IpPermissionsEgress"]) == ([], [])
    everybody = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    ec2.authorize_security_group_ingress(GroupId=group["GroupId"], IpPermissions=[everybody])
    ec2.authorize_security_group_egress(GroupId=group["GroupId"], IpPermissions=[everybody])

    shown = account.run("network", check=True)
    repaired = account.run("network")

    rules = {"AWS::EC2::SecurityGroupIngress sm2a-test-default", "AWS::EC2::SecurityGroupEgress sm2a-test-default"}
    assert set(shown["diff"]["before"]) == set(repaired["diff"]["before"]) == rules
    [group] = ec2.describe_security_groups(Filters=by_default)["SecurityGroups"]
    assert (group["IpPermissions"], group["IpPermissionsEgress"]) == ([], [])
    assert not account.run("network")["changed"]


def test_another_main_route_table_and_routes_to_the_internet_are_led_back(account: Account) -> None:
    facts = account.run("network")["network"]
    ec2 = account.client("ec2")
    of_vpc = [{"Name": "vpc-id", "Values": [facts["vpc_id"]]}]
    tables = ec2.describe_route_tables(Filters=of_vpc)["RouteTables"]
    by_name = {tag["Value"]: table for table in tables for tag in table["Tags"] if tag["Key"] == "Name"}
    main, public = by_name["sm2a-test-main"], by_name["sm2a-test-public"]
    [gateway] = ec2.describe_internet_gateways(Filters=[{"Name": "attachment.vpc-id", "Values": [facts["vpc_id"]]}])[
        "InternetGateways"
    ]
    private = facts["private_route_table_ids"][0]
    for table in (main["RouteTableId"], private):
        ec2.create_route(
            RouteTableId=table, DestinationCidrBlock="198.51.100.0/24", GatewayId=gateway["InternetGatewayId"]
        )
    [association] = [item for item in main["Associations"] if item["Main"]]
    ec2.replace_route_table_association(
        AssociationId=association["RouteTableAssociationId"], RouteTableId=public["RouteTableId"]
    )
    ec2.modify_subnet_attribute(SubnetId=facts["private_subnet_ids"][0], MapPublicIpOnLaunch={"Value": True})

    shown = account.run("network", check=True)["diff"]["before"]
    repaired = account.run("network")["diff"]["before"]

    assert shown == repaired
    foreign = [f"198.51.100.0/24 to {gateway['InternetGatewayId']}"]
    assert shown["AWS::EC2::RouteTable sm2a-test-main"] == {"foreign_routes": foreign, "main": False}
    assert {"foreign_routes": foreign} in shown.values() and {"public_addresses": True} in shown.values()
    assert not account.run("network")["changed"]


def test_the_policy_of_an_endpoint_is_made_changed_and_put_back(account: Account) -> None:
    options = {"interface_endpoints": ["sqs"]}
    created = account.run("network", **options)
    assert not created.get("failed"), created["msg"]
    assert not account.run("network", **options)["changed"]
    ec2 = account.client("ec2")
    endpoints = ec2.describe_vpc_endpoints()["VpcEndpoints"]
    if account.emulator.name == "ministack":
        return  # it tells no policy
    assert all("aws:" in endpoint["PolicyDocument"] for endpoint in endpoints)
    opened = {"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}]}
    for endpoint in endpoints:
        ec2.modify_vpc_endpoint(VpcEndpointId=endpoint["VpcEndpointId"], PolicyDocument=json.dumps(opened))

    shown = account.run("network", check=True, **options)["diff"]["before"]
    repaired = account.run("network", **options)["diff"]["before"]

    assert set(shown) == {"AWS::EC2::VPCEndpoint sm2a-test-s3", "AWS::EC2::VPCEndpoint sm2a-test-sqs"}
    assert repaired == shown
    assert not account.run("network", **options)["changed"]
