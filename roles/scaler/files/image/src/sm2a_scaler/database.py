# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Airflow's metadata database: one session that is kept, one statement a loop for all pools, and the leader's lock."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from sm2a_scaler.json_object import JsonObject

AUTHORITIES = "/opt/sm2a/database-ca.crt"
"""The certificate authorities by which the database is known; the image's build puts them there."""

CONNECT_SECONDS = 3
"""What opening a session may take, for the reason below."""

STATEMENT_SECONDS = 3
"""A loop is five seconds: an answer that takes longer is of the past, and a query that hangs burdens the database."""

ANSWER_SECONDS = 4.0
"""A server that has stopped and whose machine goes on acknowledges everything and answers nothing; after so long the
connection is hung up from this side."""

ABANDONED_SECONDS = 15
"""After this time without a word the server ends the session of a scaler that is gone, and with it the lock."""


class DatabaseError(Exception):
    """The secret does not tell how to reach a database."""


@dataclass(frozen=True)
class Login:
    """How to reach the database."""

    engine: str
    host: str
    port: int
    dbname: str
    username: str
    password: str = field(repr=False)

    @classmethod
    def parse(cls, secret: str) -> Login:
        """Read the JSON of a secret. Errors name the key at fault and never quote the secret."""
        values = JsonObject.parse(secret, "the database secret", error=DatabaseError, quotes=False)
        names = ("engine", "host", "port", "dbname", "username", "password")
        missing = [name for name in names if not values.has(name) or values.value(name) == ""]
        if missing:
            raise DatabaseError(f"the database secret lacks {', '.join(missing)}")
        port = str(values.value("port"))
        if not port.isdecimal():
            raise DatabaseError("the database secret's port is not a number")
        engine, host, _port, dbname, username, password = (str(values.value(name)) for name in names)
        return cls(engine, host, int(port), dbname, username, password)


@dataclass(frozen=True)
class Dialect:
    """Where PostgreSQL and MySQL differ. Times are Unix seconds."""

    now: str
    epoch: str
    """Of a column: a template with ``{}``."""
    try_lock: str
    """1 if this session has got the leader's lock, which it keeps until it ends; else 0."""
    begin: str
    """A transaction that may write, in a session that may not."""


POSTGRESQL = Dialect(
    now="CAST(EXTRACT(EPOCH FROM statement_timestamp()) AS DOUBLE PRECISION)",
    epoch="CAST(EXTRACT(EPOCH FROM {}) AS DOUBLE PRECISION)",
    # Any number will do that no other program takes; a lock is of one database only.
    try_lock="CASE WHEN pg_try_advisory_lock(7337520260724) THEN 1.0 ELSE 0.0 END",
    begin="BEGIN READ WRITE",
)
MYSQL = Dialect(
    now="CAST(UNIX_TIMESTAMP(NOW(6)) AS DOUBLE)",
    epoch="CAST(UNIX_TIMESTAMP({}) AS DOUBLE)",
    # A lock is of the whole server, and its name has at most 64 characters.
    try_lock="CAST(GET_LOCK(CONCAT('sm2a-scaler-', LEFT(SHA2(DATABASE(), 256), 40)), 0) AS DOUBLE)",
    begin="START TRANSACTION READ WRITE",
)


class Connection(Protocol):
    """The part of the Python database API (https://peps.python.org/pep-0249/) that is used here."""

    def cursor(self) -> Any: ...

    def close(self) -> None: ...


@dataclass
class Session:
    """An open connection and what belongs to it."""

    connection: Connection
    dialect: Dialect
    leads: bool = False
    """Whether this session holds the leader's lock."""

    def rows(self, statement: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        """Run a query and return all rows."""
        with self._bounded(), contextlib.closing(self.connection.cursor()) as cursor:
            cursor.execute(statement, tuple(values))
            return list(cursor.fetchall())

    def write(self, statements: Sequence[tuple[str, Sequence[Any]]]) -> None:
        """Run statements in one transaction that may write."""
        with self._bounded(), contextlib.closing(self.connection.cursor()) as cursor:
            cursor.execute(self.dialect.begin)
            for statement, values in statements:
                cursor.execute(statement, tuple(values))
            cursor.execute("COMMIT")

    @contextlib.contextmanager
    def _bounded(self) -> Iterator[None]:
        timer = threading.Timer(ANSWER_SECONDS, self._hang_up)
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _hang_up(self) -> None:
        """End the connection below the driver, which then fails in the thread that waits."""
        # PyMySQL has no such method, and a read time-out of its own.
        number = getattr(self.connection, "fileno", None)
        if number is not None:
            with contextlib.suppress(OSError), socket.socket(fileno=os.dup(number())) as duplicate:
                duplicate.shutdown(socket.SHUT_RDWR)


def connect(login: Login) -> Session:
    """Open a read-only session that verifies the server, ends slow statements and notices within seconds if it dies."""
    drivers = {"postgres": _postgresql, "postgresql": _postgresql, "mysql": _mysql}
    if login.engine not in drivers:
        raise DatabaseError(f"the database secret's engine is {login.engine!r}, not one of {', '.join(drivers)}")
    connection, dialect, statements = drivers[login.engine](login)
    try:
        with contextlib.closing(connection.cursor()) as cursor:
            for statement in statements:
                cursor.execute(statement)
    except Exception:
        connection.close()
        raise
    return Session(connection, dialect)


def _postgresql(login: Login) -> tuple[Connection, Dialect, list[str]]:
    import psycopg  # here, so that only the driver in use takes memory

    connection = psycopg.connect(
        host=login.host,
        port=login.port,
        dbname=login.dbname,
        user=login.username,
        password=login.password,
        application_name="sm2a-scaler",
        autocommit=True,  # an open transaction would hold back vacuum
        sslmode="verify-full",
        sslrootcert=AUTHORITIES,
        connect_timeout=CONNECT_SECONDS,
        # statement_timeout is the server's; these are for a server that is gone without a word, as in a failover.
        tcp_user_timeout=STATEMENT_SECONDS * 1000,
        keepalives_idle=STATEMENT_SECONDS,
        keepalives_interval=1,
        keepalives_count=3,
    )
    connection.prepare_threshold = None  # poolers such as RDS Proxy pin a session that prepares statements
    return (
        connection,
        POSTGRESQL,
        [
            "SET default_transaction_read_only = on",
            f"SET statement_timeout = {STATEMENT_SECONDS * 1000}",
            # The server's side of the same: a scaler that is gone without a word must not keep the leader's lock.
            f"SET tcp_keepalives_idle = {ABANDONED_SECONDS // 3}",
            f"SET tcp_keepalives_interval = {ABANDONED_SECONDS // 3}",
            "SET tcp_keepalives_count = 2",
            "SET jit = off",  # compiling a statement of many parts takes longer than running it
        ],
    )


def _mysql(login: Login) -> tuple[Connection, Dialect, list[str]]:
    import pymysql

    verified = ssl.create_default_context(cafile=AUTHORITIES)
    # Python's own demands on the form of certificates: libpq makes none, nor does RDS promise to meet them.
    verified.verify_flags &= ~ssl.VERIFY_X509_STRICT
    connection = pymysql.connect(
        host=login.host,
        port=login.port,
        database=login.dbname,
        user=login.username,
        password=login.password,
        program_name="sm2a-scaler",
        autocommit=True,
        ssl=verified,
        connect_timeout=CONNECT_SECONDS,
        read_timeout=STATEMENT_SECONDS + 1,
        write_timeout=STATEMENT_SECONDS,
    )
    return (
        connection,
        MYSQL,
        [
            "SET SESSION TRANSACTION READ ONLY",
            f"SET SESSION max_execution_time = {STATEMENT_SECONDS * 1000}",
            "SET SESSION time_zone = '+00:00'",  # Airflow's times are UTC, and UNIX_TIMESTAMP() takes the session's
            f"SET SESSION wait_timeout = {2 * ABANDONED_SECONDS}",
        ],
    )


class Database:
    """Runs the loop's statements in a session that is kept, and opened anew when it fails.

    The login is read each time a session is opened and not kept: a rotated password or a moved endpoint is known at
    once, and as a session lives for days, Secrets Manager is hardly asked.
    """

    def __init__(self, read_login: Callable[[], Login], connect: Callable[[Login], Session] = connect) -> None:
        self._read_login = read_login
        self._connect = connect
        self._session: Session | None = None

    @contextlib.contextmanager
    def session(self) -> Iterator[Session]:
        """Lend the session; it is closed, and the lock with it, when what is done with it fails.

        Raises whatever Secrets Manager or the driver raises.
        """
        if self._session is None:
            self._session = self._connect(self._read_login())
        try:
            yield self._session
        except Exception:
            self.close()
            raise

    @property
    def open(self) -> bool:
        """Whether there is a session, which may have died since it was last used."""
        return self._session is not None

    def close(self) -> None:
        """End the session, if there is one."""
        session, self._session = self._session, None
        if session is not None:
            with contextlib.suppress(Exception):
                session.connection.close()
