# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Task scale-in protection for MiniStack, as AWS documents it, in the place of MiniStack's stub.

- ``UpdateTaskProtection`` and ``GetTaskProtection`` with expiry
  (https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_UpdateTaskProtection.html).
- The service's scheduler, for a scale-in or a deployment, leaves protected tasks alone, takes others in no order that
  anyone could rely on, and comes back when a protection ends
  (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-scale-in-protection.html). ``StopTask`` and the
  deletion of a service stop protected tasks too.
- The agent's endpoint behind ``ECS_AGENT_URI``, which ``task_credentials`` gives every container
  (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-scale-in-protection-endpoint.html).
- A container has its ``stopTimeout`` between SIGTERM and SIGKILL, 30 seconds where it names none
  (https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html).
"""

from __future__ import annotations

import contextlib
import json
import logging
import random
import re
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from ministack.core.concurrency import spawn_background
from ministack.core.responses import error_response_json, json_response, request_scope
from ministack.services import ecs, ecs_metadata

DEFAULT_MINUTES = 120
MOST_MINUTES = 2880
TASKS_PER_CALL = 10
STOP_SECONDS = 30
SCHEDULER_SECONDS = 1.0
# The reasons that MiniStack's service scheduler gives; users and the deletion of a service give others.
SCHEDULER_REASONS = {
    "Service scaling down",
    "Task definition updated",
    "Deployment capacity limit",
    "Deployment completed",
}
AGENT_PATH = re.compile(r"^/api/([^/]+)/task-protection/v1/state$")

logger = logging.getLogger("ecs_task_protection")

_expiries: dict[str, float] = {}
"""Unix seconds until which the task of an ARN is protected."""

Asgi = Callable[[dict[str, Any], Callable[[], Awaitable[Any]], Callable[[Any], Awaitable[None]]], Awaitable[None]]


def install(app: Asgi) -> Asgi:
    """Replace MiniStack's stub and return ``app`` with the agent's endpoint before it."""
    ecs._ACTION_MAP["UpdateTaskProtection"] = _update_task_protection
    ecs._ACTION_MAP["GetTaskProtection"] = _get_task_protection
    stop_task, reconcile = ecs._stop_task, ecs._reconcile_service_tasks

    def stop_unprotected(data: dict[str, Any]) -> Any:
        task = ecs._resolve_task(data["task"], ecs._resolve_cluster_name(data.get("cluster", "default")))
        if task and data.get("reason") in SCHEDULER_REASONS and _protected(task["taskArn"]):
            return json_response({"task": ecs._sanitize(task)})
        return stop_task(data)

    one_at_a_time = threading.RLock()

    def reconcile_unprotected_first(cluster: str, key: str) -> None:
        with one_at_a_time:
            for task in _victims(key):
                stop_task({"task": task["taskArn"], "cluster": cluster, "reason": "Service scaling down"})
            reconcile(cluster, key)

    ecs._stop_task = stop_unprotected
    ecs._reconcile_service_tasks = reconcile_unprotected_first
    ecs._remove_docker_container = _remove_container
    spawn_background(_schedule_for_ever, thread_name="ecs-task-protection")
    return _with_agent(app)


def may(task_arn: str, action: str) -> bool:
    """Tell whether the role of a task allows an action that the agent does in its name; iam_enforcement decides."""
    return True


def _protected(arn: str) -> bool:
    return _expiries.get(arn, 0.0) > time.time()


def _state(arn: str) -> dict[str, Any]:
    state: dict[str, Any] = {"taskArn": arn, "protectionEnabled": _protected(arn)}
    if state["protectionEnabled"]:
        state["expirationDate"] = _expiries[arn]
    return state


def _update_task_protection(data: dict[str, Any]) -> Any:
    minutes = data.get("expiresInMinutes", DEFAULT_MINUTES)
    if not 1 <= minutes <= MOST_MINUTES:
        return _refusal(f"expiresInMinutes must be from 1 to {MOST_MINUTES}")
    if not isinstance(data.get("protectionEnabled"), bool):
        return _refusal("protectionEnabled is needed")
    return _for_tasks(data, lambda arn: _protect(arn, data["protectionEnabled"], minutes))


def _get_task_protection(data: dict[str, Any]) -> Any:
    return _for_tasks(data, _state)


def _protect(arn: str, enabled: bool, minutes: int) -> dict[str, Any]:
    if enabled:
        _expiries[arn] = time.time() + 60 * minutes
    else:
        _expiries.pop(arn, None)
    return _state(arn)


def _for_tasks(data: dict[str, Any], answer: Callable[[str], dict[str, Any]]) -> Any:
    cluster = ecs._resolve_cluster_name(data.get("cluster", "default"))
    if cluster is None:
        return error_response_json("ClusterNotFoundException", "Cluster not found.", 400)
    references = data.get("tasks", [])
    if not 1 <= len(references) <= TASKS_PER_CALL:
        return _refusal(f"tasks must name 1 to {TASKS_PER_CALL} tasks")
    found, failures = [], []
    for reference in references:
        task = ecs._resolve_task(reference, cluster)
        if not task or task["lastStatus"] not in ecs._PRE_STOP_STATUSES:
            failures.append({"arn": reference, "reason": "MISSING"})
        elif not task["group"].startswith("service:"):
            failures.append({"arn": task["taskArn"], "reason": "TASK_NOT_VALID"})
        else:
            found.append(answer(task["taskArn"]))
    return json_response({"protectedTasks": found, "failures": failures})


def _refusal(message: str) -> Any:
    return error_response_json("InvalidParameterException", message, 400)


def _active(service: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        task
        for task in ecs._tasks.values()
        if task.get("group") == f"service:{service['serviceName']}"
        and task.get("clusterArn") == service.get("clusterArn")
        and task.get("lastStatus") in ecs._PRE_STOP_STATUSES
    ]


def _victims(key: str) -> list[dict[str, Any]]:
    """The tasks that a scale-in of a service with nothing else under way takes: any, but none that is protected."""
    service = ecs._services.get(key)
    if not service or service["status"] != "ACTIVE" or len(service["deployments"]) > 1:
        return []
    active = _active(service)
    free = [task for task in active if not _protected(task["taskArn"])]
    return random.sample(free, min(len(free), max(0, len(active) - service["desiredCount"])))


def _schedule_for_ever() -> None:
    """Come back to services that have more tasks than they should: a protection may have ended since."""
    while True:
        time.sleep(SCHEDULER_SECONDS)
        for (account, region, key), service in ecs._services.all_items():
            with request_scope(account, region), _logged(key):
                if service["status"] == "ACTIVE" and len(_active(service)) > service["desiredCount"]:
                    ecs._reconcile_service_tasks(key.split("/")[0], key)


@contextlib.contextmanager
def _logged(key: str) -> Iterator[None]:
    try:
        yield
    except Exception:
        logger.exception("service %s", key)


def _remove_container(client: Any, container_or_id: Any) -> None:
    """Stop and delete a container in the background: whoever caused it does not wait out its time."""
    if client is None or container_or_id is None:
        return
    with contextlib.suppress(Exception):  # it is gone already
        container = client.containers.get(getattr(container_or_id, "id", container_or_id))
        labels = container.labels
        family, revision = (labels[f"com.amazonaws.ecs.task-definition-{kind}"] for kind in ("family", "version"))
        definition = ecs._task_defs.get(f"{family}:{revision}") or {"containerDefinitions": []}
        seconds = next(
            (
                one.get("stopTimeout", STOP_SECONDS)
                for one in definition["containerDefinitions"]
                if one["name"] == labels["com.amazonaws.ecs.container-name"]
            ),
            STOP_SECONDS,
        )
        spawn_background(_stop_container, container, seconds, thread_name="ecs-stop-container")


def _stop_container(container: Any, seconds: int) -> None:
    with contextlib.suppress(Exception):  # the emulator's reset may have deleted it
        container.stop(timeout=seconds)
    with contextlib.suppress(Exception):
        container.remove(v=True, force=True)


def _with_agent(app: Asgi) -> Asgi:
    """Answer the container agent's requests, and pass all others on."""

    async def wrapped(scope: Any, receive: Any, send: Any) -> None:
        found = AGENT_PATH.match(scope.get("path", "")) if scope["type"] == "http" else None
        if not found:
            await app(scope, receive, send)
            return
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        status, answer = _agent(found[1], scope["method"], body)
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": json.dumps(answer).encode()})

    return wrapped


def _agent(token: str, method: str, body: bytes) -> tuple[int, dict[str, Any]]:
    arn = ecs_metadata._TOKEN_TO_TASK.get(token)
    if arn is None:
        return 404, {"error": {"Code": "ResourceNotFoundException", "Message": "no such task"}}
    action = "UpdateTaskProtection" if method == "PUT" else "GetTaskProtection"
    if not may(arn, action):
        message = f"the task's role is not authorized to perform: ecs:{action} on resource: {arn}"
        return 400, {"error": {"Arn": arn, "Code": "AccessDeniedException", "Message": message}}
    if method == "PUT":
        try:
            asked = json.loads(body)
            enabled, minutes = asked["ProtectionEnabled"], asked.get("ExpiresInMinutes", DEFAULT_MINUTES)
        except (ValueError, KeyError, AttributeError):
            enabled = None
        if not isinstance(enabled, bool) or not 1 <= minutes <= MOST_MINUTES:
            return 400, {"error": {"Arn": arn, "Code": "InvalidParameterException", "Message": "invalid request"}}
        _protect(arn, enabled, minutes)
    state = _state(arn)
    protection = {"TaskArn": arn, "ProtectionEnabled": state["protectionEnabled"]}
    if "expirationDate" in state:
        expiry = datetime.fromtimestamp(state["expirationDate"], UTC)
        protection["ExpirationDate"] = expiry.strftime("%Y-%m-%dT%H:%M:%SZ")
    return 200, {"protection": protection}
