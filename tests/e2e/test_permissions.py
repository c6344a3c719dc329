# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What somebody who writes a DAG can reach with a worker's role: nothing that is not the worker's."""

from __future__ import annotations

import json
from typing import Any

import denials
import pytest
from platform_client import aws
from playbook_runs import Platform, docker

CLUSTER = "sm2a-local"
# Runs in the worker's container: calls what it is given as JSON, and prints the code and the message of each refusal.
PROBE = """
import json, sys, boto3, botocore.exceptions
answers = []
for service, operation, arguments in json.loads(sys.argv[1]):
    try:
        getattr(boto3.client(service), operation)(**arguments)
        answers.append(["", ""])
    except botocore.exceptions.ClientError as error:
        answers.append([error.response["Error"]["Code"], str(error)])
print(json.dumps({"caller": boto3.client("sts").get_caller_identity()["Arn"], "answers": answers}))
"""
# What a worker is refused below, as actions of IAM.
REFUSED = (
    "ecs:RunTask",
    "ecs:UpdateService",
    "iam:PutRolePolicy",
    "s3:DeleteObject",
    "s3:PutObject",
    "secretsmanager:GetSecretValue",
    "sqs:ReceiveMessage",
    "sqs:SendMessage",
    "sts:AssumeRole",
)
Call = tuple[str, str, dict[str, Any]]


def probe(service: str, calls: list[Call]) -> dict[str, Any]:
    """Make calls from inside of a running container of a service, with the role that it has there."""
    container = docker("ps", "--quiet", "--filter", f"name=-{service}$").split()[0]
    output = docker("exec", container, "python", "-c", PROBE, json.dumps(calls))
    return dict(json.loads(output.strip().splitlines()[-1]))


def secret(name: str) -> Call:
    return ("secretsmanager", "get_secret_value", {"SecretId": f"sm2a/local/{name}"})


@pytest.fixture
def foreign_queue(platform: Platform) -> str:
    """A queue of another environment, whose name begins like those of ours."""
    tags = {"sm2a:environment": "local-2"}
    # Whoever looks at ours asks for all whose names begin so, and is refused this one.
    denials.tried.add(("user/localreadonly", "sqs:GetQueueAttributes"))
    return str(aws("sqs").create_queue(QueueName="sm2a-local-2-default", tags=tags)["QueueUrl"])


def bucket(content: str) -> str:
    names = [one["Name"] for one in aws("s3").list_buckets()["Buckets"]]
    return next(name for name in names if name.startswith(f"sm2a-local-{content}-"))


def test_a_worker_reaches_nothing_that_is_not_its_own(platform: Platform, foreign_queue: str) -> None:
    worker_service = {"cluster": CLUSTER, "service": f"{CLUSTER}-worker-default", "desiredCount": 3}
    other_role = aws("iam").get_role(RoleName="sm2a-local-scaler")["Role"]["Arn"]
    calls: dict[str, Call] = {
        "the key that signs tokens": secret("config/jwt_secret"),
        "the database's master login": secret("database/master"),
        "the login of the scaler": secret("scaler/database"),
        "the administrator's password": secret("admin"),
        "another environment's queue, to send": (
            "sqs",
            "send_message",
            {"QueueUrl": foreign_queue, "MessageBody": "x"},
        ),
        "another environment's queue, to receive": ("sqs", "receive_message", {"QueueUrl": foreign_queue}),
        "the number of workers": ("ecs", "update_service", worker_service),
        "a task with another role": ("ecs", "run_task", {"cluster": CLUSTER, "taskDefinition": "sm2a-local-migration"}),
        "another service's role": ("sts", "assume_role", {"RoleArn": other_role, "RoleSessionName": "probe"}),
        "a policy of its own": (
            "iam",
            "put_role_policy",
            {"RoleName": "sm2a-local-worker", "PolicyName": "x", "PolicyDocument": "{}"},
        ),
        "the DAGs, to change them": ("s3", "put_object", {"Bucket": bucket("dags"), "Key": "dags/x.py", "Body": "x"}),
        "the logs, to delete them": ("s3", "delete_object", {"Bucket": bucket("logs"), "Key": "x"}),
    }

    denials.tried |= {("sm2a-local-worker", action) for action in REFUSED}
    answered = probe("worker", list(calls.values()))

    assert "assumed-role/sm2a-local-worker/" in answered["caller"]
    passed = [what for what, (code, _message) in zip(calls, answered["answers"]) if "AccessDenied" not in code]
    assert passed == []
