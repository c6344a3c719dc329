# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""IAM for MiniStack, which decides on every call of containers and playbooks as AWS does.

MiniStack knows who calls (signature, session, user, role) and evaluates policies; what a call has to be checked for
is decided by ``iam_requests``, after AWS's service authorization reference. S3, whose requests name their resources in
the path, keeps MiniStack's own resources.

Every decision on a principal that is not the account's root is written to a file once, as a line of JSON: principal,
action, resource, context, and whether it was allowed.
"""

from __future__ import annotations

import contextvars
import json
import logging
import threading
from pathlib import Path
from typing import Any

import ecs_task_protection
import iam_account
import iam_principals
import iam_requests
import task_credentials
from ministack.core import iam_actions, iam_evaluator
from ministack.core.responses import get_account_id, get_region
from ministack.services import ecs

logger = logging.getLogger("iam_enforcement")

# Decided by the caller's identity alone: https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
ALWAYS_ALLOWED = {"sts:GetCallerIdentity"}

_request: contextvars.ContextVar[tuple[dict[str, str], bytes, dict[str, Any], str]] = contextvars.ContextVar("request")
_denied: contextvars.ContextVar[iam_requests.Check] = contextvars.ContextVar("denied")


class Record:
    """The file of decisions."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._written: set[str] = set()

    def add(self, principal: str, check: iam_requests.Check, allowed: bool) -> None:
        """Write a decision, if it is not there yet."""
        line = json.dumps(
            {
                "principal": principal,
                "action": check.action,
                "resource": check.resource,
                "context": check.context,
                "allowed": allowed,
            },
            sort_keys=True,
        )
        with self._lock:
            if self.path and line not in self._written:
                self._written.add(line)
                with self.path.open("a") as stream:
                    stream.write(line + "\n")
        if not allowed:
            logger.warning("denied: %s", line)


_record = Record(None)


def install(app: Any, record: Path | None, account: str, region: str) -> Any:
    """Decide on every call from now on, and return ``app`` with the users of ``iam_principals`` in its account."""
    _record.path = record
    resource_of, authenticate = iam_actions.extract_resource_arn, iam_evaluator.enforce
    respond, start_metadata = iam_actions.access_denied_response, ecs._register_metadata

    def remember(service: str, method: str, path: str, headers: Any, body: bytes, query: Any, *rest: Any) -> str:
        arn = str(resource_of(service, method, path, headers, body, query, *rest))
        _request.set((headers, body, query, arn))
        return arn

    def enforce(
        access_key: str, action: str, service: str, region: str, resource_arn: str = "*", service_context: Any = None
    ) -> Any:
        answer = authenticate(
            access_key, action, service, region, resource_arn=resource_arn, service_context=service_context
        )
        if isinstance(answer, iam_evaluator.AuthError) or not access_key or action in ALWAYS_ALLOWED:
            return answer
        principal = iam_evaluator.resolve_principal(access_key, get_account_id())
        if isinstance(principal, iam_evaluator.AuthError) or principal.policies is None:
            return answer
        return _decide(principal, action, service, resource_arn, dict(service_context or {}))

    def refuse(service: str, action: str, principal: str, request_id: str, **more: Any) -> Any:
        check = _denied.get(None)
        if check is None or more.get("error_code"):
            return respond(service, action, principal, request_id, **more)
        message = iam_actions.identity_denial_message(
            check.action, principal, check.resource, bool(more.get("explicit_deny"))
        )
        return respond(service, check.action, principal, request_id, **{**more, "message": message})

    def start_allowed(task_arn: str, cluster: str, definition: Any, container: Any, *rest: Any) -> str:
        check_start(definition, container)
        return str(start_metadata(task_arn, cluster, definition, container, *rest))

    ecs_task_protection.may = agent_may
    iam_actions.extract_resource_arn = remember
    iam_actions.access_denied_response = refuse
    iam_evaluator.enforce = enforce
    ecs._register_metadata = start_allowed
    iam_principals.make_users(account, region)
    return _with_users(app, account, region)


def _with_users(app: Any, account: str, region: str) -> Any:
    async def wrapped(scope: Any, receive: Any, send: Any) -> None:
        await app(scope, receive, send)
        if scope.get("path") == "/_ministack/reset":
            iam_principals.make_users(account, region)

    return wrapped


def _decide(principal: Any, action: str, service: str, resource: str, context: dict[str, Any]) -> Any:
    """Return None if a call is allowed, else the evaluator's answer for what is not."""
    for check in _checks(principal, action, service, resource, context):
        result = evaluate(principal, check)
        _record.add(principal.arn, check, result.decision == "Allow")
        if result.decision != "Allow":
            _denied.set(check)
            result.principal_arn = principal.arn
            return result
    return None


def _checks(
    principal: Any, action: str, service: str, resource: str, context: dict[str, Any]
) -> list[iam_requests.Check]:
    headers, body, query, _arn = _request.get()
    place = iam_requests.Place(principal.account, get_region())
    if service == "s3":
        keys = iam_requests.checks(action, {}, place, resource)[1:]
        return [iam_requests.Check(action, resource, context), *keys]
    return iam_requests.checks(action, iam_requests.parameters(body, headers, query), place, resource)


def evaluate(principal: Any, check: iam_requests.Check) -> Any:
    """Return MiniStack's decision on a check, the policy of the resource included."""
    context = iam_evaluator.EvalContext(
        principal_arn=principal.arn,
        principal_type=principal.type,
        principal_account=principal.account,
        action=check.action,
        resource_arn=check.resource,
        region=get_region(),
        # The emulator has no TLS; on AWS everybody here uses it, and buckets and queues insist on it.
        secure_transport=True,
        service_context={key.lower(): value for key, value in check.context.items()},
        principal_keys=principal.keys,
    )
    # A request without tags has no aws:TagKeys.
    context.service_context.setdefault("aws:tagkeys", None)
    result = iam_evaluator.evaluate(context, principal.policies, *principal.limits)
    service = check.resource.split(":")[2] if check.resource.startswith("arn:") else ""
    policy = iam_evaluator._resource_policy(service, check.resource)
    if policy is None:
        return result
    required = service in iam_evaluator._POLICY_REQUIRED
    return iam_evaluator.combine_resource_policy(result, context, *policy, required=required, limits=principal.limits)


def allows_role(role_arn: str, check: iam_requests.Check) -> bool:
    """Tell whether a role may do something that a service does with it, and write that down."""
    account, name = role_arn.split(":")[4], role_arn.rpartition("/")[2]
    arn = f"arn:aws:sts::{account}:assumed-role/{name}/ecs"
    policies = iam_evaluator._gather_role_policies(name, account)
    principal = iam_evaluator.PrincipalInfo(arn, "AssumedRole", account, policies)
    allowed = evaluate(principal, check).decision == "Allow"
    _record.add(arn, check, allowed)
    return bool(allowed)


def agent_may(task_arn: str, action: str) -> bool:
    """Tell whether a task's role may do what the container agent does in its name.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-scale-in-protection-endpoint.html
    """
    task = ecs._tasks.get(task_arn) or {}
    definition = ecs._task_defs.get(str(task.get("taskDefinitionArn", "")).rpartition("/")[2]) or {}
    role = task_credentials.role_of(task_arn, definition)
    tags = {f"aws:ResourceTag/{name}": value for name, value in iam_account.tags(task_arn).items()}
    context = {"ecs:cluster": task.get("clusterArn"), **tags}
    return bool(role) and allows_role(str(role), iam_requests.Check(f"ecs:{action}", task_arn, context))


def check_start(definition: dict[str, Any], container: dict[str, Any]) -> None:
    """Raise PermissionError unless the execution role may do what Fargate does with it before a container starts.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_execution_IAM_role.html
    """
    role = definition.get("executionRoleArn")
    place = iam_requests.Place(get_account_id(), get_region())
    for check in start_checks(container, place):
        if not role or not allows_role(role, check):
            raise PermissionError(f"ResourceInitializationError: {role} may not {check.action} on {check.resource}")


def start_checks(container: dict[str, Any], place: iam_requests.Place) -> list[iam_requests.Check]:
    """Return what Fargate does in the name of the execution role for a container: pull its image, write its log."""
    prefix = f"arn:{place.partition}"
    found = []
    registry, _separator, name = container["image"].partition("/")
    if ".dkr.ecr." in registry:
        repository = (
            f"{prefix}:ecr:{place.region}:{place.account}:repository/{name.partition(':')[0].partition('@')[0]}"
        )
        found.append(iam_requests.Check("ecr:GetAuthorizationToken", "*"))
        for action in ("BatchCheckLayerAvailability", "GetDownloadUrlForLayer", "BatchGetImage"):
            found.append(iam_requests.Check(f"ecr:{action}", repository))
    logs = (container.get("logConfiguration") or {}).get("options") or {}
    if logs.get("awslogs-group"):
        group = f"{prefix}:logs:{place.region}:{place.account}:log-group:{logs['awslogs-group']}"
        stream = f"{group}:log-stream:{logs.get('awslogs-stream-prefix', '')}/{container['name']}/task"
        found += [iam_requests.Check(action, stream) for action in ("logs:CreateLogStream", "logs:PutLogEvents")]
    return found
