# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads a whole environment, for people and for monitoring. It changes nothing and needs no graph."""

from __future__ import annotations

from typing import Any

from .._reconcile.aws import Aws
from .._reconcile.errors import BotoCoreError, ClientError, OptionError
from .._reconcile.fields import read_fields
from .._reconcile.tags import ENVIRONMENT
from .._resources.ecs_service import FIELDS, newest_deployment, services_of
from .._resources.elbv2 import describe_load_balancer, listeners_of
from .._resources.rds import describe_instance
from .._resources.sqs import IN_FLIGHT, WAITING, QueueOfSomebody, queue_urls
from ._common_options import validate_environment
from ._health import airflow_health, port_of
from ._module import aws_module
from ._option_rules import HOST_NAME, LISTENERS, validate_form, validate_url


def run() -> None:
    """Read an environment as an Ansible module: the whole of its ``main``."""
    module = aws_module(
        {"environment": {"type": "str", "required": True}, "url": {"type": "str"}, "domain_name": {"type": "str"}}
    )
    try:
        validate_options(module.params)
        status = read_environment(Aws(module), *(module.params[name] for name in ("environment", "url", "domain_name")))
    except OptionError as error:
        module.fail_json(msg=str(error), option=error.option, rule=error.rule, documentation=error.documentation)
    except (ClientError, BotoCoreError) as error:
        module.fail_json_aws(error, msg="the environment could not be read")
    module.exit_json(changed=False, table=table(status), **status)


def validate_options(options: dict[str, Any]) -> None:
    """Refuse a name or an address that cannot exist. Raises OptionError."""
    validate_environment(options["environment"])
    if options["url"]:
        validate_url("url", options["url"], LISTENERS)
    if options["domain_name"]:
        validate_form("domain_name", options["domain_name"], HOST_NAME)


def read_environment(aws: Aws, environment: str, url: str | None, domain_name: str | None) -> dict[str, Any]:
    """Return the services, queues, database, address and health of an environment.

    ``url`` is where users find Airflow; without it that is ``domain_name``, the certificate's name, or the load
    balancer's own, in this order. Whatever does not exist is missing from the lists or None.
    """
    prefix = f"sm2a-{environment}"
    balancer = describe_load_balancer(aws, prefix)
    listeners = listeners_of(aws, balancer["LoadBalancerArn"]) if balancer else []
    address = url or (_address(aws, balancer, listeners, domain_name) if balancer else None)
    health: dict[str, str] = {}
    problem = "there is no load balancer"
    if address:
        # Where TLS ends before the load balancer, only what ends it listens at the port of the address.
        ours = balancer and port_of(address) in [listener["Port"] for listener in listeners]
        health, problem = airflow_health(address, balancer["DNSName"] if balancer and ours else None)
    return {
        "url": address,
        "health": health,
        "health_problem": problem or None,
        "services": _services(aws, prefix),
        "queues": _queues(aws, environment),
        "database": _database(aws, prefix),
    }


def table(status: dict[str, Any]) -> list[str]:
    """Return the lines of a table that a person reads in a terminal."""
    rows: list[tuple[str, ...]] = [("SERVICE", "RUNNING", "DESIRED", "TASK DEFINITION", "ROLLOUT")]
    for service in status["services"]:
        rows.append(
            (
                service["name"],
                str(service["running"]),
                str(service["desired"]),
                service["task_definition"],
                service["rollout"],
            )
        )
    lines = _aligned(rows)
    lines += ["", *_aligned([("QUEUE", "WAITING", "IN FLIGHT"), *_queue_rows(status["queues"])])]
    health = ", ".join(f"{name} {state}" for name, state in sorted(status["health"].items()))
    health = health or f"unreachable: {status['health_problem']}"
    database = status["database"]
    described = (
        f"{database['engine']} {database['engine_version']} {database['status']}" if database else "does not exist"
    )
    lines += ["", f"Database: {described}", f"Health:   {health}", f"Address:  {status['url'] or 'does not exist'}"]
    return lines


def _queue_rows(queues: list[dict[str, Any]]) -> list[tuple[str, ...]]:
    return [(queue["name"], str(queue["waiting"]), str(queue["in_flight"])) for queue in queues]


def _aligned(rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]


def _services(aws: Aws, cluster: str) -> list[dict[str, Any]]:
    found = []
    for service in services_of(aws, cluster):
        state = read_fields(FIELDS, service)
        found.append(
            {
                "name": service["serviceName"],
                "running": service["runningCount"],
                "desired": state["desired_count"],
                "pending": service["pendingCount"],
                "task_definition": state["task_definition"].rsplit("/", 1)[-1],
                "rollout": newest_deployment(service).get("rolloutState", ""),
            }
        )
    return found


def _queues(aws: Aws, environment: str) -> list[dict[str, Any]]:
    found = []
    for name, url in queue_urls(aws, f"sm2a-{environment}-").items():
        queue = QueueOfSomebody(aws, name, {}, {}, url=url).find()
        # The name of another environment may begin like this one's.
        if queue and queue["tags"].get(ENVIRONMENT) == environment:
            found.append(
                {
                    "name": name,
                    "waiting": int(queue[WAITING]),
                    "in_flight": int(queue[IN_FLIGHT]),
                    "visibility_timeout": int(queue["VisibilityTimeout"]),
                }
            )
    return found


def _database(aws: Aws, identifier: str) -> dict[str, Any] | None:
    instance = describe_instance(aws, identifier)
    if instance is None:
        return None
    return {
        "identifier": identifier,
        "engine": instance["Engine"],
        "engine_version": instance["EngineVersion"],
        "status": instance["DBInstanceStatus"],
        "multi_az": instance.get("MultiAZ", False),
    }


def _address(aws: Aws, balancer: dict[str, Any], listeners: list[dict[str, Any]], domain_name: str | None) -> str:
    secure = [listener for listener in listeners if listener["Protocol"] == "HTTPS"]
    if not secure:
        return f"http://{domain_name or balancer['DNSName']}"
    return f"https://{domain_name or _certified_name(aws, secure[0]) or balancer['DNSName']}"


def _certified_name(aws: Aws, listener: dict[str, Any]) -> str | None:
    """Return the name that a listener's certificate is for; nothing where it is for many, or may not be read."""
    certificates = listener.get("Certificates", [])
    if not certificates:
        return None
    try:
        arn = certificates[0]["CertificateArn"]
        name = str(aws.client("acm").describe_certificate(CertificateArn=arn)["Certificate"]["DomainName"])
    except ClientError:
        return None
    return None if "*" in name else name
