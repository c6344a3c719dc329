# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options that all components have."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.sm2a.airflow.plugins.module_utils._components._common_options import (
    MOST_TAGS,
    validate_environment,
    validate_tags,
)
from ansible_collections.sm2a.airflow.plugins.module_utils._components._shared_options import validate_recovery_window
from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.errors import OptionError

WHY = "https://docs.example"


@pytest.mark.parametrize("name", ["a", "dev", "data-2", "x" * 16])
def test_names_of_environments(name: str) -> None:
    validate_environment(name)


@pytest.mark.parametrize("name", ["", "Dev", "2dev", "a--b", "a-", "a_b", "x" * 17, "dev\n"])
def test_names_that_could_not_be_part_of_every_name(name: str) -> None:
    with pytest.raises(OptionError, match="at most 16 lower-case letters"):
        validate_environment(name)


@pytest.mark.parametrize(
    "tags", [{}, {"Kostenstelle Süd": "a/b+c@d = 1"}, {str(number): "" for number in range(MOST_TAGS)}]
)
def test_tags_that_every_service_takes(tags: dict[str, Any]) -> None:
    validate_tags("tags", tags, WHY)


@pytest.mark.parametrize(
    ("tags", "rule"),
    [
        ({str(number): "" for number in range(MOST_TAGS + 1)}, "at most 45"),
        ({"name": "x"}, "SM2A sets"),
        ({"team": "a", "Team": "b"}, "capital letters"),
        ({"sm2a:pool": "x"}, "reserved"),
        ({"AWS:x": "x"}, "reserved"),
        ({"x" * 128: "x"}, "1 to 127 characters"),
        ({"x": "y" * 257}, "at most 256"),
        ({"x": "a;b"}, "letters, digits, spaces"),
    ],
)
def test_tags_that_some_service_would_refuse(tags: dict[str, Any], rule: str) -> None:
    with pytest.raises(OptionError) as caught:
        validate_tags("tags", tags, WHY)

    assert rule in caught.value.rule


@pytest.mark.parametrize(("days", "fine"), [(0, True), (7, True), (30, True), (-1, False), (6, False), (31, False)])
def test_days_for_which_a_secret_can_be_restored(days: int, fine: bool) -> None:
    if fine:
        validate_recovery_window("recovery_window_days", days, WHY)
    else:
        with pytest.raises(OptionError, match="from 7 to 30"):
            validate_recovery_window("recovery_window_days", days, WHY)
