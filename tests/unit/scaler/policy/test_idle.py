# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How long an empty worker is kept: as long as it would have been cheapest for the gaps that were seen."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sm2a_scaler.policy.idle import kept, worth_keeping
from sm2a_scaler.policy.memory import LONG_GAP, Memory
from sm2a_scaler.policy.prices import PRICES


def seen(*gaps: float) -> Memory:
    """The memory of a pool whose first worker was not needed for these times, in seconds."""
    return Memory(start=75.0, gaps=(gaps, (), ()))


@pytest.mark.parametrize(
    ("gaps", "seconds"),
    [
        ((), 0.0),
        # A start costs 90 s here: it is not worth more to avoid it.
        ((40.0,) * 20, 45.0),
        ((100.0,) * 20, 0.0),
        ((LONG_GAP,) * 20, 0.0),
        # Now and then a long gap does not outweigh many short ones.
        ((10.0,) * 20 + (LONG_GAP,) * 2, 10.0),
        # A single short gap is no habit.
        ((40.0,), 0.0),
    ],
)
def test_worth_keeping(gaps: tuple[float, ...], seconds: float) -> None:
    assert worth_keeping(seen(*gaps), 1, PRICES) == seconds


def test_gaps_count_for_the_workers_that_had_them() -> None:
    memory = replace(seen(*[40.0] * 20), gaps=((40.0,) * 20, (), (10.0,) * 20))
    assert [worth_keeping(memory, level, PRICES) for level in (1, 2, 3, 4, 50)] == [45.0, 0.0, 0.0, 10.0, 10.0]


def test_dear_waiting_keeps_workers_longer() -> None:
    memory = seen(*[110.0] * 20)
    kept_for = [worth_keeping(memory, 1, replace(PRICES, waiting=price)) for price in (0.0, 0.1, 0.5, 2.0)]
    assert kept_for == sorted(kept_for)
    assert (kept_for[0], kept_for[-1]) == (0.0, 120.0)


@pytest.mark.parametrize(("at", "workers"), [(100.0, 1), (145.0, 1), (146.0, 0), (1000.0, 0)])
def test_kept(at: float, workers: int) -> None:
    """The first of two was needed until second 100, and is worth keeping for 45 s; the second one for none."""
    memory = replace(seen(*[40.0] * 20), needed=(100.0, 50.0))
    assert kept(memory, 2, at, PRICES) == workers


def test_nobody_is_kept_who_was_never_needed_or_is_not_there() -> None:
    assert kept(Memory(), 3, 0.0, PRICES) == 0
    assert kept(replace(seen(*[40.0] * 20), needed=(100.0,)), 0, 100.0, PRICES) == 0
