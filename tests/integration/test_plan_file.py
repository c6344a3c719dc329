# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was reviewed is what runs: ``site`` follows a saved plan or does nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from emulators import Account
from playbook_runs import PlaybookRun, playbook, succeed
from test_parts_of_site import migrations_end
from test_parts_of_site import site as whole_site

TAGS = "secrets,queue,observability"


def site(account: Account, path: Path, *arguments: str, tags: str = TAGS, **variables: Any) -> PlaybookRun:
    """Run a part of ``site`` with a file for its plan."""
    variables = {"sm2a_endpoint_url": account.emulator.url, "sm2a_plan_file": str(path), **variables}
    return playbook("site", "--tags", tags, *arguments, "-e", json.dumps(variables))


def refusal(ran: PlaybookRun) -> list[str]:
    """Return why a run refused to do anything."""
    assert ran.returncode != 0 and ran.api_calls["write"] == 0
    [message] = [result["msg"] for result in ran.results if result.get("failed")]
    assert message.splitlines()[0].endswith("is not what this run would do, so nothing has been changed:")
    return list(message.splitlines()[1:])


def done(ran: PlaybookRun) -> list[dict[str, str]]:
    """Return what a run changed; what it planned before that had no write."""
    plans = [result["plan"] for result in ran.results if result.get("api_calls", {}).get("write")]
    steps = [step for plan in plans for step in plan if step["action"] != "none"]
    return sorted(steps, key=lambda step: (step["kind"], step["name"]))


@pytest.mark.parametrize("emulator", ["moto"], indirect=True)
def test_what_was_reviewed_is_what_runs(account: Account, tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    planned = succeed(site(account, path, "--check"))
    reviewed = json.loads(path.read_text())
    assert planned.api_calls["write"] == 0
    assert reviewed["account"] == "123456789012" and reviewed["parts"] == sorted(TAGS.split(","))

    # Ids that did not exist when it was planned do not count as a difference: the plan before the run has none either.
    followed = succeed(site(account, path))

    assert done(followed) == [{key: step[key] for key in ("kind", "name", "action")} for step in reviewed["steps"]]
    assert followed.api_calls["write"] > 0
    assert "password" not in path.read_text()

    # That plan is done; to do nothing is another plan.
    assert len(refusal(site(account, path))) == len(reviewed["steps"])

    succeed(site(account, path, "--check", queue_visibility_timeout=600))
    account.client("sqs").tag_queue(QueueUrl=queue_url(account), Tags={"sm2a:component": "nobody's"})
    lines = refusal(site(account, path, queue_visibility_timeout=600))
    assert lines == [
        "planned: change VisibilityTimeout of AWS::SQS::Queue sm2a-local-default; "
        "now: change VisibilityTimeout, tags of"
    ]
    assert refusal(site(account, path, tags="queue", queue_visibility_timeout=600)) == [
        "It is a plan of observability, queue, secrets, and this is queue: give the same --tags and --skip-tags."
    ]

    succeed(site(account, path, "--check", queue_visibility_timeout=600))
    [change] = done(succeed(site(account, path, queue_visibility_timeout=600)))
    assert change == {"kind": "AWS::SQS::Queue", "name": "sm2a-local-default", "action": "update"}


def queue_url(account: Account) -> str:
    """Return the address of the queue of the default pool."""
    return str(account.client("sqs").get_queue_url(QueueName="sm2a-local-default")["QueueUrl"])


@pytest.mark.parametrize("emulator", ["ministack"], indirect=True)
def test_the_plan_of_a_whole_environment_on_an_empty_account_is_followed(account: Account, tmp_path: Path) -> None:
    """Most of it is known only after apply."""
    path = tmp_path / "plan.json"
    file = ("-e", json.dumps({"sm2a_plan_file": str(path)}))
    succeed(whole_site(account, "--check", *file))

    with migrations_end(account):
        ran = succeed(whole_site(account, *file))

    reviewed = json.loads(path.read_text())["steps"]
    assert len(reviewed) > 60 and {step["action"] for step in reviewed} == {"create"}
    assert [lines for result in ran.results for lines in result.get("lines", [])][-1] == (
        f"Created {len(reviewed)}, changed 0, deleted 0"
    )
    assert len(refusal(whole_site(account, *file))) == len(reviewed)
