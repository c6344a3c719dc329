# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Airflow itself: the migration of its database, then its services."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from .._reconcile.errors import OptionError
from .._reconcile.resource import Resource
from .._reconcile.values import KNOWN_AFTER_APPLY, has_unknown
from .._resources.ecs import TaskDefinition, validate_size
from .._resources.ecs_service import Service
from .._resources.ecs_task import OneOffTask
from .._resources.servicediscovery import DiscoveryService, PrivateDnsNamespace
from ._base import Component
from ._containers import (
    AIRFLOW_OPTIONS,
    AIRFLOW_VOLUMES,
    CPU_UNITS,
    HEARTBEAT_CHECK,
    MOST_GROUPS,
    NETWORKING,
    airflow_faults,
    airflow_variables,
    http_check,
    image_entry_point,
    size_faults,
    task_definition,
)
from ._names import API_SERVER_PORT, namespace_name, secret_name
from ._option import Fact, Form, Option, Return, refusals
from ._option_rules import SECURITY_GROUP_ID, arn_form, validate_network
from ._pools import pool_faults, typed_pools
from ._service_secrets import LOGINS

TARGET_GROUPS = "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-target-groups.html"
FORWARDED = "https://uvicorn.dev/deployment/#running-behind-nginx"
NAMES = "https://docs.aws.amazon.com/cloud-map/latest/api/API_Namespace.html"
# Time in which a starting API server may fail the load balancer's checks, seconds.
API_SERVER_GRACE = 180

SERVICES: dict[str, dict[str, Any]] = {
    "api_server": {
        # Without --proxy-headers, cookies that come from a load balancer with HTTPS would be sent over HTTP too.
        "command": ["airflow", "api-server", "--apps", "core", "--proxy-headers"],
        "health_check": http_check(API_SERVER_PORT, "/api/v2/version"),
        "port": API_SERVER_PORT,
        "size": {"cpu": 1024, "memory": 2048, "count": 1},
    },
    "execution_api": {
        "command": ["airflow", "api-server", "--apps", "execution"],
        "health_check": http_check(API_SERVER_PORT, "/execution/health"),
        "port": API_SERVER_PORT,
        "size": {"cpu": 512, "memory": 1024, "count": 1},
    },
    "scheduler": {
        "command": ["airflow", "scheduler"],
        "health_check": HEARTBEAT_CHECK,
        "size": {"cpu": 1024, "memory": 2048, "count": 1},
    },
    "dag_processor": {
        "command": ["airflow", "dag-processor"],
        "health_check": HEARTBEAT_CHECK,
        "size": {"cpu": 1024, "memory": 2048, "count": 1},
    },
    "triggerer": {
        "command": ["airflow", "triggerer"],
        "health_check": HEARTBEAT_CHECK,
        "size": {"cpu": 512, "memory": 1024, "count": 1},
    },
}
# Services that have security groups besides Airflow's, and the option that names them.
FURTHER_GROUPS = {
    "api_server": "api_server_security_group_ids",
    "execution_api": "execution_api_security_group_ids",
}
# Below the environment's domain. It is older than the service, and workers that started before know no other name.
EXECUTION_API_NAME = "api-server"
# https://airflow.apache.org/docs/apache-airflow/stable/configurations-ref.html#parallelism: the default, per scheduler
AIRFLOW_PARALLELISM = 32
# Of each program. A limit of ours: a larger number is a slip of the finger.
MOST_TASKS = 10
MIGRATION_SIZE = {"cpu": 1024, "memory": 2048}
SIZE_OPTIONS = {
    "cpu": Option("int", "CPU units, 1024 is one vCPU."),
    "memory": Option("int", "Memory in MiB. Must be one that Fargate offers with the CPU."),
    "count": Option("int", "Number of tasks.", least=1, most=MOST_TASKS),
}
TITLES = {
    "api_server": "API servers, which serve the web interface and the REST API",
    "execution_api": "servers of the execution API, to which running tasks report",
    "scheduler": "schedulers",
    "dag_processor": "DAG processors",
    "triggerer": "triggerers",
}
TARGET_GROUP_ARN = arn_form("elasticloadbalancing", "targetgroup/", TARGET_GROUPS)
NAMESPACE_ID = Form(r"ns-[a-z0-9]{1,61}", "an id is like ns-0123456789abcdef", NAMES)


class AirflowComponent(Component):
    """One ECS service per program of Airflow, named ``sm2a-<environment>-<program>``."""

    NAME = "airflow"
    SUMMARY = (
        "Migration and administrator, then Airflow's API server, execution API, scheduler, DAG processor and triggerer"
    )
    DESCRIPTION = (
        "Runs the migration of the metadata database as a one-off task and checks its exit code, then creates or "
        "updates the services.",
        "The web interface and the execution API, to which running tasks report, are services of their own, so that "
        "whatever users ask the one for leaves the other alone.",
        "Every secret is read from Secrets Manager by Airflow itself at run time.",
    )
    TASK = "Migrate the database and run the services"
    MAIN = ("services", "environment_variables")
    OPTIONS = {
        **AIRFLOW_OPTIONS,
        "execution_api_server_url": replace(
            AIRFLOW_OPTIONS["execution_api_server_url"],
            fact=Fact("cluster", ("namespace", "name")),
            site="sm2a_execution_api_server_url",
            role_default="{{ sm2a_execution_api_server_url | default('', true) or (airflow_namespace_id and "
            f"'http://{EXECUTION_API_NAME}.' ~ lookup('sm2a.airflow.fact', 'cluster', 'namespace', 'name', "
            f"environment=airflow_environment) ~ ':{API_SERVER_PORT}/execution/') }}}}",
        ),
        "target_group_arn": Option(
            "str",
            "Target group of the load balancer.",
            form=TARGET_GROUP_ARN,
            needed=True,
            fact=Fact("load_balancer", ("target_group_arn",)),
        ),
        "api_server_security_group_ids": Option(
            "list",
            (
                "Further security groups of the API server's tasks.",
                "The one that the security component makes lets them read the logs of running tasks from workers "
                "and triggerers.",
            ),
            elements="str",
            default=[],
            form=SECURITY_GROUP_ID,
            fact=Fact("security", ("security_group_ids", "api_server"), one=True),
        ),
        "execution_api_security_group_ids": Option(
            "list",
            (
                "Further security groups of the execution API's tasks.",
                "The one that the security component makes lets tasks on workers call it.",
            ),
            elements="str",
            default=[],
            form=SECURITY_GROUP_ID,
            fact=Fact("security", ("security_group_ids", "execution_api"), one=True),
        ),
        "forwarded_allow_ips": Option(
            "list",
            (
                "Networks of the load balancer, whose word the API server takes for who asks and whether by HTTPS.",
                "What a client itself says of its address is not believed. Give the ranges of the load balancer's "
                "subnets, if they are others than the public ones that the network component knows.",
            ),
            elements="str",
            default=[],
            check=validate_network,
            why=FORWARDED,
            fact=Fact("network", ("public_subnet_cidrs",)),
        ),
        "namespace_id": Option(
            "str",
            "Private DNS namespace in which the execution API is registered, as C(api-server).",
            form=NAMESPACE_ID,
            fact=Fact("cluster", ("namespace", "id")),
        ),
        "database_resource_id": Option(
            "str",
            "Resource id of the RDS instance. A migration is run once per instance and revision.",
            needed=True,
            fact=Fact("database", ("resource_id",)),
        ),
        "worker_pools": Option(
            "dict",
            (
                "The worker pools, as those of the M(sm2a.airflow.workers) module.",
                "The scheduler lets as many tasks run as all of them have slots, and at least Airflow's default "
                "of 32, unless O(configuration) sets C(parallelism) in C(core).",
            ),
            default={},
            site="sm2a_worker_pools",
            role_default="{{ sm2a_worker_pools | default({'default': {}}, true) }}",
        ),
        "services": Option(
            "dict",
            "Sizes of the services. What is left out keeps its default.",
            default={},
            options={
                name: Option("dict", f"Size and number of the {title}.", options=SIZE_OPTIONS)
                for name, title in TITLES.items()
            },
        ),
    }
    ROLE_OPTIONS = {
        "image_requirements": Option(
            "list",
            (
                "Python packages that are added to the image: requirements such as "
                "C(apache-airflow-providers-slack>=9), or files with the extension C(.txt) that have one a line.",
                "What does not go with the packages of the image is refused before anything is built.",
            ),
            elements="str",
            default=[],
        ),
        "image_system_packages": Option(
            "list", "Debian packages that are added to the image.", elements="str", default=[]
        ),
        "image_files": Option(
            "dict",
            (
                "Files and folders of the controller that are added to the image, by their paths in it.",
                "What does not begin with a slash is below Airflow's home: C(plugins), C(startup.sh), "
                "C(webserver_config.py), C(config).",
                "Whoever has the image can read them, so they are no place for secrets.",
            ),
            default={},
        ),
    }
    RETURNS = {
        "services": Return(
            "dict",
            "The ECS service of each program.",
            {
                "scheduler": {
                    "name": "sm2a-dev-scheduler",
                    "arn": "arn:aws:ecs:eu-central-1:123456789012:service/sm2a-dev/sm2a-dev-scheduler",
                    "task_definition": "arn:aws:ecs:eu-central-1:123456789012:task-definition/sm2a-dev-scheduler:1",
                }
            },
        ),
        "execution_api_server_url": Return(
            "str", "Internal address of the execution API.", "http://api-server.sm2a-dev.internal:8080/execution/"
        ),
        "url": Return("str", "Address of the web interface.", "https://airflow.dev.example.com"),
    }
    ENTRY_POINTS = image_entry_point("airflow")
    PLAN = ("AWS::ECS::Service", "sm2a-dev-scheduler")
    EXAMPLES = """
- name: Airflow
  sm2a.airflow.airflow:
    environment: dev
    region: eu-central-1
    cluster: sm2a-dev
    image: 123456789012.dkr.ecr.eu-central-1.amazonaws.com/sm2a-dev/airflow:0123456789abcdef
    subnet_ids: [subnet-0123456789abcdef0, subnet-0123456789abcdef1]
    security_group_ids: [sg-0123456789abcdef0]
    role_arns:
      execution: arn:aws:iam::123456789012:role/sm2a-dev-execution
      api_server: arn:aws:iam::123456789012:role/sm2a-dev-api-server
      execution_api: arn:aws:iam::123456789012:role/sm2a-dev-execution-api
      scheduler: arn:aws:iam::123456789012:role/sm2a-dev-scheduler
      dag_processor: arn:aws:iam::123456789012:role/sm2a-dev-dag-processor
      triggerer: arn:aws:iam::123456789012:role/sm2a-dev-triggerer
      migration: arn:aws:iam::123456789012:role/sm2a-dev-migration
    log_group: /sm2a/dev/airflow
    log_bucket: sm2a-dev-logs-123456789012-eu-central-1
    dag_bucket: sm2a-dev-dags-123456789012-eu-central-1
    queues:
      default:
        url: https://sqs.eu-central-1.amazonaws.com/123456789012/sm2a-dev-default
    url: https://airflow.dev.example.com
    execution_api_server_url: http://api-server.sm2a-dev.internal:8080/execution/
    target_group_arn: arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/sm2a-dev/0123456789abcdef
    forwarded_allow_ips: [10.42.0.0/20, 10.42.16.0/20]
    database_resource_id: db-ABCDEFGHIJKLMNOPQRSTUVWXYZ
    services:
      scheduler: {count: 2}
"""

    def rules(self) -> Iterator[OptionError]:
        yield from airflow_faults(self.options, [*SERVICES, "migration"], self.aws.region)
        if self.options["state"] == "absent":
            return
        for name in SERVICES:
            size = self._size(name)
            yield from refusals(validate_size, f"services.{name}", size["cpu"], size["memory"])
        try:
            self.options["worker_pools"] = typed_pools("worker_pools", self.options["worker_pools"])
        except OptionError as error:
            yield error
            return
        for name, pool in self.options["worker_pools"].items():
            yield from pool_faults(f"worker_pools.{name}", pool)
        for option in FURTHER_GROUPS.values():
            groups = {*self.options["security_group_ids"], *self.options[option]}
            if len(groups) > MOST_GROUPS:
                rule = f"with security_group_ids they are {len(groups)}, and a task has at most {MOST_GROUPS}"
                yield OptionError(option, self.options[option], rule, NETWORKING)

    def sizes(self) -> Iterator[OptionError]:
        for definition in (self._migration(), *map(self._definition, SERVICES)):
            yield from size_faults("environment_variables", definition)

    def vcpus(self) -> dict[str, float]:
        sizes = [self._size(name) for name in SERVICES]
        return {"FARGATE": sum(size["cpu"] * size["count"] for size in sizes) / CPU_UNITS}

    def _size(self, name: str) -> dict[str, int]:
        given = self.options["services"].get(name) or {}
        return {**SERVICES[name]["size"], **{key: value for key, value in given.items() if value is not None}}

    def resources(self) -> list[Resource]:
        present = self.options["state"] == "present"
        migration = self._migration()
        # No service of a new version starts before its schema is there.
        after: list[Resource] = [self._migrate(migration)] if present else []
        namespace_id = self.options["namespace_id"] if present else self._namespace_found()
        self.discovery = DiscoveryService(self.aws, EXECUTION_API_NAME, self.tags, namespace_id or "")
        self.discovery.absent = not namespace_id
        self.services = {name: self._service(name, after) for name in SERVICES}
        api_server, execution_api = self.services["api_server"], self.services["execution_api"]
        if present and api_server.is_registered():
            # Tasks still report to it, as before the execution API had a service of its own. It goes on until that
            # serves, so that no task finds nobody.
            api_server.after.append(execution_api)
        names = [] if self.discovery.absent else [self.discovery]
        definitions = [service.task_definition for service in self.services.values()]
        return [migration, *names, *after, *definitions, *self.services.values()]

    def _variables(self, service: str) -> dict[str, str]:
        if self.options["state"] == "absent":
            return {}
        return airflow_variables(self.options, self.aws.region, service)

    def _migration(self) -> TaskDefinition:
        logins = {kind: secret_name(self.environment, secret) for kind, secret in LOGINS.items()}
        return task_definition(
            self.aws,
            self.options,
            f"{self.prefix}-migration",
            self.tags,
            role="migration",
            name="migration",
            command=["sm2a-migrate"],
            variables={
                **self._variables("migration"),
                "SM2A_ADMIN_SECRET": secret_name(self.environment, "admin"),
                "SM2A_DATABASE_LOGINS": json.dumps(logins),
            },
            size=MIGRATION_SIZE,
            volumes=AIRFLOW_VOLUMES,
        )

    def _migrate(self, definition: TaskDefinition) -> OneOffTask:
        return OneOffTask(
            self.aws,
            f"{self.prefix}-migration",
            cluster=self.options["cluster"],
            task_definition=definition,
            subject=self.options["database_resource_id"],
            subnet_ids=self.options["subnet_ids"],
            security_group_ids=self.options["security_group_ids"],
            log_group=self.options["log_group"],
            log_prefix="migration/migration",
            tags=self.tags,
        )

    def _namespace_found(self) -> str | None:
        """Return the id of the environment's namespace, which is found by its name when everything is to go."""
        namespace = PrivateDnsNamespace(self.aws, namespace_name(self.environment), self.tags, "")
        return namespace.id if namespace.find() else None

    def _parallelism(self) -> dict[str, str]:
        """As many running tasks as all pools have slots: with Airflow's own limit of 32 they would never fill."""
        slots = sum(pool["maximum"] * pool["concurrency"] for pool in self.options["worker_pools"].values())
        return {"AIRFLOW__CORE__PARALLELISM": str(max(AIRFLOW_PARALLELISM, slots))}

    def _definition(self, name: str) -> TaskDefinition:
        hyphenated = name.replace("_", "-")
        return task_definition(
            self.aws,
            self.options,
            f"{self.prefix}-{hyphenated}",
            self.tags,
            role=name,
            name=hyphenated,
            command=SERVICES[name]["command"],
            variables={**self._further_variables(name), **self._variables(name)},
            size=self._size(name),
            health_check=SERVICES[name]["health_check"],
            port=SERVICES[name].get("port"),
            volumes=AIRFLOW_VOLUMES,
        )

    def _service(self, name: str, after: list[Resource]) -> Service:
        hyphenated = name.replace("_", "-")
        further = self.options[FURTHER_GROUPS[name]] if name in FURTHER_GROUPS else []
        return Service(
            self.aws,
            f"{self.prefix}-{hyphenated}",
            self.tags,
            cluster=self.options["cluster"] or self.prefix,
            task_definition=self._definition(name),
            subnet_ids=self.options["subnet_ids"],
            security_group_ids=[*self.options["security_group_ids"], *further],
            desired_count=self._size(name)["count"],
            execute_command=self.options["execute_command"],
            after=after,
            beside=[f"{self.prefix}-{other.replace('_', '-')}" for other in SERVICES],
            **self._entry(name),
        )

    def _further_variables(self, name: str) -> dict[str, str]:
        """Return what only this program is told, unless the user says otherwise."""
        if name == "scheduler" and self.options["state"] == "present":
            return self._parallelism()
        if name == "api_server":
            networks = self.options["forwarded_allow_ips"]
            return {
                # Uvicorn's: whose headers count. Of the addresses in X-Forwarded-For it takes the last one that is in
                # none of these networks: what is before that is the client's own word.
                "FORWARDED_ALLOW_IPS": KNOWN_AFTER_APPLY if has_unknown(networks) else ",".join(networks),
            }
        return {}

    def _entry(self, name: str) -> dict[str, Any]:
        """Return the settings by which a service is reached: through the load balancer, or under a name in the VPC."""
        if name == "api_server":
            return {
                "load_balancer": {
                    "targetGroupArn": self.options["target_group_arn"],
                    "containerName": "api-server",
                    "containerPort": API_SERVER_PORT,
                },
                "health_check_grace_period": API_SERVER_GRACE,
            }
        if name == "execution_api" and not self.discovery.absent:
            return {"discovery": self.discovery}
        return {}

    def facts(self) -> dict[str, Any]:
        return {
            "services": {
                name: {
                    "name": service.name,
                    "arn": service.id,
                    "task_definition": service.task_definition.id,
                }
                for name, service in self.services.items()
            },
            "execution_api_server_url": self.options["execution_api_server_url"],
            "url": self.options["url"],
        }
