# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tells the person who waits what is waited for."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.waits import Wait, current_waits
from ansible_collections.sm2a.airflow.plugins.plugin_utils._output import show

# The first line comes after as many seconds, and then one for each thing that is still waited for.
PERIOD = 30.0


class Progress:
    """Says every ``period`` seconds, PERIOD unless it is given, what a component that runs in this process waits for.

    What takes less is not mentioned. To be used with ``with``; its thread ends with the body.
    """

    def __init__(
        self,
        say: Callable[[list[str]], None] = show,
        period: float | None = None,
        clock: Callable[[], float] = time.monotonic,
        waits: Callable[[], list[Wait]] = current_waits,
    ) -> None:
        self._say = say
        self._period = period = PERIOD if period is None else period
        self._clock = clock
        self._waits = waits
        self._said = clock() - period
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="progress", daemon=True)

    def __enter__(self) -> Progress:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        # A look costs nothing; the period alone would let the first line come up to twice as late.
        while not self._done.wait(self._period / 30):
            lines = self.lines()
            if lines:
                self._say(lines)

    def lines(self) -> list[str]:
        """Return a line for each wait that is as long as a period, unless there was one within the last period."""
        now = self._clock()
        if now - self._said < self._period:
            return []
        long = [wait for wait in self._waits() if now - wait.since >= self._period]
        if long:
            self._said = now
        return [_line(wait, now) for wait in long]


def _line(wait: Wait, now: float) -> str:
    usual = f" (usually {wait.usual})" if wait.usual else ""
    return f"Waiting for {_duration(now - wait.since)} until {wait.what}{usual}"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"
