# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Secrets: values that are never made twice, never shown, and not there yet."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fake_aws import OURS, THEIRS, FakeAws, FakeClient, in_turn, refusal

from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.engine import ApplyError, Engine
from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.errors import ReconcileError
from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.tags import tags_to_list
from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.values import KNOWN_AFTER_APPLY
from ansible_collections.sm2a.airflow.plugins.module_utils._resources.secretsmanager import (
    DerivedSecret,
    GeneratedSecret,
    RetiredSecret,
    SecretValues,
    key_arn_of_secret,
    read_secret,
    read_secret_fields,
)

KEY = "arn:aws:kms:eu-central-1:123456789012:key/1"
VALUE = "s3cr3t-of-the-test"
FOUND: dict[str, Any] = {
    "ARN": "arn of x",
    "Description": "x",
    "VersionIdsToStages": {"1": ["AWSCURRENT"]},
    "Tags": tags_to_list(OURS),
}
MISSING = refusal("ResourceNotFoundException")
SCHEDULED = refusal("InvalidRequestException", "it is scheduled for deletion")


def aws(client: FakeClient, check_mode: bool = False) -> Any:
    return FakeAws(check_mode, secretsmanager=client)


def generated(client: FakeClient, **settings: Any) -> GeneratedSecret:
    return GeneratedSecret(aws(client), "x", OURS, lambda: VALUE, description="x", **settings)


@pytest.mark.parametrize("error", [MISSING, SCHEDULED])
def test_a_secret_that_is_yet_to_come_is_unknown_in_a_plan_and_an_error_otherwise(error: Exception) -> None:
    client = FakeClient(get_secret_value=error)

    assert read_secret(aws(client, check_mode=True), "x") == KNOWN_AFTER_APPLY
    assert read_secret_fields(aws(client, check_mode=True), "x", "a") == {"a": KNOWN_AFTER_APPLY}
    with pytest.raises(ReconcileError, match="the secret x has no value; run the component that makes it first"):
        read_secret(aws(client), "x")


@pytest.mark.parametrize("text", [VALUE, json.dumps([VALUE]), json.dumps({"b": VALUE})])
def test_what_is_no_login_is_refused_without_being_shown(text: str) -> None:
    with pytest.raises(ReconcileError, match="not a JSON object with a") as caught:
        read_secret_fields(aws(FakeClient(get_secret_value={"SecretString": text})), "x", "a")

    # The exception of the parser carries the text, also when its context is suppressed.
    assert VALUE not in str(caught.value) and caught.value.__context__ is None


def test_a_value_that_exists_is_never_read_or_made_again() -> None:
    client = FakeClient(describe_secret=FOUND)

    [step] = Engine("test", check_mode=False).apply([generated(client)])

    calls = {name for name, _arguments in client.calls}
    assert step.action == "none" and calls == {"describe_secret", "get_resource_policy"}


def test_a_secret_without_a_value_gets_one() -> None:
    client = FakeClient(describe_secret={**FOUND, "VersionIdsToStages": {}})

    [step] = Engine("test", check_mode=False).apply([generated(client)])

    assert [call["SecretString"] for call in client.called("put_secret_value")] == [VALUE]
    assert VALUE not in str(step.before) + str(step.after)


def test_a_name_that_is_still_being_deleted_is_waited_for_with_one_token() -> None:
    client = FakeClient(
        describe_secret=in_turn(MISSING, FOUND), create_secret=in_turn(SCHEDULED, SCHEDULED, {"ARN": "arn of x"})
    )

    Engine("test", check_mode=False).apply([generated(client)])

    [token] = {call["ClientRequestToken"] for call in client.called("create_secret")}
    # https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html
    assert len(client.called("create_secret")) == 3 and 32 <= len(token) <= 64


def test_another_invalid_request_is_an_error() -> None:
    client = FakeClient(describe_secret=MISSING, create_secret=refusal("InvalidRequestException", "no such key"))

    with pytest.raises(ApplyError, match="no such key"):
        Engine("test", check_mode=False).apply([generated(client)])


def test_a_secret_that_is_scheduled_for_deletion_is_restored() -> None:
    client = FakeClient(describe_secret={**FOUND, "DeletedDate": "today"})

    [step] = Engine("test", check_mode=False).apply([generated(client)])

    assert (step.action, client.called("restore_secret")) == ("update", [{"SecretId": "arn of x"}])


@pytest.mark.parametrize(
    ("days", "request_has"), [(0, {"ForceDeleteWithoutRecovery": True}), (7, {"RecoveryWindowInDays": 7})]
)
def test_a_secret_goes_as_fast_as_its_window_says(days: int, request_has: dict[str, Any]) -> None:
    client = FakeClient(describe_secret=in_turn(FOUND, MISSING))

    Engine("test", check_mode=False).remove([generated(client, recovery_window_days=days)])

    assert client.called("delete_secret") == [{"SecretId": "arn of x", **request_has}]


def test_a_derived_value_follows_and_is_not_shown() -> None:
    client = FakeClient(describe_secret=FOUND, get_secret_value={"SecretString": "old"})
    secret = DerivedSecret(aws(client), "x", OURS, lambda: VALUE, description="x")

    [step] = Engine("test", check_mode=False).apply([secret])

    assert [call["SecretString"] for call in client.called("put_secret_value")] == [VALUE]
    assert VALUE not in str(step.before) + str(step.after) and "old" not in str(step.before)


def test_a_derived_value_that_cannot_be_read_yet_is_written() -> None:
    client = FakeClient(describe_secret={**FOUND, "DeletedDate": "today"}, get_secret_value=SCHEDULED)
    secret = DerivedSecret(aws(client), "x", OURS, lambda: VALUE, description="x")

    Engine("test", check_mode=False).apply([secret])

    assert [name for name, _arguments in client.calls][-2:] == ["restore_secret", "put_secret_value"]


@pytest.mark.parametrize(
    ("answer", "arn"),
    [
        ({**FOUND, "KmsKeyId": KEY}, KEY),
        ({**FOUND, "KmsKeyId": "alias/aws/secretsmanager"}, None),
        (FOUND, None),
        ({**FOUND, "KmsKeyId": KEY, "Tags": tags_to_list(THEIRS)}, None),
        (MISSING, None),
        (refusal("AccessDeniedException"), None),
    ],
)
def test_the_key_of_a_secret_is_told_if_somebody_chose_one_for_ours(answer: Any, arn: str | None) -> None:
    assert key_arn_of_secret(aws(FakeClient(describe_secret=answer)), "x", "test") == arn


@pytest.mark.parametrize(
    ("found", "there"),
    [
        (FOUND, True),
        ({**FOUND, "Tags": tags_to_list(THEIRS)}, False),
        ({**FOUND, "DeletedDate": "yesterday"}, False),
        (MISSING, False),
    ],
)
def test_a_secret_that_nobody_reads_any_more_is_there_if_it_is_ours(found: Any, there: bool) -> None:
    assert RetiredSecret(aws(FakeClient(describe_secret=found)), "x", OURS).is_there() is there


@pytest.mark.parametrize("check_mode", [True, False])
def test_a_secret_that_nobody_reads_any_more_can_be_restored_for_a_month(check_mode: bool) -> None:
    client = FakeClient(describe_secret=FOUND)

    [step] = Engine("test", check_mode).apply([RetiredSecret(aws(client, check_mode), "x", OURS)])

    assert (step.action, step.after) == ("update", {"state": "scheduled for deletion"})
    deleted = [] if check_mode else [{"SecretId": "arn of x", "RecoveryWindowInDays": 30}]
    assert client.called("delete_secret") == deleted and not client.called("get_secret_value")


def test_values_that_belong_together_are_read_by_one_call() -> None:
    together = [{"Name": "x", "SecretString": VALUE}, {"Name": "login", "SecretString": json.dumps({"a": "b"})}]
    client = FakeClient(describe_secret=FOUND, batch_get_secret_value={"SecretValues": together})
    account = aws(client)
    kept: dict[Any, Any] = {}
    account.once = lambda _service, key, call: kept[key] if key in kept else kept.setdefault(key, call())
    values = SecretValues(account, ["x", "login"])
    secret = DerivedSecret(account, "x", OURS, lambda: VALUE, values=values, description="x")

    [step] = Engine("test", check_mode=False).apply([secret])

    assert read_secret_fields(account, "login", "a", values=values) == {"a": "b"}
    assert step.action == "none"
    assert [name for name, _arguments in client.calls if "value" in name] == ["batch_get_secret_value"]


@pytest.mark.parametrize("answer", [refusal("AccessDeniedException"), {"SecretValues": [], "Errors": [{}]}])
def test_a_value_that_is_not_read_with_the_others_is_read_by_itself(answer: Any) -> None:
    client = FakeClient(batch_get_secret_value=answer, get_secret_value={"SecretString": VALUE})
    account = aws(client)

    assert read_secret(account, "x", SecretValues(account, ["x"])) == VALUE
