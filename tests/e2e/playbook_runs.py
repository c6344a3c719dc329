# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs our playbooks on the local AWS and reports what they did."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import authority
import pytest
from platform_client import Airflow, aws

ROOT = Path(__file__).resolve().parents[2]
LOCAL_AWS = ROOT / "tests" / "local_aws"
# The beginning of access keys of tests/local_aws/iam_principals.py: users with the policies of docs/iam, or, with
# "RECORD", users who may do everything and of whom is noted what they do.
USERS = os.environ.get("SM2A_TEST_IAM") or "LOCAL"
# `make test-mysql` sets it.
DATABASE_ENGINE = os.environ.get("SM2A_TEST_DATABASE_ENGINE")


@dataclass
class PlaybookRun:
    """What a run of a playbook did: its exit code, seconds, statistics and the results of its tasks."""

    returncode: int
    seconds: float
    stats: dict[str, int]
    results: list[dict[str, Any]] = field(default_factory=list)
    output: str = ""

    @property
    def after(self) -> dict[str, Any]:
        """What each resource that changes will be, by its label, of all differences that were shown."""
        return after_of(self.results)

    @property
    def plan(self) -> list[dict[str, str]]:
        """Every resource of every component, with what was done to it, or would be if the run only planned."""
        planned = [result["plan"] for result in self.results if "plan" in result and "complete" in result]
        done = [result["plan"] for result in self.results if "plan" in result and "complete" not in result]
        return [step for plan in done or planned for step in plan]

    @property
    def api_calls(self) -> dict[str, int]:
        """The calls to AWS of all modules together."""
        calls = [result["api_calls"] for result in self.results if "api_calls" in result]
        return {kind: sum(call[kind] for call in calls) for kind in ("read", "write")}


def local_aws(*arguments: str) -> None:
    """Run the tool that starts, wipes and stops the local AWS."""
    subprocess.run([sys.executable, str(LOCAL_AWS / "local_aws.py"), *arguments], check=True, cwd=ROOT)


def docker(*arguments: str) -> str:
    """Run Docker's client and return what it printed."""
    return subprocess.run(["docker", *arguments], capture_output=True, text=True, check=True).stdout


def playbook(name: str, *arguments: str, inventory: str = "local") -> PlaybookRun:
    """Run one of the collection's playbooks on one of its inventories and report it."""
    environment = {
        **os.environ,
        "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json",
        "ANSIBLE_LOCALHOST_WARNING": "False",
        # With it `status` asks Airflow for its health.
        "SSL_CERT_FILE": str(authority.CERTIFICATE),
    }
    engine = ["-e", f"database_engine={DATABASE_ENGINE}"] if DATABASE_ENGINE else []
    user = ["-e", f"sm2a_access_key={_user(name, arguments)}"] if inventory == "local" else []
    command = [
        "ansible-playbook",
        f"playbooks/{name}.yml",
        "-i",
        f"inventories/{inventory}",
        *engine,
        *user,
        *arguments,
    ]
    started = time.monotonic()
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    seconds = time.monotonic() - started
    try:
        report = json.loads(done.stdout[done.stdout.index("{") :])
    except ValueError:
        pytest.fail(f"{name} printed no report:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
    results = [task["hosts"][host] for play in report["plays"] for task in play["tasks"] for host in task["hosts"]]
    stats = next(iter(report["stats"].values()), {})
    run = PlaybookRun(done.returncode, seconds, stats, results, done.stdout)
    print(f"\n{name} {' '.join(arguments)}: {seconds:.0f} s, calls to AWS {run.api_calls}")
    return run


def _user(name: str, arguments: tuple[str, ...]) -> str:
    """Return the access key of the user whom docs/iam means for a run of this kind."""
    if name == "status" or "--check" in arguments:
        return USERS + "READONLY"
    return USERS + ("TEARDOWN" if name == "teardown" else "DEPLOYER")


def after_of(results: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what each resource that changes will be, by its label; a result has one difference or a list of them."""
    differences = [result.get("diff", []) for result in results if "plan" in result]
    each = [one for found in differences for one in (found if isinstance(found, list) else [found])]
    return {label: state for one in each for label, state in one["after"].items()}


def succeed(run: PlaybookRun) -> PlaybookRun:
    """Fail the test, with the failed task's message, unless the run succeeded."""
    failures = [result.get("msg") for result in run.results if result.get("failed")]
    assert run.returncode == 0, f"failed: {failures}"
    return run


def wait(what: str, probe: Callable[[], Any], timeout: float, interval: float = 1.0) -> None:
    """Return once ``probe`` says something true; fail the test if that takes longer than ``timeout`` seconds."""
    deadline = time.monotonic() + timeout
    while not probe():
        assert time.monotonic() < deadline, f"{what}: not within {timeout:.0f} seconds"
        time.sleep(interval)


def publish_dags() -> None:
    """Put the DAGs of these tests where the platform takes DAGs from."""
    bucket = next(b["Name"] for b in aws("s3").list_buckets()["Buckets"] if b["Name"].startswith("sm2a-local-dags-"))
    for path in Path(__file__).with_name("dags").glob("*.py"):
        aws("s3").upload_file(str(path), bucket, f"dags/{path.name}")


def airflow_with(*dags: str) -> Airflow:
    """Publish the DAGs of these tests, and return Airflow, logged in, once it has those that are named."""
    publish_dags()
    client = Airflow()
    client.wait_until_up()
    client.log_in()
    for dag in dags:
        client.wait_for_dag(dag, timeout=240)
    return client


@dataclass
class Platform:
    """The deployed platform and the runs that made it."""

    planned: PlaybookRun
    created: PlaybookRun
