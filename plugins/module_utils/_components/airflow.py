# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Airflow itself: the migration of its database, then its services."""

from __future__ import annotations

from typing import Any

from .._reconcile.errors import OptionError
from .._reconcile.resource import Resource
from .._resources.ecs import validate_size
from .._resources.ecs_service import Service
from .._resources.ecs_task import OneOffTask
from .._resources.servicediscovery import DiscoveryService, PrivateDnsNamespace
from ._base import Component
from ._containers import (
    AIRFLOW_ARGUMENTS,
    AIRFLOW_REQUIRED,
    airflow_variables,
    http_check,
    required_when_present,
    task_definition,
    validate_airflow,
)
from ._names import API_SERVER_PORT, namespace_name, secret_name
from ._option_rules import validate_arn, validate_form, validate_ids
from ._pools import pool_faults, typed_pools

TARGET_GROUPS = "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-target-groups.html"
NAMES = "https://docs.aws.amazon.com/cloud-map/latest/api/API_Namespace.html"
# Time in which a starting API server may fail the load balancer's checks, seconds.
API_SERVER_GRACE = 180

_JOB_CHECK = "airflow jobs check --job-type {} --local"
SERVICES: dict[str, dict[str, Any]] = {
    "api_server": {
        # Without it, cookies that come from a load balancer with HTTPS would be sent over HTTP too.
        "command": ["airflow", "api-server", "--proxy-headers"],
        "health_check": http_check(API_SERVER_PORT, "/api/v2/version"),
        "size": {"cpu": 1024, "memory": 2048, "count": 1},
    },
    "scheduler": {
        "command": ["airflow", "scheduler"],
        "health_check": _JOB_CHECK.format("SchedulerJob"),
        "size": {"cpu": 1024, "memory": 2048, "count": 1},
    },
    "dag_processor": {
        "command": ["airflow", "dag-processor"],
        "health_check": _JOB_CHECK.format("DagProcessorJob"),
        "size": {"cpu": 1024, "memory": 2048, "count": 1},
    },
    "triggerer": {
        "command": ["airflow", "triggerer"],
        "health_check": _JOB_CHECK.format("TriggererJob"),
        "size": {"cpu": 512, "memory": 1024, "count": 1},
    },
}
# https://airflow.apache.org/docs/apache-airflow/stable/configurations-ref.html#parallelism: the default, per scheduler
AIRFLOW_PARALLELISM = 32
# Of each program. A limit of ours: a larger number is a slip of the finger.
MOST_TASKS = 10
MIGRATION_SIZE = {"cpu": 1024, "memory": 2048}
SIZE_ARGUMENTS = {"cpu": {"type": "int"}, "memory": {"type": "int"}, "count": {"type": "int"}}


class AirflowComponent(Component):
    """One ECS service per program of Airflow, named ``sm2a-<environment>-<program>``."""

    NAME = "airflow"
    ARGUMENTS = {
        **AIRFLOW_ARGUMENTS,
        "target_group_arn": {"type": "str"},
        "api_server_security_group_ids": {"type": "list", "elements": "str", "default": []},
        "namespace_id": {"type": "str"},
        "database_resource_id": {"type": "str"},
        "worker_pools": {"type": "dict", "default": {}},
        "services": {
            "type": "dict",
            "default": {},
            "options": {name: {"type": "dict", "options": SIZE_ARGUMENTS} for name in SERVICES},
        },
    }
    CONSTRAINTS = {
        "required_if": required_when_present([*AIRFLOW_REQUIRED, "target_group_arn", "database_resource_id"])
    }

    def validate(self) -> None:
        validate_airflow(self.options, [*SERVICES, "migration"])
        if self.options["state"] == "absent":
            return
        if self.options["api_server_security_group_ids"]:
            validate_ids("api_server_security_group_ids", self.options["api_server_security_group_ids"], "sg")
        target_group, namespace = self.options["target_group_arn"], self.options["namespace_id"]
        validate_arn("target_group_arn", target_group, "elasticloadbalancing", "targetgroup/", TARGET_GROUPS)
        if namespace:
            validate_form("namespace_id", namespace, r"ns-[a-z0-9]{1,61}", "an id is like ns-0123456789abcdef", NAMES)
        for name in SERVICES:
            size = self._size(name)
            validate_size(f"services.{name}", size["cpu"], size["memory"])
            if not 1 <= size["count"] <= MOST_TASKS:
                raise OptionError(f"services.{name}.count", size["count"], f"it must be from 1 to {MOST_TASKS}")
        self.options["worker_pools"] = typed_pools("worker_pools", self.options["worker_pools"])
        for name, pool in self.options["worker_pools"].items():
            for fault in pool_faults(f"worker_pools.{name}", pool):
                raise fault

    def _size(self, name: str) -> dict[str, int]:
        given = self.options["services"].get(name) or {}
        return {**SERVICES[name]["size"], **{key: value for key, value in given.items() if value is not None}}

    def resources(self) -> list[Resource]:
        present = self.options["state"] == "present"
        variables = airflow_variables(self.options, self.aws.region) if present else {}
        resources: list[Resource] = []
        after: list[Resource] = []
        migration = task_definition(
            self.aws,
            self.options,
            f"{self.prefix}-migration",
            self.tags,
            role="migration",
            name="migration",
            command=["sm2a-migrate"],
            variables={
                **variables,
                "SM2A_ADMIN_SECRET": secret_name(self.environment, "admin"),
                "SM2A_SCALER_DATABASE_SECRET": secret_name(self.environment, "scaler"),
            },
            size=MIGRATION_SIZE,
        )
        resources.append(migration)
        if present:
            # No service of a new version starts before its schema is there.
            after.append(
                OneOffTask(
                    self.aws,
                    f"{self.prefix}-migration",
                    cluster=self.options["cluster"],
                    task_definition=migration,
                    subject=self.options["database_resource_id"],
                    subnet_ids=self.options["subnet_ids"],
                    security_group_ids=self.options["security_group_ids"],
                    log_group=self.options["log_group"],
                    log_prefix="migration/migration",
                    tags=self.tags,
                )
            )
        namespace_id = self.options["namespace_id"]
        if not present:
            namespace = PrivateDnsNamespace(self.aws, namespace_name(self.environment), self.tags, "")
            namespace_id = namespace.id if namespace.find() else None
        self.discovery = DiscoveryService(self.aws, "api-server", self.tags, namespace_id or "")
        self.discovery.absent = not namespace_id
        self.services = {name: self._service(name, variables, after) for name in SERVICES}
        if not self.discovery.absent:
            resources.append(self.discovery)
        definitions = [service.task_definition for service in self.services.values()]
        return [*resources, *after, *definitions, *self.services.values()]

    def _parallelism(self) -> dict[str, str]:
        """As many running tasks as all pools have slots: with Airflow's own limit of 32 they would never fill."""
        slots = sum(pool["maximum"] * pool["concurrency"] for pool in self.options["worker_pools"].values())
        return {"AIRFLOW__CORE__PARALLELISM": str(max(AIRFLOW_PARALLELISM, slots))}

    def _service(self, name: str, variables: dict[str, str], after: list[Resource]) -> Service:
        if name == "scheduler" and self.options["state"] == "present":
            variables = {**self._parallelism(), **variables}
        if name == "api_server":
            variables = {
                # Uvicorn's: whose headers count. Only the load balancer and Airflow itself reach this port.
                "FORWARDED_ALLOW_IPS": "*",
                "AIRFLOW__LOGGING__LOGGING_CONFIG_CLASS": "sm2a_image.task_logs.LOGGING_CONFIG",
                **variables,
            }
        hyphenated = name.replace("_", "-")
        size = self._size(name)
        is_api = name == "api_server"
        definition = task_definition(
            self.aws,
            self.options,
            f"{self.prefix}-{hyphenated}",
            self.tags,
            role=name,
            name=hyphenated,
            command=SERVICES[name]["command"],
            variables=variables,
            size=size,
            health_check=SERVICES[name]["health_check"],
            port=API_SERVER_PORT if is_api else None,
        )
        extra: dict[str, Any] = {}
        groups = self.options["security_group_ids"]
        if is_api:
            groups = [*groups, *self.options["api_server_security_group_ids"]]
            extra["load_balancer"] = {
                "targetGroupArn": self.options["target_group_arn"],
                "containerName": hyphenated,
                "containerPort": API_SERVER_PORT,
            }
            extra["health_check_grace_period"] = API_SERVER_GRACE
            if not self.discovery.absent:
                extra["discovery"] = self.discovery
        return Service(
            self.aws,
            f"{self.prefix}-{hyphenated}",
            self.tags,
            cluster=self.options["cluster"] or self.prefix,
            task_definition=definition,
            subnet_ids=self.options["subnet_ids"],
            security_group_ids=groups,
            desired_count=size["count"],
            execute_command=self.options["execute_command"],
            after=after,
            **extra,
        )

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
