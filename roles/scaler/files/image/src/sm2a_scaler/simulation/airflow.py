# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A trace out of a metadata database's history: when tasks were queued and how long they ran."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote, urlsplit

import psycopg
import pymysql

from sm2a_scaler.simulation.trace import Trace, TraceError, TraceTask

VARIABLE = "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"
"""Where Airflow itself keeps the connection."""

QUERY = """
SELECT COALESCE(queued_dttm, start_date), start_date, end_date
FROM task_instance
WHERE queue = {mark} AND end_date >= {mark} AND start_date IS NOT NULL
ORDER BY 1
"""


def read_airflow(url: str, queue: str, days: float) -> Trace:
    """Read the last ``days`` of a Celery queue from the database at ``url``, written as Airflow writes it.

    What waited for what is not told: tasks come when they came. Raises ``TraceError`` for a URL of another kind.
    """
    parts = urlsplit(url)
    engine = parts.scheme.split("+")[0]
    since = datetime.now(UTC) - timedelta(days=days)
    if engine == "sqlite":
        # sqlite:////absolute/path, as SQLAlchemy writes it.
        with closing(sqlite3.connect(f"file:{parts.path[1:]}?mode=ro", uri=True)) as connection:
            rows = _ask(connection, "?", queue, since.isoformat(sep=" "))
    elif engine in ("postgresql", "postgres"):
        with psycopg.connect(parts._replace(scheme="postgresql").geturl(), connect_timeout=10) as connection:
            rows = _ask(connection, "%s", queue, since)
    elif engine == "mysql":
        with closing(
            pymysql.connect(
                host=parts.hostname,
                port=parts.port or 3306,
                user=unquote(parts.username or ""),
                password=unquote(parts.password or ""),
                database=parts.path[1:],
                connect_timeout=10,
            )
        ) as connection:
            rows = _ask(connection, "%s", queue, since.replace(tzinfo=None))
    else:
        raise TraceError(f"{engine}: not a database that Airflow uses; expected postgresql, mysql or sqlite")
    return make_trace(queue, rows)


def _ask(connection: Any, mark: str, *parameters: Any) -> Sequence[Sequence[Any]]:
    cursor = connection.cursor()
    cursor.execute(QUERY.format(mark=mark), parameters)
    return list(cursor.fetchall())


def make_trace(name: str, rows: Iterable[Sequence[Any]]) -> Trace:
    """Make a trace of rows with the moments at which tasks were queued, started and ended."""
    moments = [tuple(_moment(value) for value in row) for row in rows]
    if not moments:
        raise TraceError(f"no task of queue {name} has ended in that time")
    first = min(queued for queued, _dummy, _dummy in moments)
    tasks = (TraceTask(queued - first, max(0.0, end - start)) for queued, start, end in moments)
    return Trace(name, tuple(sorted(tasks)))


def _moment(value: Any) -> float:
    """Seconds since 1970; a database that keeps no zone keeps UTC."""
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return float(moment.timestamp())
