# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A worker's gate, its protection and its caretaker: no task is taken unprotected, none is left behind."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from sm2a_image.worker import (
    POLL_SECONDS,
    PROTECTION_MINUTES,
    RENEWAL_SECONDS,
    UNPROTECTED_SECONDS,
    Caretaker,
    Gate,
    Protection,
    ecs_task,
    held_requests,
)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Qos:
    """Kombu's, as far as the gate knows it."""

    def __init__(self) -> None:
        self._delivered: dict[int, str] = {}
        self._dirty: set[int] = set()

    def can_consume(self) -> bool:
        return len(self._delivered) - len(self._dirty) < 4


class Channel:
    """Kombu's SQS channel: polls for ever, as long as its quality of service lets it."""

    def __init__(self) -> None:
        self.qos = Qos()
        self.polls: list[str] = []

    def schedule(self, queue: str) -> None:
        if self.qos.can_consume():
            self._get_bulk_async(queue, callback=None)

    def _get_bulk_async(self, queue: str, callback: Any = None) -> None:
        self.polls.append(queue)

    def _loop1(self, queue: str, messages: Any = None) -> None: ...

    def answer(self, *messages: int) -> None:
        queue = self.polls.pop()
        self.qos._delivered |= dict.fromkeys(messages, "task")
        self._loop1(queue)


@dataclass(frozen=True)
class Message:
    """SQS's, of which Celery keeps the tag."""

    delivery_tag: int


@dataclass(frozen=True)
class Request:
    """Celery's, of a task that was taken."""

    message: Message


class Requests:
    """Celery's requests: those that wait for a process or run, whether their message is acknowledged or not."""

    def __init__(self) -> None:
        self.held: list[Request] = []

    def __call__(self) -> list[Request]:
        return self.held

    def take(self, *tags: int) -> None:
        self.held = [Request(Message(tag)) for tag in tags]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def channel() -> Channel:
    return Channel()


@pytest.fixture
def requests() -> Requests:
    return Requests()


@pytest.fixture
def gate(clock: Clock, channel: Channel, requests: Requests) -> Gate:
    gate = Gate(clock, requests)
    gate.attach(channel)
    return gate


def test_a_gate_is_closed_until_it_is_opened(gate: Gate, channel: Channel) -> None:
    channel.schedule("default")
    assert channel.polls == []
    gate.open()
    channel.schedule("default")
    assert channel.polls == ["default"]
    assert gate.state == "open"


def test_a_closed_gate_waits_for_the_poll_that_is_out_and_for_what_it_brings(gate: Gate, channel: Channel) -> None:
    gate.open()
    channel.schedule("default")
    gate.close()
    assert (gate.state, gate.quiet) == ("closing", False)

    channel.answer(1)
    assert (gate.state, gate.quiet, gate.busy) == ("closing", True, 1)

    channel.qos._dirty.add(1)
    assert (gate.state, gate.busy) == ("empty", 0)


def test_a_poll_whose_end_goes_unnoticed_is_waited_for_no_longer_than_it_can_take(
    gate: Gate, channel: Channel, clock: Clock
) -> None:
    gate.open()
    channel.schedule("default")
    gate.close()
    clock.now += POLL_SECONDS
    assert not gate.quiet
    clock.now += 0.1
    assert gate.quiet


def test_a_gate_stands_before_the_next_connection_too(gate: Gate, channel: Channel) -> None:
    gate.open()
    channel.schedule("default")
    gate.close()
    successor = Channel()
    gate.attach(successor)

    successor.schedule("default")
    assert successor.polls == []
    assert gate.state == "empty", "the poll of the lost connection brings nothing any more"


def test_a_task_that_runs_without_its_message_is_busy(gate: Gate, channel: Channel, requests: Requests) -> None:
    gate.open()
    channel.schedule("default")
    channel.answer(1, 2)
    requests.take(1, 2)
    gate.close()
    assert gate.busy == 2, "each task counts once, by its message or by itself"

    channel.qos._dirty.add(1)  # acknowledged at the start
    assert (gate.state, gate.busy) == ("closing", 2)
    requests.take(2)  # the first has ended
    assert (gate.state, gate.busy) == ("closing", 1)


def test_tasks_that_outlive_their_connection_are_busy(gate: Gate, channel: Channel, requests: Requests) -> None:
    gate.open()
    channel.schedule("default")
    channel.answer(1)
    requests.take(1)
    gate.close()
    gate.attach(Channel())
    assert (gate.state, gate.busy) == ("closing", 1)
    requests.take()
    assert (gate.state, gate.busy) == ("empty", 0)


def test_celerys_requests_are_read_again_if_they_change_meanwhile(stand_in: Callable[..., ModuleType]) -> None:
    class Changing:
        read = 0

        def __iter__(self) -> Iterator[str]:
            self.read += 1
            yield "running"
            if self.read == 1:
                raise RuntimeError("Set changed size during iteration")

    stand_in("celery.worker", state=stand_in("celery.worker.state"))
    stand_in("celery.worker.state", active_requests=Changing(), reserved_requests={"waiting"})
    assert held_requests() == ["running", "waiting"]


class Agent:
    """The ECS agent's endpoint."""

    def __init__(self) -> None:
        self.states: list[dict[str, Any]] = []
        self.answer: dict[str, Any] = {"protection": {}}
        agent = self

        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                assert self.path == "/task-protection/v1/state"
                agent.states.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                body = json.dumps(agent.answer).encode()
                self.send_response(200)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None: ...

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def agent() -> Iterator[Agent]:
    agent = Agent()
    yield agent
    agent.server.shutdown()
    agent.server.server_close()


def test_protection_outlasts_the_longest_task_and_is_renewed_in_time(agent: Agent, clock: Clock) -> None:
    protection = Protection(agent.address, clock)
    assert not protection.held
    assert protection.hold() and protection.held
    clock.now += RENEWAL_SECONDS - 1
    assert protection.hold()
    assert agent.states == [{"ProtectionEnabled": True, "ExpiresInMinutes": PROTECTION_MINUTES}]
    clock.now += 2
    assert protection.hold()
    assert len(agent.states) == 2
    # Refused from now on, as while a deployment waits: what was granted covers a task of SQS's twelve hours.
    agent.answer = {"failure": {"Reason": "DEPLOYMENT_BLOCKED"}}
    clock.now += 12 * 3600
    assert protection.hold() and protection.held


def test_protection_is_released_once(agent: Agent, clock: Clock) -> None:
    protection = Protection(agent.address, clock)
    protection.hold()
    protection.release()
    protection.release()
    assert not protection.held
    assert agent.states[1:] == [{"ProtectionEnabled": False}]


def test_an_agent_that_refuses_delays_the_first_task_and_does_not_prevent_it(agent: Agent, clock: Clock) -> None:
    agent.answer = {"failure": {"Reason": "DEPLOYMENT_BLOCKED"}}
    protection = Protection(agent.address, clock)
    assert not protection.hold()
    clock.now += UNPROTECTED_SECONDS + 1
    assert protection.hold()
    assert not protection.held, "and the scaler is told so"


def test_a_refused_renewal_leaves_what_was_granted(agent: Agent, clock: Clock) -> None:
    protection = Protection(agent.address, clock)
    protection.hold()
    agent.answer = {"error": {"Code": "ServerException"}}
    clock.now += 45 * 60
    assert protection.hold() and protection.held


def test_outside_of_ecs_nothing_is_asked() -> None:
    assert Protection(None).hold()


def test_which_ecs_task_this_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("ECS_CONTAINER_METADATA_URI_V4", raising=False)
    assert ecs_task() is None
    (tmp_path / "task").write_text(json.dumps({"TaskARN": "arn:aws:ecs:eu-central-1:1:task/sm2a-dev/0123abc"}))
    monkeypatch.setenv("ECS_CONTAINER_METADATA_URI_V4", tmp_path.as_uri())
    assert ecs_task() == "0123abc"


class Row:
    """What the scaler says, and what it is told."""

    def __init__(self) -> None:
        self.cordoned = 0.0
        self.broken = False
        self.told: list[tuple[int, str, bool]] = []

    def exchange(self, busy: int, state: str, protected: bool) -> float:
        if self.broken:
            raise OSError("no route to host")
        self.told.append((busy, state, protected))
        return self.cordoned


class Promise:
    """A protection that is granted or not."""

    def __init__(self) -> None:
        self.granted = True
        self.held = False

    def hold(self) -> bool:
        self.held = self.granted
        return self.granted

    def release(self) -> None:
        self.held = False


class Worker:
    """A caretaker with all that it takes care of."""

    def __init__(self, gate: Gate, clock: Clock) -> None:
        self.gate, self.clock = gate, clock
        self.row, self.protection = Row(), Promise()
        self.stopped = 0
        self.caretaker = Caretaker(gate, self.protection, self.row, self.stop, clock)

    def stop(self) -> None:
        self.stopped += 1

    def steps(self, number: int = 1, seconds: float = 2.0) -> None:
        for _step in range(number):
            self.caretaker.step()
            self.clock.now += seconds


@pytest.fixture
def worker(gate: Gate, clock: Clock) -> Worker:
    return Worker(gate, clock)


def test_no_task_before_the_protection(worker: Worker) -> None:
    worker.protection.granted = False
    worker.steps()
    assert worker.gate.state == "empty"
    worker.protection.granted = True
    worker.steps()
    assert worker.gate.state == "open"


def test_cordoned_then_empty_then_unprotected_each_seen_by_the_scaler(worker: Worker, channel: Channel) -> None:
    worker.steps()
    channel.schedule("default")
    channel.answer(1)
    worker.row.cordoned = 60.0
    worker.steps(2)
    assert worker.row.told[-1] == (1, "closing", True)

    channel.qos._dirty.add(1)
    worker.steps(2)
    assert worker.row.told[-2:] == [(0, "empty", True), (0, "empty", False)]


def test_acknowledged_at_the_start_a_task_keeps_the_protection_to_its_end(
    worker: Worker, channel: Channel, requests: Requests
) -> None:
    worker.steps()
    channel.schedule("default")
    channel.answer(1)
    requests.take(1)
    channel.qos._dirty.add(1)
    worker.row.cordoned = 60.0
    worker.steps(3)
    assert worker.row.told[-1] == (1, "closing", True)

    requests.take()
    worker.steps(2)
    assert worker.row.told[-2:] == [(0, "empty", True), (0, "empty", False)]


def test_called_back_is_protected_before_it_takes_tasks(worker: Worker) -> None:
    worker.steps()
    worker.row.cordoned = 60.0
    worker.steps()
    assert not worker.protection.held
    worker.row.cordoned = 0.0
    worker.protection.granted = False
    worker.steps()
    assert worker.gate.state == "empty"
    worker.protection.granted = True
    worker.steps()
    assert worker.protection.held and worker.gate.state == "open"


def test_without_the_database_the_last_word_holds_for_its_time(worker: Worker) -> None:
    worker.row.cordoned = 60.0
    worker.steps()
    worker.row.broken = True
    worker.steps(29)
    assert worker.gate.state == "empty"
    worker.steps(2)
    assert worker.gate.state == "open"


def test_without_the_database_from_the_start_tasks_are_taken(worker: Worker) -> None:
    worker.row.broken = True
    worker.steps()
    assert worker.gate.state == "open"


def test_told_to_end_it_lets_the_poll_come_back_first(worker: Worker, channel: Channel) -> None:
    worker.steps()
    channel.schedule("default")
    worker.caretaker.leave()
    time.sleep(0.5)
    assert not worker.stopped

    channel.answer(1)
    deadline = time.monotonic() + 5
    while not worker.stopped and time.monotonic() < deadline:
        time.sleep(0.05)
    assert worker.stopped == 1
    worker.steps()
    assert worker.gate.state != "open", "it takes nothing any more, whatever the scaler says"
    assert worker.gate.busy == 1, "the task that came with it is Celery's to finish"
