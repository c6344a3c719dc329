# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Asks the metadata database, ECS and SQS at the same time; each may fail by itself."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol, TypeVar

from sm2a_scaler.configuration import Configuration
from sm2a_scaler.fleet import CALLS_PER_LOOP, Fleet
from sm2a_scaler.sources import MetadataAnswer, Sources

THREADS = 4
"""How many sources are asked at the same time."""

MESSAGES_SECONDS = 60.0
"""What SQS said is of use for so long; with ten pools each queue is asked every 25 s or so."""

Answer = TypeVar("Answer")


class DatabaseReader(Protocol):
    """What observing needs of the metadata database."""

    def read(self, at: float) -> MetadataAnswer: ...


class Observer:
    """Observes all pools. Its time is bounded by the time-outs of the clients that it is given."""

    def __init__(self, configuration: Configuration, fleet: Fleet, database: DatabaseReader) -> None:
        self._configuration = configuration
        self._fleet = fleet
        self._database = database
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="observe")

    def observe(self, at: float) -> Sources:
        """Return what is known at ``at`` (seconds); never raises for a source that fails."""
        faults: dict[str, str] = {}
        asked_database = self._start(lambda: self._database.read(at))
        asked_services = self._start(self._fleet.services)
        database = _answer(asked_database, "database", faults)
        described = _answer(asked_services, "services", faults)
        calls = self._fleet.service_calls()
        for name in self._configuration.pools:
            if described is not None and name not in described:
                service = self._configuration.pools[name].service
                faults[f"service {name}"] = f"ECS knows no active service {service}"

        workers = [row.ecs_task for row in database.workers.values()] if database else []
        if self._fleet.tasks_are_due(at, described or {}, workers) and described is not None:
            calls += _answer(self._start(lambda: self._fleet.read_tasks(at)), "tasks", faults) or 1

        pools = self._fleet.oldest_queues(max(1, CALLS_PER_LOOP - calls))
        asked = {name: self._start(lambda name=name: self._fleet.read_queue(at, name)) for name in pools}  # type: ignore[misc]
        for name, queue in asked.items():
            _answer(queue, f"queue {name}", faults)
        return Sources(
            at=at,
            database=database,
            services={name: self._fleet.service(at, name, found) for name, found in (described or {}).items()},
            messages=self._fleet.messages(at, MESSAGES_SECONDS),
            faults=faults,
            aws_calls=calls + len(asked),
        )

    def _start(self, ask: Callable[[], Answer]) -> Future[Answer]:
        return self._threads.submit(ask)


def _answer(asked: Future[Answer], source: str, faults: dict[str, str]) -> Answer | None:
    try:
        return asked.result()
    except Exception as error:  # whatever a driver throws: one source that fails must not take the others with it
        faults[source] = f"{type(error).__name__}: {error}".strip()
        return None
