# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A module that runs in a fork of the controller does, says and returns what it does as a program of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from emulators import CREDENTIALS, REGION, Account
from fargate_stand_in import fargate
from playbook_runs import ROOT, PlaybookRun, playbook, succeed

MODULES = sorted(
    path.stem for path in (ROOT / "plugins/modules").glob("[a-z]*.py") if "def main():" in path.read_text()
)
HERE = sys.executable


@pytest.fixture
def program(tmp_path: Path) -> str:
    """A path of Python that is not the controller's, so that modules are programs."""
    path = tmp_path / "python"
    path.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    path.chmod(0o755)
    return str(path)


# When a plan was made, and when AWS made a queue or changed it.
TIMES = ("at", "CreatedTimestamp", "LastModifiedTimestamp")


def without_times(result: Any) -> Any:
    """Return a result without the times in it."""
    if isinstance(result, dict):
        return {key: without_times(value) for key, value in result.items() if key not in TIMES}
    return [without_times(value) for value in result] if isinstance(result, list) else result


def form(value: Any) -> Any:
    """Return the keys and types of a value: what does not depend on ids that AWS chooses."""
    if isinstance(value, dict):
        return {key: form(item) for key, item in value.items()}
    return [form(item) for item in value] if isinstance(value, list) else type(value).__name__


@pytest.mark.parametrize("emulator", ["ministack"], indirect=True)
def test_site_is_the_same_both_ways(account: Account, program: str) -> None:
    """In an empty account, when it creates everything and when it changes nothing."""
    with fargate(account.emulator.url) as url:

        def site(python: str, *arguments: str) -> PlaybookRun:
            variables = {
                "ansible_python_interpreter": python,
                "sm2a_endpoint_url": url,
                "sm2a_access_key": CREDENTIALS["access_key"],
                "sm2a_secret_key": CREDENTIALS["secret_key"],
                "load_balancer_hosted_zone_id": account.emulator.hosted_zone(),
                "image_uris": {name: f"registry.example.com/{name}:1" for name in ("airflow", "scaler")},
            }
            return succeed(playbook("site", "--diff", "-e", json.dumps(variables), *arguments, inventory="dev"))

        def empty() -> None:
            account.emulator.reset()
            account.emulator.hosted_zone()

        empty()
        planned = [site(python, "--check") for python in (HERE, program)]
        made = [site(HERE)]
        repeated = [site(python) for python in (HERE, program)]
        empty()
        made += [site(program)]

    for one, other in (planned, repeated):
        assert without_times(one.results) == without_times(other.results)
    one, other = made
    assert [result.get("changed") for result in one.results] == [result.get("changed") for result in other.results]
    assert one.plan == other.plan
    assert [form(without_times(result)) for result in one.results] == [
        form(without_times(result)) for result in other.results
    ]
    assert {result["action"] for result in one.results} >= {
        f"sm2a.airflow.{module}" for module in MODULES if module != "environment_info"
    }


def play(tasks: list[dict[str, Any]], folder: Path, account: Account, python: str, **more: Any) -> list[dict[str, Any]]:
    """Run tasks with our modules' defaults set, failed ones included, and return their results."""
    defaults = {"region": REGION, "endpoint_url": account.emulator.url, **CREDENTIALS}
    written = {
        "hosts": "all",
        "gather_facts": False,
        "module_defaults": {"group/sm2a.airflow.airflow": defaults},
        "vars": {"ansible_python_interpreter": python, **more},
        "tasks": [{"ignore_errors": True, **task} for task in tasks],
    }
    path = folder / "play.yml"
    path.write_text(yaml.safe_dump([written], sort_keys=False))
    done = subprocess.run(
        ["ansible-playbook", "-i", "here,", "-c", "local", str(path)],
        env={**os.environ, "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json"},
        capture_output=True,
        text=True,
        check=False,
    )
    report = json.loads(done.stdout[done.stdout.index("{") :])
    return [task["hosts"]["here"] for task in report["plays"][0]["tasks"]]


def both_ways(tasks: list[dict[str, Any]], folder: Path, account: Account, program: str) -> list[dict[str, Any]]:
    """Run tasks both ways, each from an empty account; return their results, which have to be the same."""
    found = []
    for python in (HERE, program):
        account.emulator.reset()
        found.append(play(tasks, folder, account, python))
    for one, other in zip(*found, strict=True):
        assert without_times(one) == without_times(other)
    return found[0]


@pytest.mark.parametrize("emulator", ["moto"], indirect=True)
class TestResults:
    """What is special about a run, both ways."""

    def test_failures(self, account: Account, tmp_path: Path, program: str) -> None:
        """Of every module: an option that AWS would refuse, an unknown one, and one that is missing."""
        given: list[dict[str, Any]] = [{"environment": "Not Good"}, {"environment": "test", "nonsense": 1}, {}]
        tasks = [{f"sm2a.airflow.{module}": options} for module in MODULES for options in given]

        results = both_ways(tasks, tmp_path, account, program)

        assert len(results) == len(tasks) and all(result["failed"] and result["msg"] for result in results)

    def test_what_aws_says(self, account: Account, tmp_path: Path, program: str) -> None:
        """Nobody listens at this address; botocore is told not to try again."""
        nowhere = {"endpoint_url": "http://127.0.0.1:9", "aws_config": {"retries": {"total_max_attempts": 1}}}
        tasks = [
            {"sm2a.airflow.queue": {"environment": "test", **nowhere}},
            {"sm2a.airflow.queue": {"environment": "test", "profile": "none", "access_key": "", "secret_key": ""}},
        ]

        one, other = both_ways(tasks, tmp_path, account, program)

        assert "Could not connect to the endpoint URL" in one["msg"]
        assert "none" in other["msg"]

    def test_secrets_are_masked(self, account: Account, tmp_path: Path, program: str) -> None:
        """Those that are created, and what was given as one wherever else it turns up."""
        options = {"environment": "test", "tags": {"note": CREDENTIALS["secret_key"]}}
        tasks = [{"sm2a.airflow.secrets": {**options, "state": state}} for state in ("present", "present")]

        results = both_ways([{**task, "diff": True} for task in tasks], tmp_path, account, program)

        assert [result["changed"] for result in results] == [True, False]
        admin = json.loads(
            account.client("secretsmanager").get_secret_value(SecretId="sm2a/test/admin")["SecretString"]
        )
        assert admin["password"] not in json.dumps(results)
        assert CREDENTIALS["secret_key"] not in json.dumps(results)

    def test_how_a_task_is_written(self, account: Account, tmp_path: Path, program: str) -> None:
        queue = "sm2a.airflow.queue"
        tasks = [
            {queue: {"environment": "test", "pools": "{{ item }}"}, "loop": [["a"], ["a", "b"], ["b"]]},
            {queue: {"environment": "test"}, "check_mode": True, "diff": True, "register": "planned"},
            {"ansible.builtin.debug": {"msg": "{{ planned.queue, ansible_facts.sm2a_queue.environment }}"}},
            {queue: {"environment": "test"}, "delegate_to": "localhost", "delegate_facts": True},
            {queue: {"environment": "test"}, "environment": {"AWS_REGION": "us-east-1"}},
            {queue: {"environment": "test"}, "environment": {"PYTHONHASHSEED": "1"}, "no_log": True},
            {queue: {"environment": "test"}, "async": 60, "poll": 1},
            {"sm2a.airflow.environment_info": {"environment": "test"}},
        ]

        results = both_ways(tasks[:6], tmp_path, account, program)
        finished = play(tasks[6:], tmp_path, account, HERE)

        assert [result["changed"] for result in results[0]["results"]] == [True, True, True]
        assert not any(result.get("failed") for result in [*results, *finished])
        assert finished[0]["finished"] and finished[0]["queue"]


@pytest.mark.parametrize("emulator", ["moto"], indirect=True)
def test_a_task_that_times_out_is_ended(account: Account, tmp_path: Path) -> None:
    # An address at which nobody answers.
    listener = subprocess.Popen(
        [sys.executable, "-c", "import socket, time; s = socket.create_server(('127.0.0.1', 0)); "
         "print(s.getsockname()[1], flush=True); time.sleep(60)"],
        stdout=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    assert listener.stdout is not None
    silent = f"http://127.0.0.1:{listener.stdout.readline().strip()}"
    tasks = [{"sm2a.airflow.queue": {"environment": "test", "endpoint_url": silent}, "timeout": 2}]

    started = time.monotonic()
    [result] = play(tasks, tmp_path, account, HERE)
    seconds = time.monotonic() - started
    listener.terminate()
    listener.communicate()

    assert result["failed"] and "2 second" in json.dumps(result)
    assert seconds < 45
