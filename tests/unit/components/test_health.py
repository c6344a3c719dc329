# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Why Airflow does not answer, and that it is asked through the load balancer in its users' name."""

from __future__ import annotations

import datetime
import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ansible_collections.sm2a.airflow.plugins.module_utils._components import _health
from ansible_collections.sm2a.airflow.plugins.module_utils._components._health import airflow_health

HEALTHY = {"metadatabase": {"status": "healthy"}, "scheduler": {"status": "healthy"}, "triggerer": {"status": None}}
NAME = "airflow.dev.example.com"


class Handler(BaseHTTPRequestHandler):
    """Answers what the server was told to, and notes for whom."""

    def do_GET(self) -> None:
        self.server.asked.append((self.path, self.headers["Host"]))  # type: ignore[attr-defined]
        body = self.server.body.encode()  # type: ignore[attr-defined]
        self.send_response(self.server.status)  # type: ignore[attr-defined]
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@contextmanager
def server(body: str = json.dumps(HEALTHY), status: int = 200, certificate: Path | None = None) -> Iterator[Any]:
    running: Any = HTTPServer(("127.0.0.1", 0), Handler)
    running.body, running.status, running.asked = body, status, []
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        running.socket = context.wrap_socket(running.socket, server_side=True)
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield running
    finally:
        running.shutdown()
        running.server_close()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The network's proxy is not asked for what runs here."""
    monkeypatch.setenv("no_proxy", "*")


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A certificate for NAME that this process trusts."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, NAME)])
    now = datetime.datetime.now(datetime.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "certificate.pem"
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(signed.public_bytes(pem) + private)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    return path


def test_the_load_balancer_is_asked_in_the_name_of_the_domain(certificate: Path) -> None:
    with server(certificate=certificate) as running:
        port = running.server_port
        health, problem = airflow_health(f"https://{NAME}:{port}", "127.0.0.1")

    assert (health, problem) == ({"metadatabase": "healthy", "scheduler": "healthy"}, "")
    assert running.asked == [("/api/v2/monitor/health", f"{NAME}:{port}")]


def test_name_that_the_certificate_is_not_for(certificate: Path) -> None:
    with server(certificate=certificate) as running:
        health, problem = airflow_health(f"https://other.example.com:{running.server_port}", "127.0.0.1")

    assert health == {}
    assert problem.startswith("its certificate is refused: ") and "other.example.com" in problem
    assert running.asked == []


def test_plain_http_below_a_path() -> None:
    with server() as running:
        health, problem = airflow_health(f"http://sm2a.localhost:{running.server_port}/airflow/", None)

    assert health and not problem
    assert running.asked == [("/airflow/api/v2/monitor/health", f"sm2a.localhost:{running.server_port}")]


@pytest.mark.parametrize(
    ("body", "status", "problem"),
    [
        ("", 503, "HTTP status 503 Service Unavailable"),
        ("moved", 301, "HTTP status 301"),
        ("<html>", 200, "what answers there is not Airflow"),
        ("[]", 200, "what answers there is not Airflow"),
        ("{}", 200, "what answers there is not Airflow"),
        ('{"error": null}', 200, "what answers there is not Airflow"),
        ('{"error": {}}', 200, "what answers there is not Airflow"),
        ('{"a": 1}', 200, "what answers there is not Airflow"),
    ],
)
def test_answer_that_is_not_airflows(body: str, status: int, problem: str) -> None:
    with server(body, status) as running:
        health, said = airflow_health(f"http://localhost:{running.server_port}", None)

    assert health == {} and problem in said


def test_refused_connection() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, and nobody listens
        port = taken.getsockname()[1]
        assert airflow_health(f"http://{NAME}:{port}", "127.0.0.1") == ({}, f"127.0.0.1:{port} refuses connections")


def test_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_health, "ANSWER_SECONDS", 0.1)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        problem = airflow_health(f"http://{NAME}:{silent.getsockname()[1]}", "127.0.0.1")[1]

    assert "does not answer within 0.1 seconds" in problem and "security_ingress_cidrs" in problem


def test_name_that_does_not_resolve() -> None:
    # RFC 6761: this one never does.
    problem = airflow_health("http://sm2a.invalid", None)[1]

    assert problem == "the name sm2a.invalid does not resolve"


def test_no_tls() -> None:
    with server() as running:
        problem = airflow_health(f"https://{NAME}:{running.server_port}", "127.0.0.1")[1]

    assert problem.startswith(f"no TLS with 127.0.0.1:{running.server_port}")


def test_a_proxy_is_asked_for_the_load_balancer(monkeypatch: pytest.MonkeyPatch) -> None:
    requests = []
    with socket.socket() as proxy:
        proxy.bind(("127.0.0.1", 0))
        proxy.listen()

        def answer() -> None:
            connection, _address = proxy.accept()
            with connection:
                requests.append(connection.recv(1000).split(b"\r\n")[0])
                connection.sendall(b"HTTP/1.1 403 Forbidden\r\n\r\n")

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        monkeypatch.setenv("no_proxy", "")
        monkeypatch.setenv("NO_PROXY", "")
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{proxy.getsockname()[1]}")
        problem = airflow_health(f"https://{NAME}", "sm2a-dev-1.elb.example.com")[1]
        thread.join(10)

    assert requests[0].startswith(b"CONNECT sm2a-dev-1.elb.example.com:443 ")
    assert "403 Forbidden" in problem
