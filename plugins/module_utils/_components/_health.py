# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Asks Airflow how it is, through the load balancer, and says why there is no answer."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import urllib.request
from urllib.parse import urlsplit

HEALTH_PATH = "/api/v2/monitor/health"
# Airflow asks its database before it answers.
ANSWER_SECONDS = 10


class _Connection(http.client.HTTPConnection):
    """A connection to one host in the name of another: that of the certificate, and of the header Host."""

    def __init__(self, host: str, port: int, name: str, secure: bool) -> None:
        super().__init__(host, port, timeout=ANSWER_SECONDS)
        self._name = name
        self._secure = secure

    def connect(self) -> None:
        super().connect()
        if self._secure:
            self.sock = ssl.create_default_context().wrap_socket(self.sock, server_hostname=self._name)


def port_of(address: str) -> int:
    """Return the port of an address that begins with http:// or https://."""
    parts = urlsplit(address)
    return parts.port or (443 if parts.scheme == "https" else 80)


def airflow_health(address: str, balancer: str | None) -> tuple[dict[str, str], str]:
    """Return the state that Airflow reports of each of its components, or why it reports none.

    ``balancer`` is the host that is asked; without it that of ``address``. It is asked by the name in ``address``,
    which need not lead there yet, or not from here.
    """
    parts = urlsplit(address)
    name = str(parts.hostname)
    secure = parts.scheme == "https"
    port = port_of(address)
    # Browsers know that such names are this machine (RFC 6761); the C library of many systems does not.
    local = name == "localhost" or name.endswith(".localhost")
    host = "127.0.0.1" if local else balancer or name
    try:
        return _ask(_connection(host, port, name, secure, direct=local), parts.netloc, parts.path.rstrip("/"))
    except (OSError, http.client.HTTPException) as error:
        return {}, _reason(error, host, port)


def _connection(host: str, port: int, name: str, secure: bool, direct: bool) -> _Connection:
    """Return a connection, through the proxy if the environment names one."""
    proxy = urllib.request.getproxies().get("https" if secure else "http")
    if direct or not proxy or urllib.request.proxy_bypass(host):
        return _Connection(host, port, name, secure)
    through = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    connection = _Connection(str(through.hostname), through.port or 80, name, secure)
    connection.set_tunnel(host, port)
    return connection


def _ask(connection: _Connection, name: str, path: str) -> tuple[dict[str, str], str]:
    try:
        connection.request("GET", path + HEALTH_PATH, headers={"Host": name})
        answer = connection.getresponse()
        content = answer.read()
    finally:
        connection.close()
    if answer.status != 200:
        return {}, f"it answers with HTTP status {answer.status} {answer.reason}".rstrip()
    try:
        states = {part: state.get("status") for part, state in json.loads(content).items()}
    except (ValueError, AttributeError):
        states = {}
    # Airflow's answer always has the state of its database.
    health = {part: str(state) for part, state in states.items() if state}
    return health, "" if health else "what answers there is not Airflow"


def _reason(error: Exception, host: str, port: int) -> str:
    """Say what went wrong in the words of whoever has to repair it."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is refused: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"no TLS with {host}:{port}: {error.reason}"
    if isinstance(error, socket.gaierror):
        return f"the name {host} does not resolve"
    if isinstance(error, ConnectionRefusedError):
        return f"{host}:{port} refuses connections"
    if isinstance(error, TimeoutError):
        return f"{host}:{port} does not answer within {ANSWER_SECONDS} seconds; see security_ingress_cidrs"
    return f"{host}:{port}: {error or type(error).__name__}"
