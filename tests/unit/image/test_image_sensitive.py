# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which options of an installed Airflow and its providers may come from a secret."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from sm2a_image.sensitive import sensitive_variables

CORE = """
core:
  options:
    fernet_key: {sensitive: true}
    parallelism: {}
common.io:
  options:
    a-token: {sensitive: true}
"""
PROVIDER = """
def get_provider_info():
    return {"config": {"keycloak_auth_manager": {"options": {"client_secret": {"sensitive": True}, "realm": {}}}}}
"""
COMPUTED = """
def get_provider_info():
    return {"config": options()}
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make an Airflow that can be found, and that cannot be imported."""
    core = tmp_path / "airflow/config_templates/config.yml"
    core.parent.mkdir(parents=True)
    core.write_text(CORE)
    (tmp_path / "airflow/__init__.py").write_text("raise AssertionError('it is imported')")
    for name, text in (("keycloak", PROVIDER), ("computed", COMPUTED)):
        information = tmp_path / f"airflow/providers/{name}/get_provider_info.py"
        information.parent.mkdir(parents=True)
        information.write_text(text)
        metadata = tmp_path / f"{name}-1.0.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (metadata / "entry_points.txt").write_text(
            f"[apache_airflow_provider]\nprovider_info = airflow.providers.{name}.get_provider_info:get_provider_info\n"
        )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "airflow", raising=False)
    return tmp_path


def test_sensitive_options_of_airflow_and_of_providers(installed: Path) -> None:
    assert sensitive_variables() == {
        "AIRFLOW__CORE__FERNET_KEY",
        "AIRFLOW__COMMON_IO__A_TOKEN",
        "AIRFLOW__KEYCLOAK_AUTH_MANAGER__CLIENT_SECRET",
    }
