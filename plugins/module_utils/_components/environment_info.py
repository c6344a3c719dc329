# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads a whole environment, for people and for monitoring. It changes nothing and needs no graph."""

from __future__ import annotations

from typing import Any

from .._reconcile.aws import Aws
from .._reconcile.errors import BotoCoreError, ClientError, OptionError, code_of
from .._resources.sqs import MISSING as MISSING_QUEUE
from ._common_options import validate_environment
from ._health import airflow_health, port_of
from ._module import aws_module
from ._option_rules import DOMAIN, LISTENERS, validate_form, validate_url

DESCRIBE_SERVICES_LIMIT = 10  # https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeServices.html


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
        validate_form("domain_name", options["domain_name"], DOMAIN, "a host name in lower case", LISTENERS)


def read_environment(aws: Aws, environment: str, url: str | None, domain_name: str | None) -> dict[str, Any]:
    """Return the services, queues, database, address and health of an environment.

    ``url`` is where users find Airflow; without it that is ``domain_name``, the certificate's name, or the load
    balancer's own, in this order. Whatever does not exist is missing from the lists or None.
    """
    prefix = f"sm2a-{environment}"
    balancer = _balancer(aws, prefix)
    listeners = _listeners(aws, balancer) if balancer else []
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
        "queues": _queues(aws, prefix),
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
    ecs = aws.client("ecs")
    try:
        arns = sorted(ecs.pages("list_services", "serviceArns", cluster=cluster))
    except ClientError as error:
        if code_of(error) == "ClusterNotFoundException":
            return []
        raise
    found = []
    for start in range(0, len(arns), DESCRIBE_SERVICES_LIMIT):
        answer = ecs.describe_services(cluster=cluster, services=arns[start : start + DESCRIBE_SERVICES_LIMIT])
        for service in answer["services"]:
            primary: dict[str, Any] = next(
                (item for item in service.get("deployments", []) if item["status"] == "PRIMARY"), {}
            )
            found.append(
                {
                    "name": service["serviceName"],
                    "running": service["runningCount"],
                    "desired": service["desiredCount"],
                    "pending": service["pendingCount"],
                    "task_definition": service["taskDefinition"].rsplit("/", 1)[-1],
                    "rollout": primary.get("rolloutState", ""),
                }
            )
    return found


def _queues(aws: Aws, prefix: str) -> list[dict[str, Any]]:
    sqs = aws.client("sqs")
    environment = prefix.removeprefix("sm2a-")
    found = []
    for url in sorted(sqs.pages("list_queues", "QueueUrls", QueueNamePrefix=f"{prefix}-")):
        try:
            if sqs.list_queue_tags(QueueUrl=url).get("Tags", {}).get("sm2a:environment") != environment:
                continue
            attributes = sqs.get_queue_attributes(
                QueueUrl=url,
                AttributeNames=[
                    "ApproximateNumberOfMessages",
                    "ApproximateNumberOfMessagesNotVisible",
                    "VisibilityTimeout",
                ],
            )["Attributes"]
        except ClientError as error:
            if code_of(error) in MISSING_QUEUE:
                continue  # deleted a moment ago, listed still
            raise
        found.append(
            {
                "name": url.rsplit("/", 1)[-1],
                "waiting": int(attributes["ApproximateNumberOfMessages"]),
                "in_flight": int(attributes["ApproximateNumberOfMessagesNotVisible"]),
                "visibility_timeout": int(attributes["VisibilityTimeout"]),
            }
        )
    return found


def _database(aws: Aws, identifier: str) -> dict[str, Any] | None:
    try:
        instance = aws.client("rds").describe_db_instances(DBInstanceIdentifier=identifier)["DBInstances"][0]
    except ClientError as error:
        if code_of(error) in ("DBInstanceNotFound", "DBInstanceNotFoundFault"):
            return None
        raise
    return {
        "identifier": identifier,
        "engine": instance["Engine"],
        "engine_version": instance["EngineVersion"],
        "status": instance["DBInstanceStatus"],
        "multi_az": instance.get("MultiAZ", False),
    }


def _balancer(aws: Aws, name: str) -> dict[str, Any] | None:
    try:
        found = aws.client("elbv2").describe_load_balancers(Names=[name])["LoadBalancers"]
    except ClientError as error:
        if code_of(error) == "LoadBalancerNotFound":
            return None
        raise
    return dict(found[0])


def _listeners(aws: Aws, balancer: dict[str, Any]) -> list[dict[str, Any]]:
    return list(aws.client("elbv2").describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"])


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
