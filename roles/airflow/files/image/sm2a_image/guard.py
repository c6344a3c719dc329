# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Refuses to start on a configuration that Airflow would accept and silently run wrong.

If its secrets backend cannot be reached, Airflow falls back to SQLite without a word and reports success.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping

# The exception is an option whose own name ends so: its value is no secret's name, and may not be printed.
SECRET_OPTION = re.compile(r"^(?!AIRFLOW__API_AUTH__JWT_SECRET$)AIRFLOW__.+?__.+_SECRET$")
CONNECTION = "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"


class ConfigurationError(Exception):
    """What is wrong, with the option and the secret by name and no value."""


def read_secret(name: str) -> str:
    """Return the text of a secret. Raises botocore's errors."""
    import boto3
    from botocore.config import Config

    # A new IAM role's permissions can take seconds to be everywhere: a few patient tries, then a clear message.
    config = Config(connect_timeout=5, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 5})
    return str(boto3.client("secretsmanager", config=config).get_secret_value(SecretId=name)["SecretString"])


def secret_name(environment: Mapping[str, str], variable: str) -> str:
    """Return the full name of the secret that a ``*_SECRET`` option names.

    Raises ConfigurationError when the secrets backend is not configured.
    """
    try:
        arguments = json.loads(environment["AIRFLOW__SECRETS__BACKEND_KWARGS"])
        prefix = arguments["config_prefix"]
    except (KeyError, ValueError, TypeError):
        raise ConfigurationError(
            f"{variable} names a secret, but AIRFLOW__SECRETS__BACKEND_KWARGS has no config_prefix"
        ) from None
    return f"{prefix}/{environment[variable]}"


def check(environment: Mapping[str, str], read: Callable[[str], str] = read_secret) -> None:
    """Read every secret that the configuration names and judge the database connection.

    Raises ConfigurationError.
    """
    connection = environment.get(CONNECTION, "")
    for variable in sorted(filter(SECRET_OPTION.match, environment)):
        name = secret_name(environment, variable)
        try:
            value = read(name)
        except Exception as error:
            # Whatever the SDK raises, the operator needs the option and the secret beside it.
            raise ConfigurationError(f"{variable}: the secret {name} cannot be read: {error}") from error
        if not value.strip():
            raise ConfigurationError(f"{variable}: the secret {name} is empty")
        if variable == f"{CONNECTION}_SECRET":
            connection = value
    if not connection:
        raise ConfigurationError(
            f"neither {CONNECTION}_SECRET nor {CONNECTION} is set; Airflow would use SQLite, which loses everything"
        )
    if connection.startswith("sqlite"):
        raise ConfigurationError(f"{CONNECTION} is an SQLite database; SM2A needs PostgreSQL or MySQL")
