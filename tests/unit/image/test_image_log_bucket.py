# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Task logs in S3: read by ranges, uploaded from a file, never in memory as a whole."""

from __future__ import annotations

import importlib
import io
import logging
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import boto3
import pytest
from moto import mock_aws

ATTEMPT = "dag_id=one/attempt=1.log"
BUCKET = "sm2a-test-logs"
BASE = f"s3://{BUCKET}/task-logs"
MEGABYTE = 1024 * 1024


class S3RemoteLogIO:
    """In the place of Airflow's: where the logs are, and a way to S3."""

    log = logging.getLogger("airflow")
    acl_policy = None

    def __init__(self, folder: Path, delete_local_copy: bool, client: Any) -> None:
        self.remote_base = BASE
        self.base_log_folder = folder
        self.delete_local_copy = delete_local_copy
        self.hook = SimpleNamespace(
            parse_s3_url=lambda url: tuple(url.removeprefix("s3://").split("/", 1)), get_conn=lambda: client
        )


@pytest.fixture
def log_bucket(stand_in: Callable[..., ModuleType]) -> ModuleType:
    stand_in("airflow.configuration", conf=SimpleNamespace(getboolean=lambda *_option: False))
    stand_in("airflow.providers.amazon.aws.log.s3_task_handler", S3RemoteLogIO=S3RemoteLogIO)
    return importlib.import_module("sm2a_image.log_bucket")


@pytest.fixture
def s3() -> Iterator[Any]:
    """S3 with the log bucket, which notes what is asked for."""
    with mock_aws():
        client = boto3.client("s3", "us-east-1")
        client.create_bucket(Bucket=BUCKET)
        yield client


def put(s3: Any, text: str, path: str = ATTEMPT) -> None:
    s3.put_object(Bucket=BUCKET, Key=f"task-logs/{path}", Body=text.encode())


def stored(s3: Any) -> str:
    return str(s3.get_object(Bucket=BUCKET, Key=f"task-logs/{ATTEMPT}")["Body"].read().decode())


@pytest.fixture
def logs(log_bucket: ModuleType, s3: Any, tmp_path: Path) -> Any:
    return log_bucket.LogBucket(tmp_path, False, s3)


def local(folder: Path, text: str) -> Path:
    """Write the log that a worker has of the attempt."""
    file = folder / ATTEMPT
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


@pytest.mark.parametrize(
    ("chunks", "lines"),
    [
        ([b"one\ntw", b"o\n\nthree"], ["one", "two", "", "three"]),
        (["ü\n".encode()[:1], "ü\n".encode()[1:]], ["ü"]),
        ([b"\xff\n"], ["\N{REPLACEMENT CHARACTER}"]),
        ([b"12345", b"678\n9"], ["1234", "5678", "9"]),
        ([b"123456\n"], ["1234", "56"]),
        ([], []),
    ],
    ids=["parts", "a character in two parts", "no text", "no end of a line", "a long line", "nothing"],
)
def test_lines(log_bucket: ModuleType, monkeypatch: pytest.MonkeyPatch, chunks: list[bytes], lines: list[str]) -> None:
    longest = 4 if any(b"1234" in chunk for chunk in chunks) else 256
    monkeypatch.setattr(log_bucket, "LONGEST_LINE", longest)

    assert list(log_bucket.lines_of(chunks)) == lines


def test_a_log_is_read_by_ranges_as_it_was_when_it_was_found(
    log_bucket: ModuleType, logs: Any, s3: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_bucket, "RANGE", 10)
    put(s3, "".join(f"line {number}\n" for number in range(9)))
    [found] = logs.objects(ATTEMPT)
    put(s3, "".join(f"line {number}\n" for number in range(20)))

    assert list(logs.lines(found)) == [f"line {number}" for number in range(9)]


def test_the_logs_of_an_attempt_are_the_tasks_and_its_triggers(logs: Any, s3: Any) -> None:
    put(s3, "task\n")
    put(s3, "trigger\n", f"{ATTEMPT}.trigger.5.log")
    put(s3, "another attempt\n", "dag_id=one/attempt=10.log")

    sources, streams = logs.stream(ATTEMPT, None)

    assert sources == [f"{BASE}/{ATTEMPT}", f"{BASE}/{ATTEMPT}.trigger.5.log"]
    assert [list(stream) for stream in streams] == [["task"], ["trigger"]]


def test_what_cannot_be_read_is_said_in_the_log(logs: Any, s3: Any) -> None:
    put(s3, "gone\n")
    [found] = logs.objects(ATTEMPT)
    s3.delete_object(Bucket=BUCKET, Key=found.key)

    [line] = list(logs.lines(found))
    assert line.startswith(f"Could not read logs from {BASE}/{ATTEMPT} with error:") and "NoSuchKey" in line


@pytest.mark.parametrize(
    ("text", "tail", "same"),
    [
        ("line 1\nline 2\n", b"line 2\n", True),
        ("line 1\nline 2", b"line 2\n", True),
        ("line 1\n", b"line 2\n", False),
        ("", b"line 2\n", False),
        ("x" * 9000 + "\nthe end\n", b"x" * 4000 + b"\nthe end\n", True),
    ],
)
def test_whether_a_log_ends_so(logs: Any, s3: Any, text: str, tail: bytes, same: bool) -> None:
    put(s3, text)
    [found] = logs.objects(ATTEMPT)

    assert logs.ends_with(found, tail) is same


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, "new\n"),
        ("", "new\n"),
        ("old\n", "old\nnew\n"),
        ("cut off", "cut off\nnew\n"),
    ],
)
def test_an_upload_goes_on_with_what_is_there_and_empties_the_file(
    logs: Any, s3: Any, tmp_path: Path, before: str | None, after: str
) -> None:
    file = local(tmp_path, "new\n")
    if before is not None:
        put(s3, before)

    logs.upload(ATTEMPT)

    assert stored(s3) == after
    assert file.read_text() == ""


def test_an_uploaded_log_goes_if_it_is_to_go(log_bucket: ModuleType, s3: Any, tmp_path: Path) -> None:
    file = local(tmp_path, "new\n")

    log_bucket.LogBucket(tmp_path, True, s3).upload(file)

    assert stored(s3) == "new\n"
    assert not file.exists()


def test_a_log_that_cannot_be_uploaded_stays(log_bucket: ModuleType, s3: Any, tmp_path: Path) -> None:
    file = local(tmp_path, "new\n")
    s3.delete_bucket(Bucket=BUCKET)

    log_bucket.LogBucket(tmp_path, True, s3).upload(ATTEMPT)

    assert file.read_text() == "new\n"


def test_nothing_outside_of_the_folder_is_uploaded(logs: Any, s3: Any, tmp_path: Path) -> None:
    logs.base_log_folder = tmp_path / "logs"
    (tmp_path / "secret").write_text("x")

    logs.upload("../secret")
    logs.upload("nothing.log")

    assert "Contents" not in s3.list_objects_v2(Bucket=BUCKET)
    assert (tmp_path / "secret").read_text() == "x"


class Endless:
    """S3 with a log of so many megabytes, which forgets what it is given."""

    def __init__(self, megabytes: int) -> None:
        self.size = megabytes * MEGABYTE
        self.uploaded = 0

    def head_object(self, **_given: Any) -> dict[str, Any]:
        return {"ContentLength": self.size}

    def get_object(self, Range: str, **_given: Any) -> dict[str, Any]:
        first, last = map(int, Range.removeprefix("bytes=").split("-"))
        return {"Body": io.BytesIO((b"x" * 127 + b"\n") * ((last - first + 1) // 128))}

    def upload_fileobj(self, content: Any, *_place: Any, **_options: Any) -> None:
        while chunk := content.read(MEGABYTE):
            self.uploaded += len(chunk)


def test_neither_who_reads_nor_who_uploads_holds_a_log_in_memory(log_bucket: ModuleType, tmp_path: Path) -> None:
    s3 = Endless(64)
    logs = log_bucket.LogBucket(tmp_path, False, s3)
    file = local(tmp_path, "")
    with file.open("wb") as content:
        content.truncate(64 * MEGABYTE)

    tracemalloc.start()
    try:
        read = sum(1 for _line in logs.lines(log_bucket.LogObject(BUCKET, "key", s3.size)))
        logs.upload(ATTEMPT)
        _now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert read == s3.size / 128
    assert s3.uploaded == 128 * MEGABYTE
    # A range as bytes, as text, and as lines.
    assert peak < 32 * MEGABYTE
