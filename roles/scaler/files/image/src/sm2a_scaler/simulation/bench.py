# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The bench: all traces under all policies, and what the policy promises."""

from __future__ import annotations

import argparse
import math
import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from sm2a_scaler.policy.values import Limits
from sm2a_scaler.simulation.command import POLICIES, run_policy
from sm2a_scaler.simulation.generator import MAKERS, generate
from sm2a_scaler.simulation.simulator import Result
from sm2a_scaler.simulation.trace import Trace, read_trace

PLAIN = "ours"
DETAILED = "ours, details"
WRONG = "ours, wrong"
KINDS = {PLAIN: (False, "perfect"), DETAILED: (True, "rough"), WRONG: (True, "wrong")}
"""What ours is told: counts, mean duration, schedule; single tasks too, with rough durations; all of it, but wrong."""

SETTINGS = (Limits(16, 0, 50), Limits(4, 0, 50), Limits(16, 0, 25))
"""The last is the one in which the details are measured."""

WAITING_YARDSTICK = 0.1
"""Worker-hours that a task-hour of waiting counts when policies are compared. A figure of its own, though it is the
policy's price: a policy that changes its price must not change what it is measured by."""


@dataclass(frozen=True)
class Measured:
    """One trace under one policy."""

    trace: str
    limits: Limits
    policy: str
    scheduled: bool
    worker_hours: float
    waited_hours: float
    p50: float
    p95: float
    longest: float
    killed: int
    starts: int


@dataclass(frozen=True)
class Promise:
    """A figure that must be reached."""

    text: str
    value: float
    limit: float

    @property
    def kept(self) -> bool:
        return self.value <= self.limit


def add_bench(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--traces", type=Path, metavar="FOLDER", help="also all *.csv there, with their *.sched")
    parser.add_argument("--seed", type=int, default=0, help="of the traces that are made (%(default)s)")
    parser.add_argument("--only", nargs="+", choices=list(MAKERS), default=list(MAKERS), help="these traces only")


def run_bench(arguments: argparse.Namespace) -> int:
    """Print the table, and which of the promises are kept. Return the exit code: 0, or 1 if one is broken."""
    traces = [generate(name, arguments.seed) for name in arguments.only]
    if arguments.traces is not None:
        for path in sorted(arguments.traces.glob("*.csv")):
            schedule = path.with_suffix(".sched")
            traces.append(read_trace(path, schedule if schedule.exists() else None))
    rows = measure(traces)
    for line in table(rows):
        print(line)
    print()
    measured = promises(rows)
    for promise in measured:
        print(f"{'kept  ' if promise.kept else 'BROKEN'}  {promise.value:7.3f} of {promise.limit:5.2f}  {promise.text}")
    return 0 if all(promise.kept for promise in measured) else 1


def measure(traces: Sequence[Trace]) -> list[Measured]:
    """Run everything, in as many processes as there are processors."""
    jobs = []
    for limits in SETTINGS:
        for trace in traces:
            if limits.maximum == SETTINGS[-1].maximum:
                jobs += [(trace, limits, policy) for policy in (DETAILED, WRONG, "keda-idle-only")]
            else:
                jobs += [(trace, limits, policy) for policy in (PLAIN, *POLICIES)]
    # Forking a process that may have threads can deadlock the child.
    with ProcessPoolExecutor(os.cpu_count(), get_context("spawn")) as processes:
        return list(processes.map(_measure, jobs, chunksize=1))


def _measure(job: tuple[Trace, Limits, str]) -> Measured:
    trace, limits, policy = job
    if policy in KINDS:
        details, forecast = KINDS[policy]
        result = run_policy("ours", trace, limits, details=details, forecast=forecast)
    else:
        result = run_policy(policy, trace, limits)
    return _measured(trace, limits, policy, result)


def _measured(trace: Trace, limits: Limits, policy: str, result: Result) -> Measured:
    return Measured(
        trace.name,
        limits,
        policy,
        bool(trace.schedule),
        result.worker_hours,
        result.waited_hours,
        result.delay(0.5),
        result.delay(0.95),
        result.delay(1.0),
        result.killed,
        result.starts,
    )


def table(rows: Iterable[Measured]) -> Iterator[str]:
    """One line for each trace and policy."""
    before = None
    for row in rows:
        if (row.limits, row.trace) != before:
            yield ""
            yield (
                f"{row.trace}, {row.limits.concurrency} tasks per worker, {row.limits.minimum} to "
                f"{row.limits.maximum} workers{', scheduled' if row.scheduled else ''}"
            )
            yield f"  {'':15}  worker-h  waited-h    p50     p95      max  killed  starts"
            before = row.limits, row.trace
        yield (
            f"  {row.policy:15} {row.worker_hours:9.2f} {row.waited_hours:9.2f} {row.p50:6.0f} {row.p95:7.0f} "
            f"{row.longest:8.0f} {row.killed:7d} {row.starts:7d}"
        )


def promises(rows: Sequence[Measured]) -> list[Promise]:
    """What the policy promises, as measured."""
    found = {(row.limits, row.trace, row.policy): row for row in rows}
    plain = [row for row in rows if row.policy == PLAIN]

    def peer(row: Measured, policy: str) -> Measured:
        return found[row.limits, row.trace, policy]

    cost = [row.worker_hours / peer(row, "keda").worker_hours for row in plain]
    oracle = [row.worker_hours / peer(row, "oracle").worker_hours for row in plain]
    delays = [(row.p95 + 5) / (peer(row, "keda").p95 + 5) for row in plain if row.scheduled]
    later = [row.p95 - peer(row, "keda").p95 for row in plain]
    ours = [row for row in rows if row.policy in KINDS]
    result = [
        Promise("worker-hours, of KEDA's", _mean(cost), 0.87),
        Promise("worker-hours, of KEDA's, at most", max(cost), 1.0),
        Promise("worker-hours, of the oracle's", _mean(oracle), 1.06),
        Promise("with a schedule, p95 delay + 5 s, of KEDA's", _mean(delays), 0.52),
        Promise("p95 delay above KEDA's, seconds, at most", max(later), 5.0),
        Promise("tasks killed", float(sum(row.killed for row in ours)), 0.0),
    ]
    for policy, hours, both in ((DETAILED, 0.92, 0.84), (WRONG, 1.0, 1.0)):
        detailed = [(row, peer(row, "keda-idle-only")) for row in rows if row.policy == policy]
        costs = [row.worker_hours / idle.worker_hours for row, idle in detailed]
        sums = [_both(row) / _both(idle) for row, idle in detailed]
        what = "details" if policy == DETAILED else "wrong details"
        result.append(Promise(f"with {what}, worker-hours, of idle-only KEDA's", _mean(costs), hours))
        result.append(
            Promise(f"with {what}, worker-hours + 0.1 task-hours waited, of idle-only KEDA's", _mean(sums), both)
        )
    return result


def _both(row: Measured) -> float:
    return row.worker_hours + WAITING_YARDSTICK * row.waited_hours


def _mean(ratios: Sequence[float]) -> float:
    """The geometric mean; 1 for none."""
    return math.exp(sum(map(math.log, ratios)) / len(ratios)) if ratios else 1.0
