# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``sm2a-worker``: Airflow's Celery worker, which protects itself, can be told to take no more tasks, and loses none.

ECS chooses by itself which tasks of a service it stops, so a worker is protected from scale-in for as long as it may
have work, and gives the protection up only when the scaler has cordoned it and it is empty. A worker that is told to
stop lets the poll that is out come back first: a message that arrives at a consumer that was cancelled stays invisible
for SQS's 12 hours.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from sm2a_image.registry import Registry

INTERVAL_SECONDS = 2.0
# Twelve hours, for which SQS hides a task at most, and more than a renewal takes: while a deployment waits for
# protected tasks ECS may refuse to renew (DEPLOYMENT_BLOCKED), and the last promise must outlast every task.
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-scale-in-protection-endpoint.html
PROTECTION_MINUTES = 12 * 60 + 60
RENEWAL_SECONDS = 1800.0
# An agent that refuses must not keep a worker idle for ever: then it works unprotected, and the scaler sees that.
UNPROTECTED_SECONDS = 60.0
# Kombu's long poll takes 10 s; the rest is for the network. Only waited for if the poll's end goes unnoticed.
POLL_SECONDS = 15.0
OPEN, CLOSING, EMPTY = "open", "closing", "empty"

logger = logging.getLogger("sm2a.worker")


class Gate:
    """Lets Celery's consumer take messages from SQS, or not.

    Cancelling the consumer instead would kill the worker when the poll that is out brings messages: kombu's SQS
    channel looks their consumer up and finds none. Its quality of service is asked before every poll, so the gate
    stands there.
    """

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, held: Callable[[], Iterable[Any]] = lambda: ()
    ) -> None:
        self._clock = clock
        self._held = held
        self._wanted_open = False
        self._for_good = False
        self._closed_at = clock()
        self._qos: Any = None
        self._polls: set[str] = set()

    def attach(self, channel: Any) -> None:
        """Stand before this channel of kombu's; after the loss of a connection, before its successor."""
        qos = self._qos = channel.qos
        polls = self._polls = set()
        may_consume, poll, polled = qos.can_consume, channel._get_bulk_async, channel._loop1

        def begin(queue: str, callback: Any = None) -> Any:
            polls.add(queue)
            return poll(queue, callback=callback)

        def end(queue: str, *rest: Any) -> Any:
            polls.discard(queue)
            return polled(queue, *rest)

        qos.can_consume = lambda: self._open and may_consume()
        channel._get_bulk_async = begin
        channel._loop1 = end

    def open(self) -> None:
        """Let tasks in, unless the gate was closed for good."""
        self._wanted_open = True

    def close(self, for_good: bool = False) -> None:
        """Let no further poll out. What the one that is out brings is still taken."""
        if self._open:
            self._closed_at = self._clock()
        self._wanted_open = False
        self._for_good = self._for_good or for_good

    @property
    def _open(self) -> bool:
        # Two values, so that a closing for good and an opening at the same moment cannot undo each other.
        return self._wanted_open and not self._for_good

    @property
    def quiet(self) -> bool:
        """Whether no poll is out and none will be."""
        return not self._open and (not self._polls or self._clock() - self._closed_at > POLL_SECONDS)

    @property
    def busy(self) -> int:
        """Tasks that were taken and have not ended.

        Airflow acknowledges a message when its task has ended, but a task can run without one: Celery may be told to
        acknowledge at the start, and whoever loses the connection to SQS starts anew with a channel that knows nothing.
        """
        messages = {request.message.delivery_tag for request in self._held()}
        if self._qos:
            messages |= set(self._qos._delivered) - set(self._qos._dirty)
        return len(messages)

    @property
    def state(self) -> str:
        """``open``, ``closing`` or ``empty``."""
        if self._open:
            return OPEN
        return EMPTY if self.quiet and not self.busy else CLOSING


class Protection:
    """The ECS agent's word that this task is not scaled in. Without an agent, as outside of ECS, always granted."""

    def __init__(self, agent: str | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._address = f"{agent}/task-protection/v1/state" if agent else None
        self._clock = clock
        self._until = 0.0
        self._asked_at: float | None = None

    @property
    def held(self) -> bool:
        """Whether ECS has promised it."""
        return self._clock() < self._until

    def hold(self) -> bool:
        """See to it that the protection holds, and tell whether tasks may be taken."""
        if self._address is None:
            return True
        now = self._clock()
        if self._until - now > 60 * PROTECTION_MINUTES - RENEWAL_SECONDS:
            return True
        if self._asked_at is None:
            self._asked_at = now
        if self._set({"ProtectionEnabled": True, "ExpiresInMinutes": PROTECTION_MINUTES}):
            self._until = now + 60 * PROTECTION_MINUTES
            self._asked_at = None
            return True
        return self.held or now - self._asked_at > UNPROTECTED_SECONDS

    def release(self) -> None:
        """Let ECS choose this task."""
        if self._until and self._set({"ProtectionEnabled": False}):
            self._until = 0.0

    def _set(self, state: dict[str, Any]) -> bool:
        request = urllib.request.Request(
            str(self._address),
            json.dumps(state).encode(),
            {"Content-Type": "application/json"},
            method="PUT",
        )
        try:
            # The agent's address is link-local: never through a proxy.
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=5) as answer:
                if "protection" in json.load(answer):
                    return True
                logger.warning("sm2a: the ECS agent refused %s", state)
        except (OSError, ValueError) as error:
            logger.warning("sm2a: the ECS agent did not take %s: %s", state, error)
        return False


class Row(Protocol):
    """This worker's row in the table that the scaler reads."""

    def exchange(self, busy: int, state: str, protected: bool) -> float: ...


class Caretaker:
    """Carries out what the scaler says, tells it how the worker is, and sees to an orderly end."""

    def __init__(
        self,
        gate: Gate,
        protection: Protection,
        row: Row,
        stop: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._gate = gate
        self._protection = protection
        self._row = row
        self._stop = stop
        self._clock = clock
        self._cordoned_until = 0.0
        self._reachable = True
        self.leaving = False

    def leave(self) -> None:
        """Take no more tasks; ``stop`` is called as soon as no poll is out, whatever else hangs."""
        self.leaving = True
        self._gate.close(for_good=True)
        threading.Thread(target=self._stop_when_quiet, name="sm2a-leave", daemon=True).start()

    def _stop_when_quiet(self) -> None:
        while not self._gate.quiet:
            time.sleep(0.2)
        self._stop()

    def run(self) -> None:
        """Look after the worker until it has been told to stop."""
        while not self.leaving:
            try:
                self.step()
            except Exception:  # a worker without its caretaker would stay cordoned, or protected, for ever
                logger.exception("sm2a: the worker's caretaker failed")
            time.sleep(INTERVAL_SECONDS)

    def step(self) -> None:
        """Do what is due now."""
        self._talk()
        if self._clock() < self._cordoned_until:
            self._gate.close()
            if self._gate.state == EMPTY:
                self._protection.release()
        elif self._protection.hold():  # before the first task, not after it
            self._gate.open()

    def _talk(self) -> None:
        """Exchange news with the scaler. Without the database, what it last said holds until its time is over."""
        try:
            left = self._row.exchange(self._gate.busy, self._gate.state, self._protection.held)
        except Exception as error:
            if self._reachable:
                logger.warning("sm2a: the scaler cannot be told how this worker is: %s", error)
            self._reachable = False
            return
        if not self._reachable:
            logger.warning("sm2a: the scaler is told again how this worker is")
        self._reachable = True
        cordoned = self._clock() < self._cordoned_until
        self._cordoned_until = self._clock() + left if left else 0.0
        if cordoned != bool(left):
            logger.info("sm2a: %s", "cordoned: takes no new task" if left else "takes tasks again")


def ecs_task() -> str | None:
    """Return the identifier of the ECS task that this process belongs to; outside of ECS, nothing.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-metadata-endpoint-v4-fargate.html
    """
    address = os.environ.get("ECS_CONTAINER_METADATA_URI_V4")
    if not address:
        return None
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(f"{address}/task", timeout=10) as answer:
        return str(json.load(answer)["TaskARN"]).rsplit("/", 1)[-1]


def held_requests() -> list[Any]:
    """Return Celery's requests of the tasks that this worker runs, and of those that wait for a process."""
    from celery.worker import state

    while True:
        try:
            return [*state.active_requests, *state.reserved_requests]
        except RuntimeError:  # Celery's thread has changed a set in the meantime
            continue


def work(arguments: list[str]) -> int:
    """Run ``airflow celery worker`` with these arguments in this process, under a caretaker if ECS runs it."""
    from airflow.__main__ import main as airflow
    from airflow.providers.celery.executors.celery_executor import app

    task = ecs_task()
    if task:
        app.steps["consumer"].add(_consumer_step(task, arguments))
    sys.argv = ["airflow", "celery", "worker", *arguments]
    airflow()
    return 0


def _consumer_step(task: str, arguments: list[str]) -> Any:
    """Return the step of Celery's consumer that puts the gate there and, the first time, starts the caretaker."""
    from airflow.utils.net import get_hostname
    from celery import bootsteps

    options = dict(zip(arguments[::2], arguments[1::2], strict=True))
    gate = Gate(held=held_requests)
    protection = Protection(os.environ.get("ECS_AGENT_URI"))
    row = Registry(task, options["--queues"], get_hostname(), int(options["--concurrency"]))
    caretaker = Caretaker(gate, protection, row, stop=lambda: os.kill(os.getpid(), signal.SIGTERM))

    class Care(bootsteps.StartStopStep):
        requires = ("celery.worker.consumer.tasks:Tasks",)
        started = False

        def start(self, consumer: Any) -> None:
            gate.attach(consumer.task_consumer.channel)
            if not Care.started:
                Care.started = True
                end = signal.getsignal(signal.SIGTERM)

                def terminated(number: int, frame: Any) -> None:
                    if caretaker.leaving:
                        end(number, frame)  # type: ignore[operator,misc]
                    else:
                        caretaker.leave()

                signal.signal(signal.SIGTERM, terminated)
                threading.Thread(target=caretaker.run, name="sm2a-caretaker", daemon=True).start()

    return Care
