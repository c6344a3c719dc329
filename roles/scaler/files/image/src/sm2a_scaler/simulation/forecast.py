# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is known beforehand of a trace's tasks: exactly, roughly, or wrongly."""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Iterator

from sm2a_scaler.policy.values import Tick, UpcomingTask
from sm2a_scaler.simulation.trace import Trace

HORIZON = 180.0
"""Seconds before its time at which a task of a scheduled run is announced."""

TICK_SECONDS = 30.0
"""Tasks without parents that come within so many seconds after a tick belong to its runs."""

TICKS = 5
"""How many of the next ticks are announced."""

PHANTOM = 0.08
MISSING = 0.10
OFF = (0.5, 1.5)


class Forecast:
    """Expected durations and announcements.

    ``error`` is the standard deviation of the logarithm of an expected duration's error, 0 for perfect foresight;
    ``wrong`` leaves out 10 % of the announcements, adds 8 % that never come true, and has all durations off by half.
    """

    def __init__(self, trace: Trace, *, error: float = 0.0, wrong: bool = False, seed: int = 0) -> None:
        source = random.Random(seed)
        self._missing: set[int] = set()
        ticks = list(trace.schedule)
        if wrong:
            self.expected = [task.duration * source.choice(OFF) for task in trace.tasks]
            self._missing = {position for position in range(len(trace.tasks)) if source.random() < MISSING}
            phantoms = [
                tick._replace(at=tick.at + source.uniform(300, 1800)) for tick in ticks if source.random() < PHANTOM
            ]
            ticks = [
                tick._replace(duration=tick.duration * source.choice(OFF))
                for tick in ticks
                if source.random() >= MISSING
            ] + phantoms
        else:
            self.expected = [task.duration * source.lognormvariate(0.0, error) for task in trace.tasks]
        due = [
            (trace.tasks[position].arrival, self.expected[position])
            for position in _scheduled(trace)
            if position not in self._missing
        ]
        if wrong:
            due += [(at + source.uniform(-300, 300), expected) for at, expected in due if source.random() < PHANTOM]
        self._due = sorted(due)
        self._ticks = sorted(ticks)

    def announced(self, task: int) -> bool:
        """Whether a child whose parents are running is known to come."""
        return task not in self._missing

    def ticks(self, now: float) -> tuple[Tick, ...]:
        """The next ticks."""
        first = bisect_right(self._ticks, now, key=lambda tick: tick.at)
        return tuple(Tick(tick.at - now, tick.tasks, tick.duration) for tick in self._ticks[first : first + TICKS])

    def due(self, now: float) -> list[UpcomingTask]:
        """Tasks of scheduled runs that come within ``HORIZON``."""
        first = bisect_right(self._due, (now, float("inf")))
        last = bisect_right(self._due, (now + HORIZON, float("inf")))
        return [UpcomingTask(at - now, expected) for at, expected in self._due[first:last]]


def _scheduled(trace: Trace) -> Iterator[int]:
    """Positions of the tasks that a tick brings."""
    ticks = [tick.at for tick in trace.schedule]
    for position, task in enumerate(trace.tasks):
        place = bisect_right(ticks, task.arrival) - 1
        if place >= 0 and not task.after and task.arrival - ticks[place] <= TICK_SECONDS:
            yield position
