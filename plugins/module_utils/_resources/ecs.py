# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Amazon ECS on Fargate."""

from __future__ import annotations

import uuid
from typing import Any

from .._reconcile.aws import Aws
from .._reconcile.errors import ClientError, OptionError, ReconcileError, code_of, ignoring
from .._reconcile.resource import Resource
from .._reconcile.tags import tags_from_list, tags_to_list
from .._reconcile.values import KNOWN_AFTER_APPLY, changed_fields
from .._reconcile.waits import wait_until

# A Fargate task starts in about a minute; a database migration of years of history takes longer.
SERVICE_SECONDS = 900
TASK_SECONDS = 1800
KEPT_REVISIONS = 10
NO_CLUSTER = "ClusterNotFoundException"

# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html#fargate-tasks-size
FARGATE_SIZES = "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html"
FARGATE_MEMORY = {
    256: (512, 1024, 2048),
    512: tuple(range(1024, 4096 + 1, 1024)),
    1024: tuple(range(2048, 8192 + 1, 1024)),
    2048: tuple(range(4096, 16384 + 1, 1024)),
    4096: tuple(range(8192, 30720 + 1, 1024)),
    8192: tuple(range(16384, 61440 + 1, 4096)),
    16384: tuple(range(32768, 122880 + 1, 8192)),
}


def validate_size(option: str, cpu: int, memory: int) -> None:
    """Refuse a CPU and memory pair that Fargate does not offer. Units: 1024 is one vCPU; MiB.

    ``option`` is the mapping that holds both, or empty where they are options of their own.
    """
    prefix = f"{option}." if option else ""
    if cpu not in FARGATE_MEMORY:
        allowed = ", ".join(map(str, FARGATE_MEMORY))
        raise OptionError(f"{prefix}cpu", cpu, f"Fargate offers {allowed}", FARGATE_SIZES)
    sizes = FARGATE_MEMORY[cpu]
    if memory not in sizes:
        step = f" in steps of {sizes[1] - sizes[0]}" if len(sizes) > 3 else ""
        rule = f"with cpu {cpu} Fargate offers {sizes[0]} to {sizes[-1]} MiB{step}"
        raise OptionError(f"{prefix}memory", memory, rule, FARGATE_SIZES)


def ecs_tags(tags: dict[str, str]) -> list[dict[str, str]]:
    """ECS spells the keys of a tag in lower case."""
    return tags_to_list(tags, "key", "value")


class Cluster(Resource):
    """A cluster that runs Fargate tasks. ``id`` is its ARN."""

    kind = "AWS::ECS::Cluster"
    PROVIDERS = ("FARGATE", "FARGATE_SPOT")

    def __init__(self, aws: Aws, name: str, tags: dict[str, str], container_insights: str) -> None:
        super().__init__(aws, name, tags)
        self.container_insights = container_insights

    def find(self) -> dict[str, Any] | None:
        answer = self.aws.client("ecs").describe_clusters(clusters=[self.name], include=["TAGS", "SETTINGS"])
        cluster = next((cluster for cluster in answer["clusters"] if cluster["status"] != "INACTIVE"), None)
        if cluster is None:
            return None
        self.id = cluster["clusterArn"]
        settings = {setting["name"]: setting["value"] for setting in cluster.get("settings", [])}
        return {
            "capacity_providers": sorted(cluster.get("capacityProviders", [])),
            "container_insights": settings.get("containerInsights", "disabled"),
            "tags": tags_from_list(cluster.get("tags")),
        }

    def desired(self) -> dict[str, Any]:
        return {
            "capacity_providers": list(self.PROVIDERS),
            "container_insights": self.container_insights,
            "tags": self.tags,
        }

    def create(self, desired: dict[str, Any]) -> None:
        self.id = self.aws.client("ecs").create_cluster(
            clusterName=self.name,
            tags=ecs_tags(self.tags),
            settings=self._settings(),
            capacityProviders=list(self.PROVIDERS),
            defaultCapacityProviderStrategy=[{"capacityProvider": "FARGATE", "weight": 1}],
        )["cluster"]["clusterArn"]

    def update(self, current: dict[str, Any], changes: dict[str, Any]) -> None:
        ecs = self.aws.client("ecs")
        if "container_insights" in changes:
            ecs.update_cluster(cluster=self.name, settings=self._settings())
        if "capacity_providers" in changes:
            ecs.put_cluster_capacity_providers(
                cluster=self.name,
                capacityProviders=list(self.PROVIDERS),
                defaultCapacityProviderStrategy=[{"capacityProvider": "FARGATE", "weight": 1}],
            )
        if "tags" in changes:
            ecs.tag_resource(resourceArn=self.id, tags=ecs_tags(self.tags))

    def _settings(self) -> list[dict[str, str]]:
        return [{"name": "containerInsights", "value": self.container_insights}]

    def delete(self, current: dict[str, Any]) -> None:
        # A cluster with tasks that are still stopping is refused for a while.
        def attempt() -> bool:
            with ignoring(
                "ClusterContainsTasksException", "ClusterContainsServicesException", "UpdateInProgressException"
            ):
                self.aws.client("ecs").delete_cluster(cluster=self.name)
                return True
            return False

        wait_until(f"{self.label} has no tasks", attempt, SERVICE_SECONDS)


class TaskDefinition(Resource):
    """The newest revision of a family, for Fargate. ``id`` is its ARN, which changes with every revision.

    Revisions are immutable: a difference registers a new one. The newest KEPT_REVISIONS stay for rolling back.
    """

    kind = "AWS::ECS::TaskDefinition"

    def __init__(
        self,
        aws: Aws,
        family: str,
        tags: dict[str, str],
        *,
        cpu: int,
        memory: int,
        execution_role_arn: str,
        task_role_arn: str,
        container: dict[str, Any],
        architecture: str = "X86_64",
        ephemeral_storage: int | None = None,
    ) -> None:
        super().__init__(aws, family, tags)
        self.content: dict[str, Any] = {
            "cpu": str(cpu),
            "memory": str(memory),
            "executionRoleArn": execution_role_arn,
            "taskRoleArn": task_role_arn,
            "networkMode": "awsvpc",
            "requiresCompatibilities": ["FARGATE"],
            "runtimePlatform": {"cpuArchitecture": architecture, "operatingSystemFamily": "LINUX"},
            "containerDefinitions": [_normalised(container)],
        }
        if ephemeral_storage:
            self.content["ephemeralStorage"] = {"sizeInGiB": ephemeral_storage}
        self.found_content: dict[str, Any] = {}
        self.found_tags: dict[str, str] = {}

    def find(self) -> dict[str, Any] | None:
        ecs = self.aws.client("ecs")
        newest = ecs.list_task_definitions(familyPrefix=self.name, status="ACTIVE", sort="DESC", maxResults=1)[
            "taskDefinitionArns"
        ]
        # A prefix is all that can be asked for; a longer family's revisions are not ours.
        arn = next((arn for arn in newest if arn.rsplit("/", 1)[-1].rsplit(":", 1)[0] == self.name), None)
        if arn is None:
            return None
        answer = ecs.describe_task_definition(taskDefinition=arn, include=["TAGS"])
        self.id, found = arn, answer["taskDefinition"]
        self.found_tags = tags_from_list(answer.get("tags"))
        self.found_content = {field: found.get(field) for field in self.content}
        self.found_content["containerDefinitions"] = [
            _normalised(container) for container in found["containerDefinitions"]
        ]
        return {**self.found_content, "tags": self.found_tags}

    def desired(self) -> dict[str, Any]:
        if self.aws.check_mode and changed_fields(self.found_content, self.content):
            # A new revision would be registered, and what refers to it would change too.
            self.id = KNOWN_AFTER_APPLY
        return {**self.content, "tags": self.tags}

    def create(self, desired: dict[str, Any]) -> None:
        self.id = self.aws.client("ecs").register_task_definition(
            family=self.name, tags=ecs_tags(self.tags), **self.content
        )["taskDefinition"]["taskDefinitionArn"]
        self.found_tags = self.tags

    def update(self, current: dict[str, Any], changes: dict[str, Any]) -> None:
        if set(changes) == {"tags"}:
            self.aws.client("ecs").tag_resource(resourceArn=self.id, tags=ecs_tags(self.tags))
            return
        self.create({})
        for arn in self._revisions()[KEPT_REVISIONS:]:
            self.aws.client("ecs").deregister_task_definition(taskDefinition=arn)

    def delete(self, current: dict[str, Any]) -> None:
        ecs = self.aws.client("ecs")
        arns = self._revisions()
        for arn in arns:
            ecs.deregister_task_definition(taskDefinition=arn)
        # At most ten in a call: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeleteTaskDefinitions.html
        for start in range(0, len(arns), 10):
            ecs.delete_task_definitions(taskDefinitions=arns[start : start + 10])

    def _revisions(self) -> list[str]:
        """Return the ARNs of all active revisions, the newest first."""
        arns = self.aws.client("ecs").pages(
            "list_task_definitions", "taskDefinitionArns", familyPrefix=self.name, status="ACTIVE", sort="DESC"
        )
        return [arn for arn in arns if arn.rsplit("/", 1)[-1].rsplit(":", 1)[0] == self.name]


def _normalised(container: dict[str, Any]) -> dict[str, Any]:
    """Return a container definition with its unordered lists in order."""
    return {**container, "environment": sorted(container.get("environment", []), key=lambda item: item["name"])}


class Service(Resource):
    """A service of Fargate tasks. ``id`` is its ARN.

    ``desired_count`` None leaves the number of tasks to somebody else after ``initial_count`` was started. Of a service
    that ``drains``, tasks of the previous revision may go on for hours: it is ready when the new ones run.
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
        task_definition: TaskDefinition | None = None,
        subnet_ids: list[str] | None = None,
        security_group_ids: list[str] | None = None,
        desired_count: int | None = None,
        initial_count: int = 1,
        minimum_healthy_percent: int = 100,
        maximum_percent: int = 200,
        capacity_provider: str = "FARGATE",
        load_balancer: dict[str, Any] | None = None,
        discovery: Resource | None = None,
        health_check_grace_period: int | None = None,
        execute_command: bool = False,
        drains: bool = False,
        after: list[Resource] | None = None,
    ) -> None:
        super().__init__(aws, name, tags)
        self.cluster = cluster
        self.task_definition = task_definition
        self.drains = drains
        self.subnet_ids = sorted(subnet_ids or [])
        self.security_group_ids = sorted(security_group_ids or [])
        self.desired_count = desired_count
        self.initial_count = initial_count
        self.minimum_healthy_percent = minimum_healthy_percent
        self.maximum_percent = maximum_percent
        self.capacity_provider = capacity_provider
        self.load_balancer = load_balancer
        self.discovery = discovery
        self.health_check_grace_period = health_check_grace_period
        self.execute_command = execute_command
        self.after = list(after or [])

    def _describe(self) -> dict[str, Any] | None:
        with ignoring(NO_CLUSTER):
            answer = self.aws.client("ecs").describe_services(
                cluster=self.cluster, services=[self.name], include=["TAGS"]
            )
            return next((dict(service) for service in answer["services"] if service["status"] != "INACTIVE"), None)
        return None

    def find(self) -> dict[str, Any] | None:
        service = self._describe()
        if service is None or service["status"] == "DRAINING":
            return None
        self.id = service["serviceArn"]
        primary: dict[str, Any] = next(
            (item for item in service.get("deployments", []) if item["status"] == "PRIMARY"), {}
        )
        self.ready = self._deployed(primary)
        network = service.get("networkConfiguration", {}).get("awsvpcConfiguration", {})
        deployment = service.get("deploymentConfiguration", {})
        breaker = deployment.get("deploymentCircuitBreaker", {})
        strategy = service.get("capacityProviderStrategy") or []
        balancer = next(iter(service.get("loadBalancers") or []), None)
        registry: dict[str, Any] = next(iter(service.get("serviceRegistries") or []), {})
        return {
            "task_definition": service["taskDefinition"],
            "desired_count": service["desiredCount"],
            "subnet_ids": sorted(network.get("subnets", [])),
            "security_group_ids": sorted(network.get("securityGroups", [])),
            "minimum_healthy_percent": deployment.get("minimumHealthyPercent"),
            "maximum_percent": deployment.get("maximumPercent"),
            "circuit_breaker": bool(breaker.get("enable") and breaker.get("rollback")),
            "capacity_provider": strategy[0]["capacityProvider"] if strategy else "FARGATE",
            "load_balancer": balancer,
            "service_registry": registry.get("registryArn"),
            "health_check_grace_period": service.get("healthCheckGracePeriodSeconds"),
            "execute_command": bool(service.get("enableExecuteCommand", False)),
            # An emulator that does not know it has none of it.
            "availability_zone_rebalancing": service.get("availabilityZoneRebalancing", "DISABLED"),
            "tags": tags_from_list(service.get("tags")),
        }

    def _deployed(self, deployment: dict[str, Any]) -> bool:
        if self.drains and deployment.get("rolloutState") == "IN_PROGRESS":
            return bool(deployment["runningCount"] >= deployment["desiredCount"])
        return bool(deployment.get("rolloutState", "COMPLETED") == "COMPLETED")

    def desired(self) -> dict[str, Any]:
        state: dict[str, Any] = {
            "task_definition": self.task_definition.id if self.task_definition else "",
            "subnet_ids": self.subnet_ids,
            "security_group_ids": self.security_group_ids,
            "minimum_healthy_percent": self.minimum_healthy_percent,
            "maximum_percent": self.maximum_percent,
            "circuit_breaker": True,
            "capacity_provider": self.capacity_provider,
            "execute_command": self.execute_command,
            "tags": self.tags,
        }
        if self.desired_count is not None:
            state["desired_count"] = self.desired_count
        if self.drains:
            state["availability_zone_rebalancing"] = "DISABLED"
        if self.load_balancer:
            state["load_balancer"] = self.load_balancer
            state["health_check_grace_period"] = self.health_check_grace_period
        if self.discovery:
            state["service_registry"] = getattr(self.discovery, "arn", KNOWN_AFTER_APPLY)
        return state

    def _request(self) -> dict[str, Any]:
        """Return what CreateService and UpdateService have in common."""
        request: dict[str, Any] = {
            "cluster": self.cluster,
            "taskDefinition": self.task_definition.id if self.task_definition else "",
            "networkConfiguration": {
                "awsvpcConfiguration": {
                    "subnets": self.subnet_ids,
                    "securityGroups": self.security_group_ids,
                    "assignPublicIp": "DISABLED",
                }
            },
            "deploymentConfiguration": {
                "minimumHealthyPercent": self.minimum_healthy_percent,
                "maximumPercent": self.maximum_percent,
                "deploymentCircuitBreaker": {"enable": True, "rollback": True},
            },
            "capacityProviderStrategy": [{"capacityProvider": self.capacity_provider, "weight": 1}],
            "enableExecuteCommand": self.execute_command,
            "propagateTags": "SERVICE",
            "enableECSManagedTags": True,
        }
        if self.drains:
            # ECS would start and stop tasks by itself to balance zones, beside whoever sets their number:
            # https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-rebalancing.html
            request["availabilityZoneRebalancing"] = "DISABLED"
        if self.load_balancer:
            request["loadBalancers"] = [self.load_balancer]
            request["healthCheckGracePeriodSeconds"] = self.health_check_grace_period
        if self.discovery:
            request["serviceRegistries"] = [{"registryArn": getattr(self.discovery, "arn", KNOWN_AFTER_APPLY)}]
        return request

    def create(self, desired: dict[str, Any]) -> None:
        count = self.initial_count if self.desired_count is None else self.desired_count
        # A service of this name that is being deleted holds the name until its tasks have stopped.
        wait_until(f"{self.label} is no longer draining", lambda: self._describe() is None, SERVICE_SECONDS)
        self.id = self.aws.client("ecs").create_service(
            serviceName=self.name,
            desiredCount=count,
            clientToken=uuid.uuid4().hex,
            schedulingStrategy="REPLICA",
            tags=ecs_tags(self.tags),
            **self._request(),
        )["service"]["serviceArn"]

    def update(self, current: dict[str, Any], changes: dict[str, Any]) -> None:
        ecs = self.aws.client("ecs")
        if set(changes) - {"tags"}:
            request = self._request()
            if self.desired_count is not None:
                request["desiredCount"] = self.desired_count
            if "capacity_provider" not in changes:
                del request["capacityProviderStrategy"]
            else:
                # AWS moves running tasks to another capacity provider only in a new deployment.
                request["forceNewDeployment"] = True
            ecs.update_service(service=self.name, **request)
        if "tags" in changes:
            ecs.tag_resource(resourceArn=self.id, tags=ecs_tags(self.tags))

    def wait_ready(self) -> None:
        """Follow the newest deployment until it is complete. Raises ReconcileError with what went wrong."""

        def probe() -> bool:
            service = self._describe()
            if service is None:
                raise ReconcileError(f"{self.label} was deleted while it was being deployed")
            primary: dict[str, Any] = next(
                (item for item in service.get("deployments", []) if item["status"] == "PRIMARY"), {}
            )
            wanted = self.task_definition.id if self.task_definition else ""
            # With its circuit breaker ECS puts the previous revision back when the new one does not run.
            rolled_back = bool(primary) and primary.get("taskDefinition") != wanted
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


def stopped_reason(task: dict[str, Any]) -> str:
    """Return why a task stopped, with the exit code and reason of each container."""
    containers = [
        f"{container['name']} exit code {container.get('exitCode')} {container.get('reason', '')}".strip()
        for container in task.get("containers", [])
    ]
    return f"{task.get('stoppedReason', 'stopped')} ({', '.join(containers)})"


class OneOffTask(Resource):
    """A task that has to succeed once per revision of its task definition and per ``subject``.

    Success is written on the revision as a tag, so no state file is needed, and an interrupted run is run again.
    """

    kind = "AWS::ECS::Task"
    tagged = False
    COMPLETED = "sm2a:completed"
    usual = "1 to 2 minutes"

    def __init__(
        self,
        aws: Aws,
        name: str,
        *,
        cluster: str,
        task_definition: TaskDefinition,
        subject: str,
        subnet_ids: list[str],
        security_group_ids: list[str],
        log_group: str,
        log_prefix: str,
        tags: dict[str, str],
    ) -> None:
        super().__init__(aws, name, tags)
        self.cluster = cluster
        self.task_definition = task_definition
        self.subject = subject
        self.subnet_ids = subnet_ids
        self.security_group_ids = security_group_ids
        self.log_group = log_group
        self.log_prefix = log_prefix

    def find(self) -> dict[str, Any] | None:
        revision = self.task_definition
        if revision.id == KNOWN_AFTER_APPLY or revision.found_tags.get(self.COMPLETED) != self.subject:
            return None
        return {"completed_for": self.subject}

    def desired(self) -> dict[str, Any]:
        return {"completed_for": self.subject}

    def create(self, desired: dict[str, Any]) -> None:
        ecs = self.aws.client("ecs")
        arn = self._running() or self._start()

        def stopped() -> dict[str, Any] | None:
            task = ecs.describe_tasks(cluster=self.cluster, tasks=[arn])["tasks"][0]
            return dict(task) if task["lastStatus"] == "STOPPED" else None

        task = wait_until(f"{self.label} has finished", stopped, TASK_SECONDS, interval=3, usual=self.usual)
        if any(container.get("exitCode") != 0 for container in task["containers"]):
            raise ReconcileError(f"{self.label} failed: {stopped_reason(task)}; the end of its log: {self._log(arn)}")
        ecs.tag_resource(
            resourceArn=self.task_definition.id, tags=ecs_tags({**self.tags, self.COMPLETED: self.subject})
        )

    def _running(self) -> str | None:
        """Return a task of this revision that an interrupted run left behind."""
        ecs = self.aws.client("ecs")
        arns = ecs.list_tasks(cluster=self.cluster, family=self.task_definition.name)["taskArns"]
        for task in ecs.describe_tasks(cluster=self.cluster, tasks=arns)["tasks"] if arns else []:
            if task["lastStatus"] != "STOPPED" and task["taskDefinitionArn"] == self.task_definition.id:
                return str(task["taskArn"])
        return None

    def _start(self) -> str:
        answer = self.aws.client("ecs").run_task(
            cluster=self.cluster,
            taskDefinition=self.task_definition.id,
            launchType="FARGATE",
            clientToken=uuid.uuid4().hex,
            startedBy="sm2a",
            tags=ecs_tags(self.tags),
            networkConfiguration={
                "awsvpcConfiguration": {
                    "subnets": self.subnet_ids,
                    "securityGroups": self.security_group_ids,
                    "assignPublicIp": "DISABLED",
                }
            },
        )
        if answer.get("failures"):
            reasons = ", ".join(str(failure.get("reason")) for failure in answer["failures"])
            raise ReconcileError(f"{self.label} could not be started: {reasons}")
        return str(answer["tasks"][0]["taskArn"])

    def _log(self, task_arn: str) -> str:
        stream = f"{self.log_prefix}/{task_arn.rsplit('/', 1)[-1]}"
        try:
            events = self.aws.client("logs").get_log_events(
                logGroupName=self.log_group, logStreamName=stream, limit=20, startFromHead=False
            )["events"]
        except ClientError as error:
            return f"none ({code_of(error)} for log stream {stream} of {self.log_group})"
        return "\n".join(event["message"] for event in events) or f"none in log stream {stream} of {self.log_group}"

    def delete(self, current: dict[str, Any]) -> None:
        """There is nothing to delete: a task that has run is history."""
