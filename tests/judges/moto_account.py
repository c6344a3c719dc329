# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Serves moto on a free port, with tasks that end and services that run: moto itself has no Fargate."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from served import served
from werkzeug.serving import make_server

Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class Fargate:
    """Answers for ECS what needs running tasks, and lets moto answer everything else."""

    def __init__(self, app: Wsgi) -> None:
        self.app = app
        self.tasks: dict[str, dict[str, Any]] = {}

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Serve a request."""
        target = environ.get("HTTP_X_AMZ_TARGET", "")
        if not target.startswith("AmazonEC2ContainerServiceV20141113."):
            return self.app(environ, start_response)
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        operation, request = target.rpartition(".")[2], json.loads(body)
        if operation == "RunTask":
            return self._answer(start_response, {"tasks": [self._ended(request)], "failures": []})
        if operation == "DescribeTasks":
            return self._answer(start_response, {"tasks": [self.tasks[arn] for arn in request["tasks"]]})
        if operation == "DescribeServices":
            return self._deployed(environ, start_response)
        return self.app(environ, start_response)

    def _ended(self, request: dict[str, Any]) -> dict[str, Any]:
        arn = request["taskDefinition"].replace(":task-definition/", f":task/{request['cluster']}/").replace(":", "-")
        self.tasks[arn] = {
            "taskArn": arn,
            "taskDefinitionArn": request["taskDefinition"],
            "lastStatus": "STOPPED",
            "containers": [{"name": "migration", "exitCode": 0}],
        }
        return self.tasks[arn]

    def _deployed(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        started: list[Any] = []
        answer = json.loads(b"".join(self.app(environ, lambda *arguments: started.extend(arguments))))
        for service in answer.get("services", []):
            for deployment in service.get("deployments", []):
                deployment["rolloutState"] = "COMPLETED"
        return self._answer(start_response, answer, started[0])

    @staticmethod
    def _answer(start_response: Callable[..., Any], answer: dict[str, Any], status: str = "200 OK") -> list[bytes]:
        start_response(status, [("Content-Type", "application/x-amz-json-1.1")])
        return [json.dumps(answer).encode()]


@contextmanager
def serve() -> Iterator[str]:
    """Serve an empty account; yield its address."""
    app = Fargate(DomainDispatcherApplication(create_backend_app))
    with served(make_server("127.0.0.1", 0, app, threaded=True, request_handler=MotoRequestHandler)) as url:
        yield url
