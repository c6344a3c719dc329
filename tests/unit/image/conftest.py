# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tests of Airflow's image share: modules in the place of packages that only the image has."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest

StandIn = Callable[..., ModuleType]


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    """Make modules by their full names, with what they contain; whatever was imported with them is forgotten."""
    before = set(sys.modules)

    def make(name: str, **contents: Any) -> ModuleType:
        parts = name.split(".")
        for depth in range(1, len(parts) + 1):
            path = ".".join(parts[:depth])
            if path not in sys.modules:
                monkeypatch.setitem(sys.modules, path, ModuleType(path))
                if depth > 1:
                    setattr(sys.modules[".".join(parts[: depth - 1])], parts[depth - 1], sys.modules[path])
        vars(sys.modules[name]).update(contents)
        return sys.modules[name]

    yield make
    for name in set(sys.modules) - before:
        if name.startswith("sm2a_image."):
            del sys.modules[name]
