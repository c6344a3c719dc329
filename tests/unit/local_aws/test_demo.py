# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the demonstration does when something comes late, or not at all."""

from __future__ import annotations

import json
import sys
from typing import Any

import demo
import local_aws
import platform_client
import pytest
import requests

COMPONENTS = ("metadatabase", "scheduler", "triggerer", "dag_processor")
HEALTHY = json.dumps({name: {"status": "healthy"} for name in COMPONENTS}).encode()


class Clock:
    """A clock that sleeping moves on."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Time that passes only where the demonstration waits."""
    clock = Clock()
    monkeypatch.setattr(demo, "time", clock)
    monkeypatch.setattr(platform_client, "time", clock)
    return clock


class Server:
    """Stands in for the load balancer: gives one answer after the other, the last one for ever."""

    def __init__(self, *answers: int | Exception) -> None:
        self.answers = list(answers)
        self.requests: list[str] = []
        self.bodies: list[dict[str, Any]] = []
        self.headers: dict[str, str] = {}

    def request(self, method: str, url: str, **arguments: Any) -> Any:
        self.requests.append(method)
        self.bodies.append(arguments.get("json") or {})
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        response = requests.Response()
        response.status_code = answer
        response._content = HEALTHY if url.endswith("/health") and answer == 200 else b'{"state": "success"}'
        return response


def airflow(*answers: int | Exception) -> tuple[platform_client.Airflow, Server]:
    server = Server(*answers)
    return platform_client.Airflow(session=server), server  # type: ignore[arg-type]


def demonstrate(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["demo.py", *arguments])
    return demo.main()


@pytest.mark.parametrize("passing", [502, 503, 504, requests.ConnectionError("reset"), requests.Timeout("slow")])
def test_a_server_that_is_busy_for_a_moment_is_asked_again(clock: Clock, passing: int | Exception) -> None:
    client, server = airflow(passing, passing, 200)

    assert client.run_state("dag", "run") == "success"
    assert len(server.requests) == 3


def test_airflow_is_waited_for_while_the_load_balancer_has_nobody_to_ask(clock: Clock) -> None:
    client, server = airflow(503, requests.ConnectionError("reset"), 404, 200)

    client.wait_until_up()
    assert len(server.requests) == 4


def test_an_airflow_that_stays_away_is_given_up(clock: Clock) -> None:
    client, _server = airflow(503)

    with pytest.raises(TimeoutError, match="not healthy after 300 seconds"):
        client.wait_until_up()


def test_what_was_refused_is_not_asked_again(clock: Clock) -> None:
    client, server = airflow(404)

    with pytest.raises(requests.HTTPError, match="404"):
        client.run_state("dag", "run")
    assert server.requests == ["GET"]


@pytest.mark.parametrize("lost", [503, requests.ConnectionError("reset")])
def test_a_run_is_started_once_though_its_answer_was_lost(clock: Clock, lost: int | Exception) -> None:
    client, server = airflow(503, 200, lost, 409)

    assert client.trigger("dag").startswith("manual__")
    assert server.requests == ["PATCH", "PATCH", "POST", "POST"]
    assert len({body["dag_run_id"] for body in server.bodies if "dag_run_id" in body}) == 1


def test_a_log_that_cannot_be_read_hides_no_failure(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    client, _server = airflow(404)
    task = {"state": "failed", "task_id": "square", "map_index": 3, "try_number": 1}
    monkeypatch.setattr(client, "task_instances", lambda *_names: [task])

    assert demo._failures(client, "run").startswith("task square (3) failed, and its log cannot be read: ")


def test_asking_again_has_an_end(clock: Clock) -> None:
    client, _server = airflow(503)

    with pytest.raises(requests.HTTPError, match="503"):
        client.run_state("dag", "run")
    assert clock.now <= platform_client.PASSING_SECONDS + 2


def test_the_log_of_the_last_task_is_waited_for(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    logs = iter(["", "::group::Log message source details", "the sum of 40 squares is 20540"])
    client, _server = airflow(200)
    monkeypatch.setattr(client, "log", lambda *_names: next(logs))

    assert demo._result(client, "run") == "the sum of 40 squares is 20540"


def test_a_log_without_result_is_given_up_and_shown(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    client, _server = airflow(200)
    monkeypatch.setattr(client, "log", lambda *_names: "Could not read served logs")

    with pytest.raises(demo.DemoError, match="Could not read served logs"):
        demo._result(client, "run")
    assert clock.now <= demo.LOG_SECONDS + 2


@pytest.mark.parametrize(
    "failure",
    [
        demo.DemoError("the run ended as failed"),
        TimeoutError("Airflow is not healthy after 300 seconds: no answer"),
        requests.ConnectionError("refused"),
        requests.HTTPError("GET /api/v2/dags: 500"),
        demo.ClientError({"Error": {"Code": "ResourceNotFoundException", "Message": "no secret"}}, "GetSecretValue"),
        demo.BotoCoreError(),
    ],
)
@pytest.mark.parametrize("command", ["run", "credentials"])
def test_what_fails_is_said_with_its_log_and_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], failure: Exception, command: str
) -> None:
    def fail() -> int:
        raise failure

    monkeypatch.setattr(demo, f"_{command}", fail)

    assert demonstrate(monkeypatch, command) == 1
    said = capsys.readouterr().err
    assert str(failure) in said and "ministack.log" in said and said.rstrip().endswith("make down, then make demo")
    assert "Traceback" not in said


@pytest.mark.parametrize(("others", "stopped"), [("", True), ("4f0c1e\n9a1b2c", False)])
def test_docker_is_left_to_whoever_else_uses_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any, others: str, stopped: bool
) -> None:
    ended: list[str] = []
    pid = tmp_path / "dockerd.pid"
    pid.write_text("1")
    monkeypatch.setattr(local_aws, "DOCKERD_PID", pid)
    monkeypatch.setattr(local_aws, "_stop", lambda _file, program: ended.append(program))
    monkeypatch.setattr(local_aws.docker_engine, "answers", lambda: True)
    monkeypatch.setattr(local_aws.docker_engine, "remove_packet_filter", lambda: None)
    monkeypatch.setattr(local_aws, "run", lambda *command: others if command == ("docker", "ps", "--quiet") else "")

    local_aws.down()

    assert ("dockerd" in ended) is stopped
