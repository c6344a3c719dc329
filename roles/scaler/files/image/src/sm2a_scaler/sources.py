# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the sources told at one moment. Plain values: whoever makes them has done all input and output.

``None`` always means "not known", never zero: the difference decides whether workers may be taken away. All times
are seconds; ages are by the clock of whoever told them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from sm2a_scaler.policy.values import Messages


class QueuedInstances(NamedTuple):
    """Task instances of one task in one DAG run that wait for a worker of a Celery queue."""

    queue: str
    dag_id: str
    task_id: str
    run_id: str
    instances: int
    youngest: float
    oldest: float
    """Seconds that the last and the first of them have waited."""
    run_age: float
    """Seconds since their DAG run began."""


class RunningInstance(NamedTuple):
    """A task instance that occupies a slot of a worker."""

    queue: str
    dag_id: str
    task_id: str
    run_id: str
    hostname: str
    elapsed: float
    run_age: float


class WorkerRow(NamedTuple):
    """What a worker wrote of itself into the table ``sm2a_worker``."""

    ecs_task: str
    queue: str
    hostname: str
    concurrency: int
    busy: int
    state: str
    """``open``; ``closing``: a poll or a task is still out; ``empty``: it has nothing and will get nothing."""
    protected: bool
    """Whether ECS has promised not to choose it for scale-in."""
    seen: float
    """Seconds since it wrote."""
    cordoned: float
    """For how many more seconds it is told to take no new task; not above zero: it is not."""


class TaskProfile(NamedTuple):
    """How one task went in the recent runs of its DAG."""

    queue: str
    duration: float
    """Mean seconds of an instance."""
    instances: int
    """Of it in a run; more than one for a mapped task. Zero where no whole run is known."""
    offset: float
    """Seconds from the run's begin to the begin of the first instance."""


@dataclass(frozen=True)
class MetadataAnswer:
    """What the metadata database told."""

    leads: bool
    """Whether this scaler holds the lock that makes it the only one to act."""
    queued: tuple[QueuedInstances, ...] = ()
    running: tuple[RunningInstance, ...] = ()
    workers: Mapping[str, WorkerRow] = field(default_factory=dict)
    """By ECS task."""
    due: Mapping[str, float] = field(default_factory=dict)
    """Seconds until the next run of a DAG is created, of all DAGs whose next run is near."""
    profiles: Mapping[str, Mapping[str, TaskProfile]] = field(default_factory=dict)
    """By DAG and task. A DAG that is missing has not been looked up yet."""


class EcsTask(NamedTuple):
    """An ECS task that is to run, by ECS's word."""

    id: str
    age: float
    """Seconds since ECS was asked for it."""
    task_definition: str


@dataclass(frozen=True)
class Service:
    """The ECS service of a pool."""

    desired: int
    running: int
    pending: int
    task_definition: str
    tasks: tuple[EcsTask, ...]


@dataclass(frozen=True)
class Sources:
    """What one loop learned."""

    at: float
    """Seconds on a clock that never goes back. Only differences mean anything."""
    database: MetadataAnswer | None
    services: Mapping[str, Service]
    """By pool; a pool that is missing is one of which ECS did not tell."""
    messages: Mapping[str, Messages]
    """By pool, as far as SQS was asked lately."""
    faults: Mapping[str, str] = field(default_factory=dict)
    """What could not be read, and why: ``database``, ``services``, ``tasks``, ``queue <pool>``, ``service <pool>``."""
    aws_calls: int = 0
