# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""AWS Secrets Manager."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Sequence
from typing import Any

from .._reconcile.aws import Aws
from .._reconcile.errors import ClientError, ReconcileError, UnknownValueError, code_of, ignoring
from .._reconcile.resource import Resource
from .._reconcile.tags import ENVIRONMENT, tags_from_list, tags_to_list
from .._reconcile.values import KNOWN_AFTER_APPLY
from .._reconcile.waits import wait_until
from .policies import opening_statements, without_opening

DELETION = "https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_DeleteSecret.html"
# KmsKeyId is left out of answers when the secret is encrypted with this key:
# https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_DescribeSecret.html
AWS_MANAGED_KEY = "alias/aws/secretsmanager"
# Deletion without recovery is done in the background, "there might be a short delay" (DELETION).
DELETION_SECONDS = 120
VISIBLE_SECONDS = 60
SCHEDULED = "scheduled for deletion"
MISSING = "ResourceNotFoundException"
INVALID = "InvalidRequestException"
DENIED = "AccessDeniedException"


class SecretValues:
    """The values of up to 20 secrets, which one call reads.

    https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_BatchGetSecretValue.html
    """

    def __init__(self, aws: Aws, names: Sequence[str]) -> None:
        self._aws = aws
        self._names = tuple(names)

    def get(self, name: str) -> str | None:
        """Return a value; None if the call did not tell it, and somebody has to ask by itself."""
        return self._aws.once("secretsmanager", self._names, self._read).get(name)

    def _read(self) -> dict[str, str]:
        with ignoring(DENIED):
            client = self._aws.client("secretsmanager")
            answer = client.batch_get_secret_value(SecretIdList=list(self._names))
            # Those that have none, or that we may not read, are in a list of errors beside.
            found = answer.get("SecretValues", [])
            return {secret["Name"]: secret["SecretString"] for secret in found if "SecretString" in secret}
        return {}


def read_secret(aws: Aws, name: str, values: SecretValues | None = None) -> str:
    """Return the value of a secret, or "(known after apply)" in check mode where there is none yet.

    One that several values are made of is read once, or with the others of ``values``. Raises ReconcileError when there
    is none.
    """
    known = values.get(name) if values else None
    if known is not None:
        return known
    try:
        client = aws.client("secretsmanager")
        answer = aws.once("secretsmanager", name, lambda: client.get_secret_value(SecretId=name))
    except UnknownValueError:
        return KNOWN_AFTER_APPLY
    except ClientError as error:
        # A secret that is scheduled for deletion is an invalid request; the apply restores it.
        if code_of(error) not in (MISSING, INVALID):
            raise
        if aws.check_mode:
            return KNOWN_AFTER_APPLY
        raise ReconcileError(f"the secret {name} has no value; run the component that makes it first") from None
    return str(answer.get("SecretString", ""))


def read_secret_fields(aws: Aws, name: str, *fields: str, values: SecretValues | None = None) -> dict[str, str]:
    """Return these fields of a secret that is a JSON object, or "(known after apply)" for each in check mode.

    Raises ReconcileError, without the value, when the secret is something else.
    """
    value = read_secret(aws, name, values)
    if value == KNOWN_AFTER_APPLY:
        return dict.fromkeys(fields, KNOWN_AFTER_APPLY)
    try:
        found = json.loads(value)
    except ValueError:
        # What is raised outside of the block: the original exception carries the value.
        found = None
    if not isinstance(found, dict) or not all(isinstance(found.get(field), str) for field in fields):
        raise ReconcileError(f"the secret {name} is not a JSON object with {' and '.join(fields)} as texts")
    return {field: found[field] for field in fields}


def key_arn_of_secret(aws: Aws, name: str, environment: str) -> str | None:
    """Return the ARN of the key that encrypts a secret of this environment.

    None if there is no such secret, nobody chose a key for it, or we may not look.
    """
    with ignoring(MISSING, DENIED):
        found = aws.client("secretsmanager").describe_secret(SecretId=name)
        ours = tags_from_list(found.get("Tags")).get(ENVIRONMENT) == environment
        arn = str(found.get("KmsKeyId", ""))
        return arn if ours and arn.startswith("arn:") and ":key/" in arn else None
    return None


class Secret(Resource):
    """A secret. ``id`` and ``arn`` are its ARN; what its value is, subclasses say.

    A secret that is scheduled for deletion is restored: its name could not be used otherwise. Without ``kms_key_id`` a
    secret that exists keeps its key, and a new one gets Secrets Manager's own. A statement of its policy that lets in
    everybody or another account is taken away.
    """

    kind = "AWS::SecretsManager::Secret"
    secret_fields = ("value",)

    def __init__(
        self,
        aws: Aws,
        name: str,
        tags: dict[str, str],
        *,
        description: str = "",
        kms_key_id: str | None = None,
        recovery_window_days: int = 30,
    ) -> None:
        super().__init__(aws, name, tags)
        self.description = description
        self.kms_key_id = kms_key_id
        self.recovery_window_days = recovery_window_days
        self.arn = KNOWN_AFTER_APPLY
        self._exists = False
        self._policy: dict[str, Any] | None = None

    def value_to_store(self, desired: dict[str, Any]) -> str:
        """Return the value for a secret that has none, or whose value differs."""
        raise NotImplementedError

    def current_value(self, has_value: bool) -> Any:
        """Return what ``find`` reports as the field ``value``."""
        raise NotImplementedError

    def find(self) -> dict[str, Any] | None:
        found = self._describe()
        if found is None:
            return None
        scheduled = bool(found.get("DeletedDate"))
        if self.absent and scheduled and self.recovery_window_days:
            return None
        self.id = self.arn = found["ARN"]
        self._exists = True
        # One that is scheduled for deletion cannot be asked, and nobody can read it.
        self._policy = None if self.absent or scheduled else self._read_policy()
        has_value = any("AWSCURRENT" in stages for stages in found.get("VersionIdsToStages", {}).values())
        return {
            "description": found.get("Description", ""),
            "kms_key_id": found.get("KmsKeyId") or AWS_MANAGED_KEY,
            "open_policy_statements": opening_statements(self._policy, self.arn),
            "state": SCHEDULED if scheduled else "available",
            "tags": tags_from_list(found.get("Tags")),
            "value": None if self.absent else self.current_value(has_value),
        }

    def _read_policy(self) -> dict[str, Any] | None:
        answer = self.aws.client("secretsmanager").get_resource_policy(SecretId=self.id)
        return json.loads(answer["ResourcePolicy"]) if answer.get("ResourcePolicy") else None

    def _close(self) -> None:
        client, left = self.aws.client("secretsmanager"), without_opening(self._policy, self.arn)
        if left:
            client.put_resource_policy(SecretId=self.id, ResourcePolicy=json.dumps(left))
        else:
            client.delete_resource_policy(SecretId=self.id)

    def _describe(self) -> dict[str, Any] | None:
        with ignoring(MISSING):
            return dict(self.aws.client("secretsmanager").describe_secret(SecretId=self.name))
        return None

    def desired(self) -> dict[str, Any]:
        key = {} if self._exists and not self.kms_key_id else {"kms_key_id": self.kms_key_id or AWS_MANAGED_KEY}
        return {
            "description": self.description,
            **key,
            "open_policy_statements": [],
            "state": "available",
            "tags": self.tags,
        }

    def create(self, desired: dict[str, Any]) -> None:
        request = {
            "Name": self.name,
            "Description": self.description,
            "SecretString": self.value_to_store(desired),
            "Tags": tags_to_list(self.tags),
            # The same token on every retry: an answer that was lost does not make the secret twice.
            "ClientRequestToken": str(uuid.uuid4()),
        }
        if self.kms_key_id:
            request["KmsKeyId"] = self.kms_key_id

        def attempt() -> str | None:
            try:
                return str(self.aws.client("secretsmanager").create_secret(**request)["ARN"])
            except ClientError as error:
                # One of this name was deleted without recovery a moment ago.
                if code_of(error) == INVALID and SCHEDULED in str(error):
                    return None
                raise

        self.id = self.arn = wait_until(f"{self.label} can be created", attempt, DELETION_SECONDS)

    def update(self, current: dict[str, Any], changes: dict[str, Any]) -> None:
        client = self.aws.client("secretsmanager")
        if "state" in changes:
            client.restore_secret(SecretId=self.id)
        settings = {}
        if "description" in changes:
            settings["Description"] = self.description
        if "kms_key_id" in changes:
            settings["KmsKeyId"] = changes["kms_key_id"]
        if settings:
            client.update_secret(SecretId=self.id, **settings)
        if "open_policy_statements" in changes:
            self._close()
        if "tags" in changes:
            client.tag_resource(SecretId=self.id, Tags=tags_to_list(self.tags))
        if "value" in changes:
            self._store(self.value_to_store(changes))

    def _store(self, value: str) -> None:
        self.aws.client("secretsmanager").put_secret_value(
            SecretId=self.id, SecretString=value, ClientRequestToken=str(uuid.uuid4())
        )

    def untag(self, keys: list[str]) -> None:
        self.aws.client("secretsmanager").untag_resource(SecretId=self.id, TagKeys=keys)

    def delete(self, current: dict[str, Any]) -> None:
        how: dict[str, Any] = {"ForceDeleteWithoutRecovery": True}
        if self.recovery_window_days:
            how = {"RecoveryWindowInDays": self.recovery_window_days}
        with ignoring(MISSING):
            self.aws.client("secretsmanager").delete_secret(SecretId=self.id, **how)

    def wait_ready(self) -> None:
        # Others read it next, and a secret that was just made may be unknown for a moment.
        if not self._exists:
            wait_until(f"{self.label} is visible", self._describe, VISIBLE_SECONDS, interval=2)

    def wait_deleted(self) -> None:
        if not self.recovery_window_days:
            wait_until(f"{self.label} is gone", lambda: self._describe() is None, DELETION_SECONDS)


class GeneratedSecret(Secret):
    """A secret whose value is made up where there is none.

    A value that exists stays: it is never read, never compared, never generated again.
    """

    def __init__(self, aws: Aws, name: str, tags: dict[str, str], generate: Callable[[], str], **settings: Any) -> None:
        super().__init__(aws, name, tags, **settings)
        self.generate = generate

    def current_value(self, has_value: bool) -> Any:
        return has_value

    def desired(self) -> dict[str, Any]:
        return {**super().desired(), "value": True}

    def value_to_store(self, desired: dict[str, Any]) -> str:
        return self.generate()


class DerivedSecret(Secret):
    """A secret whose value is computed from other secrets and resources, and follows them.

    ``value`` is called after everything in ``after`` was reconciled. It may use ``read_secret`` and what those
    resources know. ``values`` are those that are read together, its own among them.
    """

    def __init__(
        self,
        aws: Aws,
        name: str,
        tags: dict[str, str],
        value: Callable[[], str],
        after: list[Resource] | None = None,
        values: SecretValues | None = None,
        **settings: Any,
    ) -> None:
        super().__init__(aws, name, tags, **settings)
        self.compute = value
        self.values = values
        self.after = list(after or [])

    def current_value(self, has_value: bool) -> Any:
        if not has_value:
            return None
        known = self.values.get(self.name) if self.values else None
        if known is not None:
            return known
        # One that is scheduled for deletion cannot be read before it is restored.
        with ignoring(INVALID):
            return self.aws.client("secretsmanager").get_secret_value(SecretId=self.id).get("SecretString")
        return None

    def desired(self) -> dict[str, Any]:
        return {**super().desired(), "value": self.compute()}

    def value_to_store(self, desired: dict[str, Any]) -> str:
        return str(desired["value"])


class RetiredSecret(Secret):
    """A secret that nobody reads any more. It is scheduled for deletion, and can be restored until then."""

    def is_there(self) -> bool:
        """Tell whether there is such a secret of this environment which is not scheduled for deletion yet."""
        found = self._describe()
        ours = tags_from_list((found or {}).get("Tags")).get(ENVIRONMENT) == self.tags[ENVIRONMENT]
        return found is not None and ours and not found.get("DeletedDate")

    def current_value(self, has_value: bool) -> Any:
        return has_value

    def desired(self) -> dict[str, Any]:
        return {"state": SCHEDULED}

    def update(self, current: dict[str, Any], changes: dict[str, Any]) -> None:
        self.delete(current)
