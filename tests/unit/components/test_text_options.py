# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Modules take text for every option, as a survey or ``-e`` gives it, and an empty one for what is not set."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template
from module_runs import run
from test_bad_input import COMPONENTS, GOOD

from ansible_collections.sm2a.airflow.plugins.module_utils._components._base import Component
from ansible_collections.sm2a.airflow.plugins.module_utils._components._module import EMPTY_SAYS_SOMETHING
from ansible_collections.sm2a.airflow.plugins.module_utils._components._pools import POOL_DEFAULTS, typed_pools
from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.errors import OptionError
from ansible_collections.sm2a.airflow.plugins.module_utils._text import from_text, given

ROOT = Path(__file__).parents[3]
COMPONENT_MODULES = "ansible_collections.sm2a.airflow.plugins.module_utils._components"


def component(name: str) -> type[Component]:
    module = importlib.import_module(f"{COMPONENT_MODULES}.{name}")
    [found] = [value for value in vars(module).values() if getattr(value, "NAME", "") == name]
    return found


def text(value: Any, structure: Callable[[Any], str]) -> str:
    return value if isinstance(value, str) else structure(value)


@pytest.mark.parametrize(
    ("structure", "nothing"), [(json.dumps, ""), (yaml.safe_dump, None)], ids=["json and empty", "yaml and null"]
)
@pytest.mark.parametrize("name", COMPONENTS)
def test_text_does_what_values_do(name: str, structure: Callable[[Any], str], nothing: str | None) -> None:
    empty = dict.fromkeys(["state", "tags", "wait", "profile", *component(name).ARGUMENTS], nothing)

    answers = {option: text(value, structure) for option, value in GOOD[name].items()}
    ran = run(name, **{**empty, **answers})

    expected = run(name, **GOOD[name])
    # Calls are made side by side, in any order. A ready image needs none.
    assert sorted(ran.calls) == sorted(expected.calls), ran.result["msg"]
    assert (name != "image") == bool(ran.calls)
    assert ran.result.keys() == expected.result.keys()


@pytest.mark.parametrize("role", ["network", "security"])
def test_an_empty_boundary_is_still_one(role: str) -> None:
    assert {"role_permissions_boundary"} == EMPTY_SAYS_SOMETHING
    options = {"role_permissions_boundary": "", "role_path": ""}
    assert given(options, component(role).ARGUMENTS, keep=EMPTY_SAYS_SOMETHING) == {"role_permissions_boundary": ""}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ('{"a": {"b": "1"}}', {"a": {"b": "1"}}),
        ("a: {b: 1}\nc:", {"a": {"b": 1}, "c": None}),
        ("[a, b]", ["a", "b"]),
        ("owner=data,stage=dev", "owner=data,stage=dev"),
        ("a, b", "a, b"),
        ("{not: [closed", "{not: [closed"),
        ("3", "3"),
        ("", ""),
        ({"a": 1}, {"a": 1}),
        (None, None),
    ],
)
def test_from_text(value: Any, expected: Any) -> None:
    assert from_text(value) == expected


def test_what_a_text_cannot_be_is_left_to_ansible() -> None:
    specification = {"names": {"type": "list"}, "map": {"type": "dict"}, "name": {"type": "str"}}
    options = {"names": '{"a": 1}', "map": "[1]", "name": '{"a": 1}', "_ansible_shell": ""}

    assert given(options, specification) == options


def test_pools_of_text_are_those_of_values() -> None:
    numbers = {"minimum": 0, "maximum": 3, "ephemeral_storage": 30}
    answers = {"minimum": "0", "maximum": "3", "ephemeral_storage": "30", "cpu": "", "memory": " "}

    expected = {"default": {**POOL_DEFAULTS, **numbers}, "heavy": POOL_DEFAULTS}
    assert typed_pools("pools", {"default": numbers, "heavy": None}) == expected
    assert typed_pools("pools", {"default": answers, "heavy": ""}) == expected
    assert typed_pools("pools", {"default": json.dumps(answers), "heavy": "{}"}) == expected
    variables = {"default": {"environment_variables": '{"A": "1"}'}}
    assert typed_pools("pools", variables)["default"]["environment_variables"] == {"A": "1"}


def test_the_near_miss_of_a_pools_option_is_named() -> None:
    with pytest.raises(OptionError, match=r"pools.default.concurency: .*did you mean concurrency\?"):
        typed_pools("pools", {"default": {"concurency": 4}})


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("airflow=registry/airflow:1", {"airflow": "registry/airflow:1"}),
        ("a=1, b='2 3'", {"a": "1", "b": "2 3"}),
        ("a: b=c", {"a": "b=c"}),
        ("a = b", "a = b"),
        ("none", "none"),
        ("", ""),
        (3, 3),
    ],
)
def test_pairs_are_a_mapping_where_one_is_expected(value: Any, found: Any) -> None:
    assert from_text(value, mapping=True) == found
    assert given({"tags": value}, {"tags": {"type": "dict"}}).get("tags", "") == found


def test_pairs_are_a_text_anywhere_else() -> None:
    assert from_text("a=b") == "a=b"
    assert given({"pools": "a=b"}, {"pools": {"type": "list"}}) == {"pools": "a=b"}


@pytest.mark.parametrize(
    ("role", "variable", "variables", "expected"),
    [
        (
            "image",
            "image_uri",
            {"image_uris": "airflow=registry/airflow:1", "image_name": "airflow"},
            "registry/airflow:1",
        ),
        ("image", "image_uri", {"image_uris": "", "image_name": "airflow"}, ""),
        ("queue", "queue_pools", {"sm2a_worker_pools": "heavy={},light={}"}, ["heavy", "light"]),
    ],
)
def test_defaults_of_roles_take_pairs(role: str, variable: str, variables: dict[str, Any], expected: Any) -> None:
    defaults = yaml.safe_load((ROOT / f"roles/{role}/defaults/main.yml").read_text())

    found = Templar(loader=DataLoader(), variables=variables).template(trust_as_template(defaults[variable]))

    assert found == expected
