# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Amazon VPC: the network and its ways in and out. Everything is found by its tags."""

from __future__ import annotations

import re
from typing import Any

from .._reconcile.aws import Aws
from .._reconcile.errors import ClientError, ReconcileError, code_of, ignoring
from .._reconcile.resource import Resource
from .._reconcile.tags import COMPONENT, ENVIRONMENT, tag_filters, tags_from_list, tags_to_list
from .._reconcile.values import KNOWN_AFTER_APPLY
from .._reconcile.waits import retry_while, wait_until

# How long AWS advises to go on asking after what was just created:
# https://docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html
CONSISTENCY_SECONDS = 300
# A rule, a route or an association that is not there will not come by itself: only what has an id does.
UNKNOWN_YET = re.compile(r"^Invalid(?!Permission|Route\.|Association)\w+\.NotFound$|^NatGatewayNotFound$")
# A NAT gateway takes two to three minutes to come and about one to go.
NAT_SECONDS = 900
# What held a resource gives it back some time after it is gone itself: the network interfaces of load balancers,
# databases and tasks go a few minutes later.
RELEASE_SECONDS = 600
# ReleaseAddress answers AuthFailure while the address is in use:
# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ReleaseAddress.html
DEPENDENCY = ("DependencyViolation", "InvalidIPAddress.InUse", "AuthFailure")
GONE = re.compile(r"NotFound$|^Gateway\.NotAttached$")
ASSOCIATED = "Resource.AlreadyAssociated"
NAMED_BLOCKERS = 5


class VpcResource(Resource):
    """Something of EC2's that is found by its environment, component and name."""

    resource_type = ""
    """The resource type of a tag specification."""
    operation = ""
    result = ""
    id_field = ""
    gone: tuple[str, ...] = ()
    """States in which the resource is as good as deleted."""

    def _describe(self) -> dict[str, Any] | None:
        """Read the resource as it is now."""
        return self._only(self._relevant(self._list(self.aws, tag_filters(self._identity))))

    @property
    def _identity(self) -> dict[str, str]:
        return {key: self.tags[key] for key in (ENVIRONMENT, COMPONENT, "Name")}

    def _only(self, items: list[dict[str, Any]]) -> dict[str, Any] | None:
        """Return the one of these that is this resource."""
        identity = self._identity
        # The tags are compared here too: not every implementation of the filters knows those of every resource.
        alive = [
            item
            for item in items
            if item.get("State") not in self.gone and identity.items() <= tags_from_list(item.get("Tags")).items()
        ]
        if len(alive) > 1:
            ids = ", ".join(sorted(str(item[self.id_field]) for item in alive))
            raise ReconcileError(f"{self.label} exists {len(alive)} times ({ids}); delete all but one")
        return dict(alive[0]) if alive else None

    @classmethod
    def _list(cls, aws: Aws, filters: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return aws.client("ec2").pages(cls.operation, cls.result, Filters=filters)

    @classmethod
    def _relevant(cls, items: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return those of the listed ones that are of this kind."""
        return items

    @classmethod
    def _all(cls, aws: Aws, tags: dict[str, str]) -> list[dict[str, Any]]:
        """Return all of this kind that the environment's component has: one call for all who find theirs in it."""
        owner = {key: tags[key] for key in (ENVIRONMENT, COMPONENT)}
        key = (cls.operation, *owner.values())
        return cls._relevant(aws.once("ec2", key, lambda: cls._list(aws, tag_filters(owner))))

    @classmethod
    def existing(cls, aws: Aws, tags: dict[str, str]) -> dict[str, dict[str, Any]]:
        """Return all of this kind that the environment's component has, by name, whatever options made them."""
        owner = {key: tags[key] for key in (ENVIRONMENT, COMPONENT)}
        found = {}
        for item in cls._all(aws, tags):
            have = tags_from_list(item.get("Tags"))
            if item.get("State") not in cls.gone and owner.items() <= have.items() and "Name" in have:
                found[have["Name"]] = item
        return found

    def find(self) -> dict[str, Any] | None:
        found = self._only(self._all(self.aws, self.tags))
        if found is None:
            return None
        self.id = str(found[self.id_field])
        return {**self.state(found), "tags": tags_from_list(found.get("Tags"))}

    def state(self, found: dict[str, Any]) -> dict[str, Any]:
        """Return the fields that ``wanted`` has, as they are."""
        return {}

    def wanted(self) -> dict[str, Any]:
        """Return the fields that should be, apart from the tags."""
        return {}

    def desired(self) -> dict[str, Any]:
        return {**self.wanted(), "tags": self.tags}

    def update(self, current: dict[str, Any], changes: dict[str, Any]) -> None:
        if "tags" in changes:
            self.call("create_tags", Resources=[self.id], Tags=tags_to_list(self.tags))

    def wait_ready(self) -> None:
        self.wait_visible()

    def wait_visible(self) -> dict[str, Any]:
        """Return the resource once it is known everywhere, as it then is."""
        return wait_until(f"{self.label} is visible", self._describe, CONSISTENCY_SECONDS, interval=2)

    def specification(self) -> list[dict[str, Any]]:
        """Return the tags for the creating call, so that nothing is ever made without its owner's name."""
        return [{"ResourceType": self.resource_type, "Tags": tags_to_list(self.tags)}]

    def call(self, operation: str, **arguments: Any) -> Any:
        """Call an operation with ids so new that not every part of EC2 may know them yet."""
        return retry_while(
            lambda error: bool(UNKNOWN_YET.search(code_of(error))),
            lambda: getattr(self.aws.client("ec2"), operation)(**arguments),
            CONSISTENCY_SECONDS,
        )

    def release(self, operation: str, **arguments: Any) -> None:
        """Call a deleting operation until what depended on the resource has let go of it.

        Raises WaitTimeoutError, naming what has not, after ``RELEASE_SECONDS``.
        """
        answer = ""

        def attempt() -> bool:
            nonlocal answer
            try:
                getattr(self.aws.client("ec2"), operation)(**arguments)
            except ClientError as error:
                if code_of(error) in DEPENDENCY:
                    answer = str(error)
                    return False
                if GONE.search(code_of(error)):
                    return True
                raise
            return True

        def reason() -> str:
            users = self.used_by()
            named = ", ".join(users[:NAMED_BLOCKERS])
            further = f" and {len(users) - NAMED_BLOCKERS} more" if len(users) > NAMED_BLOCKERS else ""
            return f"it is still used by {named}{further}" if users else answer

        wait_until(f"{self.label} is no longer in use", attempt, RELEASE_SECONDS, reason=reason)

    def used_by(self) -> list[str]:
        """Return what keeps the resource from being deleted, in words."""
        return []

    def interfaces(self, name: str, value: str) -> list[str]:
        """Return, in words, the network interfaces that a filter of ``DescribeNetworkInterfaces`` selects."""
        found = self.aws.client("ec2").pages(
            "describe_network_interfaces", "NetworkInterfaces", Filters=[{"Name": name, "Values": [value]}]
        )
        return [
            f"network interface {item['NetworkInterfaceId']} "
            f"({item.get('Description') or item.get('InterfaceType') or 'without description'})"
            for item in found
        ]


class Vpc(VpcResource):
    """A VPC whose names resolve."""

    kind = "AWS::EC2::VPC"
    resource_type = "vpc"
    operation, result, id_field = "describe_vpcs", "Vpcs", "VpcId"
    fixed_fields = ("cidr",)
    ATTRIBUTES = {"enableDnsSupport": "EnableDnsSupport", "enableDnsHostnames": "EnableDnsHostnames"}

    def __init__(self, aws: Aws, name: str, tags: dict[str, str], cidr: str) -> None:
        super().__init__(aws, name, tags)
        self.cidr = cidr
        self._owner_id: str | None = None

    @property
    def owner_id(self) -> str:
        """The account whose VPC it is."""
        if self.id == KNOWN_AFTER_APPLY:
            return KNOWN_AFTER_APPLY
        # Not every implementation of the API tells it with the VPC.
        return self._owner_id or self.aws.account_id

    def state(self, found: dict[str, Any]) -> dict[str, Any]:
        self._owner_id = found.get("OwnerId")
        ec2 = self.aws.client("ec2")
        switches = {
            attribute: ec2.describe_vpc_attribute(VpcId=self.id, Attribute=attribute)[field]["Value"]
            for attribute, field in self.ATTRIBUTES.items()
        }
        return {"cidr": found["CidrBlock"], **switches}

    def wanted(self) -> dict[str, Any]:
        return {"cidr": self.cidr, **dict.fromkeys(self.ATTRIBUTES, True)}

    def create(self, desired: dict[str, Any]) -> None:
        ec2 = self.aws.client("ec2")
        created = ec2.create_vpc(CidrBlock=self.cidr, TagSpecifications=self.specification())["Vpc"]
        self.id = created["VpcId"]
        self._owner_id = created.get("OwnerId")
        self._switch_on(dict.fromkeys(self.ATTRIBUTES, True))

    def update(self, current: dict[str, Any], changes: dict[str, Any]) -> None:
        self._switch_on(changes)
        super().update(current, changes)

    def _switch_on(self, changes: dict[str, Any]) -> None:
        for attribute, field in self.ATTRIBUTES.items():
            if attribute in changes:
                # One attribute a call: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyVpcAttribute.html
                self.call("modify_vpc_attribute", VpcId=self.id, **{field: {"Value": True}})

    def delete(self, current: dict[str, Any]) -> None:
        self.release("delete_vpc", VpcId=self.id)

    def used_by(self) -> list[str]:
        ec2 = self.aws.client("ec2")
        inside = [{"Name": "vpc-id", "Values": [self.id]}]
        subnets = ec2.pages("describe_subnets", "Subnets", Filters=inside)
        groups = ec2.pages("describe_security_groups", "SecurityGroups", Filters=inside)
        endpoints = ec2.pages("describe_vpc_endpoints", "VpcEndpoints", Filters=inside)
        return [
            *self.interfaces("vpc-id", self.id),
            *[f"subnet {subnet['SubnetId']}" for subnet in subnets],
            *[f"security group {g['GroupId']} ({g['GroupName']})" for g in groups if g["GroupName"] != "default"],
            *[f"endpoint {endpoint['VpcEndpointId']} ({endpoint['ServiceName']})" for endpoint in endpoints],
        ]


class InternetGateway(VpcResource):
    """The way to the internet, attached to the VPC."""

    kind = "AWS::EC2::InternetGateway"
    resource_type = "internet-gateway"
    operation, result, id_field = "describe_internet_gateways", "InternetGateways", "InternetGatewayId"

    def __init__(self, aws: Aws, name: str, tags: dict[str, str], vpc: Vpc) -> None:
        super().__init__(aws, name, tags)
        self.vpc = vpc

    def state(self, found: dict[str, Any]) -> dict[str, Any]:
        attachments = found.get("Attachments", [])
        return {"vpc_id": attachments[0]["VpcId"] if attachments else None}

    def wanted(self) -> dict[str, Any]:
        return {"vpc_id": self.vpc.id}

    def create(self, desired: dict[str, Any]) -> None:
        answer = self.aws.client("ec2").create_internet_gateway(TagSpecifications=self.specification())
        self.id = answer["InternetGateway"]["InternetGatewayId"]
        self._attach()

    def update(self, current: dict[str, Any], changes: dict[str, Any]) -> None:
        if "vpc_id" in changes:
            if current["vpc_id"]:
                raise ReconcileError(f"{self.label} is attached to {current['vpc_id']}, not to {self.vpc.id}")
            self._attach()  # an interrupted run made it and did not come to this
        super().update(current, changes)

    def _attach(self) -> None:
        # A call whose answer was lost has done it already; wait_ready sees whether it was to this VPC.
        with ignoring(ASSOCIATED):
            self.call("attach_internet_gateway", InternetGatewayId=self.id, VpcId=self.vpc.id)

    def wait_ready(self) -> None:
        def attached() -> bool:
            found = self._describe()
            return bool(found and self.state(found)["vpc_id"] == self.vpc.id)

        wait_until(f"{self.label} is attached to {self.vpc.id}", attached, CONSISTENCY_SECONDS, interval=2)

    def delete(self, current: dict[str, Any]) -> None:
        if current["vpc_id"]:
            self.release("detach_internet_gateway", InternetGatewayId=self.id, VpcId=current["vpc_id"])
        self.release("delete_internet_gateway", InternetGatewayId=self.id)

    def used_by(self) -> list[str]:
        # As long as anything in the VPC has a public address the gateway cannot be detached.
        return self.interfaces("vpc-id", self.vpc.id)


class Subnet(VpcResource):
    """A subnet in one zone. What is started in it gets no public address unless it asks for one."""

    kind = "AWS::EC2::Subnet"
    resource_type = "subnet"
    operation, result, id_field = "describe_subnets", "Subnets", "SubnetId"
    fixed_fields = ("vpc_id", "cidr", "availability_zone")

    def __init__(self, aws: Aws, name: str, tags: dict[str, str], vpc: Vpc, cidr: str, availability_zone: str) -> None:
        super().__init__(aws, name, tags)
        self.vpc = vpc
        self.cidr = cidr
        self.availability_zone = availability_zone

    def state(self, found: dict[str, Any]) -> dict[str, Any]:
        return {
            "vpc_id": found["VpcId"],
            "cidr": found["CidrBlock"],
            "availability_zone": found["AvailabilityZone"],
            "public_addresses": found.get("MapPublicIpOnLaunch", False),
        }

    def wanted(self) -> dict[str, Any]:
        return {
            "vpc_id": self.vpc.id,
            "cidr": self.cidr,
            "availability_zone": self.availability_zone,
            "public_addresses": False,
        }

    def update(self, current: dict[str, Any], changes: dict[str, Any]) -> None:
        if "public_addresses" in changes:
            self.call("modify_subnet_attribute", SubnetId=self.id, MapPublicIpOnLaunch={"Value": False})
        super().update(current, changes)

    def create(self, desired: dict[str, Any]) -> None:
        self.id = self.call(
            "create_subnet",
            VpcId=self.vpc.id,
            CidrBlock=self.cidr,
            AvailabilityZone=self.availability_zone,
            TagSpecifications=self.specification(),
        )["Subnet"]["SubnetId"]

    def delete(self, current: dict[str, Any]) -> None:
        self.release("delete_subnet", SubnetId=self.id)

    def used_by(self) -> list[str]:
        return self.interfaces("subnet-id", self.id)


class ElasticIp(VpcResource):
    """A fixed public address, for a NAT gateway. ``id`` is the allocation's."""

    kind = "AWS::EC2::EIP"
    resource_type = "elastic-ip"
    operation, result, id_field = "describe_addresses", "Addresses", "AllocationId"

    @classmethod
    def _list(cls, aws: Aws, filters: list[dict[str, Any]]) -> list[dict[str, Any]]:
        # DescribeAddresses has no pages.
        return list(aws.client("ec2").describe_addresses(Filters=filters)["Addresses"])

    def create(self, desired: dict[str, Any]) -> None:
        answer = self.aws.client("ec2").allocate_address(Domain="vpc", TagSpecifications=self.specification())
        self.id = answer["AllocationId"]

    def delete(self, current: dict[str, Any]) -> None:
        self.release("release_address", AllocationId=self.id)


class NatGateway(VpcResource):
    """The way out of private subnets."""

    slow = True
    usual = "2 to 3 minutes"

    kind = "AWS::EC2::NatGateway"
    resource_type = "natgateway"
    operation, result, id_field = "describe_nat_gateways", "NatGateways", "NatGatewayId"
    gone = ("deleted", "deleting", "failed")
    fixed_fields = ("subnet_id",)

    @classmethod
    def _list(cls, aws: Aws, filters: list[dict[str, Any]]) -> list[dict[str, Any]]:
        # The only one of EC2's operations whose parameter is called so.
        return aws.client("ec2").pages(cls.operation, cls.result, Filter=filters)

    def __init__(
        self,
        aws: Aws,
        name: str,
        tags: dict[str, str],
        subnet: Subnet | None,
        address: ElasticIp | None,
        internet: InternetGateway,
    ) -> None:
        super().__init__(aws, name, tags)
        self.subnet = subnet
        self.address = address
        # A NAT gateway fails in a VPC without an attached internet gateway, which it then keeps from being detached:
        # https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-troubleshooting.html
        self.internet = internet

    def state(self, found: dict[str, Any]) -> dict[str, Any]:
        self.ready = found["State"] == "available"
        return {"subnet_id": found["SubnetId"]}

    def wanted(self) -> dict[str, Any]:
        return {"subnet_id": self.subnet.id if self.subnet else None}

    def create(self, desired: dict[str, Any]) -> None:
        allocation_id = self.address.id if self.address else None
        self.id = self.call(
            "create_nat_gateway",
            SubnetId=desired["subnet_id"],
            AllocationId=allocation_id,
            TagSpecifications=self.specification(),
        )["NatGateway"]["NatGatewayId"]

    def _gateway(self) -> dict[str, Any] | None:
        with ignoring("NatGatewayNotFound"):
            found = self.aws.client("ec2").describe_nat_gateways(NatGatewayIds=[self.id])["NatGateways"]
            return dict(found[0]) if found else None
        return None

    def wait_ready(self) -> None:
        # A route to a gateway that is pending is refused.
        def probe() -> bool:
            gateway = self._gateway() or {"State": "pending"}  # so new that it is not visible yet
            if gateway["State"] in self.gone:
                raise ReconcileError(f"{self.label} is {gateway['State']}: {gateway.get('FailureMessage')}")
            return bool(gateway["State"] == "available")

        wait_until(f"{self.label} is available", probe, NAT_SECONDS, interval=10, usual=self.usual)

    def delete(self, current: dict[str, Any]) -> None:
        self.release("delete_nat_gateway", NatGatewayId=self.id)

    def wait_deleted(self) -> None:
        # Until then it holds its address and its subnet.
        def probe() -> bool:
            gateway = self._gateway()
            return gateway is None or gateway["State"] in ("deleted", "failed")

        wait_until(f"{self.label} is deleted", probe, NAT_SECONDS, interval=10, usual="1 minute")


class RouteTable(VpcResource):
    """A route table, its default route and its subnets. The route's target is a gateway or nothing.

    Routes to other networks of the user, by peering, transit or private gateways, are left alone. Any other route of
    somebody else's, which leads to the internet or through somebody's network interface, is taken away.
    """

    kind = "AWS::EC2::RouteTable"
    resource_type = "route-table"
    operation, result, id_field = "describe_route_tables", "RouteTables", "RouteTableId"
    fixed_fields = ("vpc_id",)
    EVERYWHERE = "0.0.0.0/0"
    # https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Route.html
    TARGETS = (
        "NatGatewayId",
        "GatewayId",
        "TransitGatewayId",
        "NetworkInterfaceId",
        "VpcPeeringConnectionId",
        "EgressOnlyInternetGatewayId",
        "LocalGatewayId",
        "CarrierGatewayId",
        "CoreNetworkArn",
    )
    DESTINATIONS = ("DestinationCidrBlock", "DestinationIpv6CidrBlock", "DestinationPrefixListId")
    # Beside "local": of the VPC itself, of endpoints, and of ways to other networks of the user.
    # https://docs.aws.amazon.com/vpc/latest/userguide/route-table-options.html
    LEFT_ALONE = ("local", "vpce-", "pcx-", "tgw-", "vgw-", "lgw-", "cagw-", "arn:")

    def __init__(
        self,
        aws: Aws,
        name: str,
        tags: dict[str, str],
        vpc: Vpc,
        subnets: list[Subnet],
        gateway: InternetGateway | NatGateway | None,
    ) -> None:
        super().__init__(aws, name, tags)
        self.vpc = vpc
        self.subnets = subnets
        self.gateway = gateway
        self.associations: dict[str, str] = {}
        self.foreign: dict[str, dict[str, str]] = {}
        """The destination of each route that is to go, by the words that tell of it."""

    def state(self, found: dict[str, Any]) -> dict[str, Any]:
        self.associations = {
            item["SubnetId"]: item["RouteTableAssociationId"]
            for item in found.get("Associations", [])
            if item.get("SubnetId")
        }
        default: dict[str, Any] = next(
            (route for route in found.get("Routes", []) if route.get("DestinationCidrBlock") == self.EVERYWHERE), {}
        )
        target = self._target(default)
        if self.gateway is None and target and not target.startswith(("nat-", "igw-")):
            target = None  # a way out of the user's own, such as a transit gateway, beside ours
        self.foreign = {
            f"{destination} to {way}": {key: destination}
            for route in found.get("Routes", [])
            for key in self.DESTINATIONS
            if (destination := route.get(key)) and destination != self.EVERYWHERE
            if not (way := self._target(route) or "nothing").startswith(self.LEFT_ALONE)
        }
        return {
            "vpc_id": found["VpcId"],
            "default_route": target,
            "foreign_routes": sorted(self.foreign),
            "subnet_ids": sorted(self.associations),
        }

    def _target(self, route: dict[str, Any]) -> str | None:
        return next((str(route[key]) for key in self.TARGETS if route.get(key)), None)

    def wanted(self) -> dict[str, Any]:
        return {
            "vpc_id": self.vpc.id,
            "default_route": self.gateway.id if self.gateway else None,
            "foreign_routes": [],
            "subnet_ids": sorted(subnet.id for subnet in self.subnets),
        }

    def create(self, desired: dict[str, Any]) -> None:
        answer = self.call("create_route_table", VpcId=self.vpc.id, TagSpecifications=self.specification())
        self.id = answer["RouteTable"]["RouteTableId"]
        self._put_route(None)
        self._put_subnets()

    def update(self, current: dict[str, Any], changes: dict[str, Any]) -> None:
        if "default_route" in changes:
            self._put_route(current["default_route"])
        if "foreign_routes" in changes:
            for destination in self.foreign.values():
                self.release("delete_route", RouteTableId=self.id, **destination)
        if "subnet_ids" in changes:
            self._put_subnets()
        super().update(current, changes)

    def _put_route(self, current: str | None) -> None:
        route = {"RouteTableId": self.id, "DestinationCidrBlock": self.EVERYWHERE}
        if self.gateway is None:
            if current:
                self.release("delete_route", **route)
            return
        field = "NatGatewayId" if isinstance(self.gateway, NatGateway) else "GatewayId"
        route[field] = self.gateway.id
        if current is None:
            # A call whose answer was lost, or somebody else, was faster: then it must lead where we want it.
            with ignoring("RouteAlreadyExists"):
                self.call("create_route", **route)
                return
        try:
            self.call("replace_route", **route)
        except ClientError as error:
            # Somebody took it away meanwhile.
            if code_of(error) != "InvalidRoute.NotFound":
                raise
            self.call("create_route", **route)

    def _put_subnets(self) -> None:
        wanted = {subnet.id for subnet in self.subnets}
        for subnet_id, association in self.associations.items():
            if subnet_id not in wanted:
                self.release("disassociate_route_table", AssociationId=association)
        for subnet_id in sorted(wanted - set(self.associations)):
            with ignoring(ASSOCIATED):
                self.call("associate_route_table", RouteTableId=self.id, SubnetId=subnet_id)
                continue
            self._move(subnet_id)

    def _move(self, subnet_id: str) -> None:
        """Take a subnet over from another route table of ours, as when the number of NAT gateways changes."""
        by_subnet = [{"Name": "association.subnet-id", "Values": [subnet_id]}]
        for table in self.aws.client("ec2").pages("describe_route_tables", "RouteTables", Filters=by_subnet):
            for item in table["Associations"]:
                if item.get("SubnetId") == subnet_id and item["RouteTableId"] != self.id:
                    self._replace(item["RouteTableAssociationId"], subnet_id)

    def _replace(self, association: str, subnet_id: str) -> None:
        try:
            self.call("replace_route_table_association", AssociationId=association, RouteTableId=self.id)
        except ClientError as error:
            # Somebody took it away meanwhile.
            if code_of(error) != "InvalidAssociationID.NotFound":
                raise
            self.call("associate_route_table", RouteTableId=self.id, SubnetId=subnet_id)

    def delete(self, current: dict[str, Any]) -> None:
        for association in self.associations.values():
            self.release("disassociate_route_table", AssociationId=association)
        self.release("delete_route_table", RouteTableId=self.id)
