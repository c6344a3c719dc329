# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Gives containers what their task definition says, which MiniStack stores and does not apply.

- A read-only root file system, the init process, capabilities that are dropped, the user and the entry point
  (https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html).
- Volumes without a host path: empty, and root's with mode 0755, unless the image declares the same path as ``VOLUME``;
  then what the image has there is copied, with its owner
  (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/bind-mounts.html).
- The task's memory as a limit. Its CPU is a share and no limit: all tasks of a platform want more than this machine
  has.
- Health checks. A service's task that fails its own is replaced, and a deployment is not complete before its tasks are
  healthy (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/healthcheck.html).
"""

from __future__ import annotations

import logging
import time
from typing import Any

from docker.types import Mount
from ministack.core.concurrency import spawn_background
from ministack.core.responses import request_scope
from ministack.services import ecs

# What ECS takes where a health check does not say it, seconds and times:
# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_HealthCheck.html
CHECK_DEFAULTS = {"interval": 30, "timeout": 5, "startPeriod": 0, "retries": 3}
NANOSECONDS = 10**9
LOOK_SECONDS = 1.0
UNHEALTHY = "Task failed container health checks"

logger = logging.getLogger("ecs_containers")


def install() -> None:
    """Apply task definitions to containers, and follow their health."""
    build, record_healthy = ecs._build_run_kwargs, ecs._record_service_task_healthy

    def build_as_defined(container: dict[str, Any], task_definition: dict[str, Any], *rest: Any) -> dict[str, Any]:
        arguments: dict[str, Any] = build(container, task_definition, *rest)
        volumes = _volumes_of_image(container["image"])
        return {**arguments, **docker_arguments(container, task_definition, volumes)}

    def record_healthy_only(key: str, task: dict[str, Any]) -> None:
        if task.get("healthStatus") == "HEALTHY" or not _has_check(task):
            record_healthy(key, task)

    ecs._build_run_kwargs = build_as_defined
    ecs._record_service_task_healthy = record_healthy_only
    spawn_background(_follow_health, thread_name="ecs-container-health")


def docker_arguments(container: dict[str, Any], task: dict[str, Any], image_volumes: list[str]) -> dict[str, Any]:
    """Return docker-py's arguments for a container definition of a task definition.

    ``image_volumes`` are the paths that the image declares by ``VOLUME``.
    """
    linux = container.get("linuxParameters") or {}
    read_only = bool(container.get("readonlyRootFilesystem"))
    mounts = [_mount(point, image_volumes) for point in container.get("mountPoints", [])]
    mounted = {mount["Target"] for mount in mounts}
    if read_only:
        # Docker makes a volume of each such path by itself, one that can be written to; nothing says that Fargate does.
        mounts += [Mount(path, None, read_only=True) for path in image_volumes if path not in mounted]
    arguments: dict[str, Any] = {
        "read_only": read_only,
        "mounts": mounts,
        "init": bool(linux.get("initProcessEnabled")),
        "cap_drop": (linux.get("capabilities") or {}).get("drop") or [],
        "healthcheck": _health_check(container.get("healthCheck")),
    }
    if task.get("memory"):
        arguments["mem_limit"] = f"{task['memory']}m"
    if task.get("cpu"):
        arguments["cpu_shares"] = int(task["cpu"])
    for field, argument in (("user", "user"), ("entryPoint", "entrypoint")):
        if container.get(field):
            arguments[argument] = container[field]
    return arguments


def _mount(point: dict[str, Any], image_volumes: list[str]) -> Mount:
    path = point["containerPath"]
    # A volume that nothing is copied to stays root's, with mode 0755.
    return Mount(path, None, read_only=bool(point.get("readOnly")), no_copy=path not in image_volumes)


def _health_check(check: dict[str, Any] | None) -> dict[str, Any]:
    if not check:
        # ECS does not look at the check of the image.
        return {"test": ["NONE"]}
    settings = {**CHECK_DEFAULTS, **check}
    return {
        "test": settings["command"],
        "interval": settings["interval"] * NANOSECONDS,
        "timeout": settings["timeout"] * NANOSECONDS,
        "start_period": settings["startPeriod"] * NANOSECONDS,
        "retries": settings["retries"],
    }


def _volumes_of_image(image: str) -> list[str]:
    return sorted(ecs._get_docker().images.get(image).attrs["Config"].get("Volumes") or {})


def _has_check(task: dict[str, Any]) -> bool:
    definition = ecs._task_defs.get(task["taskDefinitionArn"].rsplit("/", 1)[-1]) or {}
    return any(container.get("healthCheck") for container in definition.get("containerDefinitions", []))


def _follow_health() -> None:
    while True:
        time.sleep(LOOK_SECONDS)
        for (account, region, _arn), task in ecs._tasks.all_items():
            if task.get("lastStatus") != "RUNNING" or not task.get("_docker_ids"):
                continue
            try:
                with request_scope(account, region):
                    if _has_check(task):
                        _follow(task)
            except Exception:  # a container may go in any moment
                logger.debug("health of %s", task["taskArn"], exc_info=True)


def _follow(task: dict[str, Any]) -> None:
    """Tell the task what its containers' checks say, and the service's scheduler if that is news."""
    client = ecs._get_docker()
    states = []
    for container, docker_id in zip(task["containers"], task["_docker_ids"], strict=True):
        health = client.api.inspect_container(docker_id)["State"].get("Health")
        if health and health["Status"] != "none":
            container["healthStatus"] = {"starting": "UNKNOWN"}.get(health["Status"], health["Status"].upper())
            states.append(container["healthStatus"])
    before = task.get("healthStatus")
    task["healthStatus"] = next((state for state in ("UNHEALTHY", "UNKNOWN") if state in states), "HEALTHY")
    group = task.get("group", "")
    if task["healthStatus"] == before or not group.startswith("service:"):
        return
    cluster = ecs._cluster_name_from_arn(task["clusterArn"])
    key = f"{cluster}/{group.partition(':')[2]}"
    if task["healthStatus"] == "HEALTHY":
        ecs._record_service_task_healthy(key, task)
        ecs._complete_service_deployment(cluster, key)
    elif task["healthStatus"] == "UNHEALTHY":
        logger.warning("%s: %s", task["taskArn"], UNHEALTHY)
        ecs._stop_task({"task": task["taskArn"], "cluster": cluster, "reason": UNHEALTHY})
        ecs._record_service_task_failure(task)
