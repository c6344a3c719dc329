# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the policy learns of a pool from one observation to the next. All of it is safe to lose."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

from sm2a_scaler.policy.values import CORDONED, STARTING, Limits, Observation

USUAL_START = 75.0
"""Seconds that a worker usually takes to start, until its pool's own starts have been seen."""

SHORTEST_START = 60.0
"""Seconds that the shortest start takes, until then."""

LONGEST_START = 90.0
"""Seconds that the longest start takes, until then."""

NEWEST_START_WEIGHT = 0.2
"""Weight of the newest start in the mean of those that were seen."""

LONGEST_STEP = 60.0
"""Seconds. A longer time between two observations is a pause and says nothing of the usual step."""

BIN_SECONDS = 5.0
"""Seconds for which arrivals are counted together, in one bin."""

BINS = 24
"""Bins of arrivals that are remembered: the last two minutes."""

CUT_BINS = 3
"""Fullest bins that count no more than the next one: a burst says nothing about what comes after it."""

NO_ARRIVAL_SECONDS = 30.0
"""Seconds without a task after which none is usual, however many came before: they were the last ones."""

SOON_SECONDS = 35.0
"""Seconds before its moment from which what is announced is noted, so that it is not forgotten when the announcement
ends. More than a step."""

SAME_MOMENT = 1.0
"""Seconds by which the moment of an announced task may differ from one observation to the next, as clocks do."""

SAME_TICK = 15.0
"""Seconds between an announced task and a tick up to which they are taken for the same thing."""

OVERDUE_SECONDS = 60.0
"""Seconds after its moment for which what was announced is remembered."""

ENDED_TASKS_WORTH_ESTIMATING = 0.2
"""Tasks of one worker that usually end between two observations. Above this the estimate is better than what is seen,
since others may have taken their place at once."""

GAPS = 30
"""Gaps between two needs of a worker that are remembered: of the first, of the next two, and of the others."""

LONG_GAP = 600.0
"""Seconds after which such a gap is as good as endless: no worker is kept for so long."""


class Due(NamedTuple):
    """Tasks that were announced: those of a tick, or those that left the list of upcoming tasks together."""

    at: float
    """When the tick is due, or when they left the list."""
    tasks: int
    came: float | None
    """``Memory.came`` at that moment; ``None`` until then."""


class Pinned(NamedTuple):
    """A worker that takes no new tasks, so that what it runs is at least as old as that.

    What has run for long goes on for long: durations of tasks have long tails.
    """

    id: str
    since: float
    until: float | None
    """When it was called back; ``None`` until then."""


@dataclass(frozen=True)
class Memory:
    """What is remembered of a pool. Begins empty."""

    at: float | None = None
    """When its tasks were last counted; ``None``: counting starts anew."""
    clock: float | None = None
    """When it was last observed, whether its tasks could be counted or not."""
    step: float = BIN_SECONDS
    """Seconds from one observation to the next."""
    total: int = 0
    """Tasks queued and running then."""
    busy: tuple[tuple[str, int], ...] = ()
    """How many each worker ran then."""
    start: float = USUAL_START
    shortest: float = SHORTEST_START
    longest: float = LONGEST_START
    """Seconds that workers take to start."""
    starting: tuple[tuple[str, float], ...] = ()
    """Workers that were starting, with their age then."""
    bins: tuple[tuple[float, float], ...] = ()
    """When each bin began, and the tasks that came in it unannounced (an estimate, maybe a little negative)."""
    listed: tuple[float, ...] = ()
    """In how many seconds the upcoming tasks were due, in order; without those that belong to a tick."""
    owed: float = 0.0
    """Tasks that were announced, whose moment has passed, and that have not come."""
    cordoned: tuple[Pinned, ...] = ()
    """Workers that run something and are or were cordoned."""
    needed: tuple[float, ...] = ()
    """When the first, second, third... worker was last needed."""
    gaps: tuple[tuple[float, ...], ...] = ((), (), ())
    """How long workers were not needed until they were needed again; for the first, the next two, the others."""
    came: float = 0.0
    """Tasks that have come since the beginning (an estimate)."""
    due: tuple[Due, ...] = ()
    """Announced tasks whose time is near or has just passed."""
    surplus_since: float | None = None
    """Since when there have been more workers than needed."""
    queue_since: float | None = None
    """Since when tasks have been waiting."""

    def ages(self) -> dict[str, float]:
        """For workers of which it is known the seconds that something on them has been running at least."""
        at = self.at or 0.0
        found = {}
        for worker in self.cordoned:
            until = at if worker.until is None else worker.until
            if at - until <= until - worker.since:
                found[worker.id] = until - worker.since
        return found

    def overdue(self, seconds: float) -> tuple[int, int]:
        """How many tasks were announced for the last ``seconds``, and how many have come since then."""
        at = self.at or 0.0
        passed = [(due.tasks, due.came) for due in self.due if due.came is not None and at - due.at <= seconds]
        if not passed:
            return 0, 0
        return sum(tasks for tasks, _dummy in passed), max(0, round(self.came - min(came for _dummy, came in passed)))

    @property
    def rate(self) -> float:
        """Tasks that come unannounced in a second, apart from bursts."""
        if len(self.bins) < 2:
            return 0.0
        counts = sorted(count for _dummy, count in self.bins)
        cap = counts[-CUT_BINS - 1] if len(counts) > CUT_BINS else counts[0]
        usual = sum(min(count, cap) for count in counts) / self._span()
        return max(0.0, min(usual, self._latest()))

    def _latest(self) -> float:
        """The most tasks a second that the newest bins leave possible: what has ended is not usual any more."""
        most, came = float("inf"), 0.0
        for began, count in reversed(self.bins):
            came = max(0.0, came + count)
            seconds = max(BIN_SECONDS, (self.at or 0.0) - began)
            if came < 0.5 and seconds >= NO_ARRIVAL_SECONDS:
                return 0.0
            most = min(most, (came + 2.0 + 2.0 * came**0.5) / seconds)
        return most

    @property
    def company(self) -> float:
        """The same with bursts, but without one task: those that one task may expect to come after it."""
        return max(0.0, sum(count for _dummy, count in self.bins) - 1) / self._span() if self.bins else 0.0

    def _span(self) -> float:
        """Seconds that the bins cover."""
        return max(BIN_SECONDS * len(self.bins), (self.at or 0.0) - self.bins[0][0])


def gap_class(level: int) -> int:
    """The class of gaps that the worker number ``level`` (from 1) belongs to."""
    return 0 if level <= 1 else 1 if level <= 3 else 2


def learn(memory: Memory, limits: Limits, seen: Observation, at: float) -> Memory:
    """Return the memory with what ``seen`` adds to it."""
    memory = replace(_learn_starts(_on_this_clock(memory, at), seen), clock=at)
    if seen.queued is None or seen.running is None:
        # What happened in the dark cannot be told apart any more: counting starts anew.
        return replace(memory, at=None, bins=())
    total = seen.queued + seen.running
    came = 0.0
    gone = 0
    listed = _listed(seen)
    passed = at - memory.at if memory.at is not None else 0.0
    if passed > 0:
        memory = replace(memory, step=min(passed, LONGEST_STEP))
    if passed > BINS * BIN_SECONDS:
        # Nor can what happened in a pause that is longer than arrivals are remembered.
        memory = replace(memory, at=None, bins=(), owed=0.0, surplus_since=None, queue_since=None)
    elif passed > 0:
        came = total - memory.total + _ended(memory, seen, passed)
        gone = _gone(memory.listed, listed, passed)
    owed, unannounced = _learn_owed(memory, came, gone, at)
    bins = _learn_arrivals(memory, unannounced, at)
    needed, gaps = _learn_gaps(memory, min(limits.maximum, -(-total // limits.concurrency)), at)
    return replace(
        memory,
        at=at,
        total=total,
        busy=tuple((worker.id, worker.busy) for worker in seen.workers if worker.busy),
        bins=bins,
        listed=listed,
        owed=owed,
        came=memory.came + came,
        due=_learn_due(memory, seen, gone, at),
        cordoned=_learn_pinned(memory, seen, at),
        needed=needed,
        gaps=gaps,
        queue_since=None if not seen.queued else at if memory.queue_since is None else memory.queue_since,
    )


def _on_this_clock(memory: Memory, at: float) -> Memory:
    """The memory, or what of it holds at any time if the clock was set back."""
    if memory.clock is None or at >= memory.clock:
        return memory
    return Memory(
        step=memory.step, start=memory.start, shortest=memory.shortest, longest=memory.longest, gaps=memory.gaps
    )


def _learn_starts(memory: Memory, seen: Observation) -> Memory:
    starting = tuple((worker.id, worker.age) for worker in seen.workers if worker.state == STARTING)
    if not starting and not memory.starting:
        return memory
    before = dict(memory.starting)
    start, shortest, longest = memory.start, memory.shortest, memory.longest
    for worker in seen.workers:
        if worker.state != STARTING and worker.id in before:
            took = (before[worker.id] + max(before[worker.id], worker.age)) / 2
            start += NEWEST_START_WEIGHT * (took - start)
            # The extremes move at once outwards, and slowly back.
            shortest = min(took, shortest + NEWEST_START_WEIGHT / 4 * (start - shortest))
            longest = max(took, longest + NEWEST_START_WEIGHT / 4 * (start - longest))
    return replace(memory, starting=starting, start=start, shortest=shortest, longest=longest)


def _learn_arrivals(memory: Memory, came: float, at: float) -> tuple[tuple[float, float], ...]:
    if memory.at is None or at <= memory.at:
        return ((at, 0.0),)
    began, count = memory.bins[-1]
    if at - began < BIN_SECONDS:
        return (*memory.bins[:-1], (began, count + came))
    bins = (*memory.bins, (memory.at, came))
    return tuple(bin_ for bin_ in bins[-BINS:] if at - bin_[0] <= BINS * BIN_SECONDS * 2)


def _listed(seen: Observation) -> tuple[float, ...]:
    """When the upcoming tasks are due that can come by themselves, in order. A tick counts its own."""
    return tuple(
        sorted(
            max(0.0, task.due_in)
            for task in seen.upcoming
            if not task.held and not any(abs(task.due_in - tick.due_in) <= SAME_TICK for tick in seen.schedule)
        )
    )


def _gone(before: tuple[float, ...], now: tuple[float, ...], passed: float) -> int:
    """How many upcoming tasks, early, in time or overdue, have left the list in the ``passed`` seconds.

    They have no names. But who stays comes nearer with the clock, so that however many fewer than there should be are
    due by some moment, so many have left, whoever was added behind them.
    """
    gone = there = 0
    for number, due_in in enumerate(before, 1):
        moment = max(0.0, due_in - passed)
        if moment > SOON_SECONDS:
            break
        while there < len(now) and now[there] <= moment + SAME_MOMENT:
            there += 1
        gone = max(gone, number - there)
    return gone


def _learn_owed(memory: Memory, came: float, gone: int, at: float) -> tuple[float, float]:
    """What is owed now, and how many of the tasks that ``came`` nobody had announced."""
    passed = at - memory.at if memory.at is not None else 0.0
    owed = memory.owed * max(0.0, 1 - passed / OVERDUE_SECONDS)
    owed += gone
    owed += sum(due.tasks for due in memory.due if due.came is None and 0.0 <= at - due.at <= OVERDUE_SECONDS)
    kept = max(0.0, min(owed, came))
    return owed - kept, came - kept


def _learn_due(memory: Memory, seen: Observation, gone: int, at: float) -> tuple[Due, ...]:
    """The ticks of the next step and, for some time, what was announced for before."""
    passed = tuple(
        due if due.came is not None else due._replace(came=memory.came)
        for due in memory.due
        if (due.came is not None or due.at <= at) and at - due.at <= OVERDUE_SECONDS
    )
    left = (Due(at, gone, memory.came),) if gone else ()
    ticks = tuple(Due(at + tick.due_in, tick.tasks, None) for tick in seen.schedule if 0 < tick.due_in <= SOON_SECONDS)
    return passed + left + ticks


def _learn_pinned(memory: Memory, seen: Observation, at: float) -> tuple[Pinned, ...]:
    before = {worker.id: worker for worker in memory.cordoned}
    found = []
    for worker in seen.workers:
        known = before.get(worker.id)
        if not worker.busy or (worker.state != CORDONED and known is None):
            continue
        if worker.state == CORDONED:
            found.append(known._replace(until=None) if known is not None else Pinned(worker.id, at, None))
        elif known is not None:
            found.append(known if known.until is not None else known._replace(until=at))
    return tuple(found)


def _ended(memory: Memory, seen: Observation, passed: float) -> float:
    """How many tasks ended in the ``passed`` seconds since the last observation."""
    workers = {worker.id: worker for worker in seen.workers}
    ended = 0.0
    for name, before in memory.busy:
        worker = workers.get(name)
        if worker is None:
            ended += before
        elif worker.tasks is not None and len(worker.tasks) >= worker.busy:
            ended += before - sum(1 for task in worker.tasks if task.elapsed >= passed)
        else:
            # Of many, some have certainly ended although others took their place at once; of few, what is seen counts.
            usual = before * passed / seen.mean_duration if seen.mean_duration else 0.0
            fewer = max(0, before - worker.busy)
            ended += usual if usual > ENDED_TASKS_WORTH_ESTIMATING else fewer
    return ended


def _learn_gaps(memory: Memory, level: int, at: float) -> tuple[tuple[float, ...], tuple[tuple[float, ...], ...]]:
    needed = memory.needed
    if memory.at is None or at <= memory.at:
        return (at,) * level, memory.gaps
    if len(needed) == level and all(moment == memory.at for moment in needed):
        return (at,) * level, memory.gaps
    found: tuple[list[float], ...] = ([], [], [])
    kept = []
    for number, moment in enumerate(needed, 1):
        if number <= level:
            if moment < memory.at:
                found[gap_class(number)].append(at - moment)
        elif at - moment < LONG_GAP:
            kept.append(moment)
        else:
            found[gap_class(number)].append(LONG_GAP)
    gaps = tuple((old + tuple(new))[-GAPS:] for old, new in zip(memory.gaps, found))
    return (at,) * level + tuple(kept), gaps
