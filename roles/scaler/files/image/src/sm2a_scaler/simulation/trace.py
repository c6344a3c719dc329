# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Traces: when tasks came and how long they took, as CSV files."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple


class TraceError(Exception):
    """A trace breaks the format; the message names file, line and rule."""


class TraceTask(NamedTuple):
    """One task of a trace."""

    arrival: float
    """Second at which it is queued, or at which its run begins if it waits for others."""
    duration: float
    """Seconds that it runs."""
    after: tuple[int, ...] = ()
    """The tasks that must have ended before it is queued, by their position in the trace, the first being 0."""


class TraceTick(NamedTuple):
    """What is known beforehand of a schedule."""

    at: float
    tasks: int
    duration: float


@dataclass(frozen=True)
class Trace:
    """Tasks in the order of their arrival, and the schedule that announced some of them."""

    name: str
    tasks: tuple[TraceTask, ...]
    schedule: tuple[TraceTick, ...] = ()

    @property
    def mean_duration(self) -> float:
        """Seconds; 0 for a trace without tasks."""
        return sum(task.duration for task in self.tasks) / len(self.tasks) if self.tasks else 0.0


def read_trace(path: Path, schedule: Path | None = None) -> Trace:
    """Read ``arrival_s,duration_s[,after]`` and, if given, ``tick_s,expected_tasks,expected_duration_s``.

    ``after`` names the rows that must end first, counted from 0 and separated by spaces or semicolons. Raises
    ``TraceError``.
    """
    tasks = []
    for line, row in _rows(path, ("arrival_s", "duration_s")):
        arrival, duration = _number(path, line, row, "arrival_s"), _number(path, line, row, "duration_s")
        tasks.append(TraceTask(arrival, duration, _after(path, line, row.get("after") or "")))
    _refuse_cycles(path, tasks)
    order = sorted(range(len(tasks)), key=lambda position: tasks[position].arrival)
    if order != list(range(len(tasks))):
        moved = {old: new for new, old in enumerate(order)}
        tasks = [tasks[old]._replace(after=tuple(moved[parent] for parent in tasks[old].after)) for old in order]
    ticks = []
    if schedule is not None:
        names = ("tick_s", "expected_tasks", "expected_duration_s")
        for line, row in _rows(schedule, names):
            at, count, duration = (_number(schedule, line, row, name) for name in names)
            ticks.append(TraceTick(at, round(count), duration))
    return Trace(path.stem, tuple(tasks), tuple(sorted(ticks)))


def write_trace(trace: Trace, path: Path, schedule: Path | None = None) -> None:
    """Write a trace, and its schedule if a path for it is given, so that ``read_trace`` reads the same again."""
    dependent = any(task.after for task in trace.tasks)
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["arrival_s", "duration_s", *(["after"] if dependent else [])])
        for task in trace.tasks:
            after = [" ".join(map(str, task.after))] if dependent else []
            writer.writerow([round(task.arrival, 1), round(task.duration, 1), *after])
    if schedule is not None:
        with schedule.open("w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["tick_s", "expected_tasks", "expected_duration_s"])
            writer.writerows((round(tick.at, 1), tick.tasks, round(tick.duration, 1)) for tick in trace.schedule)


def _rows(path: Path, needed: Iterable[str]) -> Iterable[tuple[int, dict[str, str]]]:
    with path.open(newline="") as file:
        reader = csv.DictReader(file)
        missing = [name for name in needed if name not in (reader.fieldnames or ())]
        if missing:
            raise TraceError(f"{path}: the first line must name the columns; {', '.join(missing)} is missing")
        for row in reader:
            yield reader.line_num, row


def _number(path: Path, line: int, row: dict[str, str], name: str) -> float:
    try:
        value = float(row[name])
    except (TypeError, ValueError):
        value = -1.0
    if not 0 <= value < float("inf"):
        raise TraceError(f"{path}, line {line}: {name} must be a number of at least 0, not {row[name]!r}")
    return value


def _after(path: Path, line: int, text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.replace(";", " ").split())
    except ValueError:
        raise TraceError(f"{path}, line {line}: after must be row numbers, not {text!r}") from None


def _refuse_cycles(path: Path, tasks: list[TraceTask]) -> None:
    """Tasks that wait for each other would never run."""
    children: dict[int, list[int]] = {}
    for position, task in enumerate(tasks):
        for parent in task.after:
            if not 0 <= parent < len(tasks):
                raise TraceError(f"{path}: row {position} is after row {parent}, which does not exist")
            children.setdefault(parent, []).append(position)
    open_parents = [len(task.after) for task in tasks]
    free = [position for position, count in enumerate(open_parents) if not count]
    done = 0
    while free:
        done += 1
        for child in children.get(free.pop(), ()):
            open_parents[child] -= 1
            if not open_parents[child]:
                free.append(child)
    if done < len(tasks):
        raise TraceError(f"{path}: {len(tasks) - done} tasks wait for each other in a circle")
