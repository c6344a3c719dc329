# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Roles refuse bad arguments before they run a module, and playbooks refuse variables that SM2A does not know."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

ROOT = Path(__file__).parents[3]
ROLES = sorted(path.parent.parent.name for path in (ROOT / "roles").glob("*/meta/argument_specs.yml"))
# What cannot be converted; everything can be a text.
WRONG = {"int": "many", "bool": "perhaps", "dict": "one", "list": {"a": 1}, "path": {"a": 1}}
REQUIRED = {"image": {"image_name": "airflow"}}


def options_of(role: str) -> dict[str, Any]:
    specification = yaml.safe_load((ROOT / "roles" / role / "meta/argument_specs.yml").read_text())
    return dict(specification["argument_specs"]["main"]["options"])


def errors(role: str, **arguments: Any) -> list[str]:
    """Return what Ansible says of a role's arguments."""
    given = {f"{role}_environment": "test", **REQUIRED.get(role, {}), **arguments}
    return list(ArgumentSpecValidator(options_of(role)).validate(given).error_messages)


@pytest.mark.parametrize("role", ROLES)
def test_every_option_has_a_type_or_choices_that_are_enforced(role: str) -> None:
    assert errors(role) == []
    for name, option in options_of(role).items():
        if "choices" in option:
            # "one of", and for a list "one or more of".
            assert any("must be one o" in error and name in error for error in errors(role, **{name: "other"})), name
        elif option["type"] in WRONG:
            assert any(name in error for error in errors(role, **{name: WRONG[option["type"]]})), name
        if option["type"] == "list" and option["elements"] == "int":
            assert errors(role, **{name: ["many"]}) != [], name


@pytest.mark.parametrize("role", ROLES)
def test_every_required_option_is_enforced(role: str) -> None:
    [message] = ArgumentSpecValidator(options_of(role)).validate({}).error_messages

    required = sorted(name for name, option in options_of(role).items() if option.get("required"))
    assert f"{role}_environment" in required
    assert message == f"missing required arguments: {', '.join(required)}"


def run(playbook: Path, *arguments: str) -> dict[str, Any]:
    """Run a playbook on this machine and return Ansible's report of it."""
    environment = {**os.environ, "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json", "ANSIBLE_LOCALHOST_WARNING": "False"}
    done = subprocess.run(
        ["ansible-playbook", str(playbook), *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        cwd=ROOT,
    )
    assert "{" in done.stdout, done.stderr
    return dict(json.loads(done.stdout[done.stdout.index("{") :]))


def test_running_a_role_refuses(tmp_path: Path) -> None:
    cases = {
        **{role: {f"{role}_environment": "test", f"{role}_state": "latest", f"{role}_tags": "red"} for role in ROLES},
        "queue": {},
    }
    cases["airflow"]["airflow_services"] = {"webserver": {}}
    tasks = [
        {
            "block": [
                {
                    "ansible.builtin.include_role": {"name": f"sm2a.airflow.{role}"},
                    "vars": {**REQUIRED.get(role, {}), **variables},
                }
            ],
            "rescue": [{"name": role, "ansible.builtin.debug": {"var": "ansible_failed_result.msg"}}],
        }
        for role, variables in cases.items()
    ]
    playbook = tmp_path / "refusals.yml"
    playbook.write_text(yaml.safe_dump([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}]))

    report = run(playbook, "-i", "localhost,", "-c", "local")

    [play] = report["plays"]
    answers = {task["task"]["name"]: next(iter(task["hosts"].values())) for task in play["tasks"]}
    assert set(answers) >= set(ROLES)
    for role in ROLES:
        message = answers[role]["ansible_failed_result.msg"]
        if role == "queue":
            # Its default is the site's variable.
            assert "'sm2a_environment' is undefined" in message
        else:
            assert f"value of {role}_state must be one of: present, absent, got: latest" in message
            assert f"argument '{role}_tags' is of type str" in message
    assert "airflow_services.webserver" in answers["airflow"]["ansible_failed_result.msg"]
    # Nothing but includes, validations and what this playbook says of them was run.
    actions = {task["hosts"][host]["action"] for task in play["tasks"] for host in task["hosts"]}
    assert actions <= {
        "ansible.builtin.validate_argument_spec",
        "ansible.builtin.include_role",
        "ansible.builtin.debug",
    }


@pytest.mark.parametrize("playbook", ["site", "status", "teardown"])
def test_every_playbook_refuses_misspelt_variables_before_anything_else(playbook: str) -> None:
    slips = {"database_multiaz": "true", "storage_colour": "blue", "loadbalancer_scheme": "internal"}
    arguments = ["-i", "inventories/dev", "-e", json.dumps(slips), "--tags", "queue"]
    tasks = run(ROOT / f"playbooks/{playbook}.yml", *arguments)["plays"][0]["tasks"]

    [refusal] = [task["hosts"]["dev"] for task in tasks]
    assert "database_multiaz (did you mean database_multi_az?)" in refusal["msg"]
    assert "loadbalancer_scheme (did you mean load_balancer_scheme?)" in refusal["msg"]
    assert "storage_colour." in refusal["msg"] and "https://" in refusal["msg"]


@pytest.mark.parametrize("inventory", ["dev", "local", "production"])
def test_every_inventory_is_accepted(inventory: str) -> None:
    report = run(
        ROOT / "playbooks/site.yml", "-i", f"inventories/{inventory}", "-e", "my_network=red", "--tags", "none"
    )

    # The task that ends the play answers nothing.
    answers = [answer for task in report["plays"][0]["tasks"] for answer in task["hosts"].values()]
    assert answers and [answer["msg"] for answer in answers if answer.get("failed")] == []
