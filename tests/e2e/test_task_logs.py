# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The log of a task as the web interface shows it: while the task runs, and at once when it has ended."""

from __future__ import annotations

import time
from typing import Any

import pytest
from platform_client import FINISHED, Airflow
from playbook_runs import Platform, airflow_with, wait

TALKING, WAITING, ENDING = "sm2a_talking", "sm2a_waiting", "sm2a_ending"


@pytest.fixture(scope="module")
def airflow(platform: Platform) -> Airflow:
    """Airflow with the DAGs whose logs are read."""
    return airflow_with(TALKING, WAITING, ENDING)


def test_log_of_a_running_task_grows(airflow: Airflow) -> None:
    run = airflow.trigger(TALKING)

    def states() -> list[str]:
        return [task["state"] for task in airflow.task_instances(TALKING, run)]

    def seen() -> set[str]:
        lines = airflow.log(TALKING, run, "talk").splitlines()
        return {line for line in lines if line.startswith("line ")}

    wait("the start", lambda: states() == ["running"], 180)
    wait("the first lines", lambda: len(seen()) > 1, 30)
    before = len(seen())
    wait("more lines", lambda: len(seen()) > before + 2, 30)
    assert states() == ["running"]

    wait("the end", lambda: airflow.run_state(TALKING, run) in FINISHED, 120)
    assert len(seen()) == 45


def test_log_of_a_deferred_task_has_what_its_trigger_says(airflow: Airflow) -> None:
    run = airflow.trigger(WAITING)

    def state() -> str:
        return str([task["state"] for task in airflow.task_instances(WAITING, run)])

    wait("the deferral", lambda: state() == "['deferred']", 180)
    wait("the trigger's words", lambda: "trigger starting" in airflow.log(WAITING, run, "deferred"), 30)
    assert state() == "['deferred']"
    assert "before the deferral 0" in airflow.log(WAITING, run, "deferred")


def test_logs_are_whole_within_two_seconds_of_the_end(airflow: Airflow) -> None:
    run = airflow.trigger(ENDING)
    logs: dict[tuple[str, int], tuple[float, str]] = {}
    deadline = time.monotonic() + 300
    while len(logs) < 24:
        assert time.monotonic() < deadline, f"{len(logs)} of 24 tasks have ended"
        time.sleep(0.2)
        for task in airflow.task_instances(ENDING, run):
            name = (task["task_id"], task["map_index"])
            if task["state"] == "success" and name not in logs:
                logs[name] = time.monotonic(), airflow.log(ENDING, run, *name)

    incomplete = {name: log[-300:] for name, (_at, log) in logs.items() if f"last line {name[1]}" not in log}
    assert incomplete == {}
    for index in range(4):
        assert f"before the deferral {index}" in logs["deferred", index][1]


def test_no_line_is_shown_twice(airflow: Airflow) -> None:
    run = airflow.trigger(ENDING)
    wait("the end", lambda: airflow.run_state(ENDING, run) in FINISHED, 300)

    def twice() -> list[Any]:
        tasks = airflow.task_instances(ENDING, run)
        texts = [airflow.log(ENDING, run, task["task_id"], task["map_index"]) for task in tasks]
        return [text for text in texts if text.count("last line") != 1]

    assert twice() == []
