# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How many workers: the number at which one more costs more than the waiting that it saves."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from sm2a_scaler.policy.demand import Demand
from sm2a_scaler.policy.memory import Memory
from sm2a_scaler.policy.prices import Prices
from sm2a_scaler.policy.projection import Arrival, Capacity, Projection, project
from sm2a_scaler.policy.values import Limits

LEAST_SAVING_WORKER_SECONDS = 10.0
"""Worker-seconds that each further worker must save: estimates are rough, and a worker once ordered is paid for."""


@dataclass(frozen=True)
class Choice:
    """How many workers more (or fewer, if negative) than there are."""

    change: int
    why: str


def choose(
    limits: Limits, workers: list[Capacity], demand: Demand, memory: Memory, fewer: int, prices: Prices
) -> Choice:
    """Choose between ``fewer`` empty workers less and as many more as the limits and the tasks allow."""
    tasks = sorted(demand.queued + demand.announced + demand.usual, key=lambda task: task.after)
    occupied = sum(worker.busy for worker in workers)
    need = -(-(occupied + len(tasks)) // limits.concurrency)
    most = max(0, min(need, limits.maximum) - len(workers))
    if need >= limits.maximum:
        # At the maximum a slot that comes late is never made up for: nobody has a grace.
        tasks = [Arrival(after, duration) for after, duration, _grace in tasks]
    if fewer:
        # What has not come as announced is worth keeping workers for a while, not ordering them.
        tasks = sorted(tasks + demand.overdue, key=lambda task: task.after)
        return _fewer(workers, tasks, fewer, prices)
    if not most:
        return Choice(0, "there are as many workers as tasks could use")
    new = Capacity((memory.start,) * limits.concurrency, ready=False)
    results: dict[int, Projection] = {}

    def outcome(change: int) -> Projection:
        if change not in results:
            results[change] = project(workers + [new] * change, tasks)
        return results[change]

    stay = outcome(0)
    bound = max(0.0, _lateness(outcome(most))) + prices.late
    low = _smallest(most, lambda change: _lateness(outcome(change)) <= bound)
    best = low
    for step in range(most.bit_length()):
        change = min(low + (1 << step), most)
        # Each further worker saves less than the one before.
        if outcome(change).value(prices.waiting) >= outcome(best).value(prices.waiting):
            break
        best = change
    if (
        not low
        and stay.value(prices.waiting) - outcome(best).value(prices.waiting) < LEAST_SAVING_WORKER_SECONDS * best
    ):
        best = 0
    if not demand.queued and prices.waiting * (stay.waited - outcome(best).waited) < LEAST_SAVING_WORKER_SECONDS:
        # Nobody waits, and by rough estimates hardly anybody will.
        best = 0
    return Choice(best, _saving(stay, outcome(best), demand) if best else "waiting costs less than another worker")


def _fewer(workers: list[Capacity], tasks: list[Arrival], fewer: int, prices: Prices) -> Choice:
    """How many of the empty workers are of no use."""
    if not tasks:
        return Choice(-fewer, "nothing is expected for them")
    empties = [worker for worker in workers if worker.empty]
    others = [worker for worker in workers if not worker.empty]
    stay = project(workers, tasks)
    bound = max(0.0, _lateness(stay)) + prices.late

    def useless(kept: int) -> bool:
        result = project(others + empties[: len(empties) - fewer + kept], tasks)
        return result.value(prices.waiting) <= stay.value(prices.waiting) and _lateness(result) <= bound

    return Choice(_smallest(fewer, useless) - fewer, "tasks are expected for them")


def _saving(stay: Projection, chosen: Projection, demand: Demand) -> str:
    coming = f", with {len(demand.announced)} announced tasks," if demand.announced else ""
    if math.isinf(stay.waited):
        return f"nobody else could run what waits{coming} or is to come" if coming else "nobody else could run them"
    saved, spent = stay.waited - chosen.waited, chosen.worker_seconds - stay.worker_seconds
    return f"that saves{coming} {saved / 60:.0f} task-minutes of waiting for {max(0.0, spent) / 60:.0f} worker-minutes"


def _smallest(most: int, enough: Callable[[int], bool]) -> int:
    """The smallest number up to ``most`` that is ``enough``, if with each number all larger ones are."""
    if not most or enough(0):
        return 0
    low, high = 1, most
    while low < high:
        middle = (low + high) // 2
        if enough(middle):
            high = middle
        else:
            low = middle + 1
    return low


def _lateness(projection: Projection) -> float:
    """By how much 19 of 20 tasks are late at most."""
    late = sorted(projection.late)
    return late[max(0, math.ceil(0.95 * len(late)) - 1)] if late else 0.0
