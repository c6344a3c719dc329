# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The metrics container: it watches the queues and the metadata database, and sizes the worker services."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from .._reconcile.errors import OptionError
from .._reconcile.resource import Resource
from .._resources.cloudwatch import Dashboard
from .._resources.ecs import TaskDefinition, validate_size
from .._resources.ecs_service import Service
from ._base import Component
from ._containers import (
    CPU_UNITS,
    container_faults,
    container_options,
    http_check,
    image_entry_point,
    size_faults,
    task_definition,
)
from ._option import Fact, Form, Option, Return, refusals
from ._pools import DASHBOARDS, MOST_POOLS, scaled_pools_faults

PORT = 8081
# As the scaler's program names them in its metrics.
NAMESPACE = "SM2A"
WORKER_STATES = ("Wanted", "Ready", "Starting", "Cordoned", "Outdated")
SECRETS = "https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html"
SECRET_NAME = Form(r"[A-Za-z0-9/_+=.@:-]{1,512}", "1 to 512 letters, digits and / _ + = . @ -, or an ARN", SECRETS)


class ScalerComponent(Component):
    """One ECS service and one dashboard, both named ``sm2a-<environment>-scaler``."""

    NAME = "scaler"
    SUMMARY = "Service that sets the number of workers, and its dashboard"
    DESCRIPTION = (
        "Creates the ECS service of the scaler, which watches the queues and the metadata database and sets the "
        "desired count of each worker service, and a CloudWatch dashboard that shows what it sees and decides.",
    )
    TASK = "Run the scaler"
    MAIN = ("interval_seconds",)
    OPTIONS = {
        **container_options("scaler"),
        "pools": Option(
            "dict",
            "The worker pools: for each C(service), C(queue), C(queue_url), C(concurrency), C(minimum) and C(maximum).",
            default={},
            items=1,
            most_items=MOST_POOLS,
            most_items_why=DASHBOARDS,
            needed=True,
            fact=Fact("workers", ("pools",)),
        ),
        "database_secret": Option(
            "str",
            "Name of the secret with the scaler's login to the metadata database.",
            form=SECRET_NAME,
            needed=True,
            no_log=False,
            fact=Fact("database", ("secret_names", "scaler")),
        ),
        "interval_seconds": Option("int", "Seconds between two decisions.", default=5, least=1, most=60),
        "cpu": Option("int", "CPU units, 1024 is one vCPU.", default=256),
        "memory": Option("int", "Memory in MiB.", default=512),
    }
    RETURNS = {
        "dashboard": Return(
            "str", "Name of the CloudWatch dashboard that shows what the scaler sees and decides.", "sm2a-dev-scaler"
        ),
        "service": Return(
            "dict",
            "The ECS service.",
            {
                "name": "sm2a-dev-scaler",
                "arn": "arn:aws:ecs:eu-central-1:123456789012:service/sm2a-dev/sm2a-dev-scaler",
                "task_definition": "arn:aws:ecs:eu-central-1:123456789012:task-definition/sm2a-dev-scaler:1",
            },
        ),
    }
    ENTRY_POINTS = image_entry_point("scaler")
    PLAN = ("AWS::ECS::Service", "sm2a-dev-scaler")
    EXAMPLES = """
- name: Scaler
  sm2a.airflow.scaler:
    environment: dev
    region: eu-central-1
    cluster: sm2a-dev
    image: 123456789012.dkr.ecr.eu-central-1.amazonaws.com/sm2a-dev/scaler:0123456789abcdef
    subnet_ids: [subnet-0123456789abcdef0, subnet-0123456789abcdef1]
    security_group_ids: [sg-0123456789abcdef0]
    role_arns:
      execution: arn:aws:iam::123456789012:role/sm2a-dev-execution
      scaler: arn:aws:iam::123456789012:role/sm2a-dev-scaler
    log_group: /sm2a/dev/scaler
    pools:
      default:
        service: sm2a-dev-worker-default
        queue: default
        queue_url: https://sqs.eu-central-1.amazonaws.com/123456789012/sm2a-dev-default
        concurrency: 4
        minimum: 0
        maximum: 5
    database_secret: sm2a/dev/scaler/database
"""

    def rules(self) -> Iterator[OptionError]:
        yield from container_faults(self.options, ["scaler"], self.aws.region)
        if self.options["state"] == "absent":
            return
        yield from refusals(validate_size, "", self.options["cpu"], self.options["memory"])
        yield from scaled_pools_faults("pools", self.options["pools"])

    def sizes(self) -> Iterator[OptionError]:
        yield from size_faults("environment_variables", self._definition())

    def _definition(self) -> TaskDefinition:
        configuration = {
            "environment": self.environment,
            "cluster": self.options["cluster"],
            "interval_seconds": self.options["interval_seconds"],
            "database_secret": self.options["database_secret"],
            "pools": self.options["pools"],
        }
        return task_definition(
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

    def vcpus(self) -> dict[str, float]:
        return {"FARGATE": self.options["cpu"] / CPU_UNITS}

    def resources(self) -> list[Resource]:
        definition = self._definition()
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
