# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lets the emulated AWS refuse calls, for tests of what the platform does then.

``PUT /_sm2a/faults`` takes a JSON object: the beginning of an operation's name, as in ``X-Amz-Target``, and the error
that it gets from then on. An empty object ends all faults.
"""

from __future__ import annotations

import json
from typing import Any

PATH = "/_sm2a/faults"

_faults: dict[str, str] = {}


def install(app: Any) -> Any:
    """Return ``app`` with the faults before it."""

    async def wrapped(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        if scope["path"] == PATH:
            message = await receive()
            _faults.clear()
            _faults.update(json.loads(message["body"]))
            await _answer(send, 200, {})
            return
        target = dict(scope["headers"]).get(b"x-amz-target", b"").decode()
        error = next((error for begin, error in _faults.items() if target.startswith(begin)), None)
        if error is None:
            await app(scope, receive, send)
        else:
            # AWS throttles with 400, and is at fault with 5xx; both are retried.
            await _answer(send, 400 if "Throttl" in error else 503, {"__type": error, "message": "refused for a test"})

    return wrapped


async def _answer(send: Any, status: int, body: dict[str, str]) -> None:
    headers = [(b"content-type", b"application/x-amz-json-1.1")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(body).encode()})
