# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What befalls a run: it is killed, AWS throttles it, or an answer is lost after AWS did what was asked."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

from botocore.client import BaseClient
from botocore.exceptions import ClientError, ConnectionClosedError

from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile import engine
from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.aws import READING

Call = Callable[[BaseClient, str, dict[str, Any]], Any]


class Killed(BaseException):
    """Ends a run as SIGKILL does: nothing of ours may catch it."""


@contextmanager
def calls_go_through(intercept: Callable[[Call, BaseClient, str, dict[str, Any]], Any]) -> Iterator[None]:
    """Let every call of botocore's in this process be made by ``intercept``, which gets what makes it else."""
    call: Call = BaseClient._make_api_call

    def intercepted(client: BaseClient, operation: str, arguments: dict[str, Any]) -> Any:
        return intercept(call, client, operation, arguments)

    with mock.patch.object(BaseClient, "_make_api_call", intercepted):
        yield


@contextmanager
def one_after_another() -> Iterator[None]:
    """Reconcile one resource at a time, so that the order of calls is always the same; and never pause for long."""
    sleep = time.sleep
    with (
        mock.patch.object(engine, "THREADS", 1),
        mock.patch.object(time, "sleep", lambda seconds: sleep(min(seconds, 0.05))),
    ):
        yield


@dataclass
class Kill:
    """Kills a run right after AWS has carried out its ``at``-th write, counted from 1; 0 never does."""

    at: int = 0
    writes: list[str] = field(default_factory=list)
    _dead: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, call: Call, client: BaseClient, operation: str, arguments: dict[str, Any]) -> Any:
        if self._dead:
            raise Killed(operation)
        answer = call(client, operation, arguments)
        if not READING.match(operation):
            with self._lock:
                self.writes.append(operation)
                self._dead = len(self.writes) == self.at
            if self._dead:
                raise Killed(operation)
        return answer


@dataclass
class Weather:
    """Throttles ``throttled`` of all calls, and loses the answers of ``lost`` of the writes after they were done.

    Half of the lost ones botocore repeats, as it does by default, and half break off for good.
    """

    seed: int
    throttled: float = 0.20
    lost: float = 0.05
    counted: dict[str, int] = field(
        default_factory=lambda: {"calls": 0, "throttled": 0, "repeated": 0, "broken off": 0}
    )

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    def _count(self, what: str) -> None:
        self.counted[what] += 1

    def __call__(self, call: Call, client: BaseClient, operation: str, arguments: dict[str, Any]) -> Any:
        self._count("calls")
        if self._random.random() < self.throttled:
            self._count("throttled")
            raise ClientError({"Error": {"Code": "Throttling", "Message": "Rate exceeded"}}, operation)
        answer = call(client, operation, arguments)
        if READING.match(operation) or self._random.random() >= self.lost:
            return answer
        if self._random.random() < 0.5:
            self._count("repeated")
            if not _has_token(client, operation, arguments):
                answer = call(client, operation, arguments)
            answer["ResponseMetadata"]["RetryAttempts"] = 1
            return answer
        self._count("broken off")
        error = ConnectionClosedError(endpoint_url=client.meta.endpoint_url)
        error.operation_name = operation
        raise error


def _has_token(client: BaseClient, operation: str, arguments: dict[str, Any]) -> bool:
    """Tell whether AWS knows a repeated request by its token, which no emulator does. botocore adds some itself."""
    members = client.meta.service_model.operation_model(operation).input_shape.members
    tokens = [name for name in members if name.lower() in ("clienttoken", "clientrequesttoken", "creatorrequestid")]
    return any(name in arguments or members[name].metadata.get("idempotencyToken") for name in tokens)
