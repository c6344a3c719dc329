# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is computed of a role before it runs is what its task gives its module, or a plan is of something else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible.errors import AnsibleError
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

from ansible_collections.sm2a.airflow.plugins.plugin_utils import _role_options
from ansible_collections.sm2a.airflow.plugins.plugin_utils._order import IMAGE, ROLES
from ansible_collections.sm2a.airflow.plugins.plugin_utils._role_options import RoleOptions, TaskOptions


def options_of(component: str, strict: bool = True, **variables: Any) -> dict[str, Any]:
    """Return the options of a component of an environment of which these variables are set."""
    loader = DataLoader()
    known = {
        "sm2a_environment": "test",
        "ansible_facts": {},
        **{name: trust_as_template(value) if isinstance(value, str) else value for name, value in variables.items()},
    }
    return (TaskOptions if strict else RoleOptions)(Templar(loader, known), known, loader).of(component)


@pytest.mark.parametrize("component", ["database", "image_airflow"])
def test_a_template_that_fails_is_no_option_that_was_not_given(component: str) -> None:
    role = component.split("_", maxsplit=1)[0]
    variable = {"database": "database_multi_az", "image": "image_push"}[role]

    with pytest.raises(AnsibleError, match=f"{variable}: .*'nothing' is undefined"):
        options_of(component, **{variable: "{{ nothing }}"})

    # Who only reads what is there takes what can be told.
    assert variable.removeprefix(f"{role}_") not in options_of(component, strict=False, **{variable: "{{ nothing }}"})


@pytest.mark.parametrize("role", [role for role in ROLES if role != IMAGE])
def test_options_are_what_ansible_makes_of_the_tasks_arguments(role: str) -> None:
    loader = DataLoader()
    folder = _role_options.ROLES / role
    known = {"ansible_facts": {}, "sm2a_environment": "test", "sm2a_tags": {"team": "data"}, "database_engine": ""}
    computed = RoleOptions(Templar(loader, known), known, loader).of(role)
    defaults = loader.load_from_file(str(folder / "defaults/main.yml"), trusted_as_template=True)
    [task] = loader.load_from_file(str(folder / "tasks/component.yml"), trusted_as_template=True)
    templar = Templar(loader, {**defaults, **known, "role_path": str(folder)})

    for option, argument in task[f"sm2a.airflow.{role}"].items():
        try:
            value = templar.template({"value": argument}).get("value")
        except AnsibleError:
            value = None
        assert computed.get(option) == value, option


@pytest.mark.parametrize("text", ["{{ sm2a_environment }}", "{{ omit }}"])
def test_a_text_that_ansible_takes_for_no_template_is_none(text: str) -> None:
    loader = DataLoader()
    known = {"ansible_facts": {}, "sm2a_environment": "test", "queue_pools": text}

    assert RoleOptions(Templar(loader, known), known, loader).of("queue")["pools"] == text


def test_a_variable_that_is_set_later_counts_from_then_on() -> None:
    loader = DataLoader()
    known = {"ansible_facts": {}, "sm2a_environment": "test", "fruit": trust_as_template("{{ tree ~ '' }}")}
    options = RoleOptions(Templar(loader, known), {**known, "tree": "apple"}, loader)

    assert options.value("fruit") == "apple"
    options.set(tree="pear")
    assert options.value("fruit") == "pear"


def test_what_the_task_omits_is_omitted() -> None:
    options = options_of("airflow", sm2a_default_worker_pool="", airflow_url="", airflow_log_group=False)

    assert {"default_pool", "url", "log_group"}.isdisjoint(options)
    assert options["architecture"] == "X86_64" and options["wait"] is True


def test_a_variable_may_refer_to_the_folder_of_the_role() -> None:
    folder = options_of("storage", storage_dags_path="{{ role_path }}/files/dags")["dags_path"]

    assert Path(folder).parts[-4:] == ("roles", "storage", "files", "dags")


def test_the_source_of_an_image_is_its_roles_unless_the_command_line_says_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_role_options, "load_extra_vars", lambda _loader: {})
    # What an inventory says goes behind what the role that includes the role image says.
    for name in ("airflow", "scaler"):
        source = options_of(f"image_{name}", image_source="/mine", image_name="mine")["source"]
        assert Path(source).parts[-4:] == ("roles", name, "files", "image")

    extra = {"image_source": "/mine"}
    monkeypatch.setattr(_role_options, "load_extra_vars", lambda _loader: extra)
    assert options_of("image_scaler", **extra)["source"] == "/mine"
    assert "source" not in options_of("image_scaler", image_uris={"scaler": "registry/scaler:1"}, **extra)


@pytest.mark.parametrize(
    ("variables", "platform"),
    [
        ({}, None),
        ({"image_platform": ""}, None),
        ({"image_platform": None, "sm2a_architecture": "ARM64"}, "linux/arm64"),
        ({"image_platform": "", "sm2a_architecture": "ARM64"}, "linux/arm64"),
        ({"image_platform": "linux/amd64", "sm2a_architecture": "ARM64"}, "linux/amd64"),
    ],
)
def test_an_empty_platform_is_that_of_the_tasks(variables: dict[str, Any], platform: str | None) -> None:
    assert options_of("image_airflow", **variables).get("platform") == platform


@pytest.mark.parametrize(
    ("given", "seconds"), [({}, 60), ({"sm2a_secrets_cache_seconds": ""}, 60), ({"sm2a_secrets_cache_seconds": 0}, 0)]
)
def test_nothing_is_kept_where_the_inventory_says_so(given: dict[str, Any], seconds: int) -> None:
    assert int(options_of("workers", strict=False, **given)["secrets_cache_seconds"]) == seconds
