# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Environment variables and Airflow's configuration, which become environment variables: what is refused of them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from .._reconcile.errors import OptionError
from .._secret_values import connection_holds_secret, holds_secret, kind_of
from ._airflow_options import SENSITIVE
from ._option_values import validate_value
from ._own_options import CONFIGURATION, KNOWN, split_variable, validate_known, validate_own

ENDPOINT = "https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html"
VARIABLES = "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/taskdef-envfiles.html"
# Options whose components look for secrets themselves: they know the name, and where such a secret belongs.
LOOKED_THROUGH = ("build_arguments", "configuration", "environment_variables", "pools", "worker_pools")
SECRETS = "https://github.com/sm2a/airflow/blob/main/docs/configuration.md#secrets"


def variable_of(section: str, option: str) -> str:
    """Return the environment variable of an option of Airflow's."""
    return f"AIRFLOW__{str(section).upper().replace('.', '_').replace('-', '_')}__{str(option).upper()}"


def variables_of(configuration: dict[str, dict[str, Any]]) -> dict[str, str]:
    """Turn Airflow's sections and options into its environment variables."""
    return {
        variable_of(section, option): json.dumps(value) if isinstance(value, (dict, list)) else str(value)
        for section, values in configuration.items()
        for option, value in values.items()
    }


def named_secrets(configuration: Any, *variables: Any) -> list[str]:
    """Return the secrets below ``config/`` that options of Airflow name, in sections or as environment variables.

    Airflow resolves only options that it knows to be sensitive, so of others nothing is taken for a name. What is no
    mapping names nothing either: whether that may be is said elsewhere.
    """
    sections = configuration if isinstance(configuration, dict) else {}
    given = variables_of({name: options for name, options in sections.items() if isinstance(options, dict)})
    for mapping in variables:
        given.update(mapping if isinstance(mapping, dict) else {})
    named = set()
    for variable, value in given.items():
        section, option = split_variable(str(variable)) or ("", "")
        sensitive = f"{section}.{option.removesuffix('_secret')}" in SENSITIVE
        if option.endswith("_secret") and sensitive and isinstance(value, str):
            named.add(value)
    return sorted(named)


def validate_configuration(option: str, configuration: dict[str, Any]) -> None:
    """Refuse sections that map nothing, and options that ``validate_variables`` refuses or that Airflow has not."""
    for section, values in configuration.items():
        if not isinstance(values, dict):
            _refuse_flat(option, str(section), values)
        validate_variables(option, {variable_of(section, name): value for name, value in values.items()}, True)


def _refuse_flat(option: str, name: str, value: Any) -> None:
    """Refuse what is no section, and MWAA's flat form of an option with the one that is meant, or with its reason."""
    rule = "it must map options to values"
    # Sections may have a dot in their names.
    section, dot, inner = name.rpartition(".")
    if dot:
        validate_variables(option, {variable_of(section, inner): value}, True)
        rule += f", as in {section}: {{{inner}: ...}}"
    raise OptionError(f"{option}.{name}", kind_of(value), rule, CONFIGURATION)


def validate_variables(option: str, variables: Any, strict: bool = False) -> None:
    """Refuse what is no environment variable, one that SM2A sets itself, a secret, and an option unknown to Airflow.

    With ``strict`` every option of Airflow's has to be known, otherwise only those are refused that look misspelt.
    Raises OptionError, without the value.
    """
    if not isinstance(variables, dict):
        raise OptionError(option, kind_of(variables), "it must map names to values", VARIABLES)
    emulated = _is_emulated(option, variables)
    for name, value in variables.items():
        if str(name).lower() in ("true", "false"):
            rule = "YAML reads yes, no, on and off as true and false, so put the name in quotes"
            raise OptionError(option, name, rule, VARIABLES)
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", str(name)):
            raise OptionError(option, name, "a name has letters, digits and underscores", VARIABLES)
        _validate_shape(option, name, value, strict)
        validate_own(option, name, value)
        # The credentials of an emulator of AWS are none.
        if not (emulated and name in ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")):
            _validate_not_secret(option, name, value)
        validate_known(option, name, strict)
        validate_value(option, name, value)


def _validate_shape(option: str, name: str, value: Any, structured: bool) -> None:
    """Refuse what is no value of an environment variable. What is ``structured`` becomes JSON."""
    if value is None or (isinstance(value, (dict, list)) and not structured):
        kind = "nothing" if value is None else kind_of(value)
        rule = f"its value is {kind}, and has to be a text, a number, or true or false; '' is an empty text"
        raise OptionError(option, name, rule, VARIABLES)
    if isinstance(value, str) and "\0" in value:
        raise OptionError(option, name, "its value has a NUL character, which no environment variable can", VARIABLES)


def _is_emulated(option: str, variables: dict[str, Any]) -> bool:
    """Tell whether the SDK is sent to an emulator of AWS."""
    try:
        endpoint = urlsplit(str(variables.get("AWS_ENDPOINT_URL", ""))).hostname or "amazonaws.com"
    except ValueError:
        raise OptionError(f"{option}.AWS_ENDPOINT_URL", "its value", "it is no address", ENDPOINT) from None
    return not re.search(r"(^|\.)(amazonaws\.com(\.cn)?|api\.aws)$", endpoint)


def _validate_not_secret(option: str, name: str, value: Any) -> None:
    if name.startswith("AIRFLOW_CONN_"):
        secret = connection_holds_secret(value)
    else:
        parts = split_variable(name)
        secret = holds_secret(parts[1] if parts else name, value)
    if secret:
        rule = f"it looks like a secret, and whoever may see a task definition sees it; {_safe_way(name)}"
        raise OptionError(option, name, rule, SECRETS)


def secret_faults(options: dict[str, Any]) -> Iterator[OptionError]:
    """Yield the options of a component in which something looks like a secret: AWS shows what is made of them."""
    for name, value in options.items():
        if name in LOOKED_THROUGH:
            continue
        parts = {f"{name}.{key}": (str(key), item) for key, item in value.items()} if isinstance(value, dict) else {}
        for option, (called, item) in (parts or {name: (name, value)}).items():
            if holds_secret(called, item):
                rule = "it looks like a secret, and AWS shows it to whoever may see what is made of it"
                yield OptionError(option, kind_of(item), rule, SECRETS)


def _safe_way(name: str) -> str:
    """Return how the secret of a variable gets to the containers otherwise."""
    store = "store it in Secrets Manager as sm2a/<environment>"
    for start, folder in (("AIRFLOW_CONN_", "connections"), ("AIRFLOW_VAR_", "variables")):
        if name.startswith(start):
            return f"{store}/{folder}/{name.removeprefix(start).lower()}"
    if name.startswith("AWS_"):
        return "containers have the permissions of their roles, see security_role_policies"
    parts = split_variable(name)
    if not parts:
        return f"{store}/variables/{name.lower()}, and read it in DAGs as Airflow's variable"
    section, option = parts
    if section not in KNOWN or f"{section}.{option}" in SENSITIVE:
        return f"{store}/config/{option}, and set {option}_secret to {option}"
    return f"Airflow takes it from a connection, so {store}/connections/<connection>"
