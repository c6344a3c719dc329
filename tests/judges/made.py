# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an account has of ours, in the forms that judges read: policies, and a template of CloudFormation."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from emulators import Emulator
from iam_principals import filled

# Of a task definition and of a service: what AWS adds, and CloudFormation knows nothing of or has another word for.
ADDED_TO_DEFINITION = {
    *("taskDefinitionArn", "revision", "status", "requiresAttributes", "compatibilities", "registeredAt"),
    *("registeredBy", "hostPort", "placementConstraints"),
}
SERVICE = (
    *("capacityProviderStrategy", "cluster", "deploymentConfiguration", "desiredCount", "enableECSManagedTags"),
    *("healthCheckGracePeriodSeconds", "loadBalancers", "networkConfiguration", "platformVersion", "propagateTags"),
    *("schedulingStrategy", "serviceName", "serviceRegistries", "taskDefinition"),
)
# What stands in the files of docs/iam for an account's own.
PLACEHOLDERS = {
    "account": "123456789012",
    "region": "eu-central-1",
    "environment": "production",
    "hosted_zone": "Z0123456789ABCDEFGHIJ",
}
# Mappings whose keys are names, and no words of CloudFormation.
NAMED = ("options",)


def policies(account: Emulator, folder: Path) -> dict[str, Any]:
    """Return every policy that is ours, by what it belongs to: of the account, and those of ``folder``."""
    found = {path.name: json.loads(filled(path.read_text(), **PLACEHOLDERS)) for path in sorted(folder.glob("*.json"))}
    for role in _roles(account):
        # Who may take a role is a policy without a resource, which parliament does not know; cfn-lint does.
        found.update({f"role {role['RoleName']}": policy["PolicyDocument"] for policy in role["RolePolicyList"]})
    kms, s3, sqs = (account.client(service) for service in ("kms", "s3", "sqs"))
    for alias in kms.list_aliases()["Aliases"]:
        if alias["AliasName"].startswith("alias/sm2a-"):
            policy = kms.get_key_policy(KeyId=alias["TargetKeyId"], PolicyName="default")["Policy"]
            found[f"key {alias['AliasName']}"] = json.loads(policy)
    for bucket in s3.list_buckets()["Buckets"]:
        found[f"bucket {bucket['Name']}"] = json.loads(s3.get_bucket_policy(Bucket=bucket["Name"])["Policy"])
    for url in sqs.list_queues()["QueueUrls"]:
        policy = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"]).get("Attributes", {}).get("Policy")
        if policy:
            found[f"queue {url.rsplit('/', 1)[-1]}"] = json.loads(policy)
    for endpoint in account.client("ec2").describe_vpc_endpoints()["VpcEndpoints"]:
        if endpoint.get("PolicyDocument"):
            found[f"endpoint {endpoint['ServiceName']}"] = json.loads(endpoint["PolicyDocument"])
    return found


def _roles(account: Emulator) -> Iterator[dict[str, Any]]:
    details = account.client("iam").get_account_authorization_details(Filter=["Role"])
    for role in details["RoleDetailList"]:
        if role["RoleName"].startswith("sm2a-"):
            yield role


def template(account: Emulator) -> dict[str, Any]:
    """Return a template with what ECS, CloudWatch Logs and IAM were asked for."""
    ecs, logs = account.client("ecs"), account.client("logs")
    resources: list[tuple[str, dict[str, Any]]] = []
    for arn in ecs.list_task_definitions()["taskDefinitionArns"]:
        answer = ecs.describe_task_definition(taskDefinition=arn)["taskDefinition"]
        resources.append(("AWS::ECS::TaskDefinition", _capitals(answer)))
    for cluster in ecs.list_clusters()["clusterArns"]:
        names = ecs.list_services(cluster=cluster)["serviceArns"]
        for service in ecs.describe_services(cluster=cluster, services=names)["services"]:
            asked = {"cluster": cluster, **{key: value for key, value in service.items() if key in SERVICE}}
            resources.append(("AWS::ECS::Service", _capitals(asked)))
    for group in logs.describe_log_groups(logGroupNamePrefix="/sm2a/")["logGroups"]:
        kept = {key: group[key] for key in ("logGroupName", "retentionInDays", "kmsKeyId") if key in group}
        resources.append(("AWS::Logs::LogGroup", _capitals(kept)))
    for role in _roles(account):
        asked = {key: role[key] for key in ("RoleName", "Path", "AssumeRolePolicyDocument")}
        resources.append(("AWS::IAM::Role", {**asked, "Policies": role["RolePolicyList"]}))
    named = {f"Made{number}": {"Type": kind, "Properties": made} for number, (kind, made) in enumerate(resources)}
    return {"AWSTemplateFormatVersion": "2010-09-09", "Resources": named}


def _capitals(value: Any) -> Any:
    """Return an answer of AWS in CloudFormation's spelling, without what is empty."""
    if isinstance(value, list):
        return [_capitals(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key[0].upper() + key[1:]: item if key in NAMED else _capitals(item)
        for key, item in value.items()
        if key not in ADDED_TO_DEFINITION and item not in (None, [], {}, "")
    }
