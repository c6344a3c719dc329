# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Credentials of task roles for MiniStack's containers, from the address where Fargate has them.

- ``AWS_CONTAINER_CREDENTIALS_RELATIVE_URI`` in every container whose task has a role, and credentials of that role
  behind it (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html). ECS takes the role as
  AWS does: only if the role trusts ``ecs-tasks.amazonaws.com`` for this account.
- ``ECS_CONTAINER_METADATA_URI_V4`` and ``ECS_AGENT_URI`` at the same address
  (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-metadata-endpoint-v4-fargate.html).

MiniStack gives its containers an address of its own for credentials, which botocore refuses.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from link_local import ADDRESS
from ministack.core import iam_evaluator
from ministack.core.responses import new_uuid
from ministack.services import ecs, iam, sts

# ECS renews a task's credentials long before their six hours are over.
LIFETIME_SECONDS = 6 * 3600
CREDENTIALS_PATH = re.compile(r"^/v2/credentials/([0-9a-f-]+)$")
# All that the address answers: credentials, the task's metadata, the container agent.
SERVED_PATHS = ("/v2/credentials/", "/v4/", "/api/")

Asgi = Callable[[dict[str, Any], Callable[[], Awaitable[Any]], Callable[[Any], Awaitable[None]]], Awaitable[None]]

_roles: dict[str, tuple[str, str]] = {}
"""ARNs of role and task by the id in the path of their credentials."""
_sessions: dict[str, dict[str, Any]] = {}
"""The answer last given for an id, with the Unix seconds of its end as ``ends``."""
_lock = threading.Lock()


def install(app: Asgi) -> Asgi:
    """Give every container that starts from now on these variables, and return ``app`` with the endpoint before it."""
    register = ecs._register_metadata

    def register_role(
        task_arn: str, cluster_arn: str, definition: Any, container: Any, launch: Any, env: Any, *rest: Any
    ) -> str:
        token = str(register(task_arn, cluster_arn, definition, container, launch, env, *rest))
        given = {one["name"]: one["value"] for one in container.get("environment", [])}
        for name in ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN", "AWS_ENDPOINT_URL"):
            env.pop(name, None)
        if "AWS_ENDPOINT_URL" in given:
            env["AWS_ENDPOINT_URL"] = given["AWS_ENDPOINT_URL"]
        env["ECS_CONTAINER_METADATA_URI_V4"] = f"http://{ADDRESS}/v4/{token}"
        env["ECS_AGENT_URI"] = f"http://{ADDRESS}/api/{token}"
        role = role_of(task_arn, definition)
        if role:
            key = new_uuid()
            _roles[key] = (role, task_arn)
            env["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] = f"/v2/credentials/{key}"
        return token

    ecs._register_metadata = register_role
    return _with_endpoint(app)


def role_of(task_arn: str, definition: dict[str, Any]) -> str | None:
    """Return the ARN of the role of a task: its own, or else its definition's."""
    task = ecs._tasks.get(task_arn) or {}
    return (task.get("overrides") or {}).get("taskRoleArn") or definition.get("taskRoleArn")


def _with_endpoint(app: Asgi) -> Asgi:
    async def wrapped(scope: Any, receive: Any, send: Any) -> None:
        path = scope.get("path", "")
        if scope["type"] != "http" or (scope.get("server") or ("",))[0] != ADDRESS:
            await app(scope, receive, send)
            return
        if not path.startswith(SERVED_PATHS):
            await _answer(send, 404, {"code": "NotFound", "message": "no such path"})
        elif path.startswith("/v2/credentials/"):
            found = CREDENTIALS_PATH.match(path)
            await _answer(send, *credentials(found[1] if found else ""))
        else:
            await app(scope, receive, send)

    return wrapped


async def _answer(send: Any, status: int, body: dict[str, Any]) -> None:
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(body).encode()})


def credentials(key: str) -> tuple[int, dict[str, Any]]:
    """Return status and body of the answer for the id in a container's variable."""
    if key not in _roles:
        return 404, {"code": "InvalidIdInRequest", "message": "no credentials of this id"}
    role_arn, task_arn = _roles[key]
    with _lock:
        held = _sessions.get(key)
        # A wiped account has forgotten its sessions.
        if held is None or held["ends"] < time.time() + LIFETIME_SECONDS / 2 or held["key"] not in sts._sessions:
            if not _trusted(role_arn):
                message = f"ECS was unable to assume the role '{role_arn}' that was provided for this task"
                return 400, {"code": "AccessDenied", "message": message}
            held = _sessions[key] = _new_session(role_arn, task_arn)
    return 200, held["answer"]


def _trusted(role_arn: str) -> bool:
    """Tell whether a role is there and lets ECS take it for a task of this account."""
    account = role_arn.split(":")[4]
    role = iam._roles.get_scoped(account, None, role_arn.rsplit("/", 1)[-1])
    if role is None:
        return False
    context = iam_evaluator.EvalContext(
        principal_arn="ecs-tasks.amazonaws.com",
        principal_type="Service",
        principal_account=account,
        action="sts:AssumeRole",
        resource_arn="*",
        region="",
        service_context={"aws:sourceaccount": account},
    )
    document = role.get("AssumeRolePolicyDocument", "{}")
    decided = iam_evaluator.evaluate_resource_policy(document, context, service="ecs-tasks.amazonaws.com")
    return bool(decided.decision == "Allow")


def _new_session(role_arn: str, task_arn: str) -> dict[str, Any]:
    ends = time.time() + LIFETIME_SECONDS
    account, name = role_arn.split(":")[4], role_arn.rsplit("/", 1)[-1]
    # ECS names the session after the task.
    task = task_arn.rsplit("/", 1)[-1]
    access_key, secret, token = sts._gen_session_access_key(), sts._gen_secret(), sts._gen_session_token()
    sts.register_session(
        access_key,
        {
            "Arn": f"arn:aws:sts::{account}:assumed-role/{name}/{task}",
            "UserId": f"{sts._role_id(role_arn)}:{task}",
            "SecretAccessKey": secret,
            "SessionToken": token,
            "Expiration": ends,
            "AccountId": account,
            "PrincipalType": "AssumedRole",
        },
    )
    answer = {
        "RoleArn": role_arn,
        "AccessKeyId": access_key,
        "SecretAccessKey": secret,
        "Token": token,
        "Expiration": datetime.fromtimestamp(ends, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    return {"ends": ends, "key": access_key, "answer": answer}
