# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A VPC of the user's: what is told of it, and what a load balancer could not use."""

from __future__ import annotations

from typing import Any

import pytest
from fake_aws import FakeAws, FakeClient

from ansible_collections.sm2a.airflow.plugins.module_utils._components._existing_vpc import existing_vpc
from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.errors import OptionError

OPTIONS: dict[str, Any] = {
    "vpc_id": "vpc-1",
    "public_subnet_ids": ["subnet-a", "subnet-b"],
    "private_subnet_ids": ["subnet-c", "subnet-d"],
}
ZONES = {"subnet-a": "1a", "subnet-b": "1b", "subnet-c": "1a", "subnet-d": "1b"}


def ec2(interfaces: int = 0, vpcs: int = 1, **changes: dict[str, Any]) -> FakeClient:
    subnets = [
        {
            "SubnetId": name,
            "VpcId": "vpc-1",
            "AvailabilityZone": zone,
            "CidrBlock": "10.0.0.0/27",
            "AvailableIpAddressCount": 8,
            **changes.get(name.replace("-", "_"), {}),
        }
        for name, zone in ZONES.items()
    ]
    return FakeClient(
        describe_vpcs={"Vpcs": [{"CidrBlock": "10.0.0.0/16"}] * vpcs},
        describe_subnets={"Subnets": [subnet for subnet in subnets if subnet["VpcId"]]},
        describe_network_interfaces={"NetworkInterfaces": [{}] * interfaces},
    )


def facts(client: FakeClient) -> dict[str, Any]:
    aws: Any = FakeAws(ec2=client)
    return existing_vpc(aws, "sm2a-test", OPTIONS)


def test_what_later_roles_need_is_told() -> None:
    assert facts(ec2()) == {
        **OPTIONS,
        "vpc_cidr": "10.0.0.0/16",
        "public_subnet_cidrs": ["10.0.0.0/27", "10.0.0.0/27"],
        "private_route_table_ids": [],
        "availability_zones": ["1a", "1b"],
    }


@pytest.mark.parametrize(
    ("client", "option", "rule"),
    [
        (ec2(vpcs=0), "vpc_id", "there is no such VPC in eu-central-1"),
        (ec2(subnet_d={"VpcId": None}), "private_subnet_ids", "there is no such subnet"),
        (ec2(subnet_a={"VpcId": "vpc-2"}), "public_subnet_ids", "it is in vpc-2 and not in vpc_id, vpc-1"),
        (ec2(subnet_d={"AvailabilityZone": "1a"}), "private_subnet_ids", "at least two zones"),
        (ec2(subnet_b={"CidrBlock": "10.0.0.0/28"}), "public_subnet_ids", "needs /27 or larger"),
        (ec2(subnet_b={"AvailableIpAddressCount": 7}), "public_subnet_ids", "it has 7 free addresses"),
    ],
)
def test_what_cannot_be_used_is_refused(client: FakeClient, option: str, rule: str) -> None:
    with pytest.raises(OptionError) as caught:
        facts(client)

    assert caught.value.option == option and rule in caught.value.rule


def test_a_subnet_that_our_load_balancer_has_filled_is_fine() -> None:
    client = ec2(interfaces=1, subnet_b={"AvailableIpAddressCount": 0})

    assert facts(client)["vpc_id"] == "vpc-1"
    [asked] = client.called("describe_network_interfaces")
    assert {"Name": "description", "Values": ["ELB app/sm2a-test/*"]} in asked["Filters"]
