# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Generated parts of files that people write.

A part stands between two comments, ``make generate writes this: NAME`` and ``end of NAME``, in the language of the
file. It is indented as its comments are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

COMMENTS = {".md": ("<!-- ", " -->"), ".yml": ("# ", ""), ".py": ("# ", "")}


class RegionError(Exception):
    """The comments of a file and the parts that are written into it do not fit."""


def with_regions(path: Path, text: str, regions: Mapping[str, Iterable[str]]) -> str:
    """Return the text of the file at ``path`` with these lines in its parts. Raises RegionError."""
    opening, closing = COMMENTS[path.suffix]
    for name in re.findall(rf"^ *{re.escape(opening)}make generate writes this: (\w+)", text, re.MULTILINE):
        if name not in regions:
            raise RegionError(f"{path}: nothing is generated for {name!r}")
    for name, lines in regions.items():
        begin = f"{opening}make generate writes this: {name}{closing}"
        end = f"{opening}end of {name}{closing}"
        part = re.compile(rf"(?ms)^( *){re.escape(begin)}\n.*?^ *{re.escape(end)}\n")
        if not part.search(text):
            raise RegionError(f"{path}: there are no comments for {name!r}")
        # A blank line keeps a table of Markdown apart from the comments.
        inner = ["", *lines, ""] if path.suffix == ".md" else "\n".join(lines).strip("\n").split("\n")

        def write(match: re.Match[str], lines: list[str] = [begin, *inner, end]) -> str:  # noqa: B006
            return "".join(f"{match[1]}{line}".rstrip() + "\n" for line in lines)

        text = part.sub(write, text)
    return text
