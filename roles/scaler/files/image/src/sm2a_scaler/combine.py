# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Puts what the sources told of one pool together into what the policy sees. Pure, but for what it remembers.

A worker is an ECS task; what it does, it writes into the database; what it runs, Airflow knows by its host name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sm2a_scaler.metadata import HORIZON_SECONDS
from sm2a_scaler.policy import values
from sm2a_scaler.policy.values import (
    STARTING_SECONDS,
    Messages,
    Observation,
    QueuedTask,
    Tick,
    UpcomingTask,
    Worker,
)
from sm2a_scaler.sources import MetadataAnswer, QueuedInstances, RunningInstance, Service, TaskProfile, WorkerRow

SILENT_WORKER_SECONDS = 15.0
"""A worker writes every two seconds; one that has been silent for so long is taken to be full, and left alone."""

HUNG_SECONDS = 120.0
"""A worker that has not written for so long, while the database answered the scaler all the time, is taken to hang: it
is left alone, and another one may take its place. Time enough to find the database again after a failover."""

QUEUED_TASKS = 2000
"""Queued tasks that are described one by one; a queue that is longer needs the maximum of workers anyway."""


@dataclass(frozen=True)
class PoolState:
    """One pool as it is: what the policy sees, and what only who acts must know."""

    observation: Observation
    service: Service
    outdated: tuple[str, ...] = ()
    """ECS tasks of an older revision, which ECS replaces as soon as they are empty."""
    cordoned: Mapping[str, float] = field(default_factory=dict)
    """Workers that are told to take no new task, and for how many more seconds."""
    told: frozenset[str] = frozenset()
    """Workers that can be told: they have a row."""
    leaving: frozenset[str] = frozenset()
    """Workers of the present revision that are cordoned, empty and free for ECS to stop."""
    exposed: frozenset[str] = frozenset()
    """Workers that may have tasks and that ECS has not promised to spare."""


class Combiner:
    """Remembers since when each worker is idle, or is waited for, and what one answer of the database announces.

    And since when the database has answered: before that no worker could be heard.
    """

    def __init__(self) -> None:
        self._since: dict[str, float] = {}
        self._hosts: dict[str, str] = {}
        self._heard_since: float | None = None
        self._announced: tuple[MetadataAnswer | None, dict[str, list[Tick]], dict[str, list[UpcomingTask]]] = (
            None,
            {},
            {},
        )

    def forget_others(self, workers: Iterable[Worker]) -> None:
        """Forget the workers that are gone."""
        alive = {worker.id for worker in workers}
        self._since = {worker: since for worker, since in self._since.items() if worker in alive}
        self._hosts = {worker: host for worker, host in self._hosts.items() if worker in alive}

    def pool_state(
        self,
        at: float,
        queue: str,
        concurrency: int,
        database: MetadataAnswer | None,
        service: Service,
        messages: Messages | None,
    ) -> PoolState:
        """Put together what is known of the pool of a queue at ``at`` (seconds)."""
        rows = database.workers if database else {}
        if database is None or self._heard_since is None or at < self._heard_since:
            self._heard_since = at if database else None
        heard = None if self._heard_since is None else at - self._heard_since
        running = [task for task in database.running if task.queue == queue] if database else []
        by_host: dict[str, list[RunningInstance]] = {}
        for task in running:
            by_host.setdefault(task.hostname, []).append(task)
        profiles = database.profiles if database else {}

        workers, outdated, elsewhere = [], [], 0
        for ecs_task in service.tasks:
            row = rows.get(ecs_task.id)
            if row is not None:
                self._hosts[ecs_task.id] = row.hostname
            tasks = by_host.get(self._hosts.get(ecs_task.id, ""), [])
            if ecs_task.task_definition != service.task_definition:
                outdated.append(ecs_task.id)
                elsewhere += len(tasks)
            else:
                workers.append(self._worker(at, ecs_task.id, ecs_task.age, row, tasks, heard, concurrency, profiles))

        workers += self._not_yet_placed(at, queue, service.desired - len(workers))
        present = [rows[task.id] for task in service.tasks if task.id in rows]
        old = frozenset(outdated)
        unknown = {task.id for task in service.tasks if task.id not in rows and task.age >= STARTING_SECONDS}
        return PoolState(
            observation=self._observation(
                queue, database, tuple(workers), running, max(0, len(running) - elsewhere), messages
            ),
            service=service,
            outdated=tuple(outdated),
            cordoned={row.ecs_task: row.cordoned for row in present if row.cordoned > 0},
            told=frozenset(row.ecs_task for row in present),
            leaving=frozenset(row.ecs_task for row in present if _may_leave(row) and row.ecs_task not in old),
            exposed=frozenset(row.ecs_task for row in present if not row.protected and not _may_leave(row)) | unknown,
        )

    def _not_yet_placed(self, at: float, queue: str, number: int) -> list[Worker]:
        """The workers that ECS was asked for and has no task for yet."""
        names = [f"{queue} {nth + 1}" for nth in range(number)]
        since = [self._since.setdefault(name, at) for name in names]
        # They do not hang, however long that takes: to ask ECS for more of them would not make room for the first.
        longest = STARTING_SECONDS - 1
        return [
            Worker(name, values.STARTING, min(at - asked, longest), busy=0, idle=0.0)
            for name, asked in zip(names, since, strict=True)
        ]

    def _worker(
        self,
        at: float,
        name: str,
        age: float,
        row: WorkerRow | None,
        tasks: list[RunningInstance],
        heard: float | None,
        concurrency: int,
        profiles: Mapping[str, Mapping[str, TaskProfile]],
    ) -> Worker:
        """``heard``: for how many seconds the database has answered; ``None``: it does not."""
        if row is None and age < STARTING_SECONDS and heard is not None:
            return Worker(name, values.STARTING, age, busy=0, idle=0.0)
        if row is None or row.seen > SILENT_WORKER_SECONDS:
            if heard is not None and min(heard, row.seen if row else age) >= HUNG_SECONDS:
                return Worker(name, values.HUNG, age, busy=len(tasks), idle=0.0)
            return Worker(name, values.READY, age, busy=max(concurrency, len(tasks)), idle=0.0)
        busy = max(row.busy, len(tasks))
        idle_since = self._since.setdefault(name, at)
        if busy:
            self._since[name] = idle_since = at
        return Worker(
            name,
            values.CORDONED if row.cordoned > 0 else values.READY,
            age,
            busy,
            at - idle_since,
            tuple(values.RunningTask(task.elapsed, _duration(profiles, task)) for task in tasks),
        )

    def _observation(
        self,
        queue: str,
        database: MetadataAnswer | None,
        workers: tuple[Worker, ...],
        running: list[RunningInstance],
        present: int,
        messages: Messages | None,
    ) -> Observation:
        """``present``: how many of the running tasks are on workers of the present revision."""
        if database is None:
            return Observation(None, None, workers, messages=messages)
        if self._announced[0] is not database:
            # Once for all pools: it takes a look at every task.
            self._announced = (database, _schedule(database), _upcoming(database))
        _database, schedule, upcoming = self._announced
        profiles = database.profiles
        queued = [group for group in database.queued if group.queue == queue]
        tasks: list[tuple[QueuedInstances | RunningInstance, int]] = [(group, group.instances) for group in queued]
        tasks += [(task, 1) for task in running]
        durations = [(duration, count) for task, count in tasks if (duration := _duration(profiles, task)) is not None]
        known = sum(count for _seconds, count in durations)
        return Observation(
            queued=sum(group.instances for group in queued),
            running=present,
            workers=workers,
            mean_duration=sum(duration * count for duration, count in durations) / known if known else None,
            schedule=tuple(schedule.get(queue, ())),
            queued_tasks=_queued_tasks(queued, profiles),
            upcoming=tuple(upcoming.get(queue, ())),
            messages=messages,
        )


def _may_leave(row: WorkerRow) -> bool:
    """Cordoned, empty, and given up by its protection: whatever ECS does to it, no task is lost."""
    return row.cordoned > 0 and row.state == "empty" and not row.busy and not row.protected


def _duration(
    profiles: Mapping[str, Mapping[str, TaskProfile]], task: RunningInstance | QueuedInstances
) -> float | None:
    profile = profiles.get(task.dag_id, {}).get(task.task_id)
    return profile.duration if profile else None


def _queued_tasks(
    queued: list[QueuedInstances], profiles: Mapping[str, Mapping[str, TaskProfile]]
) -> tuple[QueuedTask, ...]:
    """One by one, oldest first; the instances of a mapped task are taken to have come evenly."""
    tasks = []
    for group in queued:
        step = (group.oldest - group.youngest) / max(1, group.instances - 1)
        expected = _duration(profiles, group)
        tasks += [QueuedTask(group.oldest - step * nth, expected) for nth in range(min(group.instances, QUEUED_TASKS))]
    return tuple(sorted(tasks, key=lambda task: -task.age)[:QUEUED_TASKS])


def _schedule(database: MetadataAnswer) -> dict[str, list[Tick]]:
    """By queue, the runs that are due, with the tasks that their DAG's recent runs had, each when it used to begin."""
    ticks: dict[str, list[Tick]] = {}
    for dag, seconds in database.due.items():
        for profile in database.profiles.get(dag, {}).values():
            due_in = max(0.0, seconds) + profile.offset
            if profile.instances and due_in <= HORIZON_SECONDS:
                ticks.setdefault(profile.queue, []).append(Tick(due_in, profile.instances, profile.duration))
    return ticks


def _upcoming(database: MetadataAnswer) -> dict[str, list[UpcomingTask]]:
    """By queue, the tasks that used to follow those that are under way, as late as these are.

    What has a later place in the run than whatever is queued or runs has not begun; a run is as late as the latest
    of its present tasks.
    """
    runs: dict[tuple[str, str], list[tuple[float, float]]] = {}
    begun_runs = {(task.dag_id, task.run_id) for task in database.running}
    ages: dict[tuple[str, str], float] = {}
    under_way: list[QueuedInstances | RunningInstance] = [*database.queued, *database.running]
    for task in under_way:
        profile = database.profiles.get(task.dag_id, {}).get(task.task_id)
        if profile is None or not profile.instances:
            continue
        begun = task.run_age if isinstance(task, QueuedInstances) else task.run_age - task.elapsed
        key = (task.dag_id, task.run_id)
        runs.setdefault(key, []).append((profile.offset, max(0.0, begun - profile.offset)))
        ages[key] = max(ages.get(key, 0.0), task.run_age)
    upcoming: dict[str, list[UpcomingTask]] = {}
    for (dag, run), present in runs.items():
        last = max(offset for offset, _late in present)
        late = max(late for _offset, late in present)
        for profile in database.profiles[dag].values():
            if profile.instances and profile.offset > last:
                due_in = max(0.0, profile.offset + late - ages[dag, run])
                if due_in <= HORIZON_SECONDS:
                    one = UpcomingTask(due_in, profile.duration, held=(dag, run) not in begun_runs)
                    upcoming.setdefault(profile.queue, []).extend([one] * profile.instances)
    return upcoming
