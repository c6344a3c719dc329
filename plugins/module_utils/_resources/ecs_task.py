# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tasks of Amazon ECS on Fargate that run once."""

from __future__ import annotations

import uuid
from typing import Any

from .._reconcile.aws import Aws
from .._reconcile.errors import ClientError, ReconcileError, code_of
from .._reconcile.resource import Resource
from .._reconcile.values import KNOWN_AFTER_APPLY
from .._reconcile.waits import wait_until
from .ecs import TaskDefinition, ecs_tags

# A migration of a database with years of history takes its time.
TASK_SECONDS = 1800


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
            # A task that has just been started may be MISSING among the failures.
            tasks = ecs.describe_tasks(cluster=self.cluster, tasks=[arn])["tasks"]
            return next((dict(task) for task in tasks if task["lastStatus"] == "STOPPED"), None)

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
