# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measures what a user waits for, in ratios within one run: seconds mean little on another machine.

- A run that changes nothing: the role ``network`` beside the same network as tasks of amazon.aws, on the same emulator.
- A loop of the scaler for ten pools: its processor time beside the budget of one per cent of a quarter vCPU.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import socket
import statistics
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
ROOT = FOLDER.parents[1]
RUNS = 5
LOOPS = 60
INTERVAL_SECONDS = 5.0
BUDGET_SECONDS = 0.01 * 0.25 * INTERVAL_SECONDS
POOLS, SLOTS = 10, 16
# Workers of each pool, tasks that each of them runs, tasks that wait.
LOADS = {"nothing to do": (1, 0, 0), "work": (4, 6, 2), "a burst in every pool": (8, 8, 200)}
# What lasts must keep to the budget; a burst is over after some loops.
LASTING = ("nothing to do", "work")


@contextlib.contextmanager
def moto() -> Iterator[str]:
    """Run moto on a free port of the loopback interface, and give its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [str(Path(sys.executable).with_name("moto_server")), "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 60
        while True:
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"{address}/moto-api/", timeout=5).read()
                break
            if time.monotonic() > deadline:
                raise TimeoutError("moto did not start")
            time.sleep(0.2)
        yield address
    finally:
        server.terminate()
        server.wait()


def play(name: str, address: str) -> float:
    """Run a playbook and return its seconds."""
    variables = {
        "ansible_python_interpreter": sys.executable,
        "sm2a_environment": "bench",
        "sm2a_region": "eu-central-1",
        "sm2a_endpoint_url": address,
        "sm2a_access_key": "local",
        "sm2a_secret_key": "emulator-only",
        "network_nat_gateways": "none",
        "network_zones": ["eu-central-1a", "eu-central-1b"],
    }
    command = [
        "ansible-playbook",
        "-i",
        str(FOLDER / "hosts"),
        "-e",
        json.dumps(variables),
        str(FOLDER / f"{name}.yml"),
    ]
    started = time.monotonic()
    done = subprocess.run(command, cwd=ROOT, env=os.environ, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{name} failed:\n{done.stdout[-3000:]}{done.stderr[-1000:]}")
    return time.monotonic() - started


def bench_network() -> None:
    """Print how long a run takes that changes nothing."""
    names = ("network_by_tasks", "network_by_roles")
    with moto() as address:
        for name in names:
            play(name, address)
        seconds = {name: [] for name in names}
        for _run in range(RUNS):
            for name in names:
                seconds[name].append(play(name, address))
    tasks, roles = (statistics.median(seconds[name]) for name in names)
    print("A run that changes nothing, median of", RUNS)
    print(f"  14 resources by 7 tasks of amazon.aws   {tasks:6.1f} s")
    print(f"  the role network                        {roles:6.1f} s   ratio {roles / tasks:.2f}")


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


def bench_scaler() -> bool:
    """Print the processor time of a loop, and return whether loads that last keep to the budget."""
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
    kept = True
    print(f"A loop of the scaler for {POOLS} pools, without the drivers of AWS and of the database")
    for name, (workers, busy, queued) in LOADS.items():
        aws, metadata = Aws(workers), Metadata(workers, busy, queued)
        observer = Observer(configuration, Fleet(configuration, aws, aws), metadata)
        scaler = Scaler(configuration, observer, Actor("bench", aws, metadata), Board(INTERVAL_SECONDS, 0.0))
        with contextlib.redirect_stdout(io.StringIO()):
            scaler.loop(0.0, stop)
            started = time.process_time()
            for nth in range(LOOPS):
                scaler.loop(INTERVAL_SECONDS * (nth + 1), stop)
            seconds = (time.process_time() - started) / LOOPS
        title = f"{name}: {POOLS * workers} workers, {POOLS * (queued + workers * busy)} tasks"
        broken = name in LASTING and seconds > BUDGET_SECONDS
        print(
            f"  {title:50}{1000 * seconds:6.1f} ms   of the budget {seconds / BUDGET_SECONDS:.2f}"
            f"{'   BROKEN' if broken else ''}"
        )
        kept = kept and not broken
    return kept


if __name__ == "__main__":
    KEPT = bench_scaler()
    bench_network()
    sys.exit(0 if KEPT else 1)
