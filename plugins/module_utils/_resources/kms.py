# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""AWS KMS."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.policy import compare_policies

from .._reconcile.aws import Aws
from .._reconcile.errors import ClientError, ReconcileError, code_of, ignoring
from .._reconcile.resource import Resource
from .._reconcile.tags import COMPONENT, ENVIRONMENT, tags_from_list, tags_to_list
from .._reconcile.values import KNOWN_AFTER_APPLY
from .._reconcile.waits import retry_while, wait_until
from .iam import LINKED_ROLES
from .policies import PRINCIPAL

# KMS is eventually consistent; some changes take several minutes.
# https://docs.aws.amazon.com/kms/latest/developerguide/accessing-kms.html#programming-eventual-consistency
CONSISTENCY_SECONDS = 300
# botocore gives up sooner, whatever its settings.
RETRIED_WITHIN = timedelta(minutes=15)
MISSING = "NotFoundException"
NOT_YET = ("KMSInvalidStateException", MISSING)
# https://docs.aws.amazon.com/kms/latest/developerguide/key-state.html; the first is the one to have.
USABLE = ("Enabled", "Updating", "Creating")
REVIVABLE = ("Disabled", "PendingDeletion")


class Key(Resource):
    """A key that is found by its alias, ``name``. ``id`` is its ARN.

    A key that was disabled or is waiting for its deletion is taken back: what it encrypted can be read again. Grants to
    users and roles are taken away.
    """

    kind = "AWS::KMS::Key"

    def __init__(
        self, aws: Aws, alias: str, tags: dict[str, str], description: str, policy: dict[str, Any], window_days: int
    ) -> None:
        super().__init__(aws, alias, tags)
        self.description = description
        self.policy = policy
        self.window_days = window_days

    def find(self) -> dict[str, Any] | None:
        kms = self.aws.client("kms")
        by_alias = self._metadata(self.name)
        key = by_alias or self._without_alias()
        if key is None or (self.absent and key["KeyState"] == "PendingDeletion"):
            return None
        self.id = key["Arn"]
        policy = json.loads(kms.get_key_policy(KeyId=self.id, PolicyName="default")["Policy"])
        same = not compare_policies(policy, self.policy, default_version="2012-10-17")
        return {
            "state": USABLE[0] if key["KeyState"] in USABLE else key["KeyState"],
            "alias": self.name if by_alias else None,
            "policy": self.policy if same else policy,
            "foreign_grants": self._foreign_grants(),
            "rotation": kms.get_key_rotation_status(KeyId=self.id)["KeyRotationEnabled"],
            "tags": self._tags(self.id),
        }

    def _foreign_grants(self) -> list[dict[str, str]]:
        """Return who may use the key by a grant: nobody but AWS's services, by their own names or linked roles.

        https://docs.aws.amazon.com/kms/latest/APIReference/API_GrantListEntry.html
        """
        found = self.aws.client("kms").pages("list_grants", "Grants", KeyId=self.id)
        grantees = [{"id": grant["GrantId"], "to": str(grant.get("GranteePrincipal", ""))} for grant in found]
        return [grant for grant in grantees if PRINCIPAL.fullmatch(grant["to"]) and LINKED_ROLES not in grant["to"]]

    def arn_if_ours(self) -> str | None:
        """Return the ARN of the key behind the alias, None if there is none or somebody else made it."""
        # Who is not allowed to look has not made one either.
        with ignoring("AccessDeniedException"):
            key = self._metadata(self.name)
            if key and self._tags(key["Arn"]).get(ENVIRONMENT) == self.tags[ENVIRONMENT]:
                return str(key["Arn"])
        return None

    def _tags(self, key_id: str) -> dict[str, str]:
        answer = self.aws.client("kms").list_resource_tags(KeyId=key_id)
        return tags_from_list(answer["Tags"], "TagKey", "TagValue")

    def _metadata(self, key_id: str) -> dict[str, Any] | None:
        with ignoring(MISSING):
            return dict(self.aws.client("kms").describe_key(KeyId=key_id)["KeyMetadata"])
        return None

    def _without_alias(self) -> dict[str, Any] | None:
        """Find the key of an interrupted run, or of an environment that was deleted: neither has an alias."""
        order = (*REVIVABLE[::-1], *USABLE[::-1])
        found = self._all_without_alias()
        return max(found, key=lambda key: (order.index(key["KeyState"]), key["CreationDate"]), default=None)

    def _all_without_alias(self) -> list[dict[str, Any]]:
        """Return what KMS says of all keys of the environment's component that have no alias."""
        kms = self.aws.client("kms")
        aliased = {alias.get("TargetKeyId") for alias in kms.pages("list_aliases", "Aliases")}
        owner = {key: self.tags[key] for key in (ENVIRONMENT, COMPONENT)}
        found = []
        for key in kms.pages("list_keys", "Keys"):
            if key["KeyId"] in aliased:
                continue
            tags: dict[str, str] = {}
            # Keys of others whose policies do not let us look are surely not ours.
            with ignoring("AccessDeniedException", MISSING):
                tags = self._tags(key["KeyId"])
            metadata = self._metadata(key["KeyId"]) if owner.items() <= tags.items() else None
            if metadata and metadata["KeyState"] in (*USABLE, *REVIVABLE):
                found.append(metadata)
        return found

    def desired(self) -> dict[str, Any]:
        return {
            "state": USABLE[0],
            "alias": self.name,
            "policy": self.policy,
            "foreign_grants": [],
            "rotation": True,
            "tags": self.tags,
        }

    def create(self, desired: dict[str, Any]) -> None:
        answer = self.aws.client("kms").create_key(
            Description=self.description,
            Policy=json.dumps(self.policy),
            Tags=tags_to_list(self.tags, "TagKey", "TagValue"),
        )
        self.id = answer["KeyMetadata"]["Arn"]
        if answer.get("ResponseMetadata", {}).get("RetryAttempts"):
            self._discard_copies(answer["KeyMetadata"])
        self.update({}, {"alias": self.name, "rotation": True})

    def _discard_copies(self, ours: dict[str, Any]) -> None:
        """Delete keys that the same request has made before, when its answer was lost. They encrypt nothing yet.

        CreateKey knows no token: https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateKey.html
        """
        for key in self._all_without_alias():
            age = ours["CreationDate"] - key["CreationDate"]
            if key["Arn"] != self.id and key["KeyState"] in USABLE and timedelta() <= age < RETRIED_WITHIN:
                self.aws.client("kms").schedule_key_deletion(KeyId=key["Arn"], PendingWindowInDays=self.window_days)

    def update(self, current: dict[str, Any], changes: dict[str, Any]) -> None:
        if "state" in changes:
            self._revive(current["state"])
        if "policy" in changes:
            self._call("put_key_policy", PolicyName="default", Policy=json.dumps(self.policy))
        if "foreign_grants" in changes:
            for grant in current["foreign_grants"]:
                with ignoring(MISSING):
                    self.aws.client("kms").revoke_grant(KeyId=self.id, GrantId=grant["id"])
        if "rotation" in changes:
            self._call("enable_key_rotation")
        if "tags" in changes:
            self._call("tag_resource", Tags=tags_to_list(self.tags, "TagKey", "TagValue"))
        if "alias" in changes:
            self._put_alias()

    def _revive(self, state: str) -> None:
        if state not in REVIVABLE:
            raise ReconcileError(f"{self.label} ({self.id}) is {state} and cannot be enabled")
        if state == "PendingDeletion":
            self._call("cancel_key_deletion")
        self._call("enable_key")

    def _put_alias(self) -> None:
        alias = {"AliasName": self.name, "TargetKeyId": self.id.rsplit("/", 1)[-1]}
        kms = self.aws.client("kms")
        with ignoring("AlreadyExistsException"):
            retry_while(_not_yet, lambda: kms.create_alias(**alias), CONSISTENCY_SECONDS)
            return
        # Made by a call whose answer was lost, and not visible when we looked.
        kms.update_alias(**alias)

    def _call(self, operation: str, **arguments: Any) -> None:
        """Call an operation on the key, of whose new state not every part of KMS may know yet."""
        # The key's id and not its ARN, which moto does not know everywhere.
        arguments["KeyId"] = self.id.rsplit("/", 1)[-1]
        retry_while(_not_yet, lambda: getattr(self.aws.client("kms"), operation)(**arguments), CONSISTENCY_SECONDS)

    def wait_ready(self) -> None:
        def probe() -> bool:
            key = self._metadata(self.name)
            return bool(key and key["Arn"] == self.id and key["KeyState"] == USABLE[0])

        wait_until(f"{self.label} is enabled", probe, CONSISTENCY_SECONDS)

    def untag(self, keys: list[str]) -> None:
        self._call("untag_resource", TagKeys=keys)

    def delete(self, current: dict[str, Any]) -> None:
        if current["alias"]:
            with ignoring(MISSING):
                self.aws.client("kms").delete_alias(AliasName=self.name)
        self._call("schedule_key_deletion", PendingWindowInDays=self.window_days)
        self.id = KNOWN_AFTER_APPLY


def _not_yet(error: ClientError) -> bool:
    return code_of(error) in NOT_YET
