# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A plan that was saved is followed to the letter, or refused by the name of what differs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.sm2a.airflow.plugins.plugin_utils._plan import (
    Plan,
    PlanError,
    collection_version,
    merged,
    plans_of,
)

ABOUT = {"collection": "0.1.0", "environment": "dev", "region": "eu-central-1", "account": "123456789012"}


def step(name: str, action: str = "create", digest: str = "d1", fields: tuple[str, ...] = ()) -> dict[str, Any]:
    if action == "none":
        return {"kind": "AWS::X", "name": name, "action": action}
    return {"kind": "AWS::X", "name": name, "action": action, "digest": digest, "fields": list(fields)}


def plan(*steps: dict[str, Any], parts: tuple[str, ...] = ("queue",), **about: str) -> Plan:
    return Plan.of([{"at": 1.0, "steps": list(steps)}], {**ABOUT, **about}, list(parts))


def test_a_plan_that_was_saved_is_the_same(tmp_path: Path) -> None:
    saved = plan(step("b", "update", fields=("timeout",)), step("a"), step("c", "none"))
    saved.save(tmp_path / "plan.json")

    loaded = Plan.load(tmp_path / "plan.json")

    assert loaded == saved and loaded.differences(saved) == []
    assert [step["name"] for step in loaded.steps] == ["a", "b"], "sorted, without what stays as it is"
    assert list(tmp_path.iterdir()) == [tmp_path / "plan.json"], "nothing unfinished is left"


def test_the_same_plan_makes_the_same_file(tmp_path: Path) -> None:
    plan(step("a"), step("b"), parts=("queue", "network")).save(tmp_path / "one.json")
    plan(step("b"), step("a"), parts=("network", "queue")).save(tmp_path / "two.json")

    assert (tmp_path / "one.json").read_text() == (tmp_path / "two.json").read_text()


@pytest.mark.parametrize(
    ("now", "line"),
    [
        ([step("a"), step("b")], "not planned: create AWS::X b"),
        ([], "planned, and no longer to do: create AWS::X a"),
        ([step("a", "none")], "planned, and no longer to do: create AWS::X a"),
        ([step("a", digest="d2")], "planned with other values: create AWS::X a"),
        ([step("a", "update", fields=("tags", "timeout"))], "planned: create AWS::X a; now: change tags, timeout of"),
        ([step("a", "delete")], "planned: create AWS::X a; now: delete"),
        ([step("a", "deferred")], "planned: create AWS::X a; now: leave to a later run"),
    ],
)
def test_every_difference_is_named(now: list[dict[str, Any]], line: str) -> None:
    assert plan(step("a")).differences(plan(*now)) == [line]


def test_other_fields_of_a_change_are_named() -> None:
    planned, now = (plan(step("a", "update", fields=(field,))) for field in ("tags", "policy"))

    assert planned.differences(now) == ["planned: change tags of AWS::X a; now: change policy of"]


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("environment", "prod", "It is a plan for the environment 'dev', and this is 'prod'."),
        ("region", "eu-west-1", "It is a plan for the region 'eu-central-1', and this is 'eu-west-1'."),
        ("account", "210987654321", "It is a plan for the account '123456789012', and this is '210987654321'."),
        ("collection", "0.2.0", "It is a plan for the collection '0.1.0', and this is '0.2.0'."),
    ],
)
def test_the_plan_of_something_else_is_refused_without_its_steps(key: str, value: str, message: str) -> None:
    assert plan(step("a")).differences(plan(step("b"), **{key: value})) == [message]


def test_the_plan_of_other_parts_is_refused() -> None:
    assert plan(parts=("queue", "network")).differences(plan(parts=("queue",))) == [
        "It is a plan of network, queue, and this is queue: give the same --tags and --skip-tags."
    ]


def test_a_file_that_is_no_plan_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    with pytest.raises(
        PlanError, match=r"plan.json cannot be read: No such file.*Save a plan there with --check first"
    ):
        Plan.load(path)
    for text in ("", "[]", "{}", '{"sm2a_plan": 2}'):
        path.write_text(text)
        with pytest.raises(PlanError, match=r"plan.json is no plan of SM2A"):
            Plan.load(path)
    Plan({key: value for key, value in ABOUT.items() if key != "account"}, ["queue"], []).save(path)
    with pytest.raises(PlanError, match=r"plan.json is no plan of SM2A: it lacks 'account'"):
        Plan.load(path)
    with pytest.raises(PlanError, match="cannot be written: No such file"):
        plan().save(tmp_path / "no folder" / "plan.json")


@pytest.mark.parametrize("change", [{"environment": "prod"}, {"steps": []}, {"parts": []}, {"checksum": None}])
def test_a_file_that_was_changed_by_hand_is_refused(change: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    plan(step("a")).save(path)
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))

    with pytest.raises(PlanError, match=r"plan.json was changed after it was saved"):
        Plan.load(path)


def test_a_resource_that_is_met_twice_has_the_step_that_changes_it() -> None:
    begun, finished = {"steps": [step("a", "deferred"), step("b")]}, {"steps": [step("a"), step("b", "none")]}

    for plans in ([begun, finished], [finished, begun]):
        assert merged(plans) == [step("a"), step("b")]


def test_plans_that_were_there_before_are_left_out() -> None:
    facts = {"sm2a_plan_y": {"at": 2.0, "steps": []}, "sm2a_plan_x": {"at": 1.0, "steps": []}, "sm2a_x": {}}

    assert [plan["at"] for plan in plans_of(facts)] == [1.0, 2.0]
    assert [plan["at"] for plan in plans_of(facts, [1.0])] == [2.0]


def test_the_version_is_that_of_the_collection() -> None:
    galaxy = yaml.safe_load((Path(__file__).parents[3] / "galaxy.yml").read_text())

    assert collection_version() == galaxy["version"]
