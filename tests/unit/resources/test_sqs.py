# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Queues: what is missing, and how messages stay encrypted."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fake_aws import OURS, FakeAws, FakeClient, in_turn, refusal

from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.engine import Engine
from ansible_collections.sm2a.airflow.plugins.module_utils._resources.sqs import Queue, queue_urls

URL = {"QueueUrl": "https://sqs/sm2a-test-a"}


def sqs_with(*lookups: Any, **attributes: str) -> FakeClient:
    return FakeClient(
        get_queue_url=in_turn(*lookups),
        get_queue_attributes={"Attributes": {"QueueArn": "arn of a", **attributes}},
        list_queue_tags={"Tags": OURS},
        create_queue=URL,
    )


def queue(sqs: FakeClient, attributes: dict[str, str] | None = None, **settings: Any) -> Queue:
    aws: Any = FakeAws(sqs=sqs)
    return Queue(aws, "sm2a-test-a", OURS, attributes or {}, **settings)


def apply(*queues: Queue) -> list[str]:
    return [step.action for step in Engine("test", check_mode=False).apply(list(queues))]


@pytest.mark.parametrize("code", ["AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"])
def test_a_missing_queue_is_missing_by_either_name(code: str) -> None:
    assert queue(sqs_with(refusal(code))).find() is None


def test_a_queue_whose_address_is_known_is_not_looked_up() -> None:
    sqs = sqs_with(refusal("AccessDenied"))

    assert queue(sqs, url=URL["QueueUrl"]).find() is not None

    sqs.answers["get_queue_attributes"] = refusal("QueueDoesNotExist")
    assert queue(sqs, url=URL["QueueUrl"]).find() is None


def test_a_new_queue_is_encrypted_and_waited_for() -> None:
    sqs = sqs_with(refusal("QueueDoesNotExist"), refusal("QueueDoesNotExist"), URL)
    one = queue(sqs, {"VisibilityTimeout": "60"})

    assert apply(one) == ["create"]

    assert sqs.called("create_queue")[0]["Attributes"] == {"VisibilityTimeout": "60", "SqsManagedSseEnabled": "true"}
    assert (one.id, one.arn) == (URL["QueueUrl"], "arn of a")


@pytest.mark.parametrize("found", [{"KmsMasterKeyId": "alias/theirs"}, {"SqsManagedSseEnabled": "true"}])
def test_a_queue_that_is_encrypted_keeps_its_key(found: dict[str, str]) -> None:
    assert apply(queue(sqs_with(URL, **found))) == ["none"]


def test_a_key_that_is_named_takes_the_place_of_another() -> None:
    sqs = sqs_with(URL, KmsMasterKeyId="alias/theirs")

    assert apply(queue(sqs, kms_key_arn="arn of a key")) == ["update"]
    assert sqs.called("set_queue_attributes")[0]["Attributes"] == {"KmsMasterKeyId": "arn of a key"}


def test_policies_are_compared_by_what_they_say() -> None:
    policy = {"maxReceiveCount": 10, "deadLetterTargetArn": "arn of the dead"}
    dead = queue(sqs_with(URL, SqsManagedSseEnabled="true"))
    dead.arn = "arn of the dead"
    one = queue(
        sqs_with(URL, SqsManagedSseEnabled="true", RedrivePolicy=json.dumps(policy)),
        dead_letter=dead,
        max_receive_count=10,
    )

    assert dead in one.dependencies()
    assert apply(one) == ["none"]


def test_queues_are_listed_by_how_their_names_begin() -> None:
    urls = ["https://sqs/123456789012/sm2a-test-b", "https://sqs/123456789012/sm2a-test-a"]
    sqs = FakeClient(list_queues={"QueueUrls": urls})
    aws: Any = FakeAws(sqs=sqs)

    assert list(queue_urls(aws, "sm2a-test-").items()) == [("sm2a-test-a", urls[1]), ("sm2a-test-b", urls[0])]
    assert sqs.called("list_queues") == [{"QueueNamePrefix": "sm2a-test-"}]


@pytest.mark.parametrize("code", ["AWS.SimpleQueueService.QueueDeletedRecently", "QueueDeletedRecently"])
def test_a_name_that_was_just_given_up_is_waited_for(code: str) -> None:
    sqs = sqs_with(refusal("QueueDoesNotExist"), URL)
    sqs.answers["create_queue"] = in_turn(refusal(code), URL)

    assert apply(queue(sqs)) == ["create"]
    assert len(sqs.called("create_queue")) == 2
