# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`site` refuses every illegal input of the table before its first call to AWS, and takes what is beside the limit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from unittest import mock

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from botocore.client import BaseClient
from illegal_inputs import ILLEGAL, Rule
from validations import refused, trusted

from ansible_collections.sm2a.airflow.plugins.action import validate
from ansible_collections.sm2a.airflow.plugins.plugin_utils._fence import refused_variables
from ansible_collections.sm2a.airflow.plugins.plugin_utils._order import ROLES

# The roles that look at a variable of the whole site, or of another role; those of others look at the same rule once
# more.
LOOKED_AT_BY = {
    "airflow_image_files": ["image"],
    "airflow_image_requirements": ["image"],
    "airflow_image_system_packages": ["image"],
    "sm2a_airflow_configuration": ["airflow"],
    "sm2a_connections_lookup_pattern": ["airflow"],
    "sm2a_default_worker_pool": ["airflow"],
    "sm2a_execution_api_server_url": ["airflow"],
    "sm2a_registry_credentials": ["security", "airflow", "workers", "scaler"],
    "sm2a_secret_recovery_window_days": ["secrets"],
    "sm2a_secrets_cache_seconds": ["airflow"],
    "sm2a_variables_lookup_pattern": ["airflow"],
    "sm2a_worker_pools": ["queue", "airflow", "workers", "scaler"],
}


@pytest.fixture(autouse=True)
def no_call_to_aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whoever calls AWS fails. Docker, which rules of images ask for, answers."""
    monkeypatch.setattr(validate, "_has_credentials", lambda _arguments: False)
    monkeypatch.setattr(validate.Docker, "require", lambda _docker: None)
    with mock.patch.object(BaseClient, "_make_api_call", side_effect=AssertionError("AWS was called")):
        yield


def said_of(rule: Rule, value: Any) -> list[str]:
    """Return what `site` says first of a value: its fence, and the validation of the roles that have the variable."""
    given = {**rule.beside, **({} if value is None else {rule.variable: value})}
    roles = [role for role in ROLES if rule.variable.startswith(f"{role}_")]
    return [*fence(given), *refused(LOOKED_AT_BY.get(rule.variable) or roles or ["queue"], **given)]


def fence(given: dict[str, Any]) -> list[str]:
    loader = DataLoader()
    variables = trusted(given)
    return [sentence for _name, sentence in refused_variables(variables, Templar(loader=loader, variables=variables))]


@pytest.mark.parametrize("rule", ILLEGAL, ids=str)
def test_an_illegal_value_is_refused_with_its_variable_the_rule_and_the_page(rule: Rule) -> None:
    said = said_of(rule, rule.wrong)

    about = [line for line in said if rule.variable in line and rule.word in line]
    assert about, said
    assert rule.typed or any(rule.address in line for line in about), about


@pytest.mark.parametrize("rule", ILLEGAL, ids=str)
def test_its_legal_neighbour_is_accepted(rule: Rule) -> None:
    assert said_of(rule, rule.right) == []


def test_the_table_is_as_long_as_promised_and_says_nothing_twice() -> None:
    assert len(ILLEGAL) >= 250
    assert len({repr(rule) for rule in ILLEGAL}) == len(ILLEGAL)
    assert all(rule.address.startswith("https://") for rule in ILLEGAL)
