# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The users of the metadata database: what each may do, and how they are made and repaired."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from sm2a_image import database_users
from sm2a_image.database_users import RIGHTS, privileges, table_of

LOGIN = {"username": "sm2a_worker", "password": "the-password"}
TABLES = ["ab_user", "ab_user_role", "alembic_version", "celery_taskmeta", "connection", "dag", "sm2a_worker"]
SEQUENCES = ["ab_user_id_seq", "connection_id_seq", "task_id_sequence"]
REPORTS = "UPDATE (busy, state, protected, seen)"


@pytest.mark.parametrize("table", ["ab_user", "ab_user_role", "ab_user_group", "ab_group_role", "ab_register_user"])
@pytest.mark.parametrize("kind", ["execution_api", "dag_processor", "triggerer", "worker", "scaler"])
def test_neither_code_of_users_nor_whom_it_calls_makes_anybody_an_administrator(kind: str, table: str) -> None:
    assert privileges(kind, table) == ()


@pytest.mark.parametrize("table", ["dag", "task_instance", "connection", "variable", "xcom", "session", "a_new_one"])
def test_a_worker_has_no_access_to_airflows_tables(table: str) -> None:
    assert privileges("worker", table) == ()


def test_nobody_else_than_workers_reports_for_a_worker() -> None:
    may = {kind: privileges(kind, "sm2a_worker") for kind in RIGHTS}

    assert may["worker"] == ("SELECT", "INSERT", REPORTS, "DELETE")
    assert may["scaler"] == ("SELECT", "UPDATE (cordoned_until)")
    assert not any(may[kind] for kind in ("airflow", "execution_api", "dag_processor", "triggerer"))


def test_a_table_of_a_later_airflow_is_reached_by_airflow() -> None:
    reached = {kind for kind in RIGHTS if privileges(kind, "a_new_one")}

    assert reached == {"airflow", "execution_api", "dag_processor", "triggerer"}


def test_nobody_changes_what_schema_there_is() -> None:
    assert {privileges(kind, "alembic_version_fab") for kind in RIGHTS} == {("SELECT",), ()}


@pytest.mark.parametrize(
    ("sequence", "table"),
    [("ab_user_id_seq", "ab_user"), ("task_id_sequence", "celery_taskmeta"), ("log_id_seq", "log")],
)
def test_a_sequence_belongs_to_a_table(sequence: str, table: str) -> None:
    assert table_of(sequence) == table


class Connection:
    """The driver's connection and cursor in one; keeps what it is told."""

    def __init__(self, *, user_exists: bool, held: dict[str, list[str]]) -> None:
        self.user_exists = user_exists
        self.held = held
        self.statements: list[str] = []
        self.ended: list[str] = []
        self.driver_connection = self
        self.rows: list[tuple[Any, ...]] = []

    @contextmanager
    def cursor(self) -> Iterator[Connection]:
        yield self

    def execute(self, statement: str, values: Any = None) -> None:
        self.statements.append(str(statement))
        if "pg_tables" in statement or "information_schema.TABLES " in statement:
            self.rows = [(table,) for table in TABLES]
        elif "pg_sequences" in statement:
            self.rows = [(sequence,) for sequence in SEQUENCES]
        elif "TABLE_PRIVILEGES" in statement:
            self.rows = [(privilege,) for privilege in self.held.get(values[1], [])]
            assert values[2] == "'sm2a_worker'@'%'"

    def fetchone(self) -> tuple[int] | None:
        return (1,) if self.user_exists else None

    def fetchall(self) -> list[tuple[Any, ...]]:
        return self.rows

    def commit(self) -> None:
        self.ended.append("commit")

    def close(self) -> None:
        self.ended.append("close")


class Sql(str):
    """In the place of psycopg2's composed statements."""

    def format(self, *values: Any) -> Sql:  # type: ignore[override]
        return Sql(str.format(self, *values))


@pytest.fixture
def ensure(stand_in: Callable[..., ModuleType]) -> Callable[..., Connection]:
    """Make or repair users on a server of a dialect, all with one login, and return the connection."""

    def verifier(password: str, user: str, scope: Any, algorithm: str) -> str:
        return f"{algorithm} of {user}"

    sql = SimpleNamespace(SQL=Sql, Identifier=lambda name: f'"{name}"', Literal=lambda value: f"'{value}'")
    stand_in("psycopg2", sql=sql, extensions=SimpleNamespace(encrypt_password=verifier))

    def make(
        dialect: str,
        *,
        user_exists: bool = False,
        held: dict[str, list[str]] | None = None,
        kinds: tuple[str, ...] = ("worker",),
    ) -> Connection:
        connection = Connection(user_exists=user_exists, held=held or {})
        engine = SimpleNamespace(
            raw_connection=lambda: connection,
            dialect=SimpleNamespace(name=dialect),
            url=SimpleNamespace(database="airflow"),
        )
        database_users.ensure_users(engine, dict.fromkeys(kinds, LOGIN))
        return connection

    return make


def changes(connection: Connection) -> list[str]:
    return [text for text in connection.statements if text.startswith(("GRANT", "REVOKE"))]


def test_postgresql_takes_everything_and_gives_what_is_needed_in_one_transaction(
    ensure: Callable[..., Connection],
) -> None:
    connection = ensure("postgresql")

    assert changes(connection) == [
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
        'GRANT CONNECT ON DATABASE "airflow" TO "sm2a_worker"',
        'GRANT USAGE ON SCHEMA public TO "sm2a_worker"',
        'REVOKE ALL ON ALL TABLES IN SCHEMA public FROM "sm2a_worker"',
        'REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM "sm2a_worker"',
        'GRANT SELECT, INSERT, UPDATE ON "celery_taskmeta" TO "sm2a_worker"',
        f'GRANT SELECT, INSERT, {REPORTS}, DELETE ON "sm2a_worker" TO "sm2a_worker"',
        'GRANT USAGE ON SEQUENCE "task_id_sequence" TO "sm2a_worker"',
    ]
    assert connection.ended == ["commit", "close"]


def test_postgresql_lets_the_dag_processor_give_permissions_on_dags_only(
    ensure: Callable[..., Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_users, "ROLES_PERMISSIONS", "ab_user_role")
    connection = ensure("postgresql", kinds=("airflow", "dag_processor"))

    policies = [text.partition(" ON ab_user_role ") for text in connection.statements if "CREATE POLICY" in text]
    assert {name.removeprefix("CREATE POLICY sm2a_"): rule for name, _on, rule in policies} == {
        "airflow": 'FOR ALL TO "sm2a_worker" USING (true) WITH CHECK (true)',
        "dag_processor_reads": 'FOR SELECT TO "sm2a_worker" USING (true)',
        "dag_processor_adds": 'FOR INSERT TO "sm2a_worker" WITH CHECK (sm2a_of_a_dag(permission_view_id))',
        "dag_processor_takes": 'FOR DELETE TO "sm2a_worker" USING (sm2a_of_a_dag(permission_view_id))',
    }
    assert "ALTER TABLE ab_user_role ENABLE ROW LEVEL SECURITY" in connection.statements


def test_mysql_gives_what_is_needed_before_it_takes_the_rest(ensure: Callable[..., Connection]) -> None:
    held = {"dag": ["SELECT"], "celery_taskmeta": ["SELECT", "DELETE", "INSERT", "UPDATE"]}
    connection = ensure("mysql", held=held)

    assert changes(connection) == [
        "GRANT SELECT, INSERT, UPDATE ON `airflow`.`celery_taskmeta` TO %s@'%%'",
        "REVOKE DELETE ON `airflow`.`celery_taskmeta` FROM %s@'%%'",
        "REVOKE SELECT ON `airflow`.`dag` FROM %s@'%%'",
        f"GRANT SELECT, INSERT, {REPORTS}, DELETE ON `airflow`.`sm2a_worker` TO %s@'%%'",
    ]
    assert all("REQUIRE SSL" in text for text in connection.statements if " USER " in text)


@pytest.mark.parametrize("dialect", ["postgresql", "mysql"])
def test_a_password_is_in_no_statement(ensure: Callable[..., Connection], dialect: str) -> None:
    assert "the-password" not in " ".join(ensure(dialect).statements)


@pytest.mark.parametrize(("user_exists", "verb"), [(False, "CREATE"), (True, "ALTER")])
def test_postgresql_makes_or_repairs_a_user(ensure: Callable[..., Connection], user_exists: bool, verb: str) -> None:
    made = f"{verb} ROLE \"sm2a_worker\" LOGIN PASSWORD 'scram-sha-256 of sm2a_worker'"

    assert made in ensure("postgresql", user_exists=user_exists).statements


def test_a_failure_closes_the_connection_and_commits_nothing(
    ensure: Callable[..., Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: list[str] = []
    monkeypatch.setattr(Connection, "execute", lambda self, *rest: ended.append("failed") or 1 / 0)
    monkeypatch.setattr(Connection, "close", lambda self: ended.append("close"))
    monkeypatch.setattr(Connection, "commit", lambda self: ended.append("commit"))
    with pytest.raises(ZeroDivisionError):
        ensure("mysql")
    assert ended == ["failed", "close"]
