# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Serves moto on the loopback interface, with the states and limits of AWS before it.

Usage: moto_launcher.py PORT
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Iterator
from typing import Any

import request_limits
import states
from hypercorn.asyncio import serve
from hypercorn.config import Config
from hypercorn.middleware import AsyncioWSGIMiddleware
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

# Of a request. Whatever tests send is far smaller.
MOST_BYTES = 64 * 1024 * 1024


def _never_empty(app: Any) -> Any:
    """Return the WSGI application with at least one part in each body: without any Hypercorn sends no headers."""

    def wrapped(environ: Any, start_response: Any) -> Iterator[bytes]:
        yield from app(environ, start_response)
        yield b""

    return wrapped


async def _serve(port: int) -> None:
    config = Config()
    config.bind = [f"127.0.0.1:{port}"]
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    moto = AsyncioWSGIMiddleware(
        _never_empty(DomainDispatcherApplication(create_backend_app)), max_body_size=MOST_BYTES
    )
    await serve(states.install(request_limits.install(moto)), config, shutdown_trigger=stop.wait)


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
