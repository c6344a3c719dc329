# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``/healthz`` and ``/metrics`` over HTTP."""

from __future__ import annotations

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from sm2a_scaler.report import Board, prometheus

PORT = 8081


def serve(board: Board, port: int = PORT) -> ThreadingHTTPServer:
    """Serve ``board`` in the background, on all of the container's interfaces. Raises ``OSError`` for a port in use."""

    class Handler(BaseHTTPRequestHandler):
        timeout = 5  # seconds, for a client that connects and says nothing

        def do_GET(self) -> None:
            if self.path == "/healthz":
                now = time.monotonic()
                healthy = board.healthy(now)
                verdict = "ok" if healthy else "unhealthy"
                self._answer(200 if healthy else 503, f"{verdict}: last loop {board.age(now):.0f} s ago\n")
            elif self.path == "/metrics":
                self._answer(200, prometheus(board.last), "text/plain; version=0.0.4; charset=utf-8")
            else:
                self._answer(404, "only /healthz and /metrics\n")

        def _answer(self, status: int, text: str, kind: str = "text/plain; charset=utf-8") -> None:
            body = text.encode()
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """A line per probe would bury what matters."""

    server = ThreadingHTTPServer(("", port), Handler)
    threading.Thread(target=server.serve_forever, name="http", daemon=True).start()
    return server
