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

from sm2a_scaler.json_object import JsonObject
from sm2a_scaler.policy.values import Limits

VARIABLE = "SM2A_SCALER_CONFIGURATION"

POOL: Mapping[str, Mapping[str, Any]] = json.loads(Path(__file__).with_name("pool.json").read_text())["properties"]
"""The keys of a pool, each with its type and bounds. The collection's declaration of a pool writes the file."""

MAXIMUM_INTERVAL = 60.0
"""Seconds. Slower than this, a worker's start is no longer what a task waits for."""


class ConfigurationError(Exception):
    """The configuration breaks a rule; the message names the key, its value and the rule."""


@dataclass(frozen=True)
class PoolSettings:
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
    pools: Mapping[str, PoolSettings]
    interval_seconds: float = 5.0


def read(environ: Mapping[str, str]) -> Configuration:
    """Read and validate the configuration in ``environ``. Raises ``ConfigurationError``."""
    text = environ.get(VARIABLE, "")
    if not text:
        raise ConfigurationError(f"environment variable {VARIABLE} is missing or empty")
    top = JsonObject.parse(text, VARIABLE, error=ConfigurationError)
    pools = top.object("pools")
    configuration = Configuration(
        environment=top.text("environment"),
        cluster=top.text("cluster"),
        database_secret=top.text("database_secret"),
        interval_seconds=top.number("interval_seconds", 1.0, MAXIMUM_INTERVAL, default=5.0),
        pools={name: _pool(pools.object(name)) for name in pools},
    )
    top.no_others()
    if not configuration.pools:
        raise ConfigurationError("pools must name at least one pool")
    for key in ("service", "queue", "queue_url"):
        _distinct(configuration.pools, key)
    return configuration


def _pool(keys: JsonObject) -> PoolSettings:
    numbers = {key: rule for key, rule in POOL.items() if rule["type"] == "integer"}
    limits = Limits(**{key: keys.whole(key, rule["minimum"], rule["maximum"]) for key, rule in numbers.items()})
    if limits.minimum > limits.maximum:
        keys.refuse("minimum", f"at most maximum, which is {limits.maximum}")
    pool = PoolSettings(**{key: keys.text(key) for key in POOL.keys() - numbers.keys()}, limits=limits)
    keys.no_others()
    return pool


def _distinct(pools: Mapping[str, PoolSettings], key: str) -> None:
    """Two pools that share a service would undo each other's decisions; with one queue they would count tasks twice."""
    owners: dict[str, str] = {}
    for name, pool in pools.items():
        owner = owners.setdefault(getattr(pool, key), name)
        if owner != name:
            raise ConfigurationError(f"pools.{name}.{key} is also that of pool {owner}: {getattr(pool, key)!r}")
