# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The scaler's configuration: one environment variable with JSON, validated whole, no secrets in it.

::

    {"environment": "dev", "cluster": "sm2a-dev", "interval_seconds": 5, "database_secret": "sm2a/dev/scaler/database",
     "pools": {"default": {"service": "sm2a-dev-worker-default", "queue": "default", "queue_url": "https://sqs...",
                           "concurrency": 16, "minimum": 0, "maximum": 10}}}
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sm2a_scaler.policy.values import Limits

VARIABLE = "SM2A_SCALER_CONFIGURATION"

POOL: Mapping[str, Mapping[str, Any]] = json.loads(Path(__file__).with_name("pool.json").read_text())["properties"]
"""The keys of a pool, each with its type and bounds. The collection's declaration of a pool writes the file."""

MAXIMUM_INTERVAL = 60.0
"""Seconds. Slower than this, a worker's start is no longer what a task waits for."""


class ConfigurationError(Exception):
    """The configuration breaks a rule; the message names the key, its value and the rule."""


@dataclass(frozen=True)
class Pool:
    """One worker pool."""

    service: str
    """Name of the ECS service."""
    queue: str
    """Name of the Celery queue, as in ``task_instance.queue``."""
    queue_url: str
    limits: Limits


@dataclass(frozen=True)
class Configuration:
    """Everything that the scaler is told; how to reach the database it reads from Secrets Manager."""

    environment: str
    cluster: str
    database_secret: str
    """Name or ARN of a JSON secret: engine, host, port, dbname, username, password."""
    pools: Mapping[str, Pool]
    interval_seconds: float = 5.0


def read(environ: Mapping[str, str]) -> Configuration:
    """Read and validate the configuration in ``environ``. Raises ``ConfigurationError``."""
    text = environ.get(VARIABLE, "")
    if not text:
        raise ConfigurationError(f"environment variable {VARIABLE} is missing or empty")
    try:
        values = json.loads(text)
    except ValueError as error:
        raise ConfigurationError(f"{VARIABLE} is not JSON: {error}") from None
    top = _Keys(values, "")
    pools = _Keys(top.value("pools"), "pools")
    configuration = Configuration(
        environment=top.text("environment"),
        cluster=top.text("cluster"),
        database_secret=top.text("database_secret"),
        interval_seconds=top.number("interval_seconds", 1.0, MAXIMUM_INTERVAL, default=5.0),
        pools={name: _pool(_Keys(pools.value(name), f"pools.{name}")) for name in pools.names()},
    )
    top.no_others()
    if not configuration.pools:
        raise ConfigurationError("pools must name at least one pool")
    for key in ("service", "queue", "queue_url"):
        _distinct(configuration.pools, key)
    return configuration


def _pool(keys: _Keys) -> Pool:
    numbers = {key: rule for key, rule in POOL.items() if rule["type"] == "integer"}
    limits = Limits(**{key: keys.integer(key, rule["minimum"], rule["maximum"]) for key, rule in numbers.items()})
    if limits.minimum > limits.maximum:
        keys.refuse("minimum", f"must be at most maximum, which is {limits.maximum}")
    pool = Pool(**{key: keys.text(key) for key in POOL.keys() - numbers.keys()}, limits=limits)
    keys.no_others()
    return pool


def _distinct(pools: Mapping[str, Pool], key: str) -> None:
    """Two pools that share a service would undo each other's decisions; with one queue they would count tasks twice."""
    owners: dict[str, str] = {}
    for name, pool in pools.items():
        owner = owners.setdefault(getattr(pool, key), name)
        if owner != name:
            raise ConfigurationError(f"pools.{name}.{key} is also that of pool {owner}: {getattr(pool, key)!r}")


class _Keys:
    """Takes values out of a JSON object; what is wrong is named by its path."""

    def __init__(self, values: Any, path: str) -> None:
        if not isinstance(values, dict):
            raise ConfigurationError(f"{path or VARIABLE} must be a JSON object, not {values!r}")
        self._values: dict[str, Any] = values
        self._path = f"{path}." if path else ""
        self._asked: set[str] = set()

    def names(self) -> list[str]:
        return list(self._values)

    def refuse(self, key: str, rule: str) -> None:
        raise ConfigurationError(f"{self._path}{key} {rule}; it is {self._values.get(key)!r}")

    def value(self, key: str, default: Any = None) -> Any:
        self._asked.add(key)
        if key not in self._values and default is None:
            raise ConfigurationError(f"{self._path}{key} is missing")
        return self._values.get(key, default)

    def text(self, key: str) -> str:
        value = self.value(key)
        if not isinstance(value, str) or not value:
            self.refuse(key, "must be a text that is not empty")
        return str(value)

    def number(self, key: str, low: float, high: float, default: float) -> float:
        value = self.value(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            self.refuse(key, f"must be a number from {low:g} to {high:g}")
        return float(value)

    def integer(self, key: str, low: int, high: int) -> int:
        value = self.value(key)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            self.refuse(key, f"must be a whole number from {low} to {high}")
        return int(value)

    def no_others(self) -> None:
        for key in self._values:
            if key not in self._asked:
                self.refuse(key, "is not a known key")
