# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What would happen: tasks on slots, what they wait, and what the workers cost."""

from __future__ import annotations

import math

import pytest

from sm2a_scaler.policy.memory import Memory
from sm2a_scaler.policy.projection import (
    MOST_TASKS,
    OVERRUN,
    Arrival,
    Capacity,
    capacities,
    last_end,
    project,
    quantiles,
    ready_in,
    remaining,
)
from sm2a_scaler.policy.values import CORDONED, READY, STARTING, Observation, RunningTask, Worker


class TestProject:
    """Tasks are laid onto slots, each onto the one that is free first."""

    def test_a_free_slot_costs_nobody_a_wait(self) -> None:
        found = project([Capacity((0.0, 0.0))], [Arrival(0.0, 30.0), Arrival(5.0, 30.0)])
        assert (found.worker_seconds, found.waited, found.late) == (35.0, 0.0, [0.0, 0.0])

    def test_a_task_waits_for_the_slot_that_is_free_first(self) -> None:
        busy = [Capacity((20.0,), busy=1), Capacity((10.0,), busy=1)]
        found = project(busy, [Arrival(0.0, 30.0), Arrival(0.0, 30.0)])
        assert (found.waited, found.late) == (30.0, [10.0, 20.0])
        assert found.worker_seconds == 40.0 + 50.0

    def test_grace_is_not_late(self) -> None:
        assert project([Capacity((50.0,), busy=1)], [Arrival(0.0, 1.0, grace=40.0)]).late == [10.0]

    def test_a_worker_that_starts_is_paid_for_though_nobody_uses_it(self) -> None:
        new = Capacity((75.0, 75.0), ready=False)
        assert project([Capacity((0.0,)), new], [Arrival(0.0, 10.0)]).worker_seconds == 10.0 + 75.0

    def test_without_a_slot_tasks_wait_for_ever(self) -> None:
        assert project([], [Arrival(0.0, 1.0)]).waited == math.inf
        assert project([], []) == (0.0, 0.0, [])

    def test_long_queues_come_to_the_same_on_a_smaller_scale(self) -> None:
        """Ten times as many tasks on ten times as many workers wait ten times as long together."""
        arrivals = [Arrival(0.0, duration) for duration in quantiles(60.0, MOST_TASKS)]
        small = project([Capacity((0.0,) * 4)] * 10, arrivals)
        large = project([Capacity((0.0,) * 4)] * 100, [arrival for arrival in arrivals for _dummy in range(10)])
        assert large.waited == pytest.approx(10 * small.waited, rel=0.1)

    def test_value_weighs_waiting(self) -> None:
        found = project([Capacity((20.0,), busy=1)], [Arrival(0.0, 30.0)])
        assert found.value(0.0) == 50.0
        assert found.value(0.1) == pytest.approx(52.0)


class TestDurations:
    """Durations that nobody knows, and what is left of those that somebody does."""

    @pytest.mark.parametrize("count", [1, 16, 400, 1000])
    def test_quantiles(self, count: int) -> None:
        found = quantiles(60.0, count)
        assert len(found) == count
        assert quantiles(60.0, count) == found, "the same each time"
        if count >= 400:
            assert sum(found) / count == pytest.approx(60.0, rel=0.02)
        assert quantiles(60.0, -3) == []

    @pytest.mark.parametrize(
        ("elapsed", "expected", "left"),
        [
            (10.0, 60.0, 50.0),
            (60.5, 60.0, OVERRUN * 60),
            (600.0, 60.0, OVERRUN * 60),
            (10.0, None, 30.0),
            (1.0, 1.5, 1.0),
        ],
    )
    def test_remaining(self, elapsed: float, expected: float | None, left: float) -> None:
        assert remaining(RunningTask(elapsed, expected), 40.0) == pytest.approx(left)

    def test_last_end(self) -> None:
        tasks = (RunningTask(0.0, 60.0), RunningTask(0.0, 90.0))
        assert last_end(Worker("a", READY, 300.0, 2, 0.0, tasks), 60.0) == 90.0
        assert last_end(Worker("a", READY, 300.0, 0, 5.0), 60.0) == 0.0
        # Not known one by one: several last longer than one, and what has run for long goes on for long.
        unknown = [last_end(Worker("a", READY, 300.0, busy, 0.0), 60.0) for busy in (1, 4, 16)]
        assert unknown == sorted(unknown)
        assert last_end(Worker("a", CORDONED, 300.0, 1, 0.0), 60.0, age=500.0) == 500.0


class TestCapacities:
    """When the slots of the workers become free."""

    def test_slots(self) -> None:
        workers = (
            Worker("busy", READY, 300.0, 1, 0.0, (RunningTask(10.0, 40.0),)),
            Worker("empty", CORDONED, 300.0, 0, 9.0),
            Worker("new", STARTING, 15.0, 0, 0.0),
        )
        busy, empty, new = capacities(Observation(0, 1, workers), Memory(), 2, 60.0)
        assert (busy.slots, busy.empty) == ((0.0, 30.0), False)
        assert (empty.slots, empty.empty) == ((0.0, 0.0), True)
        assert (new.slots, new.empty) == ((60.0, 60.0), False)

    def test_more_tasks_than_slots_are_cut(self) -> None:
        (worker,) = capacities(Observation(0, 9, (Worker("a", READY, 300.0, 9, 0.0),)), Memory(), 4, 60.0)
        assert (worker.busy, len(worker.slots)) == (4, 4)

    def test_a_start_that_takes_long_goes_on_for_a_little(self) -> None:
        left = [ready_in(Memory(), age) for age in (0.0, 59.0, 60.0, 85.0, 500.0)]
        assert left[:2] == [75.0, 16.0]
        assert left == sorted(left, reverse=True)
        assert left[-1] > 0
