# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of the policy's figures, made from its source."""

from __future__ import annotations

import constants
import pytest

SOURCE = '''
from __future__ import annotations

_INNER = 3

SECONDS = 60.0
"""Seconds of ``something``,
for a reason."""

CHOICES = (0.0, 1.05, 20)
"""Some of them."""

NAMES = ("a", "b")
ON = True

class Prices:
    """What they weigh."""

    waiting: float = 0.1
    """What waiting costs."""

class Other:
    inner: int = 7
'''


def test_numbers_with_what_they_are() -> None:
    assert list(constants.figures(SOURCE)) == [
        ("SECONDS", "60", "Seconds of `something`, for a reason"),
        ("CHOICES", "0, 1.05, 20", "Some of them"),
        ("Prices.waiting", "0.1", "What waiting costs"),
    ]


@pytest.mark.parametrize("source", ["BARE = 1", "BARE = 1\nOTHER = 2", "class Prices:\n    BARE: float = 1"])
def test_a_figure_that_says_nothing_of_itself_is_refused(source: str) -> None:
    with pytest.raises(constants.UndocumentedError, match="BARE"):
        list(constants.figures(source))


def test_every_file_that_decides_something_by_figures_is_there() -> None:
    head, _rule, *rows = constants.policy()

    assert head == "| Name | Value | What it is |"
    assert {row.split("`")[1].split(".")[0] for row in rows} >= {
        "cordon",
        "decide",
        "demand",
        "idle",
        "memory",
        "prices",
    }
