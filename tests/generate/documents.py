# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""YAML as people write it in this collection, and the head of every generated file."""

from __future__ import annotations

import json
import sys
import textwrap
from collections.abc import Iterator
from typing import Any

import yaml

WIDTH = 120
LICENCE = """\
# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""


def head(source: str) -> str:
    """Return the comments at the top of a file that is generated from ``source``, a path below the root."""
    return f"{LICENCE}# `make generate` writes this file from {source}; do not edit it.\n"


class _Dumper(yaml.SafeDumper):
    """Indents lists below their key, and writes short lists of scalars in one line."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def _list(dumper: _Dumper, items: list[Any]) -> yaml.Node:
    scalars = all(isinstance(item, (str, int, float)) for item in items)
    short = scalars and len(", ".join(map(str, items))) < WIDTH // 2 and not any(" " in str(item) for item in items)
    return dumper.represent_sequence("tag:yaml.org,2002:seq", items, flow_style=short)


_Dumper.add_representer(list, _list)


def dump(document: Any, indent: int = 0) -> str:
    """Return a document, whose texts have no line breaks, as YAML in lines of at most ``WIDTH`` characters."""
    text = yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=sys.maxsize)
    lines = [" " * indent + line for line in text.splitlines()]
    # The dumper itself would break a line only behind the word that goes beyond its width.
    return "".join(f"{part}\n" for line in lines for part in _wrapped(line))


def _wrapped(line: str) -> list[str]:
    """Return a line of YAML in as many as it needs; YAML makes a space of a line break."""
    blank = " " * (len(line) - len(line.lstrip()))
    return textwrap.wrap(
        line.lstrip(),
        WIDTH,
        initial_indent=blank,
        subsequent_indent=f"{blank}  ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def variable(name: str, value: Any, indent: int = 0) -> Iterator[str]:
    """Yield the lines that give a variable its value; a template is put in quotes, or folded if it is long."""
    blank = " " * indent
    if not (isinstance(value, str) and "{{" in value):
        yield from dump({name: value}, indent).splitlines()
        return
    line = f"{blank}{name}: {json.dumps(value, ensure_ascii=False)}"
    if len(line) <= WIDTH and '"' not in value:
        yield line
        return
    yield f"{blank}{name}: >-"
    inner = f"{blank}  "
    yield from textwrap.wrap(value, WIDTH, initial_indent=inner, subsequent_indent=inner, break_on_hyphens=False)
