# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a key is found and taken back when KMS is slow to notice."""

from __future__ import annotations

import json
from datetime import datetime
from types import SimpleNamespace
from typing import Any

import pytest
from fake_aws import refusal

from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.engine import ApplyError, Engine
from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.tags import ownership_tags
from ansible_collections.sm2a.airflow.plugins.module_utils._resources.iam import policy_document
from ansible_collections.sm2a.airflow.plugins.module_utils._resources.kms import Key

TAGS = ownership_tags("test", "security")


class Kms:
    """Keys in memory: ``keys`` maps id to state, tags and aliases. ``late`` refusals come before a key is enabled."""

    def __init__(self, **keys: dict[str, Any]) -> None:
        self.keys = keys
        self.late = 0
        self.grants: list[dict[str, Any]] = []
        self.retries = 0
        self.asked: list[str] = []
        self.done: list[tuple[str, str]] = []

    def _find(self, KeyId: str) -> str:
        for key_id, key in self.keys.items():
            if KeyId in (key_id, f"arn/{key_id}", key.get("alias")):
                return key_id
        raise refusal("NotFoundException")

    def describe_key(self, KeyId: str) -> dict[str, Any]:
        key_id = self._find(KeyId)
        created = datetime(2026, 1, self.keys[key_id].get("day", 1))
        return {
            "KeyMetadata": {"Arn": f"arn/{key_id}", "KeyState": self.keys[key_id]["state"], "CreationDate": created}
        }

    def revoke_grant(self, KeyId: str, GrantId: str) -> None:
        self.done.append(("revoke_grant", GrantId))

    def pages(self, operation: str, result: str, **_arguments: Any) -> list[dict[str, Any]]:
        if operation == "list_grants":
            return self.grants
        if operation == "list_aliases":
            return [
                {"AliasName": key["alias"], "TargetKeyId": key_id}
                for key_id, key in self.keys.items()
                if "alias" in key
            ]
        return [{"KeyId": key_id} for key_id in self.keys]

    def list_resource_tags(self, KeyId: str) -> dict[str, Any]:
        self.asked.append(KeyId)
        tags = self.keys[self._find(KeyId)].get("tags")
        if tags is None:
            raise refusal("AccessDeniedException")
        return {"Tags": [{"TagKey": key, "TagValue": value} for key, value in tags.items()]}

    def get_key_policy(self, KeyId: str, PolicyName: str) -> dict[str, str]:
        return {"Policy": json.dumps(policy_document([]))}

    def get_key_rotation_status(self, KeyId: str) -> dict[str, bool]:
        return {"KeyRotationEnabled": True}

    def cancel_key_deletion(self, KeyId: str) -> None:
        self.done.append(("cancel", KeyId))

    def enable_key(self, KeyId: str) -> None:
        if self.late:
            self.late -= 1
            raise refusal("KMSInvalidStateException")
        self.done.append(("enable", KeyId))
        self.keys[KeyId]["state"] = "Enabled"

    def create_key(self, **_request: Any) -> dict[str, Any]:
        self.keys["new"] = {"state": "Enabled", "tags": TAGS, "day": 2}
        return {**self.describe_key("new"), "ResponseMetadata": {"RetryAttempts": self.retries}}

    def enable_key_rotation(self, KeyId: str) -> None:
        self.done.append(("rotate", KeyId))

    def schedule_key_deletion(self, KeyId: str, PendingWindowInDays: int) -> None:
        self.done.append(("delete", KeyId))

    def create_alias(self, AliasName: str, TargetKeyId: str) -> None:
        self.keys[TargetKeyId]["alias"] = AliasName


def key(kms: Kms, tags: dict[str, str] | None = None) -> Key:
    cloud: Any = SimpleNamespace(client=lambda _service: kms, check_mode=False, region="eu-central-1")
    return Key(cloud, "alias/sm2a-test", tags or TAGS, "key", policy_document([]), 30)


def test_a_key_that_seems_to_wait_for_its_deletion_still_is_enabled_later() -> None:
    kms = Kms(old={"state": "PendingDeletion", "tags": TAGS})
    kms.late = 4

    [step] = Engine("test", check_mode=False).apply([key(kms)])

    assert step.before["state"] == "PendingDeletion"
    assert kms.done == [("cancel", "old"), ("enable", "old")]
    assert kms.keys["old"]["alias"] == "alias/sm2a-test"


def test_of_several_the_usable_one_is_taken_and_of_the_others_the_newest() -> None:
    waiting = {"state": "PendingDeletion", "tags": TAGS}
    kms = Kms(first={**waiting, "day": 1}, usable={"state": "Enabled", "tags": TAGS}, last={**waiting, "day": 9})
    wanted = key(kms)
    wanted.find()
    assert wanted.id == "arn/usable"

    del kms.keys["usable"]
    wanted.find()
    assert wanted.id == "arn/last"


def test_only_keys_without_an_alias_are_looked_at() -> None:
    kms = Kms(
        aliased={"state": "Enabled", "tags": TAGS, "alias": "alias/other"},
        forbidden={"state": "Enabled"},
        ours={"state": "Enabled", "tags": TAGS},
    )
    # A tag of the user's own that came later does not hide the key.
    wanted = key(kms, {**TAGS, "owner": "data"})

    assert wanted.find() is not None and wanted.id == "arn/ours"
    assert "aliased" not in kms.asked


def test_with_an_alias_no_other_key_is_looked_at() -> None:
    kms = Kms(ours={"state": "Enabled", "tags": TAGS, "alias": "alias/sm2a-test"}, other={"state": "Enabled"})

    assert key(kms).find() is not None
    assert "other" not in kms.asked


def test_a_grant_to_a_user_or_role_goes_and_those_of_services_stay() -> None:
    kms = Kms(ours={"state": "Enabled", "tags": TAGS, "alias": "alias/sm2a-test"})
    service_role = "arn:aws:iam::123456789012:role/aws-service-role/rds.amazonaws.com/AWSServiceRoleForRDS"
    grantees = ["arn:aws:iam::123456789012:role/x", "rds.eu-central-1.amazonaws.com", service_role, "999999999999", "*"]
    kms.grants = [{"GrantId": str(number), "GranteePrincipal": name} for number, name in enumerate(grantees)]

    [step] = Engine("test", check_mode=False).apply([key(kms)])

    assert [grant["to"] for grant in step.before["foreign_grants"]] == [grantees[0], grantees[3]]
    assert [done for done in kms.done if done[0] == "revoke_grant"] == [("revoke_grant", "0"), ("revoke_grant", "3")]


@pytest.mark.parametrize("retries", [0, 1])
def test_what_a_repeated_request_made_before_goes_again(retries: int) -> None:
    kms = Kms()
    kms.retries = retries
    one = key(kms)
    assert one.find() is None
    # Of the same day as the new one, of the day before, and of somebody else's.
    kms.keys["copy"] = {"state": "Enabled", "tags": TAGS, "day": 2}
    kms.keys["older"] = {"state": "Enabled", "tags": TAGS, "day": 1}
    kms.keys["other"] = {"state": "Enabled", "tags": {}, "day": 2}

    one.create({})

    assert [done for done in kms.done if done[0] == "delete"] == [("delete", "arn/copy")] * retries
    assert kms.keys["new"]["alias"] == "alias/sm2a-test"


def test_the_key_of_another_is_not_taken_over_by_its_alias() -> None:
    kms = Kms(theirs={"state": "Disabled", "tags": {}, "alias": "alias/sm2a-test"})

    with pytest.raises(ApplyError, match="was not created by the SM2A environment 'test'"):
        Engine("test", check_mode=False).apply([key(kms)])
    assert kms.done == []


def test_a_key_on_its_way_out_is_not_deleted_again() -> None:
    kms = Kms(old={"state": "PendingDeletion", "tags": TAGS})

    [step] = Engine("test", check_mode=False).remove([key(kms)])

    assert step.action == "none"


@pytest.mark.parametrize(
    ("tags", "arn"), [(TAGS, "arn/one"), ({**TAGS, "sm2a:environment": "test-2"}, None), ({}, None), (None, None)]
)
def test_a_key_that_is_not_wanted_is_ours_or_nobodys(tags: dict[str, str] | None, arn: str | None) -> None:
    """None for tags: a key that one may not look at, which is no reason to fail."""
    kms = Kms(one={"state": "Enabled", "tags": tags, "alias": "alias/sm2a-test"})

    assert key(kms).arn_if_ours() == arn
    assert key(Kms()).arn_if_ours() is None


@pytest.mark.parametrize(("code", "fine"), [("AlreadyExistsException", True), ("LimitExceededException", False)])
def test_an_alias_that_a_call_without_an_answer_made_is_turned_to_the_key(
    monkeypatch: pytest.MonkeyPatch, code: str, fine: bool
) -> None:
    kms = Kms(left={"state": "Enabled", "tags": TAGS})

    def refuse(**_alias: str) -> None:
        raise refusal(code)

    def update_alias(AliasName: str, TargetKeyId: str) -> None:
        kms.keys[TargetKeyId]["alias"] = AliasName

    monkeypatch.setattr(kms, "create_alias", refuse)
    monkeypatch.setattr(kms, "update_alias", update_alias, raising=False)

    if fine:
        [step] = Engine("test", check_mode=False).apply([key(kms)])
        assert (step.action, kms.keys["left"]["alias"]) == ("update", "alias/sm2a-test")
    else:
        with pytest.raises(ApplyError, match=code):
            Engine("test", check_mode=False).apply([key(kms)])
