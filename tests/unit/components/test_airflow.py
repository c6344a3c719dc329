# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Airflow's services: what they wait for, and how many tasks may run."""

from __future__ import annotations

from typing import Any

import pytest
from fake_aws import FakeAws, FakeClient

from ansible_collections.sm2a.airflow.plugins.module_utils._components.airflow import SERVICES, AirflowComponent
from ansible_collections.sm2a.airflow.plugins.module_utils._resources.ecs_service import Service
from ansible_collections.sm2a.airflow.plugins.module_utils._resources.ecs_task import OneOffTask

GIVEN = {
    "environment": "test",
    "state": "present",
    "tags": {},
    "cluster": "sm2a-test",
    "image": "registry.example.com/airflow:1",
    "namespace_id": "ns-0123456789abcdef",
    "url": "https://airflow.example.com",
    "role_arns": {role: f"arn:aws:iam::123456789012:role/{role}" for role in ("execution", *SERVICES, "migration")},
    "queues": {"default": {"url": "https://sqs.eu-central-1.amazonaws.com/123456789012/sm2a-test-default"}},
}


def component(*found: dict[str, Any], **options: Any) -> AirflowComponent:
    """Return the component in an account that has these services."""
    aws: Any = FakeAws(ecs=FakeClient(describe_services={"services": list(found)}))
    defaults = {name: argument.get("default") for name, argument in AirflowComponent.ARGUMENTS.items()}
    return AirflowComponent({**defaults, **GIVEN, **options}, aws)


def test_no_service_starts_before_the_migration_has_succeeded() -> None:
    made = component().resources()
    [migration] = [resource for resource in made if isinstance(resource, OneOffTask)]
    services = [resource for resource in made if isinstance(resource, Service)]

    assert len(services) == len(SERVICES)
    assert [service.name for service in services if migration not in list(service.dependencies())] == []


@pytest.mark.parametrize(("registries", "waits"), [([{"registryArn": "arn"}], True), ([], False)])
def test_an_api_server_that_tasks_call_goes_on_until_the_execution_api_serves(
    registries: list[dict[str, str]], waits: bool
) -> None:
    found = {"serviceName": "sm2a-test-api-server", "status": "ACTIVE", "serviceRegistries": registries}
    made = component(found)
    made.resources()
    api_server, execution_api = made.services["api_server"], made.services["execution_api"]

    assert (execution_api in list(api_server.dependencies())) is waits
    assert api_server not in list(execution_api.dependencies())


def test_nothing_is_migrated_on_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    made = component(state="absent", namespace_id=None, cluster=None)
    monkeypatch.setattr(
        "ansible_collections.sm2a.airflow.plugins.module_utils._components.airflow.PrivateDnsNamespace.find",
        lambda self: None,
    )

    assert [resource for resource in made.resources() if isinstance(resource, OneOffTask)] == []


@pytest.mark.parametrize(
    ("pools", "parallelism"),
    [
        ({"default": {"maximum": 1, "concurrency": 4}}, "32"),
        ({"default": {"maximum": 10, "concurrency": 4}, "heavy": {"maximum": 2, "concurrency": 1}}, "42"),
    ],
)
def test_as_many_tasks_may_run_as_all_pools_have_slots(pools: dict[str, Any], parallelism: str) -> None:
    assert component(worker_pools=pools)._parallelism() == {"AIRFLOW__CORE__PARALLELISM": parallelism}
