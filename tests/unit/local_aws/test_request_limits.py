# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The judge of requests before an emulator: what of AWS's models and documentation it holds against them."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import botocore.session
import documented_limits
import pytest
import request_limits
import request_model
from botocore.model import OperationModel, Shape

CALLS = Path(__file__).parents[2] / "iam" / "calls.json"


@cache
def model(service: str, operation: str) -> OperationModel:
    return botocore.session.get_session().get_service_model(service).operation_model(operation)


def said(service: str, operation: str, **given: Any) -> list[str]:
    """Return where a request is wrong."""
    by_documents = documented_limits.violations(service, operation, given)
    by_model = request_model.violations(model(service, operation).input_shape, given)
    return [where for where, _value, _rule in (*by_documents, *by_model)]


def tags(key: str, value: str = "", number: int = 1) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value}] * number


def described(description: str) -> list[dict[str, Any]]:
    return [{"IpRanges": [{"CidrIp": "10.0.0.0/8", "Description": description}]}]


# What an operation needs beside the member that is tried.
NEEDED: dict[str, dict[str, Any]] = {
    "CreateDBInstance": {"DBInstanceIdentifier": "sm2a-dev", "DBInstanceClass": "db.t4g.small", "Engine": "postgres"},
    "CreateRole": {"RoleName": "r", "AssumeRolePolicyDocument": "{}"},
    "CreateSecurityGroup": {"GroupName": "sm2a-dev-tasks", "Description": "tasks", "VpcId": "vpc-1"},
    "CreateTags": {"Resources": ["vpc-1"]},
    "ModifyDBParameterGroup": {"DBParameterGroupName": "g"},
    "ModifyLoadBalancerAttributes": {"LoadBalancerArn": "a"},
    "ModifyTargetGroupAttributes": {"TargetGroupArn": "a"},
    "PutRetentionPolicy": {"logGroupName": "/g"},
    "PutRolePolicy": {"RoleName": "r", "PolicyName": "p"},
    "RunTask": {"taskDefinition": "t"},
    "ScheduleKeyDeletion": {"KeyId": "k"},
    "SetQueueAttributes": {"QueueUrl": "https://sqs/1/q"},
}
PARAMETER = {"ParameterName": "p"}


@pytest.mark.parametrize(
    ("service", "operation", "member", "right", "wrong"),
    [
        # By the models: length, size, range, pattern of Java's, enumeration, what is required.
        ("iam", "CreateRole", "RoleName", "r" * 64, "r" * 65),
        ("iam", "CreateRole", "RoleName", "a-b", "a b"),
        ("iam", "CreateRole", "RoleName", "e", "é"),
        ("iam", "CreateRole", "Description", "a é", "a 東"),
        ("iam", "CreateRole", "Tags", tags("Straße", "東京 1"), tags("a;")),
        ("iam", "CreateRole", "Tags", tags("a", number=50), tags("a", number=51)),
        ("kms", "ScheduleKeyDeletion", "PendingWindowInDays", 365, 366),
        ("ecs", "RunTask", "launchType", "FARGATE", "FARGET"),
        ("ecs", "RunTask", "taskDefinition", "t", None),
        ("ec2", "DescribeAccountAttributes", "AttributeNames", ["vpc-max-elastic-ips"], ["vpc-max-elastic-ip"]),
        ("logs", "CreateLogGroup", "logGroupName", "/sm2a/dev", "/sm2a/dev:x"),
        # By the documentation.
        ("ec2", "CreateSecurityGroup", "Description", "us (10/8)", "who's in"),
        ("ec2", "CreateSecurityGroup", "GroupName", "mine", "sg-mine"),
        ("ec2", "AuthorizeSecurityGroupIngress", "IpPermissions", described("x" * 255), described("x" * 256)),
        ("ec2", "CreateTags", "Tags", tags("k" * 127), tags("k" * 128)),
        ("ec2", "CreateTags", "Tags", tags("k", number=50), tags("k", number=51)),
        ("ecs", "CreateCluster", "clusterName", "c" * 255, "c" * 256),
        ("ecs", "CreateCluster", "clusterName", "a_b", "a.b"),
        ("elbv2", "CreateTargetGroup", "Name", "t" * 32, "t" * 33),
        ("elbv2", "CreateTargetGroup", "Name", "a-b", "a-"),
        ("elbv2", "CreateLoadBalancer", "Name", "sm2a", "internal-sm2a"),
        (
            "elbv2",
            "ModifyLoadBalancerAttributes",
            "Attributes",
            tags("idle_timeout.timeout_seconds", "4000"),
            tags("idle_timeout.timeout_seconds", "4001"),
        ),
        (
            "elbv2",
            "ModifyTargetGroupAttributes",
            "Attributes",
            tags("stickiness.type", "lb_cookie"),
            tags("stickyness.type", "lb_cookie"),
        ),
        ("rds", "CreateDBInstance", "DBInstanceIdentifier", "i" * 63, "i" * 64),
        ("rds", "CreateDBInstance", "DBInstanceIdentifier", "a-b", "a--b"),
        ("rds", "CreateDBInstance", "DBInstanceIdentifier", "a", "a-"),
        ("rds", "CreateDBInstance", "MasterUserPassword", "p" * 41, "with@sign"),
        ("rds", "ModifyDBParameterGroup", "Parameters", [PARAMETER] * 20, [PARAMETER] * 21),
        ("s3", "CreateBucket", "Bucket", "sm2a-dev.logs-1", "sm2a-Dev"),
        ("s3", "CreateBucket", "Bucket", "b" * 63, "b" * 64),
        ("s3", "CreateBucket", "Bucket", "a1b", "a..b"),
        ("s3", "CreateBucket", "Bucket", "10.0.0.x", "10.0.0.1"),
        ("s3", "CreateBucket", "Bucket", "logs", "logs-s3alias"),
        ("secretsmanager", "CreateSecret", "Name", "sm2a/dev/a_+=.@-", "a b"),
        ("sqs", "CreateQueue", "QueueName", "q" * 80, "q" * 81),
        ("sqs", "SetQueueAttributes", "Attributes", {"VisibilityTimeout": "43200"}, {"VisibilityTimeout": "43201"}),
        (
            "sqs",
            "SetQueueAttributes",
            "Attributes",
            {"RedrivePolicy": '{"maxReceiveCount": 1000}'},
            {"RedrivePolicy": '{"maxReceiveCount": 1001}'},
        ),
        ("logs", "PutRetentionPolicy", "retentionInDays", 30, 31),
        # Blanks do not count.
        ("iam", "PutRolePolicy", "PolicyDocument", " " + "x" * 10240, "x" * 10241),
        ("acm", "RequestCertificate", "DomainName", "a.example.com", f"{'a' * 53}.example.com"),
    ],
)
def test_what_aws_refuses_is_found_and_its_legal_neighbour_is_not(
    service: str, operation: str, member: str, right: Any, wrong: Any
) -> None:
    needed = NEEDED.get(operation, {})

    assert said(service, operation, **{**needed, member: right}) == []
    found = said(service, operation, **{**needed, member: wrong})
    assert found and all(member in where for where in found)


def patterns(shape: Shape | None, seen: frozenset[str] = frozenset()) -> set[str]:
    """Return the patterns of a shape and of all that is in it."""
    if shape is None or shape.name in seen:
        return set()
    inner = list(getattr(shape, "members", {}).values())
    inner += [getattr(shape, name) for name in ("member", "key", "value") if hasattr(shape, name)]
    own = {shape.metadata["pattern"]} if "pattern" in shape.metadata else set()
    return own.union(*(patterns(member, seen | {shape.name}) for member in inner))


def test_python_takes_every_pattern_of_the_operations_that_we_call() -> None:
    found = set()
    for action in {row["action"] for rows in json.loads(CALLS.read_text()).values() for row in rows}:
        service, operation = action.split(":")
        service = request_limits.NAMES.get(service, service)
        # Some rights are of no operation, or of one by another name.
        if operation in botocore.session.get_session().get_service_model(service).operation_names:
            found |= patterns(model(service, operation).input_shape)

    assert len(found) > 40
    for pattern in found:
        request_model.compiled(pattern)


ZONE = "/2013-04-01/hostedzone/Z1/rrset"
CHANGE = (
    "<ChangeResourceRecordSetsRequest><ChangeBatch><Changes><Change><Action>{action}</Action><ResourceRecordSet>"
    "<Name>a.example.com</Name><Type>A</Type></ResourceRecordSet></Change></Changes></ChangeBatch>"
    "</ChangeResourceRecordSetsRequest>"
)


@pytest.mark.parametrize(
    ("service", "method", "path", "headers", "body", "operation", "where"),
    [
        (
            "sqs",
            "POST",
            "/",
            {"x-amz-target": "AmazonSQS.CreateQueue"},
            '{"QueueName": "a b"}',
            "CreateQueue",
            ["CreateQueue.QueueName"],
        ),
        ("iam", "POST", "/", {}, "Action=GetRole&Version=2010-05-08&RoleName=a+b", "GetRole", ["RoleName"]),
        (
            "ec2",
            "POST",
            "/",
            {},
            "Action=CreateTags&ResourceId.1=vpc-1&Tag.1.Key=aws:x",
            "CreateTags",
            ["CreateTags.Tags.Key"],
        ),
        ("s3", "PUT", "/A_B", {}, "", "CreateBucket", ["CreateBucket.Bucket"]),
        ("s3", "PUT", "/a-b?policy", {}, "{}", "PutBucketPolicy", []),
        (
            "route53",
            "POST",
            ZONE,
            {},
            CHANGE.format(action="PUT"),
            "ChangeResourceRecordSets",
            ["ChangeBatch.Changes.1.member.Action"],
        ),
        ("route53", "POST", ZONE, {}, CHANGE.format(action="UPSERT"), "ChangeResourceRecordSets", []),
        ("sqs", "POST", "/", {"x-amz-target": "AmazonSQS.Dance"}, "{}", "", []),
        ("nothing", "GET", "/", {}, "", "", []),
    ],
)
def test_a_request_of_every_protocol_is_read(
    service: str, method: str, path: str, headers: dict[str, str], body: str, operation: str, where: list[str]
) -> None:
    kind = "application/x-amz-json-1.0" if "x-amz-target" in headers else "application/x-www-form-urlencoded"
    given = {"host": "local", "content-type": kind, **headers}
    route, _question, query = path.partition("?")
    scope = {
        "method": method,
        "path": route,
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in given.items()],
    }

    found, violations = request_limits.judge(service, request_limits.request_of(scope, body.encode()))

    assert (found, [name for name, _value, _rule in violations]) == (operation, where)


def test_no_secret_is_told() -> None:
    told = request_limits.sentence(("CreateDBInstance.MasterUserPassword", "hunter2@", "no"))

    assert "MasterUserPassword" in told and "hunter2" not in told
