# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The environment_info module against both emulators."""

from __future__ import annotations

from emulators import Account


def test_empty_account(account: Account) -> None:
    result = account.run("environment_info")

    assert (result["services"], result["queues"], result["database"], result["url"]) == ([], [], None, None)
    assert "Address:  does not exist" in result["table"]


def test_shows_queues_of_this_environment_only(account: Account) -> None:
    account.run("queue")
    account.run("queue", environment="test-2")
    sqs = account.client("sqs")
    sqs.send_message(QueueUrl=sqs.get_queue_url(QueueName="sm2a-test-default")["QueueUrl"], MessageBody="task")

    result = account.run("environment_info")

    assert [(queue["name"], queue["waiting"]) for queue in result["queues"]] == [
        ("sm2a-test-dead-letter", 0),
        ("sm2a-test-default", 1),
    ]
    assert any(line.split() == ["sm2a-test-default", "1", "0"] for line in result["table"])
