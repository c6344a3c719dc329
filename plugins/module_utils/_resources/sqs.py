# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Amazon SQS."""

from __future__ import annotations

import json
from typing import Any

from .._reconcile.aws import Aws
from .._reconcile.errors import DENIED, code_of, ignoring
from .._reconcile.resource import Resource
from .._reconcile.values import KNOWN_AFTER_APPLY
from .._reconcile.waits import retry_while, wait_until
from .policies import opening_statements, without_opening

MISSING = ("AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist")
# The name of a queue that was deleted is not free for a minute:
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteQueue.html
DELETED_RECENTLY = ("AWS.SimpleQueueService.QueueDeletedRecently", "QueueDeletedRecently")
NAME_SECONDS = 90
# Attributes: how many messages nobody has taken, and how many somebody has and has not deleted yet.
WAITING, IN_FLIGHT = "ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"


def queue_urls(aws: Aws, prefix: str) -> dict[str, str]:
    """Return the URLs of all queues whose names begin with a prefix, sorted by name.

    One that was just deleted may be among them, and one that was just made may be missing.
    """
    urls = aws.client("sqs").pages("list_queues", "QueueUrls", QueueNamePrefix=prefix)
    return dict(sorted((url.rsplit("/", 1)[-1], url) for url in urls))


class Queue(Resource):
    """A standard queue. ``id`` is its URL, ``arn`` its ARN; the state's fields are its attributes.

    Without ``kms_key_arn`` a queue that exists stays encrypted as it is, and a new one is by SQS's own key. A ``url``
    that is known need not be asked for. A statement of its policy that lets in everybody or another account is taken
    away.
    """

    kind = "AWS::SQS::Queue"

    def __init__(
        self,
        aws: Aws,
        name: str,
        tags: dict[str, str],
        attributes: dict[str, Any],
        dead_letter: Queue | None = None,
        max_receive_count: int = 0,
        kms_key_arn: str | None = None,
        url: str | None = None,
    ) -> None:
        super().__init__(aws, name, tags)
        self.attributes = attributes
        self.dead_letter = dead_letter
        self.max_receive_count = max_receive_count
        self.kms_key_arn = kms_key_arn
        self.url = url
        self._encrypted = False
        self._policy: dict[str, Any] | None = None
        self.arn = KNOWN_AFTER_APPLY

    def find(self) -> dict[str, Any] | None:
        sqs = self.aws.client("sqs")
        with ignoring(*MISSING):
            self.id = self.url or sqs.get_queue_url(QueueName=self.name)["QueueUrl"]
            attributes = sqs.get_queue_attributes(QueueUrl=self.id, AttributeNames=["All"])["Attributes"]
            tags = sqs.list_queue_tags(QueueUrl=self.id).get("Tags", {})
            self.arn = attributes["QueueArn"]
            self._encrypted = bool(attributes.get("KmsMasterKeyId")) or attributes.get("SqsManagedSseEnabled") == "true"
            for field in ("RedrivePolicy", "Policy"):
                if field in attributes:
                    attributes[field] = json.loads(attributes[field])
            self._policy = attributes.get("Policy")
            opening = opening_statements(self._policy, self.arn)
            return {**attributes, "open_policy_statements": opening, "tags": tags}
        return None

    def desired(self) -> dict[str, Any]:
        desired = {**self.attributes, "open_policy_statements": [], "tags": self.tags}
        if self.kms_key_arn:
            desired["KmsMasterKeyId"] = self.kms_key_arn
        elif not self._encrypted:
            desired["SqsManagedSseEnabled"] = "true"
        if self.dead_letter:
            desired["RedrivePolicy"] = {
                "deadLetterTargetArn": self.dead_letter.arn,
                "maxReceiveCount": self.max_receive_count,
            }
        return desired

    def create(self, desired: dict[str, Any]) -> None:
        request = {"QueueName": self.name, "Attributes": _encoded(desired), "tags": self.tags}
        self.id = retry_while(
            lambda error: code_of(error) in DELETED_RECENTLY,
            lambda: self.aws.client("sqs").create_queue(**request)["QueueUrl"],
            NAME_SECONDS,
        )

    def update(self, current: dict[str, Any], changes: dict[str, Any]) -> None:
        sqs = self.aws.client("sqs")
        attributes = _encoded(changes)
        if "open_policy_statements" in changes:
            left = without_opening(self._policy, self.arn)
            attributes["Policy"] = json.dumps(left) if left else ""
        if attributes:
            sqs.set_queue_attributes(QueueUrl=self.id, Attributes=attributes)
        if "tags" in changes:
            sqs.tag_queue(QueueUrl=self.id, Tags=self.tags)

    def wait_ready(self) -> None:
        # A new queue can be looked up by its name only after a while; what depends on it needs its ARN.
        # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html
        wait_until(f"queue {self.name} exists", self.find, timeout=60, interval=1)

    def untag(self, keys: list[str]) -> None:
        self.aws.client("sqs").untag_queue(QueueUrl=self.id, TagKeys=keys)

    def delete(self, current: dict[str, Any]) -> None:
        self.aws.client("sqs").delete_queue(QueueUrl=self.id)


class QueueOfSomebody(Queue):
    """A queue whose name begins like ours. One that we may not look at is another environment's, as good as none."""

    def find(self) -> dict[str, Any] | None:
        with ignoring(*DENIED):
            return super().find()
        return None


def _encoded(state: dict[str, Any]) -> dict[str, str]:
    """Return the attributes of a state as SQS wants them: strings, policies as JSON."""
    return {
        field: json.dumps(value) if isinstance(value, dict) else str(value)
        for field, value in state.items()
        if field not in ("open_policy_statements", "tags")
    }
