# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which zones and ranges are chosen, and that what exists keeps both."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.sm2a.airflow.plugins.module_utils._components._subnet_layout import Layout
from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.errors import OptionError

NONE: dict[str, list[str]] = {"public": [], "private": []}
NOTHING: dict[str, dict[str, str]] = {"public": {}, "private": {}}


def layout(count: int = 2, **given: list[str]) -> Layout:
    return Layout("eu-central-1", "10.0.0.0/16", count, {**NONE, **given})


def nobody() -> list[str]:
    raise AssertionError("the zones of the region do not matter")


def test_subnets_are_eighths_the_public_ones_of_the_first_half() -> None:
    assert layout().candidates("public") == ["10.0.0.0/19", "10.0.32.0/19", "10.0.64.0/19", "10.0.96.0/19"]
    assert layout().candidates("private") == ["10.0.128.0/19", "10.0.160.0/19", "10.0.192.0/19", "10.0.224.0/19"]


def test_eighths_that_overlap_a_range_of_the_user_are_left_out() -> None:
    mixed = layout(public=["10.0.128.0/24", "10.0.1.0/24"])

    assert mixed.candidates("public") == ["10.0.128.0/24", "10.0.1.0/24"]
    assert mixed.candidates("private") == ["10.0.160.0/19", "10.0.192.0/19", "10.0.224.0/19"]


@pytest.mark.parametrize(
    ("wanted", "used", "zones"),
    [
        ([], {}, ["a", "b"]),
        # What is in use stays, in the order of its ranges, though AWS does not name it any more.
        ([], {"c": "10.0.0.0/19"}, ["c", "a"]),
        ([], {"b": "10.0.32.0/19", "z": "10.0.0.0/19"}, ["z", "b"]),
        (["c", "b"], {}, ["c", "b"]),
        (["c", "b"], {"b": "10.0.0.0/19", "a": "10.0.32.0/19"}, ["b", "c"]),
    ],
)
def test_zones(wanted: list[str], used: dict[str, str], zones: list[str]) -> None:
    usable = nobody if wanted else lambda: ["b", "a", "d"]

    assert layout().zones({"public": used, "private": {}}, wanted, usable) == zones


def test_a_region_with_too_few_zones_is_refused() -> None:
    with pytest.raises(OptionError, match="the region eu-central-1 has 2 zones"):
        layout(3).zones(NOTHING, [], lambda: ["a", "b"])


def test_a_zone_that_has_only_a_private_subnet_is_in_use() -> None:
    taken = {"public": {}, "private": {"b": "10.0.160.0/19", "a": "10.0.192.0/19"}}

    assert layout().used_zones(taken) == ["b", "a"]


@pytest.mark.parametrize(
    ("zones", "taken", "ranges"),
    [
        (["a", "b"], {}, {"a": "10.0.0.0/19", "b": "10.0.32.0/19"}),
        (["a", "b"], {"b": "10.0.0.0/19"}, {"a": "10.0.32.0/19", "b": "10.0.0.0/19"}),
        # A range that is none of the candidates any more is not kept.
        (["a", "b"], {"b": "10.0.0.0/24"}, {"a": "10.0.0.0/19", "b": "10.0.32.0/19"}),
    ],
)
def test_ranges(zones: list[str], taken: dict[str, str], ranges: dict[str, str]) -> None:
    assert layout().ranges("public", zones, taken) == ranges


def test_a_range_that_a_zone_to_be_given_up_still_has_is_not_given_again() -> None:
    named = layout(public=["10.0.0.0/24", "10.0.1.0/24"])

    with pytest.raises(OptionError, match="no range is free for c while a has a subnet"):
        named.ranges("public", ["b", "c"], {"a": "10.0.0.0/24", "b": "10.0.1.0/24"})


@pytest.mark.parametrize(
    ("given", "option"),
    [
        ({"public": ["10.0.0.0/24"]}, "public_subnet_cidrs"),
        ({"public": ["10.1.0.0/24", "10.0.1.0/24"]}, "public_subnet_cidrs"),
        ({"private": ["10.0.0.0/24", "10.0.1.0/24"]}, "private_subnet_cidrs"),
    ],
)
def test_ranges_that_aws_would_refuse(given: dict[str, Any], option: str) -> None:
    with pytest.raises(OptionError) as caught:
        layout(**given).validate()

    assert caught.value.option == option
