# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The scaler on the real platform: a burst, a killed scaler, sources that fail, a pool that is given up.

What the scaler saw and decided is read from its own log in CloudWatch Logs; what became of the tasks, from Airflow.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import denials
import pytest
import requests
from platform_client import ENDPOINT, FINISHED, Airflow, aws, workers
from playbook_runs import ROOT, Platform, airflow_with, docker, playbook, succeed, wait

POOL = "burst"
MAXIMUM = 3
POOLS = {
    "default": {"minimum": 1, "maximum": 3, "concurrency": 2, "cpu": 1024, "memory": 2048},
    POOL: {"minimum": 0, "maximum": MAXIMUM, "concurrency": 2, "cpu": 1024, "memory": 2048},
}
LOOP_SECONDS = 5.0


@pytest.fixture(scope="module")
def airflow(platform: Platform) -> Airflow:
    """Airflow with a second pool, which has no worker as long as it has no task."""
    succeed(playbook("site", "-e", json.dumps({"sm2a_worker_pools": POOLS})))
    return airflow_with("sm2a_burst", "sm2a_long")


def containers(family: str) -> list[str]:
    return docker(
        "ps", "--quiet", "--filter", f"label=com.amazonaws.ecs.task-definition-family=sm2a-local-{family}"
    ).split()


def scaler_log(since: float) -> list[dict[str, Any]]:
    """Return the scaler's lines since a Unix time, each with its own as ``at``."""
    events: list[dict[str, Any]] = []
    pages = aws("logs").get_paginator("filter_log_events")
    for page in pages.paginate(logGroupName="/sm2a/local/scaler", startTime=int(since * 1000)):
        for event in page["events"]:
            line = json.loads(event["message"])
            at = (
                line["_aws"]["Timestamp"] / 1000 if "_aws" in line else datetime.fromisoformat(line["time"]).timestamp()
            )
            events.append({**line, "at": at})
    return sorted((event for event in events if event["at"] >= since), key=lambda event: event["at"])


def seen(since: float) -> list[dict[str, Any]]:
    """Return what the scaler saw of the pool, loop by loop."""
    return [line for line in scaler_log(since) if line.get("Pool") == POOL]


def scalings(since: float) -> list[dict[str, Any]]:
    """Return each change of the service's desired count."""
    return [line for line in scaler_log(since) if line.get("message") == "scaled" and line["pool"] == POOL]


def test_a_burst_gets_its_workers_by_one_decision_and_a_killed_scaler_changes_nothing(airflow: Airflow) -> None:
    wait("no worker", lambda: workers(POOL) == (0, 0), 60)
    began = time.time()
    run = airflow.trigger("sm2a_burst")

    def done() -> int:
        return sum(task["state"] == "success" for task in airflow.task_instances("sm2a_burst", run))

    wait("a quarter of the tasks", lambda: done() >= 50, 300, interval=5)
    killed = time.time()
    docker("kill", *containers("scaler"))
    wait("a successor", lambda: any(line["at"] > killed for line in seen(killed)), 30)

    wait("the run", lambda: airflow.run_state("sm2a_burst", run) in FINISHED, 600, interval=5)
    wait("workers gone", lambda: workers(POOL) == (0, 0), 240)
    time.sleep(2 * LOOP_SECONDS)
    timeline = seen(began)
    _keep(timeline, began, killed)

    tasks = airflow.task_instances("sm2a_burst", run)
    assert len(tasks) == 200
    assert {(task["state"], task["try_number"]) for task in tasks} == {("success", 1)}
    first = min(datetime.fromisoformat(task["queued_when"]).timestamp() for task in tasks)
    out, *others = scalings(began)
    assert (out["from"], out["to"]) == (0, MAXIMUM)
    assert out["at"] - first <= 10
    assert others and all(later["to"] < later["from"] for later in others)
    assert max(line["CordonedWorkers"] for line in timeline) > 0


def _keep(timeline: list[dict[str, Any]], began: float, killed: float) -> None:
    """Write what the documentation's picture is drawn from."""
    names = ("QueuedTasks", "RunningTasks", "WantedWorkers", "ReadyWorkers", "StartingWorkers", "CordonedWorkers")
    lines = [{"at": round(line["at"] - began, 1), **{name: line.get(name) for name in names}} for line in timeline]
    target = ROOT / ".local" / "scaler-burst.json"
    target.write_text(json.dumps({"killed": round(killed - began, 1), "timeline": lines}, indent=1))


@contextlib.contextmanager
def a_long_task(airflow: Airflow, seconds: float) -> Iterator[None]:
    """Keep a worker busy with one task for so long, and assert that nobody stopped it."""
    began = time.time()
    airflow.request("PATCH", "/api/v2/dags/sm2a_long", json={"is_paused": False})
    body = {"logical_date": None, "conf": {"seconds": seconds}}
    run = airflow.json("POST", "/api/v2/dags/sm2a_long/dagRuns", json=body)["dag_run_id"]

    def states() -> set[tuple[str, int]]:
        return {(task["state"], task["try_number"]) for task in airflow.task_instances("sm2a_long", run)}

    wait("the task", lambda: states() == {("running", 1)}, 120)
    assert len(containers(f"worker-{POOL}")) == 1
    yield
    wait("the run", lambda: airflow.run_state("sm2a_long", run) in FINISHED, seconds + 120)
    assert states() == {("success", 1)}
    assert all(later["to"] >= later["from"] or later["to"] == 0 for later in scalings(began))


def _fault(**faults: str) -> None:
    requests.put(f"{ENDPOINT}/_sm2a/faults", json=faults, timeout=10).raise_for_status()


def _recovers(lost: float, back: float, source: str) -> None:
    """Assert that the scaler noticed, took nobody away, and sees again within two loops."""
    wait("the scaler", lambda: any(line["at"] > back + 2 * LOOP_SECONDS for line in seen(back)), 60)
    loops = [line for line in scaler_log(lost) if "faults" in line]
    assert any(source in name for line in loops if line["at"] < back for name in line["faults"])
    assert not any(line["faults"] for line in loops if line["at"] > back + 2 * LOOP_SECONDS), loops[-1]
    assert [change for change in scalings(lost) if change["at"] < back + 2 * LOOP_SECONDS] == []


@pytest.fixture(scope="class")
def a_task(airflow: Airflow) -> Iterator[None]:
    """Keep one task running all the while."""
    with a_long_task(airflow, 240):
        yield


class TestFaults:
    def test_the_database_is_down_for_a_minute(self, a_task: None) -> None:
        (database,) = docker("ps", "--quiet", "--filter", "label=ministack=rds").split()
        lost = time.time()
        docker("pause", database)
        try:
            time.sleep(60)
        finally:
            docker("unpause", database)
        _recovers(lost, time.time(), "database")

    def test_sqs_refuses_for_a_minute(self, a_task: None) -> None:
        lost = time.time()
        _fault(**{"AmazonSQS.": "ServiceUnavailable"})
        try:
            time.sleep(60)
        finally:
            _fault()
        _recovers(lost, time.time(), "queue")

    def test_ecs_throttles_for_a_minute(self, a_task: None) -> None:
        lost = time.time()
        _fault(**{"AmazonEC2ContainerServiceV20141113.": "ThrottlingException"})
        try:
            time.sleep(60)
        finally:
            _fault()
        _recovers(lost, time.time(), "services")


def test_a_pool_that_is_given_up_drains(airflow: Airflow) -> None:
    # The scaler may ask queues with the environment's tag; that of the pool has none any more once it is deleted.
    denials.tried.add(("sm2a-local-scaler/", "sqs:GetQueueAttributes"))
    with a_long_task(airflow, 100):
        succeed(playbook("site"))
        assert workers(POOL)[0] == 1, "it goes on with its task"
        # The pool's queue is in the configuration of all services, so these were replaced.
        airflow.wait_until_up()
    wait("its worker gone", lambda: workers(POOL) == (0, 0), 300)
    after = succeed(playbook("site"))
    names = {step["name"] for step in after.plan if step["action"] == "delete"}
    assert {f"sm2a-local-worker-{POOL}", f"sm2a-local-{POOL}"} <= names
    assert succeed(playbook("site")).stats["changed"] == 0
