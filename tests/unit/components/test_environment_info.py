# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is told of an environment, from what AWS says of its parts, and under which address Airflow is asked."""

from __future__ import annotations

from typing import Any

import pytest
from fake_aws import FakeAws, FakeClient, refusal

from ansible_collections.sm2a.airflow.plugins.module_utils._components import environment_info
from ansible_collections.sm2a.airflow.plugins.module_utils._components.environment_info import (
    read_environment,
    table,
    validate_options,
)
from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.errors import OptionError

COUNTS = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
BALANCER = {"LoadBalancerArn": "arn", "DNSName": "balancer"}
EMPTY = {
    "ecs": FakeClient(list_services=refusal("ClusterNotFoundException")),
    "sqs": FakeClient(),
    "rds": FakeClient(describe_db_instances=refusal("DBInstanceNotFound")),
    "elbv2": FakeClient(describe_load_balancers=refusal("LoadBalancerNotFound")),
}


def status(url: str | None = None, domain_name: str | None = None, **clients: FakeClient) -> dict[str, Any]:
    aws: Any = FakeAws(**{**EMPTY, **clients})
    return read_environment(aws, "dev", url, domain_name)


def elbv2(port: int, protocol: str = "HTTP", **more: Any) -> FakeClient:
    listener = {"Port": port, "Protocol": protocol, **more}
    return FakeClient(
        describe_load_balancers={"LoadBalancers": [BALANCER]}, describe_listeners={"Listeners": [listener]}
    )


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str | None]]:
    """Addresses under which Airflow was asked, each with the load balancer that was asked in its stead."""
    found: list[tuple[str, str | None]] = []

    def health(address: str, host: str | None) -> tuple[dict[str, str], str]:
        found.append((address, host))
        return {}, "silence"

    monkeypatch.setattr(environment_info, "airflow_health", health)
    return found


def test_a_queue_that_one_may_not_look_at_is_another_environments() -> None:
    urls = [f"https://sqs/1/sm2a-{name}-default" for name in ("dev", "dev-2")]

    def attributes(QueueUrl: str, **_more: Any) -> Any:
        found = {"QueueArn": "arn", "VisibilityTimeout": "1", **dict.fromkeys(COUNTS, "0")}
        return refusal("AccessDenied") if "dev-2" in QueueUrl else {"Attributes": found}

    tags = {"Tags": {"sm2a:environment": "dev"}}
    sqs = FakeClient(list_queues={"QueueUrls": urls}, get_queue_attributes=attributes, list_queue_tags=tags)

    assert [queue["name"] for queue in status(sqs=sqs)["queues"]] == ["sm2a-dev-default"]


def test_nothing_is_there_yet() -> None:
    found = status()

    assert (found["services"], found["queues"], found["database"], found["url"]) == ([], [], None, None)
    assert table(found)[-3:] == [
        "Database: does not exist",
        "Health:   unreachable: there is no load balancer",
        "Address:  does not exist",
    ]


def test_services_are_told_with_their_newest_deployment() -> None:
    service = {
        "serviceName": "sm2a-dev-scheduler",
        "runningCount": 1,
        "desiredCount": 2,
        "pendingCount": 1,
        "taskDefinition": "arn:aws:ecs:eu-central-1:123456789012:task-definition/sm2a-dev-scheduler:7",
        "deployments": [{"status": "ACTIVE"}, {"status": "PRIMARY", "rolloutState": "IN_PROGRESS"}],
    }
    ecs = FakeClient(
        list_services={"serviceArns": ["arn/sm2a-dev-scheduler"]}, describe_services={"services": [service]}
    )

    found = status(ecs=ecs)

    assert found["services"] == [
        {
            "name": "sm2a-dev-scheduler",
            "running": 1,
            "desired": 2,
            "pending": 1,
            "task_definition": "sm2a-dev-scheduler:7",
            "rollout": "IN_PROGRESS",
        }
    ]
    assert table(found)[1].split() == ["sm2a-dev-scheduler", "1", "2", "sm2a-dev-scheduler:7", "IN_PROGRESS"]


def test_queues_of_an_environment_whose_name_begins_alike_are_left_out() -> None:
    owners = {"https://sqs/sm2a-dev-default": "dev", "https://sqs/sm2a-dev-2-default": "dev-2"}
    counts = {"ApproximateNumberOfMessages": "3", "ApproximateNumberOfMessagesNotVisible": "2"}
    sqs = FakeClient(
        list_queues={"QueueUrls": [*owners, "https://sqs/sm2a-dev-gone"]},
        get_queue_attributes=lambda QueueUrl, **_names: (
            {"Attributes": {"QueueArn": "arn", "VisibilityTimeout": "60", **counts}}
            if QueueUrl in owners
            else refusal("QueueDoesNotExist")
        ),
        list_queue_tags=lambda QueueUrl: {"Tags": {"sm2a:environment": owners[QueueUrl]}},
    )

    assert status(sqs=sqs)["queues"] == [
        {"name": "sm2a-dev-default", "waiting": 3, "in_flight": 2, "visibility_timeout": 60}
    ]


def test_the_database_is_told_as_it_is() -> None:
    instance = {"Engine": "postgres", "EngineVersion": "17.4", "DBInstanceStatus": "backing-up"}

    found = status(rds=FakeClient(describe_db_instances={"DBInstances": [instance]}))

    assert found["database"] == {
        "identifier": "sm2a-dev",
        "engine": "postgres",
        "engine_version": "17.4",
        "status": "backing-up",
        "multi_az": False,
    }
    assert "Database: postgres 17.4 backing-up" in table(found)


@pytest.mark.parametrize(
    ("url", "port", "host"),
    [
        ("https://airflow.corp.example", 80, None),
        ("https://airflow.corp.example", 443, "balancer"),
        ("http://airflow.corp.example", 80, "balancer"),
        ("https://airflow.corp.example:8443", 443, None),
        (None, 80, "balancer"),
    ],
)
def test_where_tls_ends_before_the_load_balancer_the_address_itself_is_asked(
    asked: list[tuple[str, str | None]], url: str | None, port: int, host: str | None
) -> None:
    status(url=url, elbv2=elbv2(port))

    assert asked == [(url or "http://balancer", host)]


@pytest.mark.parametrize(
    ("certificate", "domain_name", "address"),
    [
        ({"Certificate": {"DomainName": "airflow.example.com"}}, None, "https://airflow.example.com"),
        ({"Certificate": {"DomainName": "*.example.com"}}, None, "https://balancer"),
        (refusal("AccessDeniedException"), None, "https://balancer"),
        ({"Certificate": {"DomainName": "airflow.example.com"}}, "data.example.com", "https://data.example.com"),
    ],
)
@pytest.mark.usefixtures("asked")
def test_a_certificate_tells_the_name_if_it_is_for_one(certificate: Any, domain_name: str | None, address: str) -> None:
    secure = elbv2(443, "HTTPS", Certificates=[{"CertificateArn": "arn"}])

    found = status(domain_name=domain_name, elbv2=secure, acm=FakeClient(describe_certificate=certificate))

    assert found["url"] == address and found["health_problem"] == "silence"


@pytest.mark.parametrize(
    "options",
    [{"environment": "Dev"}, {"environment": "dev", "url": "airflow"}, {"environment": "dev", "domain_name": "A"}],
)
def test_what_cannot_exist_is_not_looked_for(options: dict[str, str]) -> None:
    with pytest.raises(OptionError):
        validate_options({"url": None, "domain_name": None, **options})
