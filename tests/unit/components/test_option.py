# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an option declares is its argument for Ansible, and is checked wherever it stands."""

from __future__ import annotations

from typing import Any

import pytest
from module_runs import run

from ansible_collections.sm2a.airflow.plugins.module_utils._components._kms_rules import KEY_ARN
from ansible_collections.sm2a.airflow.plugins.module_utils._components._option import (
    Form,
    Option,
    arguments,
    faults,
    refusals,
)
from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.errors import OptionError
from ansible_collections.sm2a.airflow.plugins.plugin_utils._order import ROLES
from ansible_collections.sm2a.airflow.plugins.plugin_utils._role_options import component_class

WHY = "https://example.com/rules"
KEY = Form(r"arn:aws:kms:(?P<region>[a-z0-9-]*):key", "it must be the ARN of a key", WHY)


def refuse_odd(option: str, value: int, documentation: str) -> None:
    """Refuse an odd number."""
    if value % 2:
        raise OptionError(option, value, "it must be even", documentation)


OPTIONS = {
    "days": Option("int", least=1, most=7, unit="days", why=WHY),
    "keep": Option("int", least=1, rule="at least one must be kept"),
    "period": Option("int", allowed=(1, 3, 5)),
    "even": Option("list", elements="int", check=refuse_odd, why=WHY),
    "key": Option("str", form=KEY),
    "names": Option("list", elements="str", form=Form("[a-z]+", "lower case")),
    "zones": Option("list", elements="str", items=2, rule="two zones are needed"),
    "pools": Option("dict", items=1),
    "size": Option("dict", options={"count": Option("int", least=1, most=10)}),
    "rules": Option("list", elements="dict", options={"port": Option("int", least=0, most=65535)}),
}


def refused(present: bool = True, region: str = "eu-central-1", **values: Any) -> list[tuple[str, Any, str]]:
    """Return option, value and rule of everything that is wrong with values."""
    found = faults(OPTIONS, values, region, present)
    return [(error.option, error.value, error.rule) for error in found]


@pytest.mark.parametrize(
    ("values", "wrong"),
    [
        ({"days": 0}, ("days", 0, "it must be from 1 to 7 days")),
        ({"days": 8}, ("days", 8, "it must be from 1 to 7 days")),
        ({"keep": 0}, ("keep", 0, "at least one must be kept")),
        ({"period": 2}, ("period", 2, "it must be one of 1, 3, 5")),
        ({"even": [2, 3]}, ("even", 3, "it must be even")),
        ({"key": "mine"}, ("key", "mine", "it must be the ARN of a key")),
        ({"key": 3}, ("key", 3, "it must be the ARN of a key")),
        (
            {"key": "arn:aws:kms:us-east-1:key"},
            ("key", "arn:aws:kms:us-east-1:key", "it must be in this region, eu-central-1"),
        ),
        ({"names": ["a", "B"]}, ("names", "B", "lower case")),
        ({"zones": ["a", "a"]}, ("zones", ["a", "a"], "two zones are needed")),
        ({"pools": {}}, ("pools", {}, "at least one is needed")),
        ({"size": {"count": 0}}, ("size.count", 0, "it must be from 1 to 10")),
        ({"rules": [{"port": 1}, {"port": 65536}]}, ("rules[1].port", 65536, "it must be from 0 to 65535")),
    ],
)
def test_a_value_that_violates_its_declaration_is_refused(values: dict[str, Any], wrong: tuple[str, Any, str]) -> None:
    assert refused(**values) == [wrong]


@pytest.mark.parametrize(
    "values",
    [
        {"days": 1, "keep": 1, "period": 5, "even": [2, 4], "names": ["a"], "zones": ["a", "b"], "pools": {"a": None}},
        {"days": 7, "key": "arn:aws:kms:eu-central-1:key"},
        {"key": "arn:aws:kms::key"},
        {"key": "", "days": None},
        {"key": "(known after apply)", "zones": ["(known after apply)"], "even": ["(known after apply)"]},
        {"size": {"count": None}},
    ],
)
def test_what_is_allowed_missing_or_not_known_yet_passes(values: dict[str, Any]) -> None:
    assert refused(**values) == []


def test_a_region_that_is_not_known_yet_refuses_none() -> None:
    assert refused(region="", key="arn:aws:kms:us-east-1:key") == []


def test_what_is_to_be_deleted_needs_no_items_but_the_right_forms() -> None:
    assert refused(present=False, zones=[], pools={}) == []
    assert refused(present=False, names=["B"]) == [("names", "B", "lower case")]


def test_all_that_is_wrong_is_told() -> None:
    assert [option for option, _value, _rule in refused(days=0, even=[1, 3], size={"count": 11})] == [
        "days",
        "even",
        "even",
        "size.count",
    ]


def test_a_required_text_may_not_be_empty() -> None:
    options = {"name": Option("str", required=True, form=Form("[a-z]+", "lower case"))}

    assert [error.option for error in faults(options, {"name": ""}, "", True)] == ["name"]


def test_documentation_of_a_rule_is_named() -> None:
    [error] = faults(OPTIONS, {"days": 0}, "", True)

    assert error.documentation == WHY


def test_an_option_is_an_argument_for_ansible() -> None:
    options = {
        "name": Option("str", "A name.", required=True, no_log=False, form=KEY),
        "sizes": Option("dict", default={}, options={"count": Option("int", least=1)}),
        "zones": Option("list", elements="str", default=[], choices=("a", "b")),
    }

    assert arguments(options) == {
        "name": {"type": "str", "required": True, "no_log": False},
        "sizes": {"type": "dict", "default": {}, "options": {"count": {"type": "int"}}},
        "zones": {"type": "list", "elements": "str", "default": [], "choices": ["a", "b"]},
    }


def test_what_a_check_raises_is_collected() -> None:
    assert [str(error) for error in refusals(refuse_odd, "even", 3, WHY)] == [
        f"even: 3 is refused: it must be even (see {WHY})"
    ]
    assert list(refusals(refuse_odd, "even", 2, WHY)) == []


def test_a_module_tells_everything_at_once_and_the_parts_of_the_first() -> None:
    ran = run("queue", visibility_timeout=-1, max_receive_count=0, pools=["a", "a"])

    assert ran.calls == [] and ran.result["failed"]
    assert [error["option"] for error in ran.result["errors"]] == ["visibility_timeout", "max_receive_count", "pools"]
    assert len(ran.result["msg"].splitlines()) == 3
    first = ran.result["errors"][0]
    assert {key: ran.result[key] for key in first} == first


@pytest.mark.parametrize(
    ("region", "arn", "rule"),
    [
        ("eu-central-1", "arn:aws:kms:eu-central-1:123456789012:alias/mine", None),
        ("eu-central-1", "arn:aws-cn:kms:eu-central-1:123456789012:alias/mine", "partition of eu-central-1, arn:aws:"),
        ("cn-north-1", "arn:aws:kms:cn-north-1:123456789012:alias/mine", "partition of cn-north-1, arn:aws-cn:"),
        ("", "arn:aws-cn:kms:cn-north-1:123456789012:alias/mine", None),
    ],
)
def test_an_arn_is_of_the_regions_partition(region: str, arn: str, rule: str | None) -> None:
    found = list(KEY_ARN.faults("kms_key_arn", arn, region))

    assert [rule in error.rule for error in found] == ([True] if rule else [])


def test_every_number_has_both_bounds() -> None:
    numbers = {
        f"{role}.{name}": option
        for role in ROLES
        for name, option in component_class(role).OPTIONS.items()
        if option.type == "int" and not (option.allowed or option.choices or option.check)
    }
    # Those that come in pairs are compared with what Fargate offers.
    unbounded = {name for name, option in numbers.items() if option.least is None or option.most is None}
    assert unbounded == {"scaler.cpu", "scaler.memory"}
