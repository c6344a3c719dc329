# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The entry guard of Airflow's image: what it lets start, and what it says when it refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import ModuleType
from typing import Any

import boto3
import pytest
from botocore.exceptions import HTTPClientError
from moto import mock_aws

from sm2a_image import __main__ as entry
from sm2a_image.guard import ConfigurationError, check

ADDRESS = "postgresql+psycopg2://sm2a:the-password@database/airflow"
CONNECTION = "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"
ENVIRONMENT = {
    "AIRFLOW__SECRETS__BACKEND_KWARGS": json.dumps({"config_prefix": "sm2a/dev/config"}),
    f"{CONNECTION}_SECRET": "sql_alchemy_conn",
    "AIRFLOW__API_AUTH__JWT_SECRET_SECRET": "jwt_secret",
}
SECRETS = {"sm2a/dev/config/sql_alchemy_conn": ADDRESS, "sm2a/dev/config/jwt_secret": "the-key"}


SENSITIVE = {"AIRFLOW__SENTRY__SENTRY_DSN", "AIRFLOW__KEYCLOAK_AUTH_MANAGER__CLIENT_SECRET"}


def refusal(environment: dict[str, str], secrets: dict[str, str] | None = None) -> str:
    """Return what the guard says when it refuses."""
    with pytest.raises(ConfigurationError) as caught:
        check(environment, (SECRETS if secrets is None else secrets).__getitem__, lambda: SENSITIVE)
    message = str(caught.value)
    assert "\n" not in message
    assert "the-password" not in message and "the-key" not in message
    return message


def test_readable_secrets_and_a_server_may_start() -> None:
    read: list[str] = []
    check(ENVIRONMENT, lambda name: read.append(name) or SECRETS[name])  # type: ignore[func-returns-value]
    assert sorted(read) == sorted(SECRETS)


def test_connection_in_the_clear_may_start() -> None:
    check({CONNECTION: ADDRESS}, SECRETS.__getitem__)


def test_no_connection_at_all() -> None:
    assert f"neither {CONNECTION}_SECRET nor {CONNECTION} is set" in refusal({})


@pytest.mark.parametrize("address", ["sqlite:////opt/airflow/airflow.db", "sqlite+aiosqlite:///airflow.db"])
def test_sqlite(address: str) -> None:
    assert "SQLite" in refusal({CONNECTION: address})
    assert "SQLite" in refusal(ENVIRONMENT, {**SECRETS, "sm2a/dev/config/sql_alchemy_conn": address})


def test_secret_counts_where_the_address_is_set_too() -> None:
    assert "SQLite" in refusal(
        {**ENVIRONMENT, CONNECTION: ADDRESS}, {**SECRETS, "sm2a/dev/config/sql_alchemy_conn": "sqlite://"}
    )


@pytest.mark.parametrize("missing", sorted(SECRETS))
def test_unreadable_secret_names_the_option_and_the_secret(missing: str) -> None:
    message = refusal(ENVIRONMENT, {name: value for name, value in SECRETS.items() if name != missing})
    option = next(name for name, value in ENVIRONMENT.items() if missing.endswith(f"/{value}"))
    assert option in message and missing in message and "cannot be read" in message


@pytest.mark.parametrize(
    "variable",
    [
        "AIRFLOW__KEYCLOAK_AUTH_MANAGER__CLIENT_SECRET",
        "AIRFLOW__GITHUB_ENTERPRISE__CLIENT_SECRET",
        "AIRFLOW__API_AUTH__JWT_SECRET",
        "AIRFLOW__MY_PLUGIN__API_SECRET",
        "AIRFLOW__SMTP__SMTP_HOST_SECRET",
    ],
)
def test_option_that_is_only_called_so_is_not_looked_up(variable: str) -> None:
    read: list[str] = []
    check(
        {**ENVIRONMENT, variable: "the-key-itself"},
        lambda name: read.append(name) or SECRETS[name],  # type: ignore[func-returns-value]
        lambda: SENSITIVE,
    )
    assert sorted(read) == sorted(SECRETS)


def test_secret_that_such_an_option_names_is_read() -> None:
    option = "AIRFLOW__KEYCLOAK_AUTH_MANAGER__CLIENT_SECRET_SECRET"
    secrets = {**SECRETS, "sm2a/dev/config/keycloak": "the-key"}
    values = check({**ENVIRONMENT, option: "keycloak"}, secrets.__getitem__, lambda: SENSITIVE)
    assert values["keycloak"] == "the-key"


def test_options_are_read_of_airflow_only_where_others_may_name_secrets() -> None:
    def unexpected() -> set[str]:
        raise AssertionError("Airflow's options are read")

    check(ENVIRONMENT, SECRETS.__getitem__, unexpected)


@pytest.mark.parametrize("error", ["AccessDenied on resource sm2a/dev/config/{}", "Invalid name {}", "{}"])
def test_value_that_was_taken_for_a_secrets_name_is_not_shown(error: str) -> None:
    value = "the-key-itself"
    option = "AIRFLOW__KEYCLOAK_AUTH_MANAGER__CLIENT_SECRET_SECRET"

    def read(name: str) -> str:
        if name in SECRETS:
            return SECRETS[name]
        raise LookupError(error.format(value))

    with pytest.raises(ConfigurationError) as caught:
        check({**ENVIRONMENT, option: value}, read, lambda: SENSITIVE)

    message = str(caught.value)
    assert value not in message and option in message and "LookupError" in message
    # Nor does a traceback of it.
    assert caught.value.__cause__ is None and caught.value.__suppress_context__


def test_value_that_names_an_empty_secret_is_not_shown() -> None:
    option = "AIRFLOW__SENTRY__SENTRY_DSN_SECRET"
    message = refusal({**ENVIRONMENT, option: "the-key-itself"}, {**SECRETS, "sm2a/dev/config/the-key-itself": ""})
    assert option in message and "is empty" in message


def test_code_of_awss_error_is_shown() -> None:
    class Refused(Exception):
        response = {"Error": {"Code": "ResourceNotFoundException", "Message": "the-key-itself"}}

    def read(name: str) -> str:
        if name in SECRETS:
            return SECRETS[name]
        raise Refused("the-key-itself")

    with pytest.raises(ConfigurationError, match="ResourceNotFoundException") as caught:
        check({**ENVIRONMENT, "AIRFLOW__SENTRY__SENTRY_DSN_SECRET": "the-key-itself"}, read, lambda: SENSITIVE)
    assert "the-key-itself" not in str(caught.value)


def test_error_without_an_answer_of_aws() -> None:
    def read(name: str) -> str:
        if name in SECRETS:
            return SECRETS[name]
        raise HTTPClientError(error="the-key-itself")

    with pytest.raises(ConfigurationError, match="HTTPClientError") as caught:
        check({**ENVIRONMENT, "AIRFLOW__SENTRY__SENTRY_DSN_SECRET": "the-key-itself"}, read, lambda: SENSITIVE)
    assert "the-key-itself" not in str(caught.value)


def test_empty_secret() -> None:
    message = refusal(ENVIRONMENT, {**SECRETS, "sm2a/dev/config/jwt_secret": " \n"})
    assert "sm2a/dev/config/jwt_secret is empty" in message


@pytest.mark.parametrize("arguments", [None, "no JSON", "{}", "[]", "null"])
def test_secrets_backend_without_a_prefix(arguments: str | None) -> None:
    environment = {**ENVIRONMENT, "AIRFLOW__SECRETS__BACKEND_KWARGS": arguments or ""}
    if arguments is None:
        del environment["AIRFLOW__SECRETS__BACKEND_KWARGS"]
    assert "AIRFLOW__SECRETS__BACKEND_KWARGS has no config_prefix" in refusal(environment)


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials and a region that lead nowhere but to moto."""
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {
        "ACCESS_KEY_ID": "local",
        "SECRET_ACCESS_KEY": "local",
        "DEFAULT_REGION": "eu-central-1",
    }.items():
        monkeypatch.setenv(f"AWS_{name}", value)


@mock_aws
def test_secrets_manager_is_asked(account: None) -> None:
    client = boto3.client("secretsmanager")
    client.create_secret(Name="sm2a/dev/config/sql_alchemy_conn", SecretString=ADDRESS)
    with pytest.raises(ConfigurationError, match=r"sm2a/dev/config/jwt_secret cannot be read: .*ResourceNotFound"):
        check(ENVIRONMENT)
    client.create_secret(Name="sm2a/dev/config/jwt_secret", SecretString="the-key")
    check(ENVIRONMENT)


def test_no_region_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    with pytest.raises(ConfigurationError, match="You must specify a region"):
        check(ENVIRONMENT)


def test_entry_point_refuses_with_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for name in [*ENVIRONMENT, CONNECTION]:
        monkeypatch.delenv(name, raising=False)
    assert entry.main(["airflow", "scheduler"]) == 78
    printed = capsys.readouterr()
    assert printed.err.startswith("sm2a: refusing to start: ") and printed.err.count("\n") == 1


def test_entry_point_becomes_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    executed: list[tuple[str, list[str]]] = []
    monkeypatch.setattr(entry, "check", lambda environment: {})
    monkeypatch.setattr(entry.os, "execvp", lambda program, arguments: executed.append((program, arguments)))
    entry.main(["bash", "-c", "true"])
    assert executed == [("bash", ["bash", "-c", "true"])]


@pytest.mark.parametrize(
    ("arguments", "beats"),
    [(["airflow", "scheduler"], True), (["airflow", "api-server", "--proxy-headers"], False)],
)
def test_airflow_runs_with_the_secrets_that_the_guard_has_read(
    monkeypatch: pytest.MonkeyPatch, stand_in: Callable[..., ModuleType], arguments: list[str], beats: bool
) -> None:
    kept: dict[str, Any] = {}
    ran: list[list[str]] = []
    beating: list[bool] = []
    monkeypatch.setattr(entry, "check", lambda environment: check(ENVIRONMENT, SECRETS.__getitem__))
    monkeypatch.setattr(entry.ConfigurationCache, "_kept", kept)
    monkeypatch.setattr(entry.heartbeat, "install", lambda: beating.append(True))
    monkeypatch.setattr(entry.sys, "argv", [])
    monkeypatch.setenv("AIRFLOW__SECRETS__BACKEND_KWARGS", ENVIRONMENT["AIRFLOW__SECRETS__BACKEND_KWARGS"])
    stand_in("airflow.__main__", main=lambda: ran.append(entry.sys.argv))

    assert entry.main(arguments) == 0

    assert ran == [arguments] and bool(beating) is beats
    values = {key: value for (prefix, key), (_at, value) in kept.items() if prefix == "sm2a/dev/config"}
    assert values == {"sql_alchemy_conn": ADDRESS, "jwt_secret": "the-key"}


def test_entry_point_without_a_command_and_with_an_unknown_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(entry, "check", lambda environment: {})
    assert entry.main([]) == 2
    assert entry.main(["sm2a-no-such-command"]) == 127
    assert "sm2a-no-such-command cannot be run: No such file or directory" in capsys.readouterr().err
