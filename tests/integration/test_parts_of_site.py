"""Parts of the playbook ``site`` run alone on a complete environment, and two environments in one play.

MiniStack runs no container here: the image exists already, and a thread ends the task that migrates the database.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.exceptions import ClientError
from emulators import CREDENTIALS, REGION, Account, Emulator
from playbook_runs import PlaybookRun, playbook, succeed

pytestmark = pytest.mark.parametrize("emulator", ["ministack"], indirect=True)

TAGS = (
    "network",
    "security",
    "storage",
    "secrets",
    "queue",
    "database",
    "load_balancer",
    "observability",
    "cluster",
    "image",
    "airflow",
    "workers",
    "scaler",
)


def site(account: Account, *arguments: str) -> PlaybookRun:
    """Run the playbook on the emulator, with images and the internal name that an account has."""
    variables = {
        "sm2a_endpoint_url": account.emulator.url,
        "image_uris": {"airflow": "registry.example.com/airflow:1", "scaler": "registry.example.com/scaler:1"},
        "cluster_service_discovery": True,
        "sm2a_execution_api_server_url": "",
    }
    return playbook("site", *arguments, "-e", json.dumps(variables))


@contextmanager
def migrations_end(account: Account) -> Iterator[None]:
    """End every one-off task of the cluster, as its program would."""
    ecs, done = account.client("ecs"), threading.Event()

    def end() -> None:
        while not done.wait(0.3):
            try:
                for task in ecs.list_tasks(cluster="sm2a-local", family="sm2a-local-migration")["taskArns"]:
                    ecs.stop_task(cluster="sm2a-local", task=task)
            except ClientError:
                continue  # there is no cluster yet

    thread = threading.Thread(target=end)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def test_x(emulator: Emulator) -> None:
    emulator.reset()
    account = Account(emulator)
    with migrations_end(account):
        run = succeed(site(account))
    print(run.stats)
    for tag in TAGS:
        run = site(account, "--tags", tag)
        print(tag, run.returncode, run.stats, run.api_calls, [r.get("msg") for r in run.results if r.get("failed")], [s for s in run.plan if s["action"]!="none"])
    assert 0
