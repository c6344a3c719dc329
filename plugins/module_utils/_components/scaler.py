# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The metrics container: it watches the queues and the metadata database, and sizes the worker services."""

from __future__ import annotations

import json
from typing import Any

from .._reconcile.errors import OptionError
from .._reconcile.resource import Resource
from .._resources.cloudwatch import Dashboard
from .._resources.ecs import validate_size
from .._resources.ecs_service import Service
from ._base import Component
from ._containers import (
    CONTAINER_ARGUMENTS,
    CONTAINER_REQUIRED,
    http_check,
    required_when_present,
    task_definition,
    validate_containers,
)
from ._option_rules import validate_form
from ._pools import scaled_pools_faults

PORT = 8081
# As the scaler's program names them in its metrics.
NAMESPACE = "SM2A"
WORKER_STATES = ("Wanted", "Ready", "Starting", "Cordoned", "Outdated")
SECRETS = "https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html"


class ScalerComponent(Component):
    """One ECS service and one dashboard, both named ``sm2a-<environment>-scaler``."""

    NAME = "scaler"
    ARGUMENTS = {
        **CONTAINER_ARGUMENTS,
        "pools": {"type": "dict", "default": {}},
        "database_secret": {"type": "str", "no_log": False},
        "interval_seconds": {"type": "int", "default": 5},
        "cpu": {"type": "int", "default": 256},
        "memory": {"type": "int", "default": 512},
    }
    CONSTRAINTS = {"required_if": required_when_present([*CONTAINER_REQUIRED, "pools", "database_secret"])}

    def validate(self) -> None:
        validate_containers(self.options, ["scaler"])
        if self.options["state"] == "absent":
            return
        validate_size("", self.options["cpu"], self.options["memory"])
        rule = "1 to 512 letters, digits and / _ + = . @ -, or an ARN"
        validate_form("database_secret", self.options["database_secret"], r"[A-Za-z0-9/_+=.@:-]{1,512}", rule, SECRETS)
        if not self.options["pools"]:
            raise OptionError("pools", self.options["pools"], "at least one worker pool is needed")
        for fault in scaled_pools_faults("pools", self.options["pools"]):
            raise fault
        if not 1 <= self.options["interval_seconds"] <= 60:
            raise OptionError("interval_seconds", self.options["interval_seconds"], "it must be from 1 to 60")

    def resources(self) -> list[Resource]:
        configuration = {
            "environment": self.environment,
            "cluster": self.options["cluster"],
            "interval_seconds": self.options["interval_seconds"],
            "database_secret": self.options["database_secret"],
            "pools": self.options["pools"],
        }
        definition = task_definition(
            self.aws,
            self.options,
            f"{self.prefix}-scaler",
            self.tags,
            role="scaler",
            name="scaler",
            command=["run"],
            variables={
                "SM2A_SCALER_CONFIGURATION": json.dumps(configuration, sort_keys=True),
                **{name: str(value) for name, value in self.options["environment_variables"].items()},
            },
            size=self.options,
            health_check=http_check(PORT, "/healthz"),
            port=PORT,
        )
        self.service = Service(
            self.aws,
            f"{self.prefix}-scaler",
            self.tags,
            cluster=self.options["cluster"] or self.prefix,
            task_definition=definition,
            subnet_ids=self.options["subnet_ids"],
            security_group_ids=self.options["security_group_ids"],
            desired_count=1,
            execute_command=self.options["execute_command"],
        )
        return [definition, self.service, Dashboard(self.aws, f"{self.prefix}-scaler", self._widgets())]

    def _widgets(self) -> list[dict[str, Any]]:
        """For each pool its tasks beside its workers; below all pools the scaler itself, and its reasons."""
        rows = [
            [
                self._graph(f"{pool}: tasks", ["QueuedTasks", "RunningTasks", "OldestQueuedSeconds"], pool),
                self._graph(f"{pool}: workers", [f"{state}Workers" for state in WORKER_STATES], pool),
            ]
            for pool in sorted(self.options["pools"])
        ]
        query = (
            "filter message = 'scaled' | fields @timestamp, pool, `from`, to, reason | sort @timestamp desc | limit 50"
        )
        reasons = {
            "type": "log",
            "properties": {
                "title": "decisions",
                "region": self.aws.region,
                "query": f"SOURCE '{self.options['log_group']}' | {query}",
                "view": "table",
            },
        }
        rows.append([self._graph("scaler", ["LoopSeconds", "DataAgeSeconds", "Faults", "AwsCalls"]), reasons])
        return [
            {**widget, "x": 12 * column, "y": 6 * row, "width": 12, "height": 6}
            for row, widgets in enumerate(rows)
            for column, widget in enumerate(widgets)
        ]

    def _graph(self, title: str, metrics: list[str], pool: str | None = None) -> dict[str, Any]:
        dimensions = ["Environment", self.environment, *(["Pool", pool] if pool else [])]
        return {
            "type": "metric",
            "properties": {
                "title": title,
                "region": self.aws.region,
                "view": "timeSeries",
                "stat": "Maximum",
                "period": 60,
                # Seconds have an axis of their own beside counts.
                "metrics": [
                    [NAMESPACE, metric, *dimensions, {"yAxis": "right" if metric.endswith("Seconds") else "left"}]
                    for metric in metrics
                ],
            },
        }

    def facts(self) -> dict[str, Any]:
        return {
            "dashboard": f"{self.prefix}-scaler",
            "service": {
                "name": self.service.name,
                "arn": self.service.id,
                "task_definition": self.service.task_definition.id,
            },
        }
