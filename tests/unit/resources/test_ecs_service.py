# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a service asks of ECS, and when it counts as deployed."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from fake_aws import OURS, FakeAws, FakeClient, in_turn, refusal

from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.engine import ApplyError, Engine
from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.fields import read_fields, request_of
from ansible_collections.sm2a.airflow.plugins.module_utils._resources.ecs import TaskDefinition
from ansible_collections.sm2a.airflow.plugins.module_utils._resources.ecs_service import (
    FIELDS,
    Service,
    service_names,
    service_tasks,
    services_of,
)
from ansible_collections.sm2a.airflow.plugins.module_utils._resources.servicediscovery import DiscoveryService

NETWORK = {"subnets": ["subnet-a", "subnet-b"], "securityGroups": ["sg-a"], "assignPublicIp": "DISABLED"}
RUNNING: dict[str, Any] = {
    "serviceName": "sm2a-test-x",
    "serviceArn": "arn of x",
    "status": "ACTIVE",
    "taskDefinition": "x:1",
    "desiredCount": 2,
    "runningCount": 2,
    "pendingCount": 0,
    "networkConfiguration": {"awsvpcConfiguration": NETWORK},
    "deploymentConfiguration": {
        "minimumHealthyPercent": 100,
        "maximumPercent": 200,
        "deploymentCircuitBreaker": {"enable": True, "rollback": True},
    },
    "capacityProviderStrategy": [{"capacityProvider": "FARGATE", "weight": 1, "base": 0}],
    "deployments": [{"status": "PRIMARY", "taskDefinition": "x:1", "rolloutState": "COMPLETED"}],
    "tags": [{"key": key, "value": value} for key, value in OURS.items()],
}


def client(*services: dict[str, Any] | Exception, **answers: Any) -> FakeClient:
    """Return an ECS that describes one service, in turn as here."""
    described = [item if isinstance(item, Exception) else {"services": [item] if item else []} for item in services]
    created = {"service": {"serviceArn": "arn of x"}}
    return FakeClient(describe_services=in_turn(*described), create_service=created, **answers)


def service(ecs: FakeClient, check_mode: bool = False, **settings: Any) -> Service:
    aws: Any = FakeAws(check_mode, ecs=ecs)
    definition = TaskDefinition(
        aws, "x", OURS, cpu=256, memory=512, execution_role_arn="", task_role_arn="", container={}
    )
    definition.id = "x:1"
    network = {"subnet_ids": ["subnet-b", "subnet-a"], "security_group_ids": ["sg-a"]}
    return Service(aws, "sm2a-test-x", OURS, cluster="sm2a-test", task_definition=definition, **{**network, **settings})


def apply(one: Service) -> str:
    [step] = Engine("test", check_mode=one.aws.check_mode).apply([one])
    return step.action


def test_a_new_service_is_asked_for_with_all_that_it_needs() -> None:
    ecs = client({}, {}, RUNNING)

    assert apply(service(ecs, initial_count=3)) == "create"

    [request] = ecs.called("create_service")
    del request["clientToken"], request["tags"]
    assert request == {
        "cluster": "sm2a-test",
        "serviceName": "sm2a-test-x",
        "schedulingStrategy": "REPLICA",
        "desiredCount": 3,
        "taskDefinition": "x:1",
        "networkConfiguration": {"awsvpcConfiguration": NETWORK},
        "deploymentConfiguration": RUNNING["deploymentConfiguration"],
        "capacityProviderStrategy": [{"capacityProvider": "FARGATE", "weight": 1}],
        "enableExecuteCommand": False,
        "propagateTags": "SERVICE",
        "enableECSManagedTags": True,
    }


def test_the_number_of_tasks_is_left_alone_unless_it_is_set() -> None:
    assert apply(service(client({**RUNNING, "desiredCount": 7}))) == "none"

    ecs = client({**RUNNING, "desiredCount": 7}, RUNNING)
    assert apply(service(ecs, desired_count=2)) == "update"
    assert ecs.called("update_service")[0]["desiredCount"] == 2


@pytest.mark.parametrize(
    ("found", "field"),
    [
        ({"taskDefinition": "x:0"}, "task_definition"),
        ({"enableExecuteCommand": True}, "execute_command"),
        ({"networkConfiguration": {"awsvpcConfiguration": {**NETWORK, "subnets": ["subnet-c"]}}}, "subnet_ids"),
        (
            {"networkConfiguration": {"awsvpcConfiguration": {**NETWORK, "assignPublicIp": "ENABLED"}}},
            "assign_public_ip",
        ),
        (
            {
                "deploymentConfiguration": {
                    **RUNNING["deploymentConfiguration"],
                    "deploymentCircuitBreaker": {"enable": True, "rollback": False},
                }
            },
            "rollback",
        ),
    ],
)
def test_what_differs_is_changed_without_a_new_deployment_of_its_own(found: dict[str, Any], field: str) -> None:
    one = service(client({**RUNNING, **found}, RUNNING))
    [step] = Engine("test", check_mode=False).apply([one])

    assert list(step.before) == [field]
    [request] = one.aws.client("ecs").called("update_service")  # type: ignore[operator]
    assert "capacityProviderStrategy" not in request and "forceNewDeployment" not in request


def test_tasks_move_to_another_capacity_provider_in_a_new_deployment() -> None:
    ecs = client(RUNNING, RUNNING)

    assert apply(service(ecs, capacity_provider="FARGATE_SPOT")) == "update"

    [request] = ecs.called("update_service")
    assert request["forceNewDeployment"] is True
    assert request["capacityProviderStrategy"] == [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]


def test_the_name_of_a_service_depends_on_the_one_of_its_tasks() -> None:
    name = DiscoveryService(SimpleNamespace(), "api-server", OURS, "ns-1")  # type: ignore[arg-type]
    one = service(client(RUNNING), discovery=name)
    name.arn = "arn of the name"

    assert name in one.dependencies()
    assert one.desired()["service_registry"] == "arn of the name"


def test_a_misspelt_field_is_a_mistake_of_the_program() -> None:
    with pytest.raises(TypeError, match="no desired_cuont"):
        service(client(RUNNING), desired_cuont=2)


def test_a_service_that_others_size_is_never_balanced_by_ecs() -> None:
    assert service(client(RUNNING), drains=True).desired()["availability_zone_rebalancing"] == "DISABLED"
    assert "availability_zone_rebalancing" not in service(client(RUNNING)).desired()


@pytest.mark.parametrize(
    "answer", [{}, {**RUNNING, "status": "DRAINING"}, {**RUNNING, "status": "INACTIVE"}, "ClusterNotFoundException"]
)
def test_what_is_on_its_way_out_or_has_no_cluster_is_not_there(answer: Any) -> None:
    one = service(client(refusal(answer) if isinstance(answer, str) else answer))

    assert one.find() is None


@pytest.mark.parametrize(("drains", "running", "ready"), [(False, 2, False), (True, 2, True), (True, 1, False)])
def test_old_tasks_of_a_service_that_drains_are_not_waited_for(drains: bool, running: int, ready: bool) -> None:
    deployment = {"status": "PRIMARY", "rolloutState": "IN_PROGRESS", "desiredCount": 2, "runningCount": running}
    one = service(client({**RUNNING, "deployments": [deployment]}), drains=drains)
    one.find()

    assert one.ready is ready


@pytest.mark.parametrize("primary", [{"taskDefinition": "x:1", "rolloutState": "FAILED"}, {"taskDefinition": "x:0"}])
def test_a_deployment_that_fails_or_is_rolled_back_says_why(primary: dict[str, Any]) -> None:
    failed = {**RUNNING, "deployments": [{"status": "PRIMARY", **primary}], "events": [{"message": "no space"}]}
    stopped = {"stoppedReason": "exited", "containers": [{"name": "x", "exitCode": 1}]}
    ecs = client({}, {}, failed, list_tasks={"taskArns": ["task"]}, describe_tasks={"tasks": [stopped]})

    with pytest.raises(ApplyError, match=r"the deployment failed: exited \(x exit code 1\); no space"):
        apply(service(ecs))


def test_services_of_a_run_are_asked_for_in_one_call() -> None:
    ecs = FakeClient(describe_services={"services": [{**RUNNING, "serviceName": "sm2a-test-y"}, RUNNING]})

    assert service(ecs, beside=["sm2a-test-y", "sm2a-test-x"]).find() is not None
    assert ecs.called("describe_services")[0]["services"] == ["sm2a-test-x", "sm2a-test-y"]


def test_another_service_of_the_answer_is_not_taken_for_this_one() -> None:
    ecs = FakeClient(describe_services={"services": [{**RUNNING, "serviceName": "sm2a-test-y"}]})

    assert service(ecs, beside=["sm2a-test-y"]).find() is None


def test_services_are_described_ten_at_a_time() -> None:
    arns = [f"arn:aws:ecs:eu-central-1:123456789012:service/sm2a-test/s{number:02}" for number in range(12)]
    ecs = FakeClient(
        list_services={"serviceArns": arns[::-1]},
        describe_services=lambda cluster, services: {"services": [{"serviceName": name} for name in services]},
    )
    aws: Any = FakeAws(ecs=ecs)

    assert [found["serviceName"] for found in services_of(aws, "sm2a-test")] == [
        f"s{number:02}" for number in range(12)
    ]
    assert [len(call["services"]) for call in ecs.called("describe_services")] == [10, 2]


def test_a_cluster_that_does_not_exist_has_no_services() -> None:
    missing = refusal("ClusterNotFoundException")
    aws: Any = FakeAws(ecs=FakeClient(list_services=missing, describe_services=missing))

    assert (service_names(aws, "c"), services_of(aws, "c"), service_tasks(aws, "c", "s")) == ([], [], None)


@pytest.mark.parametrize(
    ("counts", "tasks"),
    [
        ({"desiredCount": 0, "runningCount": 2, "pendingCount": 1}, 3),
        ({"desiredCount": 5, "runningCount": 2, "pendingCount": 1}, 5),
        ({"desiredCount": 5, "runningCount": 0, "pendingCount": 0, "status": "INACTIVE"}, None),
    ],
)
def test_tasks_that_still_run_count_as_well_as_those_to_come(counts: dict[str, Any], tasks: int | None) -> None:
    aws: Any = FakeAws(ecs=FakeClient(describe_services={"services": [{**RUNNING, **counts}]}))

    assert service_tasks(aws, "c", "s") == tasks


def test_every_field_is_written_where_it_is_read() -> None:
    state = {name: [name] if field.unordered else name for name, field in FIELDS.items()}

    assert read_fields(FIELDS, request_of(FIELDS, state)) == state
