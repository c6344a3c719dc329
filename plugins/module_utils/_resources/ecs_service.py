# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Services of Amazon ECS on Fargate."""

from __future__ import annotations

import uuid
from typing import Any

from .._reconcile.aws import Aws
from .._reconcile.errors import ReconcileError, ignoring
from .._reconcile.fields import Field, put, read_fields, request_of
from .._reconcile.resource import Resource
from .._reconcile.tags import tags_from_list
from .._reconcile.waits import wait_until
from .ecs import Tagged, TaskDefinition, ecs_tags
from .ecs_task import stopped_reason
from .servicediscovery import DiscoveryService

# A Fargate task starts in about a minute, and is replaced only when the new one is healthy.
SERVICE_SECONDS = 900
NO_CLUSTER = "ClusterNotFoundException"
# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeServices.html
DESCRIBED_AT_ONCE = 10

# The fields of the state, and where ECS has them.
# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateService.html
FIELDS = {
    "task_definition": Field("taskDefinition"),
    "desired_count": Field("desiredCount"),
    "subnet_ids": Field("networkConfiguration.awsvpcConfiguration.subnets", [], unordered=True),
    "security_group_ids": Field("networkConfiguration.awsvpcConfiguration.securityGroups", [], unordered=True),
    "assign_public_ip": Field("networkConfiguration.awsvpcConfiguration.assignPublicIp", "DISABLED"),
    "minimum_healthy_percent": Field("deploymentConfiguration.minimumHealthyPercent"),
    "maximum_percent": Field("deploymentConfiguration.maximumPercent"),
    "circuit_breaker": Field("deploymentConfiguration.deploymentCircuitBreaker.enable", False),
    "rollback": Field("deploymentConfiguration.deploymentCircuitBreaker.rollback", False),
    "capacity_provider": Field("capacityProviderStrategy[].capacityProvider", "FARGATE"),
    "load_balancer": Field("loadBalancers[]"),
    "service_registry": Field("serviceRegistries[].registryArn"),
    "health_check_grace_period": Field("healthCheckGracePeriodSeconds"),
    "execute_command": Field("enableExecuteCommand", False),
    # Emulators may omit this one.
    "availability_zone_rebalancing": Field("availabilityZoneRebalancing", "DISABLED"),
}
DEFAULTS = {
    "subnet_ids": [],
    "security_group_ids": [],
    "assign_public_ip": "DISABLED",
    "minimum_healthy_percent": 100,
    "maximum_percent": 200,
    "circuit_breaker": True,
    "rollback": True,
    "capacity_provider": "FARGATE",
    "execute_command": False,
}
# What every request says in addition.
ALWAYS = {
    "capacityProviderStrategy[].weight": 1,
    "propagateTags": "SERVICE",
    "enableECSManagedTags": True,
}
# Ways to the tasks: what the fields above say, and nothing more.
WAYS_IN = {"further_load_balancers": "loadBalancers", "further_service_registries": "serviceRegistries"}


class Service(Tagged):
    """A service of Fargate tasks. ``id`` is its ARN.

    ``settings`` are the FIELDS that differ from DEFAULTS. Without ``desired_count`` the number of tasks is left to
    somebody else after ``initial_count`` was started. Of a service that ``drains``, tasks of the previous revision may
    go on for hours: it is ready when the new ones run. ``beside`` names services of the same cluster that are asked for
    in the same call.
    """

    kind = "AWS::ECS::Service"
    slow = True
    usual = "2 to 5 minutes"

    def __init__(
        self,
        aws: Aws,
        name: str,
        tags: dict[str, str],
        *,
        cluster: str,
        task_definition: TaskDefinition,
        initial_count: int = 1,
        drains: bool = False,
        discovery: DiscoveryService | None = None,
        after: list[Resource] | None = None,
        beside: list[str] | None = None,
        **settings: Any,
    ) -> None:
        super().__init__(aws, name, tags)
        self.beside = list(beside or [])
        unknown = sorted(settings.keys() - FIELDS.keys())
        if unknown:
            raise TypeError(f"a service has no {', '.join(unknown)}")
        self.cluster = cluster
        self.task_definition = task_definition
        self.initial_count = initial_count
        self.drains = drains
        self.discovery = discovery
        self.after = list(after or [])
        self.settings: dict[str, Any] = {**DEFAULTS, **settings}
        for field in ("subnet_ids", "security_group_ids"):
            self.settings[field] = sorted(self.settings[field])
        if drains:
            # ECS would start and stop tasks by itself to balance zones, beside whoever sets their number:
            # https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-rebalancing.html
            self.settings["availability_zone_rebalancing"] = "DISABLED"

    def _describe(self) -> dict[str, Any] | None:
        """Read the service as it is now."""
        return self._among(self._read([self.name]))

    def _read(self, names: list[str]) -> list[dict[str, Any]]:
        with ignoring(NO_CLUSTER):
            answer = self.aws.client("ecs").describe_services(cluster=self.cluster, services=names, include=["TAGS"])
            return list(answer["services"])
        return []

    def _among(self, services: list[dict[str, Any]]) -> dict[str, Any] | None:
        named = (service for service in services if service["serviceName"] == self.name)
        return next((dict(service) for service in named if service["status"] != "INACTIVE"), None)

    def _found(self) -> dict[str, Any] | None:
        """Return the service as the answer has it that the services beside it are found in."""
        names = sorted({self.name, *self.beside})
        names = names if len(names) <= DESCRIBED_AT_ONCE else [self.name]
        return self._among(self.aws.once("ecs", (self.cluster, *names), lambda: self._read(names)))

    def find(self) -> dict[str, Any] | None:
        service = self._found()
        if service is None or service["status"] == "DRAINING":
            return None
        self.id = service["serviceArn"]
        self.ready = self._deployed(newest_deployment(service))
        return {**read_fields(FIELDS, service), **self._further(service), "tags": tags_from_list(service.get("tags"))}

    def is_registered(self) -> bool:
        """Tell whether the service, as it is now, has a name in Cloud Map."""
        service = self._found()
        return bool(service and service.get("serviceRegistries"))

    def _further(self, service: dict[str, Any]) -> dict[str, list[Any]]:
        """Return what leads to the tasks beyond our own load balancer and name."""
        ours = {"loadBalancers": "load_balancer" in self.settings, "serviceRegistries": self.discovery is not None}
        return {field: list(service.get(key, []))[int(ours[key]) :] for field, key in WAYS_IN.items()}

    def _deployed(self, deployment: dict[str, Any]) -> bool:
        if self.drains and deployment.get("rolloutState") == "IN_PROGRESS":
            return bool(deployment["runningCount"] >= deployment["desiredCount"])
        return bool(deployment.get("rolloutState", "COMPLETED") == "COMPLETED")

    def desired(self) -> dict[str, Any]:
        state = {**self.settings, **{field: [] for field in WAYS_IN}, "tags": self.tags}
        state["task_definition"] = self.task_definition.id
        if self.discovery:
            state["service_registry"] = self.discovery.arn
        return state

    def _request(self) -> dict[str, Any]:
        """Return what CreateService and UpdateService have in common."""
        request = request_of(FIELDS, self.desired())
        for path, value in ALWAYS.items():
            put(request, path, value)
        return {"cluster": self.cluster, **request}

    def create(self, desired: dict[str, Any]) -> None:
        # A service of this name that is being deleted holds the name until its tasks have stopped.
        wait_until(f"{self.label} is no longer draining", lambda: self._describe() is None, SERVICE_SECONDS)
        self.id = self.aws.client("ecs").create_service(
            serviceName=self.name,
            clientToken=uuid.uuid4().hex,
            schedulingStrategy="REPLICA",
            tags=ecs_tags(self.tags),
            **{"desiredCount": self.initial_count, **self._request()},
        )["service"]["serviceArn"]

    def update(self, current: dict[str, Any], changes: dict[str, Any]) -> None:
        ecs = self.aws.client("ecs")
        if set(changes) - {"tags"}:
            request = self._request()
            if "capacity_provider" not in changes:
                del request["capacityProviderStrategy"]
            else:
                # AWS moves running tasks to another capacity provider only in a new deployment.
                request["forceNewDeployment"] = True
            for field, key in WAYS_IN.items():
                if field in changes:
                    # An empty list takes away all: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_UpdateService.html
                    request.setdefault(key, [])
            ecs.update_service(service=self.name, **request)
        if "tags" in changes:
            self.put_tags()

    def wait_ready(self) -> None:
        """Follow the newest deployment until it is complete. Raises ReconcileError with what went wrong."""

        seen = False

        def probe() -> bool:
            nonlocal seen
            service = self._describe()
            if service is None:
                if seen:
                    raise ReconcileError(f"{self.label} was deleted while it was being deployed")
                return False  # so new that not every part of ECS knows it
            seen = True
            primary = newest_deployment(service)
            # With its circuit breaker ECS puts the previous revision back when the new one does not run.
            rolled_back = bool(primary) and primary.get("taskDefinition") != self.task_definition.id
            if primary.get("rolloutState") == "FAILED" or rolled_back:
                raise ReconcileError(f"{self.label}: the deployment failed: {self._failure(service)}")
            return self._deployed(primary)

        wait_until(f"{self.label} runs its tasks", probe, SERVICE_SECONDS, interval=3, usual=self.usual)

    def _failure(self, service: dict[str, Any]) -> str:
        """Describe why tasks of the service stopped: their reasons and exit codes, and ECS's last events."""
        ecs = self.aws.client("ecs")
        arns = ecs.list_tasks(cluster=self.cluster, serviceName=self.name, desiredStatus="STOPPED")["taskArns"]
        reasons = []
        if arns:
            tasks = ecs.describe_tasks(cluster=self.cluster, tasks=arns[:5])["tasks"]
            reasons = [stopped_reason(task) for task in tasks]
        events = [event["message"] for event in service.get("events", [])[:3]]
        return "; ".join(dict.fromkeys(reasons + events)) or "ECS gave no reason"

    def delete(self, current: dict[str, Any]) -> None:
        self.aws.client("ecs").delete_service(cluster=self.cluster, service=self.name, force=True)

    def wait_deleted(self) -> None:
        # Tasks have up to two minutes to stop; their network interfaces hold the security groups until then.
        wait_until(f"{self.label} is gone", lambda: self._describe() is None, SERVICE_SECONDS)


def services_of(aws: Aws, cluster: str) -> list[dict[str, Any]]:
    """Return what ECS says of all services of a cluster, by name; nothing if there is no such cluster."""
    ecs = aws.client("ecs")
    names = service_names(aws, cluster)
    found: list[dict[str, Any]] = []
    for start in range(0, len(names), DESCRIBED_AT_ONCE):
        found += ecs.describe_services(cluster=cluster, services=names[start : start + DESCRIBED_AT_ONCE])["services"]
    return sorted(found, key=lambda service: str(service["serviceName"]))


def service_names(aws: Aws, cluster: str) -> list[str]:
    """Return the names of all services of a cluster, sorted; nothing if there is no such cluster."""
    arns: list[str] = []
    with ignoring(NO_CLUSTER):
        arns = aws.client("ecs").pages("list_services", "serviceArns", cluster=cluster)
    return sorted(arn.rsplit("/", 1)[-1] for arn in arns)


def service_tasks(aws: Aws, cluster: str, service: str) -> int | None:
    """Return how many tasks a service has or is to have; None if there is no such service."""
    services: list[dict[str, Any]] = []
    with ignoring(NO_CLUSTER):
        services = aws.client("ecs").describe_services(cluster=cluster, services=[service])["services"]
    return next(
        (
            max(found["desiredCount"], found["runningCount"] + found["pendingCount"])
            for found in services
            if found["status"] == "ACTIVE"
        ),
        None,
    )


def image_of_service(aws: Aws, cluster: str, service: str) -> str | None:
    """Return the image of a service's first container; None if there is no such service."""
    ecs = aws.client("ecs")
    services: list[dict[str, Any]] = []
    with ignoring(NO_CLUSTER):
        services = ecs.describe_services(cluster=cluster, services=[service])["services"]
    for found in services:
        if found["status"] == "ACTIVE":
            definition = ecs.describe_task_definition(taskDefinition=found["taskDefinition"])["taskDefinition"]
            return str(definition["containerDefinitions"][0]["image"])
    return None


def newest_deployment(service: dict[str, Any]) -> dict[str, Any]:
    """Return the deployment that is under way, or was the last."""
    return next((dict(item) for item in service.get("deployments", []) if item["status"] == "PRIMARY"), {})
