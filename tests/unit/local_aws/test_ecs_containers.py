# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a task definition says is what Docker is told, also where it says nothing."""

from __future__ import annotations

from typing import Any

import pytest
from ecs_containers import NANOSECONDS, docker_arguments

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
