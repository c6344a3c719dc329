# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one-off task of a deployment: the schema, the scaler's database user, Airflow's administrator.

Every step can be repeated, so a run that was interrupted is simply started again.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

from sm2a_image.guard import read_secret
from sm2a_image.registry import CORDON_COLUMN, CREATE, TABLE

# What the scaler counts; nothing with a connection, a variable or a log.
SCALER_TABLES = ("dag", "dag_run", "task_instance")


def migrate() -> int:
    """Run all steps and return the exit code of the first that failed, else 0."""
    code = subprocess.run(["airflow", "db", "migrate"], check=False).returncode
    if code:
        print(f"sm2a: airflow db migrate failed with exit code {code}", file=sys.stderr)
        return code
    create_registry()
    scaler = os.environ.get("SM2A_SCALER_DATABASE_SECRET")
    if scaler:
        grant_scaler(json.loads(read_secret(scaler)))
        print("sm2a: the scaler's database user is ready")
    admin = os.environ.get("SM2A_ADMIN_SECRET")
    if admin:
        ensure_admin(json.loads(read_secret(admin)))
        print("sm2a: Airflow's administrator is ready")
    return 0


def create_registry() -> None:
    """Create the table over which the workers and the scaler talk."""
    from airflow import settings
    from sqlalchemy import text

    with settings.get_engine().begin() as connection:
        connection.execute(text(CREATE))


def grant_scaler(login: dict[str, Any]) -> None:
    """Create or repair the scaler's login (``username``, ``password``).

    It may read SCALER_TABLES and the workers' table, and write no more than which worker takes no new task.
    """
    from airflow import settings

    engine = settings.get_engine()
    connection = engine.raw_connection()
    try:
        if engine.dialect.name == "postgresql":
            _grant_postgresql(connection.driver_connection, engine.url.database, login)
        else:
            _grant_mysql(connection.driver_connection, engine.url.database, login)
        connection.commit()
    finally:
        connection.close()


def _grant_postgresql(connection: Any, database: str, login: dict[str, Any]) -> None:
    from psycopg2 import extensions, sql

    user = sql.Identifier(login["username"])
    # The server gets the SCRAM verifier, so that the password itself can appear in no log of statements.
    verifier = extensions.encrypt_password(login["password"], login["username"], connection, "scram-sha-256")
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (login["username"],))
        verb = "ALTER" if cursor.fetchone() else "CREATE"
        cursor.execute(sql.SQL(verb + " ROLE {} LOGIN PASSWORD {}").format(user, sql.Literal(verifier)))
        cursor.execute(sql.SQL("ALTER ROLE {} SET default_transaction_read_only = on").format(user))
        cursor.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(sql.Identifier(database), user))
        cursor.execute(sql.SQL("GRANT USAGE ON SCHEMA public TO {}").format(user))
        tables = sql.SQL(", ").join(map(sql.Identifier, SCALER_TABLES))
        cursor.execute(sql.SQL("GRANT SELECT ON {} TO {}").format(tables, user))
        workers, cordon = sql.Identifier(TABLE), sql.Identifier(CORDON_COLUMN)
        cursor.execute(sql.SQL("GRANT SELECT, UPDATE ({}) ON {} TO {}").format(cordon, workers, user))


def _grant_mysql(connection: Any, database: str, login: dict[str, Any]) -> None:
    account = (login["username"], login["password"])
    with connection.cursor() as cursor:
        cursor.execute("CREATE USER IF NOT EXISTS %s@'%%' IDENTIFIED BY %s REQUIRE SSL", account)
        cursor.execute("ALTER USER %s@'%%' IDENTIFIED BY %s REQUIRE SSL", account)
        for table in SCALER_TABLES:
            cursor.execute(f"GRANT SELECT ON `{database}`.`{table}` TO %s@'%%'", account[:1])
        privileges = f"SELECT, UPDATE ({CORDON_COLUMN})"
        cursor.execute(f"GRANT {privileges} ON `{database}`.`{TABLE}` TO %s@'%%'", account[:1])


def ensure_admin(login: dict[str, Any]) -> None:
    """Create Airflow's administrator (``username``, ``password``, ``email``), or give it this password again."""
    from airflow.providers.fab.auth_manager.cli_commands.utils import get_application_builder

    with get_application_builder() as builder:
        manager = builder.sm
        user = manager.find_user(login["username"])
        if user:
            manager.reset_password(user.id, login["password"])
            return
        email = login.get("email") or f"{login['username']}@localhost"
        role = manager.find_role("Admin")
        if not manager.add_user(login["username"], login["username"], "SM2A", email, role, login["password"]):
            raise RuntimeError(f"the user {login['username']} could not be created")
