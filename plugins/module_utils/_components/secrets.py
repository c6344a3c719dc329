# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The secrets that nobody has to think of: made up once, and never shown."""

from __future__ import annotations

import base64
import json
import os
import secrets
import string
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from .._reconcile.errors import OptionError
from .._reconcile.resource import Resource
from .._resources.secretsmanager import GeneratedSecret
from ._base import Component
from ._kms_rules import kms_key_option
from ._logins import DATABASE_USERNAME, DATABASE_USERS, MASTER_USER, is_reserved
from ._names import secret_name, secret_path
from ._option import Form, Option, Return
from ._shared_options import RECOVERY_WINDOW_DAYS

USERNAME = Form(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}", "1 to 64 letters, digits, dots, hyphens, _ and @")
EMAIL = Form(
    r"(?=.{1,254}$)[^@\s\"]+@[^@\s\"]+",
    "it must be an e-mail address, of at most 254 characters",
    "https://www.rfc-editor.org/rfc/rfc5321#section-4.5.3.1",
)

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
    SUMMARY = "Keys and logins in AWS Secrets Manager, generated where absent"
    DESCRIPTION = (
        "Generates Airflow's keys, the administrator's login and the logins of the metadata database where they are "
        "missing.",
        "A value that exists is never read, never shown and never replaced. To replace one, change it in Secrets "
        "Manager.",
        "A secret that is scheduled for deletion is restored with its value.",
    )
    TASK = "Create the keys and logins"
    WAITS = False
    MAIN = ("admin_username", "admin_email")
    OPTIONS = {
        "kms_key_arn": kms_key_option(
            "KMS key that encrypts the secrets.",
            "Without it what exists keeps the key that it has, and new secrets get C(aws/secretsmanager).",
        ),
        "recovery_window_days": RECOVERY_WINDOW_DAYS,
        "admin_username": Option(
            "str",
            (
                "Name of the first administrator of the web interface.",
                "Used when the secret is made; a later change does not reach an existing login.",
            ),
            default="admin",
            form=USERNAME,
        ),
        "admin_email": Option(
            "str",
            "E-mail address of the first administrator. Used when the secret is made.",
            default="admin@example.com",
            form=EMAIL,
        ),
        "database_username": Option(
            "str",
            (
                "Name of the owner of the metadata database. Used when the secret is made.",
                "At most 16 lower-case letters, digits and underscores.",
            ),
            default="sm2a",
            form=DATABASE_USERNAME,
        ),
    }
    RETURNS = {
        "prefix": Return("str", "How the names of all secrets of the environment start.", "sm2a/dev"),
        "connections_prefix": Return("str", "Where Airflow looks for connections.", "sm2a/dev/connections"),
        "variables_prefix": Return("str", "Where Airflow looks for variables.", "sm2a/dev/variables"),
        "config_prefix": Return(
            "str", "Where Airflow looks for sensitive options of its configuration.", "sm2a/dev/config"
        ),
        "names": Return(
            "dict",
            "The name of each secret.",
            {
                "admin": "sm2a/dev/admin",
                "database_master": "sm2a/dev/database/master",
                "database_worker": "sm2a/dev/database/worker-login",
                "database_scaler": "sm2a/dev/database/scaler-login",
                "fernet_key": "sm2a/dev/config/fernet_key",
                "api_secret_key": "sm2a/dev/config/api_secret_key",
                "jwt_secret": "sm2a/dev/config/jwt_secret",
            },
        ),
    }
    PLAN = ("AWS::SecretsManager::Secret", "sm2a/dev/admin")
    EXAMPLES = """
- name: Keys and logins
  sm2a.airflow.secrets:
    environment: dev
    region: eu-central-1

- name: Delete them, and leave a week to think again
  sm2a.airflow.secrets:
    environment: dev
    region: eu-central-1
    state: absent
    recovery_window_days: 7
"""

    def rules(self) -> Iterator[OptionError]:
        master = self.options["database_username"]
        if is_reserved(master):
            yield OptionError("database_username", master, "this name is reserved", MASTER_USER)

    @property
    def names(self) -> dict[str, str]:
        """The name of every secret that is made up here."""
        made_up = ("admin", "database_master", *DATABASE_USERS, "fernet_key", "api_secret_key", "jwt_secret")
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
            *(
                (names[secret], f"Login of the metadata database that the {who}", partial(login, user))
                for secret, (user, who) in DATABASE_USERS.items()
            ),
            (names["fernet_key"], "Key with which Airflow encrypts connections and variables", fernet_key),
            (
                names["api_secret_key"],
                "Key with which the API server signs what it asks workers and triggerers for",
                partial(secrets.token_hex, 32),
            ),
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
