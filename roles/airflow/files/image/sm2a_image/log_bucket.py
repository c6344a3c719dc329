# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Task logs in the log bucket, of which neither who reads nor who uploads one ever holds more than a part.

Airflow's own reader and writer take a log into memory as a whole, several times over: one of some hundred megabytes is
more than a container has.
"""

from __future__ import annotations

import codecs
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple

from airflow.configuration import conf
from airflow.providers.amazon.aws.log.s3_task_handler import S3RemoteLogIO
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

# Bytes that are asked for, and read, at once: whoever shows a log slowly keeps no connection waiting.
RANGE = 4 * 1024 * 1024
# Characters after which a line is cut: no program shows longer ones, and a log need not have any line's end.
LONGEST_LINE = 256 * 1024
# Bytes by whose equality the ends of two logs are taken for the same: lines begin with the time.
TAIL = 4096
# One request up to here, so that an upload that fails leaves nothing behind. S3 takes 5 GB.
SINGLE_REQUEST = 1024 * 1024 * 1024


class LogObject(NamedTuple):
    """A log in S3 as it was when it was looked for; what is appended later is not read."""

    bucket: str
    key: str
    size: int

    @property
    def address(self) -> str:
        """How it is called in the header of a log that is shown."""
        return f"s3://{self.bucket}/{self.key}"


def lines_of(chunks: Iterable[bytes]) -> Iterator[str]:
    """Yield the lines of a text that comes in parts; one that is too long in several pieces."""
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    rest = ""
    for chunk in chunks:
        *whole, rest = (rest + decoder.decode(chunk)).split("\n")
        for line in whole:
            yield from _pieces(line)
        *whole, rest = _pieces(rest)
        yield from whole
    if rest:
        yield rest


def _pieces(line: str) -> list[str]:
    return [line[start : start + LONGEST_LINE] for start in range(0, len(line), LONGEST_LINE)] or [""]


def chunks_of(file: IO[bytes]) -> Iterator[bytes]:
    """Yield what a file contains from its beginning, a part at a time."""
    file.seek(0)
    while chunk := file.read(RANGE):
        yield chunk


class LogBucket(S3RemoteLogIO):  # type: ignore[misc]
    """Airflow's reader and writer of logs in S3, which reads by ranges and writes from a file."""

    def objects(self, relative_path: str) -> list[LogObject]:
        """Return the log of this path and those of its triggers."""
        bucket, prefix = self.hook.parse_s3_url(os.path.join(self.remote_base, relative_path))
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        found = (item for page in pages for item in page.get("Contents", []))
        return sorted(LogObject(bucket, item["Key"], item["Size"]) for item in found)

    def stream(self, relative_path: str, ti: Any) -> tuple[list[str], list[Iterator[str]]]:
        """Return where the logs of this path are and a generator of the lines of each, as Airflow wants it."""
        found = self.objects(relative_path)
        return [log.address for log in found], [self.lines(log) for log in found]

    def lines(self, log: LogObject) -> Iterator[str]:
        """Yield the lines of a log, and what went wrong if it cannot be read to its end."""
        try:
            yield from lines_of(self._ranges(log))
        except Exception as error:
            self.log.exception("Could not read logs from %s", log.address)
            yield f"Could not read logs from {log.address} with error: {error}"

    def ends_with(self, log: LogObject, tail: bytes) -> bool:
        """Tell whether a log ends with these bytes, apart from white space at the end of both."""
        length = min(log.size, 2 * TAIL)
        found = self._read(log, log.size - length, length) if length else b""
        return found.rstrip().endswith(tail.rstrip())

    def upload(self, path: os.PathLike[str] | str, ti: Any = None) -> None:
        """Append a file below the folder of logs to the log in S3, and take it away or empty it."""
        file = self.base_log_folder.joinpath(path)
        try:
            file.resolve().relative_to(self.base_log_folder.resolve())
        except ValueError:
            self.log.warning("Skipping upload: path %s is outside base_log_folder %s", file, self.base_log_folder)
            return
        if not file.is_file():
            return
        relative_path = file.relative_to(self.base_log_folder).as_posix()
        try:
            self._append(file, os.path.join(self.remote_base, relative_path))
        except Exception:
            self.log.exception("Could not write logs to %s", os.path.join(self.remote_base, relative_path))
            return
        if self.delete_local_copy:
            file.unlink()
        else:
            file.write_text("")

    @property
    def _s3(self) -> Any:
        return self.hook.get_conn()

    def _read(self, log: LogObject, start: int, length: int) -> bytes:
        wanted = f"bytes={start}-{start + length - 1}"
        with self._s3.get_object(Bucket=log.bucket, Key=log.key, Range=wanted)["Body"] as body:
            return bytes(body.read())

    def _ranges(self, log: LogObject) -> Iterator[bytes]:
        for start in range(0, log.size, RANGE):
            yield self._read(log, start, min(RANGE, log.size - start))

    def _append(self, file: Path, address: str) -> None:
        bucket, key = self.hook.parse_s3_url(address)
        before = self._there(bucket, key)
        with tempfile.TemporaryFile() as whole, file.open("rb") as addition:
            if not before:
                self._put(addition, bucket, key)
                return
            last = b""
            for last in self._ranges(before):
                whole.write(last)
            whole.write(b"" if last.endswith(b"\n") else b"\n")
            shutil.copyfileobj(addition, whole)
            whole.seek(0)
            self._put(whole, bucket, key)

    def _there(self, bucket: str, key: str) -> LogObject | None:
        """Return the log that is to be gone on with, if it is there and not empty."""
        try:
            size = self._s3.head_object(Bucket=bucket, Key=key)["ContentLength"]
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
                return None
            raise
        return LogObject(bucket, key, size) if size else None

    def _put(self, content: IO[bytes], bucket: str, key: str) -> None:
        encryption = {"ServerSideEncryption": "AES256"} if conf.getboolean("logging", "ENCRYPT_S3_LOGS") else {}
        access = {"ACL": self.acl_policy} if self.acl_policy else {}
        transfer = TransferConfig(
            multipart_threshold=SINGLE_REQUEST, use_threads=False, preferred_transfer_client="classic"
        )
        self._s3.upload_fileobj(content, bucket, key, ExtraArgs={**encryption, **access}, Config=transfer)
