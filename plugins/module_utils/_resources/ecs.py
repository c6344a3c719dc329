# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Amazon ECS on Fargate."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .._reconcile.aws import Aws
from .._reconcile.errors import ClientError, OptionError, ReconcileError, code_of
from .._reconcile.resource import Resource
from .._reconcile.tags import ENVIRONMENT, tags_from_list, tags_to_list
from .._reconcile.values import KNOWN_AFTER_APPLY, changed_fields, surplus
from .._reconcile.waits import retry_while, wait_released, wait_until

# Until the tasks of a cluster have stopped, each with up to two minutes for that.
EMPTY_SECONDS = 900
CHANGING = ("UpdateInProgressException", "ResourceInUseException")
OCCUPIED = ("ClusterContainsTasksException", "ClusterContainsServicesException", *CHANGING)
KEPT_REVISIONS = 10
# What ECS adds to a revision by itself, or says of it.
# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_TaskDefinition.html
FILLED_IN = frozenset(
    {
        "compatibilities",
        "deregisteredAt",
        "family",
        "hostPort",
        "protocol",
        "registeredAt",
        "registeredBy",
        "requiresAttributes",
        "revision",
        "status",
        "taskDefinitionArn",
    }
)
# All that tells it from other client exceptions.
UNKNOWN_FAMILY = "Unable to describe task definition"

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


class Tagged(Resource):
    """Something of ECS's whose ``id`` is its ARN."""

    def put_tags(self) -> None:
        """Write the tags; those of others stay."""
        self.aws.client("ecs").tag_resource(resourceArn=self.id, tags=ecs_tags(self.tags))

    def untag(self, keys: list[str]) -> None:
        self.aws.client("ecs").untag_resource(resourceArn=self.id, tagKeys=keys)


class Cluster(Tagged):
    """A cluster that runs Fargate tasks. ``id`` is its ARN."""

    kind = "AWS::ECS::Cluster"
    PROVIDERS = ("FARGATE", "FARGATE_SPOT")

    def __init__(
        self,
        aws: Aws,
        name: str,
        tags: dict[str, str],
        container_insights: str,
        execute_command: dict[str, Any] | None = None,
    ) -> None:
        """``execute_command`` is an ExecuteCommandConfiguration; what it does not say stays as it is."""
        super().__init__(aws, name, tags)
        self.container_insights = container_insights
        self.execute_command = execute_command or {}
        self.found_execute_command: dict[str, Any] = {}

    def _describe(self) -> dict[str, Any] | None:
        """Read the cluster as it is now."""
        answer = self.aws.client("ecs").describe_clusters(
            clusters=[self.name], include=["TAGS", "SETTINGS", "CONFIGURATIONS"]
        )
        return next((dict(cluster) for cluster in answer["clusters"] if cluster["status"] != "INACTIVE"), None)

    def find(self) -> dict[str, Any] | None:
        cluster = self._describe()
        if cluster is None or cluster["status"] == "DEPROVISIONING":
            return None
        self.id = cluster["clusterArn"]
        settings = {setting["name"]: setting["value"] for setting in cluster.get("settings", [])}
        self.found_execute_command = cluster.get("configuration", {}).get("executeCommandConfiguration", {})
        return {
            "capacity_providers": sorted(cluster.get("capacityProviders", [])),
            "container_insights": settings.get("containerInsights", "disabled"),
            "execute_command": self.found_execute_command,
            "tags": tags_from_list(cluster.get("tags")),
        }

    def desired(self) -> dict[str, Any]:
        return {
            "capacity_providers": list(self.PROVIDERS),
            "container_insights": self.container_insights,
            "execute_command": self.execute_command,
            "tags": self.tags,
        }

    def create(self, desired: dict[str, Any]) -> None:
        # A cluster of this name that is being deleted holds the name for a while.
        wait_until(f"{self.label} is no longer being deleted", lambda: self._describe() is None, EMPTY_SECONDS)
        self.id = self.aws.client("ecs").create_cluster(
            clusterName=self.name,
            tags=ecs_tags(self.tags),
            settings=self._settings(),
            capacityProviders=list(self.PROVIDERS),
            defaultCapacityProviderStrategy=[{"capacityProvider": "FARGATE", "weight": 1}],
            **self._configuration(),
        )["cluster"]["clusterArn"]

    def update(self, current: dict[str, Any], changes: dict[str, Any]) -> None:
        ecs = self.aws.client("ecs")
        if "container_insights" in changes or "execute_command" in changes:
            self._change(
                lambda: ecs.update_cluster(cluster=self.name, settings=self._settings(), **self._configuration())
            )
        if "capacity_providers" in changes:
            self._change(
                lambda: ecs.put_cluster_capacity_providers(
                    cluster=self.name,
                    capacityProviders=list(self.PROVIDERS),
                    defaultCapacityProviderStrategy=[{"capacityProvider": "FARGATE", "weight": 1}],
                )
            )
        if "tags" in changes:
            self.put_tags()

    def _change(self, call: Callable[[], Any]) -> None:
        """Change the cluster once what changes its capacity providers has ended.

        https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_PutClusterCapacityProviders.html
        """
        retry_while(lambda error: code_of(error) in CHANGING, call, EMPTY_SECONDS)

    def wait_ready(self) -> None:
        def probe() -> bool:
            cluster = self._describe() or {"status": "unknown"}
            if cluster["status"] == "FAILED":
                raise ReconcileError(f"{self.label} is in the state FAILED")
            return bool(cluster["status"] == "ACTIVE")

        wait_until(f"{self.label} is active", probe, EMPTY_SECONDS)

    def _settings(self) -> list[dict[str, str]]:
        return [{"name": "containerInsights", "value": self.container_insights}]

    def _configuration(self) -> dict[str, Any]:
        """Return the request's part on ECS Exec. UpdateCluster replaces all of it, so it repeats what is there."""
        found, wanted = self.found_execute_command, self.execute_command
        if not wanted:
            return {}
        logs = {**found.get("logConfiguration", {}), **wanted.get("logConfiguration", {})}
        return {"configuration": {"executeCommandConfiguration": {**found, **wanted, "logConfiguration": logs}}}

    def delete(self, current: dict[str, Any]) -> None:
        # A cluster with tasks that are still stopping is refused for a while.
        wait_released(
            self.label, lambda: self.aws.client("ecs").delete_cluster(cluster=self.name), OCCUPIED, EMPTY_SECONDS
        )


class TaskDefinition(Tagged):
    """The newest revision of a family, for Fargate. ``id`` is its ARN, which changes with every revision.

    Revisions are immutable: a difference registers a new one, and so does whatever a revision says beyond ours, such as
    another user or entry point. The newest KEPT_REVISIONS stay for rolling back.
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
        volumes: Sequence[str] = (),
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
            "volumes": [{"name": volume} for volume in sorted(volumes)],
        }
        if ephemeral_storage:
            self.content["ephemeralStorage"] = {"sizeInGiB": ephemeral_storage}
        self.found_content: dict[str, Any] = {}
        self.after: list[Resource] = []
        """What must not go before it: without a service whose name they have, nobody would find its revisions."""
        self.found_further: list[str] = []
        self.found_tags: dict[str, str] = {}

    def find(self) -> dict[str, Any] | None:
        answer: dict[str, Any] = {}
        try:
            # By a family's name ECS describes its newest revision that is active.
            # https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeTaskDefinition.html
            answer = self.aws.client("ecs").describe_task_definition(taskDefinition=self.name, include=["TAGS"])
        except ClientError as error:
            if code_of(error) != "ClientException" or UNKNOWN_FAMILY not in str(error):
                raise
        found = answer.get("taskDefinition", {})
        # Emulators describe a revision that is not active where no other is left.
        if found.get("status") != "ACTIVE":
            return self._deregistered() if self.absent else None
        self.id = found["taskDefinitionArn"]
        self.found_tags = tags_from_list(answer.get("tags"))
        self.found_content = {field: found.get(field) for field in self.content}
        self.found_content["containerDefinitions"] = [
            _normalised(container) for container in found["containerDefinitions"]
        ]
        self.found_content["volumes"] = sorted(found.get("volumes", []), key=lambda volume: volume["name"])
        self.found_further = surplus({**found, **self.found_content}, self.content, FILLED_IN)
        return {**self.found_content, "further": self.found_further, "tags": self.found_tags}

    def _deregistered(self) -> dict[str, Any] | None:
        """Find what an interrupted deletion, or the limit of revisions that are kept, has left for the deletion."""
        left = self._revisions("INACTIVE")
        if not left:
            return None
        self.id = left[0]
        answer = self.aws.client("ecs").describe_task_definition(taskDefinition=self.id, include=["TAGS"])
        return {"tags": tags_from_list(answer.get("tags"))}

    def adopts(self, current: dict[str, Any]) -> bool:
        # Somebody may register a revision in a family of ours, which is then the newest.
        return any(self._is_ours(arn) for arn in self._revisions()[:KEPT_REVISIONS])

    def _is_ours(self, arn: str) -> bool:
        answer = self.aws.client("ecs").describe_task_definition(taskDefinition=arn, include=["TAGS"])
        return tags_from_list(answer.get("tags")).get(ENVIRONMENT) == self.tags[ENVIRONMENT]

    def desired(self) -> dict[str, Any]:
        if self.aws.check_mode and (self.found_further or changed_fields(self.found_content, self.content)):
            # A new revision would be registered, and what refers to it would change too.
            self.id = KNOWN_AFTER_APPLY
        return {**self.content, "further": [], "tags": self.tags}

    def create(self, desired: dict[str, Any]) -> None:
        self.id = self.aws.client("ecs").register_task_definition(
            family=self.name, tags=ecs_tags(self.tags), **self.content
        )["taskDefinition"]["taskDefinitionArn"]
        self.found_tags = self.tags

    def update(self, current: dict[str, Any], changes: dict[str, Any]) -> None:
        if set(changes) == {"tags"}:
            self.put_tags()
            return
        self.create({})
        for arn in self._revisions()[KEPT_REVISIONS:]:
            self.aws.client("ecs").deregister_task_definition(taskDefinition=arn)

    def delete(self, current: dict[str, Any]) -> None:
        ecs = self.aws.client("ecs")
        active = self._revisions()
        for arn in active:
            ecs.deregister_task_definition(taskDefinition=arn)
        # Those that are deregistered since a moment ago may not be listed as such yet.
        arns = list(dict.fromkeys([*active, *self._revisions("INACTIVE")]))
        # At most ten in a call: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeleteTaskDefinitions.html
        for start in range(0, len(arns), 10):
            ecs.delete_task_definitions(taskDefinitions=arns[start : start + 10])

    @classmethod
    def families(cls, aws: Aws, prefix: str) -> list[str]:
        """Return the families that have an active revision and whose names begin with a prefix."""
        return aws.client("ecs").pages(
            "list_task_definition_families", "families", familyPrefix=prefix, status="ACTIVE"
        )

    def _revisions(self, status: str = "ACTIVE") -> list[str]:
        """Return the ARNs of all revisions that are active, or ``INACTIVE``, the newest first."""
        arns = self.aws.client("ecs").pages(
            "list_task_definitions", "taskDefinitionArns", familyPrefix=self.name, status=status, sort="DESC"
        )
        return [arn for arn in arns if arn.rsplit("/", 1)[-1].rsplit(":", 1)[0] == self.name]


def _normalised(container: dict[str, Any]) -> dict[str, Any]:
    """Return a container definition with its unordered lists in order, and what it need not say."""
    return {
        **container,
        "environment": sorted(container.get("environment", []), key=lambda item: item["name"]),
        "mountPoints": sorted(container.get("mountPoints", []), key=lambda item: item["sourceVolume"]),
        "readonlyRootFilesystem": container.get("readonlyRootFilesystem", False),
    }
