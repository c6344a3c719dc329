# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the network component refuses, without AWS."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.sm2a.airflow.plugins.module_utils._components.network import NetworkComponent
from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.errors import OptionError

AWS: Any = SimpleNamespace(region="eu-central-1", account_id="123456789012", partition="aws", check_mode=True)
TWO = ["subnet-01234567", "subnet-01234568"]


def component(**options: Any) -> NetworkComponent:
    defaults = {name: argument.get("default") for name, argument in NetworkComponent.ARGUMENTS.items()}
    return NetworkComponent({"environment": "test", "state": "present", "tags": {}, **defaults, **options}, AWS)


@pytest.mark.parametrize(
    ("options", "option", "rule"),
    [
        ({"cidr": "all"}, "cidr", "not an IPv4 network"),
        ({"cidr": "10.0.0.1/16"}, "cidr", "host bits"),
        ({"cidr": "10.0.0.0/15"}, "cidr", "/16 to /28"),
        ({"cidr": "10.0.0.0/29"}, "cidr", "/16 to /28"),
        ({"cidr": "10.0.0.0/26"}, "cidr", "too small"),
        ({"public_subnet_cidrs": ["10.42.0.0/24"]}, "public_subnet_cidrs", "each of the 2 zones"),
        ({"public_subnet_cidrs": ["10.43.0.0/24", "10.42.1.0/24"]}, "public_subnet_cidrs", "not inside"),
        ({"public_subnet_cidrs": ["10.42.0.0/24", "10.42.0.0/25"]}, "public_subnet_cidrs", "overlaps"),
        # The private subnets are made of the second half.
        ({"public_subnet_cidrs": ["10.42.0.0/24", "10.42.128.0/24"]}, "public_subnet_cidrs", "overlaps"),
        ({"private_subnet_cidrs": ["10.42.0.0/29", "10.42.1.0/24"]}, "private_subnet_cidrs", "/16 to /28"),
        ({"public_subnet_cidrs": ["10.42.0.0/27", "10.42.1.0/28"]}, "public_subnet_cidrs", "/27 or larger"),
        ({"availability_zones": ["eu-central-1a"]}, "availability_zones", "two or three"),
        ({"availability_zones": ["eu-central-1a"] * 2}, "availability_zones", "different"),
        ({"interface_endpoints": ["SQS"]}, "interface_endpoints", "end of a service's name"),
        ({"interface_endpoints": ["com.amazonaws.eu-central-1.sqs"]}, "interface_endpoints", "end of a service's name"),
        ({"interface_endpoints": ["sqs", "sqs"]}, "interface_endpoints", "named twice"),
        ({"interface_endpoints": ["s3"]}, "interface_endpoints", "costs nothing"),
        ({"flow_logs": "s3"}, "flow_logs_bucket_arn", "ARN of a bucket"),
        ({"flow_logs": "s3", "flow_logs_bucket_arn": "audit"}, "flow_logs_bucket_arn", "ARN of a bucket"),
        ({"flow_logs_bucket_arn": "arn:aws:s3:::audit"}, "flow_logs_bucket_arn", "requires flow_logs: s3"),
        ({"flow_logs": "cloudwatch", "flow_logs_retention_in_days": 31}, "flow_logs_retention_in_days", "one of"),
        ({"role_path": "teams"}, "role_path", "begin and end with /"),
        ({"role_permissions_boundary": "boundary"}, "role_permissions_boundary", "managed policy"),
        ({"endpoint_account_ids": ["1234"]}, "endpoint_account_ids", "twelve digits"),
        ({"s3_endpoint_bucket_arns": ["my-bucket"]}, "s3_endpoint_bucket_arns", "ARN of a bucket"),
        ({"public_subnet_ids": TWO}, "public_subnet_ids", "requires vpc_id"),
        ({"vpc_id": "vpc-01234567"}, "public_subnet_ids", "two of them"),
        ({"vpc_id": "vpc-01234567", "public_subnet_ids": TWO}, "private_subnet_ids", "two of them"),
        (
            {"vpc_id": "vpc-01234567", "public_subnet_ids": TWO, "private_subnet_ids": ["subnet-01234567"] * 2},
            "private_subnet_ids",
            "two of them",
        ),
    ],
)
def test_bad_input(options: dict[str, Any], option: str, rule: str) -> None:
    with pytest.raises(OptionError) as caught:
        component(**options).validate()

    assert caught.value.option == option and rule in caught.value.rule


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"cidr": "10.0.0.0/24", "availability_zone_count": 3},
        {
            "cidr": "10.0.0.0/25",
            "public_subnet_cidrs": ["10.0.0.0/27", "10.0.0.32/27"],
            "private_subnet_cidrs": ["10.0.0.64/28", "10.0.0.80/28"],
        },
        {
            "interface_endpoints": ["ecr.api", "sqs"],
            "flow_logs": "s3",
            "flow_logs_bucket_arn": "arn:aws:s3:::audit/vpc",
        },
        {"vpc_id": "(known after apply)", "public_subnet_ids": TWO, "private_subnet_ids": TWO},
    ],
)
def test_good_input(options: dict[str, Any]) -> None:
    component(**options).validate()


def test_an_existing_network_needs_nothing() -> None:
    assert component(vpc_id="vpc-01234567", public_subnet_ids=TWO, private_subnet_ids=TWO).resources() == []


def test_a_network_that_the_same_plan_is_yet_to_make_is_passed_on() -> None:
    unknown = "(known after apply)"
    planned = component(vpc_id=unknown, public_subnet_ids=TWO, private_subnet_ids=TWO)
    planned.aws = SimpleNamespace(client=lambda _service: None, check_mode=True)  # type: ignore[assignment]
    planned.resources()

    facts = planned.facts()

    assert (facts["vpc_id"], facts["vpc_cidr"], facts["public_subnet_ids"]) == (unknown, unknown, TWO)
