# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of a worker pool: their types, defaults and keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._reconcile.errors import OptionError
from .._spelling import did_you_mean
from .._text import from_text, is_empty
from ._secret_values import kind_of

POOL_DEFAULTS: dict[str, Any] = {
    "minimum": 1,
    "maximum": 5,
    "concurrency": 4,
    "cpu": 1024,
    "memory": 4096,
    "capacity_provider": "FARGATE",
    "ephemeral_storage": None,
    "environment_variables": {},
}
POOL_NUMBERS = ("minimum", "maximum", "concurrency", "cpu", "memory", "ephemeral_storage")


def typed_pools(option: str, pools: Mapping[Any, Any]) -> dict[Any, dict[str, Any]]:
    """Return the pools that a mapping describes, with the defaults of what they leave out. Raises OptionError.

    A pool without options has all defaults. An option whose value is empty was not given, and a text of digits is the
    number; a pool, or its environment variables, may be a text of JSON or YAML.
    """
    return {name: typed_pool(f"{option}.{name}", pool) for name, pool in pools.items()}


def typed_pool(option: str, pool: Any) -> dict[str, Any]:
    """Return one pool, as `typed_pools` does."""
    pool = {} if is_empty(pool) else from_text(pool)
    if not isinstance(pool, dict):
        raise OptionError(option, kind_of(pool), "it must be a mapping")
    found = dict(POOL_DEFAULTS)
    for key, value in pool.items():
        if key not in POOL_DEFAULTS:
            rule = f"it must be one of {', '.join(POOL_DEFAULTS)}{did_you_mean(str(key), POOL_DEFAULTS)}"
            raise OptionError(f"{option}.{key}", key, rule)
        if is_empty(value):
            continue
        found[key] = _whole_number(f"{option}.{key}", value) if key in POOL_NUMBERS else from_text(value)
    return found


def _whole_number(option: str, value: Any) -> int:
    if isinstance(value, str):
        try:
            value = int(value)
        except ValueError:
            pass
    if not isinstance(value, int) or isinstance(value, bool):
        shown = kind_of(value) if isinstance(value, (dict, list)) else value
        raise OptionError(option, shown, "it must be a whole number")
    return value
