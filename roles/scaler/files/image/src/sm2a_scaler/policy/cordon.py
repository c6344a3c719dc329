# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which workers take tasks, and which are told to take none, so that they empty."""

from __future__ import annotations

import math

from sm2a_scaler.policy.memory import Memory
from sm2a_scaler.policy.projection import last_end
from sm2a_scaler.policy.values import CORDONED, STARTING, Limits, Observation, Worker

REACTION_SECONDS = 1.0
"""Seconds beyond a step that it takes until a cordoned worker that is called back takes tasks."""

RESERVE_DEVIATIONS = 1.5
"""Standard deviations above the usual arrivals for which the free slots suffice."""

SURPLUS_SECONDS = 10.0
"""Seconds that workers must have been superfluous before one that could take tasks is cordoned."""

LAST_WORKER_MOST_EXPECTED_TASKS = 0.15
"""Tasks that are expected before the last worker is empty. With fewer it is cordoned while it still runs something, and
can leave the moment it is empty."""

SETTLING_SECONDS = 15.0
"""Seconds until a cordoned worker is seen to be empty, since a poll of SQS may be out. To give another one its place
for less would only begin the same anew."""


def reserve(memory: Memory, running: int, mean: float, soon: int) -> int:
    """Free slots that must remain for the tasks of the next seconds; announced ones take ``soon`` of them.

    What usually comes in that time, less what usually ends, and as much again as chance may bring.
    """
    seconds = memory.step + REACTION_SECONDS
    usual = memory.rate * seconds
    if usual <= 0.05:
        return soon
    return soon + math.ceil(max(0.0, usual - running * seconds / mean) + RESERVE_DEVIATIONS * math.sqrt(usual) - 0.05)


def superfluous(
    limits: Limits, seen: Observation, memory: Memory, free: int, mean: float, *, all_of_them: bool = False
) -> list[Worker]:
    """Workers that are not needed to have ``free`` free slots, or all, those first that are done soonest."""
    workers = [worker for worker in seen.workers if worker.state != STARTING]
    ages = memory.ages()
    keys = {worker.id: _keep(worker, mean, ages.get(worker.id, 0.0)) for worker in workers}
    workers.sort(key=lambda worker: keys[worker.id], reverse=True)
    if all_of_them:
        return workers[::-1]
    slots = 0
    needed = 0
    while needed < len(workers) and (slots < free or needed < limits.minimum):
        slots += max(0, limits.concurrency - workers[needed].busy)
        needed += 1
    if workers and not needed:
        # The last one too, if it is to be empty before anything is likely to come.
        quiet = len(workers) == 1 and memory.company * last_end(workers[0], mean) < LAST_WORKER_MOST_EXPECTED_TASKS
        needed = 0 if quiet or not workers[0].busy else 1
    return workers[needed:][::-1]


def _keep(worker: Worker, mean: float, age: float) -> tuple[float, bool, float]:
    end = last_end(worker, mean, age)
    if worker.state == CORDONED:
        end = max(0.0, end - SETTLING_SECONDS)
    return (end, worker.state != CORDONED, worker.age)
