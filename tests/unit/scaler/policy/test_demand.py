# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which tasks will want a slot: what waits, what is announced, what usually comes, each once."""

from __future__ import annotations

import pytest

from sm2a_scaler.policy.demand import (
    GRACE_SECONDS,
    HOLD_SECONDS,
    KNOWN_GRACE_SECONDS,
    MOST_ANNOUNCED,
    announced,
    demand,
    missing,
    more_slots,
)
from sm2a_scaler.policy.memory import Due, Memory
from sm2a_scaler.policy.values import READY, Observation, QueuedTask, RunningTask, Tick, UpcomingTask, Worker

MEAN = 60.0
HORIZON = 80.0


def seen(queued: int = 0, **more: object) -> Observation:
    return Observation(**({"queued": queued, "running": 0, "workers": ()} | more))  # type: ignore[arg-type]


class TestQueued:
    """What waits wants a slot now."""

    def test_durations_that_are_known_and_others_around_the_mean(self) -> None:
        found = demand(seen(40, queued_tasks=(QueuedTask(9.0, 500.0), QueuedTask(8.0, None))), Memory(), MEAN, HORIZON)
        assert [(task.after, task.duration) for task in found.queued[:2]] == [(0.0, 500.0), (0.0, MEAN)]
        assert len(found.queued) == 40
        assert sum(task.duration for task in found.queued[2:]) / 38 == pytest.approx(MEAN, rel=0.1)
        assert (found.announced, found.usual, found.overdue) == ([], [], [])

    def test_those_that_were_announced_may_wait_a_little(self) -> None:
        """Three of five were announced for ten seconds ago, and as many tasks have come since."""
        memory = Memory(at=100.0, came=5.0, due=(Due(90.0, 3, 0.0),))
        graces = [task.grace for task in demand(seen(5), memory, MEAN, HORIZON).queued]
        assert sorted(graces) == [0.0, 0.0, GRACE_SECONDS, GRACE_SECONDS, GRACE_SECONDS]


class TestAnnounced:
    """What is known to come within the horizon."""

    def test_ticks_and_upcoming_tasks_in_their_order(self) -> None:
        found = announced(
            seen(schedule=(Tick(30.0, 2, 10.0),), upcoming=(UpcomingTask(50.0, 5.0), UpcomingTask(10.0, None))),
            MEAN,
            HORIZON,
        )
        assert [task.after for task in found] == [10.0, 30.0, 30.0, 50.0]
        assert [task.grace for task in found] == [
            KNOWN_GRACE_SECONDS,
            GRACE_SECONDS,
            GRACE_SECONDS,
            KNOWN_GRACE_SECONDS,
        ]
        assert (found[0].duration, found[3].duration) == (MEAN, 5.0)

    def test_what_a_tick_brings_and_is_named_too_counts_once(self) -> None:
        upcoming = tuple(UpcomingTask(31.0, 5.0) for _dummy in range(3))
        assert len(announced(seen(schedule=(Tick(30.0, 4, None),), upcoming=upcoming), MEAN, HORIZON)) == 4
        assert len(announced(seen(schedule=(Tick(30.0, 2, None),), upcoming=upcoming), MEAN, HORIZON)) == 3

    @pytest.mark.parametrize("due_in", [-1.0, HORIZON + 1])
    def test_ticks_outside_of_the_horizon(self, due_in: float) -> None:
        assert announced(seen(schedule=(Tick(due_in, 4, None),)), MEAN, HORIZON) == []

    def test_an_overdue_task_comes_soon(self) -> None:
        (task,) = announced(seen(upcoming=(UpcomingTask(-20.0, None),)), MEAN, HORIZON)
        assert 0 < task.after < MEAN

    def test_a_mad_number_is_cut(self) -> None:
        assert len(announced(seen(schedule=(Tick(1.0, 10**9, None),)), MEAN, HORIZON)) == MOST_ANNOUNCED


class TestMissing:
    """What was announced and has not come is believed in for some time."""

    @pytest.mark.parametrize(("at", "tasks"), [(100.0, 8), (100.0 + HOLD_SECONDS, 8), (101.0 + HOLD_SECONDS, 0)])
    def test_for_how_long(self, at: float, tasks: int) -> None:
        memory = Memory(at=at, came=10.0, due=(Due(100.0, 8, 10.0),))
        assert missing(memory) == tasks
        assert len(demand(seen(), memory, MEAN, HORIZON).overdue) == tasks

    def test_what_has_come_is_not_missing(self) -> None:
        assert missing(Memory(at=110.0, came=15.0, due=(Due(100.0, 8, 10.0),))) == 3


class TestUsual:
    """What has come as a habit goes on, as far as it can be seen."""

    BINS = tuple((5.0 * number, 1.0) for number in range(24))

    def test_evenly_over_the_horizon(self) -> None:
        found = demand(seen(), Memory(at=120.0, bins=self.BINS, total=12), MEAN, 50.0).usual
        assert [task.after for task in found] == pytest.approx([2.5 + 5 * number for number in range(len(found))])
        assert len(found) == 10

    def test_what_nobody_sees_any_more_does_not_come(self) -> None:
        assert demand(seen(), Memory(at=120.0, bins=self.BINS, total=0), MEAN, 50.0).usual == []


class TestMoreSlots:
    """At some moment announced tasks occupy more slots than now."""

    def test_none_without_announcements(self) -> None:
        assert more_slots(seen(), Memory(), MEAN, HORIZON) == 0

    def test_the_highest_moment_counts(self) -> None:
        ticks = (Tick(10.0, 3, 60.0), Tick(20.0, 2, 60.0))
        assert more_slots(seen(schedule=ticks), Memory(), MEAN, HORIZON) == 5

    def test_what_ends_before_makes_room(self) -> None:
        busy = Worker("a", READY, 300.0, 2, 0.0, (RunningTask(55.0, 60.0), RunningTask(0.0, 600.0)))
        assert more_slots(seen(schedule=(Tick(10.0, 3, 60.0),), workers=(busy,)), Memory(), MEAN, HORIZON) == 2
