# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Amazon VPC: the network and its ways in and out. Everything is found by its tags."""

from __future__ import annotations

import re
import uuid
from typing import Any

from .._reconcile.aws import Aws
from .._reconcile.errors import ClientError, ReconcileError, code_of, ignoring
from .._reconcile.resource import Resource
from .._reconcile.tags import COMPONENT, ENVIRONMENT, NAME, tag_filters, tags_from_list, tags_to_list
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


def creation_token() -> str:
    """Return what tells EC2 that a request for something new is the same again, if its answer was lost.

    A new one for each creation: with that of an earlier run, EC2 would answer with what was deleted since.
    https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-idempotency.html
    """
    return uuid.uuid4().hex


class VpcResource(Resource):
    """Something of EC2's that is found by the tags of its environment and its name.

    Its name is the tag sm2a:name, which nobody edits. ``Name`` is for people, and is repaired where it was changed.
    What has no sm2a:name yet, since an earlier release made it, is found by its ``Name``.

    A call whose answer was lost may have made a second one, a stray, that nobody uses: it is taken away.
    """

    resource_type = ""
    """The resource type of a tag specification."""
    operation = ""
    result = ""
    id_field = ""
    gone: tuple[str, ...] = ()
    """States in which the resource is as good as deleted."""
    deletion = ""
    """The operation that takes a stray away, by its id."""

    def __init__(self, aws: Aws, name: str, tags: dict[str, str]) -> None:
        super().__init__(aws, name, tags)
        self.strays: list[str] = []
        """The ids of others of this name, which nothing uses."""

    def _describe(self) -> dict[str, Any] | None:
        """Read the resource as it is now."""
        return self._only(self._list(self.aws, tag_filters({ENVIRONMENT: self.tags[ENVIRONMENT]})))

    def _only(self, items: list[dict[str, Any]]) -> dict[str, Any] | None:
        """Return the one of these that is this resource."""
        alive = [item for item in self._relevant(items) if self._is_named(item) and self._is_ours(item)]
        self.strays = []
        if len(alive) > 1:
            used = self.in_use(alive)
            if len(used) > 1 or not self.deletion:
                ids = ", ".join(sorted(str(item[self.id_field]) for item in alive))
                raise ReconcileError(f"{self.label} exists {len(alive)} times ({ids}); delete all but one")
            # If nothing uses any of them, the one that this run has made stays.
            kept = used or sorted(alive, key=lambda item: (item[self.id_field] != self.id, item[self.id_field]))
            self.strays = sorted(item[self.id_field] for item in alive if item is not kept[0])
            alive = kept
        return dict(alive[0]) if alive else None

    def _is_ours(self, item: dict[str, Any]) -> bool:
        return item.get("State") not in self.gone and (
            # Compared here too: not every implementation of the filters knows the tags of every resource.
            tags_from_list(item.get("Tags")).get(ENVIRONMENT) == self.tags[ENVIRONMENT]
        )

    def _is_named(self, item: dict[str, Any]) -> bool:
        have = tags_from_list(item.get("Tags"))
        if NAME in have:
            return have[NAME] == self.name
        return have.get("Name") == self.name and have.get(COMPONENT) in (None, self.tags[COMPONENT])

    def in_use(self, items: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return those that something uses; all of them where that is not known."""
        return items

    @classmethod
    def _list(cls, aws: Aws, filters: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return aws.client("ec2").pages(cls.operation, cls.result, Filters=filters)

    @classmethod
    def _relevant(cls, items: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return those of the listed ones that are of this kind."""
        return items

    @classmethod
    def _all(cls, aws: Aws, tags: dict[str, str]) -> list[dict[str, Any]]:
        """Return all of this kind that the environment has: one call for all who find theirs in it."""
        owner = {ENVIRONMENT: tags[ENVIRONMENT]}
        key = (cls.operation, *owner.values())
        return cls._relevant(aws.once("ec2", key, lambda: cls._list(aws, tag_filters(owner))))

    @classmethod
    def existing(cls, aws: Aws, tags: dict[str, str]) -> dict[str, dict[str, Any]]:
        """Return all of this kind that the environment's component has, by name, whatever options made them."""
        found = {}
        for item in cls._all(aws, tags):
            have = tags_from_list(item.get("Tags"))
            ours = have.get(ENVIRONMENT) == tags[ENVIRONMENT] and have.get(COMPONENT) in (None, tags[COMPONENT])
            name = have.get(NAME) or have.get("Name")
            if item.get("State") not in cls.gone and ours and name:
                found[name] = item
        return found

    def find(self) -> dict[str, Any] | None:
        items = self._all(self.aws, self.tags)
        found = self._only(items) or self._without_owner(items)
        if found is None:
            return None
        self.id = str(found[self.id_field])
        strays = {"strays": self.strays} if self.strays else {}
        return {**self.state(found), **strays, "tags": tags_from_list(found.get("Tags"))}

    def _without_owner(self, items: list[dict[str, Any]]) -> dict[str, Any] | None:
        """Return what was ours before somebody took its tags off, rather than that a second one is made.

        Raises ReconcileError for one that cannot be told from others.
        """
        if self.absent:
            return None
        for item in items:
            have = tags_from_list(item.get("Tags"))
            nameless = NAME not in have and not have.get("Name", "").startswith("sm2a-")
            if nameless and self._is_ours(item) and have.get(COMPONENT) == self.tags[COMPONENT]:
                raise ReconcileError(
                    f"{self.label} does not exist, but {item[self.id_field]} has this environment's tags and no name "
                    f"of ours: give it the tag {NAME} with its name, or take {ENVIRONMENT} off"
                )
        key = (self.operation, NAME)
        filters = [{"Name": "tag-key", "Values": [NAME]}]
        named = self._relevant(self.aws.once("ec2", key, lambda: self._list(self.aws, filters)))
        lost = (
            item
            for item in named
            if item.get("State") not in self.gone
            and NAME in (have := tags_from_list(item.get("Tags")))
            and have[NAME] == self.name
            and ENVIRONMENT not in have
        )
        return next((dict(item) for item in lost), None)

    def state(self, found: dict[str, Any]) -> dict[str, Any]:
        """Return the fields that ``wanted`` has, as they are."""
        return {}

    def wanted(self) -> dict[str, Any]:
        """Return the fields that should be, apart from the tags."""
        return {}

    def desired(self) -> dict[str, Any]:
        strays: dict[str, Any] = {"strays": []} if self.strays else {}
        return {**self.wanted(), **strays, "tags": self.tags}

    def update(self, current: dict[str, Any], changes: dict[str, Any]) -> None:
        if "tags" in changes:
            self.call("create_tags", Resources=[self.id], Tags=tags_to_list(self.tags))
        self.remove_strays()

    def untag(self, keys: list[str]) -> None:
        self.call("delete_tags", Resources=[self.id], Tags=[{"Key": key} for key in keys])

    def remove_strays(self) -> None:
        """Take away what a call has made whose answer was lost."""
        for stray in self.strays:
            self.release(self.deletion, **{self.id_field: stray})
        self.strays = []

    def wait_ready(self) -> None:
        self.wait_visible()
        self.remove_strays()

    def wait_visible(self) -> dict[str, Any]:
        """Return the resource once it is known everywhere, as it then is."""
        found = wait_until(f"{self.label} is visible", self._describe, CONSISTENCY_SECONDS, interval=2)
        self.id = str(found[self.id_field])
        return found

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
    deletion = "delete_vpc"
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

    def in_use(self, items: list[dict[str, Any]]) -> list[dict[str, Any]]:
        inside = [{"Name": "vpc-id", "Values": [item[self.id_field] for item in items]}]
        subnets = self.aws.client("ec2").pages("describe_subnets", "Subnets", Filters=inside)
        used = {subnet["VpcId"] for subnet in subnets}
        return [item for item in items if item[self.id_field] in used]

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
        self.remove_strays()
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
    deletion = "delete_internet_gateway"

    def __init__(self, aws: Aws, name: str, tags: dict[str, str], vpc: Vpc) -> None:
        super().__init__(aws, name, tags)
        self.vpc = vpc

    def state(self, found: dict[str, Any]) -> dict[str, Any]:
        attachments = found.get("Attachments", [])
        return {"vpc_id": attachments[0]["VpcId"] if attachments else None}

    def in_use(self, items: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [item for item in items if item.get("Attachments")]

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
        self.remove_strays()

    def delete(self, current: dict[str, Any]) -> None:
        self.remove_strays()
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
    deletion = "release_address"

    def in_use(self, items: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [item for item in items if item.get("AssociationId")]

    @classmethod
    def _list(cls, aws: Aws, filters: list[dict[str, Any]]) -> list[dict[str, Any]]:
        # DescribeAddresses has no pages.
        return list(aws.client("ec2").describe_addresses(Filters=filters)["Addresses"])

    def create(self, desired: dict[str, Any]) -> None:
        answer = self.aws.client("ec2").allocate_address(Domain="vpc", TagSpecifications=self.specification())
        self.id = answer["AllocationId"]

    def delete(self, current: dict[str, Any]) -> None:
        self.remove_strays()
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
            ClientToken=creation_token(),
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
    deletion = "delete_route_table"
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
        routes = found.get("Routes", [])
        target = next(
            (self._target(route) for route in routes if route.get("DestinationCidrBlock") == self.EVERYWHERE), None
        )
        if self.gateway is None and target and not target.startswith(("nat-", "igw-")):
            target = None  # a way out of the user's own, such as a transit gateway, beside ours
        self.foreign = {
            f"{destination} to {way}": {key: destination}
            for route in routes
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

    def in_use(self, items: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [item for item in items if item.get("Associations")]

    def wanted(self) -> dict[str, Any]:
        return {
            "vpc_id": self.vpc.id,
            "default_route": self.gateway.id if self.gateway else None,
            "foreign_routes": [],
            "subnet_ids": sorted(subnet.id for subnet in self.subnets),
        }

    def create(self, desired: dict[str, Any]) -> None:
        answer = self.call(
            "create_route_table",
            ClientToken=creation_token(),
            VpcId=self.vpc.id,
            TagSpecifications=self.specification(),
        )
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
        self.remove_strays()
        for association in self.associations.values():
            self.release("disassociate_route_table", AssociationId=association)
        self.release("delete_route_table", RouteTableId=self.id)
