# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who may reach whom, which key encrypts, and what each service may do: groups, one key, one role per service."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_network
from typing import Any

from .._reconcile.errors import OptionError
from .._reconcile.resource import Resource
from .._resources.iam import Role, ServiceLinkedRole, policy_document, service_trust
from .._resources.kms import Key
from .._resources.secretsmanager import key_arn_of_secret
from .._resources.security_group import IngressRules, SecurityGroup
from ._base import Component, named_tags
from ._iam_rules import POLICY_ARN, ROLE_PATH
from ._kms_rules import kms_key_option
from ._names import (
    API_SERVER_PORT,
    RUNNING_SERVICES,
    SERVICES,
    log_group_name,
    secret_name,
)
from ._option import Fact, Option, Return, refusals
from ._option_rules import VPC_ID, validate_form, validate_network
from ._service_policies import ServicePolicies

# AWS services that need a service-linked role; a new account has none.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_aws-services-that-work-with-iam.html
SERVICE_LINKED_ROLES = ("ecs.amazonaws.com", "elasticloadbalancing.amazonaws.com", "rds.amazonaws.com")
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-exec.html
EXECUTE_COMMAND = [f"ssmmessages:{verb}{kind}Channel" for verb in ("Create", "Open") for kind in ("Control", "Data")]
# What its agent needs to record a session in a log group.
RECORD_COMMANDS = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
# Where workers and triggerers show the logs of what runs on them.
# https://airflow.apache.org/docs/apache-airflow/stable/configurations-ref.html#worker-log-server-port
LOG_SERVER_PORTS = (8793, 8794)
DATABASE_PORTS = {"postgres": 5432, "mysql": 3306}
RULES = "https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html"
DELETION = "https://docs.aws.amazon.com/kms/latest/APIReference/API_ScheduleKeyDeletion.html"


class SecurityComponent(Component):
    """Security groups, the key ``alias/sm2a-<environment>`` and the roles ``sm2a-<environment>-<service>``."""

    NAME = "security"
    SUMMARY = "Security groups, KMS key, and one IAM role per service"
    DESCRIPTION = (
        "Creates security groups, a KMS key, and one IAM role per service with the least privilege.",
        "Users reach the load balancer only; the load balancer and Airflow reach the API server; the API server reads "
        "the logs of running tasks from workers and triggerers; Airflow reaches the database.",
        "Rules for incoming traffic that somebody else added to these groups are taken away, and so are inline "
        "policies that somebody else added to these roles. The database's group allows no outgoing traffic.",
        "IAM roles are global. If a role of this name belongs to another region's environment, the module leaves it "
        "alone and fails.",
    )
    TASK = "Create security groups, key and roles"
    MAIN = ("ingress_cidrs", "role_policies", "kms_key_arn")
    OPTIONS = {
        "vpc_id": Option(
            "str", "VPC of the security groups.", form=VPC_ID, needed=True, fact=Fact("network", ("vpc_id",))
        ),
        "ingress_cidrs": Option(
            "list",
            "Networks from which users reach the load balancer, IPv4 or IPv6. An empty list closes it to everybody.",
            elements="str",
            default=["0.0.0.0/0"],
            check=validate_network,
            why=RULES,
        ),
        "database_engine": Option(
            "str",
            "Engine of the metadata database, for its port.",
            choices=tuple(DATABASE_PORTS),
            default="postgres",
            role_default="{{ database_engine | default('postgres') }}",
        ),
        "kms_key": Option(
            "bool",
            (
                "Whether to make a KMS key. Without one AWS's own keys are used.",
                "If the environment has one already, what it encrypts keeps it, and the roles may go on using it.",
            ),
            default=True,
            no_log=False,
        ),
        "kms_key_arn": kms_key_option(
            "ARN of a KMS key that exists already, or of its alias, to be used instead. Its policy must allow "
            "CloudWatch Logs of the region.",
            fact=None,
        ),
        "kms_deletion_window_days": Option(
            "int",
            "Days for which a deleted key can be restored. Creating the environment again within them takes "
            "the key back.",
            default=30,
            least=7,
            most=30,
            why=DELETION,
        ),
        "role_path": Option("str", "Path of every role. It cannot be changed later.", default="/", form=ROLE_PATH),
        "role_permissions_boundary": Option(
            "str",
            "ARN of a managed policy that limits every role. Without it a boundary stays as it is; an empty "
            "one takes it away.",
            form=POLICY_ARN,
        ),
        "role_policies": Option(
            "dict",
            (
                "Additional managed policies by service, as lists of ARNs, so that workers can reach what the "
                "DAGs need.",
                "The services are C(execution), C(api_server), C(scheduler), C(dag_processor), C(triggerer), "
                "C(worker), C(migration) and C(scaler).",
            ),
            default={},
        ),
        "execute_command_services": Option(
            "list",
            "Services in whose containers C(aws ecs execute-command) may open a shell.",
            elements="str",
            choices=RUNNING_SERVICES,
            default=[],
            role_default="{{ (['api_server', 'scheduler', 'dag_processor', 'triggerer'] "
            "if airflow_execute_command | default(false, true) | bool else []) "
            "+ (['worker'] if workers_execute_command | default(false, true) | bool else []) "
            "+ (['scaler'] if scaler_execute_command | default(false, true) | bool else []) }}",
        ),
        "service_linked_roles": Option(
            "bool",
            (
                "Whether to make the service-linked roles of Amazon ECS, Elastic Load Balancing and Amazon RDS "
                "where the account has none. They are never deleted.",
                "Set it to V(false) if you may not call C(iam:CreateServiceLinkedRole) and the account has them.",
            ),
            default=True,
        ),
    }
    RETURNS = {
        "security_group_ids": Return(
            "dict",
            "Security groups of the load balancer, of Airflow, of the API server (in addition to Airflow's) and of "
            "the database.",
            {
                "load_balancer": "sg-0123456789abcdef0",
                "airflow": "sg-0123456789abcdef1",
                "api_server": "sg-0123456789abcdef2",
                "database": "sg-0123456789abcdef3",
            },
        ),
        "kms_key_arn": Return(
            "str", "The key, or null.", "arn:aws:kms:eu-central-1:123456789012:key/01234567-89ab-cdef-0123-456789abcdef"
        ),
        "role_arns": Return(
            "dict", "Role of each service.", {"worker": "arn:aws:iam::123456789012:role/sm2a-dev-worker"}
        ),
    }
    PLAN = ("AWS::IAM::Role", "sm2a-dev-worker")
    EXAMPLES = """
- name: Security
  sm2a.airflow.security:
    environment: dev
    region: eu-central-1
    vpc_id: vpc-0123456789abcdef0
    ingress_cidrs: [203.0.113.0/24]
    role_policies:
      worker: [arn:aws:iam::123456789012:policy/data-lake-read]
"""

    def rules(self) -> Iterator[OptionError]:
        for service, arns in self.options["role_policies"].items():
            if service not in SERVICES:
                yield OptionError("role_policies", service, f"it must be one of {', '.join(SERVICES)}")
            elif not isinstance(arns, list):
                yield OptionError(f"role_policies.{service}", arns, "it must be a list of ARNs")
            else:
                for arn in arns:
                    yield from refusals(validate_form, "role_policies", arn, POLICY_ARN)

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
        statements = ServicePolicies(self.aws, self.environment).statements(service)
        if service in self.options["execute_command_services"]:
            # These actions know no resources.
            statements.append({"Action": [*EXECUTE_COMMAND, "logs:DescribeLogGroups"], "Resource": "*"})
            group = self.aws.arn("logs", f"log-group:{log_group_name(self.environment, 'execute-command')}:*")
            statements.append({"Action": RECORD_COMMANDS, "Resource": group})
        return statements

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
