# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests mirror the tree: whoever changes a file finds its tests under the same name."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
UTILS = ROOT / "plugins/module_utils"
UNIT = ROOT / "tests/unit"
NAMED = [
    path
    for layer in ("_components", "_resources")
    for path in sorted((UTILS / layer).glob("*.py"))
    if path.stem[0] != "_"
]


@pytest.mark.parametrize("path", NAMED, ids=lambda path: f"{path.parent.name}.{path.stem}")
def test_a_component_and_a_resource_have_tests_of_their_name(path: Path) -> None:
    mirror = UNIT / path.parent.name.removeprefix("_") / f"test_{path.stem}.py"

    source = mirror.read_text()
    assert f"{path.parent.name}.{path.stem} import" in source or f"{path.parent.name} import {path.stem}" in source
