# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Containers of the local AWS get their role's credentials from where Fargate has them, and nothing else there."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
import task_credentials
from link_local import ADDRESS
from ministack.services import ecs, iam, sts

ACCOUNT = "000000000000"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/sm2a-test-worker"
TASK = f"arn:aws:ecs:eu-central-1:{ACCOUNT}:task/sm2a-test/0123456789abcdef0123456789abcdef"


def trust(service: str) -> str:
    condition = {"StringEquals": {"aws:SourceAccount": ACCOUNT}}
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return json.dumps({"Statement": [{**statement, "Condition": condition}]})


@pytest.fixture
def variables(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """The variables of a container whose task has a role."""

    def register(*arguments: Any) -> str:
        arguments[5].update(AWS_CONTAINER_CREDENTIALS_FULL_URI="http://host", AWS_ENDPOINT_URL="http://host")
        return "token"

    monkeypatch.setattr(ecs, "_register_metadata", register)
    iam._roles["sm2a-test-worker"] = {"Arn": ROLE, "AssumeRolePolicyDocument": trust("ecs-tasks.amazonaws.com")}
    task_credentials.install(elsewhere)
    environment: dict[str, str] = {}
    ecs._register_metadata(TASK, "cluster", {"taskRoleArn": ROLE}, {"name": "one"}, "FARGATE", environment, False, None)
    yield environment
    del iam._roles["sm2a-test-worker"]


async def elsewhere(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 299, "headers": []})
    await send({"type": "http.response.body", "body": b"{}"})


def get(path: str, address: str = ADDRESS) -> tuple[int, dict[str, Any]]:
    """Send a request that arrives at an address, and return status and body of the answer."""
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b""}

    scope = {"type": "http", "method": "GET", "path": path, "server": (address, 80)}
    asyncio.run(task_credentials._with_endpoint(elsewhere)(scope, receive, send))
    return sent[0]["status"], json.loads(sent[1]["body"])


def test_a_container_knows_where_its_credentials_are(variables: dict[str, str]) -> None:
    assert variables.keys() == {
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "ECS_AGENT_URI",
        "ECS_CONTAINER_METADATA_URI_V4",
    }
    assert variables["ECS_CONTAINER_METADATA_URI_V4"] == "http://169.254.170.2/v4/token"


def test_credentials_are_those_of_the_tasks_role(variables: dict[str, str]) -> None:
    status, answer = get(variables["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"])

    assert status == 200
    assert answer["RoleArn"] == ROLE
    session = sts._sessions[answer["AccessKeyId"]]
    assert session["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/sm2a-test-worker/{TASK.rpartition('/')[2]}"
    assert (session["SecretAccessKey"], session["SessionToken"]) == (answer["SecretAccessKey"], answer["Token"])
    assert get(variables["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"]) == (200, answer), (
        "asked for again they are the same"
    )


def test_a_wiped_account_gives_new_credentials(variables: dict[str, str]) -> None:
    path = variables["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"]
    before = get(path)[1]["AccessKeyId"]
    sts.reset()
    assert get(path)[1]["AccessKeyId"] != before


@pytest.mark.parametrize("service", ["ec2.amazonaws.com", "lambda.amazonaws.com"])
def test_a_role_that_does_not_trust_ecs_gives_none(variables: dict[str, str], service: str) -> None:
    iam._roles["sm2a-test-worker"]["AssumeRolePolicyDocument"] = trust(service)
    status, answer = get(variables["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"])
    assert status == 400
    assert "unable to assume the role" in answer["message"]


def test_an_id_of_nobody_gives_none(variables: dict[str, str]) -> None:
    assert get("/v2/credentials/00000000-0000-0000-0000-000000000000")[0] == 404


@pytest.mark.parametrize(
    ("path", "status"), [("/v4/token/task", 299), ("/api/token/x", 299), ("/", 404), ("/bucket", 404)]
)
def test_the_address_answers_nothing_else(variables: dict[str, str], path: str, status: int) -> None:
    assert get(path)[0] == status


def test_credentials_are_at_that_address_only(variables: dict[str, str]) -> None:
    assert get(variables["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"], "127.0.0.1")[0] == 299
