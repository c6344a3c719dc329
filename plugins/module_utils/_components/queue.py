# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The broker: one SQS queue per worker pool, and one dead-letter queue for all of them."""

from __future__ import annotations

from typing import Any

from .._reconcile.errors import OptionError
from .._reconcile.resource import Resource
from .._resources.ecs_service import service_tasks
from .._resources.sqs import Queue
from ._base import Component
from ._kms_rules import validate_kms_key_arn
from ._option_rules import DEAD_LETTER, validate_pool_name

ATTRIBUTES = "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html"
DAY = 86400


class QueueComponent(Component):
    """Queues named ``sm2a-<environment>-<pool>``."""

    NAME = "queue"
    ARGUMENTS = {
        "pools": {"type": "list", "elements": "str", "default": ["default"]},
        # SQS's ceiling. A task longer than the timeout is delivered again, and Airflow then kills it.
        "visibility_timeout": {"type": "int", "default": 43200},
        "message_retention_period": {"type": "int", "default": 14 * DAY},
        "max_receive_count": {"type": "int", "default": 10},
        "kms_key_arn": {"type": "str", "no_log": False},
    }

    def validate(self) -> None:
        pools = self.options["pools"]
        if not pools:
            raise OptionError("pools", pools, "at least one worker pool is needed")
        for pool in pools:
            validate_pool_name("pools", pool)
        if len(set(pools)) != len(pools):
            raise OptionError("pools", pools, "a pool is named twice")
        for option, least, most in (
            ("visibility_timeout", 0, 43200),
            ("message_retention_period", 60, 14 * DAY),
            ("max_receive_count", 1, 1000),
        ):
            if not least <= self.options[option] <= most:
                raise OptionError(option, self.options[option], f"it must be from {least} to {most}", ATTRIBUTES)
        validate_kms_key_arn(self.options, self.aws)

    def resources(self) -> list[Resource]:
        key = self.options["kms_key_arn"]
        self.dead_letter = Queue(
            self.aws,
            f"{self.prefix}-{DEAD_LETTER}",
            self.tags,
            {"MessageRetentionPeriod": str(14 * DAY)},
            kms_key_arn=key,
        )
        attributes = {
            "MessageRetentionPeriod": str(self.options["message_retention_period"]),
            "VisibilityTimeout": str(self.options["visibility_timeout"]),
            "ReceiveMessageWaitTimeSeconds": "20",
        }
        self.queues = {
            pool: Queue(
                self.aws,
                f"{self.prefix}-{pool}",
                {**self.tags, "sm2a:pool": pool},
                attributes,
                self.dead_letter,
                self.options["max_receive_count"],
                key,
            )
            for pool in self.options["pools"]
        }
        return [self.dead_letter, *self.queues.values(), *self._obsolete()]

    def _obsolete(self) -> list[Queue]:
        """Queues of pools that are no longer wanted, as soon as nothing takes from them and nothing is in them."""
        wanted = {queue.name for queue in (self.dead_letter, *self.queues.values())}
        sqs = self.aws.client("sqs")
        urls = {
            url.rsplit("/", 1)[-1]: url
            for url in sqs.pages("list_queues", "QueueUrls", QueueNamePrefix=f"{self.prefix}-")
        }
        obsolete = []
        self.draining: list[str] = []
        for name in sorted(urls.keys() - wanted):
            pool = name.removeprefix(f"{self.prefix}-")
            if self.options["state"] == "present" and self._drains(pool, urls[name]):
                self.draining.append(pool)
                continue
            queue = Queue(self.aws, name, self.tags, {})
            queue.absent = True
            obsolete.append(queue)
        return obsolete

    def _drains(self, pool: str, url: str) -> bool:
        """Whether the workers of a pool that is no longer wanted still have tasks, or will have."""
        tasks = service_tasks(self.aws, self.prefix, f"{self.prefix}-worker-{pool}")
        if tasks is None:
            return False
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.aws.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return bool(tasks) or any(int(found[name]) for name in names)

    def facts(self) -> dict[str, Any]:
        return {
            "queues": {
                pool: {"name": queue.name, "url": queue.id, "arn": queue.arn} for pool, queue in self.queues.items()
            },
            "dead_letter_queue": {
                "name": self.dead_letter.name,
                "url": self.dead_letter.id,
                "arn": self.dead_letter.arn,
            },
            "draining_pools": self.draining,
        }
