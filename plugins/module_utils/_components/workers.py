# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Airflow's workers: one ECS service per pool. How many tasks each runs is the scaler's business."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

from .._reconcile.errors import OptionError
from .._reconcile.resource import Resource
from .._reconcile.tags import POOL
from .._resources.ecs import TaskDefinition
from .._resources.ecs_service import Service, service_names, service_tasks
from ._base import Component
from ._containers import (
    AIRFLOW_OPTIONS,
    AIRFLOW_VOLUMES,
    CPU_UNITS,
    airflow_faults,
    airflow_variables,
    size_faults,
    task_definition,
)
from ._names import worker_service
from ._option import Fact, Option, Return, refusals
from ._option_rules import validate_pool_name
from ._pools import DASHBOARDS, MOST_POOLS, POOL_DEFAULTS, SCALED_POOL, UNKNOWN_POOL, pool_faults, typed_pools
from ._pools import POOL as POOL_KEYS


class WorkersComponent(Component):
    """Services named ``sm2a-<environment>-worker-<pool>``."""

    NAME = "workers"
    SUMMARY = "ECS service of Celery workers per worker pool"
    DESCRIPTION = (
        "Creates one ECS service per worker pool. A service starts with the pool's minimum; from then on the scaler "
        "sizes it.",
    )
    TASK = "Create the services of the worker pools"
    MAIN = ("pools",)
    OPTIONS = {
        **AIRFLOW_OPTIONS,
        "pools": Option(
            "dict",
            (
                "Worker pools by name.",
                "The service of a pool that is no longer named is left to the scaler, which lets its workers "
                "finish; the run after that deletes the service.",
                "Each pool has these keys, of which none has to be given.",
            ),
            default={},
            each=POOL_KEYS,
            items=1,
            most_items=MOST_POOLS,
            most_items_why=DASHBOARDS,
            needed=True,
            site="sm2a_worker_pools",
            role_default="{{ sm2a_worker_pools | default({'default': {}}, true) }}",
        ),
        "draining_pools": Option(
            "list",
            (
                "Pools that are no longer named and whose queue still has messages, as the M(sm2a.airflow.queue) "
                "module tells.",
                "Their service stays until the scaler has emptied it.",
            ),
            elements="str",
            default=[],
            fact=Fact("queue", ("draining_pools",)),
        ),
    }
    RETURNS = {
        "draining_pools": Return("list", "Pools that are no longer named and still have workers.", [], elements="str"),
        "pools": Return(
            "dict",
            "What the scaler needs to know of each pool.",
            {
                "default": {
                    "service": "sm2a-dev-worker-default",
                    "queue": "default",
                    "queue_url": "https://sqs.eu-central-1.amazonaws.com/123456789012/sm2a-dev-default",
                    "concurrency": 8,
                    "minimum": 0,
                    "maximum": 10,
                }
            },
        ),
    }
    PLAN = ("AWS::ECS::Service", "sm2a-dev-worker-default")
    EXAMPLES = """
- name: Workers
  sm2a.airflow.workers:
    environment: dev
    region: eu-central-1
    cluster: sm2a-dev
    image: 123456789012.dkr.ecr.eu-central-1.amazonaws.com/sm2a-dev/airflow:0123456789abcdef
    subnet_ids: [subnet-0123456789abcdef0, subnet-0123456789abcdef1]
    security_group_ids: [sg-0123456789abcdef0]
    role_arns:
      execution: arn:aws:iam::123456789012:role/sm2a-dev-execution
      worker: arn:aws:iam::123456789012:role/sm2a-dev-worker
    log_group: /sm2a/dev/airflow
    log_bucket: sm2a-dev-logs-123456789012-eu-central-1
    dag_bucket: sm2a-dev-dags-123456789012-eu-central-1
    queues:
      default:
        url: https://sqs.eu-central-1.amazonaws.com/123456789012/sm2a-dev-default
    url: https://airflow.dev.example.com
    execution_api_server_url: http://api-server.sm2a-dev.internal:8080/execution/
    pools:
      default: {minimum: 0, maximum: 10, concurrency: 8}
"""

    def rules(self) -> Iterator[OptionError]:
        yield from airflow_faults(self.options, ["worker"], self.aws.region)
        if self.options["state"] == "absent":
            return
        try:
            self.options["pools"] = typed_pools("pools", self.options["pools"])
        except OptionError as error:
            yield error
            return
        for name, pool in self.options["pools"].items():
            yield from refusals(validate_pool_name, "pools", name)
            yield from pool_faults(f"pools.{name}", pool)
            if name not in self.options["queues"]:
                rule = "it has no queue; the pools of the queue component must include it"
                yield OptionError(f"pools.{name}", name, rule)

    def resources(self) -> list[Resource]:
        present = self.options["state"] == "present"
        self.services = {name: self._service(name) for name in self.options["pools"]} if present else {}
        self.draining: dict[str, dict[str, Any]] = {}
        definitions = [service.task_definition for service in self.services.values()]
        return [*definitions, *self.services.values(), *self._obsolete(present)]

    def vcpus(self) -> dict[str, float]:
        found: Counter[str] = Counter()
        for pool in self.options["pools"].values():
            found[pool["capacity_provider"]] += pool["maximum"] * pool["cpu"]
        return {provider: units / CPU_UNITS for provider, units in found.items()}

    def sizes(self) -> Iterator[OptionError]:
        for name, pool in self.options["pools"].items():
            own, common = (len(str(given["environment_variables"])) for given in (pool, self.options))
            option = f"pools.{name}.environment_variables" if own > common else "environment_variables"
            yield from size_faults(option, self._definition(name))

    def _definition(self, name: str) -> TaskDefinition:
        pool = self.options["pools"][name]
        variables = {
            **airflow_variables(self.options, self.aws.region, "worker"),
            **{key: str(value) for key, value in pool["environment_variables"].items()},
        }
        return task_definition(
            self.aws,
            self.options,
            worker_service(self.environment, name),
            self._tags(name),
            role="worker",
            name="worker",
            command=["sm2a-worker", "--queues", name, "--concurrency", str(pool["concurrency"])],
            variables=variables,
            size=pool,
            volumes=AIRFLOW_VOLUMES,
        )

    def _service(self, name: str) -> Service:
        pool = self.options["pools"][name]
        return Service(
            self.aws,
            worker_service(self.environment, name),
            self._tags(name),
            cluster=self.options["cluster"],
            task_definition=self._definition(name),
            subnet_ids=self.options["subnet_ids"],
            security_group_ids=self.options["security_group_ids"],
            initial_count=pool["minimum"],
            capacity_provider=pool["capacity_provider"],
            execute_command=self.options["execute_command"],
            drains=True,
        )

    def _tags(self, pool: str) -> dict[str, str]:
        return {**self.tags, POOL: pool}

    def _obsolete(self, present: bool) -> list[Resource]:
        """The services of pools that are no longer named, once they are empty; all of them if none is wanted."""
        cluster = self.options["cluster"] or self.prefix
        start = worker_service(self.environment, "")
        obsolete: list[Resource] = []
        names = service_names(self.aws, cluster)
        if not present:
            # Those too whose service is gone already.
            names = sorted({*names, *TaskDefinition.families(self.aws, start)})
        for name in names:
            pool = name[len(start) :]
            if not name.startswith(start) or pool in self.services:
                continue
            if present and (pool in self.options["draining_pools"] or service_tasks(self.aws, cluster, name)):
                self.draining[pool] = self._drained_by_the_scaler(cluster, name, pool)
                continue
            service = Service(self.aws, name, self.tags, cluster=cluster, task_definition=self._no_definition(name))
            # It goes first, and a run that is killed in between finds the service again. ECS lets it go while in use:
            # https://docs.aws.amazon.com/AmazonECS/latest/developerguide/delete-task-definition-v2.html
            definition = self._no_definition(name)
            definition.after = [service]
            service.absent = definition.absent = present
            obsolete += [definition, service]
        return obsolete

    def _no_definition(self, name: str) -> TaskDefinition:
        """Return the task definition of a pool that is to go, of which only the name matters."""
        return task_definition(
            self.aws,
            self.options,
            name,
            self.tags,
            role="worker",
            name="worker",
            command=[],
            variables={},
            size=POOL_DEFAULTS,
        )

    def _drained_by_the_scaler(self, cluster: str, service: str, pool: str) -> dict[str, Any]:
        """What the scaler must know to let the workers of a pool that is no longer named finish, and go.

        One of them stays for as long as something is queued.
        """
        ecs = self.aws.client("ecs")
        found = ecs.describe_services(cluster=cluster, services=[service])["services"][0]
        definition = ecs.describe_task_definition(taskDefinition=found["taskDefinition"])["taskDefinition"]
        container = definition["containerDefinitions"][0]
        environment = {item["name"]: item["value"] for item in container["environment"]}
        queues = json.loads(environment["AIRFLOW__CELERY_BROKER_TRANSPORT_OPTIONS__PREDEFINED_QUEUES"])
        options = dict(zip(container["command"][1::2], container["command"][2::2]))
        return {
            **UNKNOWN_POOL,
            "service": service,
            "queue": pool,
            "queue_url": queues[pool]["url"],
            "concurrency": int(options["--concurrency"]),
            "minimum": 0,
            "maximum": 1,
        }

    def facts(self) -> dict[str, Any]:
        return {
            "draining_pools": sorted(self.draining),
            "pools": {
                **self.draining,
                **{
                    name: {
                        "service": service.name,
                        "queue": name,
                        "queue_url": self.options["queues"][name]["url"],
                        **{key: value for key, value in self.options["pools"][name].items() if key in SCALED_POOL},
                    }
                    for name, service in self.services.items()
                },
            },
        }
