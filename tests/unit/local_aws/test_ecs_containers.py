# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a task definition says is what Docker is told, also where it says nothing."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import ecs_containers
import pytest
from ecs_containers import NANOSECONDS, UNHEALTHY, docker_arguments

TASK = {"cpu": "512", "memory": "1024"}


def arguments(*image_volumes: str, **container: Any) -> dict[str, Any]:
    return docker_arguments(container, TASK, list(image_volumes))


def test_what_is_not_said_is_what_docker_does_by_itself() -> None:
    assert arguments() == {
        "read_only": False,
        "mounts": [],
        "init": False,
        "cap_drop": [],
        "healthcheck": {"test": ["NONE"]},
        "mem_limit": "1024m",
        "cpu_shares": 512,
    }


def test_what_is_said_is_passed_on() -> None:
    given = arguments(
        readonlyRootFilesystem=True,
        linuxParameters={"initProcessEnabled": True, "capabilities": {"drop": ["ALL"]}},
        user="1000",
        entryPoint=["/program"],
    )

    assert {name: given[name] for name in ("read_only", "init", "cap_drop", "user", "entrypoint")} == {
        "read_only": True,
        "init": True,
        "cap_drop": ["ALL"],
        "user": "1000",
        "entrypoint": ["/program"],
    }


@pytest.mark.parametrize(
    ("declared", "mounts"),
    [
        ([], [("/tmp", False, True)]),
        (["/tmp"], [("/tmp", False, False)]),
        # Docker would make a volume of the second, to which the container could write.
        (["/tmp", "/data"], [("/tmp", False, False), ("/data", True, False)]),
    ],
)
def test_a_volume_is_the_users_only_where_the_image_declares_it(
    declared: list[str], mounts: list[tuple[str, bool, bool]]
) -> None:
    point = {"sourceVolume": "tmp", "containerPath": "/tmp", "readOnly": False}
    given = arguments(*declared, mountPoints=[point], readonlyRootFilesystem=True)["mounts"]

    assert [
        (mount["Target"], mount["ReadOnly"], bool(mount.get("VolumeOptions", {}).get("NoCopy"))) for mount in given
    ] == mounts


def test_seconds_of_a_health_check_that_are_not_said_are_those_of_ecs() -> None:
    check = arguments(healthCheck={"command": ["CMD-SHELL", "true"], "interval": 10})["healthcheck"]

    assert check == {
        "test": ["CMD-SHELL", "true"],
        "interval": 10 * NANOSECONDS,
        "timeout": 5 * NANOSECONDS,
        "start_period": 0,
        "retries": 3,
    }


@pytest.fixture
def scheduler(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    """What the service's scheduler is told, in the place of MiniStack's."""
    told: list[tuple[str, Any]] = []
    for name in ("_record_service_task_healthy", "_complete_service_deployment", "_record_service_task_failure"):
        monkeypatch.setattr(ecs_containers.ecs, name, lambda *_arguments, name=name: told.append((name, None)))
    monkeypatch.setattr(ecs_containers.ecs, "_stop_task", lambda data: told.append(("_stop_task", data["reason"])))
    return told


@pytest.mark.parametrize(
    ("docker_says", "status", "told"),
    [
        ("starting", "UNKNOWN", []),
        ("healthy", "HEALTHY", [("_record_service_task_healthy", None), ("_complete_service_deployment", None)]),
        ("unhealthy", "UNHEALTHY", [("_stop_task", UNHEALTHY), ("_record_service_task_failure", None)]),
    ],
)
def test_a_task_that_fails_its_check_is_stopped_once(
    docker_says: str,
    status: str,
    told: list[tuple[str, Any]],
    scheduler: list[tuple[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    inspected = {"State": {"Health": {"Status": docker_says}}}
    client = SimpleNamespace(api=SimpleNamespace(inspect_container=lambda _id: inspected))
    monkeypatch.setattr(ecs_containers.ecs, "_get_docker", lambda: client)
    task = {
        "taskArn": "arn:aws:ecs:eu-central-1:000000000000:task/sm2a-local/1",
        "clusterArn": "arn:aws:ecs:eu-central-1:000000000000:cluster/sm2a-local",
        "group": "service:sm2a-local-scheduler",
        "healthStatus": "UNKNOWN",
        "containers": [{"name": "scheduler"}],
        "_docker_ids": ["0123"],
    }

    ecs_containers._follow(task)
    ecs_containers._follow(task)

    assert task["healthStatus"] == status and scheduler == told
