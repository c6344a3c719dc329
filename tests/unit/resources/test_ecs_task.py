# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A task that has to succeed once."""

from __future__ import annotations

from typing import Any

import pytest
from fake_aws import OURS, FakeAws, FakeClient, in_turn, refusal

from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.engine import ApplyError, Engine
from ansible_collections.sm2a.airflow.plugins.module_utils._resources.ecs import TaskDefinition
from ansible_collections.sm2a.airflow.plugins.module_utils._resources.ecs_task import OneOffTask, stopped_reason

DONE = {"lastStatus": "STOPPED", "containers": [{"name": "migration", "exitCode": 0}], "taskDefinitionArn": "x:1"}
FAILED = {**DONE, "containers": [{"name": "migration", "exitCode": 3}], "stoppedReason": "Essential container exited"}


def task(ecs: FakeClient, logs: FakeClient | None = None, completed: str | None = None) -> OneOffTask:
    aws: Any = FakeAws(ecs=ecs, logs=logs or FakeClient())
    revision = TaskDefinition(
        aws, "x", OURS, cpu=256, memory=512, execution_role_arn="", task_role_arn="", container={}
    )
    revision.id = "x:1"
    revision.found_tags = {"sm2a:completed": completed} if completed else {}
    return OneOffTask(
        aws,
        "sm2a-test-migration",
        cluster="sm2a-test",
        task_definition=revision,
        subject="db-1",
        subnet_ids=["subnet-a"],
        security_group_ids=["sg-a"],
        log_group="/sm2a/test/airflow",
        log_prefix="migration/migration",
        tags=OURS,
    )


def ecs_with(*tasks: dict[str, Any], **answers: Any) -> FakeClient:
    started = {"run_task": {"tasks": [{"taskArn": "arn/cluster/abc"}]}, "list_tasks": {"taskArns": []}}
    return FakeClient(describe_tasks=in_turn(*({"tasks": [one]} for one in tasks)), **{**started, **answers})


def apply(one: OneOffTask) -> str:
    # Without its task definition, which is there already.
    [step] = Engine("test", check_mode=False).apply([one])
    return step.action


@pytest.mark.parametrize(("completed", "action"), [("db-1", "none"), ("db-0", "create"), (None, "create")])
def test_success_is_written_on_the_revision_and_holds_for_one_database(completed: str | None, action: str) -> None:
    ecs = ecs_with(DONE)

    assert apply(task(ecs, completed=completed)) == action

    written = [{"key": "sm2a:completed", "value": "db-1"} in call["tags"] for call in ecs.called("tag_resource")]
    assert written == ([True] if action == "create" else [])


def test_one_that_an_interrupted_run_started_is_waited_for() -> None:
    ecs = ecs_with(
        {"lastStatus": "RUNNING", "taskDefinitionArn": "x:1", "taskArn": "arn/cluster/abc"},
        {"lastStatus": "RUNNING", "taskDefinitionArn": "x:1"},
        DONE,
        list_tasks={"taskArns": ["arn/cluster/abc"]},
    )

    assert apply(task(ecs)) == "create"
    assert ecs.called("run_task") == []


@pytest.mark.parametrize(
    ("events", "text"),
    [
        ({"events": [{"message": "Traceback"}, {"message": "no such table"}]}, "Traceback\nno such table"),
        ({"events": []}, "none in log stream migration/migration/abc"),
        (refusal("ResourceNotFoundException"), r"none \(ResourceNotFoundException for log stream"),
    ],
)
def test_a_failure_brings_the_end_of_its_log_and_is_not_success(events: Any, text: str) -> None:
    ecs = ecs_with(FAILED)

    with pytest.raises(ApplyError, match=f"exit code 3.*{text}"):
        apply(task(ecs, FakeClient(get_log_events=events)))
    assert ecs.called("tag_resource") == []


def test_a_task_that_cannot_be_placed_says_why() -> None:
    ecs = ecs_with(DONE, run_task={"failures": [{"reason": "RESOURCE:CPU"}], "tasks": []})

    with pytest.raises(ApplyError, match="could not be started: RESOURCE:CPU"):
        apply(task(ecs))


def test_the_reason_names_every_container() -> None:
    containers = [{"name": "a", "exitCode": 137, "reason": "OutOfMemoryError"}, {"name": "b"}]

    reason = stopped_reason({"stoppedReason": "exited", "containers": containers})
    assert reason == "exited (a exit code 137 OutOfMemoryError, b exit code None)"


def test_a_task_that_ecs_does_not_know_yet_is_waited_for() -> None:
    # https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html
    missing = {"tasks": [], "failures": [{"arn": "arn/cluster/abc", "reason": "MISSING"}]}
    ecs = ecs_with(DONE)
    ecs.answers["describe_tasks"] = in_turn(missing, {"tasks": [DONE]})

    assert apply(task(ecs)) == "create"
