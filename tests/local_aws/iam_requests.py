# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What AWS checks before it carries out a call: actions, each on resources, each with condition keys.

One call may need several: the tags of what it makes are an action of their own, a role that it hands to a service has
to be passed, and a resource that is encrypted with the customer's key needs that key. Names of actions, resources and
keys are those of the service authorization reference (``iam_reference``); what is written here is how to read them
from the parameters of a request.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import iam_account
import iam_reference


@dataclass(frozen=True)
class Place:
    """The account and region of a call."""

    account: str
    region: str
    partition: str = "aws"


@dataclass
class Check:
    """One action on one resource, with the values of its condition keys."""

    action: str
    resource: str
    context: dict[str, Any] = field(default_factory=dict)


# The parameters that name a resource of a type. A name may be an ARN, which then stands for itself.
NAMED_BY: dict[str, dict[str, tuple[str, ...]]] = {
    "acm": {"certificate": ("CertificateArn",)},
    "cloudwatch": {"dashboard": ("DashboardName", "DashboardNames")},
    "ec2": {
        "elastic-ip": ("AllocationId",),
        "internet-gateway": ("InternetGatewayId",),
        "natgateway": ("NatGatewayId",),
        "route-table": ("RouteTableId", "AddRouteTableId", "RemoveRouteTableId"),
        "security-group": ("GroupId", "SecurityGroupId", "AddSecurityGroupId", "RemoveSecurityGroupId"),
        "security-group-rule": ("SecurityGroupRuleId",),
        "subnet": ("SubnetId", "AddSubnetId", "RemoveSubnetId"),
        "vpc": ("VpcId",),
        "vpc-endpoint": ("VpcEndpointId",),
        "vpc-flow-log": ("FlowLogId",),
    },
    "ecr": {"repository": ("repositoryName", "repositoryNames", "resourceArn")},
    "elasticloadbalancing": {
        "listener-rule/app": ("RuleArn",),
        "listener/app": ("ListenerArn",),
        "loadbalancer/app/": ("LoadBalancerArn",),
        "targetgroup": ("TargetGroupArn",),
    },
    "iam": {"policy": ("PolicyArn",), "role": ("RoleName",)},
    "kms": {"alias": ("AliasName",), "key": ("KeyId", "TargetKeyId")},
    "logs": {"log-group": ("logGroupName", "resourceArn")},
    "rds": {
        "db": ("DBInstanceIdentifier",),
        "og": ("OptionGroupName",),
        "pg": ("DBParameterGroupName",),
        "snapshot": ("DBSnapshotIdentifier",),
        "subgrp": ("DBSubnetGroupName",),
    },
    "secretsmanager": {"Secret": ("SecretId", "SecretIdList", "Name")},
    "servicediscovery": {"namespace": ("NamespaceId", "Id"), "service": ("ServiceId", "Id")},
    "sqs": {"queue": ("QueueUrl", "QueueName")},
    "sts": {"role": ("RoleArn",)},
}
# The parameters of the actions on tags: a list of ARNs, or of ids, of whatever type.
TAGGED_BY = ("ResourceArns", "ResourceARN", "resourceArn", "ResourceName", "ResourceId")
EC2_IDS = {
    "eipalloc": "elastic-ip",
    "fl": "vpc-flow-log",
    "igw": "internet-gateway",
    "nat": "natgateway",
    "rtb": "route-table",
    "sg": "security-group",
    "sgr": "security-group-rule",
    "subnet": "subnet",
    "vpc": "vpc",
    "vpce": "vpc-endpoint",
}
# The action that tags of a call that makes something need besides.
TAGGING = {
    "acm": "acm:AddTagsToCertificate",
    "ec2": "ec2:CreateTags",
    "ecr": "ecr:TagResource",
    "ecs": "ecs:TagResource",
    "elasticloadbalancing": "elasticloadbalancing:AddTags",
    "iam": "iam:TagRole",
    "kms": "kms:TagResource",
    "logs": "logs:TagResource",
    "rds": "rds:AddTagsToResource",
    "secretsmanager": "secretsmanager:TagResource",
    "servicediscovery": "servicediscovery:TagResource",
    "sqs": "sqs:TagQueue",
}
MAKING = re.compile(r":(Create|Run|Register|Request|Allocate|Restore|Authorize)")
# https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html
PASSED_TO = {
    "ecs": "ecs-tasks.amazonaws.com",
    "ec2": "vpc-flow-logs.amazonaws.com",
    "rds": "monitoring.rds.amazonaws.com",
}
ROLE_PARAMETERS = ("taskRoleArn", "executionRoleArn", "DeliverLogsPermissionArn", "MonitoringRoleArn")
# What a service does with the customer's key in the name of the caller:
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html
# https://docs.aws.amazon.com/secretsmanager/latest/userguide/security-encryption.html
KEY_USES = {
    "s3:GetObject": ("kms:Decrypt",),
    "s3:PutObject": ("kms:GenerateDataKey",),
    "sqs:SendMessage": ("kms:GenerateDataKey", "kms:Decrypt"),
    "sqs:ReceiveMessage": ("kms:Decrypt",),
    "secretsmanager:GetSecretValue": ("kms:Decrypt",),
    "secretsmanager:CreateSecret": ("kms:GenerateDataKey", "kms:Decrypt"),
    "secretsmanager:PutSecretValue": ("kms:GenerateDataKey", "kms:Decrypt"),
    # These leave the service a grant of the key:
    # https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Overview.Encryption.Keys.html
    # https://docs.aws.amazon.com/AmazonECR/latest/userguide/encryption-at-rest.html
    "rds:CreateDBInstance": ("kms:CreateGrant", "kms:DescribeKey"),
    "rds:RestoreDBInstanceFromDBSnapshot": ("kms:CreateGrant", "kms:DescribeKey"),
    "ecr:CreateRepository": ("kms:CreateGrant", "kms:DescribeKey"),
}
# What a service does besides in the name of the caller, on whatever there is:
# https://docs.aws.amazon.com/cloud-map/latest/dg/cloud-map-api-permissions-ref.html; that a namespace's zone goes with
# it, only AWS's own policy tells: https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSCloudMapFullAccess.html
# https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-iam-role.html
# https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-s3-permissions.html
DEPENDENT = {
    "servicediscovery:CreatePrivateDnsNamespace": (
        "route53:CreateHostedZone",
        "route53:GetHostedZone",
        "route53:ListHostedZonesByName",
        "ec2:DescribeVpcs",
        "ec2:DescribeRegions",
    ),
    "servicediscovery:DeleteNamespace": ("route53:DeleteHostedZone",),
    "servicediscovery:UpdateService": (
        "route53:GetHostedZone",
        "route53:ListHostedZonesByName",
        "route53:ChangeResourceRecordSets",
    ),
    "ec2:CreateFlowLogs": ("logs:CreateLogDelivery",),
    "ec2:DeleteFlowLogs": ("logs:DeleteLogDelivery",),
}


def parameters(body: bytes, headers: dict[str, str], query: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters of a request in JSON or in the form of AWS's query protocols, which comes back nested."""
    if body[:1] == b"{":
        try:
            return dict(json.loads(body))
        except ValueError:
            return {}
    pairs = {**query}
    if "x-www-form-urlencoded" in headers.get("content-type", ""):
        pairs.update(parse_qs(body.decode(), keep_blank_values=True))
    nested: dict[str, Any] = {}
    for name, values in pairs.items():
        path = [part for part in name.split(".") if part not in ("member", "entry")]
        where = nested
        for part in path[:-1]:
            where = where.setdefault(part, {}) if isinstance(where, dict) else {}
        if isinstance(where, dict):
            where[path[-1]] = values[0] if isinstance(values, list) else values
    return {name: _listed(value) for name, value in nested.items()}


def _listed(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    items = {name: _listed(item) for name, item in value.items()}
    return list(items.values()) if items and all(name.isdigit() for name in items) else items


def request_tags(given: dict[str, Any]) -> dict[str, str]:
    """Return the tags that a request carries."""
    raw = given.get("Tags") or given.get("tags") or given.get("Tag") or []
    for specification in given.get("TagSpecification") or []:
        raw = specification.get("Tag") or raw
    # RDS has one more level in its lists.
    raw = raw.get("Tag", raw) if isinstance(raw, dict) else raw
    if isinstance(raw, dict):
        return {str(name): str(value) for name, value in raw.items()}
    names = (("Key", "Value"), ("key", "value"), ("TagKey", "TagValue"))
    return {str(tag[name]): str(tag.get(value, "")) for tag in raw for name, value in names if name in tag}


def checks(action: str, given: dict[str, Any], place: Place, resource: str = "*") -> list[Check]:
    """Return what AWS checks for a call of an action with these parameters. ``resource`` is that of a REST request.

    Raises ValueError for an action that AWS has not.
    """
    # An action without types of resources is allowed on everything or not at all.
    anywhere = resource if iam_reference.resource_types(action) else "*"
    arns = list(_arns(action, given, place)) or [anywhere]
    found = [Check(action, arn, _context(action, kind_of(action, arn), arn, given, place)) for arn in arns]
    found += _of_tags(action, given, arns, place)
    found += _of_roles(action, given, place)
    found += _of_keys(action, given, arns, place)
    if action == "rds:DeleteDBInstance" and given.get("FinalDBSnapshotIdentifier"):
        found += checks(
            "rds:CreateDBSnapshot", {**given, "DBSnapshotIdentifier": given["FinalDBSnapshotIdentifier"]}, place
        )
    found += [Check(dependent, _any(dependent, place)) for dependent in DEPENDENT.get(action, ())]
    return found


def _any(action: str, place: Place) -> str:
    """Return the ARN of any resource of the one type that an action knows, or ``*`` if it knows none."""
    kinds = list(iam_reference.resource_types(action))
    return _filled(iam_reference.arn_pattern(action.partition(":")[0], kinds[0]), place) if kinds else "*"


def kind_of(action: str, arn: str) -> str:
    """Return the type of the resource of an ARN among those that an action knows, or an empty string."""
    service = action.partition(":")[0]
    # The longest first: a load balancer is named by a type of its own and by one of several kinds.
    kinds = sorted(
        iam_reference.resource_types(action), key=lambda kind: -len(iam_reference.arn_pattern(service, kind))
    )
    for kind in kinds:
        pattern = re.sub(r"\\\$\\\{\w+\\\}", "[^:]*", re.escape(iam_reference.arn_pattern(service, kind)))
        if re.fullmatch(f"{pattern}.*", arn):
            return kind
    return ""


def _values(given: dict[str, Any], names: tuple[str, ...]) -> Iterator[str]:
    for name in names:
        value = given.get(name)
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, str) and one:
                yield one


def _arns(action: str, given: dict[str, Any], place: Place) -> Iterator[str]:
    service = action.partition(":")[0]
    if action == "servicediscovery:GetOperation":
        # An operation is of a namespace or of a service, and its id does not say of which.
        yield "*"
        return
    own = {"ecs": _ecs_arns, "logs": _log_arns, "ec2": _ec2_arns}.get(service)
    if own:
        yield from own(action, given, place)
        return
    if action in ("kms:DeleteAlias", "kms:UpdateAlias"):
        # The key that it names so far is checked, too.
        given = {"KeyId": given["AliasName"], **given}
    types = iam_reference.resource_types(action)
    tagged = [one for one in _values(given, TAGGED_BY) if one.startswith("arn:")]
    if types and tagged:
        yield from tagged
        return
    for kind, always in types.items():
        names = NAMED_BY.get(service, {}).get(kind, ())
        values = [_arn(service, kind, one, place) for one in dict.fromkeys(_values(given, names))]
        makes = always and "/net" not in kind and "/gwy" not in kind and not _otherwise(action, kind)
        if action == "iam:CreateRole":
            yield _filled(
                iam_reference.arn_pattern(service, kind), place, f"{given.get('Path', '/')}{given['RoleName']}"[1:]
            )
        elif not values and (makes or (kind == "loadbalancer/app/" and action.endswith(":CreateLoadBalancer"))):
            yield _new_arn(service, kind, given, place)
        else:
            yield from values


def _otherwise(action: str, kind: str) -> bool:
    """Tell whether a type that is always checked is one that this service decides on by itself."""
    # Option groups and the default parameter group of a restored instance are RDS's own unless they are named.
    return action == "rds:RestoreDBInstanceFromDBSnapshot" and kind != "db"


def _arn(service: str, kind: str, name: str, place: Place) -> str:
    if name.startswith("arn:") and service not in ("kms", "secretsmanager"):
        return name
    if service == "sqs":
        name = name.rpartition("/")[2]
    found = {
        "iam": lambda: iam_account.role_arn(name),
        "secretsmanager": lambda: iam_account.secret_arn(name),
        "kms": lambda: iam_account.key_arn(name) if kind == "key" else None,
    }.get(service, lambda: None)()
    if service == "kms" and kind == "key" and not found and name.rpartition(":")[2].startswith("alias/"):
        # An alias of no key: AWS says so only to whoever may look at keys.
        name = "*"
    if found or name.startswith("arn:"):
        return found or name
    return _filled(iam_reference.arn_pattern(service, kind), place, name.removeprefix("alias/"))


def _filled(pattern: str, place: Place, *names: str) -> str:
    """Return an ARN of a pattern. The last name stands for all parts that are left."""
    for variable, value in (("Partition", place.partition), ("Region", place.region), ("Account", place.account)):
        pattern = pattern.replace(f"${{{variable}}}", value)
    rest = list(names)
    return re.sub(r"\$\{\w+\}", lambda _match: rest.pop(0) if rest else "*", pattern)


def _new_arn(service: str, kind: str, given: dict[str, Any], place: Place) -> str:
    """Return the ARN of what a call makes, with ``*`` for what AWS chooses."""
    name = next(iter(_values(given, ("Name", "RoleName", "LoadBalancerName"))), "*")
    if service == "iam" and given.get("AWSServiceName"):
        name = f"aws-service-role/{given['AWSServiceName']}/*"
    elif service != "elasticloadbalancing":
        name = "*"
    return _filled(iam_reference.arn_pattern(service, kind), place, name)


def _ec2_arns(action: str, given: dict[str, Any], place: Place) -> Iterator[str]:
    types = iam_reference.resource_types(action)
    names = NAMED_BY["ec2"]
    if action in ("ec2:CreateTags", "ec2:DeleteTags"):
        for identifier in _values(given, ("ResourceId",)):
            kind = EC2_IDS.get(identifier.partition("-")[0], "*")
            yield f"arn:{place.partition}:ec2:{place.region}:{place.account}:{kind}/{identifier}"
        return
    given = dict(given)
    if given.get("AssociationId") and "route-table" in types:
        given["RouteTableId"] = iam_account.route_table_of(given["AssociationId"])
    if "vpc-flow-log" in types and given.get("ResourceType") == "VPC":
        given["VpcId"] = given.get("ResourceId")
    for kind, always in types.items():
        pattern = iam_reference.arn_pattern("ec2", kind)
        values = list(dict.fromkeys(_values(given, names.get(kind, ()))))
        if values:
            yield from (_filled(pattern, place, value) for value in values)
        elif always or (kind == "security-group-rule" and request_tags(given)):
            yield _filled(pattern, place, "*")


def _ecs_arns(action: str, given: dict[str, Any], place: Place) -> Iterator[str]:
    def arn(kind: str, *names: str) -> str:
        if names[-1].startswith("arn:"):
            return names[-1]
        return f"arn:{place.partition}:ecs:{place.region}:{place.account}:{kind}/{'/'.join(names)}"

    cluster = _cluster(given)
    types = iam_reference.resource_types(action)
    if tagged := list(_values(given, ("resourceArn",))):
        yield from tagged
    elif "service" in types:
        yield from (arn("service", cluster, one) for one in _values(given, ("service", "services", "serviceName")))
    elif "task" in types:
        yield from (arn("task", cluster, one) for one in _values(given, ("task", "tasks")))
    elif given.get("taskDefinitions"):
        yield from (arn("task-definition", one) for one in _values(given, ("taskDefinitions",)))
    elif "task-definition" in types:
        name = next(iter(_values(given, ("taskDefinition",))), f"{given.get('family')}:*")
        yield arn("task-definition", name if ":" in name else f"{name}:*")
    elif "container-instance" in types:
        yield arn("container-instance", cluster, "*")
    elif "cluster" in types:
        yield from (arn("cluster", one) for one in _values(given, ("cluster", "clusters", "clusterName")))


def _cluster(given: dict[str, Any]) -> str:
    return str(given.get("cluster") or "default").rpartition("/")[2]


def _log_arns(action: str, given: dict[str, Any], place: Place) -> Iterator[str]:
    """A group is checked as its streams are, except by the actions on tags.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/iam-access-control-overview-cwl.html
    """
    if not iam_reference.resource_types(action):
        return
    for name in _values(given, ("logGroupName", "logGroupIdentifier")):
        group = _filled(iam_reference.arn_pattern("logs", "log-group"), place, name)
        yield f"{group}:log-stream:{given.get('logStreamName', '')}"
    yield from (one.removesuffix(":*") for one in _values(given, ("resourceArn",)))


def _context(action: str, kind: str, arn: str, given: dict[str, Any], place: Place) -> dict[str, Any]:
    """Return those condition keys that the action knows for this type, and that the request has a value for."""
    keys = iam_reference.condition_keys(action, kind)
    context: dict[str, Any] = {}
    # What a call of EC2 makes carries the tags, and nothing else that it names.
    if "aws:RequestTag" in keys and (not action.startswith("ec2:") or iam_reference.takes_tags(action, kind)):
        tags = request_tags(given)
        context |= {f"aws:RequestTag/{name}": value for name, value in tags.items()}
        if tags:
            context["aws:TagKeys"] = list(tags)
    own = arn.split(":")[2] if arn.startswith("arn:") else ""
    for key in keys & {"aws:ResourceTag", f"{own}:ResourceTag"}:
        context |= {f"{key}/{name}": value for name, value in iam_account.tags(arn).items()}
    single = {
        "ecs:cluster": f"arn:{place.partition}:ecs:{place.region}:{place.account}:cluster/{_cluster(given)}",
        "iam:AWSServiceName": given.get("AWSServiceName"),
        "iam:PolicyARN": given.get("PolicyArn"),
        "iam:PermissionsBoundary": given.get("PermissionsBoundary"),
    }
    return context | {key: value for key, value in single.items() if key in keys and value}


def _of_tags(action: str, given: dict[str, Any], arns: list[str], place: Place) -> Iterator[Check]:
    service = action.partition(":")[0]
    if not MAKING.search(action) or service not in TAGGING or not request_tags(given):
        return
    for arn in arns:
        kind = kind_of(action, arn)
        if service == "ec2" and not iam_reference.takes_tags(action, kind):
            continue
        if service == "elasticloadbalancing":
            arn = _made_by_load_balancing(action, arn)
        elif service == "logs":
            # The actions on tags name a log group without what stands for its streams.
            arn = arn.partition(":log-stream:")[0]
        elif not iam_reference.resource_types(TAGGING[service]):
            arn = "*"
        elif arn == "*":
            arn = next(iter(_arns(TAGGING[service], {}, place)), "*")
        context = _context(TAGGING[service], kind_of(TAGGING[service], arn), arn, given, place)
        if service in ("ec2", "ecs", "elasticloadbalancing"):
            context[f"{service}:CreateAction"] = action.partition(":")[2]
        yield Check(TAGGING[service], arn, context)


def _made_by_load_balancing(action: str, arn: str) -> str:
    """Return the ARN of the listener or rule that is made at a load balancer or listener."""
    if action.endswith(":CreateListener"):
        return arn.replace(":loadbalancer/", ":listener/") + "/*"
    return arn.replace(":listener/", ":listener-rule/") + "/*" if action.endswith(":CreateRule") else arn


def _of_roles(action: str, given: dict[str, Any], place: Place) -> Iterator[Check]:
    service = action.partition(":")[0]
    if service not in PASSED_TO:
        return
    overrides = given.get("overrides") or {}
    for role in dict.fromkeys((*_values(given, ROLE_PARAMETERS), *_values(overrides, ROLE_PARAMETERS))):
        yield Check("iam:PassRole", role, {"iam:PassedToService": PASSED_TO[service]})
    if action in ("ecs:RunTask", "ecs:CreateService", "ecs:UpdateService") and given.get("taskDefinition"):
        for role in iam_account.roles_of(given["taskDefinition"]):
            yield Check("iam:PassRole", role, {"iam:PassedToService": PASSED_TO[service]})


def _of_keys(action: str, given: dict[str, Any], arns: list[str], place: Place) -> Iterator[Check]:
    service = action.partition(":")[0]
    for use in KEY_USES.get(action, ()):
        named = given.get("KmsKeyId") or (given.get("encryptionConfiguration") or {}).get("kmsKey")
        keys = {iam_account.key_arn(named)} if named else {iam_account.key_of(arn) for arn in arns}
        for key in sorted(key for key in keys if key):
            context = {
                "kms:ViaService": f"{service}.{place.region}.amazonaws.com",
                "kms:CallerAccount": place.account,
                **{f"aws:ResourceTag/{name}": value for name, value in iam_account.tags(key).items()},
            }
            if use == "kms:CreateGrant":
                context["kms:GrantIsForAWSResource"] = "true"
            yield Check(use, key, context)
