# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the policy sees of a pool, put together from ECS's tasks, the workers' rows and Airflow's tasks."""

from __future__ import annotations

from typing import Any

import pytest

from sm2a_scaler.combine import HUNG_SECONDS, STARTING_SECONDS, Combiner, PoolState
from sm2a_scaler.policy.values import Messages, QueuedTask, Tick, UpcomingTask
from sm2a_scaler.sources import (
    EcsTask,
    MetadataAnswer,
    QueuedInstances,
    RunningInstance,
    Service,
    TaskProfile,
    WorkerRow,
)

NEW, OLD = "worker:2", "worker:1"


def row(name: str, **changes: Any) -> WorkerRow:
    usual = WorkerRow(name, "default", f"host-{name}", 4, 0, "open", protected=True, seen=1.0, cordoned=-9.0)
    return usual._replace(**changes)


def service(*names: str, desired: int | None = None, age: float = 100.0, old: tuple[str, ...] = ()) -> Service:
    tasks = tuple(EcsTask(name, age, OLD if name in old else NEW) for name in names)
    return Service(len(names) if desired is None else desired, len(names), 0, NEW, tasks)


def pool_state(
    ecs: Service, *rows: WorkerRow, at: float = 0.0, combiner: Combiner | None = None, **known: Any
) -> PoolState:
    database = MetadataAnswer(leads=True, workers={one.ecs_task: one for one in rows}, **known)
    return (combiner or Combiner()).pool_state(at, "default", 4, database, ecs, Messages(0, 0))


def states(seen: PoolState) -> dict[str, tuple[str, int]]:
    return {worker.id: (worker.state, worker.busy) for worker in seen.observation.workers}


def test_a_worker_starts_until_it_writes() -> None:
    seen = pool_state(service("a", "b"), row("b", busy=2))
    assert states(seen) == {"a": ("starting", 0), "b": ("ready", 2)}


def test_workers_that_ecs_has_no_task_for_yet_start_too_and_age() -> None:
    combiner = Combiner()
    pool_state(service("a", desired=3), row("a"), at=10.0, combiner=combiner)
    seen = pool_state(service("a", desired=3), row("a"), at=25.0, combiner=combiner)
    assert [(worker.state, worker.age) for worker in seen.observation.workers][1:] == [("starting", 15.0)] * 2


@pytest.mark.parametrize(
    ("ecs", "rows"),
    [(service("a"), [row("a", seen=60.0)]), (service("a", age=STARTING_SECONDS), [])],
    ids=["silent", "never wrote"],
)
def test_a_worker_of_which_nothing_is_known_counts_as_full(ecs: Service, rows: list[WorkerRow]) -> None:
    assert states(pool_state(ecs, *rows)) == {"a": ("ready", 4)}


def after(seconds: float, combiner: Combiner, ecs: Service, *rows: WorkerRow, **known: Any) -> PoolState:
    """The pool when the database has answered for so long."""
    pool_state(ecs, *rows, at=0.0, combiner=combiner, **known)
    return pool_state(ecs, *rows, at=seconds, combiner=combiner, **known)


@pytest.mark.parametrize(
    ("ecs", "rows"),
    [(service("a"), [row("a", seen=HUNG_SECONDS)]), (service("a", age=STARTING_SECONDS), [])],
    ids=["silent", "never wrote"],
)
def test_a_worker_of_which_nothing_has_been_heard_for_long_hangs(ecs: Service, rows: list[WorkerRow]) -> None:
    seen = after(HUNG_SECONDS, Combiner(), ecs, *rows)
    assert states(seen) == {"a": ("hung", 0)}
    assert seen.leaving == frozenset(), "it may have tasks all the same"
    assert states(after(HUNG_SECONDS - 5, Combiner(), ecs, *rows)) == {"a": ("ready", 4)}


def test_no_worker_hangs_because_the_database_was_away() -> None:
    combiner = Combiner()
    after(1000.0, combiner, service("a"), row("a"))
    for at in (1005.0, 1400.0):
        dark = combiner.pool_state(at, "default", 4, None, service("a"), None)
        assert states(dark) == {"a": ("ready", 4)}
    old = row("a", seen=400.0)
    assert states(pool_state(service("a"), old, at=1405.0, combiner=combiner)) == {"a": ("ready", 4)}
    young = service("a", age=STARTING_SECONDS + 100)
    assert states(pool_state(young, at=1410.0, combiner=combiner)) == {"a": ("ready", 4)}


def test_what_runs_on_a_worker_that_hangs_is_known_after_its_row_is_too_old_to_be_read() -> None:
    combiner = Combiner()
    tasks = (RunningInstance("default", "etl", "load", "run", "host-a", elapsed=5.0, run_age=9.0),)
    pool_state(service("a"), row("a"), combiner=combiner)
    seen = pool_state(service("a", age=900.0), at=900.0, combiner=combiner, running=tasks)
    assert states(seen) == {"a": ("hung", 1)}
    combiner.forget_others([])
    assert states(pool_state(service("a", age=905.0), at=905.0, combiner=combiner, running=tasks)) == {"a": ("hung", 0)}


def test_a_worker_that_ecs_finds_no_room_for_does_not_hang() -> None:
    seen = after(5000.0, Combiner(), service("a", desired=2), row("a"))
    assert [worker.hangs for worker in seen.observation.workers] == [False, False]
    assert states(seen)["default 1"] == ("starting", 0)


@pytest.mark.parametrize(
    ("told", "busy", "leaves"),
    [
        # A poll may still bring it a task. To call it busy for that would make the policy believe in tasks that come.
        ({"state": "open"}, 0, False),
        ({"state": "closing", "busy": 2}, 2, False),
        ({"state": "empty"}, 0, False),
        ({"state": "empty", "protected": False}, 0, True),
    ],
    ids=["not yet heard", "a task is left", "still protected", "free to go"],
)
def test_a_cordoned_worker_may_leave_only_when_nothing_can_be_lost(told: Any, busy: int, leaves: bool) -> None:
    seen = pool_state(service("a"), row("a", cordoned=40.0, **told))
    assert states(seen) == {"a": ("cordoned", busy)}
    assert seen.leaving == (frozenset({"a"}) if leaves else frozenset())
    assert seen.cordoned == {"a": 40.0}


def test_tasks_that_airflow_knows_of_count_even_if_the_worker_does_not_say_so() -> None:
    tasks = (RunningInstance("default", "etl", "load", "run", "host-a", elapsed=5.0, run_age=9.0),)
    seen = pool_state(
        service("a"), row("a"), running=tasks, profiles={"etl": {"load": TaskProfile("default", 30.0, 1, 0.0)}}
    )
    (worker,) = seen.observation.workers
    assert worker.busy == 1
    assert worker.tasks == ((5.0, 30.0),)
    assert seen.observation.mean_duration == 30.0


def test_idle_since_the_last_task() -> None:
    combiner = Combiner()
    for at, busy in ((0.0, 1), (5.0, 0), (12.0, 0)):
        seen = pool_state(service("a"), row("a", busy=busy), at=at, combiner=combiner)
    assert seen.observation.workers[0].idle == 12.0
    combiner.forget_others([])
    assert pool_state(service("a"), row("a"), at=20.0, combiner=combiner).observation.workers[0].idle == 0.0


def test_workers_of_an_older_revision_are_not_the_policys() -> None:
    tasks = tuple(RunningInstance("default", "etl", "load", "run", f"host-{name}", 5.0, 9.0) for name in "ab")
    seen = pool_state(service("a", "b", old=("a",), desired=1), row("a", busy=1), row("b", busy=1), running=tasks)
    assert list(states(seen)) == ["b"]
    assert seen.outdated == ("a",)
    assert seen.observation.running == 1


def test_unprotected_workers_are_exposed_unless_nothing_can_be_lost() -> None:
    rows = (
        row("a", protected=False),
        row("b", protected=False, cordoned=9.0, state="empty"),
        row("c"),
    )
    ecs = service("a", "b", "c")
    assert pool_state(ecs, *rows).exposed == {"a"}
    assert pool_state(service("silent", age=STARTING_SECONDS)).exposed == {"silent"}
    assert pool_state(service("young")).exposed == frozenset()


def test_other_queues_are_not_counted() -> None:
    seen = pool_state(
        service("a"),
        row("a"),
        queued=(QueuedInstances("heavy", "etl", "load", "run", 5, 0.0, 0.0, 0.0),),
        running=(RunningInstance("heavy", "etl", "load", "run", "host-a", 5.0, 9.0),),
    )
    assert (seen.observation.queued, seen.observation.running) == (0, 0)


def test_queued_tasks_one_by_one_oldest_first() -> None:
    profiles = {"etl": {"load": TaskProfile("default", 30.0, 3, 0.0)}}
    queued = (
        QueuedInstances("default", "new", "task", "run", 1, 7.0, 7.0, 7.0),
        QueuedInstances("default", "etl", "load", "run", 3, 4.0, 10.0, 12.0),
    )
    seen = pool_state(service(), queued=queued, profiles=profiles).observation
    assert seen.queued == 4
    assert seen.queued_tasks == (
        QueuedTask(10.0, 30.0),
        QueuedTask(7.0, None),
        QueuedTask(7.0, 30.0),
        QueuedTask(4.0, 30.0),
    )


def test_the_schedule_has_what_recent_runs_had() -> None:
    profiles = {
        "hourly": {
            "extract": TaskProfile("default", 30.0, 8, 2.0),
            "load": TaskProfile("default", 60.0, 1, 40.0),
            "elsewhere": TaskProfile("heavy", 60.0, 1, 40.0),
            "never finished": TaskProfile("default", 60.0, 0, 0.0),
        }
    }
    seen = pool_state(service(), due={"hourly": 100.0, "unknown": 5.0}, profiles=profiles).observation
    assert seen.schedule == (Tick(102.0, 8, 30.0), Tick(140.0, 1, 60.0))


def test_what_follows_the_present_tasks_is_as_late_as_they_are() -> None:
    profiles = {
        "etl": {
            "extract": TaskProfile("default", 30.0, 1, 0.0),
            "load": TaskProfile("default", 60.0, 2, 35.0),
        }
    }
    # The run began 50 s ago; its first task, which usually begins at once, began 40 s late.
    running = (RunningInstance("default", "etl", "extract", "run", "host-a", elapsed=10.0, run_age=50.0),)
    seen = pool_state(service("a"), row("a", busy=1), running=running, profiles=profiles).observation
    assert seen.upcoming == (UpcomingTask(25.0, 60.0),) * 2


def test_what_follows_a_task_that_waits_itself_is_held_up() -> None:
    profiles = {"etl": {"extract": TaskProfile("default", 30.0, 1, 0.0), "load": TaskProfile("default", 60.0, 1, 35.0)}}
    queued = (QueuedInstances("default", "etl", "extract", "run", 1, youngest=20.0, oldest=20.0, run_age=20.0),)
    seen = pool_state(service(), queued=queued, profiles=profiles).observation
    assert seen.upcoming == (UpcomingTask(35.0, 60.0, held=True),)


def test_without_the_database() -> None:
    seen = Combiner().pool_state(0.0, "default", 4, None, service("a"), Messages(3, 1))
    assert (seen.observation.queued, seen.observation.running) == (None, None)
    assert seen.observation.messages == (3, 1)
    assert states(seen) == {"a": ("ready", 4)}, "nothing is known of it, so it is neither new nor empty"
    assert seen.leaving == frozenset()
