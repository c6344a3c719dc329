# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Calls of AWS's API as they pass by: what they ask for, what they are answered, and how they are refused."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import parse_qsl
from xml.etree import ElementTree
from xml.sax.saxutils import escape

Asgi = Callable[[Any, Callable[[], Awaitable[Any]], Callable[[Any], Awaitable[None]]], Awaitable[None]]

# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-authentication-methods.html
SCOPE = re.compile(rb"Credential=[^/]+/\d{8}/[^/]+/([^/]+)/aws4_request")
RESETS = ("/_ministack/reset", "/moto-api/reset")


@dataclass(frozen=True)
class Refusal:
    """An error of AWS's."""

    code: str
    message: str
    status: int = 400


@dataclass
class Call:
    """A call: the service as signatures name it, the operation, and its parameters.

    ``parameters`` are what a JSON body holds, or the flat names of a query. Of S3 only the calls that put a bucket's
    encryption have any, and ``path`` says of what bucket and key every call is.
    """

    service: str
    operation: str
    parameters: dict[str, Any] = field(default_factory=dict)
    path: str = ""
    json: bool = False

    def values(self, *names: str) -> list[str]:
        """Return all texts that stand anywhere in the parameters under one of these names, whatever their case."""
        wanted = {name.lower() for name in names}
        return [text for names, text in _texts(self.parameters) if wanted & names]

    def texts(self) -> set[str]:
        """Return all texts of the parameters."""
        return {text for _names, text in _texts(self.parameters)}


@dataclass
class Answer:
    """The answer to a call. A rule may change it."""

    status: int
    content: bytes
    json: bool

    def values(self, name: str) -> list[str]:
        """Return all texts that stand anywhere under a name, whatever its case."""
        if self.json:
            return [text for names, text in _texts(self.load()) if name.lower() in names]
        root = self.tree()
        return [element.text or "" for element in root.iter() if element.tag.lower() == name.lower()]

    def load(self) -> Any:
        """Return the JSON of the answer."""
        return json.loads(self.content or b"{}")

    def tree(self) -> ElementTree.Element:
        """Return the XML of the answer, its names without their namespace."""
        root = ElementTree.fromstring(self.content) if self.content else ElementTree.Element("nothing")
        for element in root.iter():
            element.tag = element.tag.rpartition("}")[2]
        return root

    def put(self, changed: Any) -> None:
        """Answer this instead: what ``load`` or ``tree`` returned, changed."""
        self.content = json.dumps(changed).encode() if self.json else ElementTree.tostring(changed)


class Rule(Protocol):
    """Something that AWS does and an emulator does not."""

    def before(self, call: Call) -> Refusal | None:
        """Return the error with which AWS answers, None to let the call through."""

    def after(self, call: Call, answer: Answer) -> None:
        """Take note of what succeeded, and change the answer to AWS's."""


def _texts(value: Any, names: frozenset[str] = frozenset()) -> Iterator[tuple[frozenset[str], str]]:
    """Yield every text within a value, with the names under which it stands, in lower case."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _texts(item, names | set(str(key).lower().split(".")))
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item, names)
    elif isinstance(value, str):
        yield names, value


def around(app: Asgi, make_rules: Callable[[], list[Rule]]) -> Asgi:
    """Return ``app`` with rules before it. They are made anew when the emulated account is emptied."""
    rules = make_rules()

    async def wrapped(scope: Any, receive: Any, send: Any) -> None:
        nonlocal rules
        if scope["type"] == "http" and scope["path"] in RESETS:
            rules = make_rules()
        signed = SCOPE.search(dict(scope.get("headers", [])).get(b"authorization", b"")) if "path" in scope else None
        if signed is None:
            await app(scope, receive, send)
        elif signed[1] == b"s3":
            await _pass_s3(rules, app, scope, receive, send)
        elif scope["path"] == "/" and scope["method"] == "POST":
            await _pass(rules, app, scope, receive, send, signed[1].decode())
        else:
            await app(scope, receive, send)

    return wrapped


async def _pass(rules: list[Rule], app: Asgi, scope: Any, receive: Any, send: Any, service: str) -> None:
    body = await read_body(receive)
    call = _call(service, dict(scope["headers"]), body)
    refusal = _first_refusal(rules, call)
    if refusal:
        await refuse(send, call, refusal)
        return
    parts: list[Any] = []

    async def collect(message: Any) -> None:
        parts.append(message)

    await app(scope, replay(body, receive), collect)
    start = parts[0]
    answer = Answer(start["status"], b"".join(part.get("body", b"") for part in parts[1:]), call.json)
    if answer.status == 200 and call.operation:
        for rule in rules:
            rule.after(call, answer)
    kept = [header for header in start["headers"] if header[0].lower() != b"content-length"]
    start["headers"] = [*kept, (b"content-length", str(len(answer.content)).encode())]
    await send(start)
    await send({"type": "http.response.body", "body": answer.content})


async def _pass_s3(rules: list[Rule], app: Asgi, scope: Any, receive: Any, send: Any) -> None:
    """Let a call of S3's pass. Objects may be large: neither they nor the answers are collected."""
    path, query = scope["path"].strip("/"), scope["query_string"].decode()
    call = Call("s3", _s3_operation(scope["method"], path, query), path=path)
    if call.operation == "PutBucketEncryption":
        body = await read_body(receive)
        keys = [key.decode() for key in re.findall(rb"<KMSMasterKeyID>([^<]+)", body)]
        call.parameters = {"KMSMasterKeyID": keys}
        receive = replay(body, receive)
    refusal = _first_refusal(rules, call)
    if refusal:
        await refuse(send, call, refusal)
        return
    status = 0

    async def watch(message: Any) -> None:
        nonlocal status
        status = message.get("status", status)
        await send(message)

    await app(scope, receive, watch)
    if 200 <= status < 300:
        for rule in rules:
            rule.after(call, Answer(status, b"", json=False))


def _s3_operation(method: str, path: str, query: str) -> str:
    if "/" in path:
        return {"GET": "GetObject", "PUT": "PutObject", "DELETE": "DeleteObject"}.get(method, "")
    if method == "PUT" and query.startswith("encryption"):
        return "PutBucketEncryption"
    return {"PUT": "CreateBucket", "DELETE": "DeleteBucket"}.get(method, "") if not query else ""


def _first_refusal(rules: list[Rule], call: Call) -> Refusal | None:
    return next((refusal for refusal in (rule.before(call) for rule in rules if call.operation) if refusal), None)


async def read_body(receive: Any) -> bytes:
    """Return the whole body of a request."""
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    return body


def replay(body: bytes, receive: Any) -> Callable[[], Awaitable[Any]]:
    """Return what gives an application a body that was read already."""
    parts = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Any:
        return parts.pop() if parts else await receive()

    return replay


def _call(service: str, headers: dict[bytes, bytes], body: bytes) -> Call:
    target = headers.get(b"x-amz-target", b"").decode()
    if target:
        return Call(service, target.rpartition(".")[2], json.loads(body or b"{}"), json=True)
    query = dict(parse_qsl(body.decode(errors="replace"), keep_blank_values=True))
    return Call(service, query.pop("Action", ""), query)


async def refuse(send: Any, call: Call, refusal: Refusal) -> None:
    """Answer a call with an error."""
    if call.json:
        kind = b"application/x-amz-json-1.1"
        content = json.dumps({"__type": refusal.code, "message": refusal.message, "Message": refusal.message})
    else:
        # The second is where S3's and the query protocol's clients look, the first where EC2's do.
        kind = b"text/xml"
        error = f"<Error><Code>{refusal.code}</Code><Message>{escape(refusal.message)}</Message></Error>"
        content = error if call.service == "s3" else f"<Response><Errors>{error}</Errors>{error}</Response>"
    headers = [(b"content-type", kind), (b"content-length", str(len(content.encode())).encode())]
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": content.encode()})
