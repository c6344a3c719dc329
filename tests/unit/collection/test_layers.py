# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which part may know which: modules use components, components use resources, resources use the kernel.

And the scaler's policy, which simulations and tests rely on, knows neither a clock nor the world.
"""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
COLLECTION = "ansible_collections.sm2a.airflow"
UTILS = f"{COLLECTION}.plugins.module_utils"
# Small tools that know nothing of the collection, so that every part of it may use them.
TOOLS = tuple(f"{UTILS}.{path.stem}" for path in sorted((ROOT / "plugins/module_utils").glob("_*.py")))
# Each layer, and what of the collection it may import besides.
LAYERS = {
    "plugins/module_utils": (),
    "plugins/module_utils/_reconcile": (f"{UTILS}._reconcile",),
    "plugins/module_utils/_resources": (f"{UTILS}._resources", f"{UTILS}._reconcile"),
    "plugins/module_utils/_components": (f"{UTILS}._components", f"{UTILS}._resources", f"{UTILS}._reconcile"),
    "plugins/modules": (f"{UTILS}._components",),
}
POLICY = ROOT / "roles/scaler/files/image/src/sm2a_scaler/policy"
# Modules that only compute. ``random`` is one as long as every generator is seeded, which is asserted below.
PURE = {
    "__future__",
    "bisect",
    "collections",
    "dataclasses",
    "enum",
    "functools",
    "heapq",
    "itertools",
    "json",
    "math",
    "operator",
    "random",
    "statistics",
    "typing",
}
REACHING_OUT = {"open", "print", "input", "exec", "eval", "__import__", "compile"}


def imports(source: str, package: str) -> Iterator[str]:
    """Yield the full name of everything that a source imports, wherever in it and however it is written."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = importlib.util.resolve_name("." * node.level + (node.module or ""), package)
            yield from (f"{base}.{alias.name}" for alias in node.names)


def inside(name: str, packages: tuple[str, ...]) -> bool:
    """Tell whether a name is that of one of these packages, or below it."""
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def strangers(source: str, package: str, allowed: tuple[str, ...]) -> list[str]:
    """Return what a source imports of the collection without being allowed to."""
    return [name for name in imports(source, package) if inside(name, (COLLECTION,)) and not inside(name, allowed)]


def package_of(path: Path) -> str:
    """Return the full name of the package that a file of the collection belongs to."""
    return ".".join([COLLECTION, *path.relative_to(ROOT).parent.parts])


@pytest.mark.parametrize("layer", LAYERS)
def test_a_layer_knows_those_below_it_only(layer: str) -> None:
    found = {
        str(path.relative_to(ROOT)): strangers(path.read_text(), package_of(path), (*LAYERS[layer], *TOOLS))
        for path in (ROOT / layer).glob("*.py")
    }

    assert {path: names for path, names in found.items() if names} == {}


@pytest.mark.parametrize(
    "source",
    [
        "from .. import _components",
        "from .._components import _base",
        "from .._components._base import Component",
        "import ansible_collections.sm2a.airflow.plugins.module_utils._components.storage",
        "def late():\n    from ansible_collections.sm2a.airflow.plugins.module_utils import _components",
    ],
)
def test_no_way_of_writing_an_import_escapes(source: str) -> None:
    layer = "plugins/module_utils/_resources"

    assert strangers(source, f"{UTILS}._resources", LAYERS[layer])


@pytest.mark.parametrize("path", sorted(POLICY.rglob("*.py")), ids=lambda path: path.stem)
def test_the_policy_only_computes(path: Path) -> None:
    source = path.read_text()
    package = "sm2a_scaler.policy"

    foreign = [
        name for name in imports(source, package) if not inside(name, (package,)) and name.split(".")[0] not in PURE
    ]
    assert foreign == []
    nodes = list(ast.walk(ast.parse(source)))
    assert [node.id for node in nodes if isinstance(node, ast.Name) and node.id in REACHING_OUT] == []
    drawn = [node for node in nodes if isinstance(node, ast.Attribute) and getattr(node.value, "id", "") == "random"]
    assert [node.attr for node in drawn if node.attr != "Random"] == []
    calls = [node for node in nodes if isinstance(node, ast.Call) and node.func in drawn]
    assert all(call.args for call in calls), "a generator without a seed"
