# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A worker's row in the table over which it talks with the scaler, on a real SQL engine."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from sm2a_image import registry
from sm2a_image.registry import CONNECT_ARGUMENTS, CREATE, FORGOTTEN_SECONDS, NOW, Registry

URL = "postgresql+psycopg2://sm2a:the-password@database/airflow"
AT = 1_000_000.0


class Answer:
    """What SQLAlchemy gives back of a statement."""

    def __init__(self, cursor: sqlite3.Cursor) -> None:
        self.rowcount = cursor.rowcount
        self._rows = cursor.fetchall()

    def scalar_one(self) -> Any:
        [[value]] = self._rows
        return value


class Connection:
    """SQLAlchemy's, as far as a worker uses it."""

    dialect = SimpleNamespace(name="sqlite")

    def __init__(self, database: Database) -> None:
        self.database = database
        self.ended: list[str] = []

    def begin(self) -> contextlib.AbstractContextManager[Any]:
        return self.database.sqlite

    def execute(self, statement: str, row: dict[str, Any] | None = None) -> Answer:
        if self.database.broken:
            raise OSError("the server closed the connection")
        return Answer(self.database.sqlite.execute(statement, row or {}))

    def invalidate(self) -> None:
        self.ended.append("invalidate")

    def close(self) -> None:
        self.ended.append("close")


class Database:
    """Airflow's metadata database, whose clock stands still."""

    def __init__(self) -> None:
        self.sqlite = sqlite3.connect(":memory:")
        self.sqlite.execute(CREATE)
        self.broken = False
        self.url = URL
        self.engines: list[tuple[str, dict[str, Any]]] = []
        self.connections: list[Connection] = []

    def create_engine(self, url: SimpleNamespace, **options: Any) -> SimpleNamespace:
        self.engines.append((url.text, options))
        return SimpleNamespace(connect=self.connect)

    def connect(self) -> Connection:
        self.connections.append(Connection(self))
        return self.connections[-1]

    def rows(self) -> dict[str, tuple[Any, ...]]:
        found = self.sqlite.execute("SELECT ecs_task, busy, state, protected, seen, cordoned_until FROM sm2a_worker")
        return {task: tuple(rest) for task, *rest in found}


@pytest.fixture
def database(stand_in: Callable[..., ModuleType], monkeypatch: pytest.MonkeyPatch) -> Database:
    found = Database()
    monkeypatch.setitem(registry.NOW, "sqlite", str(AT))
    conf = SimpleNamespace(get_mandatory_value=lambda section, key: found.url)
    stand_in("airflow.providers.common.compat.sdk", conf=conf)

    def make_url(text: str) -> SimpleNamespace:
        return SimpleNamespace(text=text, get_driver_name=lambda: text.partition("+")[2].partition(":")[0])

    stand_in("sqlalchemy", create_engine=found.create_engine, make_url=make_url, text=str)
    stand_in("sqlalchemy.pool", NullPool="NullPool")
    return found


def worker(name: str = "a") -> Registry:
    return Registry(name, "default", f"host-{name}", 4)


def test_the_first_word_makes_the_row_and_the_next_ones_change_it(database: Database) -> None:
    one = worker()
    assert one.exchange(0, "open", True) == 0.0
    assert database.rows() == {"a": (0, "open", 1, AT, 0.0)}
    assert one.exchange(3, "closing", False) == 0.0
    assert database.rows() == {"a": (3, "closing", 0, AT, 0.0)}
    assert len(database.connections) == 1


@pytest.mark.parametrize(("until", "left"), [(AT + 40, 40.0), (AT, 0.0), (AT - 5, 0.0), (0.0, 0.0)])
def test_a_cordon_is_heard_and_not_undone(database: Database, until: float, left: float) -> None:
    one = worker()
    one.exchange(0, "open", True)
    database.sqlite.execute("UPDATE sm2a_worker SET cordoned_until = ?", (until,))

    assert one.exchange(1, "open", True) == left
    assert database.rows()["a"][-1] == until


def test_rows_of_workers_that_are_long_gone_are_removed(database: Database) -> None:
    for name in ("gone", "silent"):
        worker(name).exchange(0, "open", True)
    for name, seen in (("gone", AT - FORGOTTEN_SECONDS - 1), ("silent", AT - FORGOTTEN_SECONDS)):
        database.sqlite.execute("UPDATE sm2a_worker SET seen = ? WHERE ecs_task = ?", (seen, name))

    worker("new").exchange(0, "open", True)

    assert sorted(database.rows()) == ["new", "silent"]


def test_a_connection_that_fails_is_given_up_and_the_next_one_has_the_present_password(database: Database) -> None:
    one = worker()
    one.exchange(0, "open", True)
    database.broken = True
    with pytest.raises(OSError, match="closed the connection"):
        one.exchange(0, "open", True)
    assert database.connections[0].ended == ["invalidate", "close"]

    database.broken, database.url = False, URL.replace("the-password", "rotated")
    one.exchange(2, "open", True)

    assert [url for url, _options in database.engines] == [URL, database.url]
    assert database.rows()["a"][0] == 2


@pytest.mark.parametrize("driver", ["psycopg2", "mysqldb", "another"])
def test_no_driver_waits_for_ever(database: Database, driver: str) -> None:
    database.url = URL.replace("psycopg2", driver)
    worker().exchange(0, "open", True)
    [(_url, options)] = database.engines
    assert options == {"poolclass": "NullPool", "connect_args": CONNECT_ARGUMENTS.get(driver, {})}


def test_the_table_can_be_made_again_and_both_kinds_of_database_tell_the_time(database: Database) -> None:
    database.sqlite.execute(CREATE)
    assert {"postgresql", "mysql"} <= NOW.keys()


def test_what_was_never_opened_can_be_closed(database: Database) -> None:
    worker().close()
    assert database.connections == []
