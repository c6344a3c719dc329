# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What people read at the end of a run: lines as they are, and a summary."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

from ansible_collections.sm2a.airflow.plugins.filter.plan_summary import plan_summary

ROOT = Path(__file__).parents[3]
LINES = ["SERVICE   RUNNING", "it's {'a': 1}  {{ x }}"]


def plan(at: float, **actions: str) -> dict[str, Any]:
    """Return a fact of steps: the name and the action of each."""
    return {"at": at, "steps": [{"kind": "AWS::X", "name": name, "action": do} for name, do in actions.items()]}


def test_every_resource_that_changes_has_a_line_and_the_numbers_come_last() -> None:
    facts = {"sm2a_plan_queue": plan(9, a="create", b="update", c="delete", d="none"), "sm2a_queue": {"x": 1}}

    assert plan_summary(facts, planned=True) == [
        "create  AWS::X a",
        "change  AWS::X b",
        "delete  AWS::X c",
        "Plan: 1 to create, 1 to change, 1 to delete",
    ]
    assert plan_summary(facts)[-1] == "Created 1, changed 1, deleted 1"


def test_what_is_begun_and_finished_is_counted_once() -> None:
    begun, finished = plan(1, a="create", b="deferred"), plan(2, a="none", b="create")
    for facts in (
        {"sm2a_plan_x_begun": begun, "sm2a_plan_x": finished},
        {"sm2a_plan_x": finished, "sm2a_plan_y": begun},
    ):
        assert plan_summary(facts) == ["create  AWS::X a", "create  AWS::X b", "Created 2, changed 0, deleted 0"]


def test_what_was_put_off_and_needed_nothing_then_is_not_said() -> None:
    begun, finished = plan(1, a="deferred"), plan(2, a="none")

    assert plan_summary({"sm2a_plan_x_begun": begun, "sm2a_plan_x": finished}) == ["Created 0, changed 0, deleted 0"]


def test_what_is_left_to_a_later_run_is_said_and_not_counted() -> None:
    assert plan_summary({"sm2a_plan_x": plan(1, a="deferred")}) == [
        "later   AWS::X a",
        "Created 0, changed 0, deleted 0",
    ]


def test_plans_of_an_earlier_play_are_left_out() -> None:
    """Whatever the clocks say: that of the host may have been set back since."""
    facts = {"sm2a_plan_x": plan(100.1, a="create"), "sm2a_plan_y": plan(99.9, b="create")}

    assert plan_summary(facts, [100.1, 98.0]) == ["create  AWS::X b", "Created 1, changed 0, deleted 0"]


def test_the_component_that_failed_counts_too() -> None:
    facts = {"sm2a_plan_x_begun": plan(1, a="create")}
    failed = {"msg": "it failed", "plan": plan(2, a="none", b="update")["steps"]}

    assert plan_summary(facts, failed=failed) == [
        "create  AWS::X a",
        "change  AWS::X b",
        "Created 1, changed 1, deleted 0",
    ]
    assert plan_summary(facts, failed={"msg": "a task of another kind"})[-1] == "Created 1, changed 0, deleted 0"


def test_nothing_but_facts_can_be_summed_up() -> None:
    with pytest.raises(AnsibleFilterError, match="ansible_facts"):
        plan_summary([])  # type: ignore[arg-type]


@pytest.mark.parametrize(("playbook", "last"), [("site", "end"), ("teardown", "summary")])
def test_the_playbooks_note_the_plans_that_are_there(playbook: str, last: str) -> None:
    [play] = yaml.safe_load((ROOT / f"playbooks/{playbook}.yml").read_text())
    key = "ansible.builtin.import_tasks"
    imported = [task[key] for task in play["tasks"] if key in task]
    assert "tasks/plans.yml" in imported and imported[-1] == f"tasks/{last}.yml"
    [noting] = yaml.safe_load((ROOT / "playbooks/tasks/plans.yml").read_text())
    [summing] = yaml.safe_load((ROOT / "playbooks/tasks/summary.yml").read_text())
    noted, summary = noting["ansible.builtin.set_fact"], summing["sm2a.airflow.show"]["lines"]
    facts = {
        "sm2a_plan_x": plan(7.25, a="create"),
        "sm2a_x": {},
        "other": ["x"],
        "text": "at",
        "at": {"at": "noon"},
        "sm2a_plan_y": plan(6.5, b="create"),
    }
    variables = {"ansible_facts": facts, "ansible_check_mode": False}
    templar = Templar(loader=DataLoader(), variables=variables)
    before = {name: templar.template(trust_as_template(value)) for name, value in noted.items()}

    later = {**facts, "sm2a_plan_y": plan(5.75, c="create")}
    templar.available_variables = {**variables, **before, "ansible_facts": later}

    assert templar.template(trust_as_template(summary)) == [
        "create  AWS::X c",
        "Created 1, changed 0, deleted 0",
    ]


@pytest.mark.parametrize("callback", ["ansible.builtin.default", "ansible.posix.json"])
def test_lines_are_printed_as_they_are_or_left_to_the_program_that_reads(callback: str, tmp_path: Path) -> None:
    task: dict[str, Any] = {"sm2a.airflow.show": {"lines": "{{ lines }}"}}
    (tmp_path / "play.yml").write_text(yaml.safe_dump([{"hosts": "localhost", "gather_facts": False, "tasks": [task]}]))
    (tmp_path / "lines.json").write_text(json.dumps({"lines": [{"__ansible_unsafe": line} for line in LINES]}))
    done = subprocess.run(
        ["ansible-playbook", "play.yml", "-i", "localhost,", "-c", "local", "--check", "-e", "@lines.json"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "ANSIBLE_STDOUT_CALLBACK": callback},
        cwd=tmp_path,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    if callback.endswith("json"):
        [task] = json.loads(done.stdout)["plays"][0]["tasks"]
        answer = task["hosts"]["localhost"]
        assert answer["lines"] == LINES and answer["changed"] is False
    else:
        printed = done.stdout.splitlines()
        start = printed.index(LINES[0])
        assert printed[start : start + 2] == LINES


@pytest.mark.parametrize("playbook", ["site", "teardown"])
def test_a_failure_of_any_role_is_summed_up_and_stays_a_failure(playbook: str) -> None:
    [play] = yaml.safe_load((ROOT / f"playbooks/{playbook}.yml").read_text())
    roles = [task for task in play["tasks"] if any(".import_role" in key or ".include_role" in key for key in task)]
    [block] = [task for task in play["tasks"] if "block" in task]
    [rescue] = block["rescue"]

    assert roles == [], "none is outside of the block"
    assert rescue["ansible.builtin.import_tasks"] == "tasks/failure.yml"
    tasks = yaml.safe_load((ROOT / "playbooks/tasks/failure.yml").read_text())
    assert "ansible.builtin.fail" in tasks[-1] and "sm2a.airflow.show" in tasks[0]
