# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The database: a session that is kept, reconnecting, and errors that keep the secret."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import threading
from pathlib import Path
from typing import Any

import psycopg
import pymysql
import pytest
import trustme

from sm2a_scaler import database
from sm2a_scaler.database import POSTGRESQL, Database, DatabaseError, Login, Session

SECRET = {
    "engine": "postgres",
    "host": "db.example",
    "port": 5432,
    "dbname": "airflow",
    "username": "scaler",
    "password": "a-password",
}


class FakeConnection:
    """A database connection that answers until it is broken, and notes what it is asked."""

    def __init__(self) -> None:
        self.broken = False
        self.closed = False
        self.statements: list[str] = []

    def cursor(self) -> FakeConnection:
        return self

    def execute(self, statement: str, values: tuple[Any, ...] = ()) -> None:
        if self.broken:
            raise OSError("server closed the connection")
        self.statements.append(statement)

    def fetchall(self) -> list[tuple[int]]:
        return [(1,)]

    def close(self) -> None:
        # Cursors are closed too; for what is tested here that is the same.
        self.closed = True


class Server:
    """Hands out sessions and notes the logins."""

    def __init__(self) -> None:
        self.password = "a-password"
        self.refuses = False
        self.connections: list[FakeConnection] = []
        self.logins: list[Login] = []
        self.database = Database(lambda: Login.parse(json.dumps(SECRET | {"password": self.password})), self.connect)

    def connect(self, login: Login) -> Session:
        self.logins.append(login)
        if self.refuses:
            raise OSError("connection refused")
        self.connections.append(FakeConnection())
        return Session(self.connections[-1], POSTGRESQL)

    def ask(self) -> list[tuple[Any, ...]]:
        with self.database.session() as session:
            return session.rows("SELECT 1", [])


def test_one_session_is_kept() -> None:
    server = Server()

    assert server.ask() == [(1,)]
    assert server.ask() == [(1,)]
    assert len(server.connections) == 1


def test_a_failed_session_is_closed_and_the_next_has_the_present_secret() -> None:
    server = Server()
    server.ask()
    server.connections[0].broken = True
    server.password = "rotated"

    with pytest.raises(OSError, match="server closed"):
        server.ask()
    assert server.connections[0].closed
    assert not server.database.open
    assert server.ask() == [(1,)]
    assert [login.password for login in server.logins] == ["a-password", "rotated"]


def test_tries_again_with_the_next_call() -> None:
    server = Server()
    server.refuses = True
    for _attempt in range(2):
        with pytest.raises(OSError, match="refused"):
            server.ask()
    server.refuses = False

    assert server.ask() == [(1,)]


class Stopped(FakeConnection):
    """A connection to a server that has stopped: the network is there, and no answer comes."""

    def __init__(self) -> None:
        super().__init__()
        self.socket, self.server = socket.socketpair()

    def fileno(self) -> int:
        return self.socket.fileno()

    def execute(self, statement: str, values: tuple[Any, ...] = ()) -> None:
        if not self.socket.recv(1):
            raise OSError("server closed the connection unexpectedly")


def test_a_server_that_has_stopped_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "ANSWER_SECONDS", 0.2)
    stopped = Stopped()
    waiting = Database(lambda: Login.parse(json.dumps(SECRET)), lambda login: Session(stopped, POSTGRESQL))

    with pytest.raises(OSError, match="closed the connection"), waiting.session() as session:
        session.rows("SELECT 1", [])
    assert stopped.closed


def test_writes_are_one_transaction_of_a_session_that_otherwise_may_not() -> None:
    server = Server()
    with server.database.session() as session:
        session.write([("UPDATE one", []), ("UPDATE two", [])])

    assert server.connections[0].statements == ["BEGIN READ WRITE", "UPDATE one", "UPDATE two", "COMMIT"]


@pytest.mark.parametrize(
    ("secret", "message"),
    [
        ("a-password", "the database secret is not JSON"),
        ('["a-password"]', "the database secret must be a JSON object"),
        (json.dumps(SECRET | {"host": "", "port": None}), "the database secret lacks host, port"),
        (json.dumps(SECRET | {"port": "a-password"}), "the database secret's port is not a number"),
    ],
)
def test_bad_secret_is_not_quoted(secret: str, message: str) -> None:
    with pytest.raises(DatabaseError) as caught:
        Login.parse(secret)
    assert str(caught.value) == message


def test_password_is_not_shown() -> None:
    assert "a-password" not in repr(Login.parse(json.dumps(SECRET)))


def test_unknown_engine() -> None:
    with pytest.raises(DatabaseError, match="engine is 'oracle', not one of postgres, postgresql, mysql"):
        database.connect(Login.parse(json.dumps(SECRET | {"engine": "oracle"})))


@pytest.mark.parametrize(("engine", "driver"), [("postgres", "psycopg"), ("mysql", "pymysql")])
def test_session_is_bounded_and_read_only(
    engine: str, driver: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    statements: list[str] = []
    options: dict[str, Any] = {}

    class Driver:
        prepare_threshold = 5

        def cursor(self) -> Any:
            return self

        def execute(self, statement: str) -> None:
            statements.append(statement)

        def close(self) -> None:
            pass

    def connect(**given: Any) -> Driver:
        options.update(given)
        return Driver()

    monkeypatch.setattr(f"{driver}.connect", connect)
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    monkeypatch.setattr(database, "AUTHORITIES", str(tmp_path / "authority.pem"))
    database.connect(Login.parse(json.dumps(SECRET | {"engine": engine})))

    assert options["connect_timeout"] == database.CONNECT_SECONDS
    assert options["autocommit"] is True
    assert any("read_only" in text or "READ ONLY" in text for text in statements)
    assert any("statement_timeout = 3000" in text or "max_execution_time = 3000" in text for text in statements)


class TlsServer:
    """Speaks as much of a database's protocol as comes before and during TLS, and then hangs up."""

    # PostgreSQL: the client asks for TLS, and "S" agrees. MySQL: the server begins, with its version, a challenge and
    # what it is able to do; the client then asks for TLS.
    GREETING = bytes.fromhex("0a") + b"8.4.0\0" + bytes(4) + b"12345678" + bytes.fromhex("00ffff2d0200ffdf15")
    GREETING += bytes(10) + b"123456789012\0caching_sha2_password\0"

    def __init__(self, engine: str, certificate: trustme.LeafCert) -> None:
        self.engine = engine
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(self.context)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.connected = False
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self) -> None:
        connection, _address = self.listener.accept()
        with connection, contextlib.suppress(OSError):
            if self.engine == "mysql":
                connection.sendall(len(self.GREETING).to_bytes(3, "little") + b"\0" + self.GREETING)
                connection.recv(36, socket.MSG_WAITALL)
            else:
                connection.recv(8, socket.MSG_WAITALL)
                connection.sendall(b"S")
            with self.context.wrap_socket(connection, server_side=True) as encrypted:
                # Only a client that accepts the certificate goes on to say who it is.
                self.connected = bool(encrypted.recv(1))


@pytest.mark.parametrize("engine", ["postgres", "mysql"])
@pytest.mark.parametrize(
    ("name", "trusted", "accepted"),
    [
        ("127.0.0.1", True, True),
        ("127.0.0.1", False, False),
        ("another.example.com", True, False),
    ],
)
def test_only_the_database_itself_gets_the_login(
    engine: str, name: str, trusted: bool, accepted: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    authority = trustme.CA()
    (authority if trusted else trustme.CA()).cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    monkeypatch.setattr(database, "AUTHORITIES", str(tmp_path / "authority.pem"))
    server = TlsServer(engine, authority.issue_cert(name))
    secret = SECRET | {"engine": engine, "host": "127.0.0.1", "port": server.port}

    with pytest.raises((psycopg.Error, pymysql.Error)):  # the server hangs up in any case
        database.connect(Login.parse(json.dumps(secret)))

    server.thread.join(10)
    assert server.connected is accepted
