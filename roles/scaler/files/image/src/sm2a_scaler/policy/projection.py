# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What would happen: tasks laid onto slots in the order in which they come."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from heapq import heapify, heapreplace
from typing import NamedTuple

from sm2a_scaler.policy.memory import Memory
from sm2a_scaler.policy.values import STARTING, Observation, RunningTask, Worker

_STRATA = 16

MOST_TASKS = 400
"""Tasks that are projected. Longer queues are on a smaller scale: one task stands for several, and one slot too."""

OVERRUN = 0.3
"""Share of its expected time that a task which takes longer is expected to take again."""


class Arrival(NamedTuple):
    """A task that wants a slot ``after`` so many seconds and then keeps it for ``duration``."""

    after: float
    duration: float
    grace: float = 0.0
    """Seconds that it may wait before that counts as late: announced tasks are served well before others would be."""


class Capacity(NamedTuple):
    """The slots of one worker: when each becomes free, in seconds from now."""

    slots: tuple[float, ...]
    """Of a new or a starting worker all at the same time, when it is ready."""
    busy: int = 0
    """How many of the slots are occupied now."""
    ready: bool = True

    @property
    def empty(self) -> bool:
        """Whether it runs nothing and could leave."""
        return self.ready and not self.busy


class Projection(NamedTuple):
    """What becomes of the tasks."""

    worker_seconds: float
    """For which the workers are there, until each has nothing to do any more."""
    waited: float
    """Task-seconds that all tasks wait together."""
    late: list[float]
    """Seconds that each task waits beyond its grace."""

    def value(self, price: float) -> float:
        """What it costs, in worker-seconds, at a ``price`` of so many for a task-second of waiting."""
        return self.worker_seconds + price * self.waited


def quantiles(mean: float, count: int) -> list[float]:
    """``count`` durations that are spread like those of tasks with this mean."""
    rounds = -(-count // len(_UNITS))
    return [mean * unit for unit in (_UNITS * rounds)[: max(0, count)]]


def _units() -> list[float]:
    """Exponentially distributed numbers of mean 1, each sixteen of them evenly spread, in an order without pattern."""
    source = random.Random(0)
    units = []
    for _dummy in range(MOST_TASKS // _STRATA):
        block = [-math.log(1 - (number + 0.5) / _STRATA) for number in range(_STRATA)]
        source.shuffle(block)
        units += block
    mean = sum(units) / len(units)
    return [unit / mean for unit in units]


_UNITS = _units()


def remaining(task: RunningTask, mean: float) -> float:
    """Expected seconds until ``task`` ends."""
    expected = task.expected if task.expected is not None else mean
    return max(expected - task.elapsed, OVERRUN * expected if task.elapsed > expected else 0.0, 1.0)


def ready_in(memory: Memory, age: float) -> float:
    """Expected seconds until a worker that has been starting for ``age`` is ready."""
    if age < memory.shortest:
        return memory.start - age
    return max(2.5, (memory.longest - age) / 2)


def capacities(seen: Observation, memory: Memory, concurrency: int, mean: float) -> list[Capacity]:
    """The slots of all workers, cordoned ones too since they can be taken back."""
    found = []
    number = 0
    for worker in seen.workers:
        if worker.state == STARTING:
            found.append(Capacity((max(1.0, ready_in(memory, worker.age)),) * concurrency, ready=False))
            continue
        busy = min(worker.busy, concurrency)
        if worker.tasks is not None and len(worker.tasks) >= busy:
            ends = [remaining(task, mean) for task in worker.tasks[:busy]]
        else:
            ends = [mean * _UNITS[(number + place) % len(_UNITS)] for place in range(busy)]
            number += busy
        found.append(Capacity((0.0,) * (concurrency - busy) + tuple(ends), busy))
    return found


def last_end(worker: Worker, mean: float, age: float = 0.0) -> float:
    """Expected seconds until ``worker`` runs nothing any more, if it takes no new task.

    ``age``: where durations are not known, the seconds for which something on it has been running at least.
    """
    if worker.tasks is not None and len(worker.tasks) >= worker.busy:
        return max((remaining(task, mean) for task in worker.tasks), default=0.0)
    # The expected longest of that many exponential durations.
    return max(age, mean * (math.log(worker.busy) + 0.58)) if worker.busy else 0.0


def project(workers: Sequence[Capacity], arrivals: Sequence[Arrival]) -> Projection:
    """Lay ``arrivals`` (in their order) onto the workers' slots, each onto the one that is free first."""
    scale = 1
    total = len(arrivals)
    if total > MOST_TASKS:
        scale = -(-total // MOST_TASKS)
    count = len(workers)
    # When a slot is free, and which. A random worker takes a task: ties are broken slot by slot, not worker by worker.
    free = [
        (at, place * count + index) for index, worker in enumerate(workers) for place, at in enumerate(worker.slots)
    ][::scale]
    if not free:
        return Projection(0.0, math.inf if total else 0.0, [math.inf] * total)
    heapify(free)
    late = []
    waited = 0.0
    for after, duration, grace in arrivals[::scale]:
        at, slot = free[0]
        wait = at - after
        if wait > 0.0:
            waited += wait
            heapreplace(free, (at + duration, slot))
        else:
            wait = 0.0
            heapreplace(free, (after + duration, slot))
        late.append(wait - grace)
    # A worker that starts is paid for until it is ready, whether it is used then or not.
    finish = [0.0 if worker.empty else max(worker.slots) for worker in workers]
    for end, slot in free:
        if end > finish[slot % count]:
            finish[slot % count] = end
    return Projection(sum(finish), waited * scale, late)
