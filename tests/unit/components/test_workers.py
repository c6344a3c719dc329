# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Services of worker pools, and what becomes of those that are no longer named."""

from __future__ import annotations

import json
from typing import Any

import pytest
from declared import component
from fake_aws import FakeAws, FakeClient

from ansible_collections.sm2a.airflow.plugins.module_utils._components.workers import WorkersComponent
from ansible_collections.sm2a.airflow.plugins.module_utils._resources.ecs_service import Service

QUEUE = "https://sqs.eu-central-1.amazonaws.com/123456789012/sm2a-test-"
OPTIONS: dict[str, Any] = {
    "cluster": "sm2a-test",
    "image": "registry.example.com/airflow:1",
    "subnet_ids": ["subnet-0123456789abcdef0"],
    "security_group_ids": ["sg-0123456789abcdef0"],
    "role_arns": {role: f"arn:aws:iam::123456789012:role/{role}" for role in ("execution", "worker")},
    "log_group": "/sm2a/test/airflow",
    "log_bucket": "sm2a-test-logs",
    "dag_bucket": "sm2a-test-dags",
    "queues": {name: {"url": f"{QUEUE}{name}"} for name in ("default", "heavy")},
    "url": "https://airflow.example.com",
    "execution_api_server_url": "http://api-server.sm2a-test.internal:8080/execution/",
}


def ecs(tasks: int) -> FakeClient:
    """Return a cluster with the service of a pool ``old`` that has so many tasks, and one of Airflow's."""
    names = ("sm2a-test-scheduler", "sm2a-test-worker-default", "sm2a-test-worker-old")
    service = {
        "status": "ACTIVE",
        "desiredCount": 0,
        "runningCount": tasks,
        "pendingCount": 0,
        "taskDefinition": "old:1",
    }
    variables = {
        "AIRFLOW__CELERY_BROKER_TRANSPORT_OPTIONS__PREDEFINED_QUEUES": json.dumps({"old": {"url": "https://sqs/old"}})
    }
    container = {
        "command": ["sm2a-worker", "--queues", "old", "--concurrency", "8"],
        "environment": [{"name": name, "value": value} for name, value in variables.items()],
    }
    return FakeClient(
        list_services={"serviceArns": [f"arn/{name}" for name in names]},
        describe_services={"services": [service]},
        describe_task_definition={"taskDefinition": {"containerDefinitions": [container]}},
    )


def workers(tasks: int = 0, **options: Any) -> WorkersComponent:
    made = component(WorkersComponent, FakeAws(ecs=ecs(tasks)), **{**OPTIONS, "pools": {"default": {}}, **options})
    assert list(made.faults()) == []
    return made


def test_a_pool_has_the_size_and_the_slots_that_it_is_given() -> None:
    pools = {
        "heavy": {"cpu": 4096, "memory": 8192, "concurrency": 16, "minimum": 0, "capacity_provider": "FARGATE_SPOT"}
    }
    made = workers(pools=pools, queues=OPTIONS["queues"])
    made.resources()
    service = made.services["heavy"]
    content = service.task_definition.content

    assert (content["cpu"], content["memory"]) == ("4096", "8192")
    assert content["containerDefinitions"][0]["command"][1:] == ["--queues", "heavy", "--concurrency", "16"]
    assert (service.initial_count, service.settings["capacity_provider"], service.drains) == (0, "FARGATE_SPOT", True)
    assert "desired_count" not in service.desired()


@pytest.mark.parametrize(
    ("tasks", "options", "going"),
    [
        (0, {}, True),
        (2, {}, False),
        # The queue still has messages, or somebody who takes them.
        (0, {"draining_pools": ["old"]}, False),
    ],
)
def test_a_pool_that_is_no_longer_named_goes_once_it_is_empty(tasks: int, options: dict[str, Any], going: bool) -> None:
    made = workers(tasks, **options)
    gone = sorted(f"{type(resource).__name__} {resource.name}" for resource in made.resources() if resource.absent)

    assert gone == (["Service sm2a-test-worker-old", "TaskDefinition sm2a-test-worker-old"] if going else [])
    assert made.facts()["draining_pools"] == ([] if going else ["old"])


def test_the_scaler_is_told_how_to_let_the_last_tasks_finish() -> None:
    made = workers(2)
    made.resources()

    assert made.facts()["pools"]["old"] == {
        "service": "sm2a-test-worker-old",
        "queue": "old",
        "queue_url": "https://sqs/old",
        "concurrency": 8,
        "minimum": 0,
        "maximum": 1,
    }


def test_without_an_environment_all_workers_go_and_no_other_service() -> None:
    made = component(WorkersComponent, FakeAws(ecs=ecs(2)), state="absent", cluster=None)

    names = [resource.name for resource in made.resources() if isinstance(resource, Service)]
    assert names == ["sm2a-test-worker-default", "sm2a-test-worker-old"]


def test_a_pool_needs_a_queue() -> None:
    made = component(WorkersComponent, FakeAws(), **OPTIONS, pools={"default": {}, "other": {}})

    assert [fault.option for fault in made.faults()] == ["pools.other"]
