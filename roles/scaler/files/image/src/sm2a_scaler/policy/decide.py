# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The policy: from what is known of a pool to how many workers it should have and which of them take no new task.

Pure: no clock, no input, no output. The same arguments give the same decision.
"""

from __future__ import annotations

from dataclasses import replace

from sm2a_scaler.policy.cordon import SURPLUS_SECONDS, reserve, superfluous
from sm2a_scaler.policy.demand import demand, more_slots
from sm2a_scaler.policy.how_many import Choice, choose
from sm2a_scaler.policy.idle import kept
from sm2a_scaler.policy.memory import Memory, learn
from sm2a_scaler.policy.prices import PRICES, Prices
from sm2a_scaler.policy.projection import capacities
from sm2a_scaler.policy.values import CORDONED, Decision, Limits, Observation, Worker

USUAL_DURATION = 60.0
"""Seconds that a task is taken to run where nothing is known."""

LONGEST_QUEUE_STARTS = 3.0
"""Starts of a worker for which a queue may not have been empty before it is no longer left to estimates."""

FEW_ROUNDS = 3
"""Tasks for each slot there can be. With more, the maximum is right whatever they cost."""


def decide(
    limits: Limits, seen: Observation, memory: Memory, at: float, prices: Prices = PRICES
) -> tuple[Decision, Memory]:
    """Decide for one pool at the time ``at`` (seconds; a clock that is set back costs what the memory has counted).

    ``desired`` is below the present number only by workers that ``seen`` shows as cordoned and empty. It is within the
    limits, except that it stays above the maximum until the workers beyond it have emptied.
    """
    hung = [worker for worker in seen.workers if worker.hangs]
    if not hung or seen.queued is None or seen.running is None:
        return _decide(limits, seen, memory, at, prices)
    # They take no task, and they stay: it is decided as if there were only the others, with the places that are left.
    places = max(0, limits.maximum - len(hung))
    limits = replace(limits, minimum=min(limits.minimum, places), maximum=places)
    running = max(0, seen.running - sum(worker.busy for worker in hung))
    workers = tuple(worker for worker in seen.workers if not worker.hangs)
    decision, memory = _decide(limits, replace(seen, running=running, workers=workers), memory, at, prices)
    reason = f"{decision.reason}; beside {_count(len(hung), 'worker')} of which nothing is heard"
    return replace(decision, desired=decision.desired + len(hung), reason=reason), memory


def _decide(limits: Limits, seen: Observation, memory: Memory, at: float, prices: Prices) -> tuple[Decision, Memory]:
    memory = learn(memory, limits, seen, at)
    if seen.queued is None or seen.running is None:
        return _without_database(limits, seen), memory
    mean = _mean(seen)
    lead = memory.start + prices.lead * memory.step
    present = len(seen.workers)
    choice, why = _choose(limits, seen, memory, mean, lead, prices)
    wanted = max(present + max(0, choice.change), limits.minimum)
    if wanted > present:
        memory = replace(memory, surplus_since=None)
        return Decision(wanted, (), _outward(seen, present, wanted, limits, why)), memory

    cordon, memory = _cordon(limits, seen, memory, mean or USUAL_DURATION, lead)
    empties = sum(1 for worker in cordon if worker.state == CORDONED and not worker.busy)
    excess = max(0, present - limits.maximum)
    floor = limits.minimum if excess else max(limits.minimum, kept(memory, present, at, prices))
    useless = 0 if seen.queued else -choice.change
    leaving = max(0, min(empties, max(useless, excess), present - floor))
    reason = _inward(seen, present, len(cordon), empties, leaving, floor, why)
    return Decision(present - leaving, tuple(worker.id for worker in cordon), reason), memory


def _mean(seen: Observation) -> float | None:
    """Expected seconds of a task of which nothing else is known."""
    if seen.mean_duration:
        return seen.mean_duration
    known = [task.expected for task in seen.queued_tasks or () if task.expected is not None]
    known += [task.expected for worker in seen.workers for task in worker.tasks or () if task.expected is not None]
    return sum(known) / len(known) if known else None


def _choose(
    limits: Limits, seen: Observation, memory: Memory, mean: float | None, lead: float, prices: Prices
) -> tuple[Choice, str]:
    """How many workers more or fewer, and why: by cost if that can be told, otherwise by counting tasks."""
    assert seen.queued is not None and seen.running is not None
    present = len(seen.workers)
    total = seen.queued + seen.running
    need = -(-total // limits.concurrency)
    counted = Choice(max(0, min(need, limits.maximum) - present), f"need {_count(need, 'worker')}")
    if total > FEW_ROUNDS * limits.maximum * limits.concurrency:
        return counted, f"more than the maximum of {_count(limits.maximum, 'worker')} could soon run"
    if seen.queued:
        if mean is None:
            return counted, f"{counted.why}; how long they run is not known"
        oldest = max((task.age for task in seen.queued_tasks or ()), default=0.0)
        queue = 0.0 if memory.queue_since is None or memory.at is None else memory.at - memory.queue_since
        if max(oldest, queue) > LONGEST_QUEUE_STARTS * memory.start:
            # Tasks that each wait for a moment only, but never stop doing so, are more than the workers can run.
            who = f"some have waited for {oldest:.0f} s" if oldest >= queue else f"there was a queue for {queue:.0f} s"
            return counted, f"{counted.why}; {who}, too long to rely on estimates"
    mean = mean or USUAL_DURATION
    empties = sum(1 for worker in seen.workers if worker.state == CORDONED and not worker.busy)
    wants = demand(seen, memory, mean, lead)
    workers = capacities(seen, memory, limits.concurrency, mean)
    free = sum(worker.slots.count(0.0) for worker in workers)
    if not empties and free >= len(wants.queued) + len(wants.announced) + len(wants.usual):
        return Choice(0, ""), "free slots take what comes"
    choice = choose(limits, workers, wants, memory, empties, prices)
    return choice, choice.why


def _cordon(limits: Limits, seen: Observation, memory: Memory, mean: float, lead: float) -> tuple[list[Worker], Memory]:
    """The workers that shall take no new task."""
    assert seen.queued is not None and seen.running is not None
    soon = more_slots(seen, memory, mean, lead)
    free = seen.queued + reserve(memory, seen.running, mean, soon)
    surplus = superfluous(limits, seen, memory, free, mean)
    if seen.queued:
        surplus = [worker for worker in surplus if worker.state == CORDONED]
    since = None if not surplus else memory.at if memory.surplus_since is None else memory.surplus_since
    memory = replace(memory, surplus_since=since)
    ripe = since is not None and memory.at is not None and memory.at - since >= SURPLUS_SECONDS
    cordon = [worker for worker in surplus if ripe or worker.state == CORDONED or not worker.busy]
    excess = len(seen.workers) - limits.maximum
    if excess > len(cordon):
        others = superfluous(limits, seen, memory, 0, mean, all_of_them=True)
        cordon += [worker for worker in others if worker not in cordon][: excess - len(cordon)]
    return cordon, memory


def _without_database(limits: Limits, seen: Observation) -> Decision:
    """Out on what SQS proves, never in, and nobody is cordoned who was not."""
    present = len(seen.workers)
    cordoned = tuple(worker.id for worker in seen.workers if worker.state == CORDONED)
    if seen.messages is None:
        desired = max(present, limits.minimum)
        return Decision(desired, cordoned, f"neither the database nor SQS answered: keeps {desired}")
    visible, in_flight = seen.messages
    need = -(-(visible + in_flight) // limits.concurrency)
    desired = max(present, min(max(need, limits.minimum), limits.maximum))
    return Decision(
        desired,
        () if visible else cordoned,
        f"the database did not answer; {visible} waiting and {in_flight} taken messages need "
        f"{_count(need, 'worker')}: {'keeps' if desired == present else 'wants'} {desired}",
    )


def _outward(seen: Observation, present: int, wanted: int, limits: Limits, why: str) -> str:
    if wanted == limits.minimum:
        why = f"the minimum is {limits.minimum}"
    elif wanted == limits.maximum:
        why = f"{why}; the maximum is {limits.maximum}"
    return f"{_tasks(seen)}: {_count(wanted - present, 'worker')} more, {wanted} in all, because {why}"


def _inward(seen: Observation, present: int, cordoned: int, empties: int, leaving: int, floor: int, why: str) -> str:
    parts = []
    if leaving:
        parts.append(f"{_count(leaving, 'empty worker')} of {present} leave{'s' if leaving == 1 else ''}")
    else:
        parts.append(f"keeps {_count(present, 'worker')}")
    if cordoned - empties:
        parts.append(f"{cordoned - empties} not needed and told to take no new task")
    if empties - leaving:
        needed = "needed lately and soon worth having again" if present - leaving <= floor else why
        parts.append(f"{_count(empties - leaving, 'empty one')} held back: {needed}")
    elif not leaving:
        parts.append(why)
    return f"{_tasks(seen)}: {'; '.join(part for part in parts if part)}"


def _tasks(seen: Observation) -> str:
    return f"{seen.queued} queued and {seen.running} running tasks"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
