# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A run that fails says what it did before, and how to go on."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from emulators import Account
from playbook_runs import PlaybookRun, playbook
from served import served
from test_image import stand_in  # noqa: F401  # pylint: disable=unused-import


def run(account: Account, name: str, *arguments: str) -> PlaybookRun:
    """Run a playbook on the emulator, for an environment with two pools."""
    variables = {
        "sm2a_endpoint_url": account.emulator.url,
        "sm2a_worker_pools": {"default": {}, "other": {}},
    }
    return playbook(name, "-e", json.dumps(variables), *arguments)


def last_words(ran: PlaybookRun) -> tuple[list[str], str]:
    """Return the lines that sum up a failed run, and its last message."""
    assert ran.returncode != 0 and ran.stats["failures"] == 1
    [lines] = [result["lines"] for result in ran.results if "lines" in result]
    return lines, ran.results[-1]["msg"]


@contextmanager
def refusing(url: str, queue: str) -> Iterator[str]:
    """Stand in front of an emulator and refuse to create one queue, as AWS does where a quota is reached."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if self.headers.get("X-Amz-Target") == "AmazonSQS.CreateQueue" and queue.encode() in body:
                self._answer(403, b'{"__type": "OverLimit", "message": "one queue too many"}')
                return
            request = urllib.request.Request(url + self.path, body or None, dict(self.headers), method=self.command)
            try:
                with urllib.request.urlopen(request) as answer:
                    self._answer(answer.status, answer.read())
            except urllib.error.HTTPError as error:
                self._answer(error.code, error.read())

        do_GET = do_HEAD = do_PUT = do_DELETE = do_POST

        def _answer(self, status: int, content: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_arguments: object) -> None:
            """Say nothing."""

    with served(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as address:
        yield address


@pytest.mark.parametrize("emulator", ["moto"], indirect=True)
def test_a_run_that_fails_sums_up_and_the_same_command_goes_on(account: Account) -> None:
    with refusing(account.emulator.url, "sm2a-local-other") as url:
        failed = run(account, "site", "--tags", "secrets,queue", "-e", f"sm2a_endpoint_url={url}")

    lines, message = last_words(failed)
    assert "create  AWS::SQS::Queue sm2a-local-default" in lines, "the component that failed did this before"
    assert "create  AWS::SecretsManager::Secret sm2a/local/admin" in lines
    assert lines[-1] == f"Created {len(lines) - 1}, changed 0, deleted 0"
    assert "AWS::SQS::Queue sm2a-local-other" in message and "one queue too many" in message
    assert message.endswith("run the same command again: it goes on and does nothing twice.")

    again = run(account, "site", "--tags", "secrets,queue")

    assert again.returncode == 0
    [lines] = [result["lines"] for result in again.results if "lines" in result]
    assert lines == ["create  AWS::SQS::Queue sm2a-local-other", "Created 1, changed 0, deleted 0"]


@pytest.mark.parametrize("emulator", ["moto"], indirect=True)
@pytest.mark.parametrize("arguments", [[], ["--check"]])
def test_what_cannot_be_done_is_found_before_the_first_write(account: Account, arguments: list[str]) -> None:
    account.client("sqs").create_queue(QueueName="sm2a-local-other")

    failed = run(account, "site", "--tags", "secrets,queue", *arguments)

    assert failed.returncode != 0 and failed.api_calls["write"] == 0
    assert "sm2a-local-other exists but was not created by" in failed.results[-1]["msg"]
    assert failed.results[-1]["msg"].startswith("queue: ")
    assert account.client("secretsmanager").list_secrets()["SecretList"] == []


@pytest.mark.parametrize("emulator", ["moto"], indirect=True)
@pytest.mark.parametrize("arguments", [[], ["--check"]])
def test_a_variable_without_a_value_is_no_plan_with_the_default(account: Account, arguments: list[str]) -> None:
    variables = json.dumps({"queue_visibility_timeout": "{{ nowhere.set }}"})

    failed = run(account, "site", "--tags", "secrets,queue", "-e", variables, *arguments)

    assert failed.returncode != 0 and failed.api_calls["write"] == 0
    assert failed.results[-1]["msg"].startswith("queue: queue_visibility_timeout: ")
    assert "'nowhere' is undefined" in failed.results[-1]["msg"]


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
