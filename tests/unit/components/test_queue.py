# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Queues of pools, and of those that are no longer named."""

from __future__ import annotations

from typing import Any

import pytest
from declared import component
from fake_aws import FakeAws, FakeClient

from ansible_collections.sm2a.airflow.plugins.module_utils._components.queue import QueueComponent
from ansible_collections.sm2a.airflow.plugins.module_utils._resources.sqs import Queue


def account(tasks: int | None = None, waiting: int = 0, in_flight: int = 0) -> FakeAws:
    """Return an account with a queue ``old``, so many messages in it, and so many tasks that work on them."""
    service = {"status": "ACTIVE", "desiredCount": tasks, "runningCount": tasks, "pendingCount": 0}
    counts = {
        "ApproximateNumberOfMessages": str(waiting),
        "ApproximateNumberOfMessagesNotVisible": str(in_flight),
    }
    sqs = FakeClient(
        list_queues={"QueueUrls": [f"https://sqs/sm2a-test-{name}" for name in ("default", "dead-letter", "old")]},
        get_queue_url=lambda QueueName: {"QueueUrl": f"https://sqs/{QueueName}"},
        get_queue_attributes={"Attributes": {"QueueArn": "arn", **counts}},
        list_queue_tags={},
    )
    return FakeAws(sqs=sqs, ecs=FakeClient(describe_services={"services": [] if tasks is None else [service]}))


@pytest.mark.parametrize(
    ("aws", "drains"),
    [
        (account(), False),
        (account(tasks=0), False),
        (account(tasks=1), True),
        (account(tasks=0, waiting=1), True),
        (account(tasks=0, in_flight=1), True),
        # Nobody works on them, and nobody will.
        (account(tasks=None, waiting=1), False),
    ],
)
def test_the_queue_of_a_pool_goes_when_its_workers_and_its_messages_have_gone(aws: FakeAws, drains: bool) -> None:
    made = component(QueueComponent, aws)
    going = [resource.name for resource in made.resources() if resource.absent]

    assert going == ([] if drains else ["sm2a-test-old"])
    assert made.facts()["draining_pools"] == (["old"] if drains else [])


def test_without_an_environment_nothing_drains() -> None:
    made = component(QueueComponent, account(tasks=1, waiting=1), state="absent")

    assert "sm2a-test-old" in [resource.name for resource in made.resources()]


def test_each_queue_has_the_pool_as_a_tag_and_the_dead_letter_queue_behind_it() -> None:
    made = component(QueueComponent, account(), pools=["a", "b"], visibility_timeout=60, max_receive_count=3)
    dead, *queues = (queue for queue in made.resources() if isinstance(queue, Queue) and not queue.absent)

    assert [queue.tags.get("sm2a:pool") for queue in (dead, *queues)] == [None, "a", "b"]
    assert all(queue.dead_letter is dead and queue.max_receive_count == 3 for queue in queues)
    assert {queue["visibility_timeout"] for queue in made.facts()["queues"].values()} == {60}


def test_a_pool_that_is_named_twice_is_refused() -> None:
    options: dict[str, Any] = {"pools": ["a", "a"]}

    assert [fault.option for fault in component(QueueComponent, FakeAws(), **options).faults()] == ["pools"]
