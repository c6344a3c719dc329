# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which tasks will want a slot: those that wait, those that are announced, and those that come as they always do."""

from __future__ import annotations

import math
from typing import NamedTuple

from sm2a_scaler.policy.memory import OVERDUE_SECONDS, SAME_TICK, Memory
from sm2a_scaler.policy.projection import OVERRUN, Arrival, quantiles, remaining
from sm2a_scaler.policy.values import Observation, RunningTask, UpcomingTask

GRACE_SECONDS = 40.0
"""Seconds that announced tasks may wait: less than they would for workers that start when they come."""

KNOWN_GRACE_SECONDS = 60.0
"""Seconds that announced tasks may wait whose own durations are known: longer, since their cost is known too."""

MOST_ANNOUNCED = 5000
"""Tasks of one tick that count; more would make no difference to any pool."""

HABIT_DEVIATIONS = 2.0
"""Standard deviations by which fewer tasks than usual may be here while they still come as they did."""

HOLD_SECONDS = 30.0
"""Seconds after their moment for which announced tasks that have not come are still believed in."""


class Demand(NamedTuple):
    """Tasks in the order in which they come."""

    queued: list[Arrival]
    announced: list[Arrival]
    usual: list[Arrival]
    overdue: list[Arrival]


def demand(seen: Observation, memory: Memory, mean: float, horizon: float) -> Demand:
    """What will want a slot within ``horizon`` seconds."""
    due, came = memory.overdue(OVERDUE_SECONDS)
    # The queue is first in, first out: of those that came, the latest are still in it.
    due -= max(0, came - (seen.queued or 0))
    late = [Arrival(0.0, duration, GRACE_SECONDS) for duration in quantiles(mean, missing(memory))]
    return Demand(_queued(seen, mean, max(0, due)), announced(seen, mean, horizon), _usual(memory, mean, horizon), late)


def missing(memory: Memory) -> int:
    """Tasks that were announced for just now and have not come."""
    owed, came = memory.overdue(HOLD_SECONDS)
    return max(0, owed - came)


def _queued(seen: Observation, mean: float, due: int) -> list[Arrival]:
    queued = seen.queued or 0
    details = seen.queued_tasks or ()
    known = [Arrival(0.0, mean if task.expected is None else task.expected) for task in details[:queued]]
    found = known + [Arrival(0.0, duration) for duration in quantiles(mean, queued - len(known))]
    grace = KNOWN_GRACE_SECONDS if known else GRACE_SECONDS
    return [arrival._replace(grace=grace) for arrival in found[:due]] + found[due:]


def announced(seen: Observation, mean: float, horizon: float) -> list[Arrival]:
    """Upcoming tasks, and those of ticks that are not among them."""
    found = [
        Arrival(
            task.due_in if task.due_in > 0 else OVERRUN * mean,
            mean if task.expected is None else task.expected,
            KNOWN_GRACE_SECONDS,
        )
        for task in seen.upcoming
        if task.due_in <= horizon
    ]
    for tick in seen.schedule:
        if 0 <= tick.due_in <= horizon:
            named = sum(1 for task in seen.upcoming if _near(task, tick.due_in))
            duration = tick.duration if tick.duration else mean
            count = min(tick.tasks - named, MOST_ANNOUNCED)
            found += [Arrival(tick.due_in, each, GRACE_SECONDS) for each in quantiles(duration, count)]
    found.sort(key=lambda task: task.after)
    return found


def more_slots(seen: Observation, memory: Memory, mean: float, horizon: float) -> int:
    """How many slots more than now announced tasks will occupy at some moment before ``horizon``."""
    changes = [(task.after, 1) for task in announced(seen, mean, horizon)] + [(0.0, missing(memory))]
    if sum(change for _dummy, change in changes) == 0:
        return 0
    for worker in seen.workers:
        if worker.tasks is not None:
            changes += [(remaining(task, mean), -1) for task in worker.tasks]
        else:
            changes += [(remaining(RunningTask(0.0, each), mean), -1) for each in quantiles(mean, worker.busy)]
    highest = slots = 0
    for _dummy, change in sorted(changes):
        slots += change
        highest = max(highest, slots)
    return highest


def _near(task: UpcomingTask, due_in: float) -> bool:
    return abs(task.due_in - due_in) <= SAME_TICK


def _usual(memory: Memory, mean: float, horizon: float) -> list[Arrival]:
    # What came lately goes on only as far as it can be seen: tasks that come at some rate would be here now. A burst
    # whose last task has ended asks for nobody.
    rate = min(memory.rate, (memory.total + HABIT_DEVIATIONS * math.sqrt(memory.total)) / mean)
    count = int(rate * horizon)
    return [Arrival((number + 0.5) / rate, duration) for number, duration in enumerate(quantiles(mean, count))]
