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
COMPONENTS = ROOT / "plugins/module_utils/_components"
MODULES = ROOT / "plugins/modules"
SCALER = ROOT / "roles/scaler/files/image/src"
POLICY = SCALER / "sm2a_scaler/policy"
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
    "math",
    "operator",
    "random",
    "statistics",
    "typing",
}
# A component is what has a module of its name.
PARTS = tuple(sorted({path.stem for path in COMPONENTS.glob("*.py")} & {path.stem for path in MODULES.glob("*.py")}))
SIMULATION = "sm2a_scaler.simulation"
# What each part of the scaler may import of it. Policy and simulation know nothing of the service around them.
SCALER_LAYERS = {
    "policy": ("sm2a_scaler.policy",),
    "simulation": ("sm2a_scaler.policy", SIMULATION),
}
# The policy's files; each knows those before it only, as docs/scaling.md says.
POLICY_ORDER = ("values", "memory", "prices", "projection", "demand", "how_many", "idle", "cordon", "decide")
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


def strangers(source: str, package: str, allowed: tuple[str, ...], whole: str = COLLECTION) -> list[str]:
    """Return what a source imports of the whole that it is a part of without being allowed to."""
    return [name for name in imports(source, package) if inside(name, (whole,)) and not inside(name, allowed)]


def siblings(source: str, package: str, own: str) -> list[str]:
    """Return the components other than its ``own`` that a source imports; what they share begins with an underscore."""
    others = tuple(f"{UTILS}._components.{stem}" for stem in PARTS if stem != own)
    return [name for name in imports(source, package) if inside(name, others)]


def impurities(source: str) -> list[str]:
    """Return what in a source of the policy does more than compute: a clock, input, output, or chance."""
    package = "sm2a_scaler.policy"
    names = [name for name in imports(source, package) if not inside(name, (package,))]
    found = [name for name in names if name.split(".")[0] not in PURE or name.startswith("random.")]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Name) and node.id in REACHING_OUT:
            found.append(node.id)
        elif isinstance(node, ast.Attribute) and getattr(node.value, "id", "") == "random" and node.attr != "Random":
            found.append(f"random.{node.attr}")
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "Random" and not node.args:
            found.append("a generator without a seed")
    return found


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
    ("layer", "source"),
    [
        ("_resources", "from .. import _components"),
        ("_resources", "from .._components import _base"),
        ("_resources", "from .._components._base import Component"),
        ("_resources", "import ansible_collections.sm2a.airflow.plugins.module_utils._components.storage"),
        (
            "_resources",
            "def late():\n    from ansible_collections.sm2a.airflow.plugins.module_utils import _components",
        ),
        ("_reconcile", "from ....module_utils import _resources"),
        ("_reconcile", "if True:\n    from .._resources import s3"),
    ],
)
def test_no_way_of_writing_an_import_escapes(layer: str, source: str) -> None:
    assert strangers(source, f"{UTILS}.{layer}", LAYERS[f"plugins/module_utils/{layer}"])


@pytest.mark.parametrize(
    "source",
    [
        "from ..module_utils._resources.s3 import Bucket",
        "from ansible_collections.sm2a.airflow.plugins.module_utils import _reconcile",
    ],
)
def test_a_module_may_not_import_a_resource(source: str) -> None:
    assert strangers(source, f"{COLLECTION}.plugins.modules", LAYERS["plugins/modules"])


@pytest.mark.parametrize("folder", [COMPONENTS, MODULES], ids=lambda path: path.name)
def test_no_component_knows_another(folder: Path) -> None:
    found = {path.name: siblings(path.read_text(), package_of(path), path.stem) for path in folder.glob("*.py")}

    assert {path: names for path, names in found.items() if names} == {}
    assert len(PARTS) > 10


@pytest.mark.parametrize(
    "source",
    ["from . import workers", "from .workers import WorkersComponent", "from .._components.workers import POOLS"],
)
def test_no_way_of_knowing_another_component_escapes(source: str) -> None:
    assert siblings(source, f"{UTILS}._components", "airflow")


@pytest.mark.parametrize("path", sorted(POLICY.rglob("*.py")), ids=lambda path: path.stem)
def test_the_policy_only_computes(path: Path) -> None:
    assert impurities(path.read_text()) == []


@pytest.mark.parametrize(
    "source",
    [
        "import time",
        "import boto3",
        "from datetime import datetime",
        "from .. import sources",
        "from sm2a_scaler.sources import Sources",
        "def late():\n    import logging",
        "import random\nrandom.random()",
        "from random import random",
        "import random\nrandom.Random()",
        "print(1)",
        "open('x')",
    ],
)
def test_no_impurity_escapes(source: str) -> None:
    assert impurities(source)


def test_a_file_of_the_policy_knows_those_before_it_only() -> None:
    package = "sm2a_scaler.policy"
    for place, name in enumerate(POLICY_ORDER):
        known = tuple(f"{package}.{before}" for before in POLICY_ORDER[:place])
        source = (POLICY / f"{name}.py").read_text()
        assert [
            found for found in imports(source, package) if inside(found, (package,)) and not inside(found, known)
        ] == []

    assert {path.stem for path in POLICY.glob("*.py")} == {"__init__", *POLICY_ORDER}


@pytest.mark.parametrize("layer", SCALER_LAYERS)
def test_a_part_of_the_scaler_knows_those_below_it_only(layer: str) -> None:
    found = {
        path.name: strangers(path.read_text(), f"sm2a_scaler.{layer}", SCALER_LAYERS[layer], "sm2a_scaler")
        for path in (SCALER / "sm2a_scaler" / layer).glob("*.py")
    }

    assert {path: names for path, names in found.items() if names} == {}
    assert len(found) > 5


def test_the_service_needs_no_simulation() -> None:
    """The commands do, which ``__main__`` offers."""
    found = {
        path.name: [name for name in imports(path.read_text(), "sm2a_scaler") if inside(name, (SIMULATION,))]
        for path in (SCALER / "sm2a_scaler").glob("*.py")
        if path.name != "__main__.py"
    }

    assert {path: names for path, names in found.items() if names} == {}
