# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The policy: tables of what people expect, and properties that must hold for everything."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from sm2a_scaler.policy.decide import decide
from sm2a_scaler.policy.memory import Memory
from sm2a_scaler.policy.values import (
    CORDONED,
    READY,
    STARTING,
    Decision,
    Limits,
    Messages,
    Observation,
    QueuedTask,
    RunningTask,
    Tick,
    UpcomingTask,
    Worker,
)

LIMITS = Limits(concurrency=4, minimum=0, maximum=10)


def ready(name: str, busy: int, age: float = 300.0) -> Worker:
    return Worker(name, READY, age, busy, 0.0 if busy else 10.0)


def cordoned(name: str, busy: int) -> Worker:
    return Worker(name, CORDONED, 300.0, busy, 0.0 if busy else 10.0)


def starting(name: str, age: float = 5.0) -> Worker:
    return Worker(name, STARTING, age, 0, 0.0)


def seen(queued: int | None, running: int | None, *workers: Worker, **more: object) -> Observation:
    return Observation(queued, running, workers, **({"mean_duration": 60.0} | more))  # type: ignore[arg-type]


def one(observation: Observation, limits: Limits = LIMITS) -> Decision:
    return decide(limits, observation, Memory(), 1000.0)[0]


def several(limits: Limits, observation: Observation, times: int, step: float = 5.0) -> list[Decision]:
    """The same observation again and again."""
    memory, found = Memory(), []
    for number in range(times):
        decision, memory = decide(limits, observation, memory, number * step)
        found.append(decision)
    return found


@pytest.mark.parametrize(
    ("observation", "desired", "reason"),
    [
        (seen(0, 0), 0, "keeps 0 workers"),
        (seen(1, 0), 1, "1 worker more, 1 in all, because nobody else could run them"),
        # A burst gets its workers by one decision, a few less than one slot each since short tasks free slots.
        (seen(40, 0), 9, "9 workers more, 9 in all, because nobody else could run them"),
        (seen(4000, 0), 10, "more than the maximum of 10 workers could soon run; the maximum is 10"),
        # Workers that are starting are counted.
        (seen(8, 0, starting("a"), starting("b")), 2, "keeps 2 workers"),
        # Free slots take these at once.
        (seen(2, 1, ready("a", 1)), 1, "free slots take what comes"),
        # Durations are not known: by counting.
        (seen(9, 4, ready("a", 4), mean_duration=None), 4, "need 4 workers; how long they run is not known"),
        # One has waited for too long.
        (
            seen(1, 4, ready("a", 4), mean_duration=5.0, queued_tasks=(QueuedTask(600.0, 5.0),)),
            2,
            "some have waited for 600 s, too long to rely on estimates",
        ),
        # All slots are free in ten seconds: sooner than a new worker.
        (
            seen(1, 4, Worker("a", READY, 300.0, 4, 0.0, tuple(RunningTask(50.0, 60.0) for _dummy in range(4)))),
            1,
            "as many workers as tasks could use|waiting costs less",
        ),
        # They are occupied for an hour.
        (
            seen(4, 4, Worker("a", READY, 300.0, 4, 0.0, tuple(RunningTask(50.0, 3600.0) for _dummy in range(4)))),
            2,
            "saves [0-9]+ task-minutes of waiting for [0-9]+ worker-minutes",
        ),
        # A tick that is due when a new worker will be ready, and one that is not.
        (seen(0, 0, schedule=(Tick(78.0, 4, 60.0),)), 1, "4 announced tasks"),
        (seen(0, 0, schedule=(Tick(300.0, 40, 60.0),)), 0, "free slots take what comes"),
        (seen(0, 0, upcoming=tuple(UpcomingTask(70.0, 60.0) for _dummy in range(4))), 1, "4 announced tasks"),
        # The same tasks by schedule and by name are there once.
        (
            seen(
                0, 0, schedule=(Tick(78.0, 4, 60.0),), upcoming=tuple(UpcomingTask(78.0, 60.0) for _dummy in range(4))
            ),
            1,
            "4 announced tasks",
        ),
        # The database does not answer: out on what SQS proves, in on nothing.
        (seen(None, None, cordoned("a", 0), messages=Messages(0, 0)), 1, "the database did not answer"),
        (seen(None, None, ready("a", 4), messages=Messages(8, 4)), 3, "8 waiting and 4 taken messages need 3 workers"),
        (seen(None, 3, ready("a", 4)), 1, "neither the database nor SQS answered: keeps 1"),
    ],
)
def test_number(observation: Observation, desired: int, reason: str) -> None:

    decision = one(observation)
    assert decision.desired == desired, decision
    assert re.search(reason, decision.reason), decision.reason


def test_a_burst_that_has_ended_asks_for_nobody() -> None:
    """As it happened: tasks of 2.4 s on two slots, and no duration that is known once the last one has ended."""
    limits = Limits(concurrency=2, minimum=1, maximum=3)
    memory = Memory()
    for number, (queued, running) in enumerate([(0, 0), *[(14, 2)] * 10, (10, 2), (7, 2), (3, 2), (0, 1), (0, 0)]):
        tasks = tuple(RunningTask(1.2, 2.4) for _dummy in range(running))
        worker = Worker("a", READY, 300.0, running, 0.0, tasks)
        observation = seen(queued, running, worker, mean_duration=2.4 if running else None)
        decision, memory = decide(limits, observation, memory, 5.0 * number)
    assert decision.desired == 1, decision.reason


@pytest.mark.parametrize(
    ("limits", "observation", "desired"),
    [
        (Limits(4, 2, 10), seen(0, 0), 2),
        (Limits(4, 2, 10), seen(0, 0, cordoned("a", 0), cordoned("b", 0)), 2),
        (Limits(4, 0, 3), seen(100, 0), 3),
        # Above the maximum, as after it was lowered: only emptied workers go.
        (Limits(4, 0, 1), seen(0, 8, ready("a", 4), ready("b", 4)), 2),
        (Limits(4, 0, 1), seen(0, 4, ready("a", 4), cordoned("b", 0)), 1),
        (Limits(4, 0, 0), seen(0, 0, cordoned("a", 0)), 0),
    ],
)
def test_limits(limits: Limits, observation: Observation, desired: int) -> None:
    assert one(observation, limits).desired == desired


def test_a_deleted_pool_is_drained() -> None:
    decision = one(seen(0, 7, ready("a", 4), ready("b", 3)), Limits(4, 0, 0))
    assert sorted(decision.cordon) == ["a", "b"]
    assert decision.desired == 2


def test_the_order_of_leaving_is_cordon_see_it_empty_leave() -> None:
    memory = Memory()
    decision, memory = decide(LIMITS, seen(0, 0, ready("a", 0)), memory, 0.0)
    assert (decision.desired, decision.cordon) == (1, ("a",))
    decision, memory = decide(LIMITS, seen(0, 0, cordoned("a", 0)), memory, 5.0)
    assert (decision.desired, decision.cordon) == (0, ("a",))


def test_slightly_busy_workers_are_consolidated_least_busy_first() -> None:
    workers = [ready(f"w{number}", 1) for number in range(8)] + [ready("full", 4)]
    last = several(Limits(4, 0, 20), seen(0, 12, *workers, mean_duration=300.0), 5)[-1]
    assert len(last.cordon) >= 5
    assert "full" not in last.cordon
    assert last.desired == 9


def test_what_is_done_soonest_is_cordoned_first() -> None:
    long = Worker("long", READY, 300.0, 1, 0.0, (RunningTask(10.0, 7200.0),))
    short = Worker("short", READY, 300.0, 1, 0.0, (RunningTask(10.0, 60.0),))
    many = several(Limits(2, 1, 10), seen(0, 2, long, short), 5)
    assert many[-1].cordon == ("short",)


def test_cordoned_workers_are_taken_back_at_once() -> None:
    decision = one(seen(3, 5, ready("a", 4), cordoned("b", 0), cordoned("c", 1)))
    assert "c" not in decision.cordon
    assert decision.desired == 3


def test_what_was_warmed_is_held_until_the_tick_and_a_little_longer() -> None:
    memory = Memory()
    held = []
    for at in range(0, 150, 5):
        due_in = 60.0 - at
        ticks = (Tick(due_in, 8, 60.0),) if due_in > 0 else ()
        workers = [] if at > 0 and held[-1] == 0 else [ready("a", 0), ready("b", 0)]
        decision, memory = decide(LIMITS, seen(0, 0, *workers, schedule=ticks), memory, float(at))
        held.append(decision.desired)
        if at < 85:
            assert decision.desired == 2
            assert decision.cordon == ()


def test_a_burst_that_is_over_orders_no_worker() -> None:
    memory = Memory()
    for step in range(60):
        # Airflow lets thirty tasks at a time pass: as they end, new ones come.
        busy = seen(24, 6, ready("a", 3), ready("b", 3), mean_duration=5.0)
        _dummy, memory = decide(LIMITS, busy, memory, 5.0 * step)
    for step in range(60, 120):
        decision, memory = decide(LIMITS, seen(0, 0), memory, 5.0 * step)
        assert decision.desired == 0, decision.reason


def test_it_learns_how_long_workers_take_to_start() -> None:
    memory = Memory()
    for number in range(30):
        at = number * 400.0
        for age in range(0, 200, 5):
            _dummy, memory = decide(LIMITS, seen(1, 0, starting(f"w{number}", float(age))), memory, at + age)
        _dummy, memory = decide(LIMITS, seen(0, 1, ready(f"w{number}", 1, 200.0)), memory, at + 200)
    assert 190 < memory.start < 205
    decision, _dummy = decide(LIMITS, seen(0, 0, schedule=(Tick(195.0, 4, 60.0),)), memory, 20000.0)
    assert decision.desired == 1


def leaves_after(pause: float) -> float:
    """How long an idle worker is kept in a pool whose tasks come ``pause`` seconds after each other."""
    memory, at = Memory(), 0.0
    for _dummy in range(25):
        for busy, seconds in ((1, 30.0), (0, pause)):
            end = at + seconds
            while at < end:
                _dummy, memory = decide(LIMITS, seen(0, busy, ready("a", busy)), memory, at)
                at += 5
    began = at
    _dummy, memory = decide(LIMITS, seen(0, 1, ready("a", 1)), memory, at)
    while at < began + 400:
        at += 5
        decision, memory = decide(LIMITS, seen(0, 0, cordoned("a", 0)), memory, at)
        if decision.desired == 0:
            return at - began
    return at - began


def test_it_learns_how_long_an_idle_worker_is_worth_keeping() -> None:
    assert leaves_after(40.0) >= 40
    assert leaves_after(500.0) <= 10


def test_memory_is_not_changed_and_the_same_gives_the_same() -> None:
    memory = Memory()
    observation = seen(7, 4, ready("a", 4), starting("b"), schedule=(Tick(60.0, 9, 30.0),))
    first = decide(LIMITS, observation, memory, 5.0)
    assert memory == Memory()
    assert decide(LIMITS, observation, memory, 5.0) == first


def test_the_database_is_lost_and_found() -> None:
    workers = (ready("a", 0), cordoned("b", 0))
    memory = Memory()
    _dummy, memory = decide(LIMITS, seen(0, 0, *workers), memory, 0.0)
    for at in range(5, 65, 5):
        decision, memory = decide(LIMITS, seen(None, None, *workers, messages=Messages(0, 0)), memory, float(at))
        assert decision.desired == 2
        assert decision.cordon == ("b",)
    decision, memory = decide(LIMITS, seen(0, 0, *workers), memory, 65.0)
    decision, memory = decide(LIMITS, seen(0, 0, cordoned("a", 0), cordoned("b", 0)), memory, 70.0)
    assert decision.desired == 0


DURATIONS = some.none() | some.floats(0.1, 10000)


@some.composite
def observations(draw: some.DrawFn, limits: Limits) -> Observation:
    workers = []
    for number in range(draw(some.integers(0, limits.maximum))):
        state = draw(some.sampled_from((STARTING, READY, READY, CORDONED)))
        busy = 0 if state == STARTING else draw(some.integers(0, limits.concurrency))
        tasks = None
        if draw(some.booleans()):
            tasks = tuple(RunningTask(draw(some.floats(0, 5000)), draw(DURATIONS)) for _dummy in range(busy))
        age = draw(some.floats(0, 5000))
        workers.append(Worker(f"w{number}", state, age, busy, 0.0 if busy else age / 2, tasks))
    queued = draw(some.integers(0, 100) | some.integers(0, 5000))
    return Observation(
        queued=queued if draw(some.integers(0, 9)) else None,
        running=sum(worker.busy for worker in workers),
        workers=tuple(workers),
        mean_duration=draw(DURATIONS),
        schedule=tuple(
            Tick(draw(some.floats(-100, 2000)), draw(some.integers(0, 500)), draw(DURATIONS))
            for _dummy in range(draw(some.integers(0, 2)))
        ),
        queued_tasks=tuple(QueuedTask(draw(some.floats(0, 3000)), draw(DURATIONS)) for _dummy in range(min(queued, 5)))
        if draw(some.booleans())
        else None,
        upcoming=tuple(
            UpcomingTask(draw(some.floats(-50, 500)), draw(DURATIONS)) for _dummy in range(draw(some.integers(0, 5)))
        ),
        messages=draw(some.none() | some.builds(Messages, some.integers(0, 99), some.integers(0, 99))),
    )


@some.composite
def stories(draw: some.DrawFn) -> tuple[Limits, list[tuple[float, Observation]]]:
    maximum = draw(some.integers(0, 8))
    limits = Limits(draw(some.sampled_from((1, 4, 16))), draw(some.integers(0, maximum)), maximum)
    at = draw(some.floats(0, 1e9))
    story = []
    for _dummy in range(draw(some.integers(1, 6))):
        at += draw(some.floats(0.5, 60))
        story.append((at, draw(observations(limits))))
    return limits, story


@settings(max_examples=150, deadline=None)
@given(stories())
def test_properties(story: tuple[Limits, list[tuple[float, Observation]]]) -> None:
    limits, moments = story
    memory = Memory()
    for at, observation in moments:
        decision, memory = decide(limits, observation, memory, at)
        present = len(observation.workers)
        names = {worker.id: worker for worker in observation.workers}
        assert limits.minimum <= decision.desired <= limits.maximum
        assert set(decision.cordon) <= names.keys()
        assert len(set(decision.cordon)) == len(decision.cordon)
        assert decision.reason

        emptied = [name for name in decision.cordon if names[name].state == CORDONED and not names[name].busy]
        assert decision.desired >= present - len(emptied), "only what has emptied may leave"
        if observation.queued is None:
            assert decision.desired >= present
            assert all(names[name].state == CORDONED for name in decision.cordon)
        elif observation.queued:
            assert all(names[name].state == CORDONED for name in decision.cordon), "no new cordon while tasks wait"
            could = [name for name in decision.cordon if names[name].busy < limits.concurrency]
            free = sum(
                limits.concurrency - worker.busy
                for worker in observation.workers
                if worker.state != STARTING and worker.id not in decision.cordon
            )
            assert not could or free >= observation.queued, "tasks wait that cordoned workers could run"


@settings(max_examples=60, deadline=None)
@given(
    concurrency=some.sampled_from((1, 4, 16)),
    mean=some.none() | some.floats(0.5, 5000),
    expected=DURATIONS,
    elapsed=some.floats(0, 5000),
    step=some.floats(1, 30),
)
def test_a_single_task_is_never_starved(
    concurrency: int, mean: float | None, expected: float | None, elapsed: float, step: float
) -> None:
    """Beside a full worker that never gets done, a task waits for a new worker, at most a few starts later."""
    memory, at = Memory(), 0.0
    limits = Limits(concurrency, 0, 5)
    while True:
        tasks = tuple(RunningTask(elapsed + at, expected) for _dummy in range(concurrency)) if expected else None
        full = Worker("full", READY, 5000.0 + at, concurrency, 0.0, tasks)
        decision, memory = decide(limits, seen(1, concurrency, full, mean_duration=mean), memory, at)
        if decision.desired > 1:
            return
        at += step
        assert at < 400
