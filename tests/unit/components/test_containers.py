# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the containers of Airflow are told of their queues, and how one is checked."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from fake_aws import FakeAws

from ansible_collections.sm2a.airflow.plugins.module_utils._components._containers import (
    AIRFLOW_OPTIONS,
    AIRFLOW_VOLUMES,
    HEARTBEAT_CHECK,
    HEARTBEAT_FILE,
    airflow_variables,
    container_faults,
    http_check,
    task_definition,
)
from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.values import KNOWN_AFTER_APPLY
from sm2a_image import heartbeat

LOOKUPS = ("connections_lookup_pattern", "variables_lookup_pattern", "secrets_cache_seconds")
OPTIONS: dict[str, Any] = {
    **{name: AIRFLOW_OPTIONS[name].default for name in LOOKUPS},
    "environment": "test",
    "dag_bucket": "sm2a-test-dags",
    "log_bucket": "sm2a-test-logs",
    "default_pool": None,
    "url": "https://airflow.example.com",
    "execution_api_server_url": "http://api-server.sm2a-test.internal:8080/execution/",
    "configuration": {},
    "environment_variables": {},
}


def variables(service: str = "worker", **options: Any) -> dict[str, str]:
    return airflow_variables({**OPTIONS, **options}, "eu-central-1", service)


@pytest.mark.parametrize(
    ("queues", "seconds"),
    [
        ({"a": {"url": "https://sqs/a"}}, "43200"),
        ({"a": {"url": "https://sqs/a", "visibility_timeout": 3600}}, "3600"),
        ({"a": {"url": "https://sqs/a", "visibility_timeout": 600}, "b": {"url": "https://sqs/b"}}, "600"),
    ],
)
def test_airflow_is_told_for_how_long_its_queues_hide_a_task(queues: dict[str, Any], seconds: str) -> None:
    assert variables(queues=queues)["AIRFLOW__CELERY_BROKER_TRANSPORT_OPTIONS__VISIBILITY_TIMEOUT"] == seconds


def test_kombu_is_given_the_address_of_a_queue_and_nothing_else() -> None:
    told = variables(queues={"a": {"url": "https://sqs/a", "arn": "arn:aws:sqs:a", "visibility_timeout": 3600}})

    assert json.loads(told["AIRFLOW__CELERY_BROKER_TRANSPORT_OPTIONS__PREDEFINED_QUEUES"]) == {
        "a": {"url": "https://sqs/a"}
    }


TOLD = {"connections_lookup_pattern": "(?!aws_default$)", "variables_lookup_pattern": None, "cache_seconds": 60}


@pytest.mark.parametrize(
    ("service", "looks_up"),
    [
        ("api_server", False),
        ("execution_api", False),
        ("scheduler", False),
        ("migration", False),
        ("dag_processor", True),
        ("triggerer", True),
    ],
)
def test_secrets_are_looked_for_below_the_environment_only_and_where_users_code_runs(
    service: str, looks_up: bool
) -> None:
    told = variables(service, queues={"a": {"url": "https://sqs/a"}})

    assert json.loads(told["AIRFLOW__SECRETS__BACKEND_KWARGS"]) == {
        "connections_prefix": "sm2a/test/connections" if looks_up else None,
        "variables_prefix": "sm2a/test/variables" if looks_up else None,
        "config_prefix": "sm2a/test/config",
        **(TOLD if looks_up else {}),
    }


def test_what_is_looked_up_and_kept_is_the_users_to_say() -> None:
    patterns = {"connections_lookup_pattern": "warehouse", "variables_lookup_pattern": "secret_"}
    told = variables("triggerer", queues={"a": {"url": "https://sqs/a"}}, **patterns, secrets_cache_seconds=0)

    backend = json.loads(told["AIRFLOW__SECRETS__BACKEND_KWARGS"])
    assert patterns.items() <= backend.items() and backend["cache_seconds"] == 0


@pytest.mark.parametrize(
    ("name", "looked_up"), [("aws_default", False), ("aws_default_too", True), ("warehouse", True)]
)
def test_the_connection_of_a_containers_role_is_not_looked_up(name: str, looked_up: bool) -> None:
    # As Amazon's backend matches.
    assert bool(re.match(OPTIONS["connections_lookup_pattern"], name, re.IGNORECASE)) is looked_up


@pytest.mark.parametrize(
    ("service", "named"),
    [
        ("api_server", {"sql_alchemy_conn/airflow", "fernet_key", "api_secret_key", "jwt_secret"}),
        ("execution_api", {"sql_alchemy_conn/execution-api", "fernet_key", "jwt_secret"}),
        ("scheduler", {"sql_alchemy_conn/airflow", "fernet_key", "jwt_secret"}),
        ("dag_processor", {"sql_alchemy_conn/dag-processor", "fernet_key"}),
        ("triggerer", {"sql_alchemy_conn/triggerer", "fernet_key", "api_secret_key"}),
        ("worker", {"sql_alchemy_conn/worker", "api_secret_key"}),
        ("migration", {"sql_alchemy_conn/migration"}),
    ],
)
def test_a_container_names_its_own_secrets(service: str, named: set[str]) -> None:
    told = variables(service, queues={"a": {"url": "https://sqs/a"}})

    assert {value for name, value in told.items() if name.endswith("_SECRET")} == named


@pytest.mark.parametrize(("default", "queue"), [(None, "a"), ("b", "b")])
def test_the_first_queue_is_the_default_unless_one_is_named(default: str | None, queue: str) -> None:
    queues = {name: {"url": f"https://sqs/{name}"} for name in "ba"}

    assert variables(queues=queues, default_pool=default)["AIRFLOW__OPERATORS__DEFAULT_QUEUE"] == queue


@pytest.mark.parametrize(
    ("url", "secure"), [("https://airflow.example.com", "True"), ("http://localhost:8080", "False")]
)
def test_cookies_are_secure_where_users_speak_https(url: str, secure: str) -> None:
    assert variables(queues={"a": {"url": "https://sqs/a"}}, url=url)["AIRFLOW__FAB__COOKIE_SECURE"] == secure


def test_what_the_user_sets_wins_over_what_sm2a_sets() -> None:
    told = variables(
        queues={"a": {"url": "https://sqs/a"}},
        configuration={"scheduler": {"task_queued_timeout": 60}},
        environment_variables={"AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": 5},
    )

    assert told["AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT"] == "60"
    assert told["AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT"] == "5"


def test_a_health_check_asks_the_container_itself() -> None:
    command = http_check(8080, "/healthz")

    assert "HTTPConnection('127.0.0.1', 8080)" in command and "'/healthz'" in command and "!= 200" in command


def test_a_heartbeat_is_looked_for_where_the_image_leaves_it() -> None:
    assert str(heartbeat.FILE) == HEARTBEAT_FILE


def test_a_heartbeat_that_is_old_or_missing_is_none(tmp_path: Path) -> None:
    file = tmp_path / "heartbeat"
    check = HEARTBEAT_CHECK.replace(HEARTBEAT_FILE, str(file))

    def healthy() -> bool:
        return subprocess.run(["sh", "-c", check], check=False, capture_output=True).returncode == 0

    assert not healthy()
    file.touch()
    assert healthy()
    os.utime(file, (time.time() - 90,) * 2)
    assert not healthy()


def test_a_component_that_is_to_be_absent_needs_nothing() -> None:
    assert list(container_faults({"state": "absent"}, ["worker"])) == []


def test_every_service_needs_its_role() -> None:
    options = {
        "state": "present",
        "role_arns": {"execution": "arn:aws:iam::123456789012:role/execution"},
        "environment_variables": {},
    }
    [error] = container_faults(options, ["worker"])

    assert error.option == "role_arns" and error.rule == "the role of worker is missing"


def definition(volumes: dict[str, str] | None = None, **options: Any) -> dict[str, Any]:
    """Return the content of a task definition whose container has these options."""
    given = {
        "role_arns": {},
        "image": "registry.example.com/airflow:1",
        "log_group": "/sm2a/test/airflow",
        "architecture": "X86_64",
        "execute_command": False,
        "read_only_root_filesystem": True,
        "registry_credentials": None,
        **options,
    }
    size = {"cpu": 256, "memory": 512}
    made = task_definition(
        FakeAws(),  # type: ignore[arg-type]
        given,
        "x",
        {},
        role="worker",
        name="worker",
        command=["x"],
        variables={},
        size=size,
        volumes=volumes,
    )
    return made.content


def test_a_container_writes_to_its_volumes_only_and_has_no_capability() -> None:
    content = definition(AIRFLOW_VOLUMES)
    [container] = content["containerDefinitions"]

    assert container["readonlyRootFilesystem"] is True
    assert {point["containerPath"]: point["sourceVolume"] for point in container["mountPoints"]} == {
        path: volume for volume, path in AIRFLOW_VOLUMES.items()
    }
    assert content["volumes"] == [{"name": volume} for volume in sorted(AIRFLOW_VOLUMES)]
    assert container["linuxParameters"] == {"initProcessEnabled": True, "capabilities": {"drop": ["ALL"]}}


@pytest.mark.parametrize(
    ("image", "logs_in"),
    [
        ("registry.example.com/airflow:1", True),
        ("airflow", True),
        ("123456789012.dkr.ecr.eu-central-1.amazonaws.com/sm2a-test/airflow:1", False),
        (KNOWN_AFTER_APPLY, False),
    ],
)
def test_ecs_logs_in_to_registries_other_than_ecr(image: str, logs_in: bool) -> None:
    secret = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:registry-AbCdEf"
    [container] = definition(image=image, registry_credentials=secret)["containerDefinitions"]

    assert container.get("repositoryCredentials") == ({"credentialsParameter": secret} if logs_in else None)
    assert "repositoryCredentials" not in definition(image=image)["containerDefinitions"][0]


def test_the_scaler_writes_to_nothing() -> None:
    content = definition()

    assert content["volumes"] == [] and content["containerDefinitions"][0]["mountPoints"] == []
    assert content["containerDefinitions"][0]["readonlyRootFilesystem"] is True


@pytest.mark.parametrize(
    ("options", "parameters"),
    [
        # Its agent writes to the root file system, with capabilities of which AWS says nothing.
        ({"execute_command": True}, {"initProcessEnabled": True}),
        (
            {"read_only_root_filesystem": False},
            {"initProcessEnabled": True, "capabilities": {"drop": ["ALL"]}},
        ),
    ],
)
def test_a_root_file_system_that_is_written_to_needs_no_volume(
    options: dict[str, Any], parameters: dict[str, Any]
) -> None:
    content = definition(AIRFLOW_VOLUMES, **options)
    [container] = content["containerDefinitions"]

    assert container["readonlyRootFilesystem"] is False
    assert content["volumes"] == container["mountPoints"] == []
    assert container["linuxParameters"] == parameters


def test_the_image_declares_the_volumes_that_airflow_writes_to() -> None:
    dockerfile = Path(__file__).parents[3] / "roles/airflow/files/image/Dockerfile"
    [declared] = re.findall(r"^VOLUME (.*)$", dockerfile.read_text(), re.MULTILINE)

    assert sorted(json.loads(declared)) == sorted(AIRFLOW_VOLUMES.values())


OUTAGE = 120
# Airflow's defaults, which nobody changes here: between two heartbeats, and until the scheduler takes a task for dead.
HEARTBEAT_INTERVAL, HEARTBEAT_TIMEOUT = 5, 300


def test_an_execution_api_that_is_away_for_two_minutes_fails_no_task() -> None:
    told = variables(queues={"a": {"url": "https://sqs/a"}})
    pauses = int(told["AIRFLOW__WORKERS__EXECUTION_API_RETRIES"]) - 1
    shortest = pauses * int(told["AIRFLOW__WORKERS__EXECUTION_API_RETRY_WAIT_MIN"])
    longest = pauses * int(told["AIRFLOW__WORKERS__EXECUTION_API_RETRY_WAIT_MAX"])
    heartbeats = int(told["AIRFLOW__WORKERS__MAX_FAILED_HEARTBEATS"])

    # A request is repeated for longer than the outage and the pause after it.
    assert shortest > OUTAGE + int(told["AIRFLOW__WORKERS__EXECUTION_API_RETRY_WAIT_MAX"])
    # A worker ends a task before the scheduler gives it to another one.
    assert heartbeats * (longest + HEARTBEAT_INTERVAL) < HEARTBEAT_TIMEOUT
    # The tokens of tasks outlive whatever the requests do.
    assert int(told["AIRFLOW__EXECUTION_API__JWT_EXPIRATION_TIME"]) / 5 > longest
