# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every container of Airflow is given: its configuration, without a single secret value, and its limits."""

from __future__ import annotations

from typing import Any

from .._reconcile.aws import Aws
from .._reconcile.errors import OptionError
from .._resources.ecs import TaskDefinition
from ._names import secret_path
from ._option_rules import (
    BUCKET,
    BUCKETS,
    IMAGE,
    IMAGES,
    QUEUES,
    validate_arn,
    validate_form,
    validate_ids,
    validate_origin,
    validate_pool_name,
    validate_url,
)
from ._own_options import CONFIGURATION
from ._secret_values import kind_of
from ._variables import SECRET_OPTIONS, validate_configuration, validate_variables, variables_of

CLUSTERS = "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateCluster.html"
TASK_ROLES = "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html"
LOG_GROUPS = "https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html"
EXECUTION_API = "https://airflow.apache.org/docs/apache-airflow/stable/configurations-ref.html#execution-api-server-url"
# Fargate ends a task at the latest two minutes after SIGTERM:
# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html
STOP_SECONDS = 120
VISIBILITY = "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-visibility-timeout.html"
# For how long SQS hides a message at most, seconds (VISIBILITY).
MOST_HIDDEN = 43200

CONTAINER_ARGUMENTS: dict[str, Any] = {
    "cluster": {"type": "str"},
    "image": {"type": "str"},
    "subnet_ids": {"type": "list", "elements": "str", "default": []},
    "security_group_ids": {"type": "list", "elements": "str", "default": []},
    "role_arns": {"type": "dict", "default": {}},
    "log_group": {"type": "str"},
    "architecture": {"type": "str", "choices": ["X86_64", "ARM64"], "default": "X86_64"},
    "environment_variables": {"type": "dict", "default": {}},
    "execute_command": {"type": "bool", "default": False},
}
AIRFLOW_ARGUMENTS: dict[str, Any] = {
    **CONTAINER_ARGUMENTS,
    "log_bucket": {"type": "str"},
    "dag_bucket": {"type": "str"},
    "queues": {"type": "dict", "default": {}},
    "default_pool": {"type": "str"},
    "url": {"type": "str"},
    "execution_api_server_url": {"type": "str"},
    "configuration": {"type": "dict", "default": {}},
}
CONTAINER_REQUIRED = ["cluster", "image", "subnet_ids", "security_group_ids", "role_arns", "log_group"]
AIRFLOW_REQUIRED = [*CONTAINER_REQUIRED, "log_bucket", "dag_bucket", "queues", "url", "execution_api_server_url"]


def required_when_present(names: list[str]) -> list[tuple[str, str, list[str]]]:
    """Return the constraint that these options are required when the component is to be present."""
    return [("state", "present", names)]


def validate_containers(options: dict[str, Any], services: list[str]) -> None:
    """Refuse options that ECS or Airflow would refuse, or that would put a secret into an environment variable."""
    if options["state"] == "absent":
        return
    rule = "1 to 255 letters, digits, hyphens and underscores"
    validate_form("cluster", options["cluster"], r"[A-Za-z0-9_-]{1,255}", rule, CLUSTERS)
    validate_form("image", options["image"], IMAGE, "it must be an image, registry/path:tag", IMAGES)
    validate_ids("subnet_ids", options["subnet_ids"], "subnet")
    validate_ids("security_group_ids", options["security_group_ids"], "sg")
    rule = "1 to 512 letters, digits and . - _ / #"
    validate_form("log_group", options["log_group"], r"[A-Za-z0-9._/#-]{1,512}", rule, LOG_GROUPS)
    for service in ["execution", *services]:
        if service not in options["role_arns"]:
            rule = f"the role of {service} is missing"
            raise OptionError("role_arns", sorted(options["role_arns"]), rule, TASK_ROLES)
        validate_arn(f"role_arns.{service}", options["role_arns"][service], "iam", "role/", TASK_ROLES)
    validate_variables("environment_variables", options["environment_variables"])


def validate_airflow(options: dict[str, Any], services: list[str]) -> None:
    """Refuse what ``validate_containers`` does, and options with which Airflow could not work."""
    validate_containers(options, services)
    if options["state"] == "absent":
        return
    for option in ("log_bucket", "dag_bucket"):
        rule = "3 to 63 lower-case letters, digits, hyphens and dots"
        validate_form(option, options[option], BUCKET, rule, BUCKETS)
    _validate_queues(options["queues"], options["default_pool"])
    validate_origin("url", options["url"], CONFIGURATION)
    validate_url("execution_api_server_url", options["execution_api_server_url"], EXECUTION_API, ending="/execution/")
    validate_configuration("configuration", options["configuration"])


def _validate_queues(queues: dict[str, Any], default_pool: str | None) -> None:
    if not queues:
        raise OptionError("queues", queues, "at least one is needed", QUEUES)
    for pool, queue in queues.items():
        validate_pool_name("queues", pool)
        if not isinstance(queue, dict) or not queue.get("url"):
            raise OptionError(f"queues.{pool}", kind_of(queue), "it must be a mapping with the queue's url", QUEUES)
        validate_url(f"queues.{pool}.url", queue["url"], QUEUES)
        seconds = queue.get("visibility_timeout", MOST_HIDDEN)
        if not isinstance(seconds, int) or not 0 <= seconds <= MOST_HIDDEN:
            rule = f"it must be a number of seconds from 0 to {MOST_HIDDEN}"
            raise OptionError(f"queues.{pool}.visibility_timeout", seconds, rule, VISIBILITY)
    if default_pool and default_pool not in queues:
        raise OptionError("default_pool", default_pool, f"it must be one of {', '.join(sorted(queues))}")


def airflow_variables(options: dict[str, Any], region: str) -> dict[str, str]:
    """Return the environment variables of a container of Airflow."""
    environment = options["environment"]
    given = options["queues"]
    queues = {pool: {"url": queue["url"]} for pool, queue in sorted(given.items())}
    bundle = {
        "name": "dags",
        "classpath": "airflow.providers.amazon.aws.bundles.s3.S3DagBundle",
        "kwargs": {
            "aws_conn_id": "aws_default",
            "bucket_name": options["dag_bucket"],
            "prefix": "dags",
            "refresh_interval": 30,
        },
    }
    backend = {f"{kind}_prefix": secret_path(environment, kind) for kind in ("connections", "variables", "config")}
    own = {
        "core": {
            "executor": "CeleryExecutor",
            "auth_manager": "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager",
            "execution_api_server_url": options["execution_api_server_url"],
            # Under this the API server asks a worker or a triggerer for the log of a running task: nothing in a VPC
            # resolves the name that Fargate gives a container.
            "hostname_callable": "airflow.utils.net.get_host_ip_address",
        },
        "secrets": {
            "backend": "sm2a_image.secrets_backend.SecretsManagerBackend",
            "backend_kwargs": backend,
        },
        "celery": {"broker_url": "sqs://", "worker_enable_remote_control": False, "operation_timeout": 5},
        "celery_broker_transport_options": {
            "predefined_queues": queues,
            # The queues themselves decide: Kombu reads it only to make queues, never with predefined ones. But without
            # it Airflow warns, and takes a default that is longer than SQS allows.
            "visibility_timeout": min(queue.get("visibility_timeout", MOST_HIDDEN) for queue in given.values()),
            "region": region,
        },
        # A busy API server may take longer than the default five seconds; a task must not fail of that.
        "workers": {"execution_api_timeout": 30},
        "operators": {"default_queue": options["default_pool"] or sorted(options["queues"])[0]},
        # A queued task may have to wait for the scale-out from zero and for those before it.
        "scheduler": {"task_queued_timeout": 1800},
        "logging": {
            "remote_logging": True,
            "remote_base_log_folder": f"s3://{options['log_bucket']}/task-logs",
            "remote_log_conn_id": "aws_default",
        },
        "dag_processor": {"dag_bundle_config_list": [bundle], "refresh_interval": 30},
        "api": {"base_url": options["url"]},
        # The load balancer says whether users speak HTTPS, and leaves the Host header as it is, with the port that they
        # see, which need not be the listener's. Other headers of this kind would come from anybody.
        "fab": {
            "enable_proxy_fix": True,
            "proxy_fix_x_host": 0,
            "proxy_fix_x_port": 0,
            "proxy_fix_x_prefix": 0,
            "cookie_secure": options["url"].startswith("https:"),
        },
    }
    secrets = {f"{name}_SECRET": secret for name, secret in SECRET_OPTIONS.items()}
    return {
        **variables_of(own),
        **secrets,
        # The connection of the remote log and of the DAG bundle: the task role's credentials, nothing stored.
        "AIRFLOW_CONN_AWS_DEFAULT": "aws://",
        **variables_of(options["configuration"]),
        **{name: str(value) for name, value in options["environment_variables"].items()},
    }


def http_check(port: int, path: str) -> str:
    """Return the shell command of a health check: the container itself answers 200 on a path."""
    return (
        f"python -c \"import http.client as h; c = h.HTTPConnection('127.0.0.1', {port}); "
        f"c.request('GET', '{path}'); exit(c.getresponse().status != 200)\""
    )


def task_definition(
    aws: Aws,
    options: dict[str, Any],
    family: str,
    tags: dict[str, str],
    *,
    role: str,
    name: str,
    command: list[str],
    variables: dict[str, str],
    size: dict[str, Any],
    health_check: str | None = None,
    port: int | None = None,
) -> TaskDefinition:
    """Return the task definition of one container, named ``name``, that logs to the options' log group."""
    container: dict[str, Any] = {
        "name": name,
        "image": options["image"],
        "essential": True,
        "command": command,
        "stopTimeout": STOP_SECONDS,
        "environment": [
            {"name": key, "value": value} for key, value in {"AWS_DEFAULT_REGION": aws.region, **variables}.items()
        ],
        "logConfiguration": {
            "logDriver": "awslogs",
            "options": {
                "awslogs-group": options["log_group"],
                "awslogs-region": aws.region,
                "awslogs-stream-prefix": name,
                # A slow log service must not stop Airflow.
                "mode": "non-blocking",
                "max-buffer-size": "25m",
            },
        },
    }
    if port:
        container["portMappings"] = [{"containerPort": port, "protocol": "tcp"}]
    if health_check:
        container["healthCheck"] = {
            "command": ["CMD-SHELL", health_check],
            "interval": 30,
            "timeout": 20,
            "retries": 5,
            "startPeriod": 120,
        }
    return TaskDefinition(
        aws,
        family,
        tags,
        cpu=size["cpu"],
        memory=size["memory"],
        execution_role_arn=options["role_arns"].get("execution", ""),
        task_role_arn=options["role_arns"].get(role, ""),
        container=container,
        architecture=options["architecture"],
        ephemeral_storage=size.get("ephemeral_storage"),
    )
