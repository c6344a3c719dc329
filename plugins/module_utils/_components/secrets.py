# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The secrets that nobody has to think of: made up once, and never shown."""

from __future__ import annotations

import base64
import json
import os
import re
import secrets
import string
from collections.abc import Callable
from functools import partial
from typing import Any

from .._reconcile.errors import OptionError
from .._reconcile.resource import Resource
from .._resources.secretsmanager import GeneratedSecret, validate_recovery_window
from ._base import Component
from ._kms_rules import validate_kms_key_arn
from ._names import secret_name, secret_path

MASTER_USER = "https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html"
SCALER_USER = "sm2a_scaler"
# Words that RDS keeps for itself or that the engines refuse as the name of a master user.
RESERVED_USERS = {"admin", "postgres_admin", "public", "rdsadmin", "rdsrepladmin", "rds_superuser", SCALER_USER}

# RDS forbids / @ " and spaces in a master password, and URLs have forbidden characters of their own; letters and
# digits need no thought anywhere. 32 of them are 190 bits. MySQL's limit is 41 characters (MASTER_USER).
ALPHABET = string.ascii_letters + string.digits
PASSWORD_LENGTH = 32


def password() -> str:
    """Return a new password of letters and digits."""
    return "".join(secrets.choice(ALPHABET) for _position in range(PASSWORD_LENGTH))


def fernet_key() -> str:
    """Return a new key for Fernet: 32 random bytes, url-safe base64."""
    return base64.urlsafe_b64encode(os.urandom(32)).decode()


def login(username: str, **more: str) -> str:
    """Return a new login as JSON."""
    return json.dumps({"username": username, "password": password(), **more})


class SecretsComponent(Component):
    """Secrets named ``sm2a/<environment>/...``."""

    NAME = "secrets"
    ARGUMENTS = {
        "kms_key_arn": {"type": "str", "no_log": False},
        "recovery_window_days": {"type": "int", "default": 30},
        "admin_username": {"type": "str", "default": "admin"},
        "admin_email": {"type": "str", "default": "admin@example.com"},
        "database_username": {"type": "str", "default": "sm2a"},
    }

    def validate(self) -> None:
        validate_recovery_window(self.options["recovery_window_days"])
        validate_kms_key_arn(self.options, self.aws)
        username = self.options["admin_username"]
        if not re.match(r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$", username):
            raise OptionError("admin_username", username, "1 to 64 letters, digits, dots, hyphens, _ and @")
        email = self.options["admin_email"]
        if not re.match(r"^[^@\s\"]+@[^@\s\"]+$", email):
            raise OptionError("admin_email", email, "it must be an e-mail address")
        master = self.options["database_username"]
        # The stricter of both engines: MySQL takes 16 characters, PostgreSQL 63.
        if not re.match(r"^[a-z][a-z0-9_]{0,15}$", master):
            rule = "1 to 16 lower-case letters, digits and underscores, starting with a letter"
            raise OptionError("database_username", master, rule, MASTER_USER)
        if master in RESERVED_USERS or master.startswith("pg_"):
            raise OptionError("database_username", master, "this name is reserved", MASTER_USER)

    @property
    def names(self) -> dict[str, str]:
        """The name of every secret that is made up here."""
        made_up = ("admin", "database_master", "database_scaler", "fernet_key", "api_secret_key", "jwt_secret")
        return {secret: secret_name(self.environment, secret) for secret in made_up}

    def resources(self) -> list[Resource]:
        names = self.names
        wanted: list[tuple[str, str, Callable[[], str]]] = [
            (
                names["admin"],
                "Login of the first administrator of the Airflow web interface",
                partial(login, self.options["admin_username"], email=self.options["admin_email"]),
            ),
            (
                names["database_master"],
                "Login of the owner of the metadata database",
                partial(login, self.options["database_username"]),
            ),
            (
                names["database_scaler"],
                "Login with which the scaler reads the metadata database",
                partial(login, SCALER_USER),
            ),
            (names["fernet_key"], "Key with which Airflow encrypts connections and variables", fernet_key),
            (names["api_secret_key"], "Key with which the API server signs sessions", partial(secrets.token_hex, 32)),
            (
                names["jwt_secret"],
                "Key with which Airflow signs tokens of tasks and users",
                partial(secrets.token_hex, 32),
            ),
        ]
        return [
            GeneratedSecret(
                self.aws,
                name,
                self.tags,
                generate,
                description=description,
                kms_key_id=self.options["kms_key_arn"],
                recovery_window_days=self.options["recovery_window_days"],
            )
            for name, description, generate in wanted
        ]

    def facts(self) -> dict[str, Any]:
        return {
            "prefix": secret_path(self.environment, "").rstrip("/"),
            "connections_prefix": secret_path(self.environment, "connections"),
            "variables_prefix": secret_path(self.environment, "variables"),
            "config_prefix": secret_path(self.environment, "config"),
            "names": self.names,
        }
