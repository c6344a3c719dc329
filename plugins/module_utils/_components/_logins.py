# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What RDS takes as logins. Somebody may have edited those in Secrets Manager by hand."""

from __future__ import annotations

import re

from .._reconcile.aws import Aws
from .._reconcile.errors import ReconcileError
from .._reconcile.values import has_unknown
from .._resources.secretsmanager import SecretValues, read_secret_fields
from ._option import Form
from ._reserved_words import RESERVED_WORDS

MASTER_USER = "https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html"
# The users of the metadata database beside its owner, by their secret, and who they are.
DATABASE_USERS = {
    "database_airflow": ("sm2a_airflow", "API server and scheduler use"),
    "database_execution_api": ("sm2a_execution_api", "execution API uses"),
    "database_dag_processor": ("sm2a_dag_processor", "DAG processor uses"),
    "database_triggerer": ("sm2a_triggerer", "triggerer uses"),
    "database_worker": ("sm2a_worker", "workers use"),
    "database_scaler": ("sm2a_scaler", "scaler uses"),
}
# Words that RDS keeps for itself or that the engines refuse as the name of a master user.
RESERVED_USERS = {
    "admin",
    "postgres_admin",
    "public",
    "rdsadmin",
    "rdsrepladmin",
    "rds_superuser",
    *(user for user, _who in DATABASE_USERS.values()),
}
# The stricter of both engines: MySQL takes 16 characters, PostgreSQL 63.
DATABASE_USERNAME = Form(
    r"[a-z][a-z0-9_]{0,15}",
    "1 to 16 lower-case letters, digits and underscores, starting with a letter",
    MASTER_USER,
)
# A database that was restored may have an owner that the engine took and we would not have chosen.
ANY_USERNAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,62}")
# Printable ASCII without / " @ and the space (MASTER_USER).
PASSWORD = re.compile(r"[!#-.0-?A-~]+")
SHORTEST = 8
LONGEST = {"mysql": 41, "postgres": 128}


def is_reserved(name: str) -> bool:
    """Tell whether the owner of a new database cannot have this name."""
    return name in RESERVED_USERS | RESERVED_WORDS or name.startswith("pg_")


def read_login(aws: Aws, secret: str, engine: str, values: SecretValues | None = None) -> dict[str, str]:
    """Return ``username`` and ``password`` of a login, each "(known after apply)" in check mode where there is none.

    Raises ReconcileError, without the value, when a database of this engine could not have such a login.
    """
    login = read_secret_fields(aws, secret, "username", "password", values=values)
    if has_unknown(login):
        return login
    if not ANY_USERNAME.fullmatch(login["username"]):
        raise _refusal(secret, "username", "1 to 63 letters, digits and underscores, starting with a letter")
    if not PASSWORD.fullmatch(login["password"]):
        raise _refusal(secret, "password", 'printable ASCII characters without /, ", @ and spaces')
    if not SHORTEST <= len(login["password"]) <= LONGEST[engine]:
        raise _refusal(secret, "password", f"{SHORTEST} to {LONGEST[engine]} characters")
    return login


def read_owner(aws: Aws, secret: str, engine: str, values: SecretValues | None = None) -> dict[str, str]:
    """Return the login of the owner of a database that is to be made, as `read_login` does.

    Raises ReconcileError, without the value, when RDS would not make a database for it.
    """
    login = read_login(aws, secret, engine, values)
    if has_unknown(login):
        return login
    if not re.fullmatch(DATABASE_USERNAME.pattern, login["username"]):
        raise _refusal(secret, "username", DATABASE_USERNAME.rule)
    if is_reserved(login["username"]):
        raise _refusal(secret, "username", "a name that is not reserved")
    return login


def _refusal(secret: str, field: str, rule: str) -> ReconcileError:
    return ReconcileError(f"the {field} in the secret {secret} is refused: it must be {rule} (see {MASTER_USER})")
