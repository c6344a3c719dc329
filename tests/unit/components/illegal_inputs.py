# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What AWS, Airflow or Ansible would refuse, and can be told from the variables alone: one row for each rule."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

AWS = "https://docs.aws.amazon.com"
ADDING = "https://github.com/sm2a/airflow/blob/main/docs/images.md"
ACM = f"{AWS}/acm/latest/APIReference/API_RequestCertificate.html"
ALB = f"{AWS}/elasticloadbalancing/latest/application"
AIRFLOW = "https://airflow.apache.org/docs/apache-airflow/stable/configurations-ref.html"
AIRFLOW_ENVIRONMENT = "https://airflow.apache.org/docs/apache-airflow/stable/howto/set-config.html"
BOUNDARIES = f"{AWS}/IAM/latest/UserGuide/access_policies_boundaries.html"
BUCKETS = f"{AWS}/AmazonS3/latest/userguide/bucketnamingrules.html"
CERTIFICATES = f"{AWS}/acm/latest/userguide/acm-services.html"
CLUSTERS = f"{AWS}/AmazonECS/latest/APIReference/API_CreateCluster.html"
CONCURRENCY = "https://airflow.apache.org/docs/apache-airflow-providers-celery/stable/celery_executor.html"
DASHBOARDS = f"{AWS}/AmazonCloudWatch/latest/monitoring/cloudwatch_limits.html"
DATABASES = f"{AWS}/AmazonRDS/latest/APIReference/API_CreateDBInstance.html"
DATABASE_CLASSES = f"{AWS}/AmazonRDS/latest/UserGuide/Concepts.DBInstanceClass.html"
DATABASE_STORAGE = f"{AWS}/AmazonRDS/latest/UserGuide/CHAP_Storage.html"
DATABASE_SUBNETS = f"{AWS}/AmazonRDS/latest/UserGuide/USER_VPC.WorkingWithRDSInstanceinaVPC.html"
DATABASE_VERSIONS = f"{AWS}/AmazonRDS/latest/PostgreSQLReleaseNotes/postgresql-release-calendar.html"
DEBIAN_NAMES = "https://www.debian.org/doc/debian-policy/ch-controlfields.html#source"
DOCKERFILES = "https://docs.docker.com/reference/dockerfile/"
ECS_QUOTAS = f"{AWS}/AmazonECS/latest/developerguide/service-quotas.html"
EC2_TAGS = f"{AWS}/AWSEC2/latest/APIReference/API_Tag.html"
ENDPOINTS = f"{AWS}/vpc/latest/privatelink/aws-services-privatelink-support.html"
ENVIRONMENT_VARIABLES = f"{AWS}/AmazonECS/latest/developerguide/taskdef-envfiles.html"
EXECUTION_API = f"{AIRFLOW}#execution-api-server-url"
FARGATE = f"{AWS}/AmazonECS/latest/developerguide/fargate-tasks-services.html"
FARGATE_STORAGE = f"{AWS}/AmazonECS/latest/developerguide/fargate-task-storage.html"
FLOW_LOGS = f"{AWS}/vpc/latest/userguide/flow-logs-s3.html"
IAM_TAGS = f"{AWS}/IAM/latest/UserGuide/id_tags.html"
IAM_QUOTAS = f"{AWS}/IAM/latest/UserGuide/reference_iam-quotas.html"
IDS = f"{AWS}/AWSEC2/latest/UserGuide/resource-ids.html"
IMAGES = "https://docs.docker.com/reference/cli/docker/image/tag/"
KEYS = f"{AWS}/kms/latest/developerguide/concepts.html#key-id-key-ARN"
KEY_DELETION = f"{AWS}/kms/latest/APIReference/API_ScheduleKeyDeletion.html"
LIFECYCLE = f"{AWS}/AmazonS3/latest/userguide/lifecycle-transition-general-considerations.html"
LISTENERS = f"{ALB}/create-https-listener.html"
LOAD_BALANCERS = f"{AWS}/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html"
LOG_GROUPS = f"{AWS}/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html"
MAIL = "https://www.rfc-editor.org/rfc/rfc5321#section-4.5.3.1"
NAMESPACES = f"{AWS}/cloud-map/latest/api/API_CreatePrivateDnsNamespace.html"
NETWORKING = f"{AWS}/AmazonECS/latest/APIReference/API_AwsVpcConfiguration.html"
PATHS = f"{AWS}/IAM/latest/APIReference/API_CreateRole.html"
POLICIES = f"{ALB}/describe-ssl-policies.html"
PROVIDERS = f"{AWS}/AmazonECS/latest/developerguide/fargate-capacity-providers.html"
QUEUES = f"{AWS}/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-queues.html"
QUEUE_ATTRIBUTES = f"{AWS}/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html"
PRIVATE_REGISTRIES = f"{AWS}/AmazonECS/latest/developerguide/private-auth.html"
REPOSITORIES = f"{AWS}/AmazonECR/latest/APIReference/API_CreateRepository.html"
REPOSITORY_RULES = f"{AWS}/AmazonECR/latest/userguide/lifecycle_policy_parameters.html"
RETENTION = f"{AWS}/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html"
RULES = f"{AWS}/vpc/latest/userguide/security-group-rules.html"
SECRETS = "https://github.com/sm2a/airflow/blob/main/docs/configuration.md#secrets"
SECRET_DELETION = f"{AWS}/secretsmanager/latest/apireference/API_DeleteSecret.html"
SPECIAL = "https://www.rfc-editor.org/rfc/rfc6890"
SNAPSHOTS = f"{AWS}/AmazonRDS/latest/APIReference/API_CreateDBSnapshot.html"
SPECIFIERS = "https://packaging.python.org/en/latest/specifications/dependency-specifiers/"
SUBNETS = f"{AWS}/vpc/latest/userguide/subnet-sizing.html"
TAGS = f"{AWS}/tag-editor/latest/userguide/best-practices-and-strats.html"
RDS_TAGS = f"{AWS}/AmazonRDS/latest/APIReference/API_Tag.html"
LOOKUPS = (
    "https://airflow.apache.org/docs/apache-airflow-providers-amazon/stable/secrets-backends/aws-secrets-manager.html"
)
SECRETS_PRICES = "https://aws.amazon.com/secrets-manager/pricing/"
TARGET_GROUPS = f"{ALB}/load-balancer-target-groups.html"
TASK_ROLES = f"{AWS}/AmazonECS/latest/developerguide/task-iam-roles.html"
VPCS = f"{AWS}/vpc/latest/userguide/vpc-cidr-blocks.html"
VPC_QUOTAS = f"{AWS}/vpc/latest/userguide/amazon-vpc-limits.html"
ZONES = f"{ALB}/application-load-balancers.html"
ZONE_NAMES = f"{AWS}/global-infrastructure/latest/regions/aws-availability-zones.html"
OPTIONS = "https://github.com/sm2a/airflow/blob/main/docs/configuration.md"

VPC = "vpc-0123456789abcdef0"
PAIR = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]
KEY = "arn:aws:kms:eu-central-1:123456789012:key/01234567-89ab-cdef-0123-456789abcdef"
CERTIFICATE = "arn:aws:acm:eu-central-1:123456789012:certificate/01234567-89ab-cdef-0123-456789abcdef"
POLICY = "arn:aws:iam::123456789012:policy/data-lake-read"
TARGETS = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/sm2a-dev-api-server/0123456789abcdef"
SNAPSHOT = "arn:aws:rds:eu-central-1:210987654321:snapshot:before-upgrade"
IMAGE = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/company/airflow"
ROLES = {
    service: f"arn:aws:iam::123456789012:role/sm2a-dev-{service}"
    for service in ("execution", "api_server", "execution_api", "scheduler", "dag_processor", "triggerer", "migration")
}

# Images are built, which those that exist are not.
BUILT: Mapping[str, Any] = {"image_uris": {}}


@dataclass(frozen=True)
class Rule:
    """One rule: a ``wrong`` and a ``right`` value of a variable, and what a refusal says.

    ``address`` is the page that says so; the message names it too, unless the variable is of a wrong type, which
    Ansible says in its own words. ``word`` must be in the message. ``beside`` are the other variables of both values.
    """

    variable: str
    wrong: Any
    right: Any
    address: str
    word: str
    beside: Mapping[str, Any] = field(default_factory=dict)
    typed: bool = False

    def __str__(self) -> str:
        """Return the name of the test."""
        return f"{self.variable}={str(self.wrong)[:60]!r}"


def wrong_type(variable: str, wrong: Any, right: Any, word: str) -> Rule:
    """Return the rule that a value must be of the variable's type."""
    return Rule(variable, wrong, right, OPTIONS, word, typed=True)


def cidrs(number: int) -> list[str]:
    """Return so many networks."""
    return [f"203.0.113.{address}/32" for address in range(number)]


NETWORK = [
    Rule("network_cidr", "10.0.0.0/8", "10.0.0.0/16", VPCS, "/16 to /28"),
    Rule("network_cidr", "10.42.0.0/29", "10.42.0.0/24", VPCS, "/16 to /28"),
    Rule("network_cidr", "10.42.1.0/16", "10.42.0.0/16", VPCS, "host bits"),
    Rule("network_cidr", "10.42.0.0", "10.42.0.0/16", VPCS, "/16 to /28"),
    Rule("network_cidr", "2001:db8::/56", "10.42.0.0/16", VPCS, "IPv4"),
    Rule("network_cidr", "10.42.0.0/28", "10.42.0.0/22", SUBNETS, "too small"),
    Rule("network_cidr", "169.254.0.0/16", "172.16.0.0/16", SPECIAL, "169.254.0.0/16"),
    Rule("network_cidr", "127.0.0.0/16", "192.168.0.0/16", SPECIAL, "127.0.0.0/8"),
    Rule("network_cidr", "224.0.0.0/16", "100.64.0.0/16", SPECIAL, "224.0.0.0/4"),
    wrong_type("network_availability_zone_count", 4, 3, "2, 3"),
    Rule("network_availability_zones", ["eu-central-1a"], ["eu-central-1a", "eu-central-1b"], ZONES, "two or three"),
    Rule("network_availability_zones", ["eu-central-1a"] * 2, ["eu-central-1a", "eu-central-1c"], ZONES, "different"),
    Rule("network_availability_zones", ["a", "b"], ["eu-central-1a", "eu-central-1b"], ZONE_NAMES, "eu-central-1a"),
    Rule(
        "network_availability_zones",
        ["eu-west-1a", "eu-west-1b"],
        ["eu-central-1b", "eu-central-1c"],
        ZONE_NAMES,
        "in this region, eu-central-1",
    ),
    Rule(
        "network_availability_zones",
        ["euc1-az1", "euc1-az2"],
        ["eu-central-1a", "eu-central-1b"],
        ZONE_NAMES,
        "eu-central-1a",
    ),
    Rule(
        "network_availability_zones",
        ["eu-central-1a", "eu-central-1-ham-1a"],
        ["eu-central-1a", "eu-central-1b"],
        ZONE_NAMES,
        "eu-central-1a",
    ),
    Rule("network_public_subnet_cidrs", ["10.42.0.0/24"], ["10.42.0.0/24", "10.42.1.0/24"], ZONES, "each of the 2"),
    Rule(
        "network_public_subnet_cidrs",
        ["10.42.0.0/28", "10.42.1.0/28"],
        ["10.42.0.0/27", "10.42.1.0/27"],
        ZONES,
        "/27 or larger",
    ),
    Rule(
        "network_public_subnet_cidrs",
        ["10.43.0.0/24", "10.43.1.0/24"],
        ["10.42.0.0/24", "10.42.1.0/24"],
        SUBNETS,
        "not inside",
    ),
    Rule(
        "network_private_subnet_cidrs",
        ["10.42.128.0/20", "10.42.128.0/24"],
        ["10.42.128.0/20", "10.42.144.0/24"],
        SUBNETS,
        "overlaps",
    ),
    Rule(
        "network_private_subnet_cidrs",
        ["10.42.128.0/29", "10.42.128.8/29"],
        ["10.42.128.0/28", "10.42.128.16/28"],
        SUBNETS,
        "/16 to /28",
    ),
    wrong_type("network_nat_gateways", "two", "one_per_zone", "none, single, one_per_zone"),
    Rule("network_interface_endpoints", ["com.amazonaws.eu-central-1.sqs"], ["sqs"], ENDPOINTS, "end of a service"),
    Rule("network_interface_endpoints", ["s3"], ["logs"], ENDPOINTS, "costs nothing"),
    Rule("network_interface_endpoints", ["sqs", "sqs"], ["sqs", "logs"], ENDPOINTS, "twice"),
    Rule("network_interface_endpoints", ["ECR.api"], ["ecr.api"], ENDPOINTS, "end of a service"),
    Rule(
        "network_interface_endpoints",
        [f"service{number}" for number in range(51)],
        [f"service{number}" for number in range(50)],
        VPC_QUOTAS,
        "at most 50",
    ),
    Rule(
        "network_flow_logs_bucket_arn",
        "flow-logs",
        "arn:aws:s3:::flow-logs/vpc/",
        FLOW_LOGS,
        "arn:aws:s3",
        {"network_flow_logs": "s3"},
    ),
    Rule("network_flow_logs_bucket_arn", "arn:aws:s3:::flow-logs", "", FLOW_LOGS, "flow_logs: s3"),
    Rule(
        "network_flow_logs_bucket_arn",
        "arn:aws:s3:::flow..logs",
        "arn:aws:s3:::flow.logs",
        FLOW_LOGS,
        "arn:aws:s3",
        {"network_flow_logs": "s3"},
    ),
    Rule(
        "network_flow_logs_bucket_arn",
        "arn:aws:s3:::192.168.0.1",
        "arn:aws:s3:::192.168.0.1-logs",
        FLOW_LOGS,
        "arn:aws:s3",
        {"network_flow_logs": "s3"},
    ),
    Rule(
        "network_flow_logs_bucket_arn",
        "arn:aws-cn:s3:::flow-logs",
        "arn:aws:s3:::flow-logs",
        FLOW_LOGS,
        "partition",
        {"network_flow_logs": "s3"},
    ),
    Rule("network_flow_logs_retention_in_days", 31, 30, RETENTION, "one of 1, 3, 5"),
    Rule("network_role_path", "sm2a", "/sm2a/", PATHS, "begin and end with /"),
    Rule("network_role_path", "/sm2a", "/sm2a/data/", PATHS, "begin and end with /"),
    Rule("network_role_path", f"/{'x' * 511}/", f"/{'x' * 510}/", PATHS, "512"),
    Rule("network_role_permissions_boundary", "boundary", POLICY, BOUNDARIES, "ARN of a managed policy"),
    Rule(
        "network_vpc_id",
        "main",
        VPC,
        IDS,
        "vpc-",
        {f"network_{kind}_subnet_ids": PAIR for kind in ("public", "private")},
    ),
    Rule(
        "network_vpc_id",
        "vpc-0123456789abcdef",
        "vpc-01234567",
        IDS,
        "8 or 17",
        {f"network_{kind}_subnet_ids": PAIR for kind in ("public", "private")},
    ),
    Rule(
        "network_public_subnet_ids",
        PAIR[:1],
        PAIR,
        ZONES,
        "two",
        {"network_vpc_id": VPC, "network_private_subnet_ids": PAIR},
    ),
    Rule("network_private_subnet_ids", PAIR, [], OPTIONS, "requires vpc_id"),
]

SECURITY = [
    Rule("security_vpc_id", "main", VPC, IDS, "vpc-"),
    Rule("security_vpc_id", "vpc-123", VPC, IDS, "8 or 17"),
    Rule("security_vpc_id", "vpc-0123456789ABCDEF0", VPC, IDS, "vpc-"),
    Rule("security_ingress_cidrs", ["everybody"], ["0.0.0.0/0"], RULES, "not a network"),
    Rule("security_ingress_cidrs", ["203.0.113.7/24"], ["203.0.113.0/24"], RULES, "host bits"),
    Rule("security_ingress_cidrs", ["203.0.113.0/33"], ["203.0.113.0/32", "2001:db8::/32"], RULES, "not a network"),
    Rule("security_ingress_cidrs", cidrs(31), cidrs(30), VPC_QUOTAS, "60"),
    wrong_type("security_database_engine", "oracle", "mysql", "postgres, mysql"),
    Rule("security_kms_key_arn", "alias/mine", KEY, KEYS, "ARN of a KMS key"),
    Rule("security_kms_key_arn", KEY.replace("eu-central-1", "eu-west-1"), KEY, KEYS, "in this region, eu-central-1"),
    Rule("security_kms_key_arn", KEY.replace("arn:aws:", "arn:aws-cn:"), KEY, KEYS, "partition"),
    Rule("security_kms_key_arn", KEY.replace("123456789012", "12345"), KEY, KEYS, "ARN of a KMS key"),
    Rule("security_kms_key_arn", KEY.replace(":kms:", ":s3:"), KEY, KEYS, "ARN of a KMS key"),
    Rule("security_kms_key_arn", KEY[:-1], KEY, KEYS, "ARN of a KMS key"),
    Rule("security_kms_deletion_window_days", 6, 7, KEY_DELETION, "from 7 to 30"),
    Rule("security_kms_deletion_window_days", 31, 30, KEY_DELETION, "from 7 to 30"),
    wrong_type("security_kms_deletion_window_days", "30d", "30", "int"),
    Rule("security_role_path", "/sm2a data/", "/sm2a/", PATHS, "without spaces"),
    Rule("security_role_permissions_boundary", POLICY.replace("policy", "role"), POLICY, BOUNDARIES, "managed policy"),
    Rule(
        "security_role_permissions_boundary",
        POLICY.replace("arn:aws:", "arn:aws-us-gov:"),
        POLICY,
        BOUNDARIES,
        "partition",
    ),
    Rule("security_role_policies", {"worker": POLICY}, {"worker": [POLICY]}, OPTIONS, "list of ARNs"),
    Rule("security_role_policies", {"webserver": [POLICY]}, {"api_server": [POLICY]}, OPTIONS, "one of execution"),
    Rule(
        "security_role_policies",
        {"worker": ["AmazonS3ReadOnlyAccess"]},
        {"worker": ["arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"]},
        BOUNDARIES,
        "managed policy",
    ),
    Rule(
        "security_role_policies",
        {"worker": [f"{POLICY}-{number}" for number in range(11)]},
        {"worker": [f"{POLICY}-{number}" for number in range(10)]},
        IAM_QUOTAS,
        "10",
    ),
    Rule("security_role_policies", {"worker": [POLICY, POLICY]}, {"worker": [POLICY]}, IAM_QUOTAS, "twice"),
    Rule(
        "security_role_policies",
        {"worker": [POLICY.replace("arn:aws:", "arn:aws-cn:")]},
        {"worker": [POLICY]},
        BOUNDARIES,
        "partition",
    ),
    wrong_type("security_execute_command_services", ["webserver"], ["api_server"], "api_server"),
]

LOGINS = [
    Rule("secrets_admin_username", "the admin", "the.admin", OPTIONS, "1 to 64"),
    Rule("secrets_admin_username", "x" * 65, "x" * 64, OPTIONS, "1 to 64"),
    Rule("secrets_admin_email", "admin", "admin@example.com", MAIL, "e-mail"),
    Rule("secrets_admin_email", f"{'x' * 250}@example.com", f"{'x' * 60}@example.com", MAIL, "254"),
    Rule("secrets_database_username", "Sm2a", "sm2a", DATABASES, "lower-case"),
    Rule("secrets_database_username", "sm2a-owner", "sm2a_owner", DATABASES, "underscores"),
    Rule("secrets_database_username", "x" * 17, "x" * 16, DATABASES, "1 to 16"),
    Rule("secrets_database_username", "1sm2a", "sm2a1", DATABASES, "starting with a letter"),
    Rule("secrets_database_username", "rdsadmin", "owner", DATABASES, "reserved"),
    Rule("secrets_database_username", "admin", "administrator", DATABASES, "reserved"),
    Rule("secrets_database_username", "pg_owner", "owner_pg", DATABASES, "reserved"),
    Rule("secrets_database_username", "select", "selected", DATABASES, "reserved"),
    Rule("secrets_database_username", "user", "airflow_user", DATABASES, "reserved"),
    Rule("secrets_database_username", "schemas", "schema_owner", DATABASES, "reserved"),
    Rule("secrets_recovery_window_days", 6, 7, SECRET_DELETION, "from 7 to 30"),
    Rule("secrets_recovery_window_days", 31, 0, SECRET_DELETION, "from 7 to 30"),
    Rule("sm2a_secret_recovery_window_days", 3, 30, SECRET_DELETION, "from 7 to 30"),
    wrong_type("sm2a_secret_recovery_window_days", "a week", "7", "int"),
]

DATABASE = [
    wrong_type("database_engine", "sqlite", "postgres", "postgres, mysql"),
    Rule("database_engine_version", "15", "16", DATABASE_VERSIONS, "16, 17, 18"),
    Rule("database_engine_version", "170", "17.6", DATABASE_VERSIONS, "16, 17, 18"),
    Rule("database_engine_version", "8.0", "8.4", DATABASE_VERSIONS, "8.4", {"database_engine": "mysql"}),
    Rule("database_instance_class", "t4g.small", "db.t4g.small", DATABASE_CLASSES, "db.t4g.small"),
    Rule("database_instance_class", "db.t4g", "db.t4g.large", DATABASE_CLASSES, "db.t4g.small"),
    Rule("database_instance_class", "db.t4g.huge", "db.m7g.16xlarge", DATABASE_CLASSES, "db.t4g.small"),
    Rule("database_instance_class", "db.serverless", "db.r7g.2xlarge", DATABASE_CLASSES, "db.t4g.small"),
    Rule("database_allocated_storage", 19, 20, DATABASE_STORAGE, "from 20 to 65536"),
    Rule(
        "database_allocated_storage",
        65537,
        50000,
        DATABASE_STORAGE,
        "from 20 to 65536",
        {"database_max_allocated_storage": 65536},
    ),
    wrong_type("database_allocated_storage", "20 GB", "20", "int"),
    Rule("database_max_allocated_storage", 65537, 65536, DATABASE_STORAGE, "from 20 to 65536"),
    Rule(
        "database_max_allocated_storage",
        109,
        110,
        DATABASE_STORAGE,
        "a tenth more",
        {"database_allocated_storage": 100},
    ),
    Rule("database_backup_retention_period", 36, 35, DATABASES, "from 1 to 35"),
    Rule("database_backup_retention_period", -1, 1, DATABASES, "from 1 to 35"),
    wrong_type("database_backup_retention_period", "7 days", "7", "int"),
    Rule("database_preferred_backup_window", "3:00-4:00", "03:00-04:00", DATABASES, "hh24:mi"),
    Rule("database_preferred_backup_window", "03:00-03:20", "03:00-03:30", DATABASES, "30 minutes"),
    Rule("database_preferred_backup_window", "24:00-24:30", "00:00-00:30", DATABASES, "hh24:mi"),
    Rule("database_preferred_backup_window", "sun:03:00-sun:04:00", "03:00-04:00", DATABASES, "hh24:mi"),
    Rule("database_preferred_maintenance_window", "03:00-04:00", "sun:03:00-sun:04:00", DATABASES, "ddd:hh24:mi"),
    Rule(
        "database_preferred_maintenance_window",
        "sunday:03:00-sunday:04:00",
        "Sun:03:00-Sun:04:00",
        DATABASES,
        "ddd:hh24:mi",
    ),
    Rule(
        "database_preferred_maintenance_window", "sun:03:00-sun:03:10", "sun:23:45-mon:00:15", DATABASES, "30 minutes"
    ),
    Rule(
        "database_preferred_maintenance_window",
        "mon:03:30-mon:04:30",
        "mon:04:00-mon:04:30",
        DATABASES,
        "overlaps",
        {"database_preferred_backup_window": "03:00-04:00"},
    ),
    wrong_type("database_multi_az", "perhaps", "yes", "bool"),
    Rule("database_snapshot_identifier", "before--upgrade", "before-upgrade", SNAPSHOTS, "single hyphens"),
    Rule("database_snapshot_identifier", "x" * 256, "x" * 255, SNAPSHOTS, "255"),
    Rule(
        "database_snapshot_identifier",
        SNAPSHOT.replace("eu-central-1", "eu-west-1"),
        SNAPSHOT,
        SNAPSHOTS,
        "in this region",
    ),
    Rule("database_snapshot_identifier", SNAPSHOT.replace("arn:aws:", "arn:aws-cn:"), SNAPSHOT, SNAPSHOTS, "partition"),
    Rule("database_subnet_ids", PAIR[:1], PAIR, DATABASE_SUBNETS, "two zones"),
    Rule("database_subnet_ids", ["subnet-a", "subnet-b"], PAIR, IDS, "8 or 17"),
    Rule(
        "database_subnet_ids",
        [f"subnet-{number:017x}" for number in range(21)],
        [f"subnet-{number:017x}" for number in range(20)],
        f"{AWS}/AmazonRDS/latest/UserGuide/CHAP_Limits.html",
        "at most 20",
    ),
    Rule("database_security_group_ids", ["database"], ["sg-0123456789abcdef0"], IDS, "sg-"),
    Rule("database_kms_key_arn", "aws/rds", KEY, KEYS, "ARN of a KMS key"),
    Rule("database_recovery_window_days", 5, 14, SECRET_DELETION, "from 7 to 30"),
]

LOAD_BALANCER = [
    wrong_type("load_balancer_scheme", "public", "internal", "internet-facing, internal"),
    wrong_type("load_balancer_protocol", "TLS", "HTTP", "HTTPS, HTTP"),
    Rule(
        "load_balancer_certificate_arn",
        "",
        CERTIFICATE,
        LISTENERS,
        "HTTPS needs a certificate",
        {"load_balancer_protocol": "HTTPS"},
    ),
    Rule("load_balancer_certificate_arn", "airflow.example.com", CERTIFICATE, CERTIFICATES, "arn:aws:acm"),
    Rule(
        "load_balancer_certificate_arn",
        CERTIFICATE.replace("eu-central-1", "us-east-1"),
        CERTIFICATE,
        CERTIFICATES,
        "in this region, eu-central-1",
    ),
    Rule(
        "load_balancer_certificate_arn",
        CERTIFICATE.replace("arn:aws:", "arn:aws-cn:"),
        CERTIFICATE,
        CERTIFICATES,
        "partition",
    ),
    Rule("load_balancer_certificate_arn", CERTIFICATE[:-1], CERTIFICATE, CERTIFICATES, "arn:aws:acm"),
    Rule("load_balancer_domain_name", "Airflow.example.com", "airflow.example.com", LISTENERS, "lower case"),
    Rule("load_balancer_domain_name", "https://airflow.example.com", "airflow.example.com", LISTENERS, "host name"),
    Rule("load_balancer_domain_name", "airflow", "airflow.example.com", LISTENERS, "host name"),
    Rule("load_balancer_domain_name", "*.example.com", "any.example.com", LISTENERS, "host name"),
    Rule("load_balancer_domain_name", "a_b.example.com", "a-b.example.com", LISTENERS, "host name"),
    Rule("load_balancer_domain_name", f"{'x' * 64}.example.com", f"{'x' * 63}.example.com", LISTENERS, "host name"),
    Rule(
        "load_balancer_domain_name",
        f"{'x' * 60}.example.com",
        f"{'x' * 52}.example.com",
        ACM,
        "64",
        {"load_balancer_protocol": "HTTPS", "load_balancer_hosted_zone_id": "Z0123456789ABCDEFGHIJ"},
    ),
    Rule("load_balancer_hosted_zone_id", "Z0123456789ABCDEFGHIJ", "", LISTENERS, "needs domain_name"),
    Rule(
        "load_balancer_hosted_zone_id",
        "example.com",
        "Z0123456789ABCDEFGHIJ",
        f"{AWS}/Route53/latest/APIReference/API_GetHostedZone.html",
        "like Z0",
        {"load_balancer_domain_name": "a.example.com"},
    ),
    Rule("load_balancer_ssl_policy", "TLSv1.3", "ELBSecurityPolicy-TLS13-1-2-2021-06", POLICIES, "ELBSecurityPolicy-"),
    Rule("load_balancer_url", "airflow.example.com", "https://airflow.example.com", LISTENERS, "https://"),
    Rule("load_balancer_url", "https://example.com/airflow", "https://example.com:8443", LISTENERS, "without a path"),
    Rule("load_balancer_url", "https://example.com:99999", "https://example.com:443", LISTENERS, "no address"),
    Rule("load_balancer_vpc_id", "default", VPC, IDS, "vpc-"),
    Rule("load_balancer_subnet_ids", PAIR[:1], PAIR, LOAD_BALANCERS, "two zones"),
    Rule("load_balancer_subnet_ids", [*PAIR, "subnet-0123"], PAIR, IDS, "8 or 17"),
    Rule("load_balancer_security_group_ids", ["sg-1"], ["sg-01234567"], IDS, "8 or 17"),
    Rule("load_balancer_stickiness_duration", 0, 1, f"{ALB}/edit-load-balancer-attributes.html", "from 1 to 604800"),
    Rule(
        "load_balancer_stickiness_duration",
        604801,
        604800,
        f"{ALB}/edit-load-balancer-attributes.html",
        "from 1 to 604800",
    ),
    Rule("load_balancer_idle_timeout", 0, 1, f"{ALB}/edit-load-balancer-attributes.html", "from 1 to 4000"),
    Rule("load_balancer_idle_timeout", 4001, 4000, f"{ALB}/edit-load-balancer-attributes.html", "from 1 to 4000"),
    Rule("load_balancer_access_logs_bucket", "s3://logs", "logs", BUCKETS, "3 to 63"),
    Rule("load_balancer_access_logs_bucket", "ab", "abc", BUCKETS, "3 to 63"),
    Rule("load_balancer_access_logs_bucket", "x" * 64, "x" * 63, BUCKETS, "3 to 63"),
    Rule("load_balancer_access_logs_bucket", "Logs", "logs", BUCKETS, "lower-case"),
    Rule("load_balancer_access_logs_bucket", "access..logs", "access.logs", BUCKETS, "two dots"),
    Rule("load_balancer_access_logs_bucket", "192.168.5.4", "192.168.5.logs", BUCKETS, "IP address"),
    Rule("load_balancer_access_logs_bucket", "xn--logs", "logs-xn", BUCKETS, "xn--"),
    Rule("load_balancer_access_logs_bucket", "sthree-logs", "three-logs", BUCKETS, "sthree-"),
    Rule("load_balancer_access_logs_bucket", "amzn-s3-demo-logs", "demo-logs", BUCKETS, "amzn-s3-demo-"),
    Rule("load_balancer_access_logs_bucket", "logs-s3alias", "logs-s3", BUCKETS, "-s3alias"),
    Rule("load_balancer_access_logs_bucket", "logs--ol-s3", "logs-ol-s3", BUCKETS, "--ol-s3"),
    Rule("load_balancer_access_logs_bucket", "logs.mrap", "logs.map", BUCKETS, ".mrap"),
    Rule("load_balancer_access_logs_bucket", "logs--x-s3", "logs-x-s3", BUCKETS, "--x-s3"),
    Rule("load_balancer_access_logs_bucket", "logs--table-s3", "logs-table-s3", BUCKETS, "--table-s3"),
    Rule("load_balancer_access_logs_bucket", "-logs", "logs", BUCKETS, "3 to 63"),
]

STORAGE = [
    Rule("storage_log_transition_days", 29, 30, LIFECYCLE, "after 30 days"),
    Rule("storage_log_transition_days", -1, 0, LIFECYCLE, "0 (never)"),
    Rule("storage_log_transition_days", 2**31, 10000, LIFECYCLE, "2147483647", {"storage_log_expiration_days": 0}),
    Rule("storage_log_expiration_days", 60, 61, LIFECYCLE, "expire later", {"storage_log_transition_days": 60}),
    Rule("storage_log_expiration_days", -1, 0, LIFECYCLE, "0 (never)"),
    Rule("storage_log_expiration_days", 2**31, 2**31 - 1, LIFECYCLE, "2147483647"),
    Rule("storage_dag_version_days", 2**31, 2**31 - 1, LIFECYCLE, "2147483647"),
    Rule("storage_dag_version_days", -7, 7, LIFECYCLE, "0 (never)"),
    wrong_type("storage_log_expiration_days", "1y", "365", "int"),
    Rule("storage_dags_path", "/no/such/folder", "/etc/ssl", OPTIONS, "no such folder"),
    Rule("storage_dags_purge", True, False, OPTIONS, "needs dags_path"),
    Rule(
        "storage_kms_key_arn",
        "mine",
        KEY.replace("key/01234567-89ab-cdef-0123-456789abcdef", "alias/mine"),
        KEYS,
        "ARN of a KMS key",
    ),
]

QUEUE = [
    Rule("queue_visibility_timeout", 43201, 43200, QUEUE_ATTRIBUTES, "from 0 to 43200"),
    Rule("queue_visibility_timeout", -1, 0, QUEUE_ATTRIBUTES, "from 0 to 43200"),
    wrong_type("queue_visibility_timeout", "12h", "43200", "int"),
    Rule("queue_message_retention_period", 59, 60, QUEUE_ATTRIBUTES, "from 60 to 1209600"),
    Rule("queue_message_retention_period", 1209601, 1209600, QUEUE_ATTRIBUTES, "from 60 to 1209600"),
    Rule("queue_max_receive_count", 0, 1, QUEUE_ATTRIBUTES, "from 1 to 1000"),
    Rule("queue_max_receive_count", 1001, 1000, QUEUE_ATTRIBUTES, "from 1 to 1000"),
    Rule("queue_pools", ["default", "Heavy"], ["default", "heavy"], QUEUES, "lower-case"),
    Rule("queue_pools", ["default", "default"], ["default"], OPTIONS, "twice"),
    Rule("queue_pools", ["default", "dead-letter"], ["default", "dead-letters"], QUEUES, "dead-letter queue"),
    Rule("queue_pools", ["default", "x" * 33], ["default", "x" * 32], QUEUES, "1 to 32"),
]

OBSERVABILITY = [
    Rule("observability_log_retention_in_days", 31, 30, RETENTION, "one of 1, 3, 5"),
    Rule("observability_log_retention_in_days", 0, 3653, RETENTION, "one of 1, 3, 5"),
    wrong_type("observability_log_retention_in_days", "a month", "30", "int"),
    wrong_type("cluster_container_insights", "on", "enabled", "disabled, enabled, enhanced"),
    Rule("cluster_vpc_id", "sm2a", VPC, IDS, "vpc-"),
]

IMAGE_RULES = [
    Rule(
        "image_uris",
        {"airflow": "https://registry/airflow:1", "scaler": "r.io/s:1"},
        {"airflow": "registry/airflow:1", "scaler": "r.io/s:1"},
        IMAGES,
        "registry/path:tag",
    ),
    Rule(
        "image_uris",
        {"airflow": f"{IMAGE}:{'x' * 129}", "scaler": "r.io/s:1"},
        {"airflow": f"{IMAGE}:{'x' * 128}", "scaler": "r.io/s:1"},
        IMAGES,
        "registry/path:tag",
    ),
    Rule(
        "image_uris",
        {"airflow": f"{'x/' * 130}airflow:1", "scaler": "r.io/s:1"},
        {"airflow": f"{'x/' * 120}airflow:1", "scaler": "r.io/s:1"},
        IMAGES,
        "255",
    ),
    Rule(
        "image_uris",
        {"airflow": "Airflow:1", "scaler": "r.io/s:1"},
        {"airflow": "airflow:1", "scaler": "r.io/s:1"},
        IMAGES,
        "registry/path:tag",
    ),
    Rule(
        "image_uris",
        {"airflows": "r.io/a:1", "airflow": "r.io/a:1", "scaler": "r.io/s:1"},
        {"airflow": "r.io/a:1", "scaler": "r.io/s:1"},
        OPTIONS,
        "airflow?",
        typed=True,
    ),
    Rule("image_keep_images", 0, 1, REPOSITORY_RULES, "at least one", BUILT),
    Rule("image_keep_images", 2**31, 1000, REPOSITORY_RULES, "2147483647", BUILT),
    Rule("image_keep_untagged_images", 0, 1, REPOSITORY_RULES, "at least one", BUILT),
    Rule("image_build_arguments", {"MY-ARG": "1"}, {"MY_ARG": "1"}, DOCKERFILES, "letters, digits", BUILT),
    Rule(
        "image_build_arguments",
        {"PIP_PASSWORD": "hunter2"},
        {"PIP_INDEX": "internal"},
        DOCKERFILES,
        "secret",
        BUILT,
    ),
    Rule(
        "image_build_arguments",
        {"INDEX": "https://me:hunter2@pypi.example.com/simple"},
        {"INDEX": "https://pypi.example.com/simple"},
        DOCKERFILES,
        "secret",
        BUILT,
    ),
    Rule("image_ca_bundle", "/no/such/file", "", OPTIONS, "no such file", BUILT),
    Rule(
        "airflow_image_requirements",
        ["--index-url https://pypi.example.com/simple"],
        ["apache-airflow-providers-slack[sqlalchemy]>=9,<11; python_version >= '3.13'"],
        SPECIFIERS,
        "options of pip",
        BUILT,
    ),
    Rule("airflow_image_requirements", ["git+https://example.com/x.git"], ["x"], SPECIFIERS, "addresses", BUILT),
    Rule("airflow_image_requirements", ["x==1 --hash=sha256:00"], ["x==1"], SPECIFIERS, "hashes", BUILT),
    Rule("airflow_image_requirements", ["/no/requirements.txt"], [], OPTIONS, "no such file", BUILT),
    Rule("airflow_image_requirements", ["x"], [], ADDING, "an image that exists"),
    Rule("airflow_image_system_packages", ["Libpq; rm"], ["libpq5", "g++=4:14"], DEBIAN_NAMES, "Debian", BUILT),
    Rule("airflow_image_files", {"plugins": "/no/such"}, {"plugins": "/etc/hostname"}, OPTIONS, "no such file", BUILT),
    Rule("airflow_image_files", {"../etc/x": "/etc/hostname"}, {"/etc/x": "/etc/hostname"}, ADDING, "path of", BUILT),
    Rule("airflow_image_files", {"/opt/sm2a/x": "/etc/hostname"}, {}, ADDING, "not for files of others", BUILT),
    Rule(
        "sm2a_registry_credentials",
        "arn:aws:secretsmanager:eu-central-1:123456789012:secret:short",
        "arn:aws:secretsmanager:eu-central-1:123456789012:secret:registry-login-AbCdEf",
        PRIVATE_REGISTRIES,
        "ARN",
    ),
    wrong_type("image_platform", "linux/arm/v7", "linux/arm64", "linux/amd64, linux/arm64"),
    wrong_type("sm2a_architecture", "RISCV", "ARM64", "X86_64, ARM64"),
]

AIRFLOW_RULES = [
    Rule("airflow_services", {"scheduler": {"cpu": 1000}}, {"scheduler": {"cpu": 1024}}, FARGATE, "256, 512"),
    Rule(
        "airflow_services",
        {"api_server": {"cpu": 4096, "memory": 4096}},
        {"api_server": {"cpu": 4096, "memory": 8192}},
        FARGATE,
        "8192 to 30720",
    ),
    Rule(
        "airflow_services",
        {"triggerer": {"memory": 1536}},
        {"triggerer": {"memory": 2048}},
        FARGATE,
        "in steps of 1024",
    ),
    Rule("airflow_services", {"triggerer": {"count": 0}}, {"triggerer": {"count": 1}}, OPTIONS, "from 1 to 10"),
    wrong_type("airflow_services", {"webserver": {"count": 1}}, {"api_server": {"count": 1}}, "api_server"),
    wrong_type("airflow_services", {"scheduler": {"replicas": 1}}, {"scheduler": {"count": 1}}, "count"),
    wrong_type("airflow_services", {"scheduler": {"count": "two"}}, {"scheduler": {"count": "2"}}, "int"),
    Rule("airflow_cluster", "my cluster", "my-cluster", CLUSTERS, "1 to 255"),
    Rule("airflow_image", "not an image", "registry/airflow:1", IMAGES, "registry/path:tag"),
    Rule("airflow_image", f"{'x/' * 130}airflow:1", f"{'x/' * 120}airflow:1", IMAGES, "255"),
    Rule(
        "airflow_subnet_ids",
        [f"subnet-{number:017x}" for number in range(17)],
        [f"subnet-{number:017x}" for number in range(16)],
        NETWORKING,
        "at most 16",
    ),
    Rule(
        "airflow_security_group_ids",
        [f"sg-{number:017x}" for number in range(6)],
        [f"sg-{number:017x}" for number in range(4)],
        NETWORKING,
        "at most 5",
    ),
    Rule(
        "airflow_api_server_security_group_ids",
        [f"sg-{number:017x}" for number in range(5)],
        [f"sg-{number:017x}" for number in range(4)],
        NETWORKING,
        "at most 5",
        {"airflow_security_group_ids": ["sg-0123456789abcdef0"]},
    ),
    Rule("airflow_role_arns", {**ROLES, "scheduler": "sm2a-dev-scheduler"}, ROLES, TASK_ROLES, "arn:aws:iam"),
    Rule(
        "airflow_role_arns",
        {**ROLES, "scheduler": ROLES["scheduler"].replace("arn:aws:", "arn:aws-cn:")},
        ROLES,
        TASK_ROLES,
        "partition",
    ),
    Rule("airflow_role_arns", {"execution": ROLES["execution"]}, ROLES, TASK_ROLES, "is missing"),
    Rule("airflow_log_group", "my logs", "/my/logs", LOG_GROUPS, "1 to 512"),
    Rule("airflow_log_group", "aws/logs", "/aws-logs", LOG_GROUPS, "aws/"),
    Rule("airflow_log_bucket", "logs..bucket", "logs.bucket", BUCKETS, "two dots"),
    Rule("airflow_dag_bucket", "10.0.0.1", "10-0-0-1", BUCKETS, "IP address"),
    Rule("airflow_target_group_arn", CERTIFICATE, TARGETS, TARGET_GROUPS, "targetgroup/"),
    Rule(
        "airflow_target_group_arn",
        TARGETS.replace("eu-central-1", "us-east-1"),
        TARGETS,
        TARGET_GROUPS,
        "in this region",
    ),
    Rule(
        "airflow_namespace_id",
        "sm2a-dev.internal",
        "ns-0123456789abcdef",
        f"{AWS}/cloud-map/latest/api/API_Namespace.html",
        "ns-",
    ),
    Rule(
        "airflow_execution_api_server_url",
        "http://api:8080",
        "http://api:8080/execution/",
        EXECUTION_API,
        "/execution/",
    ),
    Rule(
        "sm2a_execution_api_server_url", "api:8080/execution/", "http://api:8080/execution/", EXECUTION_API, "https://"
    ),
    Rule(
        "airflow_queues",
        {"default": {"url": "sm2a-dev-default"}},
        {"default": {"url": "https://sqs.eu-central-1.amazonaws.com/123456789012/q"}},
        QUEUES,
        "https://",
    ),
    Rule("sm2a_default_worker_pool", "heavy", "default", OPTIONS, "one of default"),
    Rule(
        "airflow_environment_variables",
        {"MY-VARIABLE": "1"},
        {"MY_VARIABLE": "1"},
        ENVIRONMENT_VARIABLES,
        "letters, digits",
    ),
    Rule("airflow_environment_variables", {"TEAMS": ["a", "b"]}, {"TEAMS": "a,b"}, ENVIRONMENT_VARIABLES, "text"),
    Rule(
        "airflow_environment_variables",
        {"TEAM": {"name": "a"}},
        {"TEAM": '{"name": "a"}'},
        ENVIRONMENT_VARIABLES,
        "text",
    ),
    Rule("airflow_environment_variables", {"TEAM": None}, {"TEAM": ""}, ENVIRONMENT_VARIABLES, "text"),
    Rule("airflow_environment_variables", {"NOTES": "x" * 66000}, {"NOTES": "x" * 55000}, ECS_QUOTAS, "64 KiB"),
    Rule(
        "airflow_environment_variables",
        {f"NOTE_{number}": "x" * 1000 for number in range(64)},
        {f"NOTE_{number}": "x" * 1000 for number in range(50)},
        ECS_QUOTAS,
        "64 KiB",
    ),
    Rule("airflow_environment_variables", {"TEAM": "a\x00b"}, {"TEAM": "a b"}, ENVIRONMENT_VARIABLES, "NUL"),
    Rule("sm2a_connections_lookup_pattern", "(warehouse", "warehouse|crm", LOOKUPS, "no regular expression"),
    Rule("sm2a_variables_lookup_pattern", "*", ".", LOOKUPS, "no regular expression"),
    Rule("sm2a_secrets_cache_seconds", 3601, 3600, SECRETS_PRICES, "from 0 to 3600"),
    Rule("workers_environment_variables", {"NOTES": "x" * 66000}, {"NOTES": "x" * 55000}, ECS_QUOTAS, "64 KiB"),
    Rule("scaler_environment_variables", {"NOTES": "x" * 66000}, {"NOTES": "x" * 60000}, ECS_QUOTAS, "64 KiB"),
    Rule("workers_subnet_ids", [f"subnet-{number:017x}" for number in range(17)], PAIR, NETWORKING, "at most 16"),
    Rule(
        "scaler_security_group_ids",
        [f"sg-{number:017x}" for number in range(6)],
        ["sg-0123456789abcdef0"],
        NETWORKING,
        "at most 5",
    ),
    Rule("scaler_cpu", 300, 256, FARGATE, "256, 512"),
    Rule("scaler_memory", 4096, 2048, FARGATE, "512 to 2048"),
    Rule("scaler_interval_seconds", 0, 1, OPTIONS, "from 1 to 60"),
    Rule("scaler_interval_seconds", 61, 60, OPTIONS, "from 1 to 60"),
    Rule(
        "scaler_database_secret",
        "my secret",
        "my-secret",
        f"{AWS}/secretsmanager/latest/apireference/API_CreateSecret.html",
        "1 to 512",
    ),
]

POOLS = [
    Rule("sm2a_worker_pools", {"Default": {}}, {"default": {}}, QUEUES, "lower-case"),
    Rule("sm2a_worker_pools", {"default": {"minimum": 6}}, {"default": {"minimum": 5}}, ECS_QUOTAS, "at most maximum"),
    Rule(
        "sm2a_worker_pools",
        {"default": {"maximum": 5001}},
        {"default": {"maximum": 5000}},
        ECS_QUOTAS,
        "from 1 to 5000",
    ),
    Rule(
        "sm2a_worker_pools",
        {"default": {"concurrency": 0}},
        {"default": {"concurrency": 1}},
        CONCURRENCY,
        "from 1 to 1000",
    ),
    Rule("sm2a_worker_pools", {"default": {"cpu": 1025}}, {"default": {"cpu": 2048}}, FARGATE, "256, 512"),
    Rule(
        "sm2a_worker_pools", {"default": {"memory": 4097}}, {"default": {"memory": 5120}}, FARGATE, "in steps of 1024"
    ),
    Rule(
        "sm2a_worker_pools",
        {"default": {"cpu": 16384, "memory": 36864}},
        {"default": {"cpu": 16384, "memory": 40960}},
        FARGATE,
        "in steps of 8192",
    ),
    Rule(
        "sm2a_worker_pools",
        {"default": {"ephemeral_storage": 20}},
        {"default": {"ephemeral_storage": 21}},
        FARGATE_STORAGE,
        "from 21 to 200",
    ),
    Rule(
        "sm2a_worker_pools",
        {"default": {"ephemeral_storage": 201}},
        {"default": {"ephemeral_storage": 200}},
        FARGATE_STORAGE,
        "from 21 to 200",
    ),
    Rule(
        "sm2a_worker_pools",
        {"default": {"capacity_provider": "SPOT"}},
        {"default": {"capacity_provider": "FARGATE_SPOT"}},
        PROVIDERS,
        "FARGATE, FARGATE_SPOT",
    ),
    Rule(
        "sm2a_worker_pools", {"default": {"maxmium": 1}}, {"default": {"maximum": 1}}, OPTIONS, "did you mean maximum"
    ),
    Rule("sm2a_worker_pools", {"default": {"cpu": "one"}}, {"default": {"cpu": "1024"}}, OPTIONS, "whole number"),
    Rule("sm2a_worker_pools", {"default": {"cpu": 1.5}}, {"default": {"cpu": 1024}}, OPTIONS, "whole number"),
    wrong_type("sm2a_worker_pools", ["default"], {"default": {}}, "dict"),
    wrong_type("sm2a_worker_pools", "default", "default={}", "dict"),
    Rule(
        "sm2a_worker_pools",
        {f"pool-{number}": {} for number in range(250)},
        {f"pool-{number}": {} for number in range(249)},
        DASHBOARDS,
        "249",
    ),
    Rule(
        "sm2a_worker_pools",
        {"default": {"environment_variables": {"A-B": "1"}}},
        {"default": {"environment_variables": {"A_B": "1"}}},
        ENVIRONMENT_VARIABLES,
        "letters, digits",
    ),
    Rule(
        "sm2a_worker_pools",
        {"default": {"environment_variables": {"NOTES": "x" * 66000}}},
        {"default": {"environment_variables": {"NOTES": "x" * 55000}}},
        ECS_QUOTAS,
        "64 KiB",
    ),
]

SITE = [
    Rule("sm2a_environment", "Dev", "dev", LOAD_BALANCERS, "16 lower-case"),
    Rule("sm2a_environment", "x" * 17, "x" * 16, LOAD_BALANCERS, "16 lower-case"),
    Rule("sm2a_environment", "my--team", "my-team", LOAD_BALANCERS, "single hyphens"),
    Rule("sm2a_environment", "1st", "first", LOAD_BALANCERS, "start with a letter"),
    Rule("sm2a_environment", "my_team", "my-team", LOAD_BALANCERS, "single hyphens"),
    Rule("sm2a_tags", {"aws:owner": "data"}, {"owner": "data"}, TAGS, "reserved"),
    Rule("sm2a_tags", {"sm2a:pool": "data"}, {"pool": "data"}, TAGS, "reserved"),
    Rule("sm2a_tags", {"rds:owner": "data"}, {"owner": "data"}, RDS_TAGS, "reserved"),
    Rule("sm2a_tags", {"owner": "aws:data"}, {"owner": "data:aws"}, RDS_TAGS, "reserved"),
    Rule("sm2a_tags", {"x" * 128: "data"}, {"x" * 127: "data"}, EC2_TAGS, "127"),
    Rule("sm2a_tags", {"owner": "x" * 257}, {"owner": "x" * 256}, EC2_TAGS, "256"),
    Rule("sm2a_tags", {"owner": "a&b"}, {"owner": "a+b"}, TAGS, "letters, digits"),
    Rule("sm2a_tags", {"owner": "data\nlake"}, {"owner": "data lake"}, TAGS, "letters, digits"),
    Rule("sm2a_tags", {"owner": "data\tlake"}, {"owner": "data lake"}, TAGS, "letters, digits"),
    Rule("sm2a_tags", {"own\ter": "data"}, {"own er": "data"}, TAGS, "letters, digits"),
    Rule(
        "sm2a_tags",
        {"owner": " data"},
        {"owner": "data"},
        f"{AWS}/elasticloadbalancing/latest/APIReference/API_AddTags.html",
        "spaces at",
    ),
    Rule("sm2a_tags", {"Owner": "a", "owner": "b"}, {"owner": "a", "owned": "b"}, IAM_TAGS, "capital letters"),
    Rule("sm2a_tags", {"Name": "mine"}, {"Label": "mine"}, TAGS, "name in the console"),
    Rule(
        "sm2a_tags",
        {f"key{number}": "x" for number in range(46)},
        {f"key{number}": "x" for number in range(40)},
        TAGS,
        "AWS takes 50",
    ),
    Rule("sm2a_tags", {"owner": None}, {"owner": ""}, TAGS, "no value"),
    Rule("sm2a_tags", {"owner": ["a", "b"]}, {"owner": "a/b"}, TAGS, "a list"),
    wrong_type("sm2a_tags", "red", {"colour": "red"}, "dict"),
]


def configured(section: str, option: str, wrong: Any, right: Any, word: str, address: str = AIRFLOW) -> Rule:
    """Return the rule of an option of Airflow's."""
    return Rule("sm2a_airflow_configuration", {section: {option: wrong}}, {section: {option: right}}, address, word)


CONFIGURATION = [
    configured("core", "parallelism", "many", 64, "whole number"),
    configured("core", "parallelism", 1.5, 64, "whole number"),
    configured("core", "load_examples", "perhaps", False, "true or false"),
    configured("scheduler", "scheduler_heartbeat_sec", "5s", 5, "number"),
    configured("scheduler", "job_heartbeat_sec", "often", "5", "number"),
    configured("logging", "logging_level", "LOUD", "DEBUG", "INFO"),
    configured("core", "default_task_retries", -1.5, 2, "whole number"),
    Rule(
        "sm2a_airflow_configuration",
        {"core": {"paralelism": 64}},
        {"core": {"parallelism": 64}},
        AIRFLOW,
        "parallelism?",
    ),
    Rule(
        "sm2a_airflow_configuration",
        {"scheduler": {"parallelism": 64}},
        {"core": {"parallelism": 64}},
        AIRFLOW,
        "[core] parallelism",
    ),
    Rule(
        "sm2a_airflow_configuration",
        {"cor": {"parallelism": 64}},
        {"core": {"parallelism": 64}},
        AIRFLOW,
        "[core] parallelism",
    ),
    Rule(
        "sm2a_airflow_configuration",
        {"schedular": {"colour": "red"}},
        {"core": {"parallelism": 1}},
        AIRFLOW,
        "scheduler",
    ),
    Rule(
        "sm2a_airflow_configuration",
        {"nonsense": {"colour": "red"}},
        {"core": {"parallelism": 1}},
        AIRFLOW,
        "no section nonsense",
    ),
    Rule(
        "sm2a_airflow_configuration",
        {"core": {"dag_concurrency": 8}},
        {"core": {"max_active_tasks_per_dag": 8}},
        AIRFLOW,
        "max_active_tasks_per_dag",
    ),
    Rule(
        "sm2a_airflow_configuration",
        {"core.parallelism": 64},
        {"core": {"parallelism": 64}},
        AIRFLOW_ENVIRONMENT,
        "map options to values",
    ),
    Rule(
        "sm2a_airflow_configuration",
        {"core": {"executor": "LocalExecutor"}},
        {"core": {"parallelism": 1}},
        AIRFLOW_ENVIRONMENT,
        "sets this itself",
    ),
    Rule(
        "sm2a_airflow_configuration",
        {"core": {"fernet_key": "x"}},
        {"core": {"parallelism": 1}},
        AIRFLOW_ENVIRONMENT,
        "Secrets Manager",
    ),
    Rule(
        "sm2a_airflow_configuration",
        {"celery": {"broker_url": "redis://"}},
        {"core": {"parallelism": 1}},
        AIRFLOW_ENVIRONMENT,
        "SQS queue",
    ),
    Rule(
        "sm2a_airflow_configuration",
        {"core": {"parallelism": None}},
        {"core": {"parallelism": 1}},
        ENVIRONMENT_VARIABLES,
        "nothing",
    ),
    Rule(
        "airflow_environment_variables",
        {"AIRFLOW__CORE__PARALLELISM": "many"},
        {"AIRFLOW__CORE__PARALLELISM": "64"},
        AIRFLOW,
        "whole number",
    ),
    Rule(
        "airflow_environment_variables",
        {"AIRFLOW__CORE__PARALELISM": "64"},
        {"AIRFLOW__CORE__PARALLELISM": "64"},
        AIRFLOW,
        "parallelism?",
    ),
    Rule(
        "airflow_environment_variables",
        {"airflow__core__parallelism": "64"},
        {"AIRFLOW__CORE__PARALLELISM": "64"},
        AIRFLOW_ENVIRONMENT,
        "capitals",
    ),
    Rule(
        "airflow_environment_variables",
        {"AIRFLOW_CORE_PARALLELISM": "64"},
        {"AIRFLOW__CORE__PARALLELISM": "64"},
        AIRFLOW_ENVIRONMENT,
        "AIRFLOW__CORE__PARALLELISM",
    ),
]

SECRET_VALUES = (
    [
        Rule(
            "airflow_environment_variables",
            {name: "hunter2-hunter2"},
            {name + "_FILE": "/run/x"},
            SECRETS,
            "looks like a secret",
        )
        for name in (
            "DB_PASSWORD",
            "DB_PASS",
            "MYSQL_PWD",
            "API_KEY",
            "APIKEY",
            "GITHUB_TOKEN",
            "CLIENT_SECRET",
            "SECRET_ACCESS_KEY",
            "SNOWFLAKE_CREDENTIALS",
        )
    ]
    + [
        Rule("workers_environment_variables", {"SETTING": value}, {"SETTING": "plain"}, SECRETS, "looks like a secret")
        for value in (
            "postgresql://me:hunter2@db.example.com/x",
            "-----BEGIN PRIVATE KEY-----\nMIIE",
            "ghp_0123456789abcdefghijklmnopqrstuvwxyzAB",
            "xoxb-123456789012-123456789012-abcdefghijklmnopqrstuvwx",
            "Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl",
            "https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX",
            '{"user": "me", "password": "hunter2"}',
            "Server=db;User=me;Password=hunter2",
            "AccountKey=0123456789abcdef0123456789abcdef",
        )
    ]
    + [
        Rule(
            "sm2a_airflow_configuration",
            {"smtp": {"smtp_password": "hunter2"}},
            {"smtp": {"smtp_host": "mail"}},
            SECRETS,
            "looks like a secret",
        ),
        Rule(
            "airflow_environment_variables",
            {"AIRFLOW_CONN_DB": "postgres://me:hunter2@db/x"},
            {"AIRFLOW_CONN_DB": "postgres://db/x"},
            SECRETS,
            "connections/db",
        ),
        Rule(
            "airflow_environment_variables",
            {"AIRFLOW_VAR_API_TOKEN": "hunter2"},
            {"AIRFLOW_VAR_COLOUR": "red"},
            SECRETS,
            "variables/api_token",
        ),
        Rule(
            "sm2a_worker_pools",
            {"default": {"environment_variables": {"DB_PASSWORD": "hunter2"}}},
            {"default": {"environment_variables": {"DB_HOST": "db"}}},
            SECRETS,
            "looks like a secret",
        ),
        Rule(
            "scaler_environment_variables",
            {"DB_PASSWORD": "hunter2"},
            {"DB_HOST": "db"},
            SECRETS,
            "looks like a secret",
        ),
    ]
)

MISSPELT = [
    Rule(name, "x", None, OPTIONS, f"did you mean {meant}?", typed=True)
    for name, meant in (
        ("sm2a_worker_pool", "sm2a_worker_pools"),
        ("sm2a_airflow_config", "sm2a_airflow_configuration"),
        ("databse_engine", "database_engine"),
        ("loadbalancer_scheme", "load_balancer_scheme"),
        ("airflow_configurations", "airflow_configuration"),
    )
]

ILLEGAL = [
    *NETWORK,
    *SECURITY,
    *LOGINS,
    *DATABASE,
    *LOAD_BALANCER,
    *STORAGE,
    *QUEUE,
    *OBSERVABILITY,
    *IMAGE_RULES,
    *AIRFLOW_RULES,
    *POOLS,
    *SITE,
    *CONFIGURATION,
    *SECRET_VALUES,
    *MISSPELT,
]
