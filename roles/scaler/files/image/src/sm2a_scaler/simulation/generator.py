# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Traces of many kinds, the same for the same seed."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator

from sm2a_scaler.simulation.trace import Trace, TraceTask, TraceTick

HOUR = 3600.0


class _Maker:
    """Collects tasks in any order; parents are named by what ``add`` returned."""

    def __init__(self, seed: str) -> None:
        self.random = random.Random(seed)
        self._tasks: list[tuple[float, float, tuple[int, ...]]] = []
        self._ticks: list[TraceTick] = []

    def add(self, arrival: float, duration: float, after: tuple[int, ...] = ()) -> int:
        self._tasks.append((round(arrival, 1), round(max(0.5, duration), 1), after))
        return len(self._tasks) - 1

    def tick(self, at: float, tasks: int, duration: float) -> None:
        self._ticks.append(TraceTick(at, tasks, duration))

    def some(self, mean: float, spread: float = 0.8) -> float:
        """A duration of that mean, as tasks have them: many short, few long."""
        return self.random.lognormvariate(math.log(mean) - spread * spread / 2, spread)

    def arrivals(self, start: float, end: float, rate: Callable[[float], float], most: float) -> Iterator[float]:
        """Random moments at a changing ``rate`` (per second), which never exceeds ``most``."""
        at = start
        while True:
            at += self.random.expovariate(most)
            if at >= end:
                return
            if self.random.random() < rate(at) / most:
                yield at

    def trace(self, name: str) -> Trace:
        order = sorted(range(len(self._tasks)), key=lambda position: self._tasks[position][0])
        moved = {old: new for new, old in enumerate(order)}
        tasks = []
        for old in order:
            arrival, duration, after = self._tasks[old]
            tasks.append(TraceTask(arrival, duration, tuple(moved[parent] for parent in after)))
        return Trace(name, tuple(tasks), tuple(sorted(self._ticks)))


def _hourly(make: _Maker) -> None:
    """Runs at each full hour, two stages, and a little in between."""
    for hour in range(1, 12):
        count = make.random.randrange(70, 300)
        make.tick(hour * HOUR, count, 90)
        for _dummy in range(round(count * make.random.uniform(0.9, 1.1))):
            first = make.add(hour * HOUR + make.random.expovariate(1.5), make.some(90))
            if make.random.random() < 0.4:
                make.add(hour * HOUR, make.some(60), (first,))
    for at in make.arrivals(0, 12 * HOUR, lambda _dummy: 0.02, 0.02):
        make.add(at, make.some(80))


def _diurnal(make: _Maker) -> None:
    """A working day."""

    def rate(at: float) -> float:
        return 0.02 + 0.4 * math.exp(-(((at / HOUR - 7) / 2.5) ** 2))

    for at in make.arrivals(0, 14 * HOUR, rate, 0.45):
        make.add(at, make.some(180, 1.0))


def _long_and_short(make: _Maker) -> None:
    """Many short tasks, a few of hours, and a batch every three hours."""
    for at in make.arrivals(0, 15 * HOUR, lambda _dummy: 0.04, 0.04):
        make.add(at, make.some(55))
    for at in make.arrivals(0, 12 * HOUR, lambda _dummy: 1 / 3000, 1 / 3000):
        make.add(at, make.random.uniform(3000, 12000))
    for at in range(3600, int(15 * HOUR), 10800):
        make.tick(at, 120, 80)
        for _dummy in range(make.random.randrange(105, 135)):
            make.add(at + make.random.uniform(0, 8), make.some(80))


def _trickle(make: _Maker) -> None:
    """One small task every ten minutes."""
    for number in range(90):
        make.add(number * 600 + make.random.uniform(0, 90), make.some(50, 0.5))


def _nightly(make: _Maker) -> None:
    """Large runs of three stages, and their report."""
    for night in (1, 4, 7, 10):
        start = night * HOUR
        make.tick(start, 200, 120)
        extracts = [make.add(start + make.random.uniform(0, 3), make.some(120)) for _dummy in range(200)]
        transforms = []
        for number in range(600):
            after = (extracts[number % 200],)
            transforms.append(make.add(start, make.some(100), after))
        joins = [make.add(start, make.some(200), tuple(transforms[number::40])) for number in range(40)]
        make.add(start, make.some(300), tuple(joins))
    for at in make.arrivals(0, 12 * HOUR, lambda _dummy: 0.003, 0.003):
        make.add(at, make.some(40))


def _five_minutes(make: _Maker) -> None:
    """Small runs every five minutes, some of them larger."""
    for number in range(1, 110):
        at = number * 300.0
        count = make.random.choice((6, 8, 10, 12, 40))
        make.tick(at, count, 45)
        for _dummy in range(count):
            make.add(at + make.random.uniform(0, 4), make.some(45, 0.6))


def _square(make: _Maker) -> None:
    """Full load for twenty minutes, hardly any for forty."""
    for at in make.arrivals(0, 10 * HOUR, lambda at: 0.9 if at % HOUR < 1200 else 0.01, 0.9):
        make.add(at, make.some(100))


def _ramp(make: _Maker) -> None:
    """Load grows for six hours and falls for two."""
    for at in make.arrivals(0, 8 * HOUR, lambda at: min(at / (6 * HOUR), (8 * HOUR - at) / (2 * HOUR)), 1.0):
        make.add(at, make.some(150))


def _steady(make: _Maker) -> None:
    """The same load all day."""
    for at in make.arrivals(0, 10 * HOUR, lambda _dummy: 0.35, 0.35):
        make.add(at, make.some(120))


def _bursts(make: _Maker) -> None:
    """Bursts that nobody announced."""
    for start in make.arrivals(0, 12 * HOUR, lambda _dummy: 1 / 1500, 1 / 1500):
        mean = make.random.choice((20, 60, 150))
        for _dummy in range(int(make.random.choice((15, 40, 100, 300)) * make.random.uniform(0.7, 1.3))):
            make.add(start + make.random.expovariate(0.5), make.some(mean))


def _fan_out(make: _Maker) -> None:
    """Runs at random moments: one task, then fifty, then one."""
    for start in make.arrivals(0, 12 * HOUR, lambda _dummy: 1 / 700, 1 / 700):
        root = make.add(start, make.some(60))
        middle = tuple(
            make.add(start, make.some(90), (root,)) for _dummy in range(make.random.choice((10, 30, 50, 120)))
        )
        make.add(start, make.some(40), middle)


def _heavy_tail(make: _Maker) -> None:
    """Durations without measure."""
    for at in make.arrivals(0, 12 * HOUR, lambda _dummy: 0.12, 0.12):
        make.add(at, min(14000.0, 25 * make.random.paretovariate(1.2)))


def _backfill(make: _Maker) -> None:
    """Forty chains of tasks, one after the other, beside a little daily work."""
    for lane in range(40):
        last: tuple[int, ...] = ()
        for _dummy in range(make.random.randrange(30, 60)):
            last = (make.add(2 * HOUR + lane, make.some(120), last),)
    for at in make.arrivals(0, 9 * HOUR, lambda _dummy: 0.01, 0.01):
        make.add(at, make.some(60))


def _office(make: _Maker) -> None:
    """A working day with runs at each half hour."""

    def rate(at: float) -> float:
        return 0.01 + 0.15 * math.exp(-(((at / HOUR - 6) / 2) ** 2))

    for at in make.arrivals(0, 12 * HOUR, rate, 0.16):
        make.add(at, make.some(100))
    for number in range(1, 24):
        at = number * 1800.0
        make.tick(at, 60, 70)
        for _dummy in range(make.random.randrange(45, 75)):
            make.add(at + make.random.uniform(0, 5), make.some(70))


def _short(make: _Maker) -> None:
    """Many tasks of seconds, in waves."""
    for at in make.arrivals(0, 6 * HOUR, lambda at: 1.2 + math.sin(at / 900), 2.2):
        make.add(at, make.some(9, 0.5))


def _quarters(make: _Maker) -> None:
    """Runs each quarter of an hour, the full hour's being large; some do not come, some come late."""
    for number in range(1, 44):
        at = number * 900.0
        count = 160 if number % 4 == 0 else 30
        make.tick(at, count, 60)
        if make.random.random() < 0.05:
            continue
        late = make.random.choice((0, 0, 0, 2, 20))
        for _dummy in range(round(count * make.random.uniform(0.8, 1.2))):
            make.add(at + late + make.random.uniform(0, 5), make.some(60))


MAKERS: dict[str, Callable[[_Maker], None]] = {
    "hourly": _hourly,
    "diurnal": _diurnal,
    "long_and_short": _long_and_short,
    "trickle": _trickle,
    "nightly": _nightly,
    "five_minutes": _five_minutes,
    "square": _square,
    "ramp": _ramp,
    "steady": _steady,
    "bursts": _bursts,
    "fan_out": _fan_out,
    "heavy_tail": _heavy_tail,
    "backfill": _backfill,
    "office": _office,
    "short": _short,
    "quarters": _quarters,
}


def generate(name: str, seed: int = 0) -> Trace:
    """Make the trace of that name (a key of ``MAKERS``)."""
    make = _Maker(f"{name} {seed}")
    MAKERS[name](make)
    return make.trace(name)
