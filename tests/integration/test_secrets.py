# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The secrets module against both emulators."""

from __future__ import annotations

import json
from typing import Any

from emulators import Account

NAMES = [
    "sm2a/test/admin",
    "sm2a/test/config/api_secret_key",
    "sm2a/test/config/fernet_key",
    "sm2a/test/config/jwt_secret",
    "sm2a/test/database/airflow-login",
    "sm2a/test/database/dag-processor-login",
    "sm2a/test/database/execution-api-login",
    "sm2a/test/database/master",
    "sm2a/test/database/scaler-login",
    "sm2a/test/database/triggerer-login",
    "sm2a/test/database/worker-login",
]


def values(account: Account) -> dict[str, str]:
    client = account.client("secretsmanager")
    return {name: client.get_secret_value(SecretId=name)["SecretString"] for name in NAMES}


def test_lifecycle(account: Account) -> None:
    account.lifecycle("secrets", change={"tags": {"team": "data"}}, recovery_window_days=0)


def test_lifecycle_with_a_recovery_window(account: Account) -> None:
    key = account.client("kms").create_key()["KeyMetadata"]["Arn"]
    account.lifecycle("secrets", change={"kms_key_arn": key}, recovery_window_days=7)


def test_values_are_usable_and_never_shown(account: Account) -> None:
    results = [account.run("secrets"), account.run("secrets", tags={"team": "data"})]

    made = values(account)

    assert len(made["sm2a/test/config/fernet_key"]) == 44
    assert len(bytes.fromhex(made["sm2a/test/config/jwt_secret"])) == 32
    admin = json.loads(made["sm2a/test/admin"])
    assert admin["username"] == "admin" and admin["email"] == "admin@example.com"
    master = json.loads(made["sm2a/test/database/master"])
    assert master["username"] == "sm2a" and master["password"].isalnum() and len(master["password"]) == 32
    assert json.loads(made["sm2a/test/database/scaler-login"])["username"] == "sm2a_scaler"
    shown = json.dumps(results)
    for value in [*made.values(), master["password"], admin["password"]]:
        assert value not in shown
    assert len(set(made.values())) == len(made)


def test_an_existing_value_stays(account: Account) -> None:
    account.run("secrets")
    client = account.client("secretsmanager")
    client.put_secret_value(SecretId="sm2a/test/admin", SecretString="rotated elsewhere")
    before = values(account)

    result = account.run("secrets", admin_username="somebody", tags={"team": "data"})

    assert result["changed"] and values(account) == before


def test_a_deleted_secret_is_restored_with_its_value(account: Account) -> None:
    account.run("secrets")
    before = values(account)
    account.run("secrets", state="absent")

    planned = account.run("secrets", check=True)
    result = account.run("secrets")

    assert planned["diff"] == result["diff"]
    assert result["diff"]["before"]["AWS::SecretsManager::Secret sm2a/test/admin"] == {
        "state": "scheduled for deletion"
    }
    assert values(account) == before
    assert not account.run("secrets")["changed"]


def test_a_secret_that_waits_for_deletion_can_be_deleted_at_once(account: Account) -> None:
    account.run("secrets")
    account.run("secrets", state="absent")

    assert account.run("secrets", state="absent", recovery_window_days=0)["changed"]
    assert not account.run("secrets", state="absent", recovery_window_days=0)["changed"]


def test_a_secret_without_a_value_gets_one(account: Account) -> None:
    client = account.client("secretsmanager")
    name = "sm2a/test/config/jwt_secret"
    tags = [{"Key": "sm2a:environment", "Value": "test"}, {"Key": "sm2a:component", "Value": "secrets"}]
    client.create_secret(Name=name, Tags=tags)
    # MiniStack gives every new secret a version, AWS only one that has a value.
    for version in client.describe_secret(SecretId=name).get("VersionIdsToStages", {}):
        client.update_secret_version_stage(SecretId=name, VersionStage="AWSCURRENT", RemoveFromVersionId=version)

    result: dict[str, Any] = account.run("secrets")

    assert not result.get("failed"), result["msg"]
    assert len(values(account)["sm2a/test/config/jwt_secret"]) == 64
    assert not account.run("secrets")["changed"]


def test_a_foreign_secret_is_left_alone(account: Account) -> None:
    client = account.client("secretsmanager")
    client.create_secret(Name="sm2a/test/admin", SecretString="theirs")

    result = account.run("secrets")

    assert result["failed"] and "was not created by the SM2A environment 'test'" in result["msg"]
    account.run("secrets", state="absent", recovery_window_days=0)
    assert client.get_secret_value(SecretId="sm2a/test/admin")["SecretString"] == "theirs"


def test_the_key_stays_where_none_is_given(account: Account) -> None:
    key = account.client("kms").create_key()["KeyMetadata"]["Arn"]
    account.run("secrets", kms_key_arn=key)

    assert not account.run("secrets")["changed"]
    # One that was deleted comes back with its key.
    account.run("secrets", state="absent")
    assert account.run("secrets", tags={"team": "data"})["changed"]

    client = account.client("secretsmanager")
    assert {client.describe_secret(SecretId=name).get("KmsKeyId") for name in NAMES} == {key}
