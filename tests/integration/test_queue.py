# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The queue module against both emulators."""

from __future__ import annotations

from emulators import Account


def test_lifecycle(account: Account) -> None:
    account.lifecycle("queue", change={"pools": ["default", "heavy"], "max_receive_count": 20})


def test_visibility_timeout_is_repaired(account: Account) -> None:
    url = account.run("queue")["queue"]["queues"]["default"]["url"]
    sqs = account.client("sqs")
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "30"})

    result = account.run("queue")

    assert result["diff"]["before"] == {"AWS::SQS::Queue sm2a-test-default": {"VisibilityTimeout": "30"}}
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])["Attributes"]
    assert attributes == {"VisibilityTimeout": "43200"}


def test_foreign_queue_is_left_alone(account: Account) -> None:
    sqs = account.client("sqs")
    url = sqs.create_queue(QueueName="sm2a-test-default", tags={"owner": "somebody else"})["QueueUrl"]

    result = account.run("queue")

    assert result["failed"] and "was not created by the SM2A environment 'test'" in result["msg"]
    assert sqs.list_queue_tags(QueueUrl=url)["Tags"] == {"owner": "somebody else"}
    account.run("queue", state="absent")
    assert sqs.get_queue_url(QueueName="sm2a-test-default")["QueueUrl"] == url


def test_obsolete_pool_is_deleted_but_not_another_environment(account: Account) -> None:
    account.run("queue", environment="test-2")
    account.run("queue", pools=["default", "heavy"])

    account.run("queue", pools=["default"])

    urls = account.client("sqs").list_queues(QueueNamePrefix="sm2a-test")["QueueUrls"]
    assert sorted(url.rsplit("/", 1)[-1] for url in urls) == [
        "sm2a-test-2-dead-letter",
        "sm2a-test-2-default",
        "sm2a-test-dead-letter",
        "sm2a-test-default",
    ]


def test_the_key_stays_where_none_is_given(account: Account) -> None:
    key = account.client("kms").create_key()["KeyMetadata"]["Arn"]
    url = account.run("queue", kms_key_arn=key)["queue"]["queues"]["default"]["url"]

    assert not account.run("queue")["changed"]
    assert account.run("queue", max_receive_count=20, pools=["default", "heavy"])["changed"]

    sqs = account.client("sqs")
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert found["KmsMasterKeyId"] == key
    heavy = sqs.get_queue_attributes(QueueUrl=url.replace("default", "heavy"), AttributeNames=["All"])["Attributes"]
    assert "KmsMasterKeyId" not in heavy and heavy["SqsManagedSseEnabled"] == "true"
