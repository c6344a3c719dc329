# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Refuses before an emulator what AWS would refuse for its form: emulators accept nearly everything.

Each signed request is read as its service reads it, and judged by the service's model (``request_model``) and by what
the documentation says besides (``documented_limits``). ``GET /_sm2a/refused`` answers what has been refused since that
was last asked for: code that goes on after a refusal would hide it.
"""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

import documented_limits
import request_model
from botocore.exceptions import UnknownServiceError
from moto.core.parse import PROTOCOL_PARSERS
from moto.core.request import Request, determine_request_protocol
from moto.core.routing import get_service_router
from moto.core.utils import get_service_model
from states.calls import SCOPE, Asgi, Call, Refusal, read_body, refuse, replay
from werkzeug.exceptions import NotFound

PATH = "/_sm2a/refused"
# How botocore calls a service that signs by another name.
NAMES = {"elasticloadbalancing": "elbv2", "monitoring": "cloudwatch", "servicequotas": "service-quotas"}
# How a service calls a request of a wrong form; the others say ValidationException.
CODES = {
    "ec2": "InvalidParameterValue",
    "ecr": "InvalidParameterException",
    "ecs": "InvalidParameterException",
    "elbv2": "ValidationError",
    "iam": "ValidationError",
    "logs": "InvalidParameterException",
    "rds": "InvalidParameterValue",
    "route53": "InvalidInput",
    "s3": "InvalidArgument",
    "secretsmanager": "ValidationException",
    "servicediscovery": "InvalidInput",
    "sqs": "InvalidParameterValue",
    "sts": "ValidationError",
    "wafv2": "WAFInvalidParameterException",
}
# What is not shown, and how much of all else.
SENSITIVE = re.compile("Password|SecretString")
MOST_SHOWN = 200

_refused: list[str] = []


def install(app: Asgi) -> Asgi:
    """Return ``app`` with a judge of all requests before it."""

    async def wrapped(scope: Any, receive: Any, send: Any) -> None:
        signed = SCOPE.search(dict(scope.get("headers", [])).get(b"authorization", b"")) if "path" in scope else None
        if scope.get("path") == PATH:
            await _tell(send)
        elif signed is None:
            await app(scope, receive, send)
        else:
            await _pass(app, scope, receive, send, signed[1].decode())

    return wrapped


async def _tell(send: Any) -> None:
    content = json.dumps(_refused).encode()
    _refused.clear()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": content})


async def _pass(app: Asgi, scope: Any, receive: Any, send: Any, signed: str) -> None:
    body = b""
    # Objects may be large: of them the names alone are judged.
    if signed != "s3" or "/" not in scope["path"].strip("/"):
        body = await read_body(receive)
        receive = replay(body, receive)
    name = "elb" if signed == "elasticloadbalancing" and b"Version=2012-06-01" in body else NAMES.get(signed, signed)
    operation, found = judge(name, request_of(scope, body))
    if not found:
        await app(scope, receive, send)
        return
    told = "; ".join(map(sentence, found))
    _refused.append(f"{name} {operation}: {told}")
    print(f"refused: {_refused[-1]}", flush=True)
    refusal = Refusal(CODES.get(name, "ValidationException"), f"{len(found)} validation error detected: {told}")
    await refuse(send, Call(name, operation, json=b"x-amz-target" in dict(scope["headers"])), refusal)


def sentence(violation: tuple[str, Any, str]) -> str:
    """Return what AWS says of a violation, without what is secret."""
    where, value, rule = violation
    shown = "***" if SENSITIVE.search(where) else repr(value)[:MOST_SHOWN]
    return f"Value {shown} at '{where}' failed to satisfy constraint: {rule}"


def request_of(scope: Any, body: bytes) -> Request:
    """Return a request as moto takes it."""
    path = scope.get("raw_path", scope["path"].encode()).decode()
    query = scope["query_string"].decode()
    headers = {name.decode(): value.decode() for name, value in scope["headers"]}
    if "x-amz-target" not in headers and b"Action=" not in body:
        # A proxy may have said of XML that it is a form; moto takes the protocol from that.
        headers.pop("content-type", None)
    return Request.from_primitives(scope["method"], f"http://{headers['host']}{path}?{query}", headers, body)


def judge(service: str, request: Request) -> tuple[str, list[tuple[str, Any, str]]]:
    """Return the operation that a request asks for, and what is wrong with its parameters.

    A request of no operation that AWS has, or in a protocol that the service has not, is left to the emulator.
    """
    try:
        operation, given = _read(service, request)
    except (NotFound, UnknownServiceError, NotImplementedError):
        return "", []
    found = list(documented_limits.violations(service, operation.name, given))
    if operation.input_shape:
        found += request_model.violations(operation.input_shape, given)
    return operation.name, found


def _read(service: str, request: Request) -> tuple[Any, dict[str, Any]]:
    """Return the operation's model and the parameters, under the names that the model gives them."""
    operation, labels = get_service_router(service).match(request)
    parser = PROTOCOL_PARSERS[determine_request_protocol(_model(service), request.content_type)](operation)
    return operation, dict(
        parser.parse(
            {
                "method": request.method,
                "values": request.values,
                "headers": request.headers,
                "body": request.data,
                "url_path": request.path,
                "url_params": labels,
            }
        )
    )


@cache
def _model(service: str) -> Any:
    return get_service_model(service)
