# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The local AWS decides on calls as AWS's service authorization reference says; the tables of rights stand on it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from emulators import REGION, Emulator, checked, started

ACCOUNT = "000000000000"
HERE = f"{REGION}:{ACCOUNT}"
REFUSALS = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"}
OURS = {"Key": "sm2a:environment", "Value": "dev"}
FOREIGN = {"Key": "sm2a:environment", "Value": "other"}
WITH_TAG = {"StringEquals": {"aws:RequestTag/sm2a:environment": "dev"}}
ON_TAG = {"StringEquals": {"aws:ResourceTag/sm2a:environment": "dev"}}


@dataclass
class Guarded:
    """An account that checks every call, and things in it that root has made."""

    emulator: Emulator
    made: dict[str, str]

    def client(self, service: str, key: dict[str, str]) -> Any:
        return boto3.client(service, endpoint_url=self.emulator.url, region_name=REGION, **key)

    def allows(self, statement: dict[str, Any] | None, service: str, call: Callable[[Any], Any]) -> bool:
        """Tell whether a user with this one statement may make a call."""
        root = self.emulator.client("iam")
        statements = [{"Effect": "Allow", **statement}] if statement else []
        # A user without a policy has no document at all.
        statements += [{"Effect": "Allow", "Action": "none:None", "Resource": "*"}]
        document = json.dumps({"Version": "2012-10-17", "Statement": statements})
        root.put_user_policy(UserName="probe", PolicyName="policy", PolicyDocument=document)
        key = {"aws_access_key_id": self.made["key"], "aws_secret_access_key": self.made["secret"]}
        try:
            call(self.client(service, key))
        except ClientError as error:
            if error.response["Error"]["Code"] not in REFUSALS:
                raise
            assert "user/probe is not authorized to perform: " in str(error), error
            return False
        return True


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    folder = tmp_path_factory.mktemp("iam")
    with started("ministack", folder, **checked("dev")) as emulator:
        yield Guarded(emulator, _things(emulator))


def _things(emulator: Emulator) -> dict[str, str]:
    iam, ecs, ec2 = (emulator.client(service) for service in ("iam", "ecs", "ec2"))
    iam.create_user(UserName="probe")
    access = iam.create_access_key(UserName="probe")["AccessKey"]
    trust = {"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    for name in ("task", "other-task"):
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=document, Tags=[OURS])
    tags = [{"key": OURS["Key"], "value": OURS["Value"]}]
    ecs.create_cluster(clusterName="c", tags=tags)
    role = f"arn:aws:iam::{ACCOUNT}:role/task"
    definition = {"containerDefinitions": [{"name": "one", "image": "i"}], "networkMode": "awsvpc"}
    ecs.register_task_definition(family="plain", **definition)
    ecs.register_task_definition(family="with-role", taskRoleArn=role, **definition)
    for name in ("s", "other"):
        ecs.create_service(cluster="c", serviceName=name, taskDefinition="plain", desiredCount=0, tags=tags)
    vpcs = [
        ec2.create_vpc(CidrBlock="10.0.0.0/16", TagSpecifications=[{"ResourceType": "vpc", "Tags": [tag]}])["Vpc"]
        for tag in (OURS, FOREIGN)
    ]
    sqs = emulator.client("sqs")
    queues = [
        sqs.create_queue(QueueName=name, tags={tag["Key"]: tag["Value"]})["QueueUrl"]
        for name, tag in (("dev-default", OURS), ("dev-other", FOREIGN))
    ]
    kms = emulator.client("kms")
    key = kms.create_key(Tags=[{"TagKey": OURS["Key"], "TagValue": OURS["Value"]}])["KeyMetadata"]["KeyId"]
    emulator.client("secretsmanager").create_secret(Name="sm2a/dev/encrypted", SecretString="x", KmsKeyId=key)
    emulator.client("secretsmanager").create_secret(Name="sm2a/dev/plain", SecretString="x")
    return {
        "key": access["AccessKeyId"],
        "secret": access["SecretAccessKey"],
        "vpc": vpcs[0]["VpcId"],
        "foreign vpc": vpcs[1]["VpcId"],
        "queue": queues[0],
        "foreign queue": queues[1],
        "kms": f"arn:aws:kms:{HERE}:key/{key}",
    }


def test_a_call_that_no_statement_allows_is_refused_with_principal_action_and_resource(guarded: Guarded) -> None:
    guarded.allows(None, "ecs", lambda ecs: ecs.list_clusters())
    key = {"aws_access_key_id": guarded.made["key"], "aws_secret_access_key": guarded.made["secret"]}
    with pytest.raises(ClientError) as refusal:
        guarded.client("ecs", key).update_service(cluster="c", service="s", desiredCount=1)
    assert (
        f"User: arn:aws:iam::{ACCOUNT}:user/probe is not authorized to perform: ecs:UpdateService on resource: "
        f"arn:aws:ecs:{HERE}:service/c/s"
    ) in str(refusal.value)


def test_everybody_may_ask_who_they_are(guarded: Guarded) -> None:
    assert guarded.allows(None, "sts", lambda sts: sts.get_caller_identity())


def _service(name: str) -> Callable[[Any], Any]:
    return lambda ecs: ecs.update_service(cluster="c", service=name, desiredCount=0)


def _group(vpc: str, name: str) -> Callable[[Any], Any]:
    tags = [{"ResourceType": "security-group", "Tags": [OURS]}]
    return lambda ec2: ec2.create_security_group(GroupName=name, Description="x", VpcId=vpc, TagSpecifications=tags)


def _register(**roles: str) -> Callable[[Any], Any]:
    container = {"name": "one", "image": "i"}
    return lambda ecs: ecs.register_task_definition(family="new", containerDefinitions=[container], **roles)


# What is allowed, what is called, and whether AWS lets it pass.
CASES: dict[str, tuple[str | list[str], str, dict[str, Any] | None, str, Callable[[Any], Any], bool]] = {
    "a service by its own ARN": (
        "ecs:UpdateService",
        f"arn:aws:ecs:{HERE}:service/c/s",
        None,
        "ecs",
        _service("s"),
        True,
    ),
    "another service": ("ecs:UpdateService", f"arn:aws:ecs:{HERE}:service/c/s", None, "ecs", _service("other"), False),
    "a service by its cluster's ARN": (
        "ecs:UpdateService",
        f"arn:aws:ecs:{HERE}:cluster/c",
        None,
        "ecs",
        _service("s"),
        False,
    ),
    "a service by its cluster as a condition": (
        "ecs:UpdateService",
        "*",
        {"ArnEquals": {"ecs:cluster": f"arn:aws:ecs:{HERE}:cluster/c"}},
        "ecs",
        _service("s"),
        True,
    ),
    "a service of a tag": (
        "ecs:DescribeServices",
        "*",
        ON_TAG,
        "ecs",
        lambda ecs: ecs.describe_services(cluster="c", services=["s"]),
        True,
    ),
    "a cluster of a tag": (
        "ecs:DescribeClusters",
        "*",
        ON_TAG,
        "ecs",
        lambda ecs: ecs.describe_clusters(clusters=["c"]),
        True,
    ),
    "a cluster of another tag": (
        "ecs:DescribeClusters",
        "*",
        {"StringEquals": {"aws:ResourceTag/sm2a:environment": "other"}},
        "ecs",
        lambda ecs: ecs.describe_clusters(clusters=["c"]),
        False,
    ),
    "all clusters, with a condition that the action does not know": (
        "ecs:ListClusters",
        "*",
        ON_TAG,
        "ecs",
        lambda ecs: ecs.list_clusters(),
        False,
    ),
    "a task definition without a role": ("ecs:RegisterTaskDefinition", "*", None, "ecs", _register(), True),
    "a role that nobody may pass": (
        "ecs:RegisterTaskDefinition",
        "*",
        None,
        "ecs",
        _register(taskRoleArn=f"arn:aws:iam::{ACCOUNT}:role/task"),
        False,
    ),
    "a role that may be passed": (
        ["ecs:RegisterTaskDefinition", "iam:PassRole"],
        "*",
        {"StringEqualsIfExists": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}},
        "ecs",
        _register(taskRoleArn=f"arn:aws:iam::{ACCOUNT}:role/task"),
        True,
    ),
    "a role that may be passed to another service only": (
        ["ecs:RegisterTaskDefinition", "iam:PassRole"],
        "*",
        {"StringEqualsIfExists": {"iam:PassedToService": "ec2.amazonaws.com"}},
        "ecs",
        _register(taskRoleArn=f"arn:aws:iam::{ACCOUNT}:role/task"),
        False,
    ),
    "a service whose tasks have a role that may not be passed": (
        "ecs:CreateService",
        "*",
        None,
        "ecs",
        lambda ecs: ecs.create_service(cluster="c", serviceName="n", taskDefinition="with-role", desiredCount=0),
        False,
    ),
    "tags of what is made are an action of their own": (
        "ec2:CreateSecurityGroup",
        "*",
        None,
        "ec2",
        _group("vpc-1", "a"),
        False,
    ),
    "something made without the tag": (
        ["ec2:CreateVpc", "ec2:CreateTags"],
        "*",
        WITH_TAG,
        "ec2",
        lambda ec2: ec2.create_vpc(CidrBlock="10.1.0.0/16"),
        False,
    ),
    "something made with the tag": (
        ["ec2:CreateVpc", "ec2:CreateTags"],
        "*",
        WITH_TAG,
        "ec2",
        lambda ec2: ec2.create_vpc(
            CidrBlock="10.1.0.0/16", TagSpecifications=[{"ResourceType": "vpc", "Tags": [OURS]}]
        ),
        True,
    ),
    "a listing that knows no resource, by an ARN": (
        "ec2:DescribeVpcs",
        f"arn:aws:ec2:{HERE}:vpc/*",
        None,
        "ec2",
        lambda ec2: ec2.describe_vpcs(),
        False,
    ),
    "a role made by its path": (
        "iam:CreateRole",
        f"arn:aws:iam::{ACCOUNT}:role/team/*",
        None,
        "iam",
        lambda iam: iam.create_role(RoleName="n", Path="/team/", AssumeRolePolicyDocument="{}"),
        True,
    ),
    "a service-linked role of another service": (
        "iam:CreateServiceLinkedRole",
        f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/ecs.amazonaws.com/*",
        None,
        "iam",
        lambda iam: iam.create_service_linked_role(AWSServiceName="rds.amazonaws.com"),
        False,
    ),
    "a role that is not the one to be taken": (
        "sts:AssumeRole",
        f"arn:aws:iam::{ACCOUNT}:role/other-task",
        None,
        "sts",
        lambda sts: sts.assume_role(RoleArn=f"arn:aws:iam::{ACCOUNT}:role/task", RoleSessionName="one"),
        False,
    ),
    "a secret by the name without its six characters": (
        "secretsmanager:GetSecretValue",
        f"arn:aws:secretsmanager:{HERE}:secret:sm2a/dev/plain",
        None,
        "secretsmanager",
        lambda secrets: secrets.get_secret_value(SecretId="sm2a/dev/plain"),
        False,
    ),
    "a secret by its name and what follows": (
        "secretsmanager:GetSecretValue",
        f"arn:aws:secretsmanager:{HERE}:secret:sm2a/dev/plain-??????",
        None,
        "secretsmanager",
        lambda secrets: secrets.get_secret_value(SecretId="sm2a/dev/plain"),
        True,
    ),
    "an encrypted secret without its key": (
        "secretsmanager:GetSecretValue",
        "*",
        None,
        "secretsmanager",
        lambda secrets: secrets.get_secret_value(SecretId="sm2a/dev/encrypted"),
        False,
    ),
    "an encrypted secret with its key, through Secrets Manager": (
        ["secretsmanager:GetSecretValue", "kms:Decrypt"],
        "*",
        {"StringEqualsIfExists": {"kms:ViaService": f"secretsmanager.{REGION}.amazonaws.com"}},
        "secretsmanager",
        lambda secrets: secrets.get_secret_value(SecretId="sm2a/dev/encrypted"),
        True,
    ),
    "an encrypted secret with its key, through another service only": (
        ["secretsmanager:GetSecretValue", "kms:Decrypt"],
        "*",
        {"StringEqualsIfExists": {"kms:ViaService": f"sqs.{REGION}.amazonaws.com"}},
        "secretsmanager",
        lambda secrets: secrets.get_secret_value(SecretId="sm2a/dev/encrypted"),
        False,
    ),
    "a group of logs by its ARN without what follows": (
        "logs:CreateLogGroup",
        f"arn:aws:logs:{HERE}:log-group:/sm2a/dev/one",
        None,
        "logs",
        lambda logs: logs.create_log_group(logGroupName="/sm2a/dev/one"),
        False,
    ),
    "a group of logs by its ARN and what follows": (
        "logs:CreateLogGroup",
        f"arn:aws:logs:{HERE}:log-group:/sm2a/dev/one:*",
        None,
        "logs",
        lambda logs: logs.create_log_group(logGroupName="/sm2a/dev/one"),
        True,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_call_is_decided_on_as_aws_does(guarded: Guarded, case: str) -> None:
    actions, resource, condition, service, call, allowed = CASES[case]
    statement = {"Action": actions, "Resource": resource, **({"Condition": condition} if condition else {})}
    assert guarded.allows(statement, service, call) is allowed


def test_a_group_is_made_in_a_vpc_of_the_tag_only(guarded: Guarded) -> None:
    """Every resource that a call names is checked: what is made by its new tag, where it is made by its own."""
    statement = {
        "Action": ["ec2:CreateSecurityGroup", "ec2:CreateTags"],
        "Resource": "*",
        "Condition": {
            "StringEqualsIfExists": {
                "aws:RequestTag/sm2a:environment": "dev",
                "aws:ResourceTag/sm2a:environment": "dev",
            }
        },
    }
    assert guarded.allows(statement, "ec2", _group(guarded.made["vpc"], "one"))
    assert not guarded.allows(statement, "ec2", _group(guarded.made["foreign vpc"], "two"))


@pytest.mark.parametrize(("queue", "allowed"), [("queue", True), ("foreign queue", False)])
def test_a_queue_is_told_by_its_tag(guarded: Guarded, queue: str, allowed: bool) -> None:
    statement = {"Action": "sqs:SendMessage", "Resource": f"arn:aws:sqs:{HERE}:dev-*", "Condition": ON_TAG}

    def send(sqs: Any) -> Any:
        return sqs.send_message(QueueUrl=guarded.made[queue], MessageBody="x")

    assert guarded.allows(statement, "sqs", send) is allowed
