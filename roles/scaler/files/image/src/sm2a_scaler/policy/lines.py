# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The policy over JSON lines, so that anything can drive it: one observation of a pool in, one decision out."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

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

Entry = TypeVar("Entry")


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
            values = _Object(json.loads(line), "the line")
            pool = values.text("pool")
            limits, seen, at = _limits(values), _observation(values), values.number("t")
            decision, memories[pool] = decide(limits, seen, memories.get(pool, Memory()), at)
            reply = {"desired": decision.desired, "cordon": list(decision.cordon), "reason": decision.reason}
        except (ValueError, ArithmeticError, RecursionError) as error:
            reply = {"error": str(error)}
        yield json.dumps(reply)


def _limits(values: _Object) -> Limits:
    limits = Limits(values.count("concurrency"), values.count("min"), values.count("max"))
    if limits.concurrency < 1:
        raise ValueError("concurrency must be at least 1, not 0")
    if limits.minimum > limits.maximum:
        raise ValueError(f"min must be at most max, which is {limits.maximum}, not {limits.minimum}")
    return limits


def _observation(values: _Object) -> Observation:
    workers = tuple(_worker(worker) for worker in values.objects("workers"))
    if len({worker.id for worker in workers}) < len(workers):
        raise ValueError("workers: two have the same id")
    queued_tasks = None
    if values.has("queued_tasks"):
        tasks = (QueuedTask(task.number("age"), task.duration("expected")) for task in values.objects("queued_tasks"))
        queued_tasks = tuple(sorted(tasks, key=lambda task: -task.age))
    return Observation(
        queued=values.count("queued") if values.known("queued") else None,
        running=values.count("running") if values.known("running") else None,
        workers=workers,
        mean_duration=values.duration("mean_duration"),
        schedule=tuple(
            Tick(tick.number("in"), tick.count("tasks"), tick.duration("duration"))
            for tick in values.objects("schedule", optional=True)
        ),
        queued_tasks=queued_tasks,
        upcoming=tuple(
            UpcomingTask(task.number("in"), task.duration("expected"))
            for task in values.objects("upcoming", optional=True)
        ),
        messages=_messages(values.object("messages")) if values.has("messages") else None,
    )


def _messages(values: _Object) -> Messages:
    return Messages(values.count("visible"), values.count("in_flight"))


def _worker(values: _Object) -> Worker:
    state = values.text("state")
    if state not in STATES:
        raise ValueError(f"{values.path}.state must be one of {', '.join(STATES)}, not {state!r}")
    tasks = None
    if values.has("tasks"):
        tasks = tuple(
            RunningTask(task.number("elapsed"), task.duration("expected")) for task in values.objects("tasks")
        )
    return Worker(
        values.text("id"), state, values.number("age"), values.count("busy"), values.number("idle", 0.0), tasks
    )


class _Object:
    """A JSON object, whose values are taken out with their rules. Raises ``ValueError`` that names the path."""

    def __init__(self, values: Any, path: str) -> None:
        if not isinstance(values, dict):
            raise ValueError(f"{path} must be a JSON object")
        self._values: dict[str, Any] = values
        self.path = path

    def has(self, key: str) -> bool:
        """Whether there is a value other than null."""
        return self._values.get(key) is not None

    def known(self, key: str) -> bool:
        """The same, of a key that must be there."""
        self._value(key)
        return self.has(key)

    def _value(self, key: str) -> Any:
        if key not in self._values:
            raise ValueError(f"{self.path}: missing key {key!r}")
        return self._values[key]

    def _refuse(self, key: str, rule: str) -> ValueError:
        return ValueError(f"{self.path}: {key} must be {rule}, not {self._values[key]!r:.80}")

    def text(self, key: str) -> str:
        value = self._value(key)
        if not isinstance(value, str) or not value:
            raise self._refuse(key, "a text that is not empty")
        return value

    def number(self, key: str, default: float | None = None) -> float:
        if default is not None and not self.has(key):
            return default
        value = self._value(key)
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise self._refuse(key, "a number")
        return float(value)

    def duration(self, key: str) -> float | None:
        """Seconds; ``None`` if they are not known, which zero means too."""
        if not self.has(key):
            return None
        seconds = self.number(key)
        if seconds < 0:
            raise self._refuse(key, "at least 0")
        return seconds or None

    def count(self, key: str) -> int:
        value = self.number(key)
        if value < 0 or value != int(value):
            raise self._refuse(key, "a whole number of at least 0")
        return int(value)

    def object(self, key: str) -> _Object:
        return _Object(self._value(key), key)

    def objects(self, key: str, optional: bool = False) -> list[_Object]:
        if optional and not self.has(key):
            return []
        value = self._value(key)
        if not isinstance(value, list):
            raise self._refuse(key, "a list")
        return [_Object(each, f"{key}[{place}]") for place, each in enumerate(value)]
