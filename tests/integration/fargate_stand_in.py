# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A stand-in for Fargate, where one-off tasks end well, for runs of the playbooks without Docker."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from served import served


@contextmanager
def fargate(emulator: str, after: Callable[[str], None] = lambda _operation: None) -> Iterator[str]:
    """Pass everything on to the emulator, but say that one-off tasks have ended well; yield the address.

    ``after`` is told the name of each operation once the emulator has carried it out.
    """

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *arguments: Any) -> None:
            """Keep quiet."""

        def _operation(self, body: bytes) -> str:
            target = self.headers.get("X-Amz-Target", "").rsplit(".", 1)[-1]
            named = re.match(rb"(?:.*&)?Action=(\w+)", body)
            # What has neither is a request of S3 or Route 53.
            rest = {"GET": "Get", "HEAD": "Head"}.get(self.command, "Put")
            return target or (named[1].decode() if named else rest)

        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            request = urllib.request.Request(
                emulator + self.path, body or None, dict(self.headers), method=self.command
            )
            try:
                answer = urllib.request.urlopen(request, timeout=60)
            except urllib.error.HTTPError as error:
                answer = error
            content = answer.read()
            if answer.status < 300:
                after(self._operation(body))
            if self.headers.get("X-Amz-Target", "").endswith(".DescribeTasks"):
                content = _ended(content)
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                if name.lower() not in ("content-length", "transfer-encoding", "connection", "date", "server"):
                    self.send_header(name, value)
            length = answer.headers.get("Content-Length", "0") if self.command == "HEAD" else str(len(content))
            self.send_header("Content-Length", length)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_PATCH = handle_any

    with served(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as url:
        yield url


def end(task: dict[str, Any], exit_code: int = 0) -> None:
    """Let what ECS says of a task be that it has ended, which without Docker it never would."""
    task.update(lastStatus="STOPPED", stoppedReason="Essential container in task exited")
    for container in task["containers"]:
        container["exitCode"] = exit_code


def _ended(content: bytes) -> bytes:
    answer = json.loads(content)
    for task in answer["tasks"]:
        end(task)
    return json.dumps(answer).encode()
