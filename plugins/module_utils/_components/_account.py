# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What only the account can tell of options, asked before anything is created: quotas, offers, zones, what exists.

All of it is read, and none of it is needed: what may not be read, or what an implementation of AWS does not know, is
left to the call that creates.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from .._reconcile.aws import Aws
from .._reconcile.engine import Step
from .._reconcile.errors import BotoCoreError, ClientError, OptionError, ReconcileError, code_of
from .._reconcile.values import has_unknown
from .._resources.iam import Role
from .._resources.rds import describe_instance, is_newer

VPC_QUOTAS = "https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html"
DATABASE_CLASSES = "https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Concepts.DBInstanceClass.SupportAurora.html"
POLICIES = "https://docs.aws.amazon.com/IAM/latest/APIReference/API_AttachRolePolicy.html"
SSL_POLICIES = "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/describe-ssl-policies.html"
LOAD_BALANCER_SUBNETS = (
    "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html"
)
DATABASE_SUBNETS = "https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_VPC.WorkingWithRDSInstanceinaVPC.html"
HOSTED_ZONES = "https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/AboutHZWorkingWith.html"
# Codes of service quotas, VPCS and INTERNET_GATEWAYS of a region, NAT_GATEWAYS of a zone (VPC_QUOTAS).
VPCS = "L-F678F1CE"
INTERNET_GATEWAYS = "L-A4707A72"
NAT_GATEWAYS = "L-FE5A380F"
FARGATE_QUOTAS = "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-quotas.html"
# Of vCPUs of a region, by capacity provider (FARGATE_QUOTAS).
VCPUS = {"FARGATE": "L-3032A538", "FARGATE_SPOT": "L-36FBB829"}
# While a service is replaced, its new tasks run beside the old ones.
WHILE_DEPLOYING = 2
RAISE = "have the quota raised"


@contextmanager
def if_it_can_be_read() -> Iterator[None]:
    """Leave out what AWS does not let us read, or does not answer."""
    try:
        yield
    except (ClientError, BotoCoreError, ReconcileError):
        pass


def vpc_faults(aws: Aws, zones: list[str], nat_gateways: str) -> Iterator[OptionError]:
    """Yield the quotas in which a new VPC does not fit, with NAT gateways in the first of these zones or in all.

    ``nat_gateways`` is the option of that name of the component network.
    """
    yield from _full_region(aws, VPCS, "describe_vpcs", "Vpcs", "VPCs")
    yield from _full_region(
        aws, INTERNET_GATEWAYS, "describe_internet_gateways", "InternetGateways", "internet gateways"
    )
    wanted = {"none": [], "single": zones[:1]}.get(nat_gateways, zones)
    yield from _too_few_addresses(aws, len(wanted), nat_gateways)
    yield from _full_zones(aws, wanted, nat_gateways)


def _full_region(aws: Aws, code: str, operation: str, result: str, what: str) -> Iterator[OptionError]:
    with if_it_can_be_read():
        most = _quota(aws, code)
        used = len(aws.client("ec2").pages(operation, result))
        if used + 1 > most:
            rule = f"{aws.region} has {used} {what} and may have {most}; name a VPC that exists, or {RAISE} ({code})"
            yield OptionError("vpc_id", None, rule, VPC_QUOTAS)


def _too_few_addresses(aws: Aws, wanted: int, value: str) -> Iterator[OptionError]:
    if not wanted:
        return
    with if_it_can_be_read():
        ec2 = aws.client("ec2")
        found = ec2.describe_account_attributes(AttributeNames=["vpc-max-elastic-ips"])["AccountAttributes"]
        most = int(found[0]["AttributeValues"][0]["AttributeValue"]) if found else wanted
        used = len(ec2.describe_addresses()["Addresses"]) if found else 0
        if used + wanted > most:
            rule = f"Elastic IP addresses needed: {wanted}, in use: {used} of {most}; release some, or {RAISE}"
            yield OptionError("nat_gateways", value, rule, VPC_QUOTAS)


def _full_zones(aws: Aws, wanted: list[str], value: str) -> Iterator[OptionError]:
    if not wanted:
        return
    with if_it_can_be_read():
        most = _quota(aws, NAT_GATEWAYS)
        ec2 = aws.client("ec2")
        states = [{"Name": "state", "Values": ["pending", "available", "deleting"]}]
        gateways = ec2.pages("describe_nat_gateways", "NatGateways", Filters=states)
        zones = {subnet["SubnetId"]: subnet["AvailabilityZone"] for subnet in ec2.pages("describe_subnets", "Subnets")}
        used = Counter(zones.get(gateway.get("SubnetId")) for gateway in gateways)
        for zone in wanted:
            if used[zone] + 1 > most:
                rule = f"{zone} has {used[zone]} NAT gateways and may have {most}; {RAISE} ({NAT_GATEWAYS})"
                yield OptionError("nat_gateways", value, rule, VPC_QUOTAS)


def _quota(aws: Aws, code: str, service: str = "vpc") -> int:
    found = aws.client("service-quotas").get_service_quota(ServiceCode=service, QuotaCode=code)["Quota"]
    return int(found["Value"])


def vcpu_warnings(aws: Aws, wanted: Mapping[str, float]) -> list[str]:
    """Return how to ask for more vCPUs of Fargate than the account has, if these, by capacity provider, need more."""
    warnings = []
    for provider, vcpus in sorted(wanted.items()):
        most = needed = math.ceil(vcpus * WHILE_DEPLOYING)
        with if_it_can_be_read():
            most = _quota(aws, VCPUS[provider], "fargate")
        if needed > most:
            warnings.append(
                f"With every worker pool at its maximum the environment takes {vcpus:g} vCPUs of {provider}, and up to "
                f"{needed} while services are replaced; the account has {most} in {aws.region}, and tasks beyond "
                "that do not start. Ask for more: aws service-quotas request-service-quota-increase "
                f"--region {aws.region} --service-code fargate --quota-code {VCPUS[provider]} --desired-value {needed} "
                f"(see {FARGATE_QUOTAS})"
            )
    return warnings


def database_class_faults(aws: Aws, identifier: str, engine: str, version: str, name: str) -> Iterator[OptionError]:
    """Yield what the region does not offer of a class of database instances, unless the database has it already."""
    if aws.emulated:
        return  # an emulator's offers are made up
    with if_it_can_be_read():
        rds = aws.client("rds")
        instance = describe_instance(aws, identifier) or {}
        if instance.get("DBInstanceClass") == name:
            return
        running = str(instance.get("EngineVersion", version))
        if is_newer(running, version):
            version = running
        offers = rds.pages(
            "describe_orderable_db_instance_options", "OrderableDBInstanceOptions", Engine=engine, DBInstanceClass=name
        )
        versions = sorted({offer["EngineVersion"] for offer in offers})
        if any(f"{one}.".startswith(f"{version}.") for one in versions):
            return
        if versions:
            rule = f"{aws.region} has it for {engine} {', '.join(versions)}, and not for {version}"
        else:
            rule = f"{aws.region} does not offer it for {engine}"
        yield OptionError("instance_class", name, rule, DATABASE_CLASSES)


def hosted_zone_faults(aws: Aws, zone: str, domain: str) -> Iterator[OptionError]:
    """Yield why a domain's records cannot be in a hosted zone."""
    with if_it_can_be_read():
        try:
            name = str(aws.client("route53").get_hosted_zone(Id=zone)["HostedZone"]["Name"]).rstrip(".")
        except ClientError as error:
            if code_of(error) != "NoSuchHostedZone":
                raise
            yield OptionError("hosted_zone_id", zone, "the account has no such hosted zone", HOSTED_ZONES)
            return
        if domain != name and not domain.endswith(f".{name}"):
            yield OptionError("domain_name", domain, f"it is outside of the hosted zone {zone}, {name}", HOSTED_ZONES)


def planned_policy_faults(aws: Aws, steps: list[Step]) -> Iterator[OptionError]:
    """Yield which managed policies do not exist that roles are to get by these steps of a plan."""
    roles = [step for step in steps if step.resource.kind == Role.kind]
    boundaries = {step.after.get("permissions_boundary") for step in roles} - {None, ""}
    attached = {arn for step in roles for arn in step.after.get("managed_policies", [])}
    former = {arn for step in roles for arn in step.before.get("managed_policies", [])}
    for option, arns in (("role_permissions_boundary", boundaries), ("role_policies", attached - former)):
        for arn in sorted(map(str, arns)):
            yield from _policy_faults(aws, option, arn)


def _policy_faults(aws: Aws, option: str, arn: str) -> Iterator[OptionError]:
    """Yield that a managed policy, which an option names, does not exist."""
    if aws.emulated and ":iam::aws:" in arn:
        return  # an emulator has few of AWS's own
    with if_it_can_be_read():
        try:
            aws.client("iam").get_policy(PolicyArn=arn)
        except ClientError as error:
            if code_of(error) != "NoSuchEntity":
                raise
            yield OptionError(option, arn, "there is no such policy", POLICIES)


def ssl_policy_faults(aws: Aws, name: str) -> Iterator[OptionError]:
    """Yield that the region has no such policy of listeners."""
    if aws.emulated:
        return  # an emulator's list is made up
    with if_it_can_be_read():
        try:
            aws.client("elbv2").describe_ssl_policies(Names=[name])
        except ClientError as error:
            if code_of(error) != "SSLPolicyNotFound":
                raise
            yield OptionError("ssl_policy", name, f"{aws.region} has no such policy", SSL_POLICIES)


def load_balancer_subnet_faults(aws: Aws, subnet_ids: list[str], vpc_id: str) -> Iterator[OptionError]:
    """Yield why a load balancer whose targets are in a VPC cannot be in these subnets."""
    subnets = yield from _subnets(aws, subnet_ids, LOAD_BALANCER_SUBNETS)
    others = sorted({subnet["VpcId"] for subnet in subnets} - {vpc_id})
    if others and not has_unknown(vpc_id):
        rule = f"they are in {', '.join(others)}, and vpc_id is {vpc_id}"
        yield OptionError("subnet_ids", subnet_ids, rule, LOAD_BALANCER_SUBNETS)
    for zone, number in Counter(subnet["AvailabilityZone"] for subnet in subnets).items():
        if number > 1:
            rule = f"{number} of them are in {zone}, and a load balancer takes one of each zone"
            yield OptionError("subnet_ids", subnet_ids, rule, LOAD_BALANCER_SUBNETS)


def database_subnet_faults(aws: Aws, subnet_ids: list[str]) -> Iterator[OptionError]:
    """Yield why a database cannot be in these subnets."""
    subnets = yield from _subnets(aws, subnet_ids, DATABASE_SUBNETS)
    vpcs = sorted({subnet["VpcId"] for subnet in subnets})
    if len(vpcs) > 1:
        rule = f"they are in {' and '.join(vpcs)}, and have to be in one VPC"
        yield OptionError("subnet_ids", subnet_ids, rule, DATABASE_SUBNETS)
    zones = {subnet["AvailabilityZone"] for subnet in subnets}
    if len(zones) == 1:
        rule = f"all are in {', '.join(zones)}, and have to be in at least two zones"
        yield OptionError("subnet_ids", subnet_ids, rule, DATABASE_SUBNETS)


def _subnets(aws: Aws, subnet_ids: list[str], why: str) -> Generator[OptionError, None, list[dict[str, Any]]]:
    """Yield which subnets do not exist. Return all of them; none if one is missing or they cannot be read."""
    found: list[dict[str, Any]] = []
    missing: list[str] = []
    if has_unknown(subnet_ids):
        return found
    with if_it_can_be_read():
        # A filter, since asking for an id that does not exist is an error that names one of them only.
        filters = [{"Name": "subnet-id", "Values": sorted(set(subnet_ids))}]
        found = aws.client("ec2").pages("describe_subnets", "Subnets", Filters=filters)
        missing = sorted(set(subnet_ids) - {subnet["SubnetId"] for subnet in found})
    for subnet_id in missing:
        yield OptionError("subnet_ids", subnet_id, f"there is no such subnet in {aws.region}", why)
    return [] if missing else found
