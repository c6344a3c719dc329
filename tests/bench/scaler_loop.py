# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A loop of the scaler for ten pools: its processor time beside the budget of one per cent of a quarter vCPU."""

from __future__ import annotations

import contextlib
import io
import threading
import time
from datetime import UTC, datetime
from typing import Any

LOOPS = 60
INTERVAL_SECONDS = 5.0
BUDGET_SECONDS = 0.01 * 0.25 * INTERVAL_SECONDS
POOLS, SLOTS = 10, 16
# Workers of each pool, tasks that each of them runs, tasks that wait.
LOADS = {"nothing to do": (1, 0, 0), "work": (4, 6, 2), "a burst in every pool": (8, 8, 200)}
# What lasts must keep to the budget; a burst is over after some loops.
LASTING = ("nothing to do", "work")


class Aws:
    """ECS and SQS that answer at once: what is measured is the scaler."""

    def __init__(self, workers: int) -> None:
        self.workers = workers

    def describe_services(self, cluster: str, services: list[str]) -> dict[str, Any]:
        counts = {
            "desiredCount": self.workers,
            "runningCount": self.workers,
            "pendingCount": 0,
            "taskDefinition": "worker:1",
        }
        return {"services": [{"serviceName": name, "status": "ACTIVE", **counts} for name in services]}

    def list_tasks(self, cluster: str, maxResults: int) -> dict[str, Any]:
        return {"taskArns": [f"arn/{pool}-{worker}" for pool in range(POOLS) for worker in range(self.workers)]}

    def describe_tasks(self, cluster: str, tasks: list[str]) -> dict[str, Any]:
        now = datetime.now(UTC)
        return {
            "tasks": [
                {
                    "taskArn": f"arn/{task}",
                    "group": f"service:worker-{task.split('-')[0]}",
                    "createdAt": now,
                    "taskDefinitionArn": "worker:1",
                }
                for task in tasks
            ]
        }

    def get_queue_attributes(self, QueueUrl: str, AttributeNames: list[str]) -> dict[str, Any]:
        return {"Attributes": dict.fromkeys(AttributeNames, "1")}

    def update_service(self, **_request: Any) -> None: ...


class Metadata:
    """A database with queued and running tasks of known durations in every pool."""

    def __init__(self, workers: int, busy: int, queued: int) -> None:
        self.workers, self.busy, self.queued = workers, busy, queued

    def read(self, at: float) -> Any:
        from sm2a_scaler.sources import MetadataAnswer, QueuedInstances, RunningInstance, TaskProfile, WorkerRow

        workers = {
            f"{pool}-{nth}": WorkerRow(
                f"{pool}-{nth}", f"q{pool}", f"h{pool}-{nth}", SLOTS, self.busy, "open", True, 1.0, 0.0
            )
            for pool in range(POOLS)
            for nth in range(self.workers)
        }
        running = tuple(
            RunningInstance(row.queue, "dag", "task", "run", row.hostname, elapsed=float(nth), run_age=60.0)
            for row in workers.values()
            for nth in range(row.busy)
        )
        queued = tuple(
            QueuedInstances(f"q{pool}", "dag", "task", "run", self.queued, 1.0, 9.0, 60.0)
            for pool in range(POOLS)
            if self.queued
        )
        profiles = {"dag": {"task": TaskProfile("q0", 40.0, 10, 0.0)}}
        return MetadataAnswer(True, queued, running, workers, {}, profiles)

    def cordon(self, tasks: Any, open_again: Any) -> None: ...


def measure() -> dict[str, float]:
    """Return the processor seconds of a loop under each load."""
    from sm2a_scaler.act import Actor
    from sm2a_scaler.configuration import Configuration, PoolSettings
    from sm2a_scaler.fleet import Fleet
    from sm2a_scaler.loop import Scaler
    from sm2a_scaler.observe import Observer
    from sm2a_scaler.policy.values import Limits
    from sm2a_scaler.report import Board

    pools = {
        f"p{nth}": PoolSettings(f"worker-{nth}", f"q{nth}", f"url/{nth}", Limits(SLOTS, 0, 50)) for nth in range(POOLS)
    }
    configuration = Configuration("bench", "bench", "unused", pools)
    stop = threading.Event()
    seconds = {}
    for name, (workers, busy, queued) in LOADS.items():
        aws, metadata = Aws(workers), Metadata(workers, busy, queued)
        observer = Observer(configuration, Fleet(configuration, aws, aws), metadata)
        scaler = Scaler(configuration, observer, Actor("bench", aws, metadata), Board(INTERVAL_SECONDS, 0.0))
        with contextlib.redirect_stdout(io.StringIO()):
            scaler.loop(0.0, stop)
            started = time.process_time()
            for nth in range(LOOPS):
                scaler.loop(INTERVAL_SECONDS * (nth + 1), stop)
            seconds[name] = (time.process_time() - started) / LOOPS
    return seconds


def show(seconds: dict[str, float]) -> bool:
    """Print what was measured, and return whether loads that last keep to the budget."""
    kept = True
    print(f"A loop of the scaler for {POOLS} pools, without the drivers of AWS and of the database")
    for name, (workers, busy, queued) in LOADS.items():
        title = f"{name}: {POOLS * workers} workers, {POOLS * (queued + workers * busy)} tasks"
        share = seconds[name] / BUDGET_SECONDS
        broken = name in LASTING and share > 1
        line = f"  {title:50}{1000 * seconds[name]:6.1f} ms   of the budget {share:.2f}"
        print(f"{line}{'   BROKEN' if broken else ''}")
        kept = kept and not broken
    return kept
