# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the scaler asks Airflow's metadata database, and tells the workers through it.

One statement a loop: its parts have the same columns, a kind, four texts and five numbers, and are put together by
UNION ALL. Airflow's tables are those of 3.3:
https://github.com/apache/airflow/tree/3.3.2/airflow-core/src/airflow/models
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from sm2a_scaler.database import Database, Dialect
from sm2a_scaler.sources import MetadataAnswer, QueuedInstances, RunningInstance, TaskProfile, WorkerRow

HORIZON_SECONDS = 900
"""How far ahead runs that are due are looked for: some starts of a worker, and as long as a warm worker may wait."""

PROFILE_SECONDS = 600
"""For how long what is known of a DAG's recent runs is used before it is looked up again."""

UNKNOWN_SECONDS = 60
"""The same for a DAG that has no finished task yet: its first ones may be running."""

PROFILES = 500
"""DAGs whose profile is kept; each takes some kilobytes."""

RECENT_RUNS = 5
"""Runs of a DAG, the latest ones, that its profile is made of."""

CORDON_SECONDS = 60
"""A cordon ends by itself when no scaler renews it for so long."""

WORKERS_SECONDS = 600
"""Rows of workers that have been silent for longer are of tasks that are gone."""

# A task that names another executor (executor="LocalExecutor") carries a queue's name too, but runs elsewhere.
CELERY = "(ti.executor IS NULL OR POSITION('celery' IN LOWER(ti.executor)) > 0)"

# Handed to the executor, not started: Airflow's limits (pools, DAGs, parallelism) have let these pass. Served, as the
# next one, by the index ti_state.
QUEUED = """
SELECT 'queued', ti.queue, ti.dag_id, ti.task_id, ti.run_id,
    COUNT(*) * 1.0, {now} - MAX({queued}), {now} - MIN({queued}), {now} - MIN({begun}), 0.0
FROM task_instance ti JOIN dag_run r ON r.dag_id = ti.dag_id AND r.run_id = ti.run_id
WHERE ti.state = 'queued' AND {celery}
GROUP BY ti.queue, ti.dag_id, ti.task_id, ti.run_id
"""
RUNNING = """
SELECT 'running', ti.queue, ti.dag_id, ti.task_id, CONCAT(ti.hostname, '\n', ti.run_id),
    {now} - {started}, {now} - {begun}, 0.0, 0.0, 0.0
FROM task_instance ti JOIN dag_run r ON r.dag_id = ti.dag_id AND r.run_id = ti.run_id
WHERE ti.state IN ('running', 'restarting') AND {celery}
"""
WORKERS = """
SELECT 'worker', queue, ecs_task, hostname, state,
    concurrency * 1.0, busy * 1.0, protected * 1.0, {now} - seen, cordoned_until - {now}
FROM sm2a_worker WHERE seen > {now} - {workers_seconds}
"""
DUE = """
SELECT 'due', NULL, dag_id, NULL, NULL, {next_run} - {now}, 0.0, 0.0, 0.0, 0.0
FROM dag
WHERE NOT is_paused AND NOT is_stale AND {next_run} < {now} + {horizon}
"""
LOCK = """
SELECT 'lock', NULL, NULL, NULL, NULL, {try_lock}, 0.0, 0.0, 0.0, 0.0
"""
# Instances and their runs are counted apart for whole runs, so that one that is under way tells durations only.
PROFILES_OF = """
SELECT 'profile', ti.queue, ti.dag_id, ti.task_id, r.whole,
    COUNT(*) * 1.0, COUNT(DISTINCT ti.run_id) * 1.0, AVG(ti.duration), MIN({started} - {begun}), 0.0
FROM (
    SELECT dag_id, run_id, start_date, CASE WHEN state = 'success' THEN 'whole' ELSE 'part' END AS whole,
        ROW_NUMBER() OVER (PARTITION BY dag_id, CASE WHEN state = 'success' THEN 1 ELSE 0 END ORDER BY id DESC) AS nth
    FROM dag_run WHERE dag_id IN ({dags})
) r JOIN task_instance ti ON ti.dag_id = r.dag_id AND ti.run_id = r.run_id
WHERE r.nth <= {recent_runs} AND ti.state = 'success' AND {celery}
GROUP BY ti.queue, ti.dag_id, ti.task_id, r.whole
"""


class Metadata:
    """Asks and tells the database; remembers the profiles of DAGs."""

    def __init__(self, source: Database) -> None:
        self._source = source
        self._profiles: dict[str, Mapping[str, TaskProfile]] = {}
        self._look_up_at: dict[str, float] = {}
        self._wanted: set[str] = set()
        self._profiles_after = 0.0

    def read(self, at: float) -> MetadataAnswer:
        """Return what the database knows at ``at`` (seconds of the loop's clock).

        Raises whatever Secrets Manager or the driver raises when a new session does not work either.
        """
        wanted = sorted(self._wanted)[:PROFILES] if at >= self._profiles_after else []
        if self._source.open:
            # A kept session may have died with its server, and a profile of a very large history may take too long:
            # only the failure of a fresh session that asks the least means anything.
            try:
                return self._read(at, wanted)
            except Exception:
                if wanted:
                    self._profiles_after = at + PROFILE_SECONDS
        return self._read(at, [])

    def cordon(self, tasks: Collection[str], open_again: Collection[str]) -> None:
        """Tell workers, by ECS task, to take no new task for a while, or to take tasks again."""
        with self._source.session() as session:
            now = session.dialect.now
            update = "UPDATE sm2a_worker SET cordoned_until = {} WHERE ecs_task IN ({})"
            session.write(
                [
                    (update.format(until, _marks(some)), sorted(some))
                    for until, some in ((f"{now} + {CORDON_SECONDS}", tasks), ("0", open_again))
                    if some
                ]
            )

    def _read(self, at: float, wanted: list[str]) -> MetadataAnswer:
        with self._source.session() as session:
            rows = session.rows(statement(session.dialect, not session.leads, len(wanted)), wanted)
            answer = _Answer(rows)
            session.leads = session.leads or answer.got_lock
            leads = session.leads
        self._keep(at, wanted, answer.profiles)
        seen = {group.dag_id for group in answer.queued} | {task.dag_id for task in answer.running} | answer.due.keys()
        self._wanted = {dag for dag in seen if at >= self._look_up_at.get(dag, at)}
        return MetadataAnswer(
            leads=leads,
            queued=tuple(answer.queued),
            running=tuple(answer.running),
            workers=answer.workers,
            due=answer.due,
            profiles={dag: self._profiles[dag] for dag in seen if dag in self._profiles},
        )

    def _keep(self, at: float, wanted: list[str], found: Mapping[str, Mapping[str, TaskProfile]]) -> None:
        for dag in wanted:
            self._profiles[dag] = found.get(dag, {})
            self._look_up_at[dag] = at + (PROFILE_SECONDS if dag in found else UNKNOWN_SECONDS)
        for dag in sorted(self._look_up_at, key=self._look_up_at.__getitem__)[:-PROFILES]:
            del self._look_up_at[dag]
            del self._profiles[dag]


def statement(dialect: Dialect, with_lock: bool, profiles: int) -> str:
    """Return the loop's statement, with the leader's lock or without, and with as many places for DAGs."""
    names = {
        "now": dialect.now,
        "queued": dialect.epoch.format("ti.queued_dttm"),
        "started": dialect.epoch.format("ti.start_date"),
        "begun": dialect.epoch.format("r.start_date"),
        "next_run": dialect.epoch.format("next_dagrun_create_after"),
        "celery": CELERY,
        "horizon": HORIZON_SECONDS,
        "workers_seconds": WORKERS_SECONDS,
        "recent_runs": RECENT_RUNS,
        "try_lock": dialect.try_lock,
        "dags": ", ".join(["%s"] * profiles),
    }
    parts = [QUEUED, RUNNING, WORKERS, DUE]
    if with_lock:
        parts.append(LOCK)
    if profiles:
        parts.append(PROFILES_OF)
    return "UNION ALL\n".join(part.format(**names) for part in parts)


def _marks(values: Collection[str]) -> str:
    return ", ".join(["%s"] * len(values))


class _Answer:
    """The rows of the statement, taken apart by their kind."""

    def __init__(self, rows: Iterable[tuple[Any, ...]]) -> None:
        self.queued: list[QueuedInstances] = []
        self.running: list[RunningInstance] = []
        self.workers: dict[str, WorkerRow] = {}
        self.due: dict[str, float] = {}
        self.got_lock = False
        self.profiles: dict[str, dict[str, TaskProfile]] = {}
        take: dict[str, Callable[..., None]] = {
            "queued": self._queued,
            "running": self._running,
            "worker": self._worker,
            "due": self._due,
            "lock": self._lock,
            "profile": self._profile,
        }
        for kind, *values in rows:
            # A time that is missing, as of a task that is being restarted, counts as now.
            take[kind](*values[:4], *(float(value or 0.0) for value in values[4:]))

    def _queued(
        self,
        queue: str,
        dag: str,
        task: str,
        run: str,
        count: float,
        youngest: float,
        oldest: float,
        run_age: float,
        *_rest: float,
    ) -> None:
        self.queued.append(QueuedInstances(queue, dag, task, run, int(count), youngest, oldest, run_age))

    def _running(
        self, queue: str, dag: str, task: str, where: str, elapsed: float, run_age: float, *_rest: float
    ) -> None:
        hostname, _newline, run = where.partition("\n")
        self.running.append(RunningInstance(queue, dag, task, run, hostname, elapsed, run_age))

    def _worker(
        self,
        queue: str,
        ecs_task: str,
        hostname: str,
        state: str,
        concurrency: float,
        busy: float,
        protected: float,
        seen: float,
        cordoned: float,
    ) -> None:
        self.workers[ecs_task] = WorkerRow(
            ecs_task, queue, hostname, int(concurrency), int(busy), state, bool(protected), seen, cordoned
        )

    def _due(self, _queue: None, dag: str, _task: None, _run: None, seconds: float, *_rest: float) -> None:
        self.due[dag] = seconds

    def _lock(self, _a: None, _b: None, _c: None, _d: None, got: float, *_rest: float) -> None:
        self.got_lock = bool(got)

    def _profile(
        self,
        queue: str,
        dag: str,
        task: str,
        whole: str,
        count: float,
        runs: float,
        duration: float,
        offset: float,
        *_rest: float,
    ) -> None:
        tasks = self.profiles.setdefault(dag, {})
        if whole == "whole":
            tasks[task] = TaskProfile(queue, duration, round(count / runs), max(0.0, offset))
        else:
            tasks.setdefault(task, TaskProfile(queue, duration, 0, 0.0))
