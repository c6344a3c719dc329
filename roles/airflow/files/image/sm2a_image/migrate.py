# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one-off task of a deployment: the schema, the services' database users, Airflow's administrator.

Every step can be repeated, so a run that was interrupted is simply started again.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

from sm2a_image.database_users import create_result_tables, ensure_users
from sm2a_image.guard import read_secret
from sm2a_image.registry import CREATE


def migrate() -> int:
    """Run all steps and return the exit code of the first that failed, else 0."""
    code = subprocess.run(["airflow", "db", "migrate"], check=False).returncode
    if code:
        print(f"sm2a: airflow db migrate failed with exit code {code}", file=sys.stderr)
        return code
    create_tables()
    secrets = json.loads(os.environ.get("SM2A_DATABASE_LOGINS", "{}"))
    if secrets:
        grant({kind: json.loads(read_secret(secret)) for kind, secret in secrets.items()})
        print("sm2a: the services' database users are ready")
    admin = os.environ.get("SM2A_ADMIN_SECRET")
    if admin:
        ensure_admin(json.loads(read_secret(admin)))
        print("sm2a: Airflow's administrator is ready")
    return 0


def create_tables() -> None:
    """Create the table over which the workers and the scaler talk, and those of Celery's results."""
    from airflow import settings
    from sqlalchemy import text

    engine = settings.get_engine()
    with engine.begin() as connection:
        connection.execute(text(CREATE))
    create_result_tables(engine)


def grant(logins: dict[str, dict[str, Any]]) -> None:
    """Create or repair the services' users of the database."""
    from airflow import settings

    ensure_users(settings.get_engine(), logins)


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
