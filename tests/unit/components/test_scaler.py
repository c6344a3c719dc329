# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The scaler's service and its dashboard."""

from __future__ import annotations

import json
from typing import Any

from declared import component
from fake_aws import FakeAws

from ansible_collections.sm2a.airflow.plugins.module_utils._components._pools import LIMITS
from ansible_collections.sm2a.airflow.plugins.module_utils._components.scaler import ScalerComponent
from ansible_collections.sm2a.airflow.plugins.module_utils._resources.cloudwatch import Dashboard

POOL = {**{key: option.default for key, option in LIMITS.items()}, "minimum": 0}
OPTIONS: dict[str, Any] = {
    "cluster": "sm2a-test",
    "image": "registry.example.com/scaler:1",
    "subnet_ids": ["subnet-0123456789abcdef0"],
    "security_group_ids": ["sg-0123456789abcdef0"],
    "role_arns": {role: f"arn:aws:iam::123456789012:role/{role}" for role in ("execution", "scaler")},
    "log_group": "/sm2a/test/scaler",
    "database_secret": "sm2a/test/scaler/database",
    "pools": {
        name: {**POOL, "service": f"s-{name}", "queue": name, "queue_url": f"https://sqs.example.com/{name}"}
        for name in ("b", "a")
    },
}


def scaler(**options: Any) -> ScalerComponent:
    return component(ScalerComponent, FakeAws(), **{**OPTIONS, **options})


def test_the_program_is_told_what_to_watch_and_no_secret() -> None:
    made = scaler(interval_seconds=7)
    assert list(made.faults()) == []
    made.resources()
    [container] = made.service.task_definition.content["containerDefinitions"]
    told = {item["name"]: item["value"] for item in container["environment"]}

    assert json.loads(told["SM2A_SCALER_CONFIGURATION"]) == {
        "environment": "test",
        "cluster": "sm2a-test",
        "interval_seconds": 7,
        "database_secret": "sm2a/test/scaler/database",
        "pools": OPTIONS["pools"],
    }
    assert made.service.settings["desired_count"] == 1


def test_the_dashboard_has_a_row_for_each_pool_and_one_for_the_scaler() -> None:
    [dashboard] = [item for item in scaler().resources() if isinstance(item, Dashboard)]
    placed = [(widget["y"], widget["properties"]["title"]) for widget in dashboard.widgets]

    assert placed == [
        (0, "a: tasks"),
        (0, "a: workers"),
        (6, "b: tasks"),
        (6, "b: workers"),
        (12, "scaler"),
        (12, "decisions"),
    ]
    assert all(widget["x"] in (0, 12) for widget in dashboard.widgets)


def test_seconds_have_an_axis_of_their_own() -> None:
    [dashboard] = [item for item in scaler().resources() if isinstance(item, Dashboard)]
    axes = {
        metric[1]: metric[-1]["yAxis"]
        for widget in dashboard.widgets
        for metric in widget["properties"].get("metrics", [])
    }

    assert {name for name, axis in axes.items() if axis == "right"} == {
        "OldestQueuedSeconds",
        "LoopSeconds",
        "DataAgeSeconds",
    }


def test_two_pools_that_would_undo_each_others_decisions_are_refused() -> None:
    pools = {name: {**pool, "service": "the same"} for name, pool in OPTIONS["pools"].items()}

    assert [fault.option for fault in scaler(pools=pools).faults()] == ["pools"]
