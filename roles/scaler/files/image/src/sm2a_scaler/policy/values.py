# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the policy sees and says. Plain values; all times are seconds.

``None`` always means "not known", never zero: the difference decides whether workers may be taken away.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True)
class Limits:
    """What the user set for a pool."""

    concurrency: int
    """Tasks that one worker runs at the same time, at least 1."""
    minimum: int
    """Workers at least, also while there is nothing to do."""
    maximum: int
    """Workers at most; not below the minimum."""


class RunningTask(NamedTuple):
    """A task that a worker runs."""

    elapsed: float
    """Seconds since it began."""
    expected: float | None
    """How long it takes as a whole, by its recent runs."""


class QueuedTask(NamedTuple):
    """A task that waits for a worker."""

    age: float
    """Seconds that it has waited."""
    expected: float | None
    """How long it will take, by its recent runs."""


class UpcomingTask(NamedTuple):
    """A task that is not queued yet: its run is due, or its last open parents are running."""

    due_in: float
    """Seconds until it will be queued; not above zero when it is overdue."""
    expected: float | None
    """How long it will take, by its recent runs."""
    held: bool = False
    """Whether its parents are queued themselves: ``due_in`` counts from their begin and does not shrink until then."""


class Tick(NamedTuple):
    """A moment at which a schedule brings tasks."""

    due_in: float
    """Seconds until then."""
    tasks: int
    duration: float | None
    """Mean seconds that one of them takes."""


class Messages(NamedTuple):
    """Messages in the pool's SQS queue: approximate, the fallback when the database does not answer."""

    visible: int
    """Wait for a worker."""
    in_flight: int
    """Taken by a worker: tasks that run."""


STARTING = "starting"
READY = "ready"
CORDONED = "cordoned"
HUNG = "hung"
STATES = (STARTING, READY, CORDONED, HUNG)

STARTING_SECONDS = 600.0
"""Seconds after which a worker that has not begun to take tasks does not start any more, but hangs. Large images take
some minutes."""


class Worker(NamedTuple):
    """An ECS task of the pool's service."""

    id: str
    state: str
    """``starting`` until it takes tasks, then ``ready``, or ``cordoned`` while it is told to take no new ones; ``hung``
    if nothing has been heard of it for long."""
    age: float
    """Seconds since ECS was asked for it: it is billed from about then."""
    busy: int
    """Tasks that it runs."""
    idle: float
    """Seconds since it last ran a task; zero while it does."""
    tasks: tuple[RunningTask, ...] | None = None
    """What it runs, where the database tells."""

    @property
    def hangs(self) -> bool:
        """Whether nothing is to be expected of it. It may run something all the same."""
        return self.state == HUNG or (self.state == STARTING and self.age >= STARTING_SECONDS)


@dataclass(frozen=True)
class Observation:
    """What is known of one pool at one moment."""

    queued: int | None
    running: int | None
    workers: tuple[Worker, ...]
    mean_duration: float | None = None
    """Mean seconds of the pool's recent tasks."""
    schedule: tuple[Tick, ...] = ()
    queued_tasks: tuple[QueuedTask, ...] | None = None
    """The queue, oldest first."""
    upcoming: tuple[UpcomingTask, ...] = ()
    messages: Messages | None = None


@dataclass(frozen=True)
class Decision:
    """How many workers the pool should have, and which of them take no new task."""

    desired: int
    """Starting, ready and cordoned workers together."""
    cordon: tuple[str, ...]
    """All workers that take no new task; one that was cordoned and is not named here takes tasks again."""
    reason: str
    """Why, in a person's words."""
