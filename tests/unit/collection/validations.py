# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Asks the action `validate`, as `site` does, what is wrong with variables."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.task import Task
from ansible.template import Templar, trust_as_template

from ansible_collections.sm2a.airflow.plugins.action import validate

ROOT = Path(__file__).parents[3]
# With these no Docker is needed.
IMAGES = {name: f"registry.example.com/{name}:1" for name in ("airflow", "scaler")}


def trusted(value: Any) -> Any:
    """Return what an inventory or a role's defaults hold, its texts as templates."""
    if isinstance(value, dict):
        return {key: trusted(item) for key, item in value.items()}
    if isinstance(value, list):
        return [trusted(item) for item in value]
    return trust_as_template(value) if isinstance(value, str) else value


# As `site` has them: the role of the images is included later only.
DEFAULTS = {
    name: trusted(value)
    for path in (ROOT / "roles").glob("*/defaults/main.yml")
    if path.parents[1].name != "image"
    for name, value in yaml.safe_load(path.read_text()).items()
}
DEFAULTS |= {"sm2a_environment": "dev", "load_balancer_protocol": "HTTP", "image_uris": IMAGES}


def action(roles: list[str] | None = None, **variables: Any) -> tuple[validate.ActionModule, dict[str, Any]]:
    """Return the action as a play with these variables has it, and the variables."""
    known = {
        **DEFAULTS,
        "ansible_run_tags": ["all"],
        "ansible_skip_tags": [],
        "ansible_facts": {},
        **trusted(variables),
    }
    loader = DataLoader()
    task = Task()
    task.action = "sm2a.airflow.validate"
    task.args = {"region": "eu-central-1", **({} if roles is None else {"roles": roles})}
    connection = SimpleNamespace(transport="local", _shell=SimpleNamespace(tmpdir="unused"))
    templar = Templar(loader=loader, variables=known)
    play = SimpleNamespace(check_mode=False)
    return validate.ActionModule(task, connection, play, loader, templar, None), known


def refused(roles: list[str] | None = None, **variables: Any) -> list[str]:
    """Return the lines of what the action says of roles with these variables."""
    plugin, known = action(roles, **variables)
    answer = plugin.run(task_vars=known)
    return answer["msg"].splitlines() if answer.get("failed") else []
