# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one-off task of a deployment: its steps, their exit code, and what the scaler's user may do."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from sm2a_image import migrate

LOGIN = {"username": "sm2a_scaler", "password": "the-password"}
ADMIN = {"username": "admin", "password": "the-password", "email": "admin@example.com"}
GRANTS = {
    "postgresql": [
        'GRANT CONNECT ON DATABASE "airflow" TO "sm2a_scaler"',
        'GRANT USAGE ON SCHEMA public TO "sm2a_scaler"',
        'GRANT SELECT ON "dag", "dag_run", "task_instance" TO "sm2a_scaler"',
        'GRANT SELECT, UPDATE ("cordoned_until") ON "sm2a_worker" TO "sm2a_scaler"',
    ],
    "mysql": [
        *[f"GRANT SELECT ON `airflow`.`{table}` TO %s@'%%'" for table in ("dag", "dag_run", "task_instance")],
        "GRANT SELECT, UPDATE (cordoned_until) ON `airflow`.`sm2a_worker` TO %s@'%%'",
    ],
}


class TestSteps:
    """What is run, in which order."""

    @pytest.fixture
    def done(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
        found: list[Any] = []
        for name in ("SM2A_SCALER_DATABASE_SECRET", "SM2A_ADMIN_SECRET"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setattr(migrate, "read_secret", lambda name: json.dumps({"of": name}))
        monkeypatch.setattr(migrate, "create_registry", lambda: found.append("registry"))
        monkeypatch.setattr(migrate, "grant_scaler", lambda login: found.append(("scaler", login["of"])))
        monkeypatch.setattr(migrate, "ensure_admin", lambda login: found.append(("admin", login["of"])))
        yield found

    def airflow_ends_with(self, code: int, monkeypatch: pytest.MonkeyPatch, done: list[Any]) -> None:
        def run(command: list[str], check: bool) -> SimpleNamespace:
            done.append(" ".join(command))
            return SimpleNamespace(returncode=code)

        monkeypatch.setattr(migrate.subprocess, "run", run)

    def test_all_of_them(self, monkeypatch: pytest.MonkeyPatch, done: list[Any]) -> None:
        self.airflow_ends_with(0, monkeypatch, done)
        monkeypatch.setenv("SM2A_SCALER_DATABASE_SECRET", "sm2a/dev/scaler/database")
        monkeypatch.setenv("SM2A_ADMIN_SECRET", "sm2a/dev/admin")

        assert migrate.migrate() == 0
        assert done == [
            "airflow db migrate",
            "registry",
            ("scaler", "sm2a/dev/scaler/database"),
            ("admin", "sm2a/dev/admin"),
        ]

    def test_only_what_is_asked_for(self, monkeypatch: pytest.MonkeyPatch, done: list[Any]) -> None:
        self.airflow_ends_with(0, monkeypatch, done)

        assert migrate.migrate() == 0
        assert done == ["airflow db migrate", "registry"]

    def test_nothing_is_built_on_a_schema_that_failed(
        self, monkeypatch: pytest.MonkeyPatch, done: list[Any], capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.airflow_ends_with(3, monkeypatch, done)

        assert migrate.migrate() == 3
        assert done == ["airflow db migrate"]
        assert "airflow db migrate failed with exit code 3" in capsys.readouterr().err


class Connection:
    """The driver's connection and cursor in one; keeps what it is told."""

    def __init__(self, *, user_exists: bool) -> None:
        self.user_exists = user_exists
        self.statements: list[str] = []
        self.values: list[Any] = []
        self.ended: list[str] = []
        self.driver_connection = self

    @contextmanager
    def cursor(self) -> Iterator[Connection]:
        yield self

    def execute(self, statement: str, values: Any = None) -> None:
        self.statements.append(str(statement))
        self.values.append(values)

    def fetchone(self) -> tuple[int] | None:
        return (1,) if self.user_exists else None

    def commit(self) -> None:
        self.ended.append("commit")

    def close(self) -> None:
        self.ended.append("close")


class Sql(str):
    """In the place of psycopg2's composed statements."""

    def format(self, *values: Any) -> Sql:  # type: ignore[override]
        return Sql(str.format(self, *values))


@pytest.fixture
def engine(stand_in: Callable[..., ModuleType]) -> Callable[..., Connection]:
    """Make an engine of a dialect Airflow's, and return its connection."""

    def make(dialect: str, *, user_exists: bool = False) -> Connection:
        connection = Connection(user_exists=user_exists)
        engine = SimpleNamespace(
            raw_connection=lambda: connection,
            dialect=SimpleNamespace(name=dialect),
            url=SimpleNamespace(database="airflow"),
        )
        stand_in("airflow", settings=SimpleNamespace(get_engine=lambda: engine))
        return connection

    def verifier(password: str, user: str, scope: Any, algorithm: str) -> str:
        return f"{algorithm} of {user}"

    sql = SimpleNamespace(SQL=Sql, Identifier=lambda name: f'"{name}"', Literal=lambda value: f"'{value}'")
    stand_in("psycopg2", sql=sql, extensions=SimpleNamespace(encrypt_password=verifier))
    return make


class TestScalersUser:
    """It may read what it counts, and write which worker takes no new task."""

    @pytest.mark.parametrize("dialect", ["postgresql", "mysql"])
    def test_what_it_may_do(self, engine: Callable[..., Connection], dialect: str) -> None:
        connection = engine(dialect)
        migrate.grant_scaler(LOGIN)
        assert [text for text in connection.statements if text.startswith("GRANT")] == GRANTS[dialect]
        assert connection.ended == ["commit", "close"]

    @pytest.mark.parametrize("dialect", ["postgresql", "mysql"])
    def test_its_password_is_in_no_statement(self, engine: Callable[..., Connection], dialect: str) -> None:
        connection = engine(dialect)
        migrate.grant_scaler(LOGIN)
        assert "the-password" not in " ".join(connection.statements)

    @pytest.mark.parametrize(("user_exists", "verb"), [(False, "CREATE"), (True, "ALTER")])
    def test_postgresql_makes_or_repairs_it(
        self, engine: Callable[..., Connection], user_exists: bool, verb: str
    ) -> None:
        connection = engine("postgresql", user_exists=user_exists)
        migrate.grant_scaler(LOGIN)
        assert connection.values[0] == ("sm2a_scaler",)
        assert connection.statements[1:3] == [
            f"{verb} ROLE \"sm2a_scaler\" LOGIN PASSWORD 'scram-sha-256 of sm2a_scaler'",
            'ALTER ROLE "sm2a_scaler" SET default_transaction_read_only = on',
        ]

    def test_mysql_makes_it_and_gives_it_the_present_password(self, engine: Callable[..., Connection]) -> None:
        connection = engine("mysql")
        migrate.grant_scaler(LOGIN)
        assert [text.split(" %s")[0] for text in connection.statements[:2]] == [
            "CREATE USER IF NOT EXISTS",
            "ALTER USER",
        ]
        assert all(text.endswith("REQUIRE SSL") for text in connection.statements[:2])
        assert connection.values[:2] == [("sm2a_scaler", "the-password")] * 2

    def test_a_failure_closes_the_connection_and_commits_nothing(self, engine: Callable[..., Connection]) -> None:
        connection = engine("mysql")
        connection.execute = lambda *rest: 1 / 0  # type: ignore[method-assign]
        with pytest.raises(ZeroDivisionError):
            migrate.grant_scaler(LOGIN)
        assert connection.ended == ["close"]


class Manager:
    """Airflow's security manager."""

    def __init__(self, *, users: tuple[str, ...] = (), adds: bool = True) -> None:
        self.users = users
        self.adds = adds
        self.added: list[tuple[Any, ...]] = []
        self.reset: list[tuple[Any, ...]] = []

    def find_user(self, name: str) -> SimpleNamespace | None:
        return SimpleNamespace(id=7) if name in self.users else None

    def find_role(self, name: str) -> str:
        return f"the role {name}"

    def add_user(self, *values: Any) -> bool:
        self.added.append(values)
        return self.adds

    def reset_password(self, *values: Any) -> None:
        self.reset.append(values)


class TestAdministrator:
    """Airflow's first user."""

    @pytest.fixture
    def build(self, stand_in: Callable[..., ModuleType]) -> Callable[[Manager], Manager]:
        def make(manager: Manager) -> Manager:
            @contextmanager
            def builder() -> Iterator[SimpleNamespace]:
                yield SimpleNamespace(sm=manager)

            stand_in(
                "airflow.providers.fab.auth_manager.cli_commands.utils",
                get_application_builder=builder,
            )
            return manager

        return make

    @pytest.mark.parametrize(("email", "written"), [("admin@example.com",) * 2, ("", "admin@localhost")])
    def test_is_made(self, build: Callable[[Manager], Manager], email: str, written: str) -> None:
        manager = build(Manager())
        migrate.ensure_admin({**ADMIN, "email": email})
        assert manager.added == [("admin", "admin", "SM2A", written, "the role Admin", "the-password")]

    def test_gets_the_password_of_the_secret_again(self, build: Callable[[Manager], Manager]) -> None:
        manager = build(Manager(users=("admin",)))
        migrate.ensure_admin(ADMIN)
        assert (manager.reset, manager.added) == ([(7, "the-password")], [])

    def test_one_that_cannot_be_made_fails_the_deployment(self, build: Callable[[Manager], Manager]) -> None:
        build(Manager(adds=False))
        with pytest.raises(RuntimeError, match="the user admin could not be created"):
            migrate.ensure_admin(ADMIN)
