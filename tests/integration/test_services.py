# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The airflow, workers and scaler modules against MiniStack.

moto forgets the deployment configuration of a service and starts no task for it, so that it cannot tell whether a
second run changes nothing. MiniStack runs no containers here either: what the tasks do is the end-to-end tests'
business; this is about what ECS is asked for.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.client import BaseClient
from emulators import Account, Vpc
from fargate_stand_in import end

pytestmark = pytest.mark.parametrize("emulator", ["ministack"], indirect=True)

SERVICES = ("api-server", "execution-api", "scheduler", "dag-processor", "triggerer")
ROLES = ("execution", *(name.replace("-", "_") for name in SERVICES), "worker", "migration", "scaler")


@pytest.fixture
def container(account: Account, vpc: Vpc) -> dict[str, Any]:
    """What every container needs."""
    account.run("cluster", service_discovery=False)
    account.run("observability")
    return {
        "cluster": "sm2a-test",
        "image": "sm2a-test/airflow:1",
        "subnet_ids": vpc.subnet_ids,
        "security_group_ids": [vpc.security_group_id],
        "role_arns": {role: f"arn:aws:iam::123456789012:role/sm2a-test-{role}" for role in ROLES},
        "log_group": "/sm2a/test/airflow",
        "wait": False,
    }


@pytest.fixture
def airflow(account: Account, container: dict[str, Any]) -> dict[str, Any]:
    """What every container of Airflow needs besides."""
    return {
        **container,
        "log_bucket": "logs",
        "dag_bucket": "dags",
        "queues": account.run("queue", pools=["default", "heavy"])["queue"]["queues"],
        "url": "https://airflow.example.com",
        "execution_api_server_url": "http://api-server.sm2a-test.internal:8080/execution/",
    }


def _environment(account: Account, family: str) -> dict[str, str]:
    definition = account.client("ecs").describe_task_definition(taskDefinition=family)["taskDefinition"]
    return {item["name"]: item["value"] for item in definition["containerDefinitions"][0]["environment"]}


def test_workers_lifecycle(account: Account, airflow: dict[str, Any]) -> None:
    pools = {"default": {"minimum": 1, "maximum": 3}}
    account.lifecycle("workers", change={"pools": {"default": {"concurrency": 8}}}, **{**airflow, "pools": pools})


def test_what_is_begun_says_whether_anything_is_left(account: Account, airflow: dict[str, Any]) -> None:
    def workers(fact: str, **options: Any) -> bool:
        result = account.run("workers", **{**airflow, "pools": {"default": {"minimum": 1}}, **options})
        return bool(result["ansible_facts"][fact]["pending"])

    assert not workers("sm2a_plan_workers_begun", check=True)
    assert workers("sm2a_plan_workers_begun")
    assert not workers("sm2a_plan_workers", wait=True)
    assert not workers("sm2a_plan_workers_begun")


def test_the_number_of_workers_is_the_scalers(account: Account, airflow: dict[str, Any]) -> None:
    airflow["pools"] = {"default": {"minimum": 1, "maximum": 5}}
    account.run("workers", **airflow)
    ecs = account.client("ecs")
    ecs.update_service(cluster="sm2a-test", service="sm2a-test-worker-default", desiredCount=4)

    assert not account.run("workers", **airflow)["changed"]
    airflow["pools"]["default"]["concurrency"] = 2
    assert account.run("workers", **airflow)["changed"]

    service = ecs.describe_services(cluster="sm2a-test", services=["sm2a-test-worker-default"])["services"][0]
    assert service["desiredCount"] == 4


def test_a_pool_that_is_no_longer_named_drains_and_then_goes(account: Account, airflow: dict[str, Any]) -> None:
    pools = {"default": {}, "heavy": {"minimum": 2, "concurrency": 8}}
    url = account.run("workers", **airflow, pools=pools)["workers"]["pools"]["heavy"]["queue_url"]
    sqs, ecs = account.client("sqs"), account.client("ecs")

    def queue() -> dict[str, Any]:
        return account.run("queue", pools=["default"])

    def workers(draining: list[str]) -> dict[str, Any]:
        return account.run("workers", **airflow, pools={"default": {}}, draining_pools=draining)

    # Its workers are there: nothing changes but what the scaler is told.
    assert queue()["queue"]["draining_pools"] == ["heavy"]
    result = workers(["heavy"])
    assert not result["changed"]
    assert result["workers"]["pools"]["heavy"] == {
        "service": "sm2a-test-worker-heavy",
        "queue": "heavy",
        "queue_url": url,
        "concurrency": 8,
        "minimum": 0,
        "maximum": 1,
    }

    # They have gone, and a task has come that only they can take.
    ecs.update_service(cluster="sm2a-test", service="sm2a-test-worker-heavy", desiredCount=0)
    sqs.send_message(QueueUrl=url, MessageBody="a task")
    assert queue()["queue"]["draining_pools"] == ["heavy"]
    assert not workers(["heavy"])["changed"]

    sqs.purge_queue(QueueUrl=url)
    assert queue()["changed"]
    result = workers([])
    assert {(step["name"], step["action"]) for step in result["plan"] if step["action"] != "none"} == {
        ("sm2a-test-worker-heavy", "delete")
    }
    found = ecs.describe_services(cluster="sm2a-test", services=["sm2a-test-worker-heavy"])["services"]
    assert [service for service in found if service["status"] == "ACTIVE"] == []


def test_the_scheduler_lets_all_slots_fill(account: Account, platform: dict[str, Any], fargate: Fargate) -> None:
    def parallelism(**options: Any) -> str:
        result = account.run("airflow", **{**platform, **options})
        assert not result.get("failed"), result["msg"]
        return _environment(account, "sm2a-test-scheduler")["AIRFLOW__CORE__PARALLELISM"]

    assert parallelism(worker_pools={"default": {"maximum": 2}}) == "32"
    pools = {"default": {"maximum": 10, "concurrency": 16}, "heavy": None}
    assert parallelism(worker_pools=pools) == str(10 * 16 + 5 * 4)
    assert parallelism(worker_pools=pools, configuration={"core": {"parallelism": 7}}) == "7"


def test_the_scalers_dashboard_shows_every_pool(account: Account, container: dict[str, Any]) -> None:
    pool = {"service": "w", "queue": "q", "queue_url": "https://sqs.eu-central-1.amazonaws.com/123456789012/q"}
    numbers = {"concurrency": 4, "minimum": 0, "maximum": 2}
    other = {**pool, "service": "w2", "queue": "q2", "queue_url": f"{pool['queue_url']}2"}
    options = {**container, "database_secret": "sm2a/test/scaler/database"}

    def widgets() -> list[dict[str, Any]]:
        body = account.client("cloudwatch").get_dashboard(DashboardName="sm2a-test-scaler")["DashboardBody"]
        return list(json.loads(body)["widgets"])

    account.run("scaler", **options, pools={"default": {**pool, **numbers}})
    account.run("scaler", **options, pools={"default": {**pool, **numbers}, "heavy": {**other, **numbers}})

    titles = [widget["properties"]["title"] for widget in widgets()]
    assert titles == ["default: tasks", "default: workers", "heavy: tasks", "heavy: workers", "scaler", "decisions"]
    assert ["SM2A", "QueuedTasks", "Environment", "test", "Pool", "heavy", {"yAxis": "left"}] in widgets()[2][
        "properties"
    ]["metrics"]
    places = [(widget["x"], widget["y"]) for widget in widgets()]
    assert len(set(places)) == len(places), "none covers another"


def test_scaler_lifecycle(account: Account, container: dict[str, Any]) -> None:
    pool = {
        "service": "s",
        "queue": "default",
        "queue_url": "https://sqs/default",
        "concurrency": 4,
        "minimum": 0,
        "maximum": 5,
    }
    account.lifecycle(
        "scaler",
        change={"interval_seconds": 10},
        **container,
        pools={"default": pool},
        database_secret="sm2a/test/scaler/database",
    )


def test_airflow_reads_every_secret_at_run_time(account: Account, airflow: dict[str, Any]) -> None:
    account.run("workers", **airflow, pools={"default": {}})

    variables = _environment(account, "sm2a-test-worker-default")

    secrets = {name for name in variables if name.endswith("_SECRET")}
    assert secrets == {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_SECRET", "AIRFLOW__API__SECRET_KEY_SECRET"}
    assert not {name.removesuffix("_SECRET") for name in secrets} & set(variables)
    queues = json.loads(variables["AIRFLOW__CELERY_BROKER_TRANSPORT_OPTIONS__PREDEFINED_QUEUES"])
    assert set(queues) == {"default", "heavy"}


@dataclass
class Fargate:
    """Ends one-off tasks with an exit code, from the second time on that somebody looks; None lets them run on.

    MiniStack needs Docker to run a task, and without it keeps the task running for good.
    """

    exit_code: int | None = 0
    started: list[str] = field(default_factory=list)
    looks: Counter[str] = field(default_factory=Counter)

    def see(self, operation: str, answer: dict[str, Any]) -> None:
        """Note what was started, and change what DescribeTasks answered."""
        if operation == "RunTask":
            self.started += [task["taskArn"] for task in answer["tasks"]]
        for task in answer["tasks"] if operation == "DescribeTasks" else []:
            self.looks[task["taskArn"]] += 1
            if self.looks[task["taskArn"]] > 1 and self.exit_code is not None:
                end(task, self.exit_code)


@pytest.fixture
def fargate(monkeypatch: pytest.MonkeyPatch) -> Fargate:
    """A stand-in for what runs the migration."""
    stand_in, call = Fargate(), BaseClient._make_api_call

    def seen(client: BaseClient, operation: str, arguments: dict[str, Any]) -> dict[str, Any]:
        answer = call(client, operation, arguments)
        stand_in.see(operation, answer)
        return answer

    monkeypatch.setattr(BaseClient, "_make_api_call", seen)
    return stand_in


@pytest.fixture
def platform(account: Account, airflow: dict[str, Any], vpc: Vpc) -> dict[str, Any]:
    """What the airflow module needs: all of the above, a load balancer and a private DNS namespace."""
    balancer = account.run(
        "load_balancer",
        vpc_id=vpc.id,
        subnet_ids=vpc.subnet_ids,
        security_group_ids=[vpc.security_group_id],
        protocol="HTTP",
    )
    return {
        **airflow,
        "target_group_arn": balancer["load_balancer"]["target_group_arn"],
        "namespace_id": account.run("cluster", vpc_id=vpc.id)["cluster"]["namespace"]["id"],
        "database_resource_id": "db-ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    }


def _running_services(account: Account) -> dict[str, int]:
    ecs = account.client("ecs")
    arns = ecs.list_services(cluster="sm2a-test")["serviceArns"]
    found = ecs.describe_services(cluster="sm2a-test", services=arns)["services"] if arns else []
    return {service["serviceName"].removeprefix("sm2a-test-"): service["desiredCount"] for service in found}


def test_airflow_lifecycle(account: Account, platform: dict[str, Any], fargate: Fargate) -> None:
    change = {"services": {"scheduler": {"count": 2}}, "image": "sm2a-test/airflow:2"}
    results = account.lifecycle("airflow", change=change, **platform)

    # One migration for each image, and none when nothing changed.
    assert len(fargate.started) == 2
    assert set(results["create"]["airflow"]["services"]) == {
        "api_server",
        "execution_api",
        "scheduler",
        "dag_processor",
        "triggerer",
    }
    assert _running_services(account) == {}
    assert account.client("servicediscovery").list_services()["Services"] == []


def test_the_api_servers_carry_groups_of_their_own(
    account: Account, platform: dict[str, Any], vpc: Vpc, fargate: Fargate
) -> None:
    ec2 = account.client("ec2")
    reader, called = (
        ec2.create_security_group(GroupName=name, Description=name, VpcId=vpc.id)["GroupId"]
        for name in ("reader", "called")
    )

    account.run(
        "airflow", **platform, api_server_security_group_ids=[reader], execution_api_security_group_ids=[called]
    )

    ecs = account.client("ecs")
    names = [f"sm2a-test-{name}" for name in SERVICES]
    groups = {
        service["serviceName"]: sorted(service["networkConfiguration"]["awsvpcConfiguration"]["securityGroups"])
        for service in ecs.describe_services(cluster="sm2a-test", services=names)["services"]
    }
    assert groups.pop("sm2a-test-api-server") == sorted([vpc.security_group_id, reader])
    assert groups.pop("sm2a-test-execution-api") == sorted([vpc.security_group_id, called])
    assert list(groups.values()) == [[vpc.security_group_id]] * 3


@pytest.mark.parametrize(("url", "secure"), [("https://airflow.example.com", "True"), ("http://10.0.0.9", "False")])
def test_cookies_of_a_load_balancer_with_https_go_over_https_only(
    account: Account, platform: dict[str, Any], fargate: Fargate, url: str, secure: str
) -> None:
    account.run("airflow", **{**platform, "url": url, "forwarded_allow_ips": ["10.0.0.0/24", "10.0.1.0/24"]})

    variables = _environment(account, "sm2a-test-api-server")
    assert variables["AIRFLOW__FAB__COOKIE_SECURE"] == secure
    # Airflow's other cookies follow the scheme that the load balancer tells, and that nobody else can tell.
    assert variables["FORWARDED_ALLOW_IPS"] == "10.0.0.0/24,10.0.1.0/24"
    assert variables["AIRFLOW__FAB__PROXY_FIX_X_FOR"] == "0"
    definition = account.client("ecs").describe_task_definition(taskDefinition="sm2a-test-api-server")
    assert "--proxy-headers" in definition["taskDefinition"]["containerDefinitions"][0]["command"]


def _ways_in(account: Account, service: str) -> tuple[list[str], list[str], list[str]]:
    """Return the target groups and the registries of a service, and the command of its container."""
    ecs = account.client("ecs")
    [found] = ecs.describe_services(cluster="sm2a-test", services=[f"sm2a-test-{service}"])["services"]
    definition = ecs.describe_task_definition(taskDefinition=found["taskDefinition"])["taskDefinition"]
    return (
        [balancer["targetGroupArn"] for balancer in found.get("loadBalancers", [])],
        [registry["registryArn"] for registry in found.get("serviceRegistries", [])],
        definition["containerDefinitions"][0]["command"],
    )


def test_users_reach_the_api_server_and_tasks_the_execution_api(
    account: Account, platform: dict[str, Any], fargate: Fargate
) -> None:
    account.run("airflow", **platform)

    assert _running_services(account) == dict.fromkeys(SERVICES, 1)
    [registered] = account.client("servicediscovery").list_services()["Services"]
    # The name that workers of every version know.
    assert registered["Name"] == "api-server"
    target_groups, registries, command = _ways_in(account, "api-server")
    assert (target_groups, registries) == ([platform["target_group_arn"]], [])
    assert command[:4] == ["airflow", "api-server", "--apps", "core"]
    target_groups, registries, command = _ways_in(account, "execution-api")
    assert (target_groups, registries) == ([], [registered["Arn"]])
    assert command == ["airflow", "api-server", "--apps", "execution"]


def test_tasks_find_somebody_at_every_moment_while_the_execution_api_moves_out_of_the_api_server(
    account: Account, platform: dict[str, Any], fargate: Fargate
) -> None:
    account.run("airflow", **platform)
    ecs = account.client("ecs")
    [registered] = account.client("servicediscovery").list_services()["Services"]
    # As a version before had it: one service for both, under the name that tasks know.
    ecs.delete_service(cluster="sm2a-test", service="sm2a-test-execution-api", force=True)
    definition = ecs.describe_task_definition(taskDefinition="sm2a-test-api-server")["taskDefinition"]
    [container] = definition["containerDefinitions"]
    both = ecs.register_task_definition(
        family="sm2a-test-api-server",
        containerDefinitions=[{**container, "command": ["airflow", "api-server", "--proxy-headers"]}],
        **{key: definition[key] for key in ("cpu", "memory", "networkMode", "requiresCompatibilities")},
    )["taskDefinition"]["taskDefinitionArn"]
    name = [{"registryArn": registered["Arn"]}]
    ecs.update_service(cluster="sm2a-test", service="sm2a-test-api-server", taskDefinition=both, serviceRegistries=name)

    begun = account.run("airflow", **platform)
    # The new service is being started under the same name; what tasks call until it serves is left alone.
    assert _ways_in(account, "execution-api")[1] == [registered["Arn"]]
    assert _ways_in(account, "api-server")[1:] == ([registered["Arn"]], ["airflow", "api-server", "--proxy-headers"])
    deferred = {step["name"] for step in begun["plan"] if step["action"] == "deferred"}
    assert deferred == {"sm2a-test-api-server"} and begun["ansible_facts"]["sm2a_plan_airflow_begun"]["pending"]

    finished = account.run("airflow", **{**platform, "wait": True})
    assert not finished.get("failed"), finished["msg"]
    assert _ways_in(account, "execution-api")[1] == [registered["Arn"]]
    target_groups, registries, command = _ways_in(account, "api-server")
    assert (target_groups, registries) == ([platform["target_group_arn"]], [])
    assert command[:4] == ["airflow", "api-server", "--apps", "core"]
    assert not account.run("airflow", **{**platform, "wait": True})["changed"]


def test_a_failed_migration_shows_its_last_words_and_starts_nothing(
    account: Account, platform: dict[str, Any], fargate: Fargate, monkeypatch: pytest.MonkeyPatch
) -> None:
    fargate.exit_code = 1
    see = fargate.see

    def log(operation: str, answer: dict[str, Any]) -> None:
        see(operation, answer)
        if operation == "RunTask":
            stream = f"migration/migration/{fargate.started[-1].rsplit('/', 1)[-1]}"
            logs = account.client("logs")
            logs.create_log_stream(logGroupName="/sm2a/test/airflow", logStreamName=stream)
            event = {"timestamp": 1, "message": "the schema is newer than this Airflow"}
            logs.put_log_events(logGroupName="/sm2a/test/airflow", logStreamName=stream, logEvents=[event])

    monkeypatch.setattr(fargate, "see", log)

    result = account.run("airflow", **platform)

    assert result["failed"]
    assert "exit code 1" in result["msg"] and "the schema is newer than this Airflow" in result["msg"]
    assert _running_services(account) == {}

    monkeypatch.undo()
    assert account.run("airflow", check=True, **platform)["changed"], "a failed migration is not taken for done"


def test_an_interrupted_migration_is_taken_up(
    account: Account, platform: dict[str, Any], fargate: Fargate, monkeypatch: pytest.MonkeyPatch
) -> None:
    fargate.exit_code = None
    with monkeypatch.context() as impatient:
        impatient.setattr("ansible_collections.sm2a.airflow.plugins.module_utils._resources.ecs_task.TASK_SECONDS", 0)
        result = account.run("airflow", **platform)
    assert result["failed"] and "gave up after 0 seconds" in result["msg"]
    assert _running_services(account) == {}

    fargate.exit_code, fargate.looks = 0, Counter()
    result = account.run("airflow", **platform)

    assert not result.get("failed"), result["msg"]
    assert len(fargate.started) == 1
    assert len(_running_services(account)) == len(SERVICES)
    assert not account.run("airflow", **platform)["changed"]


def test_another_database_is_migrated_too(account: Account, platform: dict[str, Any], fargate: Fargate) -> None:
    account.run("airflow", **platform)

    account.run("airflow", **{**platform, "database_resource_id": "db-RESTORED"})

    assert len(fargate.started) == 2
