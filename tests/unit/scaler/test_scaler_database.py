# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The database: a session that is kept, reconnecting, and errors that keep the secret."""

from __future__ import annotations

import json
import socket
from typing import Any

import pytest

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
def test_session_is_encrypted_bounded_and_read_only(engine: str, driver: str, monkeypatch: pytest.MonkeyPatch) -> None:
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
    database.connect(Login.parse(json.dumps(SECRET | {"engine": engine})))

    assert options["connect_timeout"] == database.CONNECT_SECONDS
    assert options["autocommit"] is True
    assert options.get("sslmode") == "require" or options["ssl"]
    assert any("read_only" in text or "READ ONLY" in text for text in statements)
    assert any("statement_timeout = 3000" in text or "max_execution_time = 3000" in text for text in statements)
