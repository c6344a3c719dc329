# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who may reach whom, which key encrypts, and what each service may do: groups, one key, one role per service."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

from .._reconcile.errors import OptionError
from .._reconcile.resource import Resource
from .._reconcile.tags import ENVIRONMENT
from .._resources.iam import Role, ServiceLinkedRole, policy_document, service_trust
from .._resources.kms import Key
from .._resources.secretsmanager import key_arn_of_secret
from .._resources.security_group import IngressRules, SecurityGroup
from ._base import Component, named_tags
from ._iam_rules import validate_policy_arn, validate_role
from ._kms_rules import validate_kms_key_arn
from ._names import (
    API_SERVER_PORT,
    RUNNING_SERVICES,
    SERVICES,
    bucket_name,
    log_group_name,
    secret_name,
    secret_path,
    worker_service,
)

# AWS services that need a service-linked role; a new account has none.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_aws-services-that-work-with-iam.html
SERVICE_LINKED_ROLES = ("ecs.amazonaws.com", "elasticloadbalancing.amazonaws.com", "rds.amazonaws.com")
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-exec.html
EXECUTE_COMMAND = [f"ssmmessages:{verb}{kind}Channel" for verb in ("Create", "Open") for kind in ("Control", "Data")]
# Where workers and triggerers show the logs of what runs on them.
# https://airflow.apache.org/docs/apache-airflow/stable/configurations-ref.html#worker-log-server-port
LOG_SERVER_PORTS = (8793, 8794)
DATABASE_PORTS = {"postgres": 5432, "mysql": 3306}
RULES = "https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html"
DELETION = "https://docs.aws.amazon.com/kms/latest/APIReference/API_ScheduleKeyDeletion.html"


class SecurityComponent(Component):
    """Security groups, the key ``alias/sm2a-<environment>`` and the roles ``sm2a-<environment>-<service>``."""

    NAME = "security"
    ARGUMENTS = {
        "vpc_id": {"type": "str"},
        "ingress_cidrs": {"type": "list", "elements": "str", "default": ["0.0.0.0/0"]},
        "database_engine": {"type": "str", "choices": list(DATABASE_PORTS), "default": "postgres"},
        "kms_key": {"type": "bool", "default": True, "no_log": False},
        "kms_key_arn": {"type": "str", "no_log": False},
        "kms_deletion_window_days": {"type": "int", "default": 30},
        "role_path": {"type": "str", "default": "/"},
        "role_permissions_boundary": {"type": "str"},
        "role_policies": {"type": "dict", "default": {}},
        "execute_command_services": {
            "type": "list",
            "elements": "str",
            "choices": list(RUNNING_SERVICES),
            "default": [],
        },
        "service_linked_roles": {"type": "bool", "default": True},
    }
    CONSTRAINTS = {"required_if": [("state", "present", ["vpc_id"])]}

    def validate(self) -> None:
        options = self.options
        validate_kms_key_arn(options, self.aws)
        for cidr in options["ingress_cidrs"]:
            try:
                ip_network(cidr)
            except ValueError as error:
                raise OptionError("ingress_cidrs", cidr, f"it is not a network: {error}", RULES) from None
        days = options["kms_deletion_window_days"]
        if not 7 <= days <= 30:
            raise OptionError("kms_deletion_window_days", days, "it must be from 7 to 30", DELETION)
        for service, arns in options["role_policies"].items():
            if service not in SERVICES:
                raise OptionError("role_policies", service, f"it must be one of {', '.join(SERVICES)}")
            if not isinstance(arns, list):
                raise OptionError(f"role_policies.{service}", arns, "it must be a list of ARNs")
            for arn in arns:
                validate_policy_arn("role_policies", arn)
        validate_role(options)

    def resources(self) -> list[Resource]:
        return [*self._groups(), *self._key(), *self._roles(), *self._service_linked_roles()]

    def _service_linked_roles(self) -> list[Resource]:
        if self.options["state"] == "absent" or not self.options["service_linked_roles"]:
            return []
        return [ServiceLinkedRole(self.aws, service) for service in SERVICE_LINKED_ROLES]

    def _groups(self) -> list[Resource]:
        descriptions = {
            "load_balancer": "HTTPS from users to the load balancer",
            "airflow": "Airflow and its scaler",
            "api_server": "The API server of Airflow, which alone reads logs of running tasks",
            "database": "The metadata database",
        }
        self.groups = {}
        for key, description in descriptions.items():
            name = f"{self.prefix}-{key.replace('_', '-')}"
            self.groups[key] = SecurityGroup(
                self.aws,
                name,
                named_tags(self.tags, name),
                self.options["vpc_id"] or "",
                description,
                # A database answers; it has nobody to call.
                egress=key != "database",
            )
        names = ("load_balancer", "airflow", "api_server", "database")
        balancer, airflow, api_server, database = (self.groups[name] for name in names)
        # AWS answers with ranges in this form, and so compares them.
        users = sorted({str(ip_network(cidr)) for cidr in self.options["ingress_cidrs"]})
        web = [(API_SERVER_PORT, balancer), (API_SERVER_PORT, airflow)]
        outside = IngressRules(self.aws, balancer, [(port, user) for port in (80, 443) for user in users])
        outside.absent = not users
        rules = [
            outside,
            # Workers reach the API server's execution API inside of this group.
            IngressRules(self.aws, airflow, [*web, *((port, api_server) for port in LOG_SERVER_PORTS)]),
            IngressRules(self.aws, database, [(DATABASE_PORTS[self.options["database_engine"]], airflow)]),
        ]
        return [*self.groups.values(), *rules]

    def _key(self) -> list[Resource]:
        self.key = Key(
            self.aws,
            f"alias/{self.prefix}",
            self.tags,
            f"SM2A environment {self.environment}",
            self._key_policy(),
            self.options["kms_deletion_window_days"],
        )
        self.former_key_arns: list[str | None] = []
        unwanted = not self.options["kms_key"] or bool(self.options["kms_key_arn"])
        if not unwanted or self.options["state"] == "absent":
            return [self.key]
        # A key that is no longer wanted still encrypts what was written, and everything that no other key was given:
        # only deleting the environment deletes it, and until then the roles may use it.
        self.former_key_arns = [self.key.arn_if_ours()]
        if not self.options["kms_key_arn"]:
            # Without a key every component keeps the one that it was given. The first secret tells which that was.
            secret = secret_name(self.environment, "fernet_key")
            self.former_key_arns.append(key_arn_of_secret(self.aws, secret, self.environment))
        return []

    def _key_policy(self) -> dict[str, Any]:
        root = f"arn:{self.aws.partition}:iam::{self.aws.account_id}:root"
        log_groups = self.aws.arn("logs", f"log-group:{log_group_name(self.environment, '*')}")
        return policy_document(
            [
                {"Sid": "Account", "Principal": {"AWS": root}, "Action": "kms:*", "Resource": "*"},
                {
                    "Sid": "Logs",
                    "Principal": {"Service": f"logs.{self.aws.region}.amazonaws.com"},
                    "Action": [
                        "kms:Encrypt*",
                        "kms:Decrypt*",
                        "kms:ReEncrypt*",
                        "kms:GenerateDataKey*",
                        "kms:Describe*",
                    ],
                    "Resource": "*",
                    "Condition": {
                        "ArnLike": {"kms:EncryptionContext:aws:logs:arn": log_groups},
                    },
                },
            ]
        )

    @property
    def key_arn(self) -> str | None:
        """The ARN of the key that encrypts, ours or the one given."""
        if self.options["kms_key_arn"]:
            return str(self.options["kms_key_arn"])
        return self.key.id if self.options["kms_key"] else None

    @property
    def key_arns(self) -> list[str]:
        """The ARNs of all keys that may encrypt something of the environment."""
        return list(dict.fromkeys(arn for arn in (self.key_arn, *self.former_key_arns) if arn))

    def _roles(self) -> list[Resource]:
        trust = service_trust("ecs-tasks.amazonaws.com", self.aws.account_id)
        self.roles = {
            service: _ServiceRole(
                self.aws,
                f"{self.prefix}-{service.replace('_', '-')}",
                self.tags,
                description=f"SM2A environment {self.environment}, {service.replace('_', ' ')}",
                trust=trust,
                managed_policies=self._managed(service),
                permissions_boundary=self.options["role_permissions_boundary"],
                path=self.options["role_path"],
                statements=self._statements(service),
                key=self.key,
                key_arns=lambda: self.key_arns,
            )
            for service in SERVICES
        }
        return list(self.roles.values())

    def _managed(self, service: str) -> list[str]:
        given = list(self.options["role_policies"].get(service, []))
        if service == "execution":
            given.append(f"arn:{self.aws.partition}:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy")
        return given

    def _statements(self, service: str) -> list[dict[str, Any]]:
        statements = self._own_statements(service)
        if service in self.options["execute_command_services"]:
            # These actions know no resources.
            statements.append({"Action": EXECUTE_COMMAND, "Resource": "*"})
        return statements

    def _own_statements(self, service: str) -> list[dict[str, Any]]:
        if service == "execution":
            return []
        if service == "scaler":
            return [self._secrets("scaler/*"), *self._scaling()]
        names = ["config/*", "connections/*", "variables/*"]
        if service == "migration":
            # The six characters that Secrets Manager appends to a name:
            # https://docs.aws.amazon.com/secretsmanager/latest/userguide/whats-in-a-secret.html
            names += ["admin-??????", "scaler/*"]
        statements = [self._secrets(*names)]
        if service == "migration":
            return statements
        statements += self._buckets(write_logs=service != "api_server")
        look = ["sqs:GetQueueUrl", "sqs:GetQueueAttributes"]
        if service == "scheduler":
            statements.append(self._queues(*look, "sqs:SendMessage"))
        if service == "worker":
            take = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:SendMessage"]
            statements.append(self._queues(*look, *take))
            protect = ["ecs:GetTaskProtection", "ecs:UpdateTaskProtection"]
            statements.append({"Action": protect, "Resource": self.aws.arn("ecs", f"task/{self.prefix}/*")})
        return statements

    def _queues(self, *actions: str) -> dict[str, Any]:
        """Allow actions on the queues of every pool, also of one that is just being removed and still at work.

        By its name a queue of the environment ``x-y`` could be one of ``x``; the tag tells them apart:
        https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-abac-condition-keys.html
        """
        return {
            "Action": list(actions),
            "Resource": self.aws.arn("sqs", f"{self.prefix}-*"),
            "Condition": {"StringEquals": {f"aws:ResourceTag/{ENVIRONMENT}": self.environment}},
        }

    def _secrets(self, *names: str) -> dict[str, Any]:
        arns = [self.aws.arn("secretsmanager", f"secret:{secret_path(self.environment, name)}") for name in names]
        return {"Action": "secretsmanager:GetSecretValue", "Resource": arns}

    def _buckets(self, write_logs: bool) -> list[dict[str, Any]]:
        place = (self.aws.account_id, self.aws.region)
        logs, dags = (
            f"arn:{self.aws.partition}:s3:::{bucket_name(self.environment, content, *place)}"
            for content in ("logs", "dags")
        )
        actions = ["s3:GetObject", "s3:PutObject"] if write_logs else ["s3:GetObject"]
        return [
            {"Action": ["s3:ListBucket", "s3:GetBucketLocation"], "Resource": [logs, dags]},
            {"Action": actions, "Resource": f"{logs}/*"},
            {"Action": ["s3:GetObject", "s3:GetObjectVersion"], "Resource": f"{dags}/*"},
        ]

    def _scaling(self) -> list[dict[str, Any]]:
        # https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerservice.html
        ours = {"ArnEquals": {"ecs:cluster": self.aws.arn("ecs", f"cluster/{self.prefix}")}}
        return [
            self._queues("sqs:GetQueueAttributes"),
            {
                "Action": ["ecs:DescribeServices", "ecs:UpdateService"],
                "Resource": self.aws.arn("ecs", f"service/{self.prefix}/{worker_service(self.environment, '*')}"),
            },
            {
                "Action": "ecs:DescribeTasks",
                "Resource": self.aws.arn("ecs", f"task/{self.prefix}/*"),
            },
            # ListTasks knows no resource of a service on Fargate, only the cluster as a condition.
            {"Action": "ecs:ListTasks", "Resource": "*", "Condition": ours},
        ]

    def facts(self) -> dict[str, Any]:
        return {
            "security_group_ids": {key: group.id for key, group in self.groups.items()},
            "kms_key_arn": self.key_arn,
            "role_arns": {service: role.id for service, role in self.roles.items()},
        }


class _ServiceRole(Role):
    """A role whose policy names the keys, of which ours is known only once it is reconciled."""

    def __init__(self, *args: Any, statements: list[dict[str, Any]], key: Key, key_arns: Any, **kwargs: Any) -> None:
        super().__init__(*args, policy=None, **kwargs)
        self.statements = statements
        # Only so that the key is reconciled first: dependencies are found among attributes.
        self.key = key
        self.key_arns = key_arns

    def find(self) -> dict[str, Any] | None:
        arns = self.key_arns()
        statements = list(self.statements)
        if arns and statements:
            resource = arns[0] if len(arns) == 1 else arns
            statements.append({"Action": ["kms:Decrypt", "kms:GenerateDataKey"], "Resource": resource})
        self.policy = policy_document(statements) if statements else None
        return super().find()
