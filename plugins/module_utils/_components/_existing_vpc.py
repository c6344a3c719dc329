# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A VPC that exists already and is taken as given: what its options name is looked at, and nothing is changed."""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import Any

from .._reconcile.aws import Aws
from .._reconcile.errors import OptionError
from .._reconcile.values import KNOWN_AFTER_APPLY, has_unknown
from ._subnet_layout import LOAD_BALANCER_PREFIX, ZONES

VPCS = "https://docs.aws.amazon.com/vpc/latest/userguide/configure-your-vpc.html"
SUBNETS = "https://docs.aws.amazon.com/vpc/latest/userguide/configure-subnets.html"
# A load balancer wants so many free addresses in each subnet (ZONES).
LOAD_BALANCER_ADDRESSES = 8


def existing_vpc(aws: Aws, prefix: str, options: dict[str, Any]) -> dict[str, Any]:
    """Return the facts of the VPC and the subnets that the options name.

    ``prefix`` begins the names of the environment. Raises OptionError for what does not exist or cannot be used.
    """
    given = {name: options[name] for name in ("vpc_id", "public_subnet_ids", "private_subnet_ids")}
    if has_unknown(given):
        # Another part of the same plan is yet to make them.
        return {
            **given,
            "vpc_cidr": KNOWN_AFTER_APPLY,
            "public_subnet_cidrs": [KNOWN_AFTER_APPLY],
            "private_route_table_ids": [],
            "availability_zones": [KNOWN_AFTER_APPLY],
        }
    ec2, vpc_id = aws.client("ec2"), options["vpc_id"]
    # Filters, since asking for an id that does not exist is an error that names one of them only.
    found = ec2.describe_vpcs(Filters=[{"Name": "vpc-id", "Values": [vpc_id]}])["Vpcs"]
    if not found:
        raise OptionError("vpc_id", vpc_id, f"there is no such VPC in {aws.region}", VPCS)
    wanted = sorted({*options["public_subnet_ids"], *options["private_subnet_ids"]})
    filters = [{"Name": "subnet-id", "Values": wanted}]
    subnets = {item["SubnetId"]: item for item in ec2.pages("describe_subnets", "Subnets", Filters=filters)}
    for option in ("public_subnet_ids", "private_subnet_ids"):
        _check_subnets(aws, option, options[option], vpc_id, subnets)
    for subnet_id in options["public_subnet_ids"]:
        _check_room(aws, prefix, subnets[subnet_id])
    return {
        **given,
        "vpc_cidr": found[0]["CidrBlock"],
        "public_subnet_cidrs": [subnets[subnet_id]["CidrBlock"] for subnet_id in options["public_subnet_ids"]],
        "private_route_table_ids": [],
        "availability_zones": sorted({subnet["AvailabilityZone"] for subnet in subnets.values()}),
    }


def _check_subnets(aws: Aws, option: str, ids: list[str], vpc_id: str, subnets: dict[str, dict[str, Any]]) -> None:
    for subnet_id in ids:
        if subnet_id not in subnets:
            raise OptionError(option, subnet_id, f"there is no such subnet in {aws.region}", SUBNETS)
        if subnets[subnet_id]["VpcId"] != vpc_id:
            rule = f"it is in {subnets[subnet_id]['VpcId']} and not in vpc_id, {vpc_id}"
            raise OptionError(option, subnet_id, rule, SUBNETS)
    if len({subnets[subnet_id]["AvailabilityZone"] for subnet_id in ids}) < 2:
        raise OptionError(option, ids, "they must be in at least two zones", ZONES)


def _check_room(aws: Aws, prefix: str, subnet: dict[str, Any]) -> None:
    """Refuse a public subnet that is too small or too full for a load balancer."""
    option, subnet_id = "public_subnet_ids", subnet["SubnetId"]
    if IPv4Network(subnet["CidrBlock"]).prefixlen > LOAD_BALANCER_PREFIX:
        rule = f"its range is {subnet['CidrBlock']}; a load balancer needs /{LOAD_BALANCER_PREFIX} or larger"
        raise OptionError(option, subnet_id, rule, ZONES)
    free = subnet["AvailableIpAddressCount"]
    if free >= LOAD_BALANCER_ADDRESSES:
        return
    # Once it has a load balancer of ours the subnet may well be fuller than that.
    filters = [
        {"Name": "subnet-id", "Values": [subnet_id]},
        {"Name": "description", "Values": [f"ELB app/{prefix}/*"]},
    ]
    if not aws.client("ec2").pages("describe_network_interfaces", "NetworkInterfaces", Filters=filters):
        rule = f"it has {free} free addresses; a load balancer needs {LOAD_BALANCER_ADDRESSES}"
        raise OptionError(option, subnet_id, rule, ZONES)
