# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every container of Airflow is given: its configuration, without a single secret value, and its limits."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from typing import Any

from .._reconcile.aws import Aws
from .._reconcile.errors import OptionError
from .._reconcile.values import has_unknown
from .._resources.ecs import TaskDefinition
from .._secret_values import kind_of
from ._names import SECRETS, secret_path
from ._option import Fact, Form, Option, refusals
from ._option_rules import (
    BUCKET_NAME,
    ECR_IMAGE,
    IMAGE_ADDRESS,
    QUEUES,
    RESOURCE_IDS,
    SECURITY_GROUP_ID,
    SUBNET_ID,
    arn_form,
    validate_form,
    validate_origin,
    validate_pattern,
    validate_pool_name,
    validate_url,
)
from ._own_options import CONFIGURATION
from ._service_secrets import LOOKS_UP, service_options
from ._shared_options import REGISTRY_CREDENTIALS
from ._variables import validate_configuration, validate_variables, variables_of

CLUSTERS = "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateCluster.html"
# Of one vCPU: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_definition_parameters.html#task_size
CPU_UNITS = 1024
TASK_ROLES = "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html"
LOG_GROUPS = "https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html"
EXECUTION_API = "https://airflow.apache.org/docs/apache-airflow/stable/configurations-ref.html#execution-api-server-url"
LOOKUPS = (
    "https://airflow.apache.org/docs/apache-airflow-providers-amazon/stable/secrets-backends/aws-secrets-manager.html"
)
SECRETS_PRICES = "https://aws.amazon.com/secrets-manager/pricing/"
# A limit of ours: for an hour at most somebody has to wait for a secret that was changed.
MOST_CACHED = 3600
# Fargate ends a task at the latest two minutes after SIGTERM:
# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html
STOP_SECONDS = 120
# What programs of Airflow can write to. The image declares the same paths as VOLUME: only then the folders belong to
# the user of the image. https://docs.aws.amazon.com/AmazonECS/latest/developerguide/bind-mounts.html
AIRFLOW_VOLUMES = {"home": "/opt/airflow", "tmp": "/tmp"}
VISIBILITY = "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-visibility-timeout.html"
# For how long SQS hides a message at most, seconds (VISIBILITY).
MOST_HIDDEN = 43200

ROLE_ARN = arn_form("iam", "role/", TASK_ROLES)
CLUSTER_NAME = Form(r"[A-Za-z0-9_-]{1,255}", "1 to 255 letters, digits, hyphens and underscores", CLUSTERS)
LOG_GROUP = Form(
    r"(?!aws/)[A-Za-z0-9._/#-]{1,512}", "1 to 512 letters, digits and . - _ / #, not beginning with aws/", LOG_GROUPS
)
# A task's subnets and groups.
NETWORKING = "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_AwsVpcConfiguration.html"
MOST_SUBNETS = 16
MOST_GROUPS = 5
QUOTAS = "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-quotas.html"
# Bytes of a task definition (QUOTAS).
MOST_OF_A_DEFINITION = 64 * 1024


def container_options(program: str) -> dict[str, Option]:
    """Return the options of a component whose containers run the image of ``program``, airflow or scaler."""
    return {
        "cluster": Option(
            "str", "Name of the ECS cluster.", form=CLUSTER_NAME, needed=True, fact=Fact("cluster", ("name",))
        ),
        "image": Option(
            "str",
            "Image of the containers.",
            form=IMAGE_ADDRESS,
            needed=True,
            fact=Fact(f"image_{program}", ("uri",)),
        ),
        "registry_credentials": REGISTRY_CREDENTIALS,
        "subnet_ids": Option(
            "list",
            "Private subnets for the tasks.",
            elements="str",
            default=[],
            form=SUBNET_ID,
            items=1,
            most_items=MOST_SUBNETS,
            most_items_why=NETWORKING,
            why=RESOURCE_IDS,
            needed=True,
            fact=Fact("network", ("private_subnet_ids",)),
        ),
        "security_group_ids": Option(
            "list",
            "Security groups of the tasks.",
            elements="str",
            default=[],
            form=SECURITY_GROUP_ID,
            items=1,
            most_items=MOST_GROUPS,
            most_items_why=NETWORKING,
            why=RESOURCE_IDS,
            needed=True,
            fact=Fact("security", ("security_group_ids", "airflow"), one=True),
        ),
        "role_arns": Option(
            "dict",
            "ARN of the IAM role of each service, and of the task execution role as C(execution).",
            default={},
            needed=True,
            texts=ROLE_ARN,
            fact=Fact("security", ("role_arns",)),
        ),
        "log_group": Option(
            "str",
            "CloudWatch log group of the containers.",
            form=LOG_GROUP,
            needed=True,
            fact=Fact("observability", ("log_groups", program)),
        ),
        "architecture": Option(
            "str",
            "CPU architecture of the image.",
            choices=("X86_64", "ARM64"),
            default="X86_64",
            site="sm2a_architecture",
        ),
        "environment_variables": Option(
            "dict",
            (
                "Additional environment variables of the containers.",
                "Never put a secret here; Airflow's connections and variables belong in Secrets Manager.",
            ),
            default={},
        ),
        "execute_command": Option(
            "bool",
            (
                "Whether ECS Exec may open a shell in the containers.",
                "Its agent has to write to the root file system, which is then not read-only, and no capability is "
                "dropped.",
            ),
            default=False,
        ),
        "read_only_root_filesystem": Option(
            "bool",
            (
                "Whether the root file system of the containers is read-only.",
                "Airflow's containers can then write to C(/tmp) and to their home C(/opt/airflow), both as large as "
                "the task's ephemeral storage, and the scaler's to nothing.",
                "An image of your own must declare these two folders as C(VOLUME), as ours does.",
            ),
            default=True,
        ),
    }


AIRFLOW_OPTIONS = {
    **container_options("airflow"),
    "log_bucket": Option(
        "str", "Bucket of the task logs.", form=BUCKET_NAME, needed=True, fact=Fact("storage", ("log_bucket",))
    ),
    "dag_bucket": Option(
        "str",
        "Bucket of the DAGs, below C(dags/).",
        form=BUCKET_NAME,
        needed=True,
        fact=Fact("storage", ("dag_bucket",)),
    ),
    "queues": Option(
        "dict",
        (
            "Mapping of each worker pool to its queue, with the queue's C(url).",
            "Without a C(visibility_timeout), in seconds, a queue is taken to have SQS's maximum.",
        ),
        default={},
        items=1,
        why=QUEUES,
        needed=True,
        fact=Fact("queue", ("queues",)),
    ),
    "default_pool": Option(
        "str",
        "Pool of tasks that name no queue. The first by name if it is not given.",
        site="sm2a_default_worker_pool",
    ),
    "url": Option(
        "str",
        "Address of the web interface.",
        check=validate_origin,
        why=CONFIGURATION,
        needed=True,
        fact=Fact("load_balancer", ("url",)),
    ),
    "execution_api_server_url": Option(
        "str",
        "Internal address of Airflow's execution API, ending in C(/execution/).",
        check=partial(validate_url, ending="/execution/"),
        why=EXECUTION_API,
        needed=True,
        fact=Fact("airflow", ("execution_api_server_url",)),
    ),
    "connections_lookup_pattern": Option(
        "str",
        (
            "Regular expression, from the beginning, of the connections that are looked up in Secrets Manager, where "
            "each question costs. Others are those of Airflow's database and of C(AIRFLOW_CONN_...) variables.",
            "Without it all are but C(aws_default), which has the permissions of the container's role.",
        ),
        check=validate_pattern,
        default="(?!aws_default$)",
        why=LOOKUPS,
        site="sm2a_connections_lookup_pattern",
    ),
    "variables_lookup_pattern": Option(
        "str",
        "Such an expression of Airflow's variables. Without it all are looked up.",
        check=validate_pattern,
        why=LOOKUPS,
        site="sm2a_variables_lookup_pattern",
    ),
    "secrets_cache_seconds": Option(
        "int",
        (
            "For how many seconds a process of Airflow keeps what it has found in Secrets Manager, and that there is "
            "nothing of a name. V(0) asks each time.",
            "A process is one task, the parsing of one file, or a triggerer.",
        ),
        default=60,
        least=0,
        most=MOST_CACHED,
        unit="seconds",
        no_log=False,
        why=SECRETS_PRICES,
        site="sm2a_secrets_cache_seconds",
        # 0 says something, an empty answer of a survey does not.
        role_default="{{ 60 if sm2a_secrets_cache_seconds | default('') | string == '' "
        "else sm2a_secrets_cache_seconds }}",
    ),
    "configuration": Option(
        "dict",
        (
            "Additional configuration of Airflow, as sections of options.",
            "Secrets are refused, and so are options that SM2A sets itself and those that Airflow does not know.",
        ),
        default={},
        site="sm2a_airflow_configuration",
    ),
}


def image_entry_point(program: str) -> dict[str, tuple[str, str]]:
    """Return the entry point of a role that makes the image of its program, airflow or scaler."""
    description = f"Makes the image of the role available. Facts come back as C(sm2a_image_{program})."
    return {"image": ("Build the image, or find it", description)}


def container_faults(options: dict[str, Any], services: list[str], region: str = "") -> Iterator[OptionError]:
    """Yield what ECS or Airflow would refuse, or what would put a secret into an environment variable."""
    if options["state"] == "present":
        yield from refusals(_validate_roles, options["role_arns"], services, region)
        yield from refusals(validate_variables, "environment_variables", options["environment_variables"])


def airflow_faults(options: dict[str, Any], services: list[str], region: str = "") -> Iterator[OptionError]:
    """Yield what ``container_faults`` does, and options with which Airflow could not work."""
    yield from container_faults(options, services, region)
    if options["state"] == "present":
        yield from _faults_of_queues(options["queues"], options["default_pool"])
        yield from refusals(validate_configuration, "configuration", options["configuration"])


def _validate_roles(role_arns: dict[str, Any], services: list[str], region: str) -> None:
    for service in ["execution", *services]:
        if service not in role_arns:
            raise OptionError("role_arns", sorted(role_arns), f"the role of {service} is missing", TASK_ROLES)
        validate_form(f"role_arns.{service}", role_arns[service], ROLE_ARN, region)


def _faults_of_queues(queues: dict[str, Any], default_pool: str | None) -> Iterator[OptionError]:
    for pool, queue in queues.items():
        yield from refusals(validate_pool_name, "queues", pool)
        if not isinstance(queue, dict) or not queue.get("url"):
            yield OptionError(f"queues.{pool}", kind_of(queue), "it must be a mapping with the queue's url", QUEUES)
            continue
        yield from refusals(validate_url, f"queues.{pool}.url", queue["url"], QUEUES)
        seconds = queue.get("visibility_timeout", MOST_HIDDEN)
        if not isinstance(seconds, int) or not 0 <= seconds <= MOST_HIDDEN:
            rule = f"it must be a number of seconds from 0 to {MOST_HIDDEN}"
            yield OptionError(f"queues.{pool}.visibility_timeout", seconds, rule, VISIBILITY)
    if queues and default_pool and default_pool not in queues:
        yield OptionError("default_pool", default_pool, f"it must be one of {', '.join(sorted(queues))}")


# How tasks get over an execution API that is away, or is being replaced: docs/operations.md has the figures.
AWAY = {
    # A busy one may take longer than the default five seconds; a task must not fail of that.
    "execution_api_timeout": 30,
    # Every request is repeated for 150 seconds at least: 30 pauses of 5 to 8 seconds.
    "execution_api_retries": 31,
    "execution_api_retry_wait_min": 5,
    "execution_api_retry_wait_max": 8,
    # A heartbeat has been repeated for that long before it has failed. With a second one, the scheduler could give the
    # task to another worker (task_instance_heartbeat_timeout, 300 seconds) before this one has ended it.
    "max_failed_heartbeats": 1,
}


def airflow_variables(options: dict[str, Any], region: str, service: str) -> dict[str, str]:
    """Return the environment variables of the container of one of Airflow's services."""
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
    looks_up = ("connections", "variables") if service in LOOKS_UP else ()
    backend = {
        "config_prefix": secret_path(environment, "config"),
        # Without a prefix nothing of its kind is looked up.
        **{
            f"{kind}_prefix": secret_path(environment, kind) if kind in looks_up else None
            for kind in ("connections", "variables")
        },
        **{f"{kind}_lookup_pattern": options[f"{kind}_lookup_pattern"] for kind in looks_up},
        **({"cache_seconds": options["secrets_cache_seconds"]} if looks_up else {}),
    }
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
        "workers": AWAY,
        # A token is renewed by an answer in the last fifth of its life. That fifth has to be longer than an outage, or
        # the execution API is back and refuses whoever it has not heard of meanwhile.
        "execution_api": {"jwt_expiration_time": 1800},
        "operators": {"default_queue": options["default_pool"] or sorted(options["queues"])[0]},
        # A queued task may have to wait for the scale-out from zero and for those before it.
        "scheduler": {"task_queued_timeout": 1800},
        "logging": {
            "remote_logging": True,
            "remote_base_log_folder": f"s3://{options['log_bucket']}/task-logs",
            "remote_log_conn_id": "aws_default",
            # Of the image: logs are read and uploaded a part at a time, and read before their upload has ended.
            "logging_config_class": "sm2a_image.task_logs.LOGGING_CONFIG",
        },
        "dag_processor": {"dag_bundle_config_list": [bundle], "refresh_interval": 30},
        "api": {"base_url": options["url"]},
        # The load balancer says whether users speak HTTPS, and leaves the Host header as it is, with the port that they
        # see, which need not be the listener's. Other headers of this kind would come from anybody. Who asks is known
        # by then: Uvicorn has taken it from the load balancer's word, and whose word that is was looked at.
        "fab": {
            "enable_proxy_fix": True,
            "proxy_fix_x_for": 0,
            "proxy_fix_x_host": 0,
            "proxy_fix_x_port": 0,
            "proxy_fix_x_prefix": 0,
            "session_backend": "database",
            "cookie_secure": options["url"].startswith("https:"),
        },
    }
    secrets = {
        f"{option}_SECRET": SECRETS[secret].removeprefix("config/")
        for option, secret in service_options(service).items()
    }
    return {
        **variables_of(own),
        **secrets,
        # The connection of the remote log and of the DAG bundle: the task role's credentials, nothing stored.
        "AIRFLOW_CONN_AWS_DEFAULT": "aws://",
        **variables_of(options["configuration"]),
        **{name: str(value) for name, value in options["environment_variables"].items()},
    }


# The image touches the file at each heartbeat of its job, which are 5 s apart. After 30 s Airflow itself calls a
# scheduler or a triggerer unhealthy, and after 50 s a DAG processor:
# https://airflow.apache.org/docs/apache-airflow/stable/configurations-ref.html#scheduler-health-check-threshold
HEARTBEAT_FILE = "/tmp/sm2a-heartbeat"
HEARTBEAT_CHECK = f"test -n \"$(find {HEARTBEAT_FILE} -newermt '-60 seconds')\""


def size_faults(option: str, definition: TaskDefinition) -> Iterator[OptionError]:
    """Yield that a task definition is larger than ECS takes, which only the variables of ``option`` can make it."""
    size = len(json.dumps(definition.content, separators=(",", ":")).encode())
    if size > MOST_OF_A_DEFINITION:
        rule = (
            f"with it the task definition {definition.name} has {size} bytes, and ECS takes 64 KiB "
            f"({MOST_OF_A_DEFINITION}); keep long values in S3 or Secrets Manager"
        )
        yield OptionError(option, "so much text", rule, QUOTAS)


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
    volumes: dict[str, str] | None = None,
) -> TaskDefinition:
    """Return the task definition of one container, named ``name``, that logs to the options' log group.

    ``volumes`` are the paths that it can write to, by the names of their volumes, where all else is read-only.
    """
    # https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-exec.html: its agent writes there.
    read_only = options["read_only_root_filesystem"] and not options["execute_command"]
    mounted = volumes or {} if read_only else {}
    return TaskDefinition(
        aws,
        family,
        tags,
        cpu=size["cpu"],
        memory=size["memory"],
        execution_role_arn=options["role_arns"].get("execution", ""),
        task_role_arn=options["role_arns"].get(role, ""),
        container={
            **_container(aws, options, name, command, variables, health_check, port),
            "readonlyRootFilesystem": read_only,
            "mountPoints": [
                {"sourceVolume": volume, "containerPath": path, "readOnly": False} for volume, path in mounted.items()
            ],
        },
        volumes=list(mounted),
        architecture=options["architecture"],
        ephemeral_storage=size.get("ephemeral_storage"),
    )


def _container(
    aws: Aws,
    options: dict[str, Any],
    name: str,
    command: list[str],
    variables: dict[str, str],
    health_check: str | None,
    port: int | None,
) -> dict[str, Any]:
    container: dict[str, Any] = {
        "name": name,
        "image": options["image"],
        "essential": True,
        "command": command,
        "stopTimeout": STOP_SECONDS,
        "linuxParameters": _linux_parameters(options["execute_command"]),
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
    credentials = options["registry_credentials"]
    if credentials and not has_unknown(options["image"]) and not ECR_IMAGE.match(options["image"]):
        container["repositoryCredentials"] = {"credentialsParameter": credentials}
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
    return container


def _linux_parameters(execute_command: bool) -> dict[str, Any]:
    """Return an init process, which collects what programs leave behind, and no capability.

    The agent of ECS Exec keeps Docker's: AWS does not say which of them it needs.
    """
    parameters: dict[str, Any] = {"initProcessEnabled": True}
    if not execute_command:
        parameters["capabilities"] = {"drop": ["ALL"]}
    return parameters
