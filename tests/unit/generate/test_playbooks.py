# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The roles of the playbooks, made from the order of ``site``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

import playbooks
from ansible_collections.sm2a.airflow.plugins.plugin_utils._order import ROLES, STEPS, Step

ROOT = Path(__file__).parents[3]


def tasks(lines: Any) -> list[dict[str, Any]]:
    return list(yaml.safe_load("\n".join(lines)))


def test_a_step_is_a_task(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = (Step("queue", "Begin it", waits=False), Step("queue", "Its image", entry="image", tags=("a", "b")))
    monkeypatch.setattr(playbooks, "STEPS", steps)

    assert tasks(playbooks.site()) == [
        {
            "name": "Begin it",
            "ansible.builtin.import_role": {
                "name": "sm2a.airflow.queue",
                "tasks_from": "component",
                "rolespec_validate": False,
            },
            "vars": {"queue_wait": False},
            "tags": ["queue"],
        },
        {
            "name": "Its image",
            "ansible.builtin.import_role": {
                "name": "sm2a.airflow.queue",
                "tasks_from": "image",
                "rolespec_validate": False,
            },
            "tags": ["a", "b"],
        },
    ]


def test_what_was_begun_is_finished_only_if_something_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(playbooks, "STEPS", (Step("queue", "Begin", waits=False), Step("queue", "Finish")))

    begin, finish = tasks(playbooks.site())

    assert "when" not in begin and "vars" not in finish
    assert finish["when"] == "ansible_facts.sm2a_plan_queue_begun.pending | default(true)"


def test_teardown_has_every_role_once_the_last_begun_first() -> None:
    roles = [
        (task.get("ansible.builtin.import_role") or task["ansible.builtin.include_role"])["name"]
        for task in tasks(playbooks.teardown())
    ]

    assert roles == [f"sm2a.airflow.{role}" for role in reversed(ROLES)]


def test_what_is_begun_is_finished() -> None:
    """Without it a run would end while AWS still creates, and nothing would have looked at the outcome."""
    last = {step.component: step.waits for step in STEPS}

    assert all(last.values()), last


def test_every_folder_of_a_role_is_in_the_order() -> None:
    assert sorted(ROLES) == sorted(path.name for path in (ROOT / "roles").iterdir() if path.is_dir())
