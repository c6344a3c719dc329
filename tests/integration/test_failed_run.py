# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A run that fails says what it did before, and how to go on."""

from __future__ import annotations

import json

import pytest
from emulators import Account
from playbook_runs import PlaybookRun, playbook
from test_image import stand_in  # noqa: F401  # pylint: disable=unused-import


def run(account: Account, name: str, *arguments: str) -> PlaybookRun:
    """Run a playbook on the emulator, for an environment with two pools."""
    variables = {
        "sm2a_endpoint_url": account.emulator.url,
        "sm2a_worker_pools": {"default": {}, "other": {}},
    }
    return playbook(name, *arguments, "-e", json.dumps(variables))


def last_words(ran: PlaybookRun) -> tuple[list[str], str]:
    """Return the lines that sum up a failed run, and its last message."""
    assert ran.returncode != 0 and ran.stats["failures"] == 1
    [lines] = [result["lines"] for result in ran.results if "lines" in result]
    return lines, ran.results[-1]["msg"]


@pytest.mark.parametrize("emulator", ["moto"], indirect=True)
def test_a_run_that_fails_sums_up_and_the_same_command_goes_on(account: Account) -> None:
    theirs = account.client("sqs").create_queue(QueueName="sm2a-local-other")["QueueUrl"]

    planned = run(account, "site", "--tags", "secrets,queue", "--check")
    failed = run(account, "site", "--tags", "secrets,queue")

    lines, message = last_words(failed)
    assert "create  AWS::SQS::Queue sm2a-local-default" in lines, "the component that failed did this before"
    assert "create  AWS::SecretsManager::Secret sm2a/local/admin" in lines
    assert lines[-1] == f"Created {len(lines) - 1}, changed 0, deleted 0"
    assert "sm2a-local-other exists but was not created by" in message
    assert message.endswith("run the same command again: it goes on and does nothing twice.")
    lines, message = last_words(planned)
    assert lines[-1] == f"Plan: {len(lines) - 1} to create, 0 to change, 0 to delete"
    assert "sm2a-local-other exists but was not created by" in message
    assert message.endswith("Nothing was changed.")

    account.client("sqs").delete_queue(QueueUrl=theirs)
    again = run(account, "site", "--tags", "secrets,queue")

    assert again.returncode == 0
    [lines] = [result["lines"] for result in again.results if "lines" in result]
    assert lines == ["create  AWS::SQS::Queue sm2a-local-other", "Created 1, changed 0, deleted 0"]


@pytest.mark.usefixtures("stand_in")
@pytest.mark.parametrize("emulator", ["moto"], indirect=True)
def test_a_teardown_that_fails_says_what_it_deleted(account: Account) -> None:
    assert not account.run("cluster", environment="local", service_discovery=False).get("failed")
    account.client("rds").create_db_instance(
        DBInstanceIdentifier="sm2a-local",
        DBInstanceClass="db.t4g.medium",
        Engine="postgres",
        DeletionProtection=True,
        Tags=[{"Key": "sm2a:environment", "Value": "local"}, {"Key": "sm2a:component", "Value": "database"}],
    )

    lines, message = last_words(run(account, "teardown", "-e", "sm2a_teardown=local"))

    assert lines == ["delete  AWS::ECS::Cluster sm2a-local", "Created 0, changed 0, deleted 1"]
    assert "AWS::RDS::DBInstance sm2a-local is protected from deletion" in message
