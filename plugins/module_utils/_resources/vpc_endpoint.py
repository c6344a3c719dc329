# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""VPC endpoints: ways from private subnets to AWS's services that do not go through the internet."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from .._reconcile.aws import Aws
from .._reconcile.errors import ClientError, ReconcileError, code_of
from .._reconcile.waits import wait_until
from .security_group import SecurityGroup
from .vpc import GONE, RELEASE_SECONDS, RouteTable, Subnet, Vpc, VpcResource, creation_token

Policy = Callable[[str], dict[str, Any]]
"""What an endpoint lets through, for the account whose VPC it is in."""

# An interface endpoint makes a network interface in each subnet, which takes a minute or two.
READY_SECONDS = 600


class VpcEndpoint(VpcResource):
    """What gateway and interface endpoints have in common."""

    kind = "AWS::EC2::VPCEndpoint"
    resource_type = "vpc-endpoint"
    operation, result, id_field = "describe_vpc_endpoints", "VpcEndpoints", "VpcEndpointId"
    # The API's own words and those of its documentation differ in case.
    gone = ("deleted", "deleting", "Deleted", "Deleting")
    fixed_fields = ("vpc_id", "service")

    endpoint_type = ""
    members: dict[str, str] = {}
    """Fields of the state that are lists of ids, and what ``ModifyVpcEndpoint`` calls them."""

    def __init__(
        self, aws: Aws, name: str, tags: dict[str, str], vpc: Vpc, service: str, policy: Policy | None = None
    ) -> None:
        super().__init__(aws, name, tags)
        self.vpc = vpc
        self.service = service
        self.policy = policy

    @classmethod
    def _relevant(cls, items: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [item for item in items if item["VpcEndpointType"] == cls.endpoint_type]

    def state(self, found: dict[str, Any]) -> dict[str, Any]:
        # Not every implementation of the API tells the policy; what it does not tell is not compared.
        told = found.get("PolicyDocument")
        policy = {"policy": json.loads(told)} if told else self._policy()
        return {"vpc_id": found["VpcId"], "service": found["ServiceName"], **policy}

    def wanted(self) -> dict[str, Any]:
        return {"vpc_id": self.vpc.id, "service": self.service, **self._policy()}

    def _policy(self) -> dict[str, Any]:
        return {"policy": self.policy(self.vpc.owner_id)} if self.policy and self._takes_policy() else {}

    def _takes_policy(self) -> bool:
        return True

    def _create(self, desired: dict[str, Any], **arguments: Any) -> None:
        self.id = self.call(
            "create_vpc_endpoint",
            ClientToken=creation_token(),
            VpcEndpointType=self.endpoint_type,
            VpcId=self.vpc.id,
            ServiceName=self.service,
            TagSpecifications=self.specification(),
            **_documents(desired),
            **arguments,
        )["VpcEndpoint"]["VpcEndpointId"]

    def update(self, current: dict[str, Any], changes: dict[str, Any]) -> None:
        edits: dict[str, Any] = {}
        for field, called in self.members.items():
            if field in changes:
                have, want = set(current[field]), set(changes[field])
                edits[f"Add{called}"], edits[f"Remove{called}"] = sorted(want - have), sorted(have - want)
        edits = {name: ids for name, ids in edits.items() if ids}
        edits.update(_documents(changes))
        if "private_dns" in changes:
            edits["PrivateDnsEnabled"] = True
        if edits:
            self.call("modify_vpc_endpoint", VpcEndpointId=self.id, **edits)
        super().update(current, changes)

    def delete(self, current: dict[str, Any]) -> None:
        try:
            answer = self.aws.client("ec2").delete_vpc_endpoints(VpcEndpointIds=[self.id])
        except ClientError as error:
            if GONE.search(code_of(error)):
                return
            raise
        for failure in answer.get("Unsuccessful", []):
            code, message = failure["Error"]["Code"], failure["Error"]["Message"]
            if not GONE.search(code):
                raise ReconcileError(f"{self.label} could not be deleted: {code}: {message}")

    def wait_deleted(self) -> None:
        wait_until(f"{self.label} is gone", self._is_gone, RELEASE_SECONDS)

    def _is_gone(self) -> bool:
        try:
            found = self.aws.client("ec2").describe_vpc_endpoints(VpcEndpointIds=[self.id])["VpcEndpoints"]
        except ClientError as error:
            if GONE.search(code_of(error)):
                return True
            raise
        # While it is being deleted it holds its route tables, or its network interfaces their subnets.
        return all(item["VpcEndpointId"] != self.id or item["State"].lower() == "deleted" for item in found)


def _documents(fields: dict[str, Any]) -> dict[str, str]:
    """Return the policy of a state as a request has it, if there is one."""
    return {"PolicyDocument": json.dumps(fields["policy"])} if "policy" in fields else {}


class GatewayEndpoint(VpcEndpoint):
    """A free way to S3 that needs no NAT gateway."""

    endpoint_type = "Gateway"
    members = {"route_table_ids": "RouteTableIds"}

    def __init__(
        self,
        aws: Aws,
        name: str,
        tags: dict[str, str],
        vpc: Vpc,
        service: str,
        route_tables: list[RouteTable],
        policy: Policy | None = None,
    ) -> None:
        super().__init__(aws, name, tags, vpc, service, policy)
        self.route_tables = route_tables

    def state(self, found: dict[str, Any]) -> dict[str, Any]:
        return {**super().state(found), "route_table_ids": sorted(found.get("RouteTableIds", []))}

    def wanted(self) -> dict[str, Any]:
        return {**super().wanted(), "route_table_ids": sorted(table.id for table in self.route_tables)}

    def create(self, desired: dict[str, Any]) -> None:
        self._create(desired, RouteTableIds=desired["route_table_ids"])


class InterfaceEndpoint(VpcEndpoint):
    """A service's own addresses in the private subnets, under the service's usual name.

    ``beside`` names the services of all endpoints that are asked in the same call whether they take a policy.
    """

    slow = True
    usual = "1 to 2 minutes"
    endpoint_type = "Interface"
    members = {"subnet_ids": "SubnetIds", "security_group_ids": "SecurityGroupIds"}

    def __init__(
        self,
        aws: Aws,
        name: str,
        tags: dict[str, str],
        vpc: Vpc,
        service: str,
        subnets: list[Subnet],
        group: SecurityGroup | None,
        policy: Policy | None = None,
        beside: list[str] | None = None,
    ) -> None:
        super().__init__(aws, name, tags, vpc, service, policy)
        self.subnets = subnets
        self.group = group
        self.beside = sorted({service, *(beside or [])})

    def _takes_policy(self) -> bool:
        # Some services take none: https://docs.aws.amazon.com/vpc/latest/privatelink/aws-services-privatelink-support.html
        services = self.aws.once("ec2", ("describe_vpc_endpoint_services", *self.beside), self._services)
        return any(one["ServiceName"] == self.service and one.get("VpcEndpointPolicySupported") for one in services)

    def _services(self) -> list[dict[str, Any]]:
        answer = self.aws.client("ec2").describe_vpc_endpoint_services(ServiceNames=self.beside)
        return list(answer["ServiceDetails"])

    def state(self, found: dict[str, Any]) -> dict[str, Any]:
        self.ready = found["State"].lower() == "available"
        # Not every implementation of the API tells the groups; what it does not tell is not compared.
        groups = [group["GroupId"] for group in found["Groups"]] if "Groups" in found else self._group_ids()
        return {
            **super().state(found),
            "subnet_ids": sorted(found.get("SubnetIds", [])),
            "security_group_ids": sorted(groups),
            # Without it requests go out by another way.
            "private_dns": found.get("PrivateDnsEnabled", True),
        }

    def _group_ids(self) -> list[str]:
        return [self.group.id] if self.group else []

    def wanted(self) -> dict[str, Any]:
        return {
            **super().wanted(),
            "subnet_ids": sorted(subnet.id for subnet in self.subnets),
            "security_group_ids": self._group_ids(),
            "private_dns": True,
        }

    def create(self, desired: dict[str, Any]) -> None:
        self._create(
            desired,
            SubnetIds=desired["subnet_ids"],
            SecurityGroupIds=desired["security_group_ids"],
            PrivateDnsEnabled=True,
        )

    def wait_ready(self) -> None:
        def probe() -> bool:
            found = self._describe()
            state = found["State"] if found else "pending"  # so new that it is not visible yet
            if state.lower() in ("failed", "rejected", "expired"):
                raise ReconcileError(f"{self.label} is {state}: {(found or {}).get('LastError', {}).get('Message')}")
            return bool(state.lower() == "available")

        wait_until(f"{self.label} is available", probe, READY_SECONDS, usual=self.usual)
