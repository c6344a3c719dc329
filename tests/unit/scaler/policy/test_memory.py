# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is learned of a pool, from one observation to the next."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from sm2a_scaler.policy.memory import (
    BIN_SECONDS,
    BINS,
    LONG_GAP,
    NO_ARRIVAL_SECONDS,
    OVERDUE_SECONDS,
    USUAL_START,
    Due,
    Memory,
    Pinned,
    gap_class,
    learn,
)
from sm2a_scaler.policy.values import CORDONED, READY, STARTING, Limits, Observation, RunningTask, Tick, Worker

LIMITS = Limits(concurrency=1, minimum=0, maximum=10)


def seen(
    queued: int | None = 0, running: int | None = 0, *workers: Worker, ticks: tuple[Tick, ...] = ()
) -> Observation:
    return Observation(queued, running, workers, mean_duration=60.0, schedule=ticks)


def after(story: Iterable[tuple[float, Observation]], memory: Memory | None = None) -> Memory:
    """The memory after these observations, each with its second."""
    memory = memory or Memory()
    for at, observation in story:
        memory = learn(memory, LIMITS, observation, at)
    return memory


class TestArrivals:
    """How many tasks come in a second."""

    def test_a_steady_flow(self) -> None:
        memory = after((5.0 * step, seen(step)) for step in range(40))
        assert memory.rate == pytest.approx(0.2, rel=0.1)
        assert len(memory.bins) == BINS

    def test_a_burst_is_no_habit_but_counts_as_company(self) -> None:
        memory = after((5.0 * step, seen(100 if step >= 10 else 0)) for step in range(15))
        assert memory.rate == 0.0
        assert memory.company > 1.0

    def test_silence_ends_a_habit(self) -> None:
        steps = int(NO_ARRIVAL_SECONDS / 5)
        busy = [(5.0 * step, seen(step)) for step in range(24)]
        silent = [(busy[-1][0] + 5.0 * step, seen(23)) for step in range(1, steps + 2)]
        assert after([*busy, *silent[:2]]).rate > 0
        assert after([*busy, *silent]).rate == 0.0

    def test_tasks_that_end_make_room_for_others_that_have_come(self) -> None:
        """Always one that runs, another one each time: it has run for a moment only."""
        worker = Worker("a", READY, 300.0, 1, 0.0, (RunningTask(1.0, 5.0),))
        assert after((5.0 * step, seen(0, 1, worker)) for step in range(40)).rate == pytest.approx(0.2, rel=0.1)

    def test_what_a_tick_brought_is_nothing_that_usually_comes(self) -> None:
        tick = [(5.0 * step, seen(ticks=(Tick(50.0 - 5.0 * step, 8, None),))) for step in range(11)]
        memory = after([*tick, (55.0, seen(8))])
        assert memory.came == 8
        assert sum(count for _began, count in memory.bins) < 1

    @pytest.mark.parametrize("pause", [BINS * BIN_SECONDS + 1, 1e6])
    def test_after_a_pause_counting_starts_anew(self, pause: float) -> None:
        memory = after([(0.0, seen(1)), (5.0, seen(9)), (5.0 + pause, seen(500))])
        assert memory.bins == ((5.0 + pause, 0.0),)

    def test_in_the_dark_nothing_is_counted(self) -> None:
        memory = after([(0.0, seen(1)), (5.0, seen(None, None)), (10.0, seen(500))])
        assert (memory.came, memory.rate) == (0.0, 0.0)


class TestStarts:
    """How long workers take to start."""

    def test_moves_towards_what_is_seen(self) -> None:
        memory = after([(0.0, seen(0, 0, Worker("a", STARTING, 120.0, 0, 0.0)))])
        memory = after([(5.0, seen(0, 0, Worker("a", READY, 125.0, 0, 5.0)))], memory)
        assert USUAL_START < memory.start < 122.5
        assert memory.longest == 122.5

    def test_who_was_never_seen_to_start_tells_nothing(self) -> None:
        assert after([(0.0, seen(0, 0, Worker("a", READY, 500.0, 0, 5.0)))]).start == USUAL_START


class TestGaps:
    """How long workers were not needed."""

    def test_a_gap_is_learned_when_it_ends(self) -> None:
        idle = [(5.0 * step, seen()) for step in range(1, 9)]
        memory = after([(0.0, seen(1)), *idle])
        assert memory.gaps == ((), (), ())
        assert after([(45.0, seen(1))], memory).gaps == ((45.0,), (), ())

    def test_one_that_lasts_is_endless(self) -> None:
        memory = after([(0.0, seen(2)), *[(60.0 * step, seen()) for step in range(1, int(LONG_GAP / 60) + 1)]])
        assert memory.gaps == ((LONG_GAP,), (LONG_GAP,), ())

    def test_classes(self) -> None:
        assert [gap_class(level) for level in (1, 2, 3, 4, 50)] == [0, 1, 1, 2, 2]


class TestAnnounced:
    """What was announced, and what has come of it."""

    def test_overdue(self) -> None:
        memory = Memory(at=100.0, came=12.0, due=(Due(90.0, 5, 10.0), Due(30.0, 4, 8.0), Due(105.0, 3, None)))
        assert memory.overdue(OVERDUE_SECONDS) == (5, 2)
        assert memory.overdue(5.0) == (0, 0)
        assert memory.overdue(80.0) == (9, 4)


class TestPinned:
    """Cordoned workers that run something: it is at least as old as the cordon."""

    def test_age_of_what_runs(self) -> None:
        story = [(5.0 * step, seen(0, 1, Worker("a", CORDONED, 300.0, 1, 0.0))) for step in range(5)]
        memory = after(story)
        assert memory.ages() == {"a": 20.0}
        called_back = after([(25.0, seen(0, 1, Worker("a", READY, 300.0, 1, 0.0)))], memory)
        assert called_back.cordoned == (Pinned("a", 0.0, 25.0),)

    def test_who_runs_nothing_is_forgotten(self) -> None:
        story = [
            (0.0, seen(0, 1, Worker("a", CORDONED, 300.0, 1, 0.0))),
            (5.0, seen(0, 0, Worker("a", CORDONED, 305.0, 0, 2.0))),
        ]
        assert after(story).cordoned == ()


def test_a_clock_that_is_set_back_leaves_what_holds_at_any_time() -> None:
    memory = Memory(
        at=1000.0, clock=1000.0, start=200.0, gaps=((40.0,), (), ()), bins=((990.0, 3.0),), surplus_since=900.0
    )
    found = after([(10.0, seen(1))], memory)
    assert (found.start, found.gaps, found.surplus_since) == (200.0, ((40.0,), (), ()), None)


@pytest.mark.parametrize(("queued", "since"), [((1, 1, 1), 0.0), ((1, 0, 1), 10.0), ((0, 0, 0), None)])
def test_since_when_there_is_a_queue(queued: tuple[int, ...], since: float | None) -> None:
    assert after((5.0 * step, seen(count)) for step, count in enumerate(queued)).queue_since == since
