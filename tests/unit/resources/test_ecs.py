# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sizes of tasks, revisions of task definitions, and the end of a cluster."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError
from fake_aws import OURS, FakeAws, FakeClient, in_turn, refusal

from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.engine import ApplyError, Engine
from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.errors import OptionError
from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.values import KNOWN_AFTER_APPLY
from ansible_collections.sm2a.airflow.plugins.module_utils._resources.ecs import Cluster, TaskDefinition, validate_size

TAGS = [{"key": key, "value": value} for key, value in OURS.items()]
CONTAINER = {"name": "x", "environment": [{"name": "B", "value": "2"}, {"name": "A", "value": "1"}]}


def definition(ecs: FakeClient, check_mode: bool = False, **changes: Any) -> TaskDefinition:
    settings = {"cpu": 256, "memory": 512, "execution_role_arn": "e", "task_role_arn": "t", "container": CONTAINER}
    return TaskDefinition(FakeAws(check_mode, ecs=ecs), "x", OURS, **{**settings, **changes})  # type: ignore[arg-type]


def registered(*revisions: int, **content: Any) -> FakeClient:
    """Return an ECS with these revisions of the family x, the newest first."""
    newest = {"taskDefinitionArn": f"arn/x:{max(revisions)}", "status": "ACTIVE"}
    found = {**definition(FakeClient()).content, **newest, **content}
    return FakeClient(
        list_task_definitions={"taskDefinitionArns": [f"arn/x:{number}" for number in revisions]},
        describe_task_definition={"taskDefinition": found, "tags": TAGS},
        register_task_definition={"taskDefinition": {"taskDefinitionArn": "arn/x:100"}},
    )


@pytest.mark.parametrize(("cpu", "memory"), [(256, 512), (1024, 8192), (4096, 30720), (16384, 122880)])
def test_sizes_that_fargate_offers(cpu: int, memory: int) -> None:
    validate_size("", cpu, memory)


@pytest.mark.parametrize(
    ("cpu", "memory", "option", "rule"),
    [
        (300, 512, "pools.a.cpu", "Fargate offers 256, 512"),
        (256, 4096, "pools.a.memory", "512 to 2048 MiB"),
        (1024, 2500, "pools.a.memory", "in steps of 1024"),
    ],
)
def test_sizes_that_fargate_does_not_offer(cpu: int, memory: int, option: str, rule: str) -> None:
    with pytest.raises(OptionError) as caught:
        validate_size("pools.a", cpu, memory)

    assert caught.value.option == option and rule in caught.value.rule


def test_the_order_of_variables_makes_no_revision() -> None:
    turned = {"name": "x", "environment": CONTAINER["environment"][::-1]}  # type: ignore[index]
    ecs = registered(3, containerDefinitions=[turned])

    [step] = Engine("test", check_mode=False).apply([definition(ecs)])

    assert step.action == "none" and ecs.called("register_task_definition") == []


def test_what_aws_fills_in_makes_no_revision() -> None:
    point = {"sourceVolume": "tmp", "containerPath": "/tmp"}
    wanted = {"container": {**CONTAINER, "mountPoints": [point]}, "volumes": ["tmp", "home"]}
    answered = {**CONTAINER, "mountPoints": [{**point, "readOnly": False}], "readonlyRootFilesystem": False}
    volumes = [{"name": name, "host": {}} for name in ("tmp", "home")]
    ecs = registered(3, containerDefinitions=[answered], volumes=volumes)

    [step] = Engine("test", check_mode=False).apply([definition(ecs, **wanted)])

    assert step.action == "none" and ecs.called("register_task_definition") == []


def test_a_root_file_system_that_somebody_opened_is_closed_again() -> None:
    wanted = {"container": {**CONTAINER, "readonlyRootFilesystem": True}}
    ecs = registered(3, containerDefinitions=[CONTAINER])

    [step] = Engine("test", check_mode=False).apply([definition(ecs, **wanted)])

    assert step.action == "update"
    [request] = ecs.called("register_task_definition")
    assert request["containerDefinitions"][0]["readonlyRootFilesystem"] is True


def test_an_unknown_family_has_no_revision() -> None:
    ecs = FakeClient(describe_task_definition=refusal("ClientException", "Unable to describe task definition."))

    assert definition(ecs).find() is None
    assert ecs.called("describe_task_definition") == [{"taskDefinition": "x", "include": ["TAGS"]}]


def test_a_family_of_which_nothing_is_left_has_no_revision() -> None:
    assert definition(registered(3, status="INACTIVE")).find() is None


@pytest.mark.parametrize(
    "error", [refusal("ClientException", "Tags may not be read."), refusal("AccessDeniedException")]
)
def test_a_family_that_cannot_be_read_is_not_taken_for_missing(error: ClientError) -> None:
    with pytest.raises(ClientError):
        definition(FakeClient(describe_task_definition=error)).find()


def test_a_difference_is_a_new_revision_and_ten_are_kept() -> None:
    ecs = registered(*range(12, 0, -1), memory="1024")
    one = definition(ecs)

    [step] = Engine("test", check_mode=False).apply([one])

    assert (step.action, one.id) == ("update", "arn/x:100")
    gone = [call["taskDefinition"] for call in ecs.called("deregister_task_definition")]
    assert gone == ["arn/x:2", "arn/x:1"]


@pytest.mark.parametrize(
    "beyond",
    [
        {"containerDefinitions": [{**CONTAINER, "user": "root"}]},
        {"containerDefinitions": [{**CONTAINER, "entryPoint": ["sh", "-c"]}]},
        {"containerDefinitions": [{**CONTAINER, "secrets": [{"name": "X", "valueFrom": "arn"}]}]},
        {"containerDefinitions": [CONTAINER, {"name": "beside"}]},
        {"volumes": [{"name": "v"}]},
        {"pidMode": "task"},
    ],
)
def test_whatever_a_revision_says_beyond_ours_makes_a_new_one(beyond: dict[str, Any]) -> None:
    ecs = registered(3, **beyond)
    planned = definition(ecs, check_mode=True)

    Engine("test", check_mode=True).apply([planned])
    [step] = Engine("test", check_mode=False).apply([definition(ecs)])

    assert step.action == "update" and planned.id == KNOWN_AFTER_APPLY
    assert len(ecs.called("register_task_definition")) == 1


def test_what_ecs_fills_in_makes_none() -> None:
    filled = {**CONTAINER, "cpu": 0, "mountPoints": [], "volumesFrom": [], "systemControls": []}
    ecs = registered(3, containerDefinitions=[filled], revision=3, compatibilities=["FARGATE"], volumes=[])

    [step] = Engine("test", check_mode=False).apply([definition(ecs)])

    assert step.action == "none"


def foreign_newest(*ours: str) -> FakeClient:
    """Return an ECS whose newest revision of x nobody tagged; of the others, these are ours."""
    ecs = registered(3, 2, memory="1024")
    found = ecs.answers["describe_task_definition"]

    def describe(taskDefinition: str, include: list[str]) -> dict[str, Any]:
        return {**found, "tags": TAGS if taskDefinition in ours else []}

    ecs.answers["describe_task_definition"] = describe
    return ecs


def test_a_foreign_revision_in_our_family_is_followed_by_one_of_ours() -> None:
    one = definition(ecs := foreign_newest("arn/x:2"))

    [step] = Engine("test", check_mode=False).apply([one])

    assert (step.action, one.id) == ("update", "arn/x:100") and len(ecs.called("register_task_definition")) == 1


def test_a_family_without_a_revision_of_ours_is_somebody_elses() -> None:
    with pytest.raises(ApplyError, match="left alone"):
        Engine("test", check_mode=False).apply([definition(foreign_newest())])


def test_in_check_mode_the_revision_to_come_is_not_known() -> None:
    one = definition(registered(3, memory="1024"), check_mode=True)

    Engine("test", check_mode=True).apply([one])

    assert one.id == KNOWN_AFTER_APPLY


def test_tags_alone_make_no_revision() -> None:
    ecs = registered(3)
    one = definition(ecs)
    one.tags = {**OURS, "team": "data"}

    Engine("test", check_mode=False).apply([one])

    assert ecs.called("register_task_definition") == [] and len(ecs.called("tag_resource")) == 1


def test_what_an_interrupted_deletion_has_deregistered_is_deleted() -> None:
    ecs = registered(3, status="INACTIVE")
    ecs.answers["list_task_definitions"] = lambda status, **_more: {
        "taskDefinitionArns": ["arn/x:3"] if status == "INACTIVE" else []
    }

    [step] = Engine("test", check_mode=False).remove([definition(ecs)])

    assert step.action == "delete" and ecs.called("deregister_task_definition") == []
    assert ecs.called("delete_task_definitions") == [{"taskDefinitions": ["arn/x:3"]}]


def test_all_revisions_are_deleted_ten_at_a_time() -> None:
    ecs = registered(*range(12, 0, -1))

    Engine("test", check_mode=False).remove([definition(ecs)])

    assert len(ecs.called("deregister_task_definition")) == 12
    assert [len(call["taskDefinitions"]) for call in ecs.called("delete_task_definitions")] == [10, 2]


def test_a_cluster_goes_when_its_last_task_has_stopped() -> None:
    cluster = {"clusterArn": "arn", "status": "ACTIVE", "tags": TAGS}
    ecs = FakeClient(
        describe_clusters={"clusters": [cluster]},
        delete_cluster=in_turn(refusal("ClusterContainsTasksException"), refusal("UpdateInProgressException"), {}),
    )
    aws: Any = FakeAws(ecs=ecs)

    [step] = Engine("test", check_mode=False).remove([Cluster(aws, "sm2a-test", OURS, "disabled")])

    assert step.action == "delete" and len(ecs.called("delete_cluster")) == 3


def test_an_inactive_cluster_is_not_there() -> None:
    aws: Any = FakeAws(ecs=FakeClient(describe_clusters={"clusters": [{"status": "INACTIVE"}]}))

    assert Cluster(aws, "sm2a-test", OURS, "disabled").find() is None


def test_what_is_not_said_of_ecs_exec_stays() -> None:
    found = {"kmsKeyId": "key", "logging": "OVERRIDE", "logConfiguration": {"cloudWatchEncryptionEnabled": True}}
    cluster = {
        "clusterArn": "arn",
        "status": "ACTIVE",
        "tags": TAGS,
        "capacityProviders": ["FARGATE", "FARGATE_SPOT"],
        "configuration": {"executeCommandConfiguration": found},
    }
    wanted = {"logging": "OVERRIDE", "logConfiguration": {"cloudWatchLogGroupName": "group"}}
    ecs = FakeClient(describe_clusters={"clusters": [cluster]}, update_cluster={})
    aws: Any = FakeAws(ecs=ecs)

    [step] = Engine("test", check_mode=False).apply([Cluster(aws, "sm2a-test", OURS, "disabled", wanted)])

    assert step.action == "update"
    [request] = ecs.called("update_cluster")
    logs = {"cloudWatchEncryptionEnabled": True, "cloudWatchLogGroupName": "group"}
    assert request["configuration"] == {"executeCommandConfiguration": {**found, "logConfiguration": logs}}
