# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the secrets component refuses and makes up, and how derived secrets follow, without AWS."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from fake_aws import each_time

from ansible_collections.sm2a.airflow.plugins.module_utils._components import secrets
from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.engine import ApplyError, Engine, diff_of
from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.errors import OptionError, ReconcileError
from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.tags import ownership_tags
from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.values import KNOWN_AFTER_APPLY
from ansible_collections.sm2a.airflow.plugins.module_utils._resources.secretsmanager import (
    DerivedSecret,
    GeneratedSecret,
    read_secret_fields,
)

TAGS = ownership_tags("test", "secrets")


class SecretsManager:
    """Secrets in a dictionary."""

    def __init__(self) -> None:
        self.secrets: dict[str, dict[str, Any]] = {}
        self.written: list[str] = []

    def _of(self, name: str, operation: str) -> dict[str, Any]:
        if name not in self.secrets:
            raise ClientError({"Error": {"Code": "ResourceNotFoundException", "Message": "none"}}, operation)
        return self.secrets[name]

    def describe_secret(self, SecretId: str) -> dict[str, Any]:
        secret = self._of(SecretId, "DescribeSecret")
        stages = {"VersionIdsToStages": {"1": ["AWSCURRENT"]}} if "SecretString" in secret else {}
        return {"ARN": SecretId, "Description": secret["Description"], "Tags": secret["Tags"], **stages}

    def get_resource_policy(self, SecretId: str) -> dict[str, Any]:
        return {"ARN": self._of(SecretId, "GetResourcePolicy") and SecretId}

    def get_secret_value(self, SecretId: str) -> dict[str, Any]:
        return {"SecretString": self._of(SecretId, "GetSecretValue")["SecretString"]}

    def create_secret(self, Name: str, **request: Any) -> dict[str, Any]:
        self.secrets[Name] = request
        self.written.append(Name)
        return {"ARN": Name}

    def put_secret_value(self, SecretId: str, SecretString: str, ClientRequestToken: str) -> None:
        self.secrets[SecretId]["SecretString"] = SecretString
        self.written.append(SecretId)


def aws(client: SecretsManager, check_mode: bool = False) -> Any:
    return SimpleNamespace(client=lambda _service: client, check_mode=check_mode, region="eu-central-1", once=each_time)


def component(**options: Any) -> secrets.SecretsComponent:
    defaults = {name: argument.get("default") for name, argument in secrets.SecretsComponent.ARGUMENTS.items()}
    given = {"environment": "test", "state": "present", "tags": {}, **defaults, **options}
    return secrets.SecretsComponent(given, aws(SecretsManager()))


@pytest.mark.parametrize(
    "options",
    [
        {"recovery_window_days": 1},
        {"recovery_window_days": 6},
        {"recovery_window_days": 31},
        {"recovery_window_days": -1},
        {"kms_key_arn": "mine"},
        {"admin_username": ""},
        {"admin_username": "two words"},
        {"admin_email": "nobody"},
        {"database_username": "rdsadmin"},
        {"database_username": "sm2a_scaler"},
        {"database_username": "pg_me"},
        {"database_username": "Upper"},
        {"database_username": "x" * 17},
    ],
)
def test_bad_input(options: dict[str, Any]) -> None:
    with pytest.raises(OptionError) as caught:
        component(**options).validate()

    assert caught.value.option == next(iter(options))


@pytest.mark.parametrize("days", [0, 7, 30])
def test_good_input(days: int) -> None:
    component(recovery_window_days=days).validate()


def test_passwords_need_no_escaping_and_differ() -> None:
    made = {secrets.password() for _number in range(100)}

    assert len(made) == 100 and all(word.isalnum() and word.isascii() and len(word) == 32 for word in made)


def pair(client: SecretsManager, check_mode: bool = False) -> list[Any]:
    """A login that is made up, and an address made of it."""
    cloud = aws(client, check_mode)
    login = GeneratedSecret(cloud, "login", TAGS, lambda: secrets.login("sm2a"))

    def address() -> str:
        found = read_secret_fields(cloud, "login", "username", "password")
        return f"postgresql://{found['username']}:{found['password']}@database"

    return [login, DerivedSecret(cloud, "address", TAGS, address, after=[login])]


def test_a_derived_secret_follows_its_source() -> None:
    client = SecretsManager()
    Engine("test", check_mode=False).apply(pair(client))
    first = client.secrets["address"]["SecretString"]
    assert json.loads(client.secrets["login"]["SecretString"])["password"] in first
    assert Engine("test", check_mode=False).apply(pair(client))[1].action == "none"

    client.secrets["login"]["SecretString"] = json.dumps({"username": "sm2a", "password": "rotated"})
    client.written.clear()
    steps = Engine("test", check_mode=False).apply(pair(client))

    assert client.written == ["address"]
    assert client.secrets["address"]["SecretString"] == "postgresql://sm2a:rotated@database"
    shown = json.dumps(diff_of(steps))
    assert "rotated" not in shown and first not in shown and "(sensitive value" in shown


def test_check_mode_plans_a_value_that_is_not_known_yet() -> None:
    client = SecretsManager()
    resources = pair(client, check_mode=True)

    steps = Engine("test", check_mode=True).apply(resources)

    assert [step.action for step in steps] == ["create", "create"]
    assert KNOWN_AFTER_APPLY in resources[1].desired()["value"]
    assert client.secrets == {}


def test_a_source_that_is_missing_or_odd_is_named_and_not_shown() -> None:
    client = SecretsManager()
    with pytest.raises(ReconcileError, match="the secret login has no value"):
        read_secret_fields(aws(client), "login", "password")
    client.secrets["login"] = {"SecretString": "hunter2"}
    with pytest.raises(ReconcileError) as caught:
        read_secret_fields(aws(client), "login", "password")
    assert "hunter2" not in str(caught.value) and caught.value.__context__ is None


def test_a_failing_write_does_not_show_the_value() -> None:
    client = SecretsManager()
    Engine("test", check_mode=False).apply(pair(client))
    client.secrets["login"]["SecretString"] = json.dumps({"username": "sm2a", "password": "rotated"})

    def refuse(**_request: Any) -> None:
        raise ClientError({"Error": {"Code": "LimitExceededException", "Message": "too many"}}, "PutSecretValue")

    client.put_secret_value = refuse  # type: ignore[method-assign]
    with pytest.raises(ApplyError) as caught:
        Engine("test", check_mode=False).apply(pair(client))

    assert "LimitExceededException" in str(caught.value) and "rotated" not in str(caught.value)
