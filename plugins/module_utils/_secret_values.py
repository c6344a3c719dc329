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
    r"|(^|_)(ACCESS|ACCOUNT|API|DEPLOY|ENCRYPTION|FERNET|MASTER|PRIVATE|SECRET|SIGNING|SSH)_?KEY$"
    r"|(^|_)(TOKEN|DSN|BASIC_AUTH|CREDENTIALS?|PASS|APITOKEN|AUTHTOKEN)$|^SECRET$"
    # The shell's own PWD and OLDPWD are folders.
    r"|._PWD$"
)
_PASSWORD = re.compile(r"PASSWORD|PASSWD|PASSPHRASE")
# Values that say themselves what they are, whatever their name is.
_TOKEN = re.compile(
    r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY"
    r"|\b(gh[opsru]_[A-Za-z0-9]{36}|github_pat_\w{22}|glpat-[\w-]{20})"
    r"|\bxox[a-z]-[\w-]{10}|https://hooks\.slack\.com/services/\w"
    r"|\beyJ[\w-]{5,}\.eyJ[\w-]{5,}\.|\bBearer\s+\S{12}|\bBasic\s+[A-Za-z0-9+/]{8,}=*$"
    r"|\bAIza[\w-]{35}\b|\b[rs]k_live_\w{16}|\bsk-[\w-]{32}|\bSG\.[\w-]{16,}\.[\w-]{16}|\bdapi[0-9a-f]{32}\b"
    r"|[?&](sig|X-Amz-Signature)=[\w%+/=-]{20}"
)
# Keys as programs make them, Fernet's and AWS's among them: long, of all kinds of characters, and in no order.
_RANDOM = re.compile(r"(?!sha\d+-)(?=.*[a-z])(?=.*[A-Z])(?=.*\d)[A-Za-z0-9+_-][A-Za-z0-9+/_-]{31,}={0,2}")
_RUN = re.compile(r"[a-z]+|[A-Z]+|\d+")
# Runs of one kind of characters, for each character: words and names have fewer, chance has more.
_RUNS = 0.4
# Where a program finds its secret.
_PLACE = re.compile(r"(file://)?[/~.]\S*/\S*")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
# What names a place, a rule or a secret that stands elsewhere.
_ABOUT = re.compile(
    r"_(ARN|CMD|COMMAND|DIR|ENABLED|FILE|FORMAT|ID|LENGTH|LIFETIME|NAME|PATH|POLICY|REQUIRED|SECRET|TTL|URI|URL)S?$"
)
# From the beginning of a word only, so that a long text is read once.
_ADDRESS = re.compile(r"(?<![a-z0-9+.-])[a-z][a-z0-9+.-]*://[^\s/@:\"']*:[^\s/@\"']+@", re.IGNORECASE)
# Programs take a proxy from the environment only, with its password if it wants one.
_PROXY = re.compile(r"(HTTP|HTTPS|ALL|FTP)_PROXY")
# Names and values as in "host=db, password=x", in the query of an address and in options of a command.
_GIVEN = re.compile(r"(?<![\w-])([\w-]+)\s*=\s*([^\s,;&]*)")
# A boolean is a number to Python, so it comes first.
_KINDS = ((dict, "a mapping"), (list, "a list"), (str, "a text"), (bool, "true or false"), ((int, float), "a number"))


def is_secret_name(name: str) -> bool:
    """Tell whether this is what a secret is called: ``DB_PASSWORD``, ``clientSecret``; not ``password_file``."""
    capitals = _HUMP.sub("_", name).upper().replace("-", "_")
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
    if _TOKEN.search(text) or _is_random(text):
        return True
    if any(_is_secret(inner, given) for inner, given in _GIVEN.findall(text)):
        return True
    if _ADDRESS.search(text) and not _PROXY.fullmatch(name.upper()):
        return True
    return _is_secret(name, text)


def _is_random(text: str) -> bool:
    return bool(_RANDOM.fullmatch(text)) and len(_RUN.findall(text)) > _RUNS * len(text)


def _is_secret(name: str, text: str) -> bool:
    # An ARN or a path names a secret that stands elsewhere.
    named = text.startswith("arn:") or _PLACE.fullmatch(text)
    return is_secret_name(name) and text.lower() not in ("", "true", "false") and not named


def masked(value: Any, mask: str) -> Any:
    """Return a value with everything in it that looks like a secret replaced.

    Mappings of a name and a value, as ECS has environment variables, are taken for what they are.
    """
    if isinstance(value, dict):
        name = value.get("name")
        if isinstance(name, str) and isinstance(value.get("value"), str) and set(value) == {"name", "value"}:
            return {**value, "value": _shown(name, value["value"], mask)}
        return {key: _masked_under(str(key), inner, mask) for key, inner in value.items()}
    if isinstance(value, list):
        return [masked(item, mask) for item in value]
    return _shown("", value, mask) if isinstance(value, str) else value


def _masked_under(name: str, value: Any, mask: str) -> Any:
    return _shown(name, value, mask) if isinstance(value, str) else masked(value, mask)


def _shown(name: str, text: str, mask: str) -> str:
    connection = name.startswith("AIRFLOW_CONN_") and connection_holds_secret(text)
    return mask if connection or holds_secret(name, text) else text


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
