# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The policy: tables of what people expect, and properties that must hold for everything."""

from __future__ import annotations

import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from sm2a_scaler.policy.decide import decide
from sm2a_scaler.policy.memory import Memory
from sm2a_scaler.policy.values import (
    CORDONED,
    HUNG,
    READY,
    STARTING,
    STARTING_SECONDS,
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


def rows_of_tasks(lanes: int, unannounced: int = 0) -> tuple[set[int], Memory]:
    """In each lane a task follows the one before it at once, too early or too late; besides, ``unannounced`` tasks
    come every 5 s and run for 20 s. All are expected to run for 60 s. Returns what was wanted, and the memory."""
    chance = random.Random(lanes)
    began = [0.0] * lanes
    ends = [chance.uniform(20, 100) for _dummy in range(lanes)]
    memory, wanted = Memory(), set()
    for step in range(200):
        at = 5.0 * step
        for lane in range(lanes):
            while ends[lane] <= at:
                began[lane], ends[lane] = ends[lane], ends[lane] + chance.uniform(20, 100)
        others = [5.0 * age for age in range(min(step, 4)) for _dummy in range(unannounced)]
        tasks = tuple(RunningTask(elapsed, 60.0) for elapsed in [*(at - one for one in began), *others])
        upcoming = tuple(UpcomingTask(max(0.0, one + 60 - at), 60.0) for one in began)
        worker = Worker("a", READY, 600.0, len(tasks), 0.0, tasks)
        limits = Limits(lanes if not unannounced else 100, 0, 20)
        decision, memory = decide(limits, seen(0, len(tasks), worker, upcoming=upcoming), memory, at)
        wanted.add(decision.desired)
    return wanted, memory


@pytest.mark.parametrize("lanes", [4, 16, 64])
def test_tasks_that_were_announced_are_not_usual_when_they_come(lanes: int) -> None:
    wanted, memory = rows_of_tasks(lanes)
    assert memory.rate < 0.1 * lanes / 60
    assert wanted == {1}


def test_what_was_not_announced_is_usual_beside_what_was() -> None:
    _wanted, memory = rows_of_tasks(16, unannounced=2)
    assert 0.3 < memory.rate < 0.5


def test_tasks_that_never_stop_waiting_are_counted_in_the_end() -> None:
    """Each waits for a moment only, so that no estimate would order a worker."""
    queue = tuple(QueuedTask(3.0, 20.0) for _dummy in range(3))
    worker = Worker("a", READY, 300.0, 16, 0.0, tuple(RunningTask(nth, 20.0) for nth in range(16)))
    decisions = several(Limits(16, 0, 10), seen(3, 16, worker, queued_tasks=queue), 60)
    assert decisions[20].desired == 1
    assert decisions[-1].desired == 2
    assert "there was a queue for 295 s" in decisions[-1].reason


LOST = (Worker("lost", HUNG, 5000.0, 0, 0.0), starting("lost", age=STARTING_SECONDS))


@pytest.mark.parametrize("lost", LOST, ids=["silent", "starts for ever"])
def test_a_worker_that_hangs_is_replaced(lost: Worker) -> None:
    decision = one(seen(1, 0, lost))
    assert decision.desired == 2
    assert "beside 1 worker of which nothing is heard" in decision.reason
    assert one(seen(1, 0, lost, starting("b"))).desired == 2, "once"
    assert one(seen(0, 0, lost)).desired == 1, "by nobody, if there is nothing to do"
    assert one(seen(0, 0, lost), Limits(4, 1, 10)).desired == 2, "but for the minimum"


@pytest.mark.parametrize("lost", LOST, ids=["silent", "starts for ever"])
def test_a_worker_that_hangs_takes_a_place_and_is_never_taken_away(lost: Worker) -> None:
    several = [lost._replace(id=f"lost{number}") for number in range(3)]
    assert one(seen(400, 0, *several), Limits(4, 0, 5)).desired == 5
    assert one(seen(400, 0, *several), Limits(4, 0, 3)).desired == 3
    for decision in (one(seen(0, 0, *several), Limits(4, 0, 1)), one(seen(0, 0, *several), Limits(4, 0, 0))):
        assert (decision.desired, decision.cordon) == (3, ())
    # One that works leaves beside them, as it would without them.
    beside = one(seen(0, 0, *several, cordoned("b", 0)), Limits(4, 0, 5))
    assert (beside.desired, beside.cordon) == (3, ("b",))


def test_what_a_worker_that_hangs_runs_needs_no_other_one() -> None:
    lost = Worker("lost", HUNG, 5000.0, 4, 0.0)
    assert one(seen(0, 4, lost)).desired == 1
    assert one(seen(1, 4, lost, mean_duration=None)).desired == 2


def test_slow_starts_are_waited_for() -> None:
    memory = Memory()
    for age in range(0, int(STARTING_SECONDS), 5):
        decision, memory = decide(LIMITS, seen(1, 0, starting("a", age)), memory, float(age))
        assert decision.desired == 1


def test_while_the_database_is_silent_no_worker_hangs() -> None:
    for messages in (None, Messages(1, 0)):
        for lost in LOST:
            assert one(seen(None, None, lost, messages=messages)).desired == 1


def test_pauses_of_any_length_and_clocks_that_are_set_back() -> None:
    for times in ((0, 241, 246), (0, 5, 3605, 3610), (1000, 1005, 10, 15, 20), (0, 60, 121, 242, 483), (5, 5, 5)):
        memory = Memory()
        for at in times:
            decision, memory = decide(LIMITS, seen(1, 0, starting("a")), memory, float(at))
            assert decision.desired == 1


def test_the_longest_interval_is_no_pause() -> None:
    memory = Memory()
    for step in range(10):
        worker = Worker("a", READY, 300.0, 4, 0.0, tuple(RunningTask(30.0, 60.0) for _dummy in range(4)))
        _dummy, memory = decide(LIMITS, seen(0, 4, worker), memory, 60.5 * step)
    assert memory.rate == pytest.approx(4 / 60.5, rel=0.3)


def test_a_clock_that_is_set_back_delays_nothing() -> None:
    """Two workers, of which one is not needed: it is cordoned as soon as if the pool were new."""
    workers = (ready("a", 1), ready("b", 1))
    memory = Memory()
    for at in (90000.0, 90005.0):
        _dummy, memory = decide(LIMITS, seen(0, 2, *workers), memory, at)
    for step in range(5):
        decision, memory = decide(LIMITS, seen(0, 2, *workers), memory, 5.0 * step)
    assert len(decision.cordon) == 1


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
        state = draw(some.sampled_from((STARTING, READY, READY, CORDONED, HUNG)))
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
            UpcomingTask(draw(some.floats(-50, 500)), draw(DURATIONS), draw(some.booleans()))
            for _dummy in range(draw(some.integers(0, 5)))
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
        # Usually the next step; but a pool may not be seen for a while, and a clock may be set back.
        at += draw(some.floats(0.5, 60) | some.floats(-5000, 5000))
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
        assert not any(names[name].hangs for name in decision.cordon)
        if observation.queued is None:
            assert decision.desired >= present
            assert all(names[name].state == CORDONED for name in decision.cordon)
        elif observation.queued:
            assert all(names[name].state == CORDONED for name in decision.cordon), "no new cordon while tasks wait"
            could = [name for name in decision.cordon if names[name].busy < limits.concurrency]
            free = sum(
                limits.concurrency - worker.busy
                for worker in observation.workers
                if worker.state not in (STARTING, HUNG) and worker.id not in decision.cordon
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
