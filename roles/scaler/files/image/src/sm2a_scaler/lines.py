# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The policy over JSON lines, so that anything can drive it: one observation of a pool in, one decision out."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from sm2a_scaler.json_object import JsonObject
from sm2a_scaler.policy.decide import decide
from sm2a_scaler.policy.memory import Memory
from sm2a_scaler.policy.values import (
    STATES,
    Limits,
    Messages,
    Observation,
    QueuedTask,
    RunningTask,
    Tick,
    UpcomingTask,
    Worker,
)


def answer(lines: Iterable[str]) -> Iterator[str]:
    """Answer each line with ``{"desired", "cordon", "reason"}`` or ``{"error"}``; what is remembered is kept per pool.

    A line has ``t`` (seconds), ``pool``, ``concurrency``, ``min``, ``max``, ``queued`` and ``running`` (null if not
    known), ``workers`` (``id``, ``state``, ``age``, ``busy``, ``idle``, and maybe ``tasks``) and may have
    ``mean_duration``, ``schedule``, ``queued_tasks``, ``upcoming`` and ``messages``. A line that is refused leaves what
    is remembered as it was.
    """
    memories: dict[str, Memory] = {}
    for line in lines:
        try:
            values = JsonObject.parse(line, "the line")
            pool = values.text("pool")
            limits, seen, at = _limits(values), _observation(values), values.number("t")
            decision, memories[pool] = decide(limits, seen, memories.get(pool, Memory()), at)
            reply = {"desired": decision.desired, "cordon": list(decision.cordon), "reason": decision.reason}
        except (ValueError, ArithmeticError, RecursionError) as error:
            reply = {"error": str(error)}
        yield json.dumps(reply)


def _limits(values: JsonObject) -> Limits:
    limits = Limits(values.whole("concurrency", 1), values.whole("min"), values.whole("max"))
    if limits.minimum > limits.maximum:
        values.refuse("min", f"at most max, which is {limits.maximum}")
    return limits


def _observation(values: JsonObject) -> Observation:
    workers = tuple(_worker(worker) for worker in values.objects("workers"))
    if len({worker.id for worker in workers}) < len(workers):
        raise ValueError("workers: two have the same id")
    queued_tasks = None
    if values.has("queued_tasks"):
        tasks = (QueuedTask(task.number("age"), task.duration("expected")) for task in values.objects("queued_tasks"))
        queued_tasks = tuple(sorted(tasks, key=lambda task: -task.age))
    return Observation(
        queued=values.whole("queued") if values.known("queued") else None,
        running=values.whole("running") if values.known("running") else None,
        workers=workers,
        mean_duration=values.duration("mean_duration"),
        schedule=tuple(
            Tick(tick.number("in"), tick.whole("tasks"), tick.duration("duration"))
            for tick in values.objects("schedule", optional=True)
        ),
        queued_tasks=queued_tasks,
        upcoming=tuple(
            UpcomingTask(task.number("in"), task.duration("expected"))
            for task in values.objects("upcoming", optional=True)
        ),
        messages=_messages(values.object("messages")) if values.has("messages") else None,
    )


def _messages(values: JsonObject) -> Messages:
    return Messages(values.whole("visible"), values.whole("in_flight"))


def _worker(values: JsonObject) -> Worker:
    tasks = None
    if values.has("tasks"):
        tasks = tuple(
            RunningTask(task.number("elapsed"), task.duration("expected")) for task in values.objects("tasks")
        )
    return Worker(
        values.text("id"),
        values.choice("state", STATES),
        values.number("age"),
        values.whole("busy"),
        values.number("idle", default=0.0),
        tasks,
    )
