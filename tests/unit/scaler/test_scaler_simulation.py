# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The simulation: exact where it can be counted by hand, the same for the same seed; and what the policy promises."""

from __future__ import annotations

import json
import random
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sm2a_scaler.__main__ import main
from sm2a_scaler.policy.values import Limits
from sm2a_scaler.simulation import bench
from sm2a_scaler.simulation.airflow import read_airflow
from sm2a_scaler.simulation.bench import Promise, measure, promises
from sm2a_scaler.simulation.command import FORECASTS, POLICIES, run_policy
from sm2a_scaler.simulation.forecast import Forecast
from sm2a_scaler.simulation.generator import MAKERS, generate
from sm2a_scaler.simulation.ours import Ours
from sm2a_scaler.simulation.peers import KedaIdleOnly
from sm2a_scaler.simulation.simulator import Order, SimulatedPool, simulate
from sm2a_scaler.simulation.trace import Trace, TraceError, TraceTask, TraceTick, read_trace, write_trace

LIMITS = Limits(concurrency=2, minimum=0, maximum=10)


class Fixed:
    """So many workers until all is done."""

    interval = 5.0

    def __init__(self, workers: int, victims: str = "idle") -> None:
        self.workers = workers
        self.victims = victims

    def step(self, at: float, pool: SimulatedPool) -> Order:
        return Order(self.workers if pool.remaining else 0, victims=self.victims)


def test_waiting_and_cost_by_hand() -> None:
    trace = Trace("hand", (TraceTask(0, 100), TraceTask(0, 50), TraceTask(0, 10), TraceTask(400, 7)))
    result = simulate(trace, LIMITS, Fixed(1))
    start = result.waits[0]
    assert 60 <= start <= 90
    # Two slots: the third task begins when the second ends, the fourth finds both free.
    assert result.waits == pytest.approx([start, start, start + 50, 0])
    assert result.delays == pytest.approx(result.waits)
    assert result.makespan == 407
    # It leaves at the first step after the last task, at 410 s.
    assert result.worker_seconds == pytest.approx(410)
    assert (result.starts, result.killed) == (1, 0)


def test_children_wait_for_their_parents() -> None:
    trace = Trace("dag", (TraceTask(0, 30), TraceTask(0, 40, (0,)), TraceTask(0, 50, (0,)), TraceTask(0, 5, (1, 2))))
    result = simulate(trace, LIMITS, Fixed(5))
    assert result.waits[1:] == [0, 0, 0]
    assert result.makespan == pytest.approx(result.waits[0] + 30 + 50 + 5)


def test_a_start_is_billed_for_a_minute_at_least() -> None:
    class Hasty(Fixed):
        def step(self, at: float, pool: SimulatedPool) -> Order:
            return Order(1 if at < 10 or at >= 300 else 0, victims="blind")

    result = simulate(Trace("hasty", (TraceTask(300, 1),)), LIMITS, Hasty(1))
    assert result.starts == 2
    assert result.worker_seconds >= 60 + 61


def test_blind_victims_have_their_grace_and_their_tasks_run_again() -> None:
    class Stops(Fixed):
        def step(self, at: float, pool: SimulatedPool) -> Order:
            return Order(0 if at == 200 else 1, victims="blind")

    result = simulate(Trace("long", (TraceTask(0, 1000), TraceTask(0, 200))), LIMITS, Stops(1))
    assert result.killed == 1
    assert result.waits[0] <= 90
    # The long one loses what it did until 320 s and begins anew on the next worker.
    assert 200 < result.delays[0] < 330
    assert result.delays[1] == pytest.approx(result.waits[1])


def test_a_simulation_ends_even_if_a_policy_never_lets_a_task_end() -> None:
    result = simulate(Trace("none", (TraceTask(0, 10),)), LIMITS, Fixed(0))
    assert result.killed == 1


@pytest.mark.parametrize("policy", ["ours", *POLICIES])
def test_same_seed_same_result(policy: str) -> None:
    trace = generate("fan_out", 3)
    assert trace == generate("fan_out", 3)
    assert trace != generate("fan_out", 4)
    short = Trace("short", trace.tasks[:300])
    first, again = (run_policy(policy, short, Limits(4, 0, 20), seed=5) for _dummy in range(2))
    assert (first.delays, first.worker_seconds) == (again.delays, again.worker_seconds)
    assert len(first.delays) == 300


@pytest.mark.parametrize("forecast", FORECASTS)
@pytest.mark.parametrize("concurrency", [1, 16])
@pytest.mark.parametrize("name", ["hourly", "nightly", "quarters"])
def test_no_task_is_killed_or_lost(name: str, concurrency: int, forecast: str) -> None:
    trace = generate(name, 7)
    part = Trace(name, tuple(task for task in trace.tasks if task.arrival < 9000), trace.schedule)
    result = run_policy("ours", part, Limits(concurrency, 0, 30), details=True, forecast=forecast)
    assert result.killed == 0
    assert len(result.delays) == len(part.tasks) > 200


@pytest.mark.parametrize("concurrency", [1, 4, 16])
def test_constant_demand_means_constant_workers(concurrency: int) -> None:
    """So many tasks always run: each that ends is followed by another at once."""
    lanes = 3 * concurrency
    tasks = []
    for lane in range(lanes):
        for number in range(30):
            tasks.append(TraceTask(0.0, 60.0 + lane % 7, (len(tasks) - 1,) if number else ()))
    result = run_policy("ours", Trace("constant", tuple(tasks)), Limits(concurrency, 0, 20), timeline=True)
    steady = [moment for moment in result.timeline if 300 < moment[0] < 1500]
    present = {sum(moment[3:]) for moment in steady}
    assert max(present) - min(present) <= 1
    assert max(present) <= 4
    assert result.starts <= 5


@pytest.mark.parametrize(("lanes", "concurrency"), [(12, 16), (14, 16), (16, 16), (64, 16), (40, 4)])
def test_runs_of_tasks_that_follow_each_other_cost_what_they_need(lanes: int, concurrency: int) -> None:
    """So many runs of ten tasks are always under way, each task is announced but the first; they take a minute, some
    more, some less. Counting tasks orders what they need at once, and no more."""
    chance = random.Random(lanes)
    tasks = []
    for lane in range(lanes):
        begin = chance.uniform(0, 600)
        for number in range(60):
            duration = chance.lognormvariate(-0.08, 0.4) * 60
            tasks.append((begin, duration, lane, number))
    order = sorted(range(len(tasks)), key=lambda place: tasks[place][0])
    place = {tasks[old][2:]: new for new, old in enumerate(order)}
    trace = Trace(
        "runs",
        tuple(
            TraceTask(begin, duration, (place[lane, number - 1],) if number else ())
            for begin, duration, lane, number in (tasks[old] for old in order)
        ),
    )

    class Means(Forecast):
        """What recent runs tell: the mean, and not that another run follows."""

        def __init__(self) -> None:
            super().__init__(trace)
            self.expected = [60.0] * len(trace.tasks)

        def announced(self, task: int) -> bool:
            return tasks[order[task]][3] % 10 > 0

    limits = Limits(concurrency, 0, 50)
    ours, counting = (simulate(trace, limits, policy, forecast=Means()) for policy in (Ours(), KedaIdleOnly()))
    assert ours.killed == 0
    assert ours.worker_hours <= 1.05 * counting.worker_hours
    assert ours.starts <= 1.1 * counting.starts + 1
    assert ours.waited_hours <= counting.waited_hours + 0.025 * lanes


@pytest.mark.parametrize(("value", "code"), [(1.0, 0), (1.1, 1)])
def test_a_broken_promise_is_an_exit_code(
    value: float, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bench, "measure", lambda traces: [])
    monkeypatch.setattr(bench, "promises", lambda rows: [Promise("first", 0.5, 1.0), Promise("second", value, 1.0)])
    assert main(["bench", "--only", "trickle"]) == code
    assert ("BROKEN" in capsys.readouterr().out) == bool(code)


def test_what_the_policy_promises() -> None:
    """On some of the traces; ``make bench-scaler`` runs all."""
    names = ("long_and_short", "trickle", "five_minutes", "office")
    for promise in promises(measure([generate(name) for name in names])):
        assert promise.kept, promise


@pytest.mark.parametrize(("value", "status"), [(1.0, 0), (1.1, 1)])
def test_the_bench_fails_when_a_promise_is_broken(
    value: float, status: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bench, "measure", lambda traces: [])
    monkeypatch.setattr(bench, "table", lambda rows: [])
    monkeypatch.setattr(bench, "promises", lambda rows: [bench.Promise("little waiting", value, 1.0)])

    assert main(["bench", "--only", "trickle"]) == status
    assert ("BROKEN" in capsys.readouterr().out) == bool(status)


@pytest.mark.parametrize("name", MAKERS)
def test_traces_are_read_as_they_were_written(name: str, tmp_path: Path) -> None:
    trace = generate(name)
    assert len(trace.tasks) > 50
    write_trace(trace, tmp_path / f"{name}.csv", tmp_path / "schedule")
    assert read_trace(tmp_path / f"{name}.csv", tmp_path / "schedule") == trace


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("arrival_s\n1\n", "duration_s is missing"),
        ("arrival_s,duration_s\n1,x\n", "line 2: duration_s must be a number of at least 0, not 'x'"),
        ("arrival_s,duration_s\n-1,1\n", "line 2: arrival_s must be"),
        ("arrival_s,duration_s\n1,nan\n", "line 2: duration_s must be"),
        ("arrival_s,duration_s,after\n1,1,7\n", "row 0 is after row 7, which does not exist"),
        ("arrival_s,duration_s,after\n1,1,a\n", "after must be row numbers, not 'a'"),
        ("arrival_s,duration_s,after\n1,1,1\n1,1,0\n", "2 tasks wait for each other in a circle"),
    ],
)
def test_bad_traces_are_refused(text: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(text)
    with pytest.raises(TraceError, match=message.replace("(", r"\(")):
        read_trace(path)
    assert main(["simulate", "--trace", str(path)]) == 2
    assert message in capsys.readouterr().err


def test_rows_in_any_order(tmp_path: Path) -> None:
    path = tmp_path / "mixed.csv"
    path.write_text("arrival_s,duration_s,after\n50,1,2\n20,2,\n10,3,\n")
    assert read_trace(path).tasks == (TraceTask(10, 3), TraceTask(20, 2), TraceTask(50, 1, (0,)))


def test_simulate_tells_its_figures_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trace = Trace("t", (TraceTask(100, 30), TraceTask(100, 40)), (TraceTick(100, 2, 35),))
    write_trace(trace, tmp_path / "t.csv", tmp_path / "t.sched")
    arguments = ["simulate", "--trace", str(tmp_path / "t.csv"), "--concurrency", "1", "--json"]
    assert main([*arguments, "--policy", "keda"]) == 0
    keda = json.loads(capsys.readouterr().out)
    assert main([*arguments, "--schedule", str(tmp_path / "t.sched")]) == 0
    ours = json.loads(capsys.readouterr().out)
    assert keda["tasks"] == ours["tasks"] == 2
    assert 60 <= keda["delay_p50_s"] <= 95
    assert ours["delay_p95_s"] < 50
    assert ours["worker_hours"] < 2 * 150 / 3600
    assert main([*arguments, "--min", "3", "--max", "2"]) == 2
    assert "--min must be at most --max, which is 2, not 3" in capsys.readouterr().err


@pytest.mark.parametrize("suffix", ["png", "svg"])
def test_simulate_draws(suffix: str, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    write_trace(generate("trickle"), tmp_path / "t.csv")
    picture = tmp_path / f"picture.{suffix}"
    assert main(["simulate", "--trace", str(tmp_path / "t.csv"), "--plot", str(picture)]) == 0
    assert picture.read_bytes()[:5] in (b"\x89PNG\r", b"<?xml")


def test_a_trace_of_airflows_history(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = datetime.now(UTC)
    rows = [
        ("default", 60, 50, 20),
        ("default", 100, 90, 80),
        ("default", None, 30, 10),
        ("default", 15, 12, None),
        ("heavy", 60, 50, 20),
        ("default", 900000, 900000, 899990),
    ]

    def ago(seconds: int | None) -> str | None:
        return None if seconds is None else str(now - timedelta(seconds=seconds))

    with sqlite3.connect(tmp_path / "airflow.db") as connection:
        connection.execute("CREATE TABLE task_instance (queue, queued_dttm, start_date, end_date)")
        connection.executemany(
            "INSERT INTO task_instance VALUES (?, ?, ?, ?)", [(queue, *map(ago, times)) for queue, *times in rows]
        )
    connection.close()
    url = f"sqlite:///{tmp_path}/airflow.db"
    trace = read_airflow(url, "default", 7)
    assert [tuple(round(value, 3) for value in task[:2]) for task in trace.tasks] == [(0, 10), (40, 30), (70, 20)]

    monkeypatch.setenv("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", url)
    assert main(["simulate", "--from-airflow", "--trace", str(tmp_path / "made.csv")]) == 0
    assert len(read_trace(tmp_path / "made.csv").tasks) == 3
    capsys.readouterr()
    assert main(["simulate", "--from-airflow", url, "--queue", "none"]) == 2
    assert "no task of queue none has ended in that time" in capsys.readouterr().err
    assert main(["simulate", "--from-airflow", "oracle://host/db"]) == 2
    assert "oracle: not a database that Airflow uses" in capsys.readouterr().err
