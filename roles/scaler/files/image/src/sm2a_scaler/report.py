# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the scaler shows, as values: JSON log lines, CloudWatch metrics inside log lines, Prometheus text, health."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sm2a_scaler.combine import PoolState
from sm2a_scaler.policy.values import CORDONED, READY, STARTING, Decision, Messages

NAMESPACE = "SM2A"

HEALTHY_LOOPS = 12
"""Healthy as long as the last complete loop is at most so many intervals old."""

HEALTHY_SECONDS = 60.0
"""And in any case as long as it is at most so many seconds old. A loop in which every source times out is complete too,
and takes some 20 s: restarting the scaler would not help it."""


@dataclass(frozen=True)
class PoolReport:
    """What one loop saw of a pool, and decided. ``None``: ECS, or SQS, did not tell."""

    state: PoolState | None
    decision: Decision | None
    messages: Messages | None


@dataclass(frozen=True)
class LoopReport:
    """One complete loop: what was seen and decided, and what was done since the start."""

    at: float
    """Seconds, when it began."""
    pools: Mapping[str, PoolReport]
    faults: Mapping[str, str]
    leads: bool
    """Whether this scaler acts, or another one does."""
    data_age: float
    """Seconds since the metadata database last answered."""
    aws_calls: int
    """Calls to AWS that observing took."""
    seconds: float
    """How long it took."""
    loops: int
    updates: int
    failed_updates: int
    """Totals since the start."""


@dataclass
class Board:
    """Where the loop puts its last report and the HTTP endpoint finds it. One assignment, hence no lock."""

    interval_seconds: float
    started: float
    """Seconds, on the clock of ``LoopReport.at``."""
    last: LoopReport | None = field(default=None)

    def age(self, now: float) -> float:
        """Seconds since the last complete loop ended, or since the start."""
        return now - (self.started if self.last is None else self.last.at + self.last.seconds)

    def healthy(self, now: float) -> bool:
        return self.age(now) <= max(HEALTHY_SECONDS, HEALTHY_LOOPS * self.interval_seconds)


def pool_values(pool: PoolReport) -> dict[str, float]:
    """The pool's metrics by name; what is not known is left out rather than shown as zero."""
    values: dict[str, float] = {}
    if pool.messages is not None:
        values |= {"VisibleMessages": pool.messages.visible, "InFlightMessages": pool.messages.in_flight}
    if pool.state is not None:
        seen = pool.state.observation
        values |= {
            name: count
            for name, count in (("QueuedTasks", seen.queued), ("RunningTasks", seen.running))
            if count is not None
        }
        if seen.queued_tasks is not None:
            values["OldestQueuedSeconds"] = round(max((task.age for task in seen.queued_tasks), default=0.0), 1)
        states = [worker.state for worker in seen.workers]
        values |= {
            "ReadyWorkers": states.count(READY),
            "StartingWorkers": states.count(STARTING),
            "CordonedWorkers": states.count(CORDONED),
            "OutdatedWorkers": len(pool.state.outdated),
        }
    if pool.decision is not None:
        values["WantedWorkers"] = pool.decision.desired
    return values


def loop_values(loop: LoopReport) -> dict[str, float]:
    """The loop's own metrics by name."""
    return {
        "LoopSeconds": round(loop.seconds, 3),
        "DataAgeSeconds": round(loop.data_age, 1),
        "AwsCalls": loop.aws_calls,
        "Faults": len(loop.faults),
        "Leads": int(loop.leads),
    }


def embedded_metrics(environment: str, loop: LoopReport, unix_milliseconds: int) -> Iterator[dict[str, Any]]:
    """One record for each pool and one for the loop, from which CloudWatch Logs makes metrics by itself.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
    """

    def record(dimensions: Mapping[str, str], values: Mapping[str, float]) -> dict[str, Any]:
        directive = {
            "Namespace": NAMESPACE,
            "Dimensions": [list(dimensions)],
            "Metrics": [{"Name": name, "Unit": _unit(name)} for name in values],
        }
        return {
            "_aws": {"Timestamp": unix_milliseconds, "CloudWatchMetrics": [directive]},
            **dimensions,
            **values,
        }

    # Only the leader's numbers: two scalers' would add up.
    if loop.leads:
        for name, pool in loop.pools.items():
            reason = {"reason": pool.decision.reason} if pool.decision else {}
            yield {**record({"Environment": environment, "Pool": name}, pool_values(pool)), **reason}
    yield {**record({"Environment": environment}, loop_values(loop)), "faults": dict(loop.faults)}


def _unit(name: str) -> str:
    return "Seconds" if name.endswith("Seconds") else "Count"


def prometheus(loop: LoopReport | None) -> str:
    """The last loop in Prometheus's text format (https://prometheus.io/docs/instrumenting/exposition_formats/)."""
    if loop is None:
        return ""
    gauges: dict[str, list[str]] = {}
    for name, pool in loop.pools.items():
        for metric, value in pool_values(pool).items():
            label = json.dumps(name, ensure_ascii=False)  # the same three escapes as Prometheus's
            gauges.setdefault(_snake(metric), []).append(f"{{pool={label}}} {value}")
    for metric, value in loop_values(loop).items():
        gauges[_snake(metric)] = [f" {value}"]
    lines = [line for metric, samples in gauges.items() for line in _family(metric, "gauge", samples)]
    for metric, total in {
        "loops_total": loop.loops,
        "updates_total": loop.updates,
        "failed_updates_total": loop.failed_updates,
    }.items():
        lines += _family(metric, "counter", [f" {total}"])
    return "\n".join(lines) + "\n"


def _family(metric: str, kind: str, samples: list[str]) -> list[str]:
    name = f"sm2a_scaler_{metric}"
    return [f"# TYPE {name} {kind}", *(name + sample for sample in samples)]


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, message, and what the call passed as ``extra={"fields": {...}}``."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)
