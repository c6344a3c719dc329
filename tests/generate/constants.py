# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of the figures by which the scaler's policy decides, made from its source.

The source is read and not imported: the policy is a part of the scaler's image, not of the collection.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tables import table

POLICY = Path(__file__).resolve().parents[2] / "roles/scaler/files/image/src/sm2a_scaler/policy"
PRICES = "Prices"


class UndocumentedError(Exception):
    """A figure has no docstring below it."""


def policy() -> Iterator[str]:
    """Yield the lines of the table."""
    rows = [
        (f"`{path.stem}.{name}`", value, meaning)
        for path in sorted(POLICY.glob("*.py"))
        for name, value, meaning in figures(path.read_text())
    ]
    return table(("Name", "Value", "What it is"), rows)


def figures(source: str) -> Iterator[tuple[str, str, str]]:
    """Yield name, value and meaning of a source's public constants that are numbers, and of the prices.

    Raises UndocumentedError.
    """
    tree = ast.parse(source)
    yield from _figures(tree.body, "")
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name == PRICES:
            yield from _figures(node.body, f"{PRICES}.")


def _figures(body: list[ast.stmt], prefix: str) -> Iterator[tuple[str, str, str]]:
    for node, after in zip(body, [*body[1:], None]):
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        value = getattr(node, "value", None)
        if not isinstance(target, ast.Name) or target.id.startswith("_") or value is None or not _numbers(value):
            continue
        doc = after.value if isinstance(after, ast.Expr) else None
        if not isinstance(doc, ast.Constant):
            raise UndocumentedError(target.id)
        numbers = value.elts if isinstance(value, ast.Tuple) else [value]
        shown = ", ".join(ast.unparse(number).removesuffix(".0") for number in numbers)
        yield f"{prefix}{target.id}", shown, " ".join(str(doc.value).split()).replace("``", "`").removesuffix(".")


def _numbers(value: ast.expr) -> bool:
    """Whether it is a number, or several."""
    if isinstance(value, ast.Tuple):
        return all(map(_numbers, value.elts))
    return isinstance(value, ast.Constant) and type(value.value) in (int, float)
