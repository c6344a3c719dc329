# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who may reach whom, which key encrypts, and what each service may do: groups, one key, one role per service."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from ipaddress import ip_network
from typing import Any

from .._reconcile.engine import Step
from .._reconcile.errors import OptionError
from .._reconcile.resource import Resource
from .._resources.iam import (
    Role,
    ServiceLinkedRole,
    inline_policy,
    policy_document,
    same_or_found,
    service_trust,
)
from .._resources.kms import Key
from .._resources.rds import describe_instance
from .._resources.secretsmanager import RetiredSecret, key_arn_of_secret
from .._resources.security_group import EgressRules, IngressRules, SecurityGroup
from ._account import planned_policy_faults
from ._base import Component, named_tags
from ._iam_rules import POLICY_ARN, ROLE_PATH
from ._key_users import DELETING, key_users
from ._kms_rules import kms_key_option
from ._names import (
    API_SERVER_PORT,
    RUNNING_SERVICES,
    SERVICES,
    database_log_group_name,
    log_group_name,
    secret_name,
    secret_path,
)
from ._option import Fact, Form, Option, Return, refusals
from ._option_rules import ECR_IMAGE, VPC_ID, validate_form, validate_network
from ._service_policies import ServicePolicies
from ._service_secrets import OURS
from ._shared_options import REGISTRY_CREDENTIALS

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
# AWS's API, wherever it is: beyond a NAT gateway, at a gateway endpoint or at interface endpoints.
HTTPS_PORT, EVERYWHERE = 443, "0.0.0.0/0"
VPC_QUOTAS = "https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html"
IAM_QUOTAS = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"
# Of the load balancer: each network of users may reach both.
WEB_PORTS = (80, 443)
# What all services read below ``config/`` before each had a login of its own.
FORMER_SECRETS = ("config/sql_alchemy_conn", "config/result_backend")
RULES = "https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html"
SECURITY = "https://github.com/sm2a/airflow/blob/main/docs/security.md#where-secrets-are"
CREATE_SECRET = "https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html"
CONFIGURATION_SECRET = Form(r"[A-Za-z0-9/_+=.@-]{1,400}", "letters, digits and / _ + = . @ -", CREATE_SECRET)
DELETION = "https://docs.aws.amazon.com/kms/latest/APIReference/API_ScheduleKeyDeletion.html"


# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IpPermission.html
PROTOCOLS = {"tcp": "tcp", "udp": "udp", "all": "-1"}
HIGHEST_PORT = 65535


def _further(rule: dict[str, Any]) -> tuple[str, str]:
    """Return a rule of the option ``egress`` as what may pass, and where to."""
    protocol, first = PROTOCOLS[rule["protocol"]], rule["from_port"]
    last = first if rule["to_port"] is None else rule["to_port"]
    ports = "all" if protocol == "-1" else str(first) if first == last else f"{first}-{last}"
    return f"{protocol} {ports}", str(ip_network(rule["cidr"]))


def _faults_of_ports(name: str, rule: dict[str, Any]) -> Iterator[OptionError]:
    first, last = rule["from_port"], rule["to_port"]
    if rule["protocol"] == "all":
        if first is not None or last is not None:
            yield OptionError(name, rule, "protocol: all has no ports", RULES)
    elif first is None:
        yield OptionError(name, rule, "from_port is needed, unless protocol is all", RULES)
    elif last is not None and last < first:
        yield OptionError(name, rule, "to_port must not be below from_port", RULES)


def _version(cidr: str) -> int:
    """Return the version of IP of a network, 0 for what is none."""
    try:
        return ip_network(cidr).version
    except ValueError:
        return 0


class SecurityComponent(Component):
    """Security groups, the key ``alias/sm2a-<environment>`` and the roles ``sm2a-<environment>-<service>``."""

    NAME = "security"
    SUMMARY = "Security groups, KMS key, and one IAM role per service"
    DESCRIPTION = (
        "Creates security groups, a KMS key, and one IAM role per service with the least privilege.",
        "Users reach the load balancer only, and the load balancer the API server only; the API server reads the logs "
        "of running tasks from workers and triggerers; Airflow reaches the execution API, the database, everything "
        "that speaks HTTPS, and what O(egress) names. The database calls nobody.",
        "Rules that somebody else added to these groups are taken away, and so are inline policies that somebody else "
        "added to these roles.",
        "A permission that services may still use is taken from a role only by a call with O(wait=true), so that "
        "C(site) takes it away when they have been replaced.",
        "IAM roles are global. If a role of this name belongs to another region's environment, the module leaves it "
        "alone and fails.",
    )
    TASK = "Create security groups, key and roles"
    MAIN = ("ingress_cidrs", "egress", "role_policies", "kms_key_arn")
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
        "egress": Option(
            "list",
            (
                "What tasks and Airflow's services may call besides what speaks HTTPS at port 443, as AWS does: "
                "databases, SSH or mail servers that DAGs use.",
                "The groups are stateful: answers need no rule.",
            ),
            elements="dict",
            default=[],
            options={
                "cidr": Option(
                    "str",
                    "Network that may be called, IPv4 or IPv6.",
                    required=True,
                    check=validate_network,
                    why=RULES,
                ),
                "protocol": Option("str", "Protocol. V(all) has no ports.", choices=tuple(PROTOCOLS), default="tcp"),
                "from_port": Option("int", "The port, or the first of several.", least=0, most=HIGHEST_PORT, why=RULES),
                "to_port": Option("int", "The last port, if there are several.", least=0, most=HIGHEST_PORT, why=RULES),
            },
        ),
        "rules_per_security_group": Option(
            "int",
            "How many inbound rules a security group may have in the account, for IPv4 and for IPv6 each. Raise it "
            "where the account's quota was raised.",
            default=60,
            least=60,
            most=1000,
            why=VPC_QUOTAS,
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
        "delete_key": Option(
            "bool",
            (
                "Whether O(state=absent) deletes the environment's KMS key too. It is kept by default: snapshots, "
                "buckets, log groups and secrets that stay can be read only with it.",
                "A key that still encrypts something is not deleted; the message names what that is.",
            ),
            default=False,
            no_log=False,
        ),
        "kms_deletion_window_days": Option(
            "int",
            "Days for which a key that was deleted can be restored. Creating the environment again within them takes "
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
                "The services are C(execution), with which ECS starts the others, C(api_server), C(execution_api), "
                "C(scheduler), C(dag_processor), C(triggerer), C(worker), C(migration) and C(scaler).",
            ),
            default={},
            texts=POLICY_ARN,
        ),
        "managed_policies_per_role": Option(
            "int",
            "How many managed policies a role may have in the account. Raise it where the account's quota was raised.",
            default=10,
            least=10,
            most=25,
            why=IAM_QUOTAS,
        ),
        "configuration_secrets": Option(
            "list",
            (
                "Secrets of your own below C(sm2a/<environment>/config/), which options of Airflow name by their "
                "form C(*_secret). Airflow's services may read these and no others.",
            ),
            elements="str",
            default=[],
            form=CONFIGURATION_SECRET,
            no_log=False,
            role_default="{{ sm2a_airflow_configuration | default({}, true) | sm2a.airflow.named_secrets(["
            "airflow_environment_variables | default({}), workers_environment_variables | default({})]) }}",
            role_doc=(
                "By default those that C(sm2a_airflow_configuration) and the environment variables of the roles "
                "C(airflow) and C(workers) name.",
            ),
        ),
        "image_uris": Option(
            "dict",
            "Images that exist elsewhere, so that ECS may pull those in repositories of Amazon ECR. What else it needs "
            "for them, O(role_policies) can allow.",
            default={},
            role_default="{{ image_uris | default({}) | sm2a.airflow.from_text(mapping=true) }}",
        ),
        "registry_credentials": REGISTRY_CREDENTIALS,
        "execute_command_services": Option(
            "list",
            "Services in whose containers C(aws ecs execute-command) may open a shell.",
            elements="str",
            choices=RUNNING_SERVICES,
            default=[],
            role_default="{{ (['api_server', 'execution_api', 'scheduler', 'dag_processor', 'triggerer'] "
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
            "Security groups of the load balancer, of Airflow, of the API server and the execution API (in addition to "
            "Airflow's) and of the database.",
            {
                "load_balancer": "sg-0123456789abcdef0",
                "airflow": "sg-0123456789abcdef1",
                "api_server": "sg-0123456789abcdef2",
                "execution_api": "sg-0123456789abcdef3",
                "database": "sg-0123456789abcdef4",
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
    egress:
      - {cidr: 10.20.0.0/16, from_port: 5432}
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
                yield from self._faults_of_policies(service, arns)
        # Both ports of the load balancer have a rule for each network.
        ports, most = len(WEB_PORTS), self.options["rules_per_security_group"]
        for version in (4, 6):
            number = ports * sum(_version(cidr) == version for cidr in set(self.options["ingress_cidrs"]))
            if number > most:
                rule = (
                    f"they need {number} rules for IPv{version}, and a security group has {most}; take larger "
                    "networks, or raise the account's quota and rules_per_security_group"
                )
                yield OptionError("ingress_cidrs", f"{number // ports} networks", rule, VPC_QUOTAS)
        for number, rule in enumerate(self.options["egress"]):
            yield from _faults_of_ports(f"egress[{number}]", rule)
        for name in sorted(OURS & set(self.options["configuration_secrets"])):
            rule = "it is a secret of SM2A's own, which each service reads only as far as it needs it"
            yield OptionError("configuration_secrets", name, rule, SECURITY)

    def _faults_of_policies(self, service: str, arns: list[Any]) -> Iterator[OptionError]:
        """Yield what IAM would refuse of the managed policies of a service."""
        option, most = f"role_policies.{service}", self.options["managed_policies_per_role"]
        for arn in arns:
            yield from refusals(validate_form, "role_policies", arn, POLICY_ARN, self.aws.region)
        if len(set(map(str, arns))) != len(arns):
            yield OptionError(option, arns, "a policy is named twice", IAM_QUOTAS)
        if len(arns) > most:
            rule = f"a role has at most {most}; raise the account's quota and managed_policies_per_role"
            yield OptionError(option, f"{len(arns)} policies", rule, IAM_QUOTAS)

    def planned_faults(self, steps: list[Step]) -> Iterator[OptionError]:
        yield from planned_policy_faults(self.aws, steps)

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
            "execution_api": "The execution API of Airflow, to which running tasks report",
            "database": "The metadata database",
        }
        self.groups = {
            key: SecurityGroup(self.aws, name, named_tags(self.tags, name), self.options["vpc_id"] or "", description)
            for key, description in descriptions.items()
            for name in [f"{self.prefix}-{key.replace('_', '-')}"]
        }
        return [*self.groups.values(), *self._rules()]

    def _rules(self) -> list[Resource]:
        names = ("load_balancer", "airflow", "api_server", "execution_api", "database")
        balancer, airflow, api_server, execution_api, database = (self.groups[name] for name in names)
        # AWS answers with ranges in this form, and so compares them.
        users = sorted({str(ip_network(cidr)) for cidr in self.options["ingress_cidrs"]})
        database_port = DATABASE_PORTS[self.options["database_engine"]]
        web = IngressRules(
            self.aws,
            api_server,
            [(API_SERVER_PORT, balancer)],
            # Before the execution API had a service of its own, the API server served it to Airflow.
            former=[(API_SERVER_PORT, airflow)],
            keeps_former=not self.options["wait"],
        )
        return [
            IngressRules(self.aws, balancer, [(port, user) for port in WEB_PORTS for user in users]),
            EgressRules(self.aws, balancer, [(API_SERVER_PORT, api_server)]),
            # This group let callers in to the API server before that had a group of its own.
            IngressRules(self.aws, airflow, [(port, api_server) for port in LOG_SERVER_PORTS], after=web),
            EgressRules(
                self.aws,
                airflow,
                [
                    (HTTPS_PORT, EVERYWHERE),
                    (API_SERVER_PORT, execution_api),
                    (database_port, database),
                    *map(_further, self.options["egress"]),
                ],
                former=[(API_SERVER_PORT, api_server)],
                keeps_former=not self.options["wait"],
            ),
            web,
            IngressRules(self.aws, execution_api, [(API_SERVER_PORT, airflow)]),
            # It answers tasks; what else its tasks call, they call as one of Airflow's services.
            EgressRules(self.aws, execution_api, []),
            EgressRules(self.aws, api_server, [(port, airflow) for port in LOG_SERVER_PORTS]),
            IngressRules(self.aws, database, [(database_port, airflow)]),
            # A database answers; it has nobody to call.
            EgressRules(self.aws, database, []),
        ]

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
        if self.options["state"] == "absent":
            return self._unused_key() if self.options["delete_key"] else []
        if not unwanted:
            return [self.key]
        # A key that is no longer wanted still encrypts what was written, and everything that no other key was given:
        # it stays, and the roles may use it.
        self.former_key_arns = [self.key.arn_if_ours()]
        if not self.options["kms_key_arn"]:
            # Without a key every component keeps the one that it was given. The first secret tells which that was.
            secret = secret_name(self.environment, "fernet_key")
            self.former_key_arns.append(key_arn_of_secret(self.aws, secret, self.environment))
        return []

    def _unused_key(self) -> list[Resource]:
        """Return the key that is to be deleted. Raises OptionError if it still encrypts something."""
        arn = self.key.arn_if_ours()
        # The plan of a whole teardown sees what is to be deleted before the key.
        planned = self.aws.check_mode and describe_instance(self.aws, self.prefix) is not None
        users = key_users(self.aws, arn, self.environment) if arn and not planned else []
        if users:
            rule = f"the key {arn} is kept, since it encrypts {', '.join(users)}"
            raise OptionError("delete_key", True, rule, DELETING)
        return [self.key]

    def _key_policy(self) -> dict[str, Any]:
        root = f"arn:{self.aws.partition}:iam::{self.aws.account_id}:root"
        log_groups = [
            self.aws.arn("logs", f"log-group:{name(self.environment, '*')}")
            for name in (log_group_name, database_log_group_name)
        ]
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
        former_secrets = self._former_secrets()
        self.policies = ServicePolicies(
            self.aws,
            self.environment,
            self.options["configuration_secrets"],
            _repositories(self.options["image_uris"], self.aws.partition),
            self.options["registry_credentials"],
        )
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
                key_statements=partial(self._key_statements, service),
                keeps_former=not self.options["wait"],
                after=former_secrets,
            )
            for service in SERVICES
        }
        return [*former_secrets, *self.roles.values()]

    def _former_secrets(self) -> list[Resource]:
        """The owner's login as every service had it, if it is still there: whoever used it has been replaced by now.

        The workers' policy tells whether it may be there, since no policy is changed before it has gone.
        """
        if self.options["state"] == "absent" or not self.options["wait"]:
            return []
        path = self.aws.arn("secretsmanager", f"secret:{secret_path(self.environment, 'config/*')}")
        if path not in json.dumps(inline_policy(self.aws, f"{self.prefix}-worker")):
            return []
        found = (RetiredSecret(self.aws, secret_path(self.environment, name), self.tags) for name in FORMER_SECRETS)
        return [secret for secret in found if secret.is_there()]

    def _managed(self, service: str) -> list[str]:
        return list(self.options["role_policies"].get(service, []))

    def _statements(self, service: str) -> list[dict[str, Any]]:
        statements = self.policies.statements(service)
        if service in self.options["execute_command_services"]:
            # These actions know no resources.
            statements.append({"Action": [*EXECUTE_COMMAND, "logs:DescribeLogGroups"], "Resource": "*"})
            group = self.aws.arn("logs", f"log-group:{log_group_name(self.environment, 'execute-command')}:*")
            statements.append({"Action": RECORD_COMMANDS, "Resource": group})
        return statements

    def _key_statements(self, service: str) -> list[dict[str, Any]]:
        statements = self.policies.key_statements(service, self.key_arns)
        if self.key_arn and service in self.options["execute_command_services"]:
            # The agent of ECS Exec asks KMS itself, on behalf of no other service.
            statements.append({"Action": "kms:Decrypt", "Resource": self.key_arn})
        return statements

    def facts(self) -> dict[str, Any]:
        return {
            "security_group_ids": {key: group.id for key, group in self.groups.items()},
            "kms_key_arn": self.key_arn,
            "role_arns": {service: role.id for service, role in self.roles.items()},
        }


class _ServiceRole(Role):
    """A role whose policy names the keys, of which ours is known only once it is reconciled.

    With ``keeps_former`` whatever its policy allows stays allowed, for services that are at work and not replaced yet.
    """

    def __init__(
        self,
        *args: Any,
        statements: list[dict[str, Any]],
        key: Key,
        key_statements: Callable[[], list[dict[str, Any]]],
        keeps_former: bool,
        after: list[Resource],
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, policy=None, **kwargs)
        self.statements = statements
        # Only so that these are reconciled first: dependencies are found among attributes.
        self.key = key
        self.after = after
        self.key_statements = key_statements
        self.keeps_former = keeps_former

    def find(self) -> dict[str, Any] | None:
        wanted = [*self.statements, *self.key_statements()]
        self.policy = policy_document(wanted)
        state = super().find()
        found = (state or {}).get("policy")
        if self.keeps_former and found:
            former = [item for item in found["Statement"] if item not in self.policy["Statement"]]
            if former:
                self.policy = policy_document([*wanted, *former])
                state = {**(state or {}), "policy": same_or_found(found, self.policy)}
                # Something is left for the call that waits.
                self.slow, self.ready = True, False
        return state


def _repositories(image_uris: dict[str, Any], partition: str) -> list[str]:
    """Return the ARNs of the repositories of Amazon ECR from which these images come."""
    found = (ECR_IMAGE.match(str(uri)) for uri in image_uris.values())
    return sorted(
        {f"arn:{partition}:ecr:{image[2] or image[3]}:{image[1]}:repository/{image[4]}" for image in found if image}
    )
