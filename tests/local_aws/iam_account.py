# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the decision on a call has to know of MiniStack's account: tags, keys, and the ARN behind a name."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from ministack.core.responses import get_account_id, get_region
from ministack.services import acm, alb, cloudwatch_logs, ec2, ecr, ecs, iam, kms, rds, s3, secretsmanager, sqs
from ministack.services import servicediscovery as cloud_map


def tags(arn: str) -> dict[str, str]:
    """Return the tags of the resource of an ARN, none if there is no such resource."""
    service, resource = _parts(arn)
    find = _TAGS.get(service)
    return _flat(find(arn, resource)) if find else {}


def role_arn(name: str) -> str | None:
    """Return the ARN of a role, which has its path in it."""
    role = iam._roles.get(name)
    return str(role["Arn"]) if role else None


def secret_arn(name: str) -> str | None:
    """Return the ARN of a secret, which ends in six characters that the name has not."""
    secret = next((one for one in secretsmanager._secrets.values() if name in (one["Name"], one["ARN"])), None)
    return str(secret["ARN"]) if secret else None


def key_arn(identifier: str) -> str | None:
    """Return the ARN of the key of an id, an ARN, or an alias."""
    name = identifier.rpartition(":")[2]
    if name.startswith("alias/"):
        arn = f"arn:aws:kms:{get_region()}:{get_account_id()}:{name}"
        name = kms._aliases.get(arn) or ""
    name = name.removeprefix("key/")
    return f"arn:aws:kms:{get_region()}:{get_account_id()}:key/{name}" if kms._keys.get(name) else None


def key_of(arn: str) -> str | None:
    """Return the ARN of the customer's key with which a bucket, a queue or a secret is encrypted."""
    service, resource = _parts(arn)
    found: Any = None
    if service == "s3":
        configuration = str(s3._bucket_encryption.get(resource.partition("/")[0]) or "")
        match = re.search(r"KMSMasterKeyID\W+((?:arn:aws:kms:[\w:/-]+)|[\w/-]+)", configuration)
        found = match and match[1]
    elif service == "sqs":
        found = next((queue["attributes"].get("KmsMasterKeyId") for queue in _queues(arn)), None)
    elif service == "secretsmanager":
        found = next((one.get("KmsKeyId") for one in secretsmanager._secrets.values() if one["ARN"] == arn), None)
    # The key that AWS keeps for a service lets everybody in the account use it through that service.
    return key_arn(found) if found and "alias/aws/" not in found else None


def route_table_of(association_id: str) -> str | None:
    """Return the id of the route table of an association."""
    for identifier, table in ec2._route_tables.items():
        if any(one.get("RouteTableAssociationId") == association_id for one in table["Associations"]):
            return str(identifier)
    return None


def roles_of(task_definition: str) -> list[str]:
    """Return the ARNs of the roles of a task definition, of its newest revision if none is named."""
    name = task_definition.rpartition("/")[2]
    revision = name if ":" in name else f"{name}:{ecs._task_def_latest.get(name)}"
    definition = ecs._task_defs.get(revision) or {}
    return [definition[kind] for kind in ("taskRoleArn", "executionRoleArn") if definition.get(kind)]


def _parts(arn: str) -> tuple[str, str]:
    parts = arn.split(":", 5)
    return (parts[2], parts[5]) if len(parts) == 6 else ("", "")


def _queues(arn: str) -> list[dict[str, Any]]:
    return [queue for queue in sqs._queues.values() if queue["attributes"].get("QueueArn") == arn]


def _flat(found: Any) -> dict[str, str]:
    if isinstance(found, dict):
        return {str(name): str(value) for name, value in found.items()}
    names = ("Key", "key", "TagKey")
    return {
        str(next(tag[name] for name in names if name in tag)): str(
            next(tag[name.replace("Key", "Value").replace("key", "value")] for name in names if name in tag)
        )
        for tag in found or []
    }


def _log_group(_arn: str, resource: str) -> Any:
    group = cloudwatch_logs._log_groups.get(resource.split(":")[1])
    return group and group["tags"]


_TAGS: dict[str, Callable[[str, str], Any]] = {
    "acm": lambda arn, _name: (acm._certificates.get(arn) or {}).get("Tags"),
    "ec2": lambda _arn, name: ec2._tags.get(name.rpartition("/")[2]),
    "ecr": lambda _arn, name: (ecr._repositories.get(name.partition("/")[2]) or {}).get("tags"),
    "ecs": lambda arn, _name: ecs._tags.get(arn),
    "elasticloadbalancing": lambda arn, _name: alb._tags.get(arn),
    "iam": lambda _arn, name: (iam._roles.get(name.rpartition("/")[2]) or {}).get("Tags"),
    "kms": lambda _arn, name: (kms._keys.get(name.rpartition("/")[2]) or {}).get("Tags"),
    "logs": _log_group,
    "rds": lambda arn, _name: rds._tags.get(arn),
    "s3": lambda _arn, name: s3._bucket_tags.get(name.partition("/")[0]),
    "secretsmanager": lambda arn, _name: next(
        (one.get("Tags") for one in secretsmanager._secrets.values() if one["ARN"] == arn), None
    ),
    "servicediscovery": lambda arn, _name: cloud_map._resource_tags.get(arn),
    "sqs": lambda arn, _name: next((queue.get("tags") for queue in _queues(arn)), None),
}
