# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The configuration: what is refused, and that the message names the key."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from sm2a_scaler.configuration import POOL, VARIABLE, Configuration, ConfigurationError, PoolSettings, read
from sm2a_scaler.policy.values import Limits

GOOD: dict[str, Any] = {
    "environment": "test",
    "cluster": "sm2a-test",
    "database_secret": "sm2a/test/scaler/database",
    "pools": {
        "default": {
            "service": "sm2a-test-worker-default",
            "queue": "default",
            "queue_url": "https://sqs.example/1/sm2a-test-default",
            **{key: rule["minimum"] for key, rule in POOL.items() if rule["type"] == "integer"},
            "concurrency": 16,
            "minimum": 0,
            "maximum": 10,
        }
    },
}


def test_good() -> None:
    assert read({VARIABLE: json.dumps(GOOD)}) == Configuration(
        environment="test",
        cluster="sm2a-test",
        database_secret="sm2a/test/scaler/database",
        interval_seconds=5.0,
        pools={
            "default": PoolSettings(
                "sm2a-test-worker-default", "default", "https://sqs.example/1/sm2a-test-default", Limits(16, 0, 10)
            )
        },
    )


@pytest.mark.parametrize("missing", ["environment", "cluster", "database_secret", "pools"])
def test_missing(missing: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^{missing} is missing"):
        read({VARIABLE: json.dumps({key: value for key, value in GOOD.items() if key != missing})})


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("cluster", "", "cluster must be a text that is not empty; it is ''"),
        ("intervall", 5, "intervall is not a known key; it is 5"),
        ("interval_seconds", 0, "interval_seconds must be a number from 1 to 60; it is 0"),
        ("pools", {}, "pools must name at least one pool"),
        ("pools", ["default"], "pools must be a JSON object; it is ['default']"),
        ("pools.default", 3, "pools.default must be a JSON object; it is 3"),
        ("pools.default.concurrency", 0, "pools.default.concurrency must be a whole number from 1 to 1000; it is 0"),
        ("pools.default.maximum", "9", "pools.default.maximum must be a whole number from 1 to 5000; it is '9'"),
        ("pools.default.minimum", True, "pools.default.minimum must be a whole number from 0 to 5000; it is True"),
        ("pools.default.minimum", 11, "pools.default.minimum must be at most maximum, which is 10; it is 11"),
        ("pools.default.mximum", 1, "pools.default.mximum is not a known key; it is 1"),
        (
            "pools.other",
            GOOD["pools"]["default"],
            "pools.other.service is also that of pool default: 'sm2a-test-worker-default'",
        ),
    ],
)
def test_refused(path: str, value: Any, message: str) -> None:
    values = copy.deepcopy(GOOD)
    *parents, key = path.split(".")
    at = values
    for parent in parents:
        at = at[parent]
    at[key] = value

    with pytest.raises(ConfigurationError) as caught:
        read({VARIABLE: json.dumps(values)})
    assert str(caught.value) == message


@pytest.mark.parametrize(("text", "message"), [("", "missing or empty"), ("{", "is not JSON"), ("3", "a JSON object")])
def test_no_object(text: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=f"{VARIABLE} .*{message}"):
        read({VARIABLE: text})
