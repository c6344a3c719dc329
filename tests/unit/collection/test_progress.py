# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Long waits speak, short ones do not."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.waits import Wait, waiting
from ansible_collections.sm2a.airflow.plugins.plugin_utils import _progress
from ansible_collections.sm2a.airflow.plugins.plugin_utils._here import run_here
from ansible_collections.sm2a.airflow.plugins.plugin_utils._progress import Progress

SLOW_MODULE = """
import sys
import time
from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.waits import waiting

with waiting("the database is available", "7 to 10 minutes"):
    time.sleep(0.5)
print("{}")
sys.exit(0)
"""


class Clock:
    """Time as the test sets it, and what is waited for."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.waits: list[Wait] = []

    def progress(self) -> Progress:
        """Return what speaks every 30 seconds of this clock."""
        return Progress(period=30.0, clock=lambda: self.now, waits=lambda: self.waits)

    def begin(self, what: str, usual: str = "") -> None:
        """Begin to wait for something."""
        self.waits.append(Wait(what, usual, self.now))


def test_the_first_line_comes_after_a_period_and_then_one_in_each() -> None:
    clock = Clock()
    progress = clock.progress()
    clock.begin("DBInstance sm2a-dev is available", "7 to 10 minutes")
    said = {}
    for second in range(0, 95):
        clock.now = 1000.0 + second
        lines = progress.lines()
        if lines:
            said[second] = lines

    what = "until DBInstance sm2a-dev is available (usually 7 to 10 minutes)"
    assert said == {
        30: [f"Waiting for 30 s {what}"],
        60: [f"Waiting for 1 min 00 s {what}"],
        90: [f"Waiting for 1 min 30 s {what}"],
    }


def test_several_waits_speak_together_and_short_ones_are_not_mentioned() -> None:
    clock = Clock()
    progress = clock.progress()
    clock.begin("a is there")
    clock.now += 10
    clock.begin("b is there")
    clock.now += 20
    assert progress.lines() == ["Waiting for 30 s until a is there"]
    clock.now += 29
    assert progress.lines() == []
    clock.begin("c is there")
    clock.now += 1
    assert progress.lines() == ["Waiting for 1 min 00 s until a is there", "Waiting for 50 s until b is there"]
    clock.now += 30
    clock.waits = clock.waits[2:]
    assert progress.lines() == ["Waiting for 31 s until c is there"]


def test_many_short_waits_say_nothing() -> None:
    clock = Clock()
    progress = clock.progress()
    for _turn in range(100):
        clock.waits = []
        clock.begin("something is there")
        clock.now += 29
        assert progress.lines() == []


def test_the_thread_speaks_while_the_body_waits_and_ends_with_it() -> None:
    said: list[str] = []
    spoke = threading.Event()

    def say(lines: list[str]) -> None:
        said.extend(lines)
        spoke.set()

    before = threading.active_count()
    with Progress(say, period=0.05), waiting("something is there", "a moment"):
        assert spoke.wait(10)
    assert threading.active_count() == before
    assert said[0] == "Waiting for 0 s until something is there (usually a moment)"


def test_nothing_is_said_of_a_run_that_does_not_wait() -> None:
    said: list[str] = []
    with Progress(said.extend, period=0.01):
        threading.Event().wait(0.1)
    assert said == []


# pytest-xdist has threads of its own.
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_module_that_runs_here_speaks_while_it_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sm2a_slow_module.py").write_text(SLOW_MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(_progress, "PERIOD", 0.1)
    said: list[str] = []

    left = run_here("sm2a_slow_module", {}, {}, str(tmp_path), said.extend)

    assert left == {"rc": 0, "stdout": "{}\n", "stderr": ""}
    assert set(said) == {"Waiting for 0 s until the database is available (usually 7 to 10 minutes)"}
