# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The commands ``simulate`` and ``bench``."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

from sm2a_scaler.policy.values import Limits
from sm2a_scaler.simulation.forecast import Forecast
from sm2a_scaler.simulation.ours import Ours
from sm2a_scaler.simulation.peers import Keda, KedaIdleOnly, Mwaa, Oracle, Original, Static, TargetTracking
from sm2a_scaler.simulation.simulator import Result, SimulatedPolicy, simulate
from sm2a_scaler.simulation.trace import Trace, TraceError, read_trace, write_trace

ROUGH = 0.4
"""Standard deviation of the logarithm of an expected duration's error: a third too short or half too long is usual."""

FORECASTS = ("perfect", "rough", "wrong")

POLICIES: dict[str, Callable[[Trace, Limits], SimulatedPolicy]] = {
    "keda": lambda trace, limits: Keda(),
    "mwaa": lambda trace, limits: Mwaa(),
    "original": lambda trace, limits: Original(),
    "target-tracking": lambda trace, limits: TargetTracking(),
    "static": lambda trace, limits: Static(),
    "oracle": Oracle,
    "keda-idle-only": lambda trace, limits: KedaIdleOnly(),
}


def run_policy(
    name: str,
    trace: Trace,
    limits: Limits,
    *,
    details: bool = False,
    forecast: str = "perfect",
    seed: int = 0,
    timeline: bool = False,
) -> Result:
    """Simulate ``trace`` under the policy of that name; ``details`` and ``forecast`` are for ``ours``."""
    policy = Ours(details=details) if name == "ours" else POLICIES[name](trace, limits)
    known = Forecast(trace, error=ROUGH if forecast == "rough" else 0.0, wrong=forecast == "wrong", seed=seed)
    return simulate(trace, limits, policy, name=name, seed=seed, forecast=known, timeline=timeline)


def add_simulate(parser: argparse.ArgumentParser) -> None:
    source = parser.add_argument_group("trace")
    source.add_argument("--trace", type=Path, metavar="FILE.csv", help="columns arrival_s, duration_s and maybe after")
    source.add_argument("--schedule", type=Path, metavar="FILE.sched", help="what is known beforehand of the trace")
    source.add_argument(
        "--from-airflow",
        nargs="?",
        const="",
        metavar="URL",
        help="make the trace of a metadata database's history, and write it to --trace if that is given; without a "
        "URL, of the database in AIRFLOW__DATABASE__SQL_ALCHEMY_CONN",
    )
    source.add_argument("--queue", default="default", help="the Celery queue to read from Airflow (%(default)s)")
    source.add_argument("--days", type=float, default=7.0, help="how far back to read (%(default)s)")
    parser.add_argument("--concurrency", type=_positive, default=16, help="tasks per worker (%(default)s)")
    parser.add_argument("--min", type=_count, default=0, help="workers at least (%(default)s)")
    parser.add_argument("--max", type=_count, default=50, help="workers at most (%(default)s)")
    parser.add_argument("--policy", choices=["ours", *POLICIES], default="ours")
    parser.add_argument(
        "--details", action="store_true", help="let ours see what the database tells of single tasks, too"
    )
    parser.add_argument("--forecast", choices=FORECASTS, default="perfect", help="how good schedule and details are")
    parser.add_argument("--seed", type=int, default=0, help="for start times and choices (%(default)s)")
    parser.add_argument(
        "--window", type=float, nargs=2, metavar=("FROM", "TO"), help="the seconds of the trace to draw (all)"
    )
    output = parser.add_mutually_exclusive_group()
    output.add_argument("--json", action="store_true", help="print one JSON object")
    output.add_argument("--plot", type=Path, metavar="FILE.png", help="draw it, as PNG or SVG (needs matplotlib)")


def run_simulate(arguments: argparse.Namespace) -> int:
    """Simulate as told and return the exit code: 0, or 2 if the trace or an option is refused."""
    from sm2a_scaler.simulation.plot import PlotError, plot

    try:
        trace = _trace(arguments)
        if arguments.min > arguments.max:
            raise TraceError(f"--min must be at most --max, which is {arguments.max}, not {arguments.min}")
        limits = Limits(arguments.concurrency, arguments.min, arguments.max)
        result = run_policy(
            arguments.policy,
            trace,
            limits,
            details=arguments.details,
            forecast=arguments.forecast,
            seed=arguments.seed,
            timeline=arguments.plot is not None,
        )
        if arguments.plot is not None:
            plot(result, arguments.plot, limits.concurrency, arguments.window)
    except (TraceError, PlotError, OSError) as error:
        print(f"simulate: {error}", file=sys.stderr)
        return 2
    values = summary(result)
    if arguments.json:
        print(json.dumps(values))
    else:
        width = max(map(len, values))
        for name, value in values.items():
            print(f"{name:<{width}}  {value}")
    return 0


def summary(result: Result) -> dict[str, str | int | float]:
    """What a result says; times in seconds."""
    return {
        "policy": result.policy,
        "trace": result.trace,
        "tasks": len(result.delays),
        "wait_p50_s": round(result.wait(0.5), 1),
        "wait_p95_s": round(result.wait(0.95), 1),
        "wait_max_s": round(result.wait(1.0), 1),
        "delay_p50_s": round(result.delay(0.5), 1),
        "delay_p95_s": round(result.delay(0.95), 1),
        "delay_max_s": round(result.delay(1.0), 1),
        "waited_task_hours": round(result.waited_hours, 3),
        "worker_hours": round(result.worker_hours, 3),
        "killed": result.killed,
        "starts": result.starts,
        "makespan_s": round(result.makespan, 1),
    }


def _trace(arguments: argparse.Namespace) -> Trace:
    if arguments.from_airflow is None:
        if arguments.trace is None:
            raise TraceError("--trace or --from-airflow is needed")
        return read_trace(arguments.trace, arguments.schedule)
    from sm2a_scaler.simulation.airflow import VARIABLE, read_airflow

    url = arguments.from_airflow or os.environ.get(VARIABLE, "")
    if not url:
        raise TraceError(f"--from-airflow needs a URL, or {VARIABLE}")
    trace = read_airflow(url, arguments.queue, arguments.days)
    if arguments.trace is not None:
        write_trace(trace, arguments.trace)
    return trace


def _count(text: str) -> int:
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"must be at least 0, not {text}")
    return value


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, not {text}")
    return value
