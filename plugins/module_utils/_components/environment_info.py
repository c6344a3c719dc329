# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads a whole environment, for people and for monitoring. It changes nothing and needs no graph."""

from __future__ import annotations

import json
from typing import Any
from urllib.error import URLError
from urllib.parse import urlsplit

from ansible.module_utils.urls import open_url

from .._reconcile.aws import Aws
from .._resources.sqs import MISSING as MISSING_QUEUE

try:
    from botocore.exceptions import ClientError
except ImportError:
    ClientError = Exception  # AnsibleAWSModule reports the missing library.

HEALTH_PATH = "/api/v2/monitor/health"
DESCRIBE_SERVICES_LIMIT = 10  # https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeServices.html


def read_environment(aws: Aws, environment: str, url: str | None) -> dict[str, Any]:
    """Return the services, queues, database, address and health of an environment.

    Whatever does not exist is missing from the lists or None.
    """
    prefix = f"sm2a-{environment}"
    address = url or _address(aws, prefix)
    return {
        "url": address,
        "health": _health(address) if address else {},
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
    health = ", ".join(f"{name} {state}" for name, state in sorted(status["health"].items())) or "unreachable"
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
        if error.response["Error"]["Code"] == "ClusterNotFoundException":
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
            if error.response["Error"]["Code"] in MISSING_QUEUE:
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
        if error.response["Error"]["Code"] in ("DBInstanceNotFound", "DBInstanceNotFoundFault"):
            return None
        raise
    return {
        "identifier": identifier,
        "engine": instance["Engine"],
        "engine_version": instance["EngineVersion"],
        "status": instance["DBInstanceStatus"],
        "multi_az": instance.get("MultiAZ", False),
    }


def _address(aws: Aws, name: str) -> str | None:
    elbv2 = aws.client("elbv2")
    try:
        balancer = elbv2.describe_load_balancers(Names=[name])["LoadBalancers"][0]
    except ClientError as error:
        if error.response["Error"]["Code"] == "LoadBalancerNotFound":
            return None
        raise
    listeners = elbv2.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]
    scheme = "https" if any(listener["Protocol"] == "HTTPS" for listener in listeners) else "http"
    return f"{scheme}://{balancer['DNSName']}"


def _health(address: str) -> dict[str, str]:
    """Return the state that Airflow reports of each of its components, empty where it does not answer."""
    parts = urlsplit(address)
    headers = {}
    if (parts.hostname or "").endswith(".localhost"):
        # Browsers know that such names are this machine (RFC 6761); the C library of many systems does not.
        headers["Host"] = parts.netloc
        parts = parts._replace(netloc=parts.netloc.replace(str(parts.hostname), "127.0.0.1"))
    try:
        answer = json.loads(open_url(parts.geturl() + HEALTH_PATH, headers=headers, timeout=10).read())
    except (URLError, OSError, ValueError):
        return {}
    return {name: str(state["status"]) for name, state in answer.items() if state.get("status")}
