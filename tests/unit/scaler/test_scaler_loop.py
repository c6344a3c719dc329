# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The service around the policy: the loop, what it shows, health, stopping."""

from __future__ import annotations

import json
import logging
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from sm2a_scaler import __main__ as main
from sm2a_scaler import endpoint
from sm2a_scaler.act import Actor
from sm2a_scaler.combine import HUNG_SECONDS
from sm2a_scaler.configuration import Configuration, PoolSettings
from sm2a_scaler.loop import Scaler
from sm2a_scaler.policy.values import STARTING_SECONDS, Limits, Messages
from sm2a_scaler.report import HEALTHY_SECONDS, Board, JsonFormatter
from sm2a_scaler.sources import EcsTask, MetadataAnswer, QueuedInstances, Service, Sources, WorkerRow

POOLS = {
    "default": PoolSettings("worker-default", "default", "https://sqs.example/default", Limits(4, 0, 10)),
    "heavy": PoolSettings("worker-heavy", "heavy", "https://sqs.example/heavy", Limits(1, 0, 10)),
}
CONFIGURATION = Configuration("test", "sm2a-test", "unused", POOLS, interval_seconds=1.0)
ONE = Service(1, 1, 0, "worker:1", (EcsTask("a", 100.0, "worker:1"),))
NONE = Service(0, 0, 0, "worker:1", ())
ROW = WorkerRow("a", "default", "host-a", 4, 0, "open", True, 1.0, -9.0)


def queued(count: int, queue: str = "default") -> QueuedInstances:
    return QueuedInstances(queue, "etl", "load", "run", count, 1.0, 1.0, 2.0)


BUSY = MetadataAnswer(leads=True, queued=(queued(8), queued(3, "heavy")), workers={"a": ROW})


class FakeObserver:
    def __init__(self, database: MetadataAnswer | None = BUSY, **services: Service) -> None:
        self.database = database
        self.services: Mapping[str, Service] = services
        self.messages: dict[str, Messages] = {}
        self.faults: dict[str, str] = {}

    def observe(self, at: float) -> Sources:
        return Sources(at, self.database, self.services, self.messages, dict(self.faults), aws_calls=3)


class FakeEcs:
    def __init__(self) -> None:
        self.updates: list[tuple[str, int]] = []
        self.refused = ""

    def update_service(self, cluster: str, service: str, desiredCount: int) -> None:
        if service == self.refused:
            raise RuntimeError("throttled")
        self.updates.append((service, desiredCount))


class FakeWorkers:
    def __init__(self) -> None:
        self.told: list[tuple[set[str], set[str]]] = []
        self.error: Exception | None = None

    def cordon(self, tasks: Any, open_again: Any) -> None:
        if self.error:
            raise self.error
        self.told.append((set(tasks), set(open_again)))


def a_scaler(
    observer: FakeObserver, ecs: FakeEcs, board: Board | None = None, workers: FakeWorkers | None = None
) -> Scaler:
    board = board or Board(interval_seconds=1.0, started=0.0)
    return Scaler(CONFIGURATION, observer, Actor("sm2a-test", ecs, workers or FakeWorkers()), board)


def loop(scaler: Scaler, at: float | None = None) -> None:
    scaler.loop(time.monotonic() if at is None else at, threading.Event())


def test_loop_acts_and_reports(capsys: pytest.CaptureFixture[str]) -> None:
    ecs, board = FakeEcs(), Board(1.0, 0.0)
    observer = FakeObserver(default=ONE)
    observer.messages = {"default": Messages(7, 1)}

    loop(a_scaler(observer, ecs, board))

    assert ecs.updates == [("worker-default", 2)]
    assert board.last and (board.last.loops, board.last.updates, board.last.failed_updates) == (1, 1, 0)
    default, heavy, whole = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    directive = default.pop("_aws")["CloudWatchMetrics"][0]
    assert (directive["Namespace"], directive["Dimensions"]) == ("SM2A", [["Environment", "Pool"]])
    assert "8 queued" in default.pop("reason")
    assert default == {
        "Environment": "test",
        "Pool": "default",
        "QueuedTasks": 8,
        "RunningTasks": 0,
        "OldestQueuedSeconds": 1.0,
        "VisibleMessages": 7,
        "InFlightMessages": 1,
        "ReadyWorkers": 1,
        "StartingWorkers": 0,
        "CordonedWorkers": 0,
        "OutdatedWorkers": 0,
        "WantedWorkers": 2,
    }
    assert {metric["Name"]: metric["Unit"] for metric in directive["Metrics"]} == {
        name: "Seconds" if name == "OldestQueuedSeconds" else "Count" for name in default if name[0] not in "EP"
    }
    assert heavy["_aws"]["CloudWatchMetrics"][0]["Metrics"] == [], "what is not known is no metric"
    assert 0 <= whole["LoopSeconds"] < 5
    assert (whole["AwsCalls"], whole["Leads"], whole["DataAgeSeconds"]) == (3, 1, 0)


def test_one_failing_update_does_not_stop_the_others(caplog: pytest.LogCaptureFixture) -> None:
    ecs, board = FakeEcs(), Board(1.0, 0.0)
    ecs.refused = "worker-default"

    loop(a_scaler(FakeObserver(default=ONE, heavy=NONE), ecs, board))

    assert ecs.updates == [("worker-heavy", 3)]
    assert board.last and board.last.failed_updates == 1
    assert "scaling failed: throttled" in caplog.text


def test_only_the_leader_acts(caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]) -> None:
    caplog.set_level(logging.INFO)
    ecs, observer = FakeEcs(), FakeObserver(default=ONE)
    observer.database = replace(BUSY, leads=False)
    scaler = a_scaler(observer, ecs)
    loop(scaler)
    assert ecs.updates == []
    assert [json.loads(line).get("Pool") for line in capsys.readouterr().out.splitlines()] == [None]

    # The other one may be at work, but the database cannot be asked: still none of this one's business.
    observer.database = None
    loop(scaler)
    assert ecs.updates == []

    observer.database = BUSY
    loop(scaler)
    assert ecs.updates == [("worker-default", 2)]
    assert [record.getMessage() for record in caplog.records][:2] == ["another scaler leads; this one watches", "leads"]


def test_without_the_database_workers_are_added_and_none_is_taken() -> None:
    ecs, workers, observer = FakeEcs(), FakeWorkers(), FakeObserver(default=ONE)
    scaler = a_scaler(observer, ecs, workers=workers)
    observer.database = replace(BUSY, queued=())
    loop(scaler, 0.0)
    workers.told.clear()
    observer.database = None
    for nth in range(1, 100):
        loop(scaler, 5.0 * nth)
    assert ecs.updates == []

    observer.messages = {"default": Messages(visible=20, in_flight=4)}
    loop(scaler, 600.0)
    assert ecs.updates == [("worker-default", 6)]
    assert workers.told == []


def test_workers_that_cannot_be_told_do_not_hinder_the_rest(caplog: pytest.LogCaptureFixture) -> None:
    ecs, workers = FakeEcs(), FakeWorkers()
    workers.error = OSError("read only")
    cordoned = ROW._replace(cordoned=40.0)

    busy = replace(BUSY, queued=(queued(80),), workers={"a": cordoned})
    loop(a_scaler(FakeObserver(busy, default=ONE), ecs, workers=workers))

    assert "telling the workers failed: read only" in caplog.text
    assert ecs.updates, "demand is answered all the same"


def test_a_cordoned_worker_is_called_back_when_tasks_wait() -> None:
    workers = FakeWorkers()
    cordoned = ROW._replace(cordoned=40.0, state="empty", protected=False)
    loop(a_scaler(FakeObserver(replace(BUSY, workers={"a": cordoned}), default=ONE), FakeEcs(), workers=workers))
    assert workers.told == [(set(), {"a"})]


class Platform(FakeObserver):
    """One pool, as it is from moment to moment: workers that never write, or not any more, and ECS that obeys."""

    def __init__(self, ecs: FakeEcs, rows: Mapping[str, WorkerRow], ages: dict[str, float]) -> None:
        super().__init__()
        self.ecs, self.rows, self.ages = ecs, rows, ages
        self.answers = True

    def observe(self, at: float) -> Sources:
        for _service, desired in self.ecs.updates:
            assert desired >= len(self.ages), "nobody is stopped"
            for number in range(len(self.ages), desired):
                self.ages[f"new{number}"] = -at
        self.ecs.updates.clear()
        tasks = tuple(EcsTask(name, age + at, "worker:1") for name, age in self.ages.items())
        rows = {name: row._replace(seen=row.seen + at) for name, row in self.rows.items()}
        database = replace(BUSY, queued=(queued(1)._replace(youngest=at, oldest=at),), workers=rows)
        service = Service(len(tasks), len(tasks), 0, "worker:1", tasks)
        return Sources(at, database if self.answers else None, {"default": service}, {"default": Messages(1, 0)})


@pytest.mark.parametrize("rows", [{"a": ROW}, {}], ids=["stopped writing", "starts for ever"])
def test_a_pool_whose_workers_hang_gets_others_up_to_its_maximum(rows: Mapping[str, WorkerRow]) -> None:
    platform = Platform(FakeEcs(), rows, {"a": 100.0 if rows else 0.0})
    scaler = a_scaler(platform, platform.ecs)
    counts = {}
    for at in range(0, 4 * 3600, 5):
        loop(scaler, float(at))
        counts[at] = len(platform.ages)
    assert counts[60] == 1, "not too early"
    assert counts[int(HUNG_SECONDS) if rows else int(STARTING_SECONDS)] <= 1
    assert counts[int(HUNG_SECONDS if rows else STARTING_SECONDS) + 10] == 2
    # Each that hangs too is replaced as it hangs, one by one, but for the maximum.
    assert counts[900] <= 3
    assert max(counts.values()) == 10


def test_an_outage_of_the_database_replaces_nobody() -> None:
    platform = Platform(FakeEcs(), {"a": ROW}, {"a": 100.0})
    scaler = a_scaler(platform, platform.ecs)
    for at in range(0, 1800, 5):
        # The database is away, and back for a minute now and then: too short for all workers to have found it.
        platform.answers = at % 300 < 60
        loop(scaler, float(at))
    assert list(platform.ages) == ["a"]


def test_a_pool_that_cannot_be_decided_does_not_stop_the_others(caplog: pytest.LogCaptureFixture) -> None:
    ecs, board = FakeEcs(), Board(1.0, 0.0)
    broken = replace(ONE, tasks=None)  # type: ignore[arg-type]
    observer = FakeObserver(default=broken, heavy=NONE)
    scaler = a_scaler(observer, ecs, board)
    for at in (0.0, 5.0):
        loop(scaler, at)
    assert ecs.updates == [("worker-heavy", 3)] * 2
    assert board.last and board.last.faults.keys() == {"pool default"}
    assert [record.getMessage() for record in caplog.records] == [
        "cannot decide for pool default, which stays as it is"
    ], "once"

    observer.services = {"default": ONE, "heavy": NONE}
    loop(scaler, 10.0)
    assert board.last.faults == {}
    assert ecs.updates[2:] == [("worker-default", 2), ("worker-heavy", 3)]


def test_a_pool_that_was_not_seen_for_long_is_scaled_again() -> None:
    ecs, observer = FakeEcs(), FakeObserver(default=ONE, heavy=NONE)
    scaler = a_scaler(observer, ecs)
    loop(scaler, 0.0)
    observer.services = {"heavy": NONE}
    for at in range(5, 240, 5):
        loop(scaler, float(at))
    observer.services = {"default": ONE, "heavy": NONE}
    for at in (241.0, 246.0, 5000.0, 5005.0):
        ecs.updates.clear()
        loop(scaler, at)
        assert ecs.updates == [("worker-default", 2), ("worker-heavy", 3)]


def test_a_loop_that_fails_is_not_the_last(caplog: pytest.LogCaptureFixture) -> None:
    stop = threading.Event()

    class Failing(FakeObserver):
        loops = 0

        def observe(self, at: float) -> Sources:
            self.loops += 1
            if self.loops == 1:
                raise RuntimeError("no thread")
            return super().observe(at)

    class Once(FakeEcs):
        def update_service(self, cluster: str, service: str, desiredCount: int) -> None:
            super().update_service(cluster, service, desiredCount)
            stop.set()

    ecs = Once()
    board = Board(0.01, 0.0)
    configuration = replace(CONFIGURATION, interval_seconds=0.01)
    Scaler(configuration, Failing(default=ONE), Actor("sm2a-test", ecs, FakeWorkers()), board).run(stop)
    assert ecs.updates == [("worker-default", 2)]
    assert "a loop failed" in caplog.text


def test_faults_are_said_once_and_taken_back(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    observer = FakeObserver(None)
    scaler = a_scaler(observer, FakeEcs())
    for faults in ({"database": "gone"}, {"database": "gone"}, {}):
        observer.faults = faults
        loop(scaler)

    assert [record.getMessage() for record in caplog.records] == [
        "cannot read database: gone",
        "can read database again",
    ]


def test_stopped_while_observing_changes_nothing() -> None:
    ecs, stop = FakeEcs(), threading.Event()

    class Stopping(FakeObserver):
        def observe(self, at: float) -> Sources:
            stop.set()
            return super().observe(at)

    a_scaler(Stopping(default=ONE), ecs).run(stop)

    assert ecs.updates == []


@pytest.fixture
def served() -> Iterator[tuple[Board, str]]:
    board = Board(1.0, started=time.monotonic())
    server = endpoint.serve(board, port=0)
    yield board, f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def get(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_health(served: tuple[Board, str]) -> None:
    board, url = served
    assert get(f"{url}/healthz")[0] == 200, "has just begun"

    board.started -= HEALTHY_SECONDS + 1
    assert get(f"{url}/healthz") == (503, "unhealthy: last loop 61 s ago\n")

    loop(a_scaler(FakeObserver(), FakeEcs(), board))
    assert get(f"{url}/healthz") == (200, "ok: last loop 0 s ago\n")
    assert get(f"{url}/other")[0] == 404


def test_slow_intervals_have_more_time() -> None:
    board = Board(interval_seconds=60.0, started=0.0)
    assert board.healthy(720.0)
    assert not board.healthy(721.0)


def test_prometheus(served: tuple[Board, str]) -> None:
    board, url = served
    assert get(f"{url}/metrics") == (200, "")

    loop(a_scaler(FakeObserver(default=ONE), FakeEcs(), board))

    _status, text = get(f"{url}/metrics")
    assert '# TYPE sm2a_scaler_queued_tasks gauge\nsm2a_scaler_queued_tasks{pool="default"} 8\n' in text
    assert "# TYPE sm2a_scaler_updates_total counter\nsm2a_scaler_updates_total 1\n" in text
    assert "heavy" not in text, "nothing is known of it"


def test_log_line_is_json() -> None:
    record = logging.makeLogRecord({"msg": "scaled %s", "args": ("up",), "levelname": "INFO", "fields": {"to": 2}})
    line = json.loads(JsonFormatter().format(record))
    assert line.pop("time").endswith("+00:00")
    assert line == {"level": "info", "message": "scaled up", "to": 2}


def test_command_line_refuses_and_names_the_key(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    assert main.main(["run"], {}) == 2
    assert json.loads(capsys.readouterr().out)["message"].startswith("refused to start: environment variable SM2A_")
