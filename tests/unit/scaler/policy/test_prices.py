# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the policy weighs against each other: one place that is asked, and the figures that are promised."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sm2a_scaler.policy.decide import decide
from sm2a_scaler.policy.memory import Memory
from sm2a_scaler.policy.prices import PRICES
from sm2a_scaler.policy.values import CORDONED, Limits, Observation, QueuedTask, Worker
from sm2a_scaler.simulation.bench import WAITING_YARDSTICK

LIMITS = Limits(concurrency=1, minimum=0, maximum=10)


def test_the_price_of_waiting_is_the_one_that_policies_are_compared_by() -> None:
    assert PRICES.waiting == pytest.approx(WAITING_YARDSTICK)


@pytest.mark.parametrize(("waiting", "more"), [(0.0, False), (PRICES.waiting, True), (1.0, True)])
def test_the_price_of_waiting_says_how_many_workers_are_ordered(waiting: float, more: bool) -> None:
    """With any lateness allowed, only the price is left: one worker for all, or several at once."""
    prices = replace(PRICES, waiting=waiting, late=1e9)
    queue = tuple(QueuedTask(0.0, 600.0) for _dummy in range(10))
    seen = Observation(10, 0, (), mean_duration=600.0, queued_tasks=queue)

    decision, _memory = decide(LIMITS, seen, Memory(), 0.0, prices)

    assert (decision.desired > 1) == more


@pytest.mark.parametrize(("waiting", "leaves"), [(PRICES.waiting, True), (1.0, False)])
def test_the_same_price_says_how_long_an_empty_worker_is_kept(waiting: float, leaves: bool) -> None:
    """Gaps of 110 s: too long to wait for when a start costs 75 s and a little, but not when waiting is dear."""
    memory = Memory(at=0.0, clock=0.0, bins=((0.0, 0.0),), needed=(0.0,), gaps=((110.0,) * 30, (), ()))
    seen = Observation(0, 0, (Worker("a", CORDONED, 300.0, 0, 60.0),))

    decision, _memory = decide(LIMITS, seen, memory, 60.0, replace(PRICES, waiting=waiting))

    assert decision.desired == (0 if leaves else 1)
