# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tells values that look like secrets, by the names that they have and by passwords in addresses.

Whoever may read a task definition, a plan or a log reads what stands in environment variables.
"""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import parse_qsl, urlsplit

# How the name of a secret ends, in capitals. `..._SECRET` may also be the form in which Airflow is told a secret's
# name, so only what is usual as the name of a value counts.
_ENDING = re.compile(
    r"(^|_)(CLIENT|CONSUMER|APP|APPLICATION|API|AUTH|COOKIE|HMAC|JWT|OAUTH|SESSION|SHARED|SIGNING|WEBHOOK)_SECRET$"
    r"|(^|_)(ACCESS|ACCOUNT|API|ENCRYPTION|FERNET|PRIVATE|SECRET|SIGNING)_KEY$"
    r"|(^|_)(TOKEN|DSN|BASIC_AUTH)$|^SECRET$"
)
_PASSWORD = re.compile(r"PASSWORD|PASSWD|PASSPHRASE")
# What names a place, a rule or a secret that stands elsewhere.
_ABOUT = re.compile(
    r"_(ARN|CMD|COMMAND|DIR|ENABLED|FILE|FORMAT|ID|LENGTH|LIFETIME|NAME|PATH|POLICY|REQUIRED|SECRET|TTL|URI|URL)S?$"
)
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://[^\s/@:\"']*:[^\s/@\"']+@", re.IGNORECASE)
# Programs take a proxy from the environment only, with its password if it wants one.
_PROXY = re.compile(r"(HTTP|HTTPS|ALL|FTP)_PROXY")
# Names and values as in "host=db, password=x", in the query of an address and in options of a command.
_GIVEN = re.compile(r"(?<![\w-])([\w-]+)\s*=\s*([^\s,;&]*)")
# A boolean is a number to Python, so it comes first.
_KINDS = ((dict, "a mapping"), (list, "a list"), (str, "a text"), (bool, "true or false"), ((int, float), "a number"))


def is_secret_name(name: str) -> bool:
    """Tell whether this is what a secret is called: ``DB_PASSWORD``, ``client_secret``; not ``password_file``."""
    capitals = name.upper().replace("-", "_")
    return bool(_ENDING.search(capitals) or (_PASSWORD.search(capitals) and not _ABOUT.search(capitals)))


def kind_of(value: Any) -> str:
    """Return what may be shown of a value that is wrong and may hold secrets: that it is a text, a list and so on."""
    return next((kind for types, kind in _KINDS if isinstance(value, types)), "nothing")


def holds_secret(name: str, value: Any) -> bool:
    """Tell whether the value of this name, or something within it, looks like a secret."""
    if isinstance(value, str) and value.lstrip().startswith(("{", "[")):
        value = _json(value)
    if isinstance(value, dict):
        return any(holds_secret(str(key), inner) for key, inner in value.items())
    if isinstance(value, list):
        return any(holds_secret(name, inner) for inner in value)
    text = "" if value is None else str(value)
    if any(_is_secret(inner, given) for inner, given in _GIVEN.findall(text)):
        return True
    if _ADDRESS.search(text) and not _PROXY.fullmatch(name.upper()):
        return True
    return _is_secret(name, text)


def _is_secret(name: str, text: str) -> bool:
    # An ARN names a secret that stands elsewhere.
    return is_secret_name(name) and text.lower() not in ("", "true", "false") and not text.startswith("arn:")


def connection_holds_secret(value: Any) -> bool:
    """Tell whether a connection of Airflow's, as an address or as JSON, has a password or another secret."""
    if holds_secret("", value):
        return True
    try:
        parts = urlsplit(str(value))
    except ValueError:
        return False
    return any(holds_secret(key, inner) for key, inner in parse_qsl(parts.query))


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
