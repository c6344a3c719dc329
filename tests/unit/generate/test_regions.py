# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Generated parts of files that people write: what is around them stays, and a part that fits nowhere is an error."""

from __future__ import annotations

from pathlib import Path

import pytest
from regions import RegionError, with_regions

PLAYBOOK = """\
- hosts: all
  tasks:
    # make generate writes this: roles
    - old: thing
    # end of roles

    - by: hand
"""


def test_a_part_has_the_indentation_of_its_comments() -> None:
    text = with_regions(Path("site.yml"), PLAYBOOK, {"roles": ["", "- one: 1", "", "- two:", "    three: 3"]})

    assert text == PLAYBOOK.replace("    - old: thing\n", "    - one: 1\n\n    - two:\n        three: 3\n")


def test_writing_again_changes_nothing() -> None:
    once = with_regions(Path("site.yml"), PLAYBOOK, {"roles": ["- one: 1"]})

    assert with_regions(Path("site.yml"), once, {"roles": ["- one: 1"]}) == once


def test_a_table_of_markdown_stands_apart_from_the_comments() -> None:
    text = "Above\n<!-- make generate writes this: table -->\n<!-- end of table -->\nBelow\n"

    assert with_regions(Path("README.md"), text, {"table": ["| a |", "|---|"]}) == (
        "Above\n<!-- make generate writes this: table -->\n\n| a |\n|---|\n\n<!-- end of table -->\nBelow\n"
    )


@pytest.mark.parametrize(
    ("regions", "message"),
    [
        ({"roles": [], "lists": []}, "there are no comments for 'lists'"),
        ({}, "nothing is generated for 'roles'"),
    ],
)
def test_parts_and_comments_have_to_fit(regions: dict[str, list[str]], message: str) -> None:
    with pytest.raises(RegionError, match=message):
        with_regions(Path("site.yml"), PLAYBOOK, regions)
