# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The logs of tasks that have only just ended: the worker is asked as long as its upload may be under way."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import requests

DEFAULT = {"handlers": {"task": {"class": "airflow's"}}}
STATES = SimpleNamespace(RUNNING="running", DEFERRED="deferred", SUCCESS="success")


class FileTaskHandler:
    """In the place of Airflow's: what S3 has, and where the worker would be asked."""

    def __init__(self, stored: list[str]) -> None:
        self.stored = stored
        self.url = "http://host-a:8793/log"

    def _render_filename(self, ti: Any, try_number: int) -> str:
        return f"attempt={try_number}.log"

    def _get_log_retrieval_url(self, ti: Any, path: str, kind: str) -> tuple[str, str]:
        return self.url, path

    def _read_remote_logs(self, ti: Any, try_number: int, metadata: Any = None) -> tuple[list[str], list[str]]:
        return ["s3"] * bool(self.stored), list(self.stored)


class Worker:
    """The log server of a worker."""

    def __init__(self) -> None:
        self.text = "line 1\nline 2\n"
        self.ok = True
        self.gone = False
        self.asked: list[str] = []

    def fetch(self, url: str, path: str) -> Worker:
        self.asked.append(path)
        if self.gone:
            raise requests.ConnectionError("no route to host")
        return self


@pytest.fixture
def worker() -> Worker:
    return Worker()


@pytest.fixture
def task_logs(stand_in: Callable[..., ModuleType], worker: Worker) -> ModuleType:
    stand_in("airflow.config_templates.airflow_local_settings", DEFAULT_LOGGING_CONFIG=DEFAULT)
    stand_in(
        "airflow.utils.log.file_task_handler",
        FileTaskHandler=FileTaskHandler,
        LogType=SimpleNamespace(WORKER="worker"),
        _fetch_logs_from_service=worker.fetch,
    )
    stand_in("airflow.utils.state", TaskInstanceState=STATES)
    return importlib.import_module("sm2a_image.task_logs")


def task(state: str = STATES.SUCCESS, seconds: float | None = 3.0) -> SimpleNamespace:
    """A task that ended, or was deferred, so many seconds ago."""
    at = None if seconds is None else datetime.now(UTC) - timedelta(seconds=seconds)
    ended = at if state == STATES.SUCCESS else None
    return SimpleNamespace(state=state, end_date=ended, updated_at=at, hostname="host-a")


@pytest.mark.parametrize("state", [STATES.SUCCESS, STATES.DEFERRED])
def test_the_worker_is_asked_for_what_has_not_been_uploaded(task_logs: ModuleType, worker: Worker, state: str) -> None:
    found = task_logs.TaskLogHandler([])._read_remote_logs(task(state), 2)
    assert found == (["the worker host-a, whose upload has not ended"], ["line 1\nline 2\n"])
    assert worker.asked == ["attempt=2.log"]


def test_what_s3_has_already_is_not_shown_twice(task_logs: ModuleType, worker: Worker) -> None:
    stored = ["line 0\nline 1\nline 2"]
    assert task_logs.TaskLogHandler(stored)._read_remote_logs(task(), 1) == (["s3"], stored)


def test_an_earlier_upload_and_what_follows_it(task_logs: ModuleType, worker: Worker) -> None:
    _sources, logs = task_logs.TaskLogHandler(["before it was deferred"])._read_remote_logs(task(), 1)
    assert logs == ["before it was deferred", "line 1\nline 2\n"]


@pytest.mark.parametrize(
    "ti",
    [task(STATES.RUNNING), task(seconds=61.0), task(seconds=None), task(STATES.DEFERRED, seconds=61.0)],
    ids=["runs", "ended long ago", "never ended", "deferred long ago"],
)
def test_nobody_else_is_asked_for(task_logs: ModuleType, worker: Worker, ti: SimpleNamespace) -> None:
    assert task_logs.TaskLogHandler(["stored"])._read_remote_logs(ti, 1) == (["s3"], ["stored"])
    assert worker.asked == []


@pytest.mark.parametrize("change", [{"gone": True}, {"ok": False}, {"text": ""}])
def test_a_worker_that_has_nothing_changes_nothing(
    task_logs: ModuleType, worker: Worker, change: dict[str, Any]
) -> None:
    vars(worker).update(change)
    assert task_logs.TaskLogHandler(["stored"])._read_remote_logs(task(), 1) == (["s3"], ["stored"])


def test_a_task_without_an_address_is_not_asked_for(task_logs: ModuleType, worker: Worker) -> None:
    handler = task_logs.TaskLogHandler(["stored"])
    handler.url = ""
    assert handler._read_remote_logs(task(), 1) == (["s3"], ["stored"])
    assert worker.asked == []


def test_airflow_gets_its_own_configuration_with_this_handler(task_logs: ModuleType) -> None:
    assert task_logs.LOGGING_CONFIG["handlers"]["task"]["class"] == "sm2a_image.task_logs.TaskLogHandler"
    assert DEFAULT["handlers"]["task"]["class"] == "airflow's"
