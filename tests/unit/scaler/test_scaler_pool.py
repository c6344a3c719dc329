# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The component that configures the scaler and the scaler's program refuse the same."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any, cast

import pytest

from ansible_collections.sm2a.airflow.plugins.module_utils._components._pools import (
    LIMITS,
    SCALED_POOL,
    scaled_pools_faults,
)
from ansible_collections.sm2a.airflow.plugins.module_utils._components.scaler import ScalerComponent
from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.aws import Aws
from sm2a_scaler.configuration import VARIABLE, ConfigurationError, read

POOL: dict[str, Any] = {
    "service": "sm2a-test-worker-default",
    "queue": "default",
    "queue_url": "https://sqs.eu-central-1.amazonaws.com/123456789012/sm2a-test-default",
    **{key: option.default for key, option in LIMITS.items()},
    "minimum": 0,
}
CONFIGURATION = {"environment": "test", "cluster": "sm2a-test", "database_secret": "sm2a/test/scaler/database"}
COMPONENT = {
    **CONFIGURATION,
    "state": "present",
    "image": "registry.example.com/scaler:1",
    "subnet_ids": ["subnet-0123456789abcdef0"],
    "security_group_ids": ["sg-0123456789abcdef0"],
    "role_arns": {role: f"arn:aws:iam::123456789012:role/{role}" for role in ("execution", "scaler")},
    "log_group": "/sm2a/test/scaler",
    "pools": {"default": POOL},
}
NUMBERS = {key: option for key, option in SCALED_POOL.items() if option.type == "int"}


def edges() -> list[tuple[str, Any]]:
    """Return each key with the values around its bounds, and with values of other types."""
    found: list[tuple[str, Any]] = []
    for key in SCALED_POOL:
        found += [(key, value) for value in (None, "", True, 1.5, [], {}, "9")]
    for key, option in NUMBERS.items():
        assert option.least is not None and option.most is not None
        found += [(key, edge + step) for edge in (option.least, option.most) for step in (-1, 0, 1)]
    return found


def component_refuses(pools: dict[str, Any]) -> bool:
    return any(scaled_pools_faults("pools", pools))


def program_refuses(pools: dict[str, Any]) -> bool:
    return settings_refused(pools=pools)


def settings_refused(**settings: Any) -> bool:
    try:
        read({VARIABLE: json.dumps({**CONFIGURATION, **settings})})
    except ConfigurationError:
        return True
    return False


@pytest.mark.parametrize(("key", "value"), [edge for edge in edges() if edge != ("queue_url", "9")])
def test_an_edge(key: str, value: Any) -> None:
    # The highest minimum wants a maximum that is no lower.
    pool = {**POOL, "maximum": NUMBERS["maximum"].most, key: value}

    assert component_refuses({"default": pool}) == program_refuses({"default": pool})


@pytest.mark.parametrize("key", SCALED_POOL)
def test_a_key_that_is_missing(key: str) -> None:
    pool = {name: value for name, value in POOL.items() if name != key}

    assert component_refuses({"default": pool}) and program_refuses({"default": pool})


@pytest.mark.parametrize("change", [{"max": 5}, {"minimum": 6}, {"concurrency": 1001}, {"maximum": 0}])
def test_a_pool_that_neither_takes(change: dict[str, Any]) -> None:
    assert component_refuses({"default": {**POOL, **change}}) and program_refuses({"default": {**POOL, **change}})


@pytest.mark.parametrize("key", ["service", "queue", "queue_url"])
def test_what_two_pools_may_not_share(key: str) -> None:
    other = {**POOL, **{name: f"{POOL[name]}-2" for name in ("service", "queue", "queue_url")}, key: POOL[key]}

    assert component_refuses({"default": POOL, "other": other}) and program_refuses({"default": POOL, "other": other})


@pytest.mark.parametrize(
    "change", [{}, {"concurrency": 1000, "minimum": 5000, "maximum": 5000}, {"concurrency": 1, "maximum": 1}]
)
def test_a_pool_that_both_take(change: dict[str, Any]) -> None:
    pool = {**POOL, **change}

    assert not component_refuses({"default": pool}) and not program_refuses({"default": pool})


@pytest.mark.parametrize(("seconds", "refused"), [(-1, True), (0, True), (1, False), (60, False), (61, True)])
def test_how_often_the_scaler_looks(seconds: int, refused: bool) -> None:
    defaults = {name: argument.get("default") for name, argument in ScalerComponent.ARGUMENTS.items()}
    options = {**defaults, "tags": {}, **COMPONENT, "interval_seconds": seconds}
    component = ScalerComponent(options, cast(Aws, SimpleNamespace(region="eu-central-1")))

    assert [fault.option for fault in component.faults()] == ["interval_seconds"] * refused
    assert settings_refused(pools={"default": POOL}, interval_seconds=seconds) == refused
