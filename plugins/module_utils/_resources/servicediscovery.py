# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""AWS Cloud Map: names inside the VPC."""

from __future__ import annotations

import uuid
from typing import Any

from .._reconcile.aws import Aws
from .._reconcile.errors import ReconcileError, ignoring
from .._reconcile.resource import Resource
from .._reconcile.tags import tags_from_list, tags_to_list
from .._reconcile.values import KNOWN_AFTER_APPLY
from .._reconcile.waits import wait_released, wait_until

# Creating a private DNS namespace makes a hosted zone, which takes up to a few minutes.
OPERATION_SECONDS = 600
# Of a namespace while it has services, of a service while it has instances:
# https://docs.aws.amazon.com/cloud-map/latest/api/API_DeleteNamespace.html
IN_USE = ("ResourceInUse",)


def _wait_operation(aws: Aws, what: str, operation_id: str) -> dict[str, str]:
    """Return the targets of a finished operation. Raises ReconcileError when it failed."""

    def probe() -> dict[str, Any] | None:
        operation = aws.client("servicediscovery").get_operation(OperationId=operation_id)["Operation"]
        if operation["Status"] == "FAIL":
            raise ReconcileError(f"{what}: {operation.get('ErrorMessage', 'the operation failed')}")
        return operation if operation["Status"] == "SUCCESS" else None

    return dict(wait_until(what, probe, OPERATION_SECONDS, usual="1 to 2 minutes").get("Targets", {}))


class _Tagged(Resource):
    """Something of Cloud Map's that has an ARN besides its ``id``."""

    arn = KNOWN_AFTER_APPLY

    def _tags(self) -> dict[str, str]:
        answer = self.aws.client("servicediscovery").list_tags_for_resource(ResourceARN=self.arn)
        return tags_from_list(answer.get("Tags", []))

    def _put_tags(self) -> None:
        self.aws.client("servicediscovery").tag_resource(ResourceARN=self.arn, Tags=tags_to_list(self.tags))

    def untag(self, keys: list[str]) -> None:
        self.aws.client("servicediscovery").untag_resource(ResourceARN=self.arn, TagKeys=keys)


class PrivateDnsNamespace(_Tagged):
    """A namespace whose names resolve inside one VPC."""

    kind = "AWS::ServiceDiscovery::PrivateDnsNamespace"

    def __init__(self, aws: Aws, name: str, tags: dict[str, str], vpc_id: str) -> None:
        super().__init__(aws, name, tags)
        self.vpc_id = vpc_id

    def find(self) -> dict[str, Any] | None:
        discovery = self.aws.client("servicediscovery")
        namespaces = discovery.pages(
            "list_namespaces", "Namespaces", Filters=[{"Name": "TYPE", "Values": ["DNS_PRIVATE"], "Condition": "EQ"}]
        )
        namespace = next((namespace for namespace in namespaces if namespace["Name"] == self.name), None)
        if namespace is None:
            return None
        self.id, self.arn = namespace["Id"], namespace["Arn"]
        return {"tags": self._tags()}

    def desired(self) -> dict[str, Any]:
        return {"tags": self.tags}

    def create(self, desired: dict[str, Any]) -> None:
        operation = self.aws.client("servicediscovery").create_private_dns_namespace(
            Name=self.name, Vpc=self.vpc_id, CreatorRequestId=str(uuid.uuid4()), Tags=tags_to_list(self.tags)
        )
        _wait_operation(self.aws, f"{self.label} exists", operation["OperationId"])

    def update(self, current: dict[str, Any], changes: dict[str, Any]) -> None:
        self._put_tags()

    def wait_ready(self) -> None:
        wait_until(f"{self.label} is listed", self.find, timeout=60)

    def delete(self, current: dict[str, Any]) -> None:
        operation: dict[str, str] = {}

        def delete() -> None:
            operation.update(self.aws.client("servicediscovery").delete_namespace(Id=self.id))

        wait_released(self.label, delete, IN_USE, OPERATION_SECONDS)
        _wait_operation(self.aws, f"{self.label} is deleted", operation["OperationId"])


class DiscoveryService(_Tagged):
    """A name below a namespace; ECS registers a service's tasks under it. ``arn`` is what ECS wants."""

    kind = "AWS::ServiceDiscovery::Service"

    def __init__(self, aws: Aws, name: str, tags: dict[str, str], namespace_id: str, time_to_live: int = 10) -> None:
        super().__init__(aws, name, tags)
        self.namespace_id = namespace_id
        self.time_to_live = time_to_live

    def find(self) -> dict[str, Any] | None:
        discovery = self.aws.client("servicediscovery")
        services = discovery.pages(
            "list_services",
            "Services",
            Filters=[{"Name": "NAMESPACE_ID", "Values": [self.namespace_id], "Condition": "EQ"}],
        )
        service = next((service for service in services if service["Name"] == self.name), None)
        if service is None:
            return None
        self.id, self.arn = service["Id"], service["Arn"]
        # Not every implementation of the API tells the records; what it does not tell is not compared.
        records = service.get("DnsConfig", {}).get("DnsRecords", self._records)
        return {"records": records, "tags": self._tags()}

    @property
    def _records(self) -> list[dict[str, Any]]:
        return [{"Type": "A", "TTL": self.time_to_live}]

    def desired(self) -> dict[str, Any]:
        return {"records": self._records, "tags": self.tags}

    def create(self, desired: dict[str, Any]) -> None:
        service = self.aws.client("servicediscovery").create_service(
            Name=self.name,
            NamespaceId=self.namespace_id,
            CreatorRequestId=str(uuid.uuid4()),
            DnsConfig={"DnsRecords": self._records, "RoutingPolicy": "MULTIVALUE"},
            # ECS reports the health of its tasks itself.
            HealthCheckCustomConfig={"FailureThreshold": 1},
            Tags=tags_to_list(self.tags),
        )["Service"]
        self.id, self.arn = service["Id"], service["Arn"]

    def update(self, current: dict[str, Any], changes: dict[str, Any]) -> None:
        discovery = self.aws.client("servicediscovery")
        if "records" in changes:
            operation = discovery.update_service(Id=self.id, Service={"DnsConfig": {"DnsRecords": self._records}})
            _wait_operation(self.aws, f"{self.label} has its records", operation["OperationId"])
        if "tags" in changes:
            self._put_tags()

    def delete(self, current: dict[str, Any]) -> None:
        # Instances of stopped tasks vanish a little later than the tasks.
        def attempt() -> bool:
            if self.aws.client("servicediscovery").list_instances(ServiceId=self.id).get("Instances"):
                return False
            with ignoring(*IN_USE):
                self.aws.client("servicediscovery").delete_service(Id=self.id)
                return True
            return False

        wait_until(f"{self.label} has no instances", attempt, OPERATION_SECONDS)
