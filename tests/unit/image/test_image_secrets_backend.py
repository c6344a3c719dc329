# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The secrets backend of Airflow's image: Amazon's, with its configuration kept and everything else looked up."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from sm2a_image.configuration_cache import ConfigurationCache


class Amazon:
    """In the place of Amazon's backend."""

    def __init__(self, config_prefix: str | None = None, connections_prefix: str | None = None) -> None:
        self.config_prefix = config_prefix
        self.connections_prefix = connections_prefix
        self.read: list[str] = []

    def get_config(self, key: str) -> str:
        self.read.append(key)
        return f"{key} {len(self.read)}"

    get_conn_value = get_config


@pytest.fixture
def backend(stand_in: Callable[..., ModuleType], monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(ConfigurationCache, "_kept", {})
    amazon = stand_in("airflow.providers.amazon.aws.secrets.secrets_manager", SecretsManagerBackend=Amazon)
    stand_in("airflow.providers.amazon.aws.secrets", secrets_manager=amazon)
    made = importlib.import_module("sm2a_image.secrets_backend").SecretsManagerBackend
    return made(config_prefix="sm2a/dev/config", connections_prefix="sm2a/dev/connections")


def test_it_takes_amazons_options(backend: Any) -> None:
    assert isinstance(backend, Amazon)
    assert (backend.config_prefix, backend.connections_prefix) == ("sm2a/dev/config", "sm2a/dev/connections")


def test_configuration_is_kept(backend: Any) -> None:
    assert [backend.get_config("fernet_key") for _dummy in range(3)] == ["fernet_key 1"] * 3


def test_connections_are_looked_up_each_time(backend: Any) -> None:
    assert [backend.get_conn_value("warehouse") for _dummy in range(2)] == ["warehouse 1", "warehouse 2"]
