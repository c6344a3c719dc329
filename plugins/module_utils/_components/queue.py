# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The broker: one SQS queue per worker pool, and one dead-letter queue for all of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .._reconcile.errors import OptionError
from .._reconcile.resource import Resource
from .._reconcile.tags import POOL
from .._resources.ecs_service import service_tasks
from .._resources.sqs import IN_FLIGHT, WAITING, Queue, QueueOfSomebody, queue_urls
from ._base import Component
from ._kms_rules import kms_key_option
from ._names import worker_service
from ._option import Option, Return
from ._option_rules import DEAD_LETTER, QUEUES, validate_pool_name
from ._pools import DASHBOARDS, MOST_POOLS

ATTRIBUTES = "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html"
DAY = 86400


class QueueComponent(Component):
    """Queues named ``sm2a-<environment>-<pool>``."""

    NAME = "queue"
    SUMMARY = "SQS queue per worker pool, and a dead-letter queue"
    DESCRIPTION = (
        "Creates one standard queue per worker pool, and one dead-letter queue for all of them.",
        "The queue of a pool that is no longer named is deleted as soon as its workers have gone and it is empty.",
    )
    TASK = "Create the queues of the worker pools"
    WAITS = False
    MAIN = ("visibility_timeout", "max_receive_count")
    OPTIONS = {
        "pools": Option(
            "list",
            elements="str",
            default=["default"],
            doc="Names of the worker pools. Each has a queue of its own.",
            check=validate_pool_name,
            items=1,
            most_items=MOST_POOLS,
            most_items_why=DASHBOARDS,
            why=QUEUES,
            site="sm2a_worker_pools",
            role_default="{{ sm2a_worker_pools | default({'default': {}}, true) | sm2a.airflow.from_text(mapping=true) "
            "| list }}",
        ),
        "visibility_timeout": Option(
            "int",
            default=43200,
            doc=(
                "Seconds for which a received task is hidden from other workers.",
                "The default is SQS's maximum, since a task that runs longer is delivered a second time and killed.",
            ),
            least=0,
            most=43200,
            why=ATTRIBUTES,
        ),
        "message_retention_period": Option(
            "int",
            default=14 * DAY,
            doc="Seconds for which a task may wait in the queue.",
            least=60,
            most=14 * DAY,
            why=ATTRIBUTES,
        ),
        "max_receive_count": Option(
            "int",
            default=10,
            doc="How often a message may be received before it goes to the dead-letter queue.",
            least=1,
            most=1000,
            why=ATTRIBUTES,
        ),
        "kms_key_arn": kms_key_option(
            "KMS key that encrypts the messages.",
            "Without it what exists keeps the key that it has, and SQS encrypts new queues with a key of its own.",
        ),
    }
    RETURNS = {
        "queues": Return(
            "dict",
            "The queue of each pool.",
            {
                "default": {
                    "name": "sm2a-dev-default",
                    "url": "https://sqs.eu-central-1.amazonaws.com/123456789012/sm2a-dev-default",
                    "arn": "arn:aws:sqs:eu-central-1:123456789012:sm2a-dev-default",
                    "visibility_timeout": 43200,
                }
            },
        ),
        "draining_pools": Return(
            "list",
            "Pools that are no longer named and whose workers still have tasks, or will have.",
            [],
            elements="str",
        ),
        "dead_letter_queue": Return(
            "dict",
            "The queue of messages that no worker could process.",
            {
                "name": "sm2a-dev-dead-letter",
                "url": "https://sqs.eu-central-1.amazonaws.com/123456789012/sm2a-dev-dead-letter",
                "arn": "arn:aws:sqs:eu-central-1:123456789012:sm2a-dev-dead-letter",
            },
        ),
    }
    PLAN = ("AWS::SQS::Queue", "sm2a-dev-default")
    EXAMPLES = """
- name: Queues of two worker pools
  sm2a.airflow.queue:
    environment: dev
    region: eu-central-1
    pools: [default, heavy]
"""

    def rules(self) -> Iterator[OptionError]:
        pools = self.options["pools"]
        if len(set(pools)) != len(pools):
            yield OptionError("pools", pools, "a pool is named twice")

    def resources(self) -> list[Resource]:
        key = self.options["kms_key_arn"]
        urls = queue_urls(self.aws, f"{self.prefix}-")
        name = f"{self.prefix}-{DEAD_LETTER}"
        retention = {"MessageRetentionPeriod": str(14 * DAY)}
        self.dead_letter = Queue(self.aws, name, self.tags, retention, kms_key_arn=key, url=urls.get(name))
        attributes = {
            "MessageRetentionPeriod": str(self.options["message_retention_period"]),
            "VisibilityTimeout": str(self.options["visibility_timeout"]),
            "ReceiveMessageWaitTimeSeconds": "20",
        }
        self.queues = {
            pool: Queue(
                self.aws,
                f"{self.prefix}-{pool}",
                {**self.tags, POOL: pool},
                attributes,
                self.dead_letter,
                self.options["max_receive_count"],
                key,
                urls.get(f"{self.prefix}-{pool}"),
            )
            for pool in self.options["pools"]
        }
        return [self.dead_letter, *self.queues.values(), *self._obsolete(urls)]

    def _obsolete(self, urls: dict[str, str]) -> list[Queue]:
        """Queues of pools that are no longer wanted, as soon as nothing takes from them and nothing is in them."""
        wanted = {queue.name for queue in (self.dead_letter, *self.queues.values())}
        obsolete: list[Queue] = []
        self.draining: list[str] = []
        for name, url in urls.items():
            if name in wanted:
                continue
            pool = name.removeprefix(f"{self.prefix}-")
            queue = QueueOfSomebody(self.aws, name, self.tags, {}, url=url)
            if self.options["state"] == "present" and self._drains(pool, queue):
                self.draining.append(pool)
                continue
            queue.absent = True
            obsolete.append(queue)
        return obsolete

    def _drains(self, pool: str, queue: Queue) -> bool:
        """Whether the workers of a pool that is no longer wanted still have tasks, or will have."""
        tasks = service_tasks(self.aws, self.prefix, worker_service(self.environment, pool))
        if tasks is None:
            return False
        found = queue.find() or {}
        return bool(tasks) or any(int(found.get(name, 0)) for name in (WAITING, IN_FLIGHT))

    def facts(self) -> dict[str, Any]:
        return {
            "queues": {
                pool: {
                    "name": queue.name,
                    "url": queue.id,
                    "arn": queue.arn,
                    "visibility_timeout": self.options["visibility_timeout"],
                }
                for pool, queue in self.queues.items()
            },
            "dead_letter_queue": {
                "name": self.dead_letter.name,
                "url": self.dead_letter.id,
                "arn": self.dead_letter.arn,
            },
            "draining_pools": self.draining,
        }
