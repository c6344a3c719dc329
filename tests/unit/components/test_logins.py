# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A login that somebody wrote into Secrets Manager is refused by its secret's name and the rule, and never shown."""

from __future__ import annotations

import json
import traceback
from typing import Any

import pytest
from declared import component
from fake_aws import FakeAws, FakeClient

from ansible_collections.sm2a.airflow.plugins.module_utils._components import _logins
from ansible_collections.sm2a.airflow.plugins.module_utils._components.database import DatabaseComponent
from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.engine import Step
from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.errors import ReconcileError
from ansible_collections.sm2a.airflow.plugins.module_utils._resources.rds import Instance
from ansible_collections.sm2a.airflow.plugins.module_utils._resources.secretsmanager import DerivedSecret

SECRET = "sm2a/test/database/master"
PASSWORD = "hunter2-hunter2"
EVERY_CHARACTER = "".join(chr(code) for code in range(33, 127) if chr(code) not in '/"@')


def aws(value: Any, **others: Any) -> Any:
    """Return an account whose secrets all hold a value, but for the others."""

    def answer(SecretId: str) -> dict[str, str]:
        held = others.get(SecretId, value)
        return {"SecretString": held if isinstance(held, str) else json.dumps(held)}

    return FakeAws(secretsmanager=FakeClient(get_secret_value=answer))


def refusal(value: Any, engine: str = "postgres", read: Any = _logins.read_owner) -> str:
    """Return what is said of a login; nothing if it is fine."""
    try:
        read(aws(value), SECRET, engine)
    except ReconcileError as error:
        shown = "".join(traceback.format_exception(error))
        held = str(value.get("password", "") if isinstance(value, dict) else value)
        assert not held or held not in shown
        assert SECRET in str(error)
        return str(error)
    return ""


def login(username: Any = "sm2a", password: Any = PASSWORD) -> dict[str, Any]:
    return {"username": username, "password": password}


@pytest.mark.parametrize(
    "value",
    [
        "hunter2",
        "",
        '["hunter2"]',
        '"hunter2"',
        {"username": "owner-of-it"},
        {"password": PASSWORD},
        login(username=None),
        login(password=4711081522),
        login(password=["hunter2"]),
    ],
)
def test_what_is_no_login(value: Any) -> None:
    assert "is not a JSON object with username and password as texts" in refusal(value)


@pytest.mark.parametrize(
    "password", ["with/slash", 'with"quote', "with@sign", "with space", "with\ttab", "mit-Umläuten"]
)
def test_a_password_with_a_character_that_rds_does_not_take(password: str) -> None:
    text = refusal(login(password=password))

    assert text.startswith(f"the password in the secret {SECRET} is refused: it must be printable ASCII")
    assert _logins.MASTER_USER in text


@pytest.mark.parametrize(
    ("engine", "length", "fine"),
    [
        ("mysql", 7, False),
        ("mysql", 8, True),
        ("mysql", 41, True),
        ("mysql", 42, False),
        ("postgres", 7, False),
        ("postgres", 8, True),
        ("postgres", 128, True),
        ("postgres", 129, False),
    ],
)
def test_a_password_that_is_too_short_or_too_long(engine: str, length: int, fine: bool) -> None:
    text = refusal(login(password="x" * length), engine)

    assert text == "" if fine else f"it must be 8 to {_logins.LONGEST[engine]} characters" in text


def test_every_other_character_is_fine() -> None:
    assert refusal(login(password=EVERY_CHARACTER)) == ""


@pytest.mark.parametrize("username", ["9lives", "with-hyphen", "", "a" * 64, "it's"])
def test_a_name_that_no_engine_takes(username: str) -> None:
    for read in (_logins.read_login, _logins.read_owner):
        assert f"the username in the secret {SECRET} is refused" in refusal(login(username), read=read)


@pytest.mark.parametrize("username", ["Owner", "a" * 17, "rdsadmin", "sm2a_worker", "pg_owner", "select"])
def test_a_name_that_a_new_database_cannot_have_and_a_restored_one_may(username: str) -> None:
    assert f"the username in the secret {SECRET} is refused" in refusal(login(username))
    assert refusal(login(username), read=_logins.read_login) == ""


OPTIONS: dict[str, Any] = {
    "subnet_ids": ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"],
    "security_group_ids": ["sg-0123456789abcdef0"],
}


def test_an_instance_is_not_made_for_a_wrong_owner_and_gets_no_wrong_password() -> None:
    made = component(DatabaseComponent, aws(login("rdsadmin")), **OPTIONS)
    [instance] = (item for item in made.resources() if isinstance(item, Instance))
    with pytest.raises(ReconcileError, match="not reserved"):
        instance.password()
    # A plan says so too, if there is no instance yet.
    with pytest.raises(ReconcileError, match="not reserved"):
        list(made.planned_faults([Step(instance, "create")]))
    assert list(made.planned_faults([Step(instance, "update")])) == []
    restored = component(DatabaseComponent, aws(login("rdsadmin")), **OPTIONS)
    restored.resources()
    restored.options["snapshot_identifier"] = "before"
    assert list(restored.planned_faults([Step(restored.instance, "create")])) == []

    with pytest.raises(ReconcileError, match="printable ASCII"):
        component(DatabaseComponent, aws(login(password="with/slash")), **OPTIONS).resources()


@pytest.mark.parametrize("kind", ["airflow", "dag-processor", "triggerer", "worker", "scaler"])
def test_no_address_is_made_of_a_wrong_login(kind: str) -> None:
    secret = f"sm2a/test/database/{kind}-login"
    made = component(DatabaseComponent, aws(login(), **{secret: login(password="with space")}), **OPTIONS)
    refused = []
    for derived in (item for item in made.resources() if isinstance(item, DerivedSecret)):
        try:
            derived.compute()
        except ReconcileError as error:
            refused.append(str(error))

    assert len(refused) == 1 and refused[0].startswith(f"the password in the secret {secret} is refused")
