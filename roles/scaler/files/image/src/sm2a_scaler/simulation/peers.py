# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How others scale, as far as their documentation tells; each simplification is in the peer's favour."""

from __future__ import annotations

from sm2a_scaler.policy.values import Limits
from sm2a_scaler.simulation.simulator import Order, SimulatedPool
from sm2a_scaler.simulation.trace import Trace


def _clamp(limits: Limits, workers: int) -> int:
    return min(max(workers, limits.minimum), limits.maximum)


def _need(pool: SimulatedPool) -> int:
    return -(-(len(pool.queue) + pool.running) // pool.limits.concurrency)


class Keda:
    """The query of Airflow's Helm chart every 5 s, its cooldown of 30 s before zero, and blindly chosen victims.

    Without the horizontal autoscaler's stabilization of 300 s, which would only cost it more.
    https://airflow.apache.org/docs/helm-chart/stable/keda.html
    """

    interval = 5.0
    COOLDOWN = 30.0

    def __init__(self) -> None:
        self._active = -self.COOLDOWN

    def step(self, at: float, pool: SimulatedPool) -> Order:
        need = _need(pool)
        if need:
            self._active = at
        elif at - self._active < self.COOLDOWN and pool.present:
            need = 1
        return Order(_clamp(pool.limits, need), victims="blind")


class KedaIdleOnly:
    """KEDA's query applied at once, and only idle workers go. Better than anything that exists."""

    interval = 5.0

    def step(self, at: float, pool: SimulatedPool) -> Order:
        return Order(_clamp(pool.limits, _need(pool)), victims="idle")


class Mwaa:
    """Amazon MWAA: one-minute metrics, out to the need, in when nothing has been queued or running for a while.

    https://docs.aws.amazon.com/mwaa/latest/userguide/mwaa-autoscaling.html
    """

    interval = 60.0
    QUIET = 120.0

    def __init__(self) -> None:
        self._active = 0.0

    def step(self, at: float, pool: SimulatedPool) -> Order:
        need = _need(pool)
        if need:
            self._active = at
            need = max(need, pool.present)
        elif at - self._active < self.QUIET:
            need = pool.present
        return Order(_clamp(pool.limits, max(1, need)), victims="idle")


class Original:
    """The first metrics container: one worker more per period while tasks are queued, one less when none is.

    It keeps one: it would otherwise stop the same long task for ever.
    """

    interval = 60.0

    def step(self, at: float, pool: SimulatedPool) -> Order:
        change = 1 if pool.queue else -1
        return Order(_clamp(pool.limits, max(1, pool.present + change)), victims="blind")


class TargetTracking:
    """Application Auto Scaling on tasks per worker: out after 3 minutes above the target, in after 15 below 90 % of it.

    https://docs.aws.amazon.com/autoscaling/application/userguide/target-tracking-scaling-policy-overview.html
    """

    interval = 60.0
    OUT, IN = 3, 15

    def __init__(self) -> None:
        self._above = self._below = 0

    def step(self, at: float, pool: SimulatedPool) -> Order:
        present, target = pool.present, pool.limits.concurrency
        tasks = len(pool.queue) + pool.running
        self._above = self._above + 1 if tasks > present * target else 0
        self._below = self._below + 1 if tasks < 0.9 * present * target else 0
        if self._above >= self.OUT or self._below >= self.IN:
            present = _need(pool)
        return Order(_clamp(pool.limits, present), victims="blind")


class Static:
    """The maximum, always."""

    interval = 5.0

    def step(self, at: float, pool: SimulatedPool) -> Order:
        return Order(pool.limits.maximum if pool.remaining else pool.limits.minimum, victims="idle")


class Oracle:
    """Knows the whole trace: workers are ready when tasks come, and leave as soon as that is cheaper than staying."""

    interval = 5.0
    AHEAD = 95.0
    """A worker's longest start and a step."""

    def __init__(self, trace: Trace, limits: Limits) -> None:
        self._duration = [task.duration for task in trace.tasks]
        self._needs = self._busy(trace, limits)

    def _busy(self, trace: Trace, limits: Limits) -> list[int]:
        """For each step the workers that no task would have to wait for."""
        ends: list[float] = [-1.0] * len(trace.tasks)
        children: dict[int, list[int]] = {}
        for position, task in enumerate(trace.tasks):
            for parent in task.after:
                children.setdefault(parent, []).append(position)
        open_parents = [len(task.after) for task in trace.tasks]
        starts = [task.arrival for task in trace.tasks]
        ready = [position for position, count in enumerate(open_parents) if not count]
        while ready:
            position = ready.pop()
            ends[position] = starts[position] + trace.tasks[position].duration
            for child in children.get(position, ()):
                starts[child] = max(starts[child], ends[position])
                open_parents[child] -= 1
                if not open_parents[child]:
                    ready.append(child)
        changes = sorted([(at, 1) for at in starts] + [(at, -1) for at in ends])
        needs = [0] * (int(max(ends, default=0.0) / self.interval) + 2)
        active, place = 0, 0
        for step in range(len(needs)):
            highest = active
            while place < len(changes) and changes[place][0] < (step + 1) * self.interval:
                active += changes[place][1]
                highest = max(highest, active)
                place += 1
            needs[step] = _clamp(limits, -(-highest // limits.concurrency))
        return needs

    def step(self, at: float, pool: SimulatedPool) -> Order:
        concurrency = pool.limits.concurrency
        first = int(at / self.interval)
        soon = max(self._needs[first : first + int(self.AHEAD / self.interval) + 1], default=0)
        now = max(self._needs[first : first + 2], default=0)
        backlog = _need(pool) if pool.queue else 0
        wanted = _clamp(pool.limits, max(soon, backlog))
        machines = [machine for machine in pool.machines.values() if machine.ready]
        left = {
            machine.id: max((begun + self._duration[task] for task, begun in machine.tasks.items()), default=0.0)
            for machine in machines
        }
        machines.sort(key=lambda machine: left[machine.id], reverse=True)
        active = max(now, backlog)
        slots = sum(concurrency - len(machine.tasks) for machine in machines[:active])
        while active < len(machines) and slots < len(pool.queue):
            slots += concurrency - len(machines[active].tasks)
            active += 1
        surplus = machines[active:]
        empty = sum(1 for machine in surplus if not machine.tasks)
        desired = max(wanted, pool.present - empty)
        return Order(desired, frozenset(machine.id for machine in surplus), victims="emptied")
