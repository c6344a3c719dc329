# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The secrets backend of Airflow's image: Amazon's, with its configuration kept and everything else looked up."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any

import pytest

from sm2a_image.configuration_cache import ConfigurationCache
from sm2a_image.lookup_cache import LookupCache


class Amazon:
    """In the place of Amazon's backend."""

    def __init__(
        self,
        config_prefix: str | None = None,
        connections_prefix: str | None = None,
        variables_prefix: str | None = None,
    ) -> None:
        self.config_prefix = config_prefix
        self.connections_prefix = connections_prefix
        self.variables_prefix = variables_prefix
        self.read: list[str] = []

    def _ask(self, key: str) -> str:
        self.read.append(key)
        return f"{key} {len(self.read)}"

    def get_config(self, key: str) -> str:
        return self._ask(key)

    def get_conn_value(self, conn_id: str, team_name: str | None = None) -> str | None:
        if conn_id == "refused":
            raise PermissionError
        found = self._ask(conn_id)
        return None if conn_id == "unknown" else found

    def get_variable(self, key: str, team_name: str | None = None) -> str | None:
        return self._ask(f"variable {key}")


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def backend(stand_in: Callable[..., ModuleType], monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(ConfigurationCache, "_kept", {})
    monkeypatch.setattr(LookupCache, "_looked_up", {})
    amazon = stand_in("airflow.providers.amazon.aws.secrets.secrets_manager", SecretsManagerBackend=Amazon)
    stand_in("airflow.providers.amazon.aws.secrets", secrets_manager=amazon)
    made = importlib.import_module("sm2a_image.secrets_backend").SecretsManagerBackend
    prefixes = {f"{kind}_prefix": f"sm2a/dev/{kind}" for kind in ("config", "connections", "variables")}
    return partial(made, **prefixes)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(LookupCache, "lookup_clock", clock)
    return clock


def test_it_takes_amazons_options(backend: Any) -> None:
    made = backend()
    assert isinstance(made, Amazon)
    assert (made.config_prefix, made.connections_prefix) == ("sm2a/dev/config", "sm2a/dev/connections")


def test_configuration_is_kept(backend: Any) -> None:
    made = backend()
    assert [made.get_config("fernet_key") for _dummy in range(3)] == ["fernet_key 1"] * 3


def test_connections_are_looked_up_each_time_where_nothing_is_to_be_kept(backend: Any) -> None:
    made = backend()
    assert [made.get_conn_value("warehouse") for _dummy in range(2)] == ["warehouse 1", "warehouse 2"]


def test_what_was_found_and_that_nothing_was_is_kept_for_all_backends_of_a_process(backend: Any, clock: Clock) -> None:
    one, other = backend(cache_seconds=60), backend(cache_seconds=60)
    first = [one.get_conn_value("warehouse"), one.get_conn_value("unknown"), one.get_variable("warehouse")]
    clock.now += 59
    again = [other.get_conn_value("warehouse"), other.get_conn_value("unknown"), other.get_variable("warehouse")]

    assert first == again == ["warehouse 1", None, "variable warehouse 3"] and other.read == []
    clock.now += 1
    assert other.get_conn_value("warehouse") == "warehouse 1" and other.read == ["warehouse"]


def test_what_is_anothers_is_looked_up(backend: Any, clock: Clock) -> None:
    made = backend(cache_seconds=60)
    made.get_conn_value("warehouse")
    made.get_conn_value("warehouse", "a-team")
    assert made.read == ["warehouse"] * 2


def test_an_error_is_not_kept(backend: Any, clock: Clock) -> None:
    made = backend(cache_seconds=60)
    for _dummy in range(2):
        with pytest.raises(PermissionError):
            made.get_conn_value("refused")
    assert made._looked_up == {}
