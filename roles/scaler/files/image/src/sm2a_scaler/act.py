# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Carries decisions out, in an order in which no task is ever lost, and only when there is something to change.

Workers go in four steps, each seen before the next: cordoned; empty; given up by their own protection; then the
service's desired count is lowered by as many, and ECS can choose no other.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from sm2a_scaler.combine import PoolState
from sm2a_scaler.metadata import CORDON_SECONDS
from sm2a_scaler.policy.values import READY, Decision


@dataclass(frozen=True)
class Plan:
    """What is to be done for one pool."""

    desired: int
    """The service's desired count."""
    cordon: frozenset[str]
    """Workers, by ECS task, that are told to take no new task, or told so again before they forget."""
    open_again: frozenset[str]
    """Workers that are told to take tasks again."""
    note: str = ""
    """Why not all of the decision is carried out now."""


def plan(pool: PoolState, decision: Decision) -> Plan:
    """Return what follows from a decision. Pure."""
    cordoned = set(decision.cordon) | set(_outdated(pool, decision))
    desired, note = decision.desired, ""
    if desired < pool.service.desired:
        # Of the tasks that ECS has not promised to spare it may take any: only as many as can go without a loss.
        present = len(pool.service.tasks) - len(pool.outdated)
        least = min(pool.service.desired, max(desired, present - len(pool.leaving & cordoned)))
        if least > desired:
            desired, note = least, "workers that are to go are not empty yet"
        if desired < pool.service.desired and pool.exposed:
            desired = pool.service.desired
            note = f"ECS has not promised to spare {', '.join(sorted(pool.exposed))}: none goes"
    soon = CORDON_SECONDS / 2
    return Plan(
        desired=desired,
        cordon=frozenset(worker for worker in cordoned & pool.told if pool.cordoned.get(worker, 0.0) < soon),
        open_again=frozenset(pool.cordoned.keys() - cordoned),
        note=note,
    )


def _outdated(pool: PoolState, decision: Decision) -> tuple[str, ...]:
    """The workers of an older revision that need no longer take tasks, since as many of the present one do.

    One that hangs is no reason to wait: it would hold up the deployment for as long as it is there.
    """
    ready = sum(worker.state == READY or worker.hangs for worker in pool.observation.workers)
    needed = max(0, decision.desired - ready)
    held = sorted(pool.outdated, key=lambda worker: worker in pool.cordoned, reverse=True)
    return tuple(held[: max(0, len(held) - needed)])


class Workers(Protocol):
    """What acting needs of whoever reaches the workers."""

    def cordon(self, tasks: Collection[str], open_again: Collection[str]) -> None: ...


class Actor:
    """Tells the workers of all pools, and sets the desired count of services in one cluster."""

    def __init__(self, cluster: str, ecs: Any, workers: Workers) -> None:
        self._cluster = cluster
        self._ecs = ecs
        self._workers = workers

    def tell(self, plans: Mapping[str, Plan]) -> bool:
        """Tell workers to take tasks or not, and return whether there was something to tell. Raises the driver's."""
        cordon = frozenset().union(*(one.cordon for one in plans.values()))
        open_again = frozenset().union(*(one.open_again for one in plans.values()))
        if not cordon and not open_again:
            return False
        self._workers.cordon(cordon, open_again)
        return True

    def scale(self, service: str, present: int, desired: int) -> bool:
        """Set a service's desired count, and tell whether that took a call. Raises what botocore raises."""
        if desired == present:
            return False
        self._ecs.update_service(cluster=self._cluster, service=service, desiredCount=desired)
        return True
