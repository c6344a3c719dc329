# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The users of the metadata database, one for each kind of service, and what each may do with which table.

Workers, the triggerer and the DAG processor run what users write, so their users may not make anybody an administrator.
Everything is owned by the migration's user, who alone may change the schema.
"""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Any

from sm2a_image.registry import CORDON_COLUMN, REPORTED_COLUMNS, TABLE

READ = ("SELECT",)
ADD = ("SELECT", "INSERT")
CHANGE = ("SELECT", "INSERT", "UPDATE", "DELETE")
NOTHING: tuple[str, ...] = ()

# What a program may do with Airflow's own tables that logs no users in and does not speak to Celery.
OWN_TABLES: dict[str, tuple[str, ...]] = {
    "ab_*": NOTHING,
    "session": NOTHING,
    "revoked_token": NOTHING,
    TABLE: NOTHING,
    "celery_*": NOTHING,
    "alembic_version*": READ,
    "connection": READ,
    "*": CHANGE,
}

# For each user what it may do with a table: the first pattern that a table's name matches counts.
RIGHTS: dict[str, dict[str, tuple[str, ...]]] = {
    "airflow": {
        TABLE: NOTHING,
        "celery_*": READ,
        "alembic_version*": READ,
        "*": CHANGE,
    },
    "execution_api": OWN_TABLES,
    "dag_processor": {
        # It names the permissions of each DAG, and gives them to the roles in the DAG's access_control.
        "ab_permission": ADD,
        "ab_view_menu": ADD,
        "ab_permission_view": ADD,
        "ab_permission_view_role": ("SELECT", "INSERT", "DELETE"),
        "ab_role": READ,
        **OWN_TABLES,
    },
    "triggerer": OWN_TABLES,
    "worker": {
        TABLE: (*ADD, f"UPDATE ({', '.join(REPORTED_COLUMNS)})", "DELETE"),
        "celery_taskmeta": ("SELECT", "INSERT", "UPDATE"),
        # Celery looks whether it is there.
        "celery_tasksetmeta": READ,
        "*": NOTHING,
    },
    # What the scaler counts: nothing with a connection, a variable or a log.
    "scaler": {
        "dag": READ,
        "dag_run": READ,
        "task_instance": READ,
        TABLE: ("SELECT", f"UPDATE ({CORDON_COLUMN})"),
        "*": NOTHING,
    },
}
READS_ONLY = ("scaler",)
"""Users whose transactions may write only if they say so."""
ROLES_PERMISSIONS = "ab_permission_view_role"
"""Airflow's table of which role has which permission, to which the DAG processor adds those on its DAGs."""
# A body of text: later migrations may change the tables in it. Both prefixes are of Airflow's FAB provider.
OF_A_DAG = """
CREATE OR REPLACE FUNCTION sm2a_of_a_dag(permission INTEGER) RETURNS BOOLEAN
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT EXISTS (
        SELECT 1 FROM ab_permission_view p JOIN ab_view_menu m ON m.id = p.view_menu_id
        WHERE p.id = permission AND (m.name LIKE 'DAG:%' OR m.name LIKE 'DAG Run:%')
    )
$$
"""
# What those who are named may do with the rows of ROLES_PERMISSIONS; the owner may do everything.
POLICIES = {
    "sm2a_airflow": ("airflow", "FOR ALL TO {} USING (true) WITH CHECK (true)"),
    "sm2a_dag_processor_reads": ("dag_processor", "FOR SELECT TO {} USING (true)"),
    "sm2a_dag_processor_adds": ("dag_processor", "FOR INSERT TO {} WITH CHECK (sm2a_of_a_dag(permission_view_id))"),
    "sm2a_dag_processor_takes": ("dag_processor", "FOR DELETE TO {} USING (sm2a_of_a_dag(permission_view_id))"),
}
# Celery names its sequences otherwise than by their table and column.
CELERY_SEQUENCES = {"task_id_sequence": "celery_taskmeta", "taskset_id_sequence": "celery_tasksetmeta"}


def privileges(kind: str, table: str) -> tuple[str, ...]:
    """Return what the user of a kind of service may do with a table."""
    return next(rights for pattern, rights in RIGHTS[kind].items() if fnmatchcase(table, pattern))


def table_of(sequence: str) -> str:
    """Return the table whose rows a sequence counts. Not all of them belong to the column, so that names have to do."""
    return CELERY_SEQUENCES.get(sequence) or sequence.removesuffix("_seq").rpartition("_")[0]


def by_privileges(kind: str, tables: Iterable[str]) -> dict[tuple[str, ...], list[str]]:
    """Return the tables with which a user may do the same, by what that is, without those that it may not touch."""
    found: dict[tuple[str, ...], list[str]] = {}
    for table in sorted(tables):
        if rights := privileges(kind, table):
            found.setdefault(rights, []).append(table)
    return found


def create_result_tables(engine: Any) -> None:
    """Create the tables of Celery's results, which Celery would otherwise make with a worker's login."""
    from celery.backends.database.models import Task

    Task.metadata.create_all(engine)


def ensure_users(engine: Any, logins: dict[str, dict[str, Any]]) -> None:
    """Create or repair the users of some kinds, each with a login (``username``, ``password``).

    Whatever else they may do with a table is taken from them. On PostgreSQL nobody sees a state in between.
    """
    connection = engine.raw_connection()
    try:
        users = Postgresql if engine.dialect.name == "postgresql" else Mysql
        database = users(connection.driver_connection, engine.url.database)
        database.prepare()
        for kind, login in logins.items():
            database.ensure(kind, login)
        database.confine({kind: login["username"] for kind, login in logins.items()})
        connection.commit()
    finally:
        connection.close()


class Postgresql:
    """Users of PostgreSQL."""

    def __init__(self, connection: Any, database: str) -> None:
        self._connection = connection
        self._database = database

    def prepare(self) -> None:
        """Take from everybody what databases that began before version 15 still give: to make tables."""
        with self._connection.cursor() as cursor:
            cursor.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
            cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
            self._tables = [table for (table,) in cursor.fetchall()]
            cursor.execute("SELECT sequencename FROM pg_sequences WHERE schemaname = 'public'")
            self._sequences = [sequence for (sequence,) in cursor.fetchall()]

    def ensure(self, kind: str, login: dict[str, Any]) -> None:
        """Create or repair one user."""
        from psycopg2 import extensions, sql

        user = sql.Identifier(login["username"])
        # The server gets the SCRAM verifier, so that the password itself can appear in no log of statements.
        verifier = extensions.encrypt_password(login["password"], login["username"], self._connection, "scram-sha-256")
        with self._connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (login["username"],))
            verb = "ALTER" if cursor.fetchone() else "CREATE"
            cursor.execute(sql.SQL(verb + " ROLE {} LOGIN PASSWORD {}").format(user, sql.Literal(verifier)))
            if kind in READS_ONLY:
                cursor.execute(sql.SQL("ALTER ROLE {} SET default_transaction_read_only = on").format(user))
            cursor.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(sql.Identifier(self._database), user))
            cursor.execute(sql.SQL("GRANT USAGE ON SCHEMA public TO {}").format(user))
            for things in ("TABLES", "SEQUENCES"):
                cursor.execute(sql.SQL("REVOKE ALL ON ALL " + things + " IN SCHEMA public FROM {}").format(user))
            for rights, tables in by_privileges(kind, self._tables).items():
                self._grant(cursor, ", ".join(rights), tables, user)
            counts = [name for name in self._sequences if "INSERT" in privileges(kind, table_of(name))]
            if counts:
                self._grant(cursor, "USAGE", sorted(counts), user, "SEQUENCE ")

    def confine(self, users: dict[str, str]) -> None:
        """Let the DAG processor give roles permissions on DAGs and no others. ``users`` are names by kind."""
        from psycopg2 import sql

        if ROLES_PERMISSIONS not in self._tables:
            return
        with self._connection.cursor() as cursor:
            cursor.execute(OF_A_DAG)
            cursor.execute(f"ALTER TABLE {ROLES_PERMISSIONS} ENABLE ROW LEVEL SECURITY")
            for policy, (kind, rule) in POLICIES.items():
                cursor.execute(f"DROP POLICY IF EXISTS {policy} ON {ROLES_PERMISSIONS}")
                if kind in users:
                    created = f"CREATE POLICY {policy} ON {ROLES_PERMISSIONS} {rule}"
                    cursor.execute(sql.SQL(created).format(sql.Identifier(users[kind])))

    def _grant(self, cursor: Any, rights: str, names: list[str], user: Any, kind: str = "") -> None:
        from psycopg2 import sql

        listed = sql.SQL(", ").join(map(sql.Identifier, names))
        cursor.execute(sql.SQL("GRANT " + rights + " ON " + kind + "{} TO {}").format(listed, user))


class Mysql:
    """Users of MySQL."""

    def __init__(self, connection: Any, database: str) -> None:
        self._connection = connection
        self._database = database

    def prepare(self) -> None:
        """Look which tables there are."""
        with self._connection.cursor() as cursor:
            cursor.execute(
                "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = %s", (self._database,)
            )
            self._tables = [table for (table,) in cursor.fetchall()]

    def ensure(self, kind: str, login: dict[str, Any]) -> None:
        """Create or repair one user."""
        user = login["username"]
        account = (user, login["password"])
        with self._connection.cursor() as cursor:
            cursor.execute("CREATE USER IF NOT EXISTS %s@'%%' IDENTIFIED BY %s REQUIRE SSL", account)
            cursor.execute("ALTER USER %s@'%%' IDENTIFIED BY %s REQUIRE SSL", account)
            # MySQL commits each of these by itself. What stays is not taken away, so that a service that is at work
            # notices nothing.
            for table in self._tables:
                wanted = privileges(kind, table)
                if wanted:
                    self._tell(cursor, f"GRANT {', '.join(wanted)}", table, "TO", user)
                surplus = self._held(cursor, table, user) - {right.partition(" ")[0] for right in wanted}
                if surplus:
                    self._tell(cursor, f"REVOKE {', '.join(sorted(surplus))}", table, "FROM", user)

    def confine(self, users: dict[str, str]) -> None:
        """Do nothing: MySQL knows no policies of rows."""

    def _tell(self, cursor: Any, verb: str, table: str, preposition: str, user: str) -> None:
        cursor.execute(f"{verb} ON `{self._database}`.`{table}` {preposition} %s@'%%'", (user,))

    def _held(self, cursor: Any, table: str, user: str) -> set[str]:
        cursor.execute(
            "SELECT PRIVILEGE_TYPE FROM information_schema.TABLE_PRIVILEGES"
            " WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s AND GRANTEE = %s",
            (self._database, table, f"'{user}'@'%'"),
        )
        return {privilege for (privilege,) in cursor.fetchall()}
