# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The local AWS's task scale-in protection does what AWS documents; the scaler's end-to-end tests stand on it."""

from __future__ import annotations

import time
from typing import Any

import pytest
from botocore.exceptions import ClientError
from emulators import Account, Vpc

pytestmark = pytest.mark.parametrize("emulator", ["ministack"], indirect=True)

CLUSTER = "fleet"
SERVICE = "workers"


class Fleet:
    """A service of some tasks."""

    def __init__(self, ecs: Any, vpc: Vpc, number: int) -> None:
        self.ecs = ecs
        ecs.create_cluster(clusterName=CLUSTER)
        self.register()
        ecs.create_service(
            cluster=CLUSTER,
            serviceName=SERVICE,
            taskDefinition="worker",
            desiredCount=number,
            launchType="FARGATE",
            networkConfiguration={"awsvpcConfiguration": {"subnets": vpc.subnet_ids}},
        )

    def register(self) -> None:
        container = {"name": "worker", "image": "worker"}
        self.ecs.register_task_definition(family="worker", containerDefinitions=[container], networkMode="awsvpc")

    def tasks(self) -> set[str]:
        return set(self.ecs.list_tasks(cluster=CLUSTER, serviceName=SERVICE)["taskArns"])

    def protect(self, *tasks: str, enabled: bool = True, **more: Any) -> dict[str, Any]:
        return dict(
            self.ecs.update_task_protection(cluster=CLUSTER, tasks=list(tasks), protectionEnabled=enabled, **more)
        )

    def scale(self, number: int) -> None:
        self.ecs.update_service(cluster=CLUSTER, service=SERVICE, desiredCount=number)

    def becomes(self, tasks: set[str]) -> None:
        deadline = time.monotonic() + 10
        while self.tasks() != tasks:
            assert time.monotonic() < deadline, f"{self.tasks()} instead of {tasks}"
            time.sleep(0.2)


@pytest.fixture
def fleet(account: Account, vpc: Vpc) -> Fleet:
    return Fleet(account.client("ecs"), vpc, 5)


@pytest.mark.parametrize("number", [2, 0])
def test_scale_in_takes_others_first_and_the_protected_when_they_are_released(fleet: Fleet, number: int) -> None:
    kept = set(sorted(fleet.tasks())[:3])
    fleet.protect(*kept)
    fleet.scale(number)
    fleet.becomes(kept)
    time.sleep(2.5)
    assert fleet.tasks() == kept, "the scheduler comes back and still spares them"

    released = sorted(kept)[0]
    fleet.protect(released, enabled=False)
    fleet.becomes(kept - {released})


def test_a_deployment_waits_for_the_protected(fleet: Fleet) -> None:
    kept = set(sorted(fleet.tasks())[:1])
    fleet.protect(*kept)
    fleet.register()
    fleet.ecs.update_service(cluster=CLUSTER, service=SERVICE, taskDefinition="worker")
    deadline = time.monotonic() + 10
    while len(fleet.tasks()) != 6:
        assert time.monotonic() < deadline, fleet.tasks()
        time.sleep(0.2)
    assert kept < fleet.tasks()

    fleet.protect(*kept, enabled=False)
    deadline = time.monotonic() + 10
    while fleet.tasks() & kept:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert len(fleet.tasks()) == 5


def test_a_user_may_stop_the_protected_and_delete_their_service(fleet: Fleet) -> None:
    first, *others = sorted(fleet.tasks())
    fleet.protect(first, *others)
    fleet.ecs.stop_task(cluster=CLUSTER, task=first)
    assert first not in fleet.tasks()
    fleet.ecs.delete_service(cluster=CLUSTER, service=SERVICE, force=True)
    fleet.becomes(set())


def test_what_is_answered(fleet: Fleet) -> None:
    first, second, *_others = sorted(fleet.tasks())
    answer = fleet.protect(first, expiresInMinutes=60)["protectedTasks"]
    assert [(task["taskArn"], task["protectionEnabled"]) for task in answer] == [(first, True)]
    assert 3590 < answer[0]["expirationDate"].timestamp() - time.time() <= 3600

    asked = fleet.ecs.get_task_protection(cluster=CLUSTER, tasks=[first, second, "0" * 32])
    assert [task["protectionEnabled"] for task in asked["protectedTasks"]] == [True, False]
    assert [failure["reason"] for failure in asked["failures"]] == ["MISSING"]

    alone = fleet.ecs.run_task(cluster=CLUSTER, taskDefinition="worker")["tasks"][0]["taskArn"]
    assert [failure["reason"] for failure in fleet.protect(alone)["failures"]] == ["TASK_NOT_VALID"]


@pytest.mark.parametrize("minutes", [0, 2881])
def test_expiry_has_limits(fleet: Fleet, minutes: int) -> None:
    with pytest.raises(ClientError, match="expiresInMinutes must be from 1 to 2880"):
        fleet.protect(*fleet.tasks(), expiresInMinutes=minutes)
