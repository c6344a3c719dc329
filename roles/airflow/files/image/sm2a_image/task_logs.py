# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How task logs are stored and read, a part at a time. ``[logging] logging_config_class`` names it.

Airflow's handler spools a whole log before it shows the first line, which it needs only while the task runs, to go on
later from there. And a worker reports that a task has ended, or is deferred, and uploads the log afterwards, which
takes up to some seconds; Airflow then asks the worker only if S3 has nothing at all of a task that has ended.
"""

from __future__ import annotations

import copy
import heapq
import tempfile
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import chain, islice
from typing import IO, Any

import requests
from airflow.config_templates.airflow_local_settings import DEFAULT_LOGGING_CONFIG
from airflow.utils.log.file_task_handler import (
    DEFAULT_SORT_DATETIME,
    FileTaskHandler,
    LogType,
    StructuredLogMessage,
    _fetch_logs_from_service,
    _log_stream_to_parsed_log_stream,
)
from airflow.utils.log.log_reader import TaskLogReader
from airflow.utils.state import TaskInstanceState

from sm2a_image.log_bucket import RANGE, TAIL, LogBucket, chunks_of, lines_of

# An upload takes seconds; more than the longest that was seen (11 s), and less than a worker stays after its last task.
UPLOAD_TIME = timedelta(seconds=60)
# Characters of a log that are answered at once to whoever does not ask for a stream: the answer is made in memory. A
# message of Airflow's is some hundred bytes larger than its text.
PAGE, MESSAGE = 8 * 1024 * 1024, 256
FIRST_OF_HEADER, LAST_OF_HEADER = "::group::Log message source details", "::endgroup::"
GOES_ON = (
    "The log goes on. Ask again with the continuation token of this answer, or for application/x-ndjson, which has "
    "all of it."
)
STREAMED = "streamed"

LOGGING_CONFIG: dict[str, Any] = copy.deepcopy(DEFAULT_LOGGING_CONFIG)
LOGGING_CONFIG["handlers"]["task"]["class"] = "sm2a_image.task_logs.TaskLogHandler"
REMOTE_TASK_LOG = LogBucket.from_config()


class TaskLogHandler(FileTaskHandler):  # type: ignore[misc]
    """Airflow's handler, which shows what is whole as it comes, and asks the worker as long as it may be uploading."""

    def read(self, task_instance: Any, try_number: int | None = None, metadata: Any = None) -> tuple[Any, Any]:
        """Return messages and how to go on; no more at once than fits into memory, unless they are streamed."""
        messages, found = super().read(task_instance, try_number, metadata)
        if (metadata or {}).get(STREAMED):
            return messages, found
        return _page(messages, found, metadata or {})

    def _read(self, ti: Any, try_number: int, metadata: Any = None) -> tuple[Any, Any]:
        goes_on = ti.try_number == try_number and ti.state in (TaskInstanceState.RUNNING, TaskInstanceState.DEFERRED)
        sources, logs = ([], []) if goes_on else self._read_remote_logs(ti, try_number, metadata)
        if not logs:
            return super()._read(ti, try_number, metadata)
        messages = merged(logs)
        if metadata and "log_pos" in metadata:
            return islice(messages, metadata["log_pos"], None), {"end_of_log": True}
        header = [FIRST_OF_HEADER, *sources, LAST_OF_HEADER]
        return chain((StructuredLogMessage(event=line) for line in header), messages), {"end_of_log": True}

    def _read_remote_logs(self, ti: Any, try_number: int, metadata: Any = None) -> tuple[list[str], list[Any]]:
        """Return the sources, and the lines of each log that S3 has and of the one that only the worker has."""
        path = self._render_filename(ti, try_number)
        # The worker empties its file once S3 has it: asked the other way round, both could come back empty.
        served = self._served(ti, path) if _just_ended(ti) else None
        found = REMOTE_TASK_LOG.objects(path)
        sources = [log.address for log in found]
        logs = [REMOTE_TASK_LOG.lines(log) for log in found]
        # An upload is appended to what was there, and may have ended in between.
        if served and not any(REMOTE_TASK_LOG.ends_with(log, _tail(served)) for log in found):
            sources.append(f"the worker {ti.hostname}, whose upload has not ended")
            logs.append(lines_of(chunks_of(served)))
        return sources, logs

    def _served(self, ti: Any, path: str) -> IO[bytes] | None:
        """Return what the task's worker still has of its log, as a file of our own, if it has anything."""
        url, relative_path = self._get_log_retrieval_url(ti, path, LogType.WORKER)
        if not url:
            return None
        file = tempfile.TemporaryFile()  # noqa: SIM115 -- whoever reads the lines needs it open
        try:
            response = _fetch_logs_from_service(url, relative_path)
            for chunk in response.iter_content(RANGE) if response.ok else ():
                file.write(chunk)
        except requests.RequestException:
            # A worker that is gone has uploaded everything before.
            return None
        return file if file.tell() else None


def _tail(file: IO[bytes]) -> bytes:
    size = file.seek(0, 2)
    file.seek(max(0, size - TAIL))
    return file.read()


def _just_ended(ti: Any) -> bool:
    """Tell whether the worker may be uploading. While a task runs Airflow asks the worker anyway."""
    if ti.state == TaskInstanceState.RUNNING:
        return False
    at = ti.updated_at if ti.state == TaskInstanceState.DEFERRED else ti.end_date
    return bool(at and datetime.now(UTC) - at < UPLOAD_TIME)


def merged(logs: Iterable[Iterator[str]]) -> Iterator[Any]:
    """Yield the messages of several logs by time, one that two of them have once, and keep one of each in memory."""
    parsed = (_log_stream_to_parsed_log_stream(lines) for lines in logs)
    last = None
    for _at, _number, message in heapq.merge(*parsed, key=lambda item: item[0] or DEFAULT_SORT_DATETIME):
        if message.timestamp is None or message != last:
            yield message
        last = message


def _page(messages: Iterator[Any], found: Any, metadata: Any) -> tuple[Any, Any]:
    """Return the messages that fit into an answer. If there are more, the answer says so and how to get them."""
    page: list[Any] = []
    size = 0
    for message in messages:
        page.append(message)
        size += len(message.event) + MESSAGE
        if size > PAGE:
            break
    else:
        return iter(page), found
    header = 0
    if page[0].event == FIRST_OF_HEADER and "log_pos" not in metadata:
        header = 1 + next(number for number, message in enumerate(page) if message.event == LAST_OF_HEADER)
    position = metadata.get("log_pos", 0) + len(page) - header
    page.append(StructuredLogMessage(event=GOES_ON))
    return iter(page), {**found, "end_of_log": False, "log_pos": position}


def _tell_who_streams() -> None:
    """Let the handler know who takes messages one by one. Airflow calls it in the same way for those who do not."""
    read = TaskLogReader.read_log_stream

    def read_log_stream(self: Any, ti: Any, try_number: int | None, metadata: Any) -> Iterator[str]:
        yield from read(self, ti, try_number, {**metadata, STREAMED: True})

    TaskLogReader.read_log_stream = read_log_stream


_tell_who_streams()
