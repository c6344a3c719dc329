# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When a module runs in a fork of the controller, and when it is a program as all modules are."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3.session
import pytest

from ansible_collections.sm2a.airflow.plugins.plugin_utils import _component_action as action

MODULES = Path(__file__).parents[3] / "plugins/modules"
HERE = {"ansible_python_interpreter": sys.executable}


def can_run_here(
    variables: dict[str, Any] | None = None,
    environment: tuple[str, ...] = (),
    transport: str = "local",
    become: object = None,
    async_val: int = 0,
    delegate_to: str | None = None,
) -> bool:
    """Ask a plugin whose task and connection are like this."""
    plugin: Any = action.ModuleAction.__new__(action.ModuleAction)
    plugin._task = SimpleNamespace(async_val=async_val, delegate_to=delegate_to)
    plugin._connection = SimpleNamespace(transport=transport, become=become)
    plugin._templar = SimpleNamespace(template=lambda value: value)
    return bool(plugin._can_run_here(HERE if variables is None else variables, dict.fromkeys(environment, "value")))


def test_here_with_the_controllers_python_or_with_none_chosen() -> None:
    assert can_run_here()
    assert can_run_here({})
    assert can_run_here({"ansible_python_interpreter": "auto_silent"})
    assert can_run_here({"ansible_python_interpreter": str(Path(sys.executable).with_name("python"))})


@pytest.mark.parametrize(
    "otherwise",
    [
        {"variables": {"ansible_python_interpreter": "/usr/bin/env python3"}},
        {"variables": {"ansible_python_interpreter": "/opt/python/bin/python3"}},
        {"transport": "ssh"},
        {"become": "a plugin"},
        {"async_val": 60},
        {"environment": ("AWS_REGION", "PYTHONPATH")},
        {"environment": ("LD_PRELOAD",)},
    ],
    ids=str,
)
def test_a_program_where_something_else_is_asked_for(otherwise: dict[str, Any]) -> None:
    assert not can_run_here(**otherwise)


def test_a_program_for_who_wants_to_see_it_or_has_no_boto3(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(action.constants, "DEFAULT_KEEP_REMOTE_FILES", True, raising=False)
        assert not can_run_here()
    with monkeypatch.context() as patch:
        patch.setattr(action, "boto3", None)
        assert not can_run_here()
    monkeypatch.setattr(action, "POSSIBLE", False)
    assert not can_run_here()


def test_variables_that_are_read_late_are_given_to_the_fork() -> None:
    assert can_run_here(environment=("AWS_PROFILE", "https_proxy", "DOCKER_HOST"))


def test_whom_a_task_is_delegated_to_decides() -> None:
    other = {"ansible_python_interpreter": "/opt/python/bin/python3"}

    assert not can_run_here({**HERE, "ansible_delegated_vars": {"other": other}}, delegate_to="other")
    assert can_run_here({**other, "ansible_delegated_vars": {"other": HERE}}, delegate_to="other")


def test_an_environment_of_venv_has_libraries_of_its_own(tmp_path: Path) -> None:
    """Its Python is a link to the one that it was made with."""
    link = tmp_path / "bin" / "python"
    link.parent.mkdir()
    link.symlink_to(Path(sys.executable).resolve())

    assert not can_run_here({"ansible_python_interpreter": str(link)})


def test_what_is_read_before_the_fork_is_of_modules_and_services_that_exist() -> None:
    assert set(action.SERVICES) <= {path.stem for path in MODULES.glob("[a-z]*.py")}
    assert {service for services in action.SERVICES.values() for service in services} <= set(
        boto3.session.Session().get_available_services()
    )
