# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What AWS's documentation says of the parameters of a request and its service models do not.

A member is called as the models call it, with the operation before it: ``CreateSecurityGroup.GroupName``. What is in a
list has the list's name, ``CreateTags.Tags.Key``, or is a ``member`` of it, and what is in a map has its key,
``CreateQueue.Attributes.Policy``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple, TypeVar

from request_model import compiled

EC2 = "https://docs.aws.amazon.com/AWSEC2/latest/APIReference"
ECS = "https://docs.aws.amazon.com/AmazonECS/latest/APIReference"
ELB = "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference"
IAM = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"
RDS = "https://docs.aws.amazon.com/AmazonRDS/latest/APIReference"
S3 = "https://docs.aws.amazon.com/AmazonS3/latest/userguide"
SQS = "https://docs.aws.amazon.com/AWSSimpleQueueService/latest"
TAGS = "https://docs.aws.amazon.com/tag-editor/latest/userguide/tagging.html"


Limit = TypeVar("Limit", "Form", "Most")


class Form(NamedTuple):
    """The form of a member: its service, a pattern for its name, one for its value, and the page that says so."""

    service: str
    member: str
    pattern: str
    page: str


class Most(NamedTuple):
    """How many characters a text, items a list, or bytes a whole request may have.

    ``blanks`` tells whether spaces count.
    """

    service: str
    member: str
    most: int
    page: str
    blanks: bool = True


DESCRIPTION = r"[a-zA-Z0-9 ._\-:/()#,@\[\]+=&;{}!$*]{0,255}"
ECS_NAME = r"[A-Za-z0-9_-]{1,255}"
# ":cluster/" or ":service/" and the like: where a name may stand an ARN may, too.
ARN = r"arn:aws[a-z-]*:[\w:/.-]+"
HYPHENS = r"[A-Za-z](-?[A-Za-z0-9])*"
TAG_TEXT = r"[\p{L}\p{Z}\p{N}_.:/=+\-@]*"
NUMBER = {
    "DelaySeconds": (0, 900),
    "MaximumMessageSize": (1024, 1048576),
    "MessageRetentionPeriod": (60, 1209600),
    "ReceiveMessageWaitTimeSeconds": (0, 20),
    "VisibilityTimeout": (0, 43200),
    "KmsDataKeyReusePeriodSeconds": (60, 86400),
}
BUCKET = (
    r"(?=.{3,63}$)(?!xn--|sthree-|amzn-s3-demo-|\d+\.\d+\.\d+\.\d+$)(?!.*(-s3alias|--ol-s3|\.mrap|--x-s3|--table-s3)$)"
    r"[a-z0-9]([a-z0-9-]*(\.?[a-z0-9-])*)?(?<![-.])"
)
ON_OFF = "true|false"
BALANCER_ATTRIBUTES = {
    r"deletion_protection\.enabled": ON_OFF,
    r"access_logs\.s3\.enabled": ON_OFF,
    r"access_logs\.s3\.bucket": rf"|{BUCKET}",
    r"access_logs\.s3\.prefix": r"(?!/)(?!.*AWSLogs).*(?<!/)",
    r"connection_logs\.s3\.enabled": ON_OFF,
    r"idle_timeout\.timeout_seconds": "[1-9]|[1-9][0-9]{1,2}|[1-3][0-9]{3}|4000",
    r"client_keep_alive\.seconds": r"[6-9]\d|[1-9]\d{2,4}|[1-5]\d{5}|60[0-3]\d{3}|604[0-7]\d\d|604800",
    r"routing\.http\.desync_mitigation_mode": "monitor|defensive|strictest",
    r"routing\.http\.drop_invalid_header_fields\.enabled": ON_OFF,
    r"routing\.http\.preserve_host_header\.enabled": ON_OFF,
    r"routing\.http\.x_amzn_tls_version_and_cipher_suite\.enabled": ON_OFF,
    r"routing\.http\.xff_client_port\.enabled": ON_OFF,
    r"routing\.http\.xff_header_processing\.mode": "append|preserve|remove",
    r"routing\.http2\.enabled": ON_OFF,
    r"waf\.fail_open\.enabled": ON_OFF,
    r"zonal_shift\.config\.enabled": ON_OFF,
}
GROUP_ATTRIBUTES = {
    r"deregistration_delay\.timeout_seconds": r"\d{1,3}|[12]\d{3}|3[0-5]\d\d|3600",
    r"stickiness\.enabled": ON_OFF,
    r"stickiness\.type": "lb_cookie|app_cookie",
    r"stickiness\.lb_cookie\.duration_seconds": r"[1-9]\d{0,4}|[1-5]\d{5}|60[0-3]\d{3}|604[0-7]\d\d|604800",
    r"slow_start\.duration_seconds": r"0|[3-9]\d|[1-8]\d\d|900",
    r"load_balancing\.algorithm\.type": "round_robin|least_outstanding_requests|weighted_random",
    r"load_balancing\.cross_zone\.enabled": f"{ON_OFF}|use_load_balancer_configuration",
}
LISTENER_ATTRIBUTES = {
    r"routing\.http\.response\.server\.enabled": ON_OFF,
    r"routing\.http\.response\.strict_transport_security\.header_value": r"|max-age=\d+.*",
    r"routing\.http\.response\.x_content_type_options\.header_value": "|nosniff",
    r"routing\.http\.response\.x_frame_options\.header_value": "|DENY|SAMEORIGIN|ALLOW-FROM .+",
    r"routing\.http\.response\.content_security_policy\.header_value": ".*",
}
# Of an operation of ELB: which attributes an application load balancer has, and their values.
ATTRIBUTES = {
    "ModifyLoadBalancerAttributes": (BALANCER_ATTRIBUTES, f"{ELB}/API_LoadBalancerAttribute.html"),
    "ModifyTargetGroupAttributes": (GROUP_ATTRIBUTES, f"{ELB}/API_TargetGroupAttribute.html"),
    "ModifyListenerAttributes": (LISTENER_ATTRIBUTES, f"{ELB}/API_ListenerAttribute.html"),
}

FORMS = (
    Form("ec2", r"CreateSecurityGroup\.GroupName", rf"(?!sg-){DESCRIPTION}", f"{EC2}/API_CreateSecurityGroup.html"),
    Form("ec2", r"CreateSecurityGroup\.(Group)?Description", DESCRIPTION, f"{EC2}/API_CreateSecurityGroup.html"),
    Form("ec2", r".*SecurityGroup.*\.IpPermissions\..*Description", DESCRIPTION, f"{EC2}/API_IpRange.html"),
    Form("ec2", r".*\.Tags\.Key", "(?!aws:)(?s:.){1,127}", f"{EC2}/API_Tag.html"),
    Form("ec2", r".*\.Tags\.Value", "(?s:.){0,256}", f"{EC2}/API_Tag.html"),
    Form(
        "ec2",
        r"Create(NatGateway|VpcEndpoint|FlowLogs)\.ClientToken",
        "[!-~]{1,64}",
        f"{EC2}/API_CreateNatGateway.html",
    ),
    Form("ec2", r"CreateFlowLogs\.MaxAggregationInterval", "60|600", f"{EC2}/API_CreateFlowLogs.html"),
    Form("ec2", r"Create(Vpc|Subnet)\.CidrBlock", r"[\d.]+/(1[6-9]|2[0-8])", f"{EC2}/API_CreateVpc.html"),
    Form("ecs", r"CreateCluster\.clusterName", ECS_NAME, f"{ECS}/API_CreateCluster.html"),
    Form("ecs", r"CreateService\.serviceName", ECS_NAME, f"{ECS}/API_CreateService.html"),
    Form("ecs", r".*\.(cluster|service)", f"{ECS_NAME}|{ARN}", f"{ECS}/API_CreateService.html"),
    Form("ecs", r"RegisterTaskDefinition\.family", ECS_NAME, f"{ECS}/API_RegisterTaskDefinition.html"),
    Form("ecs", r"RegisterTaskDefinition\.containerDefinitions\.name", ECS_NAME, f"{ECS}/API_ContainerDefinition.html"),
    Form(
        "ecs",
        r"RegisterTaskDefinition\.containerDefinitions\.image",
        r"[A-Za-z0-9_./:#@-]{1,255}",
        f"{ECS}/API_ContainerDefinition.html",
    ),
    Form(
        "ecs",
        r"RegisterTaskDefinition\.containerDefinitions\.stopTimeout",
        r"[2-9]|[1-9]\d|1[01]\d|120",
        f"{ECS}/API_ContainerDefinition.html",
    ),
    Form("ecs", r".*\.healthCheck\.interval", r"[5-9]|[1-9]\d|[12]\d\d|300", f"{ECS}/API_HealthCheck.html"),
    Form("ecs", r".*\.healthCheck\.timeout", r"[2-9]|[1-9]\d|1[01]\d|120", f"{ECS}/API_HealthCheck.html"),
    Form("ecs", r".*\.healthCheck\.retries", "[1-9]|10", f"{ECS}/API_HealthCheck.html"),
    Form("ecs", r".*\.healthCheck\.startPeriod", r"\d{1,2}|[12]\d\d|300", f"{ECS}/API_HealthCheck.html"),
    Form(
        "ecs",
        r"RegisterTaskDefinition\.ephemeralStorage\.sizeInGiB",
        r"2[1-9]|[3-9]\d|1\d\d|200",
        f"{ECS}/API_EphemeralStorage.html",
    ),
    Form("ecs", r"(RunTask|ListTasks)\.startedBy", "[A-Za-z0-9_/-]{1,128}", f"{ECS}/API_RunTask.html"),
    # None at all is said with an empty text too, as community.aws does.
    Form("ecs", r"(RunTask|CreateService)\.clientToken", "[!-~]{0,64}", f"{ECS}/API_RunTask.html"),
    Form(
        "elbv2",
        r"Create(LoadBalancer|TargetGroup)\.Name",
        r"(?!internal-|-)[A-Za-z0-9-]{1,32}(?<!-)",
        f"{ELB}/API_CreateLoadBalancer.html",
    ),
    Form("rds", r".*\.DBInstanceIdentifier", rf"(?=.{{1,63}}$){HYPHENS}", f"{RDS}/API_CreateDBInstance.html"),
    Form("rds", r"CreateDBInstance\.DBName", "[A-Za-z][A-Za-z0-9_]{0,62}", f"{RDS}/API_CreateDBInstance.html"),
    Form("rds", r"CreateDBInstance\.MasterUsername", "[A-Za-z][A-Za-z0-9_]{0,15}", f"{RDS}/API_CreateDBInstance.html"),
    # Printable ASCII but for / " and @; of MySQL 8 to 41 characters, which PostgreSQL takes too.
    Form("rds", r".*\.MasterUserPassword", "[!#-.0-?A-~]{8,41}", f"{RDS}/API_CreateDBInstance.html"),
    Form(
        "rds",
        r"Create.*\.DBSubnetGroupName",
        "(?!(?i:default)$)[A-Za-z][A-Za-z0-9._ -]{0,254}",
        f"{RDS}/API_CreateDBSubnetGroup.html",
    ),
    Form(
        "rds", r"Create.*\.DBParameterGroupName", rf"(?=.{{1,255}}$){HYPHENS}", f"{RDS}/API_CreateDBParameterGroup.html"
    ),
    Form(
        "rds",
        r"CreateDBParameterGroup\.DBParameterGroupFamily",
        r"postgres1[678]|mysql8\.4",
        f"{RDS}/API_CreateDBParameterGroup.html",
    ),
    Form("rds", r".*\.FinalDBSnapshotIdentifier", rf"(?=.{{1,255}}$){HYPHENS}", f"{RDS}/API_DeleteDBInstance.html"),
    Form(
        "rds",
        r"CreateDBSnapshot\.DBSnapshotIdentifier",
        rf"(?=.{{1,255}}$){HYPHENS}",
        f"{RDS}/API_CreateDBSnapshot.html",
    ),
    Form("rds", r".*\.Tags\.Key", rf"(?!aws:|rds:)(?=.{{1,128}}$){TAG_TEXT}", f"{RDS}/API_Tag.html"),
    Form("rds", r".*\.Tags\.Value", rf"(?!aws:|rds:)(?=.{{0,256}}$){TAG_TEXT}", f"{RDS}/API_Tag.html"),
    Form(
        "rds",
        r"(Create|Modify)DBInstance\.BackupRetentionPeriod",
        r"[0-9]|[12]\d|3[0-5]",
        f"{RDS}/API_CreateDBInstance.html",
    ),
    Form("rds", r".*DBInstance\.MonitoringInterval", "0|1|5|10|15|30|60", f"{RDS}/API_CreateDBInstance.html"),
    Form("s3", r"CreateBucket\.Bucket", BUCKET, f"{S3}/bucketnamingrules.html"),
    Form("s3", r".*\.Tagging\.TagSet\.Key", "(?!aws:).{1,128}", f"{S3}/CostAllocTagging.html"),
    Form("s3", r".*\.Tagging\.TagSet\.Value", ".{0,256}", f"{S3}/CostAllocTagging.html"),
    Form("sqs", r".*\.QueueName", "[A-Za-z0-9_-]{1,80}", f"{SQS}/APIReference/API_CreateQueue.html"),
    Form("sqs", r".*\.Tags\..*", "(?s:.){0,256}", f"{SQS}/SQSDeveloperGuide/sqs-queue-tags.html"),
    Form("sqs", r".*\.tags\..*", "(?s:.){0,256}", f"{SQS}/SQSDeveloperGuide/sqs-queue-tags.html"),
    Form(
        "secretsmanager",
        r"CreateSecret\.Name",
        "[A-Za-z0-9/_+=.@-]{1,512}",
        "https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html",
    ),
    Form(
        "logs",
        r"PutRetentionPolicy\.retentionInDays",
        "1|3|5|7|14|30|60|90|120|150|180|365|400|545|731|1096|1827|2192|2557|2922|3288|3653",
        "https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html",
    ),
    Form(
        "cloudwatch",
        r"PutDashboard\.DashboardName",
        "[A-Za-z0-9_-]{1,255}",
        "https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutDashboard.html",
    ),
    Form(
        "acm",
        r"RequestCertificate\.DomainName",
        ".{1,64}",
        "https://docs.aws.amazon.com/acm/latest/APIReference/API_RequestCertificate.html",
    ),
    Form(
        "route53",
        r".*\.ResourceRecordSet\.Name",
        r"(?=.{1,255}$)([^.]{1,63}\.)*[^.]{1,63}\.?",
        "https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/DomainNameFormat.html",
    ),
)

MOST = (
    Most("ec2", r".*\.Tags", 50, TAGS),
    Most("rds", r".*\.Tags", 50, TAGS),
    Most("sqs", r".*\.[tT]ags", 50, TAGS),
    Most("s3", r".*\.TagSet", 50, TAGS),
    Most(
        "ec2",
        r".*VpcEndpoint\.PolicyDocument",
        20480,
        "https://docs.aws.amazon.com/vpc/latest/privatelink/vpc-limits-endpoints.html",
    ),
    Most(
        "ecs",
        r"RegisterTaskDefinition",
        65536,
        "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-quotas.html",
    ),
    Most(
        "ecs",
        r"RegisterTaskDefinition\.containerDefinitions",
        10,
        "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-quotas.html",
    ),
    Most("ecs", r".*\.awsvpcConfiguration\.subnets", 16, f"{ECS}/API_AwsVpcConfiguration.html"),
    Most("ecs", r".*\.awsvpcConfiguration\.securityGroups", 5, f"{ECS}/API_AwsVpcConfiguration.html"),
    Most("ecs", r"DescribeServices\.services", 10, f"{ECS}/API_DescribeServices.html"),
    Most("ecs", r"(DescribeTasks\.tasks|DescribeClusters\.clusters)", 100, f"{ECS}/API_DescribeTasks.html"),
    Most("ecs", r"DeleteTaskDefinitions\.taskDefinitions", 10, f"{ECS}/API_DeleteTaskDefinitions.html"),
    Most("elbv2", r"DescribeTags\.ResourceArns", 20, f"{ELB}/API_DescribeTags.html"),
    Most("iam", r"PutRolePolicy\.PolicyDocument", 10240, IAM, blanks=False),
    Most("iam", r".*\.AssumeRolePolicyDocument", 2048, IAM, blanks=False),
    Most("iam", r"UpdateAssumeRolePolicy\.PolicyDocument", 2048, IAM, blanks=False),
    Most("kms", r".*\.Policy", 32768, "https://docs.aws.amazon.com/kms/latest/developerguide/resource-limits.html"),
    Most("rds", r"(Modify|Reset)DBParameterGroup\.Parameters", 20, f"{RDS}/API_ModifyDBParameterGroup.html"),
    Most("rds", r".*\.SubnetIds", 20, "https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_Limits.html"),
    Most("s3", r"PutBucketPolicy\.Policy", 20480, f"{S3}/add-bucket-policy.html"),
    Most(
        "s3",
        r"DeleteObjects\.Delete\.Objects",
        1000,
        "https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html",
    ),
    Most("sqs", r".*\.Attributes\.Policy", 8192, f"{SQS}/SQSDeveloperGuide/quotas-policies.html"),
)


def violations(service: str, operation: str, given: dict[str, Any]) -> Iterator[tuple[str, Any, str]]:
    """Yield what of a request violates the documentation: where it stands, the value, and the page."""
    for name, value in _members(operation, given):
        for form in _of_member(FORMS, service, name):
            if _is_scalar(value) and not compiled(form.pattern).fullmatch(str(value)):
                yield name, value, f"Member must be as documented in {form.page}"
        for most in _of_member(MOST, service, name):
            if _size(name, value, most.blanks) > most.most:
                yield name, value, f"Member must have length less than or equal to {most.most}, see {most.page}"
    if service == "elbv2" and operation in ATTRIBUTES:
        yield from _of_attributes(operation, given)
    if service == "sqs":
        yield from _of_queue(given)


def _of_member(limits: tuple[Limit, ...], service: str, name: str) -> Iterator[Limit]:
    return (limit for limit in limits if limit.service == service and re.fullmatch(limit.member, name))


def _members(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Yield every member within a value, and its name."""
    yield name, value
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _members(f"{name}.{key}", item)
    elif isinstance(value, list):
        for item in value:
            if isinstance(item, dict):
                for key, inner in item.items():
                    yield from _members(f"{name}.{key}", inner)
            else:
                yield from _members(f"{name}.member", item)


def _is_scalar(value: Any) -> bool:
    return isinstance(value, (str, int, float)) and not isinstance(value, bool)


def _size(name: str, value: Any, blanks: bool) -> int:
    if "." not in name:
        # The request itself, as it is on its way.
        return len(json.dumps(value, default=str).encode())
    return len(value if blanks or not isinstance(value, str) else re.sub(r"\s", "", value))


def _of_attributes(operation: str, given: dict[str, Any]) -> Iterator[tuple[str, Any, str]]:
    known, page = ATTRIBUTES[operation]
    for item in given.get("Attributes", []):
        key, value = item.get("Key", ""), item.get("Value", "")
        forms = [form for name, form in known.items() if re.fullmatch(name, key)]
        if not forms or not re.fullmatch(forms[0], value):
            yield f"{operation}.Attributes.{key}", value, f"Member must be as documented in {page}"


def _of_queue(given: dict[str, Any]) -> Iterator[tuple[str, Any, str]]:
    page = f"{SQS}/APIReference/API_SetQueueAttributes.html"
    attributes = given.get("Attributes") or {}
    for name, (least, most) in NUMBER.items():
        value = attributes.get(name)
        if value is not None and not (value.isdigit() and least <= int(value) <= most):
            yield f"Attributes.{name}", value, f"Member must be between {least} and {most}, see {page}"
    redrive = attributes.get("RedrivePolicy")
    if redrive and not 1 <= int(json.loads(redrive).get("maxReceiveCount", 10)) <= 1000:
        yield "Attributes.RedrivePolicy", redrive, f"Member maxReceiveCount must be between 1 and 1000, see {page}"
