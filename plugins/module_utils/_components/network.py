# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The network: a VPC with public and private subnets in two or three zones, or one that exists already."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .._reconcile.engine import Step
from .._reconcile.errors import OptionError
from .._reconcile.resource import Resource
from .._reconcile.values import KNOWN_AFTER_APPLY
from .._resources.flow_log import FlowLog
from .._resources.iam import Role, policy_document, service_trust
from .._resources.logs import RETENTION_DAYS, LogGroup
from .._resources.security_group import EgressRules, IngressRules, SecurityGroup
from .._resources.vpc import (
    ElasticIp,
    InternetGateway,
    NatGateway,
    RouteTable,
    Subnet,
    Vpc,
    VpcResource,
)
from .._resources.vpc_defaults import DefaultSecurityGroup, MainRouteTable
from .._resources.vpc_endpoint import GatewayEndpoint, InterfaceEndpoint
from ._account import if_it_can_be_read, planned_policy_faults, vpc_faults
from ._base import Component, named_tags
from ._endpoint_policies import s3_policy, service_policy
from ._existing_vpc import existing_vpc
from ._iam_rules import POLICY_ARN, ROLE_PATH
from ._kms_rules import kms_key_option
from ._names import log_group_name
from ._option import Form, Option, Return, refusals
from ._option_rules import BUCKET, SUBNET_ID, VPC_ID
from ._subnet_layout import KINDS, SUBNET_SIZES, VPC_SIZES, ZONES, Layout, network_of, vpc_range

ENDPOINTS = "https://docs.aws.amazon.com/vpc/latest/privatelink/aws-services-privatelink-support.html"
FLOW_LOGS_S3 = "https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-s3.html"
RETENTION = "https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html"
QUOTAS = "https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html"
ZONE_NAMES = "https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-availability-zones.html"
# Neither a letter alone, nor an id such as euc1-az1, nor a Local Zone, which has neither Fargate nor RDS.
ZONE = Form(
    r"(?P<region>[a-z]{2}(-[a-z]+)+-[0-9]+)[a-z]", "it must be an Availability Zone, like eu-central-1a", ZONE_NAMES
)
ENDPOINT = Form(
    r"(?!com\.amazonaws)[a-z][a-z0-9-]*(\.[a-z0-9-]+)*",
    "it must be the end of a service's name, such as ecr.api in com.amazonaws.<region>.ecr.api",
    ENDPOINTS,
)
ENDPOINT_POLICIES = "https://docs.aws.amazon.com/vpc/latest/privatelink/vpc-endpoints-access.html"
BUCKET_ARN = Form(
    r"\*|arn:aws[a-z-]*:s3:::[a-z0-9.*-]{3,63}",
    "it must be the ARN of a bucket, arn:aws:s3:::name, or * for every bucket",
    ENDPOINT_POLICIES,
)
ACCOUNT_ID = Form(r"\d{12}", "an account id has twelve digits, in quotes", ENDPOINT_POLICIES)
BUCKET_FOLDER_ARN = Form(
    rf"arn:(?P<partition>aws[a-z-]*):s3:::{BUCKET}(/.*)?",
    "flow_logs: s3 needs the ARN of a bucket, arn:aws:s3:::name, with a folder if you like",
    FLOW_LOGS_S3,
)


class NetworkComponent(Component):
    """A VPC ``sm2a-<environment>``."""

    NAME = "network"
    SUMMARY = "VPC with public and private subnets, NAT gateways and endpoints"
    DESCRIPTION = (
        "Creates a VPC with public and private subnets over two or three zones, internet and NAT gateways, route "
        "tables and a gateway endpoint to S3; optionally interface endpoints and flow logs.",
        "With O(vpc_id) it takes a VPC that exists, creates nothing and reports it.",
    )
    TASK = "Create the network"
    MAIN = ("cidr", "availability_zone_count", "nat_gateways")
    OPTIONS = {
        "cidr": Option("str", "Range of the VPC, /16 to /28.", default="10.42.0.0/16", check=vpc_range, why=VPC_SIZES),
        "availability_zone_count": Option("int", "Number of zones, if they are not named.", choices=(2, 3), default=2),
        "availability_zones": Option(
            "list",
            "Names of the zones, two or three. A zone that is in use keeps the ranges of its subnets, "
            "whichever zone is named before it.",
            elements="str",
            default=[],
            form=ZONE,
        ),
        "public_subnet_cidrs": Option(
            "list",
            "Ranges of the public subnets, one per zone, /27 or larger. By default each is one eighth of the "
            "VPC's range.",
            elements="str",
            default=[],
            check=network_of,
            why=SUBNET_SIZES,
        ),
        "private_subnet_cidrs": Option(
            "list",
            "Ranges of the private subnets, one per zone. By default each is one eighth of the VPC's range.",
            elements="str",
            default=[],
            check=network_of,
            why=SUBNET_SIZES,
        ),
        "nat_gateways": Option(
            "str",
            (
                "How private subnets reach the internet.",
                "V(single) is one NAT gateway for all zones, V(one_per_zone) survives the loss of a zone.",
                "With V(none) a default route of your own, for example to a transit gateway, is left alone.",
            ),
            choices=("none", "single", "one_per_zone"),
            default="single",
        ),
        "s3_endpoint": Option("bool", "Whether S3 is reached through a gateway endpoint, which is free.", default=True),
        "s3_endpoint_bucket_arns": Option(
            "list",
            (
                "ARNs of buckets of other accounts that may be reached through the gateway endpoint to S3, V(*) for "
                "all. Buckets of this account and Amazon ECR's may be reached in any case.",
                "The role of the service that calls needs a policy besides.",
            ),
            elements="str",
            default=[],
            form=BUCKET_ARN,
        ),
        "endpoint_account_ids": Option(
            "list",
            "Further accounts whose buckets may be reached through the gateway endpoint to S3, and whose roles may "
            "call through interface endpoints. Without them, only this account's.",
            elements="str",
            default=[],
            form=ACCOUNT_ID,
        ),
        "interface_endpoints": Option(
            "list",
            (
                "AWS services that private subnets reach by an interface endpoint, each named by the end of its "
                "service name, for example V(ecr.api), V(ecr.dkr), V(logs), V(secretsmanager), V(sqs), V(ecs), "
                "V(sts), V(kms), V(ssmmessages).",
                "Each is charged per hour and zone; a NAT gateway costs less than three of them.",
            ),
            elements="str",
            default=[],
            form=ENDPOINT,
            most_items=50,
            most_items_why=QUOTAS,
        ),
        "flow_logs": Option(
            "str",
            (
                "Where the VPC's flow logs go.",
                "V(cloudwatch) is the log group C(/sm2a/<environment>/flow-logs) with a role of its own, V(s3) is "
                "a bucket of yours.",
                "When it is turned off, the flow log and its role are deleted; the log group and its content stay.",
            ),
            choices=("none", "cloudwatch", "s3"),
            default="none",
        ),
        "flow_logs_traffic": Option(
            "str", "Which traffic is logged.", choices=("ALL", "ACCEPT", "REJECT"), default="ALL"
        ),
        "flow_logs_bucket_arn": Option(
            "str",
            "ARN of the bucket for O(flow_logs=s3), with a folder if you like. Its policy must let "
            "C(delivery.logs.amazonaws.com) write.",
            form=BUCKET_FOLDER_ARN,
        ),
        "flow_logs_retention_in_days": Option(
            "int", "Days for which the log group keeps flow logs.", default=30, allowed=RETENTION_DAYS, why=RETENTION
        ),
        "kms_key_arn": kms_key_option(
            "KMS key of yours that encrypts the log group of the flow logs; that of the environment is made later. "
            "Its policy must allow CloudWatch Logs of the region.",
            "Without it the group keeps the key that it has, and CloudWatch encrypts a new one with a key of its own.",
            fact=None,
        ),
        "delete_flow_logs": Option(
            "bool", "Whether O(state=absent) deletes the log group of the flow logs too.", default=False
        ),
        "role_path": Option(
            "str",
            "Path of the role that writes flow logs. It cannot be changed later.",
            default="/",
            form=ROLE_PATH,
            role_default="{{ security_role_path | default('/') }}",
        ),
        "role_permissions_boundary": Option(
            "str",
            "ARN of a managed policy that limits the role that writes flow logs. Without it a boundary stays "
            "as it is; an empty one takes it away.",
            form=POLICY_ARN,
            role_default="{{ security_role_permissions_boundary | default(omit) }}",
        ),
        "vpc_id": Option("str", "A VPC that exists already.", form=VPC_ID),
        "public_subnet_ids": Option(
            "list",
            "Public subnets of the existing VPC, in at least two zones, /27 or larger, with 8 free addresses.",
            elements="str",
            default=[],
            form=SUBNET_ID,
        ),
        "private_subnet_ids": Option(
            "list",
            "Private subnets of the existing VPC, in at least two zones.",
            elements="str",
            default=[],
            form=SUBNET_ID,
        ),
    }
    RETURNS = {
        "vpc_id": Return("str", "Id of the VPC.", "vpc-0123456789abcdef0"),
        "vpc_cidr": Return("str", "Range of the VPC.", "10.42.0.0/16"),
        "public_subnet_ids": Return(
            "list", "Public subnets.", ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"], elements="str"
        ),
        "public_subnet_cidrs": Return(
            "list", "Ranges of the public subnets.", ["10.42.0.0/20", "10.42.16.0/20"], elements="str"
        ),
        "private_subnet_ids": Return(
            "list", "Private subnets.", ["subnet-0123456789abcdef2", "subnet-0123456789abcdef3"], elements="str"
        ),
        "private_route_table_ids": Return(
            "list",
            "Route tables of the private subnets that were made. With O(wait=false) one that still waits for its NAT "
            "gateway is left out.",
            ["rtb-0123456789abcdef0"],
            elements="str",
        ),
        "availability_zones": Return("list", "Zones.", ["eu-central-1a", "eu-central-1b"], elements="str"),
    }
    PLAN = ("AWS::EC2::VPC", "sm2a-dev")
    EXAMPLES = """
- name: Network over three zones
  sm2a.airflow.network:
    environment: dev
    region: eu-central-1
    cidr: 10.42.0.0/16
    availability_zone_count: 3
    nat_gateways: one_per_zone
"""

    def rules(self) -> Iterator[OptionError]:
        options = self.options
        if options["vpc_id"]:
            for option in ("public_subnet_ids", "private_subnet_ids"):
                if len(set(options[option])) < 2:
                    yield OptionError(option, options[option], "an existing VPC needs two of them, in two zones", ZONES)
            return
        for option in ("public_subnet_ids", "private_subnet_ids"):
            if options[option]:
                yield OptionError(option, options[option], "it requires vpc_id, for a VPC that exists already")
        zones = options["availability_zones"]
        if zones and (not 2 <= len(zones) <= 3 or len(set(zones)) != len(zones)):
            yield OptionError("availability_zones", zones, "two or three different zones are needed", ZONES)
        yield from self._faults_of_endpoints()
        yield from refusals(self._layout.validate)

    def _faults_of_endpoints(self) -> Iterator[OptionError]:
        options = self.options
        names = options["interface_endpoints"]
        if "s3" in names:
            yield OptionError("interface_endpoints", "s3", "s3_endpoint makes one that costs nothing", ENDPOINTS)
        if len(set(names)) != len(names):
            yield OptionError("interface_endpoints", names, "a service is named twice", ENDPOINTS)
        bucket = options["flow_logs_bucket_arn"]
        if options["flow_logs"] == "s3" and not bucket:
            yield OptionError("flow_logs_bucket_arn", bucket, BUCKET_FOLDER_ARN.rule, FLOW_LOGS_S3)
        if options["flow_logs"] != "s3" and bucket:
            yield OptionError("flow_logs_bucket_arn", bucket, "it requires flow_logs: s3", FLOW_LOGS_S3)

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

    def account_rules(self) -> Iterator[OptionError]:
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

    def planned_faults(self, steps: list[Step]) -> Iterator[OptionError]:
        yield from planned_policy_faults(self.aws, steps)

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
            resources.append(GatewayEndpoint(self.aws, name, tags, self.vpc, service, self.tables, self._s3_policy))
        resources += self._interface_endpoints()
        resources += self._defaults()
        resources += self._obsolete(resources, gateway)
        return resources + self._flow_log()

    def _defaults(self) -> list[Resource]:
        """What AWS made with the VPC, and deletes with it."""
        if self.options["state"] == "absent":
            return []
        group_name, table_name = self._default_names
        group = DefaultSecurityGroup(self.aws, group_name, named_tags(self.tags, group_name), self.vpc)
        table = MainRouteTable(self.aws, table_name, named_tags(self.tags, table_name), self.vpc)
        return [group, IngressRules(self.aws, group, []), EgressRules(self.aws, group, []), table]

    @property
    def _default_names(self) -> tuple[str, str]:
        return f"{self.prefix}-default", f"{self.prefix}-main"

    def _interface_endpoints(self) -> list[Resource]:
        names = self.options["interface_endpoints"]
        if not names:
            return []
        group = self._endpoint_group(f"{self.prefix}-endpoints")
        rules = IngressRules(self.aws, group, [(443, self.options["cidr"])])
        endpoints = []
        services = [f"com.amazonaws.{self.aws.region}.{service}" for service in names]
        for service, full in zip(names, services):
            name = f"{self.prefix}-{service}"
            tags = named_tags(self.tags, name)
            endpoints.append(
                InterfaceEndpoint(
                    self.aws, name, tags, self.vpc, full, self.private, group, self._service_policy, services
                )
            )
        # Endpoints answer; they have nobody to call.
        return [group, rules, EgressRules(self.aws, group, []), *endpoints]

    def _s3_policy(self, account_id: str) -> dict[str, Any]:
        options = self.options
        return s3_policy(
            account_id,
            self.aws.partition,
            self.aws.region,
            options["endpoint_account_ids"],
            options["s3_endpoint_bucket_arns"],
        )

    def _service_policy(self, account_id: str) -> dict[str, Any]:
        return service_policy(account_id, self.options["endpoint_account_ids"])

    def _endpoint_group(self, name: str) -> SecurityGroup:
        description = "HTTPS from the VPC to its endpoints"
        return SecurityGroup(self.aws, name, named_tags(self.tags, name), self.vpc, description)

    def _flow_log(self) -> list[Resource]:
        """The flow log with its log group and role, or what is left of them if they are not wanted any more."""
        options, name = self.options, f"{self.prefix}-flow-logs"
        absent, wanted = options["state"] == "absent", options["flow_logs"]
        if not absent and wanted == "none" and not FlowLog.existing(self.aws, self.tags):
            return []
        group = LogGroup(
            self.aws,
            log_group_name(self.environment, "flow-logs"),
            self.tags,
            options["flow_logs_retention_in_days"],
            options["kms_key_arn"],
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
        log.absent, role.absent = wanted == "none", True
        return [log, role]

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
            found = set(kind.existing(aws, tags)) - set(self._default_names)
            return sorted(name for name in found if (kind, name) not in keep)

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
        # Other components have groups too, of which one may have lost the tag that says so.
        endpoints_group = f"{self.prefix}-endpoints"
        groups = [self._endpoint_group(name) for name in names(SecurityGroup) if name == endpoints_group]
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
            "public_subnet_cidrs": [subnet.cidr for subnet in self.public],
            "private_subnet_ids": [subnet.id for subnet in self.private],
            # A table that waits for its NAT gateway is found by a later run.
            "private_route_table_ids": [
                table.id for table in self.tables[1:] if table.id != KNOWN_AFTER_APPLY or self.aws.check_mode
            ],
            "availability_zones": self.zones,
        }
