# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How logs are shown: as they come, bounded, and with what a worker has not uploaded yet."""

from __future__ import annotations

import importlib
import io
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import chain
from types import ModuleType, SimpleNamespace
from typing import Any, NamedTuple

import pytest
import requests

DEFAULT = {"handlers": {"task": {"class": "airflow's"}}}
STATES = SimpleNamespace(RUNNING="running", DEFERRED="deferred", SUCCESS="success")
HEADER = ["::group::Log message source details", "s3", "::endgroup::"]


class Message(NamedTuple):
    """In the place of Airflow's message: a line ``<second> <text>``, or one without a time."""

    event: str
    timestamp: datetime | None = None


def parsed(lines: Iterator[str]) -> Iterator[tuple[datetime | None, int, Message]]:
    """Yield messages, each with the time of the last line that had one."""
    last = None
    for number, line in enumerate(lines):
        second = line.partition(" ")[0]
        at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=int(second)) if second.isdigit() else None
        last = at or last
        yield last, number, Message(line, at)


class Bucket(NamedTuple):
    """In the place of the log bucket: the texts that it has, each at an address."""

    texts: list[str]

    def objects(self, path: str) -> list[SimpleNamespace]:
        return [SimpleNamespace(address="s3", text=text) for text in self.texts]

    def lines(self, log: Any) -> Iterator[str]:
        yield from log.text.splitlines()

    def ends_with(self, log: Any, tail: bytes) -> bool:
        return bool(log.text.rstrip().encode().endswith(tail.rstrip()))


class FileTaskHandler:
    """In the place of Airflow's: what it does where the task runs, and where the worker would be asked."""

    def __init__(self) -> None:
        self.url = "http://host-a:8793/log"
        self.by_airflow = [Message("what Airflow found")]

    def _render_filename(self, ti: Any, try_number: int) -> str:
        return f"attempt={try_number}.log"

    def _get_log_retrieval_url(self, ti: Any, path: str, kind: str) -> tuple[str, str]:
        return self.url, path

    def _read(self, ti: Any, try_number: int, metadata: Any = None) -> tuple[Any, Any]:
        return chain(self.by_airflow), {"end_of_log": False, "log_pos": len(self.by_airflow)}

    def read(self, ti: Any, try_number: int, metadata: Any = None) -> tuple[Any, Any]:
        return self._read(ti, try_number, metadata)


class TaskLogReader:
    """In the place of Airflow's: passes on what it is told."""

    def read_log_stream(self, ti: Any, try_number: int, metadata: Any) -> Iterator[str]:
        yield str(sorted(metadata))


class Worker:
    """The log server of a worker."""

    def __init__(self) -> None:
        self.text = "1 line\n2 line\n"
        self.ok = True
        self.gone = False
        self.asked: list[str] = []

    def fetch(self, url: str, path: str) -> Worker:
        self.asked.append(path)
        if self.gone:
            raise requests.ConnectionError("no route to host")
        return self

    def iter_content(self, size: int) -> Iterator[bytes]:
        yield self.text.encode()


@pytest.fixture
def worker() -> Worker:
    return Worker()


@pytest.fixture
def task_logs(stand_in: Callable[..., ModuleType], worker: Worker, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setattr(TaskLogReader, "read_log_stream", TaskLogReader.read_log_stream)
    stand_in("airflow.config_templates.airflow_local_settings", DEFAULT_LOGGING_CONFIG=DEFAULT)
    stand_in(
        "airflow.utils.log.file_task_handler",
        DEFAULT_SORT_DATETIME=datetime(2000, 1, 1, tzinfo=UTC),
        FileTaskHandler=FileTaskHandler,
        LogType=SimpleNamespace(WORKER="worker"),
        StructuredLogMessage=Message,
        _fetch_logs_from_service=worker.fetch,
        _log_stream_to_parsed_log_stream=parsed,
    )
    stand_in("airflow.utils.log.log_reader", TaskLogReader=TaskLogReader)
    stand_in("airflow.utils.state", TaskInstanceState=STATES)
    stand_in("airflow.configuration", conf=None)
    stand_in(
        "airflow.providers.amazon.aws.log.s3_task_handler",
        S3RemoteLogIO=type("S3RemoteLogIO", (), {"from_config": classmethod(lambda cls: None)}),
    )
    return importlib.import_module("sm2a_image.task_logs")


def task(state: str = STATES.SUCCESS, seconds: float | None = 3.0) -> SimpleNamespace:
    """A task that ended, or was deferred, so many seconds ago."""
    at = None if seconds is None else datetime.now(UTC) - timedelta(seconds=seconds)
    ended = at if state == STATES.SUCCESS else None
    return SimpleNamespace(state=state, end_date=ended, updated_at=at, hostname="host-a", try_number=1)


LONG_AGO = task(seconds=3600.0)


@pytest.fixture
def handler(task_logs: ModuleType) -> Callable[..., Any]:
    """Return a handler in front of a bucket with some texts."""

    def make(*texts: str) -> Any:
        task_logs.REMOTE_TASK_LOG = Bucket(list(texts))
        return task_logs.TaskLogHandler()

    return make


def remote(handler: Any, ti: Any, try_number: int = 1) -> tuple[list[str], list[list[str]]]:
    """Return the sources, and the lines of each log."""
    sources, logs = handler._read_remote_logs(ti, try_number)
    return sources, [list(lines) for lines in logs]


@pytest.mark.parametrize("state", [STATES.SUCCESS, STATES.DEFERRED])
def test_the_worker_is_asked_for_what_has_not_been_uploaded(handler: Any, worker: Worker, state: str) -> None:
    assert remote(handler(), task(state), 2) == (
        ["the worker host-a, whose upload has not ended"],
        [["1 line", "2 line"]],
    )
    assert worker.asked == ["attempt=2.log"]


def test_what_s3_has_already_is_not_shown_twice(handler: Any, worker: Worker) -> None:
    assert remote(handler("0 line\n1 line\n2 line"), task()) == (["s3"], [["0 line", "1 line", "2 line"]])
    assert worker.asked


def test_an_earlier_upload_and_what_follows_it(handler: Any) -> None:
    assert remote(handler("before it was deferred"), task())[1] == [["before it was deferred"], ["1 line", "2 line"]]


@pytest.mark.parametrize(
    "ti",
    [task(STATES.RUNNING), task(seconds=61.0), task(seconds=None), task(STATES.DEFERRED, seconds=61.0)],
    ids=["runs", "ended long ago", "never ended", "deferred long ago"],
)
def test_nobody_else_is_asked_for(handler: Any, worker: Worker, ti: SimpleNamespace) -> None:
    assert remote(handler("stored"), ti) == (["s3"], [["stored"]])
    assert worker.asked == []


@pytest.mark.parametrize("change", [{"gone": True}, {"ok": False}, {"text": ""}])
def test_a_worker_that_has_nothing_changes_nothing(handler: Any, worker: Worker, change: dict[str, Any]) -> None:
    vars(worker).update(change)
    assert remote(handler("stored"), task()) == (["s3"], [["stored"]])


def test_a_task_without_an_address_is_not_asked_for(handler: Any, worker: Worker) -> None:
    made = handler("stored")
    made.url = ""
    assert remote(made, task()) == (["s3"], [["stored"]])
    assert worker.asked == []


def test_the_end_of_a_long_log_tells_whether_it_was_uploaded(task_logs: ModuleType) -> None:
    assert task_logs._tail(io.BytesIO(b"x" * 9000 + b"end")) == (b"x" * 9000 + b"end")[-4096:]
    assert task_logs._tail(io.BytesIO(b"end")) == b"end"


def test_airflow_gets_its_own_configuration_with_this_handler(task_logs: ModuleType) -> None:
    assert task_logs.LOGGING_CONFIG["handlers"]["task"]["class"] == "sm2a_image.task_logs.TaskLogHandler"
    assert DEFAULT["handlers"]["task"]["class"] == "airflow's"


def test_the_log_of_a_task_that_has_ended_is_shown_as_it_comes(task_logs: ModuleType, handler: Any) -> None:
    came: list[int] = []

    def lines() -> Iterator[str]:
        for number in range(1000):
            came.append(number)
            yield f"{number} line"

    made = handler("any")
    made._read_remote_logs = lambda *_arguments: (["s3"], [lines()])
    messages, found = made.read(LONG_AGO, 1, {task_logs.STREAMED: True})

    first = [next(messages).event for _number in range(4)]
    assert first == [*HEADER, "0 line"]
    assert len(came) < 3 and found["end_of_log"]
    assert sum(1 for _message in messages) == 999


def test_logs_of_task_and_trigger_are_one_log_by_time(handler: Any) -> None:
    made = handler("1 a\nand more\nand more\n4 b\n4 b\n", "2 t\n3 t\n4 b\n")

    events = [message.event for message in made.read(LONG_AGO, 1, {})[0]]
    # A message that came twice at the same time is one; a line without a time says nothing of the kind.
    assert events[4:] == ["1 a", "and more", "and more", "2 t", "3 t", "4 b"]


@pytest.mark.parametrize(("state", "texts"), [(STATES.RUNNING, ["stored"]), (STATES.SUCCESS, [])])
def test_airflow_itself_shows_what_runs_and_what_s3_does_not_have(handler: Any, state: str, texts: list[str]) -> None:
    messages, found = handler(*texts).read(task(state, seconds=3600.0), 1, {})

    assert [message.event for message in messages] == ["what Airflow found"]
    assert found == {"end_of_log": False, "log_pos": 1}


def test_an_earlier_attempt_of_a_task_that_runs_has_ended(handler: Any) -> None:
    messages, found = handler("1 stored").read(task(STATES.RUNNING), 0, {})

    assert [message.event for message in messages][-1] == "1 stored" and found == {"end_of_log": True}


def test_whoever_does_not_stream_gets_a_long_log_in_pages(
    task_logs: ModuleType, handler: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(task_logs, "PAGE", 10 * 300)
    text = "".join(f"{number} line\n" for number in range(100))
    pages: list[list[str]] = []
    metadata: dict[str, Any] = {}
    while not metadata.get("end_of_log"):
        messages, found = handler(text).read(LONG_AGO, 1, metadata)
        pages.append([message.event for message in messages])
        metadata = dict(found)
        assert len(pages[-1]) < 16

    assert pages[0][:3] == HEADER
    assert all(page[-1] == task_logs.GOES_ON for page in pages[:-1])
    lines = [line for page in pages for line in page if line.endswith(" line")]
    assert lines == text.splitlines()


def test_a_long_log_of_a_task_that_runs_comes_in_pages_too(
    task_logs: ModuleType, handler: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(task_logs, "PAGE", 10 * 300)
    made = handler()
    made.by_airflow = [Message(line) for line in (*HEADER, *(f"{number} line" for number in range(100)))]

    messages, found = made.read(task(STATES.RUNNING), 1, {})
    shown = [message.event for message in messages]
    assert shown[-1] == task_logs.GOES_ON and not found["end_of_log"]
    assert shown[3 : 3 + found["log_pos"]] == shown[3:-1]


def test_whoever_streams_says_so_to_the_handler_and_not_in_the_token(task_logs: ModuleType) -> None:
    metadata: dict[str, Any] = {"download_logs": False}

    assert list(TaskLogReader().read_log_stream(None, 1, metadata)) == ["['download_logs', 'streamed']"]
    assert metadata == {"download_logs": False}
