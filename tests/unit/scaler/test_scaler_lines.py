# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The policy over JSON lines, as another program drives it."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from typing import Any

import pytest

from sm2a_scaler import lines

LINE = {"t": 0, "pool": "a", "concurrency": 4, "min": 0, "max": 10, "queued": 0, "running": 0, "workers": []}
WORKER = {"id": "w", "state": "ready", "age": 100, "busy": 0, "idle": 50}


def ask(*given: dict[str, Any]) -> list[dict[str, Any]]:
    return [json.loads(reply) for reply in lines.answer(json.dumps(each) for each in given)]


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"queued": -1}, "queued must be a whole number of at least 0; it is -1"),
        ({"queued": 1.5}, "queued must be a whole number of at least 0; it is 1.5"),
        ({"queued": True}, "queued must be a whole number of at least 0; it is True"),
        ({"t": float("nan")}, "t must be a number; it is nan"),
        ({"t": 10**400}, "t must be a number; it is 1000"),
        ({"concurrency": 0}, "concurrency must be a whole number of at least 1; it is 0"),
        ({"min": 11}, "min must be at most max, which is 10; it is 11"),
        ({"pool": 7}, "pool must be a text that is not empty; it is 7"),
        ({"workers": {}}, "workers must be a list; it is {}"),
        ({"workers": [{**WORKER, "state": "gone"}]}, "workers[0].state must be one of starting, ready, cordoned"),
        ({"workers": [WORKER, WORKER]}, "workers: two have the same id"),
        (
            {"schedule": [{"in": 5, "tasks": "x", "duration": 1}]},
            "schedule[0].tasks must be a whole number of at least 0; it is 'x'",
        ),
        ({"upcoming": [7]}, "upcoming[0] must be a JSON object"),
        ({"mean_duration": -1}, "mean_duration must be a number of at least 0; it is -1"),
    ],
)
def test_bad_lines_are_answered_with_their_error(change: dict[str, Any], error: str) -> None:
    bad, good = ask({**LINE, **change}, {**LINE, "queued": 1})
    assert error in bad["error"]
    assert good["desired"] == 1


@pytest.mark.parametrize("key", LINE)
def test_missing_keys(key: str) -> None:
    assert ask({name: value for name, value in LINE.items() if name != key}) == [{"error": f"{key} is missing"}]


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "[" * 100000])
def test_lines_that_are_no_object(text: str) -> None:
    bad, good = lines.answer([text, json.dumps(LINE)])
    assert list(json.loads(bad)) == ["error"]
    assert json.loads(good)["desired"] == 0


def test_pools_are_remembered_by_name() -> None:
    """Pool ``a`` has seen its worker empty for long enough; pool ``b`` sees its worker for the first time."""
    used = {**WORKER, "state": "cordoned"}
    story = [{**LINE, "t": at, "workers": [used]} for at in range(0, 60, 5)]
    answers = ask(*story, {**LINE, "t": 60, "pool": "b", "workers": [WORKER]})
    assert answers[0]["desired"] == 0
    assert answers[-1] == {"desired": 1, "cordon": ["w"], "reason": answers[-1]["reason"]}


def test_unknown_counts() -> None:
    lost = {**LINE, "queued": None, "running": None, "workers": [WORKER], "messages": {"visible": 9, "in_flight": 0}}
    (answer,) = ask(lost)
    assert (answer["desired"], answer["cordon"]) == (3, [])


def test_each_answer_is_flushed_and_no_byte_ends_the_program() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "sm2a_scaler", "decide"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as program:
        assert program.stdin is not None
        assert program.stdout is not None
        for line in (json.dumps({**LINE, "queued": 2}).encode(), b"\xff\xfe{", json.dumps(LINE).encode()):
            program.stdin.write(line + b"\n")
            program.stdin.flush()
            answer = json.loads(program.stdout.readline())
            assert ("error" in answer) == (line[0] == 0xFF)
        program.stdin.close()
        assert program.wait(10) == 0


@pytest.mark.parametrize("step", [1.0, 5.0, 13.0, 30.0])
@pytest.mark.parametrize("late", [False, True])
def test_another_simulation(step: float, late: bool) -> None:
    """Its clock begins anywhere; with ``late`` it shows a cordon only one step after it was told."""
    source = random.Random(f"{step} {late}")
    now, number = 1.7e9, 0
    workers: dict[str, dict[str, Any]] = {}
    queue: list[float] = []
    ends: dict[str, list[float]] = {}
    shown: set[str] = set()
    told: set[str] = set()
    waits: list[float] = []
    memory_of_lines: list[str] = []

    began = now
    replies = lines.answer(iter(memory_of_lines.pop, "end"))
    burst_at = began + 300
    while now < began + 3600:
        if now <= burst_at < now + step:
            queue += [now] * 60
        if source.random() < 0.02 * step:
            queue.append(now)
        for name, worker in workers.items():
            ends[name] = [end for end in ends[name] if end > now]
            if worker["ready_at"] <= now and worker["state"] == "starting":
                worker["state"] = "ready"
        for name in source.sample(sorted(workers), len(workers)):
            while queue and workers[name]["state"] == "ready" and name not in told and len(ends[name]) < 4:
                waits.append(now - queue.pop(0))
                ends[name].append(now + source.expovariate(1 / 60))
        line = {
            **LINE,
            "t": now,
            "queued": len(queue),
            "running": sum(map(len, ends.values())),
            "mean_duration": 60,
            "workers": [
                {
                    "id": name,
                    "state": "cordoned" if name in (shown if late else told) else worker["state"],
                    "age": now - worker["began"],
                    "busy": len(ends[name]),
                    "idle": 0,
                }
                for name, worker in workers.items()
            ],
        }
        memory_of_lines.append(json.dumps(line))
        answer = json.loads(next(replies))
        shown = told
        told = set(answer["cordon"])
        for _dummy in range(answer["desired"] - len(workers)):
            number += 1
            name = f"w{number}"
            workers[name] = {"state": "starting", "began": now, "ready_at": now + source.uniform(60, 90)}
            ends[name] = []
        for _dummy in range(len(workers) - answer["desired"]):
            emptied = [
                name for name in workers if name in told and not ends[name] and workers[name]["state"] == "ready"
            ]
            assert emptied, "somebody who runs something would have to go"
            del workers[emptied[0]], ends[emptied[0]]
        now += step
    assert len(waits) > 60
    assert max(waits) < 200
    assert len(workers) <= 5
