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

from sm2a_image.sensitive import sensitive_variables

SECRET_OPTION = re.compile(r"^AIRFLOW__.+?__.+_SECRET$")
CONNECTION = "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"
# SM2A itself names the secrets of these. What another such option holds may be a secret instead of a secret's name, and
# is never shown.
NAMED_BY_SM2A = {
    f"{option}_SECRET"
    for option in (
        CONNECTION,
        "AIRFLOW__CORE__FERNET_KEY",
        "AIRFLOW__API__SECRET_KEY",
        "AIRFLOW__API_AUTH__JWT_SECRET",
    )
}


class ConfigurationError(Exception):
    """What is wrong, with the option, and the secret if SM2A named it, and no value."""


def read_secret(name: str) -> str:
    """Return the text of a secret. Raises botocore's errors."""
    import boto3
    from botocore.config import Config

    # A new IAM role's permissions can take seconds to be everywhere: a few patient tries, then a clear message.
    config = Config(connect_timeout=5, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 5})
    return str(boto3.client("secretsmanager", config=config).get_secret_value(SecretId=name)["SecretString"])


def config_prefix(environment: Mapping[str, str]) -> str:
    """Return below which name the secrets of options are.

    Raises ConfigurationError when the secrets backend is not configured.
    """
    try:
        return str(json.loads(environment["AIRFLOW__SECRETS__BACKEND_KWARGS"])["config_prefix"])
    except (KeyError, ValueError, TypeError):
        raise ConfigurationError("AIRFLOW__SECRETS__BACKEND_KWARGS has no config_prefix") from None


def secret_name(environment: Mapping[str, str], variable: str) -> str:
    """Return the full name of the secret that a ``*_SECRET`` option names.

    Raises ConfigurationError when the secrets backend is not configured.
    """
    try:
        return f"{config_prefix(environment)}/{environment[variable]}"
    except ConfigurationError as error:
        raise ConfigurationError(f"{variable} names a secret, but {error}") from None


def unreadable(variable: str, name: str, error: Exception) -> str:
    """Say that a secret cannot be read, without its name unless SM2A gave it: AWS repeats the name in its errors."""
    if variable in NAMED_BY_SM2A:
        return f"{variable}: the secret {name} cannot be read: {error}"
    # Errors of botocore have no answer of AWS to show, or None.
    answer = getattr(error, "response", None) or {}
    code = answer.get("Error", {}).get("Code") or type(error).__name__
    return (
        f"{variable}: it has to name a secret below sm2a/<environment>/config, and there is none of this name that can "
        f"be read ({code})"
    )


def references(environment: Mapping[str, str], sensitive: Callable[[], set[str]] = sensitive_variables) -> list[str]:
    """Return the variables that name a secret.

    Airflow takes the ``_SECRET`` form of sensitive options only. Another variable may just be called so: the value of
    ``client_secret`` is a secret, and asking for one of that name would write it into AWS's log of calls.
    """
    found = sorted(filter(SECRET_OPTION.match, environment))
    if NAMED_BY_SM2A.issuperset(found):
        return found
    known = NAMED_BY_SM2A | {f"{variable}_SECRET" for variable in sensitive()}
    return [variable for variable in found if variable in known]


def check(
    environment: Mapping[str, str],
    read: Callable[[str], str] = read_secret,
    sensitive: Callable[[], set[str]] = sensitive_variables,
) -> dict[str, str]:
    """Read every secret that the configuration names, judge the database connection, and return what was read.

    Each value comes under the name that its option has for it. Raises ConfigurationError.
    """
    values = {}
    connection = environment.get(CONNECTION, "")
    for variable in references(environment, sensitive):
        name = secret_name(environment, variable)
        try:
            value = read(name)
        except Exception as error:
            # Whatever the SDK raises, the operator needs the option and the secret beside it.
            raise ConfigurationError(unreadable(variable, name, error)) from None
        if not value.strip():
            shown = name if variable in NAMED_BY_SM2A else "that it names"
            raise ConfigurationError(f"{variable}: the secret {shown} is empty")
        values[environment[variable]] = value
        if variable == f"{CONNECTION}_SECRET":
            connection = value
    if not connection:
        raise ConfigurationError(
            f"neither {CONNECTION}_SECRET nor {CONNECTION} is set; Airflow would use SQLite, which loses everything"
        )
    if connection.startswith("sqlite"):
        raise ConfigurationError(f"{CONNECTION} is an SQLite database; SM2A needs PostgreSQL or MySQL")
    return values
