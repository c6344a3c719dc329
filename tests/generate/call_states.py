# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of states: how each call of AWS may be refused for a state, when what it did is seen, and what we do then.

Which calls there are says ``tests/iam/calls.json``; their errors come from AWS's models, which botocore carries; who
deals with an error comes from the source of the kernel and of the resources. What no model says is written here.
"""

from __future__ import annotations

import ast
import json
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import botocore.session
from botocore import xform_name
from tables import table

from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.aws import (
    MAKING,
    READING,
    TAKING_AWAY,
    THROTTLED,
)
from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.engine import EXISTS, GONE
from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.errors import UNKNOWN
from ansible_collections.sm2a.airflow.plugins.module_utils._resources.vpc import GONE as GONE_FROM_EC2

ROOT = Path(__file__).resolve().parents[2]
FILE = "tests/local_aws/states/README.md"
RESOURCES = ROOT / "plugins/module_utils/_resources"
STATES = ROOT / "tests/local_aws/states"
MODELS = {"elasticloadbalancing": "elbv2", "servicequotas": "service-quotas"}
# Rights that are of no operation of their own, or of one that another program calls.
NO_CALLS = {"iam:PassRole", "logs:CreateLogDelivery", "logs:DeleteLogDelivery"}
DOCKERS = re.compile(r"ecr:(BatchCheck|BatchGetImage|Complete|GetAuthorizationToken|Initiate|PutImage$|UploadLayer)")

# Errors that tell of a state, and those that tell of what we do not use.
STATE = re.compile(
    r"Abort|Active|Already|Concurrent|Conflict|Contains|Deleted|Dependency|Disabled|Exist|InProgress|InUse|NoSuch|"
    r"Nonexist|NotFound|NotPermitted|NotEmpty|Pending|PriorRequest|State|Unavailable|Unmodifiable|InvalidRequest"
)
UNUSED = re.compile(
    r"ALPN|AllocationId|AlreadyInUse|Authorization|BackupPolicy|BlueGreen|Capacity|CloudHsm|ClusterContainsC|"
    r"ConflictingDomain|CustomKeyStore|DBCluster|DBProxy|DBSecurityGroup|DelegationSet|DependencyTimeout|Domain|"
    r"Encryption|HealthCheck|Integration|InvalidObjectState|Option|ReferencedImages|ShardGroup|Tenant|TrustStore|"
    r"Upgrade"
)
# What EC2 says of a member that names what it does not know, and of calls:
# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
EC2_UNKNOWN = {
    "AllocationId": "InvalidAllocationID.NotFound",
    "AssociationId": "InvalidAssociationID.NotFound",
    "FlowLogIds": "InvalidFlowLogId.NotFound",
    "GroupId": "InvalidGroup.NotFound",
    "InternetGatewayId": "InvalidInternetGatewayID.NotFound",
    "NatGatewayId": "NatGatewayNotFound",
    "RouteTableId": "InvalidRouteTableID.NotFound",
    "SubnetId": "InvalidSubnetID.NotFound",
    "VpcEndpointId": "InvalidVpcEndpointId.NotFound",
    "VpcEndpointIds": "InvalidVpcEndpointId.NotFound",
    "VpcId": "InvalidVpcID.NotFound",
}
# S3: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
FURTHER = {
    "ec2:AssociateRouteTable": ("Resource.AlreadyAssociated",),
    "ec2:AttachInternetGateway": ("Resource.AlreadyAssociated",),
    "ec2:AuthorizeSecurityGroupEgress": ("InvalidPermission.Duplicate",),
    "ec2:AuthorizeSecurityGroupIngress": ("InvalidPermission.Duplicate",),
    "ec2:CreateFlowLogs": ("FlowLogAlreadyExists",),
    "ec2:CreateRoute": ("RouteAlreadyExists",),
    "ec2:CreateSecurityGroup": ("InvalidGroup.Duplicate",),
    "ec2:CreateSubnet": ("InvalidSubnet.Conflict",),
    "ec2:DeleteInternetGateway": ("DependencyViolation",),
    "ec2:DeleteRoute": ("InvalidRoute.NotFound",),
    "ec2:DeleteRouteTable": ("DependencyViolation",),
    "ec2:DeleteSecurityGroup": ("DependencyViolation",),
    "ec2:DeleteSubnet": ("DependencyViolation",),
    "ec2:DeleteVpc": ("DependencyViolation",),
    "ec2:DetachInternetGateway": ("DependencyViolation", "Gateway.NotAttached"),
    "ec2:ReleaseAddress": ("InvalidIPAddress.InUse",),
    "ec2:ReplaceRoute": ("InvalidRoute.NotFound",),
    "ec2:RevokeSecurityGroupEgress": ("InvalidPermission.NotFound",),
    "ec2:RevokeSecurityGroupIngress": ("InvalidPermission.NotFound",),
    "s3:CreateBucket": ("OperationAborted",),
    "s3:DeleteBucket": ("BucketNotEmpty", "OperationAborted"),
    "s3:GetBucketCORS": ("NoSuchCORSConfiguration",),
    "s3:GetBucketOwnershipControls": ("OwnershipControlsNotFoundError",),
    "s3:GetBucketPolicy": ("NoSuchBucketPolicy",),
    "s3:GetBucketPublicAccessBlock": ("NoSuchPublicAccessBlockConfiguration",),
    "s3:GetBucketTagging": ("NoSuchTagSet",),
    "s3:GetBucketWebsite": ("NoSuchWebsiteConfiguration",),
    "s3:GetEncryptionConfiguration": ("ServerSideEncryptionConfigurationNotFoundError",),
    "s3:GetLifecycleConfiguration": ("NoSuchLifecycleConfiguration",),
    "s3:GetObject": ("NoSuchKey",),
    "s3:PutBucketAcl": ("InvalidBucketAclWithObjectOwnership",),
    **{
        f"s3:Put{setting}": ("OperationAborted",)
        for setting in (
            "BucketCORS",
            "BucketOwnershipControls",
            "BucketPolicy",
            "BucketPublicAccessBlock",
            "BucketTagging",
            "BucketVersioning",
            "EncryptionConfiguration",
            "LifecycleConfiguration",
        )
    },
    "wafv2:AssociateWebACL": ("WAFNonexistentItemException",),
    "wafv2:GetWebACLForResource": ("WAFNonexistentItemException",),
}
# What the kernel knows by AWS's words: that a service-linked role is too new.
BY_WORDS = {("elasticloadbalancing:CreateLoadBalancer", "OperationNotPermitted")}
# Who uses what a call would take away; AWS lets go of it seconds or minutes after its user has gone.
IN_USE = {
    "acm:DeleteCertificate": "a listener has it",
    "ec2:DeleteInternetGateway": "it is attached to a VPC",
    "ec2:DeleteRouteTable": "a subnet is associated with it",
    "ec2:DeleteSecurityGroup": "a network interface has it, or a rule of another group names it",
    "ec2:DeleteSubnet": "a network interface is in it",
    "ec2:DeleteVpc": "a subnet, a group, an endpoint or a gateway is in it",
    "ec2:DetachInternetGateway": "a public address of the VPC is mapped",
    "ec2:ReleaseAddress": "a NAT gateway has it",
    "ecr:DeleteRepository": "it has images",
    "ecs:DeleteCluster": "it has services or tasks",
    "ecs:DeleteTaskDefinitions": "it is not deregistered yet",
    "ecs:PutClusterCapacityProviders": "a service uses one that is left out",
    "elasticloadbalancing:DeleteListener": "another service of AWS made it",
    "elasticloadbalancing:DeleteLoadBalancer": "it is protected, or another service of AWS uses it",
    "elasticloadbalancing:DeleteTargetGroup": "a listener or a rule forwards to it",
    "iam:DeleteRole": "it has policies",
    "rds:DeleteDBInstance": "it is protected",
    "rds:DeleteDBParameterGroup": "an instance has it",
    "rds:DeleteDBSubnetGroup": "an instance is in it",
    "route53:DeleteHostedZone": "it has records",
    "s3:DeleteBucket": "it has objects or versions",
    "servicediscovery:DeleteNamespace": "it has services",
    "servicediscovery:DeleteService": "it has instances",
}
# What nothing holds, though it is taken away: settings, tags, and what goes whatever uses it.
NEVER_IN_USE = re.compile(
    r"[Tt]ag|Policy|Permission|Boundary|:(Cancel|Deregister|Disassociate|Revoke)|ecs:DeleteService$|"
    r"Delete(Alias|BucketWebsite|Dashboards|FlowLogs|LogGroup|NatGateway|Object|Queue|Route$|Rule|Secret|VpcEndpoints)"
)
# What takes its time on AWS, besides what a new thing takes to be known everywhere.
LATE = {
    "acm:RequestCertificate": "issued once its record is found, in minutes",
    "ec2:CreateNatGateway": "`pending` for minutes",
    "ec2:CreateVpcEndpoint": "`pending` for minutes",
    "ec2:DeleteNatGateway": "`deleting` for a minute",
    "ec2:DeleteVpcEndpoints": "`deleting` for minutes",
    "ecs:CreateService": "its tasks start in minutes",
    "ecs:DeleteCluster": "`INACTIVE`, and may still be described",
    "ecs:DeleteService": "`DRAINING` until its tasks have ended",
    "ecs:RunTask": "the task starts in a minute, and may fail to",
    "ecs:UpdateCluster": "its attachments change in the background",
    "ecs:UpdateService": "its deployment takes minutes",
    "elasticloadbalancing:CreateLoadBalancer": "`provisioning` for minutes",
    "elasticloadbalancing:DeleteLoadBalancer": "its network interfaces go minutes later",
    "iam:AttachRolePolicy": "in force after seconds",
    "iam:PutRolePolicy": "in force after seconds",
    "iam:UpdateAssumeRolePolicy": "in force after seconds",
    "kms:CancelKeyDeletion": "the key is disabled until it is enabled",
    "kms:ScheduleKeyDeletion": "the key is gone after its waiting period, and useless at once",
    "rds:CreateDBInstance": "`creating`, then `backing-up`",
    "rds:DeleteDBInstance": "`deleting` for minutes",
    "rds:ModifyDBInstance": "`modifying` for minutes, or in the maintenance window",
    "rds:ModifyDBParameterGroup": "static parameters after a reboot",
    "rds:RestoreDBInstanceFromDBSnapshot": "`creating`, then `backing-up`",
    "route53:ChangeResourceRecordSets": "`PENDING` for a minute",
    "secretsmanager:DeleteSecret": "restorable in its window; without one the name is free after a while",
    "servicediscovery:CreatePrivateDnsNamespace": "an operation of a minute",
    "servicediscovery:DeleteNamespace": "an operation of a minute",
    "servicediscovery:UpdateService": "an operation",
    "sqs:CreateQueue": "usable after a second",
    "sqs:DeleteQueue": "the name is free after 60 seconds",
    "sqs:SetQueueAttributes": "in force after 60 seconds",
    "s3:DeleteBucket": "the name may stay taken for a while",
}
INTRODUCTION = """\
# States

<!-- make generate writes this file from tests/generate/call_states.py. -->

Every call of AWS that `site`, a change or `teardown` makes, with the errors by which AWS says that the state is not
right for it, what "in use" means, and what is seen late. Errors are those of AWS's models and of its lists of errors;
those of features that we do not use are left out, and so are denials, wrong forms and quotas. The files beside this one
put such states before an emulator: see [testing](../../../docs/testing.md#states-and-time).

What is done about an error:

- **there is none**: that is the answer, or the kernel asks again for 120 seconds if the run has just made something.
- **asked again**: the kernel repeats the call, for 120 seconds where something may be too new to be known, with growing
  pauses where AWS is busy with another request.
- **taken over**: what is there already is looked at, and is the success of the call if it is ours.
- **gone is done**: what is no longer there is the success of a deletion.
- **a file's name**: that file of `plugins/module_utils/_resources` waits for it or goes another way, and says which.
- **told**: the run ends with AWS's code and words, the resource and the operation. Nothing but a person helps.
"""


def actions() -> list[str]:
    """Return the actions of all calls that the collection makes."""
    rows = json.loads((ROOT / "tests/iam/calls.json").read_text()).values()
    found = {row["action"] for policy in rows for row in policy} - NO_CALLS
    return sorted(action for action in found if not DOCKERS.match(action))


def text() -> str:
    """Return the file."""
    services: dict[str, list[tuple[str, str, str, str]]] = defaultdict(list)
    for action in actions():
        service, _colon, name = action.partition(":")
        services[service].append((f"`{name}`", IN_USE.get(action, ""), _late(action), _handled(action)))
    parts = [INTRODUCTION]
    for service, rows in services.items():
        lines = table(("Call", "In use", "Seen late", "Errors, and what is done"), rows)
        parts.append("\n".join((f"## {service}", "", *lines, "")))
    return "\n".join(parts)


def _late(action: str) -> str:
    told = [LATE[action]] if action in LATE else []
    if action in unknown_at_first():
        told.insert(0, "may be unknown for seconds")
    return "; ".join(told)


@cache
def unknown_at_first() -> frozenset[str]:
    """Return the actions that make what is not known everywhere yet, as ``visibility.py`` has them."""
    return frozenset(
        f"{row[0]}:{row[1]}" for row in _rows(STATES / "visibility.py", "MAKING") if isinstance(row[0], str)
    )


def _rows(path: Path, name: str) -> Iterator[list[Any]]:
    """Yield the rows of a constant, of each what is a plain value."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == name:
            assert isinstance(node.value, ast.Tuple)
            for row in node.value.elts:
                yield [item.value for item in getattr(row, "elts", []) if isinstance(item, ast.Constant)]


def errors(action: str) -> list[str]:
    """Return the codes by which AWS refuses a call for a state."""
    service, _colon, name = action.partition(":")
    model = _model(service)
    found = list(FURTHER.get(action, ()))
    if name in model.operation_names:
        operation = model.operation_model(name)
        codes = [shape.metadata.get("error", {}).get("code", shape.name) for shape in operation.error_shapes]
        found += [code for code in codes if STATE.search(code) and not UNUSED.search(code)]
        if service == "ec2" and operation.input_shape:
            found += [code for member, code in EC2_UNKNOWN.items() if member in operation.input_shape.members]
    if service == "s3" and name != "CreateBucket" and not name.startswith("List"):
        found.append("NoSuchBucket")
    return sorted(set(found))


@cache
def _model(service: str) -> Any:
    return botocore.session.get_session().get_service_model(MODELS.get(service, service))


def _handled(action: str) -> str:
    by_way: dict[str, list[str]] = defaultdict(list)
    for code in errors(action):
        by_way[way(action, code)].append(f"`{code}`")
    return "; ".join(f"{', '.join(codes)}: {how}" for how, codes in sorted(by_way.items()))


def way(action: str, code: str) -> str:
    """Return what is done about an error of a call."""
    service, _colon, name = action.partition(":")
    files = _files_that_know(service, name, code)
    if files:
        return ", ".join(f"`{file}`" for file in files)
    if code in THROTTLED or (action, code) in BY_WORDS:
        return "asked again"
    if MAKING.match(name) and EXISTS.search(code):
        return "taken over"
    if TAKING_AWAY.match(name) and (GONE_FROM_EC2 if service == "ec2" else GONE).search(code):
        return "gone is done"
    if UNKNOWN.search(code):
        return "there is none" if READING.match(name) else "asked again"
    return "told"


@cache
def _files_that_know(service: str, operation: str, code: str) -> tuple[str, ...]:
    """Return the files of resources that make a call and know an error of its, or take it from one that does."""
    return tuple(path.name for path in _callers(service, operation) if code in _texts(path))


@cache
def _callers(service: str, operation: str) -> tuple[Path, ...]:
    """Return the files that name an operation, or all of the service where the name is put together from parts."""
    client = f'client("{MODELS.get(service, service)}")'
    files = [path for path in sorted(RESOURCES.glob("*.py")) if client in path.read_text()]
    naming = [path for path in files if re.search(rf"\b{xform_name(operation)}\b", path.read_text())]
    return tuple(naming or files)


@cache
def _texts(path: Path) -> frozenset[str]:
    """Return the texts in a file, and in those of its neighbours from which it takes something."""
    tree = ast.parse(path.read_text())
    own = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    neighbours = [node.module for node in tree.body if isinstance(node, ast.ImportFrom) and node.level == 1]
    return frozenset(own.union(*(_texts(path.with_name(f"{name}.py")) for name in neighbours)))
