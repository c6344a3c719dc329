# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The network: a VPC with public and private subnets in two or three zones, or one that exists already."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from .._reconcile.errors import OptionError
from .._reconcile.resource import Resource
from .._reconcile.values import KNOWN_AFTER_APPLY
from .._resources.flow_log import FlowLog
from .._resources.iam import Role, policy_document, service_trust
from .._resources.logs import RETENTION_DAYS, LogGroup
from .._resources.security_group import IngressRules, SecurityGroup
from .._resources.vpc import (
    ElasticIp,
    InternetGateway,
    NatGateway,
    RouteTable,
    Subnet,
    Vpc,
    VpcResource,
)
from .._resources.vpc_endpoint import GatewayEndpoint, InterfaceEndpoint
from ._account import if_it_can_be_read, vpc_faults
from ._base import Component, named_tags
from ._existing_vpc import existing_vpc
from ._iam_rules import validate_role
from ._names import log_group_name
from ._subnet_layout import KINDS, ZONES, Layout

ENDPOINTS = "https://docs.aws.amazon.com/vpc/latest/privatelink/aws-services-privatelink-support.html"
FLOW_LOGS_S3 = "https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-s3.html"
RETENTION = "https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html"


class NetworkComponent(Component):
    """A VPC ``sm2a-<environment>``."""

    NAME = "network"
    ARGUMENTS = {
        "cidr": {"type": "str", "default": "10.42.0.0/16"},
        "availability_zone_count": {"type": "int", "choices": [2, 3], "default": 2},
        "availability_zones": {"type": "list", "elements": "str", "default": []},
        "public_subnet_cidrs": {"type": "list", "elements": "str", "default": []},
        "private_subnet_cidrs": {"type": "list", "elements": "str", "default": []},
        "nat_gateways": {"type": "str", "choices": ["none", "single", "one_per_zone"], "default": "single"},
        "s3_endpoint": {"type": "bool", "default": True},
        "interface_endpoints": {"type": "list", "elements": "str", "default": []},
        "flow_logs": {"type": "str", "choices": ["none", "cloudwatch", "s3"], "default": "none"},
        "flow_logs_traffic": {"type": "str", "choices": ["ALL", "ACCEPT", "REJECT"], "default": "ALL"},
        "flow_logs_bucket_arn": {"type": "str"},
        "flow_logs_retention_in_days": {"type": "int", "default": 30},
        "delete_flow_logs": {"type": "bool", "default": False},
        "role_path": {"type": "str", "default": "/"},
        "role_permissions_boundary": {"type": "str"},
        "vpc_id": {"type": "str"},
        "public_subnet_ids": {"type": "list", "elements": "str", "default": []},
        "private_subnet_ids": {"type": "list", "elements": "str", "default": []},
    }

    def validate(self) -> None:
        options = self.options
        if options["vpc_id"]:
            for option in ("public_subnet_ids", "private_subnet_ids"):
                if len(set(options[option])) < 2:
                    raise OptionError(option, options[option], "an existing VPC needs two of them, in two zones", ZONES)
            return
        for option in ("public_subnet_ids", "private_subnet_ids"):
            if options[option]:
                raise OptionError(option, options[option], "it requires vpc_id, for a VPC that exists already")
        zones = options["availability_zones"]
        if zones and (not 2 <= len(zones) <= 3 or len(set(zones)) != len(zones)):
            raise OptionError("availability_zones", zones, "two or three different zones are needed", ZONES)
        self._validate_endpoints()
        self._validate_flow_logs()
        self._layout.validate()

    def _validate_endpoints(self) -> None:
        names = self.options["interface_endpoints"]
        for name in names:
            if not re.match(r"^[a-z][a-z0-9-]*(\.[a-z0-9-]+)*$", name) or name.startswith("com.amazonaws"):
                rule = "it must be the end of a service's name, such as ecr.api in com.amazonaws.<region>.ecr.api"
                raise OptionError("interface_endpoints", name, rule, ENDPOINTS)
            if name == "s3":
                raise OptionError("interface_endpoints", name, "s3_endpoint makes one that costs nothing", ENDPOINTS)
        if len(set(names)) != len(names):
            raise OptionError("interface_endpoints", names, "a service is named twice", ENDPOINTS)

    def _validate_flow_logs(self) -> None:
        options = self.options
        bucket = options["flow_logs_bucket_arn"]
        if options["flow_logs"] == "s3" and not re.match(r"^arn:aws[a-z-]*:s3:::[a-z0-9.-]{3,63}(/.*)?$", bucket or ""):
            rule = "flow_logs: s3 needs the ARN of a bucket, arn:aws:s3:::name, with a folder if you like"
            raise OptionError("flow_logs_bucket_arn", bucket, rule, FLOW_LOGS_S3)
        if options["flow_logs"] != "s3" and bucket:
            raise OptionError("flow_logs_bucket_arn", bucket, "it requires flow_logs: s3", FLOW_LOGS_S3)
        days = options["flow_logs_retention_in_days"]
        if days not in RETENTION_DAYS:
            allowed = ", ".join(map(str, RETENTION_DAYS))
            raise OptionError("flow_logs_retention_in_days", days, f"it must be one of {allowed}", RETENTION)
        validate_role(options)

    @property
    def _layout(self) -> Layout:
        options = self.options
        count = len(options["availability_zones"]) or int(options["availability_zone_count"])
        return Layout(
            self.aws.region, options["cidr"], count, {kind: options[f"{kind}_subnet_cidrs"] for kind in KINDS}
        )

    def _place(self) -> None:
        """Choose the zones, and the range of each zone's subnets. A subnet that exists keeps both."""
        existing = {
            name: (str(subnet["AvailabilityZone"]), str(subnet["CidrBlock"]))
            for name, subnet in Subnet.existing(self.aws, self.tags).items()
        }
        taken = {
            kind: {zone: cidr for name, (zone, cidr) in existing.items() if name == f"{self.prefix}-{kind}-{zone}"}
            for kind in KINDS
        }
        if self.options["state"] == "absent":
            self.zones = self._layout.used_zones(taken)
            self.cidrs = {kind: {zone: taken[kind].get(zone, "") for zone in self.zones} for kind in KINDS}
            return
        self.zones = self._layout.zones(taken, self.options["availability_zones"], self._usable_zones)
        self.cidrs = {kind: self._layout.ranges(kind, self.zones, taken[kind]) for kind in KINDS}

    def _usable_zones(self) -> list[str]:
        # Local and Wavelength Zones have neither Fargate nor RDS.
        filters = [
            {"Name": "zone-type", "Values": ["availability-zone"]},
            {"Name": "state", "Values": ["available"]},
        ]
        found = self.aws.client("ec2").describe_availability_zones(Filters=filters)["AvailabilityZones"]
        return [zone["ZoneName"] for zone in found]

    def account_faults(self) -> Iterator[OptionError]:
        if self.options["state"] == "absent" or self.options["vpc_id"]:
            return
        with if_it_can_be_read():
            if Vpc.existing(self.aws, self.tags):
                return
            try:
                self._place()
            except OptionError as error:
                yield error
                return
            yield from vpc_faults(self.aws, self.zones, self.options["nat_gateways"])

    def resources(self) -> list[Resource]:
        # An earlier run's own VPC may still be in use; only state=absent deletes it.
        if self.options["vpc_id"] and self.options["state"] == "present":
            return []
        self._place()
        self.vpc = Vpc(self.aws, self.prefix, named_tags(self.tags, self.prefix), self.options["cidr"])
        gateway_name = f"{self.prefix}-internet"
        gateway = InternetGateway(self.aws, gateway_name, named_tags(self.tags, gateway_name), self.vpc)
        self.public = self._subnets("public")
        self.private = self._subnets("private")
        nat_gateways, addresses = self._nat_gateways(gateway)
        self.tables = self._route_tables(gateway, nat_gateways)
        resources: list[Resource] = [self.vpc, gateway, *self.public, *self.private, *addresses]
        resources += [*nat_gateways.values(), *self.tables]
        if self.options["s3_endpoint"]:
            name = f"{self.prefix}-s3"
            service = f"com.amazonaws.{self.aws.region}.s3"
            tags = named_tags(self.tags, name)
            resources.append(GatewayEndpoint(self.aws, name, tags, self.vpc, service, self.tables))
        resources += self._interface_endpoints()
        resources += self._obsolete(resources, gateway)
        return resources + self._flow_log()

    def _interface_endpoints(self) -> list[Resource]:
        names = self.options["interface_endpoints"]
        if not names:
            return []
        group = self._endpoint_group(f"{self.prefix}-endpoints")
        rules = IngressRules(self.aws, group, [(443, self.options["cidr"])])
        endpoints = []
        for service in names:
            name = f"{self.prefix}-{service}"
            tags = named_tags(self.tags, name)
            full = f"com.amazonaws.{self.aws.region}.{service}"
            endpoints.append(InterfaceEndpoint(self.aws, name, tags, self.vpc, full, self.private, group))
        return [group, rules, *endpoints]

    def _endpoint_group(self, name: str) -> SecurityGroup:
        description = "HTTPS from the VPC to its endpoints"
        return SecurityGroup(self.aws, name, named_tags(self.tags, name), self.vpc, description, egress=False)

    def _flow_log(self) -> list[Resource]:
        """The flow log with its log group and role, or what is left of them if they are not wanted any more."""
        options, name = self.options, f"{self.prefix}-flow-logs"
        absent, wanted = options["state"] == "absent", options["flow_logs"]
        group = LogGroup(
            self.aws,
            log_group_name(self.environment, "flow-logs"),
            self.tags,
            options["flow_logs_retention_in_days"],
            None,
        )
        role = Role(
            self.aws,
            name,
            self.tags,
            description=f"SM2A environment {self.environment}, VPC flow logs",
            trust=service_trust("vpc-flow-logs.amazonaws.com", self.aws.account_id),
            policy=self._flow_log_policy(group),
            managed_policies=[],
            permissions_boundary=options["role_permissions_boundary"],
            path=options["role_path"],
        )
        written = wanted == "cloudwatch" or absent
        log = FlowLog(
            self.aws,
            name,
            named_tags(self.tags, name),
            self.vpc,
            traffic=options["flow_logs_traffic"],
            log_group=group if written else None,
            role=role if written else None,
            bucket_arn=options["flow_logs_bucket_arn"],
        )
        if absent:
            return [log, role, *([group] if options["delete_flow_logs"] else [])]
        if wanted == "cloudwatch":
            return [log, role, group]
        if wanted == "s3" or FlowLog.existing(self.aws, self.tags):
            log.absent, role.absent = wanted == "none", True
            return [log, role]
        return []

    def _flow_log_policy(self, group: LogGroup) -> dict[str, Any]:
        # https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-iam-role.html
        write = ["logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"]
        return policy_document(
            [
                {"Action": write, "Resource": [group.arn, f"{group.arn}:*"]},
                {"Action": "logs:DescribeLogGroups", "Resource": "*"},
            ]
        )

    def _obsolete(self, wanted: list[Resource], internet: InternetGateway) -> list[Resource]:
        """What a run with other options made: further zones and NAT gateways, the endpoint. All of it is to go."""
        aws, tags, keep = self.aws, self.tags, {(type(resource), resource.name) for resource in wanted}

        def names(kind: type[VpcResource]) -> list[str]:
            return sorted(name for name in kind.existing(aws, tags) if (kind, name) not in keep)

        subnets = {name: Subnet(aws, name, named_tags(tags, name), self.vpc, "", "") for name in names(Subnet)}
        addresses = {name: ElasticIp(aws, name, named_tags(tags, name)) for name in names(ElasticIp)}
        public = {**{subnet.name: subnet for subnet in self.public}, **subnets}
        gateways = {}
        for name in names(NatGateway):
            subnet = public.get(f"{self.prefix}-public-{name.removeprefix(f'{self.prefix}-nat-')}")
            address = addresses.get(name)
            gateways[name] = NatGateway(aws, name, named_tags(tags, name), subnet, address, internet)
        tables = [
            RouteTable(aws, name, named_tags(tags, name), self.vpc, list(subnets.values()), None)
            for name in names(RouteTable)
        ]
        endpoints: list[Resource] = [
            GatewayEndpoint(aws, name, named_tags(tags, name), self.vpc, "", tables) for name in names(GatewayEndpoint)
        ]
        groups = [self._endpoint_group(name) for name in names(SecurityGroup)]
        for name in names(InterfaceEndpoint):
            group = groups[0] if groups else None
            inside = list(subnets.values())
            endpoints.append(InterfaceEndpoint(aws, name, named_tags(tags, name), self.vpc, "", inside, group))
        obsolete: list[Resource] = [*subnets.values(), *addresses.values(), *gateways.values(), *tables]
        obsolete += [*endpoints, *groups]
        for resource in obsolete:
            resource.absent = True
        return obsolete

    def _subnets(self, kind: str) -> list[Subnet]:
        return [
            Subnet(self.aws, name, named_tags(self.tags, name), self.vpc, self.cidrs[kind][zone], zone)
            for zone in self.zones
            for name in [f"{self.prefix}-{kind}-{zone}"]
        ]

    def _nat_gateways(self, internet: InternetGateway) -> tuple[dict[str, NatGateway], list[ElasticIp]]:
        """Return the NAT gateways by zone, and their addresses. A single one stays in its zone."""
        zones = list(self.zones)
        if self.options["nat_gateways"] == "single":
            placed = NatGateway.existing(self.aws, self.tags)
            zones = sorted(zones, key=lambda zone: f"{self.prefix}-nat-{zone}" not in placed)[:1]
        elif self.options["nat_gateways"] == "none":
            zones = []
        subnets = dict(zip(self.zones, self.public))
        gateways, addresses = {}, []
        for zone in zones:
            name = f"{self.prefix}-nat-{zone}"
            address = ElasticIp(self.aws, name, named_tags(self.tags, name))
            addresses.append(address)
            tags = named_tags(self.tags, name)
            gateways[zone] = NatGateway(self.aws, name, tags, subnets[zone], address, internet)
        return gateways, addresses

    def _route_tables(self, gateway: InternetGateway, nat_gateways: dict[str, NatGateway]) -> list[RouteTable]:
        name = f"{self.prefix}-public"
        tables = [RouteTable(self.aws, name, named_tags(self.tags, name), self.vpc, self.public, gateway)]
        single = next(iter(nat_gateways.values()), None)
        for subnet, zone in zip(self.private, self.zones):
            name = f"{self.prefix}-private-{zone}"
            out = nat_gateways.get(zone, single)
            tables.append(RouteTable(self.aws, name, named_tags(self.tags, name), self.vpc, [subnet], out))
        return tables

    def facts(self) -> dict[str, Any]:
        if self.options["vpc_id"]:
            return existing_vpc(self.aws, self.prefix, self.options)
        return {
            "vpc_id": self.vpc.id,
            "vpc_cidr": self.options["cidr"],
            "public_subnet_ids": [subnet.id for subnet in self.public],
            "private_subnet_ids": [subnet.id for subnet in self.private],
            # A table that waits for its NAT gateway is found by a later run.
            "private_route_table_ids": [
                table.id for table in self.tables[1:] if table.id != KNOWN_AFTER_APPLY or self.aws.check_mode
            ],
            "availability_zones": self.zones,
        }
