# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What each service may do on AWS, and on whose things."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fake_aws import FakeAws

from ansible_collections.sm2a.airflow.plugins.module_utils._components._names import SERVICES
from ansible_collections.sm2a.airflow.plugins.module_utils._components._service_policies import ServicePolicies

AIRFLOW_READS = {"config/*", "connections/*", "variables/*"}


def statements(service: str, environment: str = "test") -> list[dict[str, Any]]:
    aws: Any = FakeAws()
    return ServicePolicies(aws, environment).statements(service)


def actions(service: str, of: str) -> set[str]:
    """Return what a service may do at one of AWS's services."""
    found: set[str] = set()
    for statement in statements(service):
        allowed = statement["Action"]
        found |= {allowed} if isinstance(allowed, str) else set(allowed)
    return {action.partition(":")[2] for action in found if action.startswith(f"{of}:")}


@pytest.mark.parametrize(
    ("service", "secrets"),
    [
        ("execution", set()),
        ("scaler", {"scaler/*"}),
        ("migration", {*AIRFLOW_READS, "admin-??????", "scaler/*"}),
        *[(service, AIRFLOW_READS) for service in ("api_server", "scheduler", "dag_processor", "triggerer", "worker")],
    ],
)
def test_each_service_reads_its_own_secrets(service: str, secrets: set[str]) -> None:
    read = [item["Resource"] for item in statements(service) if item["Action"] == "secretsmanager:GetSecretValue"]
    prefix = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:sm2a/test/"

    assert {arn.removeprefix(prefix) for arns in read for arn in arns} == secrets


@pytest.mark.parametrize("service", SERVICES)
def test_who_sends_and_who_takes(service: str) -> None:
    may = actions(service, "sqs")

    assert ("SendMessage" in may) is (service in ("scheduler", "worker"))
    assert ("ReceiveMessage" in may) is (service == "worker")
    assert ("GetQueueAttributes" in may) is (service in ("scheduler", "worker", "scaler"))


@pytest.mark.parametrize("service", SERVICES)
def test_who_writes_logs_and_who_may_not_change_dags(service: str) -> None:
    writes = [item["Resource"] for item in statements(service) if "s3:PutObject" in item["Action"]]

    has_logs = service in ("scheduler", "dag_processor", "triggerer", "worker")
    assert writes == (["arn:aws:s3:::sm2a-test-logs-123456789012-eu-central-1/*"] if has_logs else [])


def test_only_the_scaler_changes_services_and_only_those_of_workers() -> None:
    assert {service for service in SERVICES if "UpdateService" in actions(service, "ecs")} == {"scaler"}
    [allowed] = [item for item in statements("scaler") if "ecs:UpdateService" in item["Action"]]
    assert allowed["Resource"].endswith(":service/sm2a-test/sm2a-test-worker-*")


@pytest.mark.parametrize("service", SERVICES)
def test_nothing_is_allowed_everywhere_without_a_condition(service: str) -> None:
    for statement in statements(service):
        if statement["Resource"] == "*":
            assert statement["Condition"], statement


def test_queues_of_an_environment_whose_name_begins_alike_are_told_apart_by_their_tag() -> None:
    for item in statements("worker"):
        if "sqs" in json.dumps(item["Action"]):
            assert item["Condition"] == {"StringEquals": {"aws:ResourceTag/sm2a:environment": "test"}}
