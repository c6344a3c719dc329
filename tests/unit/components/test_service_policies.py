# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What each service may do on AWS, and on whose things."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fake_aws import FakeAws

from ansible_collections.sm2a.airflow.plugins.module_utils._components._names import AIRFLOW_SERVICES, SERVICES
from ansible_collections.sm2a.airflow.plugins.module_utils._components._service_policies import ServicePolicies

PREFIX = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:sm2a/test/"
LOGS, DAGS = (f"arn:aws:s3:::sm2a-test-{content}-123456789012-eu-central-1" for content in ("logs", "dags"))
KEY = "arn:aws:kms:eu-central-1:123456789012:key/1"
CONFIG = "config/{}-??????"
LOOKED_UP = {"connections/*", "variables/*"}
READS = {
    "execution": set(),
    "scaler": {"scaler/database-??????"},
    "migration": {
        CONFIG.format("sql_alchemy_conn/migration"),
        "admin-??????",
        *(
            f"database/{user}-login-??????"
            for user in ("airflow", "execution-api", "dag-processor", "triggerer", "worker", "scaler")
        ),
    },
    "api_server": {
        CONFIG.format(name) for name in ("sql_alchemy_conn/airflow", "fernet_key", "api_secret_key", "jwt_secret")
    },
    "execution_api": {CONFIG.format(name) for name in ("sql_alchemy_conn/execution-api", "fernet_key", "jwt_secret")},
    "scheduler": {CONFIG.format(name) for name in ("sql_alchemy_conn/airflow", "fernet_key", "jwt_secret")},
    "dag_processor": {
        *(CONFIG.format(name) for name in ("sql_alchemy_conn/dag-processor", "fernet_key")),
        *LOOKED_UP,
    },
    "triggerer": {
        *(CONFIG.format(name) for name in ("sql_alchemy_conn/triggerer", "fernet_key", "api_secret_key")),
        *LOOKED_UP,
    },
    "worker": {*(CONFIG.format(name) for name in ("sql_alchemy_conn/worker", "api_secret_key")), *LOOKED_UP},
}


def policies(environment: str = "test", **given: Any) -> ServicePolicies:
    aws: Any = FakeAws()
    return ServicePolicies(aws, environment, **given)


def statements(service: str, environment: str = "test", **given: Any) -> list[dict[str, Any]]:
    return policies(environment, **given).statements(service)


def listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def actions(service: str, of: str) -> set[str]:
    """Return what a service may do at one of AWS's services."""
    found = {action for statement in statements(service) for action in listed(statement["Action"])}
    return {action.partition(":")[2] for action in found if action.startswith(f"{of}:")}


def secrets(service: str, **given: Any) -> set[str]:
    read = [item["Resource"] for item in statements(service, **given) if "secretsmanager:" in item["Action"]]
    return {arn.removeprefix(PREFIX) for arns in read for arn in listed(arns)}


@pytest.mark.parametrize("service", SERVICES)
def test_each_service_reads_its_own_secrets(service: str) -> None:
    assert secrets(service) == READS[service]


@pytest.mark.parametrize("service", SERVICES)
def test_a_users_own_secret_is_read_by_airflow_and_no_other_is(service: str) -> None:
    own = {CONFIG.format("smtp_password")} if service in AIRFLOW_SERVICES else set()

    assert secrets(service, configuration_secrets=["smtp_password"]) == READS[service] | own


def test_only_ecs_reads_the_login_of_a_registry() -> None:
    secret = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:registry-AbCdEf"
    given = policies(registry_credentials=secret)
    readers = [service for service in SERVICES if secret in json.dumps(given.statements(service))]

    assert readers == ["execution"]
    [statement] = given.key_statements("execution", [KEY])
    assert statement["Action"] == "kms:Decrypt" and "secretsmanager" in json.dumps(statement["Condition"])
    assert policies().key_statements("execution", [KEY]) == []


def test_who_runs_what_users_write_cannot_sign_tokens_nor_reach_the_owners_login() -> None:
    for service in ("worker", "triggerer", "dag_processor"):
        reached = str(secrets(service))
        assert "jwt_secret" not in reached and "migration" not in reached and "database/" not in reached


@pytest.mark.parametrize("service", SERVICES)
def test_who_sends_and_who_takes(service: str) -> None:
    may = actions(service, "sqs")

    assert ("SendMessage" in may) is (service == "scheduler")
    assert ("ReceiveMessage" in may) is (service == "worker")
    assert ("GetQueueAttributes" in may) is (service in ("scheduler", "worker", "scaler"))


@pytest.mark.parametrize("service", SERVICES)
def test_who_reaches_which_bucket(service: str) -> None:
    found = {
        (action, resource)
        for item in statements(service)
        for action in listed(item["Action"])
        for resource in listed(item["Resource"])
        if action.startswith("s3:")
    }
    logs = {("s3:ListBucket", LOGS), ("s3:GetObject", f"{LOGS}/*")}
    dags = {("s3:ListBucket", DAGS), ("s3:GetObject", f"{DAGS}/*")}
    writes = {("s3:PutObject", f"{LOGS}/*")}
    expected = {"api_server": logs, "dag_processor": dags, "triggerer": logs | writes, "worker": logs | dags | writes}
    assert found == expected.get(service, set())


@pytest.mark.parametrize(
    ("service", "decrypts", "encrypts"),
    [
        ("execution", [], []),
        ("api_server", ["secretsmanager", "s3"], []),
        ("execution_api", ["secretsmanager"], []),
        ("scheduler", ["secretsmanager", "sqs"], ["sqs"]),
        ("dag_processor", ["secretsmanager", "s3"], []),
        ("triggerer", ["secretsmanager", "s3"], ["s3"]),
        ("worker", ["secretsmanager", "s3", "sqs"], ["s3"]),
        ("migration", ["secretsmanager"], []),
        ("scaler", ["secretsmanager"], []),
    ],
)
def test_a_key_is_used_through_aws_services_only(service: str, decrypts: list[str], encrypts: list[str]) -> None:
    found = {
        item["Action"]: listed(item["Condition"]["StringEquals"]["kms:ViaService"])
        for item in policies().key_statements(service, [KEY])
    }
    expected = {"kms:Decrypt": decrypts, "kms:GenerateDataKey": encrypts}
    assert found == {
        action: [f"{name}.eu-central-1.amazonaws.com" for name in names] for action, names in expected.items() if names
    }
    assert policies().key_statements(service, []) == []


def test_ecs_pulls_the_environments_images_and_those_named_and_writes_its_logs() -> None:
    foreign = "arn:aws:ecr:eu-central-1:210987654321:repository/team/airflow"
    [token, pull, logs] = statements("execution", repositories=[foreign])

    assert (token["Action"], token["Resource"]) == ("ecr:GetAuthorizationToken", "*")
    assert pull["Resource"] == ["arn:aws:ecr:eu-central-1:123456789012:repository/sm2a-test/*", foreign]
    assert logs["Resource"] == "arn:aws:logs:eu-central-1:123456789012:log-group:/sm2a/test/*"


def test_only_the_scaler_changes_services_and_only_those_of_workers() -> None:
    assert {service for service in SERVICES if "UpdateService" in actions(service, "ecs")} == {"scaler"}
    [allowed] = [item for item in statements("scaler") if "ecs:UpdateService" in item["Action"]]
    assert allowed["Resource"].endswith(":service/sm2a-test/sm2a-test-worker-*")


@pytest.mark.parametrize("service", SERVICES)
def test_nothing_is_allowed_everywhere_without_a_condition(service: str) -> None:
    for statement in statements(service):
        if statement["Resource"] == "*" and statement["Action"] != "ecr:GetAuthorizationToken":
            assert statement["Condition"], statement


def test_queues_of_an_environment_whose_name_begins_alike_are_told_apart_by_their_tag() -> None:
    for item in statements("worker"):
        if "sqs" in json.dumps(item["Action"]):
            assert item["Condition"] == {"StringEquals": {"aws:ResourceTag/sm2a:environment": "test"}}
