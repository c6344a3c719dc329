# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An exact discrete-event simulation of one worker pool.

Workers take 60 to 90 s to start and are billed by the second from their launch, at least 60 s, as Fargate is
(https://aws.amazon.com/fargate/pricing/). Tasks wait first in, first out; a random worker with a free slot takes one.
"""

from __future__ import annotations

import heapq
import random
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

from sm2a_scaler.policy.values import (
    CORDONED,
    READY,
    STARTING,
    Limits,
    Observation,
    QueuedTask,
    RunningTask,
    UpcomingTask,
    Worker,
)
from sm2a_scaler.simulation.forecast import Forecast
from sm2a_scaler.simulation.trace import Trace

START_SECONDS = (60.0, 90.0)
MINIMUM_BILLED_SECONDS = 60.0
STOP_TIMEOUT_SECONDS = 120.0
"""What a worker that is stopped gets to finish its tasks: the most that Fargate allows.
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html, stopTimeout"""

LINGER_SECONDS = 900.0
"""How long after the last task's end workers may take to leave before the simulation ends."""

LONGEST_SECONDS = 7 * 86400.0
"""How long after the last arrival tasks may take to end; what a policy has not let end by then counts as killed."""

_ARRIVAL, _DONE, _STARTED, _KILL = range(4)


@dataclass(frozen=True)
class Order:
    """What a policy wants at one step."""

    desired: int
    cordon: frozenset[str] = frozenset()
    victims: str = "none"
    """Who goes when ``desired`` is below the present number: ``emptied`` (cordoned workers that run nothing),
    ``idle`` (workers that run nothing), ``blind`` (any; their tasks have a grace period, then they are killed), or
    ``none``."""


class SimulatedPolicy(Protocol):
    """Something that is asked every ``interval`` seconds how many workers there should be."""

    interval: float

    def step(self, at: float, pool: SimulatedPool) -> Order: ...


class _Machine:
    __slots__ = ("busy_until", "cordoned", "gone", "id", "idle_since", "launched", "leaving", "place", "ready", "tasks")

    def __init__(self, name: str, launched: float) -> None:
        self.id = name
        self.launched = launched
        self.ready = False
        self.cordoned = False
        self.leaving = False
        self.gone = False
        self.idle_since = launched
        self.place = -1
        self.tasks: dict[int, float] = {}


@dataclass
class Result:
    """What a simulation measured."""

    policy: str
    trace: str
    waits: list[float] = field(repr=False, default_factory=list)
    """For each task the seconds from being queued to its first start."""
    delays: list[float] = field(repr=False, default_factory=list)
    """The same, with the seconds lost to work that was killed and had to run again."""
    worker_seconds: float = 0.0
    killed: int = 0
    starts: int = 0
    makespan: float = 0.0
    """Seconds from the first arrival to the end of the last task."""
    timeline: list[tuple[float, int, int, int, int, int]] = field(repr=False, default_factory=list)
    """At each step: second, queued, running, starting, ready and cordoned workers."""
    reasons: list[tuple[float, int, str]] = field(repr=False, default_factory=list)

    @property
    def worker_hours(self) -> float:
        return self.worker_seconds / 3600

    @property
    def waited_hours(self) -> float:
        """Task-hours that tasks waited."""
        return sum(self.delays) / 3600

    def delay(self, share: float) -> float:
        return quantile(self.delays, share)

    def wait(self, share: float) -> float:
        return quantile(self.waits, share)


def quantile(values: Iterable[float], share: float) -> float:
    """The smallest value that at least ``share`` of the values do not exceed; 0 for none."""
    ordered = sorted(values)
    if not ordered:
        return 0.0
    return ordered[min(len(ordered) - 1, max(0, -int(-share * len(ordered) // 1) - 1))]


class SimulatedPool:
    """The simulated pool: what happens in it, what is seen of it, and what is done to it."""

    def __init__(self, trace: Trace, limits: Limits, seed: int = 0, forecast: Forecast | None = None) -> None:
        self.trace = trace
        self.limits = limits
        self.now = 0.0
        self.queue: deque[int] = deque()
        self.machines: dict[str, _Machine] = {}
        self.running = 0
        self.starts = 0
        self.killed = 0
        self.worker_seconds = 0.0
        self.remaining = len(trace.tasks)
        self.last_end = 0.0
        self._concurrency = limits.concurrency
        self._random = random.Random(seed)
        self._forecast = forecast or Forecast(trace)
        self._free: list[_Machine] = []
        self._events: list[tuple[float, int, int, int, _Machine | None]] = []
        self._sequence = 0
        tasks = trace.tasks
        self._tasks = tasks
        self._arrivals = 0
        self._open_parents = [len(task.after) for task in tasks]
        self._waiting_parents = list(self._open_parents)
        self._children: dict[int, list[int]] = {}
        for position, task in enumerate(tasks):
            for parent in task.after:
                self._children.setdefault(parent, []).append(position)
        self.queued_at = [-1.0] * len(tasks)
        self.first_start = [-1.0] * len(tasks)
        self.ended = [-1.0] * len(tasks)
        self._imminent: set[int] = set()
        self._recent: deque[float] = deque(maxlen=200)
        self._recent_sum = 0.0

    # What happens.

    def advance(self, until: float) -> None:
        """Let everything happen that happens up to and at ``until``."""
        events, tasks = self._events, self._tasks
        while True:
            arrival = tasks[self._arrivals].arrival if self._arrivals < len(tasks) else float("inf")
            event = events[0][0] if events else float("inf")
            if min(arrival, event) > until:
                break
            if event <= arrival:
                self.now, _dummy, kind, task, machine = heapq.heappop(events)
                assert machine is not None
                if not machine.gone:
                    (self._done, self._started, self._kill)[kind - 1](machine, task)
            else:
                self.now = arrival
                if not self._open_parents[self._arrivals]:
                    self._enqueue(self._arrivals)
                self._arrivals += 1
        self.now = until

    def _schedule(self, at: float, kind: int, task: int, machine: _Machine) -> None:
        self._sequence += 1
        heapq.heappush(self._events, (at, self._sequence, kind, task, machine))

    def _enqueue(self, task: int) -> None:
        if self.queued_at[task] < 0:
            self.queued_at[task] = self.now
        self._imminent.discard(task)
        self.queue.append(task)
        self._dispatch()

    def _dispatch(self) -> None:
        while self.queue and self._free:
            self._begin(self.queue.popleft(), self._free[int(self._random.random() * len(self._free))])

    def _begin(self, task: int, machine: _Machine) -> None:
        if self.first_start[task] < 0:
            self.first_start[task] = self.now
        machine.tasks[task] = self.now
        self.running += 1
        if len(machine.tasks) >= self._concurrency:
            self._unlist(machine)
        self._schedule(self.now + self._tasks[task].duration, _DONE, task, machine)
        for child in self._children.get(task, ()):
            self._waiting_parents[child] -= 1
            if not self._waiting_parents[child]:
                self._imminent.add(child)

    def _done(self, machine: _Machine, task: int) -> None:
        del machine.tasks[task]
        self.running -= 1
        self.ended[task] = self.last_end = self.now
        self.remaining -= 1
        duration = self._tasks[task].duration
        if len(self._recent) == self._recent.maxlen:
            self._recent_sum -= self._recent[0]
        self._recent.append(duration)
        self._recent_sum += duration
        if not machine.tasks:
            machine.idle_since = self.now
            if machine.leaving:
                self._remove(machine)
        self._list(machine)
        for child in self._children.get(task, ()):
            self._open_parents[child] -= 1
            if not self._open_parents[child] and child < self._arrivals:
                self._enqueue(child)
        self._dispatch()

    def _started(self, machine: _Machine, _dummy: int) -> None:
        machine.ready = True
        machine.idle_since = self.now
        self._list(machine)
        self._dispatch()

    def _kill(self, machine: _Machine, _dummy: int) -> None:
        lost = list(machine.tasks)
        self.killed += len(lost)
        self.running -= len(lost)
        self._remove(machine)
        for task in lost:
            for child in self._children.get(task, ()):
                self._waiting_parents[child] += 1
                self._imminent.discard(child)
            self._enqueue(task)

    def _list(self, machine: _Machine) -> None:
        takes = machine.ready and not (machine.cordoned or machine.leaving or machine.gone)
        if takes and machine.place < 0 and len(machine.tasks) < self._concurrency:
            machine.place = len(self._free)
            self._free.append(machine)

    def _unlist(self, machine: _Machine) -> None:
        if machine.place >= 0:
            last = self._free.pop()
            if last is not machine:
                self._free[machine.place] = last
                last.place = machine.place
            machine.place = -1

    def _launch(self) -> None:
        machine = _Machine(f"w{self.starts:05d}", self.now)
        self.starts += 1
        self.machines[machine.id] = machine
        self._schedule(self.now + self._random.uniform(*START_SECONDS), _STARTED, -1, machine)

    def _remove(self, machine: _Machine) -> None:
        machine.gone = True
        self._unlist(machine)
        del self.machines[machine.id]
        self.worker_seconds += max(MINIMUM_BILLED_SECONDS, self.now - machine.launched)

    # What is done.

    def apply(self, order: Order) -> None:
        """Do what ECS and the workers would do at once."""
        for machine in self.machines.values():
            cordoned = machine.id in order.cordon
            if cordoned != machine.cordoned:
                machine.cordoned = cordoned
                if cordoned:
                    self._unlist(machine)
                else:
                    self._list(machine)
        present = [machine for machine in self.machines.values() if not machine.leaving]
        for _dummy in range(order.desired - len(present)):
            self._launch()
        surplus = len(present) - order.desired
        if surplus > 0:
            self._shrink(present, surplus, order.victims)
        self._dispatch()

    def _shrink(self, present: list[_Machine], surplus: int, victims: str) -> None:
        if victims == "blind":
            for machine in self._random.sample(present, surplus):
                self._stop(machine)
            return
        if victims == "emptied":
            present = [machine for machine in present if machine.cordoned]
        elif victims == "none":
            present = []
        for machine in [machine for machine in present if machine.ready and not machine.tasks][:surplus]:
            self._remove(machine)

    def _stop(self, machine: _Machine) -> None:
        if not machine.tasks:
            self._remove(machine)
            return
        machine.leaving = True
        self._unlist(machine)
        self._schedule(self.now + STOP_TIMEOUT_SECONDS, _KILL, -1, machine)

    def bill_the_rest(self) -> None:
        """Bill workers that are still there as if they left now."""
        for machine in list(self.machines.values()):
            self._remove(machine)

    # What is seen.

    @property
    def present(self) -> int:
        """Workers that are not being stopped."""
        return sum(1 for machine in self.machines.values() if not machine.leaving)

    @property
    def mean_duration(self) -> float:
        """Of the 200 tasks that ended last; before the first, of the whole trace."""
        return self._recent_sum / len(self._recent) if self._recent else self.trace.mean_duration

    def observe(self, *, schedule: bool, details: bool) -> Observation:
        """What the scaler would see."""
        forecast = self._forecast
        workers = tuple(self._seen(machine, details) for machine in self.machines.values() if not machine.leaving)
        return Observation(
            queued=len(self.queue),
            running=self.running,
            workers=workers,
            mean_duration=self.mean_duration,
            schedule=forecast.ticks(self.now) if schedule else (),
            queued_tasks=tuple(
                QueuedTask(self.now - self.queued_at[task], forecast.expected[task]) for task in self.queue
            )
            if details
            else None,
            upcoming=self._upcoming(schedule) if details else (),
        )

    def _seen(self, machine: _Machine, details: bool) -> Worker:
        now, tasks = self.now, machine.tasks
        state = STARTING if not machine.ready else CORDONED if machine.cordoned else READY
        seen = None
        if details:
            expected = self._forecast.expected
            seen = tuple(RunningTask(now - started, expected[task]) for task, started in tasks.items())
        idle = 0.0 if tasks or not machine.ready else now - machine.idle_since
        return Worker(machine.id, state, now - machine.launched, len(tasks), idle, seen)

    def _upcoming(self, schedule: bool) -> tuple[UpcomingTask, ...]:
        forecast = self._forecast
        found = forecast.due(self.now) if schedule else []
        starts = (
            {task: started for machine in self.machines.values() for task, started in machine.tasks.items()}
            if self._imminent
            else {}
        )
        for child in self._imminent:
            if forecast.announced(child):
                ends = (
                    starts[parent] + forecast.expected[parent]
                    for parent in self._tasks[child].after
                    if parent in starts
                )
                found.append(UpcomingTask(max(0.0, max(ends, default=self.now) - self.now), forecast.expected[child]))
        return tuple(found)


def simulate(
    trace: Trace,
    limits: Limits,
    policy: SimulatedPolicy,
    *,
    name: str = "",
    seed: int = 0,
    forecast: Forecast | None = None,
    timeline: bool = False,
) -> Result:
    """Run a whole trace. The same arguments give the same result."""
    pool = SimulatedPool(trace, limits, seed, forecast)
    result = Result(name, trace.name)
    step = 0
    while True:
        at = step * policy.interval
        pool.advance(at)
        if not pool.remaining:
            over = at - pool.last_end
            if pool.present <= limits.minimum or over > LINGER_SECONDS:
                break
        elif at > trace.tasks[-1].arrival + LONGEST_SECONDS:
            break
        order = policy.step(at, pool)
        pool.apply(order)
        if timeline:
            result.timeline.append(_moment(pool))
        step += 1
    pool.bill_the_rest()
    result.worker_seconds = pool.worker_seconds
    result.killed = pool.killed + pool.remaining
    result.starts = pool.starts
    for position, task in enumerate(trace.tasks):
        queued = pool.queued_at[position]
        started, ended = pool.first_start[position], pool.ended[position]
        if queued >= 0:
            result.waits.append((started if started >= 0 else pool.now) - queued)
            result.delays.append(max(0.0, (ended if ended >= 0 else pool.now) - queued - task.duration))
    if trace.tasks:
        result.makespan = pool.last_end - trace.tasks[0].arrival
    return result


def _moment(pool: SimulatedPool) -> tuple[float, int, int, int, int, int]:
    machines = list(pool.machines.values())
    starting = sum(1 for machine in machines if not machine.ready)
    cordoned = sum(1 for machine in machines if machine.cordoned or machine.leaving)
    return pool.now, len(pool.queue), pool.running, starting, len(machines) - starting - cordoned, cordoned
