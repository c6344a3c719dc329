# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table over which a worker and the scaler talk: each worker has a row, and the scaler may cordon it there.

SQS has no remote control, and a worker reaches the metadata database anyway. All times are Unix seconds by the
database's clock, so that no two machines' clocks are ever compared.
"""

from __future__ import annotations

from typing import Any

TABLE = "sm2a_worker"
# How the database tells the time, by SQLAlchemy's name of its kind.
NOW = {
    "postgresql": "EXTRACT(EPOCH FROM clock_timestamp())::double precision",
    "mysql": "CAST(UNIX_TIMESTAMP(NOW(6)) AS DOUBLE)",
}
# The driver's own limits: a database that is gone must not hold a worker's thread for the kernel's minutes.
CONNECT_ARGUMENTS: dict[str, dict[str, Any]] = {
    "psycopg2": {"connect_timeout": 5, "options": "-c statement_timeout=5000", "tcp_user_timeout": 10000},
    "mysqldb": {"connect_timeout": 5, "read_timeout": 10, "write_timeout": 10},
}
FORGOTTEN_SECONDS = 86400

# ``busy`` counts messages that are taken and not acknowledged. ``state`` is open, closing or empty; ``protected``
# is 1 as long as ECS may not choose this worker to scale in.
CREATE = f"""
CREATE TABLE IF NOT EXISTS {TABLE} (
    ecs_task VARCHAR(64) NOT NULL PRIMARY KEY,
    queue VARCHAR(256) NOT NULL,
    hostname VARCHAR(255) NOT NULL,
    concurrency INTEGER NOT NULL,
    busy INTEGER NOT NULL,
    state VARCHAR(16) NOT NULL,
    protected INTEGER NOT NULL,
    seen DOUBLE PRECISION NOT NULL,
    cordoned_until DOUBLE PRECISION NOT NULL
)
"""
# The only column that the scaler writes, and those that a worker writes again and again.
CORDON_COLUMN = "cordoned_until"
REPORTED_COLUMNS = ("busy", "state", "protected", "seen")


class Registry:
    """This worker's row. Keeps one connection, and opens another one when it fails."""

    def __init__(self, ecs_task: str, queue: str, hostname: str, concurrency: int) -> None:
        self._identity = {"ecs_task": ecs_task, "queue": queue, "hostname": hostname, "concurrency": concurrency}
        self._connection: Any = None

    def exchange(self, busy: int, state: str, protected: bool) -> float:
        """Write the worker's state and return for how many more seconds it is cordoned: 0 if it is not.

        Raises what SQLAlchemy raises.
        """
        try:
            if self._connection is None:
                self._connection = self._connect()
            return self._exchange({**self._identity, "busy": busy, "state": state, "protected": int(protected)})
        except Exception:
            self.close()
            raise

    def close(self) -> None:
        """Give the connection up."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.invalidate()
            connection.close()

    def _connect(self) -> Any:
        from airflow.providers.common.compat.sdk import conf
        from sqlalchemy import create_engine, make_url, text
        from sqlalchemy.pool import NullPool

        # Read anew each time: the password may have been rotated since.
        url = make_url(conf.get_mandatory_value("database", "sql_alchemy_conn"))
        arguments = CONNECT_ARGUMENTS.get(url.get_driver_name(), {})
        connection = create_engine(url, poolclass=NullPool, connect_args=arguments).connect()
        now = NOW[connection.dialect.name]
        with connection.begin():
            connection.execute(text(f"DELETE FROM {TABLE} WHERE seen < {now} - {FORGOTTEN_SECONDS}"))
        return connection

    def _exchange(self, row: dict[str, Any]) -> float:
        from sqlalchemy import text

        now = NOW[self._connection.dialect.name]
        with self._connection.begin():
            changed = self._connection.execute(
                text(
                    f"UPDATE {TABLE} SET busy = :busy, state = :state, protected = :protected, seen = {now}"
                    " WHERE ecs_task = :ecs_task"
                ),
                row,
            ).rowcount
            if not changed:
                self._connection.execute(
                    text(
                        f"INSERT INTO {TABLE} (ecs_task, queue, hostname, concurrency, busy, state, protected, seen,"
                        " cordoned_until) VALUES (:ecs_task, :queue, :hostname, :concurrency, :busy, :state,"
                        f" :protected, {now}, 0)"
                    ),
                    row,
                )
            left = self._connection.execute(
                text(f"SELECT {CORDON_COLUMN} - {now} FROM {TABLE} WHERE ecs_task = :ecs_task"),
                row,
            ).scalar_one()
        return max(0.0, float(left))
