# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What AWS tells of the pools: their ECS services and tasks, their SQS queues. At most a few calls a loop."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any

from sm2a_scaler.configuration import Configuration
from sm2a_scaler.policy.values import Messages
from sm2a_scaler.sources import EcsTask, Service

SERVICES_PER_CALL = 10
"""https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeServices.html"""

TASKS_PER_CALL = 100
"""https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeTasks.html, and the same of ListTasks"""

CALLS_PER_LOOP = 3
"""What is kept to with up to ten pools. With more, DescribeServices alone takes one for every ten."""

STALE_SECONDS = 15.0
"""After so long the list of tasks is read again even if no number has changed."""


class Fleet:
    """Keeps what ECS and SQS told, and asks again for what is oldest."""

    def __init__(self, configuration: Configuration, ecs: Any, sqs: Any) -> None:
        self._configuration = configuration
        self._ecs = ecs
        self._sqs = sqs
        self._numbers: dict[str, tuple[int, int, int]] = {}
        self._described: dict[str, tuple[float, str, str]] = {}
        self._listed: tuple[str, ...] = ()
        self._listed_at = float("-inf")
        self._messages: dict[str, tuple[float, Messages]] = {}

    def services(self) -> dict[str, dict[str, Any]]:
        """Return ECS's description of each pool's service; one that is missing or being deleted is left out."""
        pools = {pool.service: name for name, pool in self._configuration.pools.items()}
        names = list(pools)
        found = {}
        for start in range(0, len(names), SERVICES_PER_CALL):
            answer = self._ecs.describe_services(
                cluster=self._configuration.cluster, services=names[start : start + SERVICES_PER_CALL]
            )
            for service in answer["services"]:
                if service["status"] == "ACTIVE":
                    found[pools[service["serviceName"]]] = service
        return found

    def service_calls(self) -> int:
        """Return how many calls ``services`` takes."""
        return -(-len(self._configuration.pools) // SERVICES_PER_CALL)

    def tasks_are_due(self, at: float, services: Mapping[str, dict[str, Any]], known: Iterable[str]) -> bool:
        """Tell whether the list of tasks is to be read again: numbers changed, it is old, or workers are not in it."""
        numbers = {
            name: (service["desiredCount"], service["runningCount"], service["pendingCount"])
            for name, service in services.items()
        }
        changed = numbers != self._numbers
        self._numbers = numbers
        return changed or at - self._listed_at > STALE_SECONDS or not set(known) <= set(self._listed)

    def read_tasks(self, at: float) -> int:
        """Read which tasks are to run, and describe those that are new. Return the number of calls."""
        calls, arns, token = 0, [], None
        while True:
            page: dict[str, Any] = {"nextToken": token} if token else {}
            answer = self._ecs.list_tasks(cluster=self._configuration.cluster, maxResults=TASKS_PER_CALL, **page)
            calls += 1
            arns += answer["taskArns"]
            token = answer.get("nextToken")
            if not token:
                break
        ids = [str(arn).rsplit("/", 1)[-1] for arn in arns]
        new = [task for task in ids if task not in self._described]
        for start in range(0, len(new), TASKS_PER_CALL):
            answer = self._ecs.describe_tasks(
                cluster=self._configuration.cluster, tasks=new[start : start + TASKS_PER_CALL]
            )
            calls += 1
            for task in answer["tasks"]:
                created = at - max(0.0, time.time() - task["createdAt"].timestamp())
                name = str(task["taskArn"]).rsplit("/", 1)[-1]
                self._described[name] = (created, str(task.get("group", "")), str(task["taskDefinitionArn"]))
        self._described = {task: self._described[task] for task in ids if task in self._described}
        self._listed, self._listed_at = tuple(ids), at
        return calls

    def service(self, at: float, name: str, described: dict[str, Any]) -> Service:
        """Put together what ECS told of a pool's service."""
        group = f"service:{self._configuration.pools[name].service}"
        return Service(
            desired=described["desiredCount"],
            running=described["runningCount"],
            pending=described["pendingCount"],
            task_definition=described["taskDefinition"],
            tasks=tuple(
                EcsTask(task, at - created, definition)
                for task, (created, of, definition) in self._described.items()
                if of == group
            ),
        )

    def oldest_queues(self, number: int) -> list[str]:
        """Return the pools whose queue was not asked for the longest time."""
        ages = {name: self._messages.get(name, (float("-inf"),))[0] for name in self._configuration.pools}
        return sorted(ages, key=ages.__getitem__)[: max(0, number)]

    def read_queue(self, at: float, name: str) -> None:
        """Read how many messages a pool's queue has."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        url = self._configuration.pools[name].queue_url
        found = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        self._messages[name] = (at, Messages(visible=int(found[names[0]]), in_flight=int(found[names[1]])))

    def messages(self, at: float, seconds: float) -> dict[str, Messages]:
        """Return what was read within the last ``seconds``."""
        return {name: found for name, (then, found) in self._messages.items() if at - then <= seconds}
