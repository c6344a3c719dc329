# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How long a worker that is empty is worth keeping."""

from __future__ import annotations

from sm2a_scaler.policy.memory import LONG_GAP, Memory, gap_class
from sm2a_scaler.policy.prices import Prices

KEPT_SECONDS = (0.0, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0, 90.0, 120.0, 180.0)
"""Seconds to choose from, for which an empty worker is kept."""

BELIEVED_GAPS = (LONG_GAP, LONG_GAP, LONG_GAP)
"""Gaps, in seconds, that are believed of a pool that has not been seen for long: what is not needed stays so."""

WAITING_TASKS = 2.0
"""Tasks that are taken to wait for a worker that has to be started again."""


def worth_keeping(memory: Memory, level: int, prices: Prices) -> float:
    """Seconds for which the worker number ``level`` (from 1) is kept after it was last needed.

    The time that would have been the cheapest for the gaps that were seen: a gap that ended before it cost its
    own length, any other one the whole time and a start.
    """
    start = memory.start * (1 + prices.waiting * WAITING_TASKS)
    gaps = BELIEVED_GAPS + memory.gaps[gap_class(level)]
    costs = [sum(gap if gap <= seconds else seconds + start for gap in gaps) for seconds in KEPT_SECONDS]
    return KEPT_SECONDS[costs.index(min(costs))]


def kept(memory: Memory, present: int, at: float, prices: Prices) -> int:
    """How many of ``present`` workers are worth keeping because they were needed lately."""
    for level in range(present, 0, -1):
        if level <= len(memory.needed) and at - memory.needed[level - 1] <= worth_keeping(memory, level, prices):
            return level
    return 0
