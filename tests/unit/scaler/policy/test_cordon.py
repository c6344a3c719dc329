# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who takes tasks: how many free slots remain, and which workers are told to empty."""

from __future__ import annotations

import pytest

from sm2a_scaler.policy.cordon import reserve, superfluous
from sm2a_scaler.policy.memory import Memory
from sm2a_scaler.policy.values import CORDONED, READY, STARTING, Limits, Observation, RunningTask, Worker

LIMITS = Limits(concurrency=4, minimum=0, maximum=10)
# One task every five seconds, for two minutes.
STEADY = Memory(at=120.0, bins=tuple((5.0 * number, 1.0) for number in range(24)))


def worker(name: str, busy: int, left: float = 60.0, state: str = READY, age: float = 300.0) -> Worker:
    """A worker whose tasks take ``left`` more seconds."""
    return Worker(name, state, age, busy, 0.0, tuple(RunningTask(10.0, 10.0 + left) for _dummy in range(busy)))


def names(limits: Limits, *workers: Worker, free: int, memory: Memory = STEADY, all_of_them: bool = False) -> list[str]:
    seen = Observation(0, sum(one.busy for one in workers), workers)
    return [one.id for one in superfluous(limits, seen, memory, free, 60.0, all_of_them=all_of_them)]


class TestReserve:
    """Free slots for the next seconds."""

    def test_a_quiet_pool_needs_none_but_those_announced(self) -> None:
        assert reserve(Memory(), 0, 60.0, 0) == 0
        assert reserve(Memory(), 0, 60.0, 7) == 7

    def test_what_usually_comes_and_chance(self) -> None:
        assert reserve(STEADY, 0, 60.0, 0) == 3
        assert reserve(STEADY, 0, 60.0, 2) == 5

    def test_what_usually_ends_makes_room(self) -> None:
        assert reserve(STEADY, 40, 60.0, 0) < reserve(STEADY, 0, 60.0, 0)


class TestSuperfluous:
    """Workers that are not needed for the free slots that shall remain."""

    def test_those_that_are_busy_longest_take_the_tasks(self) -> None:
        workers = (worker("long", 1, left=900.0), worker("short", 1, left=10.0), worker("empty", 0))
        assert names(LIMITS, *workers, free=3) == ["empty", "short"]
        assert names(LIMITS, *workers, free=4) == ["empty"]
        assert names(LIMITS, *workers, free=11) == []

    def test_the_minimum_stays(self) -> None:
        workers = (worker("a", 0), worker("b", 0), worker("c", 0))
        assert len(names(Limits(4, 2, 10), *workers, free=0)) == 1

    def test_who_starts_is_not_asked_to_empty(self) -> None:
        assert names(LIMITS, worker("new", 0, state=STARTING), free=0) == []

    def test_a_cordoned_one_is_not_exchanged_for_another(self) -> None:
        workers = (worker("out", 1, left=20.0, state=CORDONED), worker("in", 1, left=10.0))
        assert names(LIMITS, *workers, free=3) == ["out"]

    def test_all_of_them_those_first_that_are_done_soonest(self) -> None:
        workers = (worker("long", 1, left=900.0), worker("short", 1, left=10.0))
        assert names(LIMITS, *workers, free=99, all_of_them=True) == ["short", "long"]

    @pytest.mark.parametrize(
        ("memory", "cordoned"),
        [
            (Memory(), ["last"]),
            # Twelve tasks a minute: one will certainly come before this one ends.
            (STEADY, []),
        ],
    )
    def test_the_last_one_empties_while_it_runs_something_if_nothing_is_to_come(
        self, memory: Memory, cordoned: list[str]
    ) -> None:
        assert names(LIMITS, worker("last", 1, left=60.0), free=0, memory=memory) == cordoned
