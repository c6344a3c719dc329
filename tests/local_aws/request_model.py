# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What AWS's own service models, which botocore carries, say of the parameters of a request.

botocore itself checks types, required members and lower bounds. The rest of a model reaches nobody before AWS:
upper bounds, patterns, values of enumerations, unions.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Iterator
from functools import cache
from typing import Any

# Patterns are Java's. Of what Python does not know, the models of the services that we call use these alone:
# https://docs.oracle.com/en/java/javase/21/docs/api/java.base/java/util/regex/Pattern.html
CATEGORY = re.compile(r"\\p\{([LZN])\}")
# Values that AWS documents and an enumeration has not, by the name of its shape:
# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeAccountAttributes.html
FURTHER = {
    "AccountAttributeName": (
        "max-elastic-ips",
        "max-instances",
        "vpc-max-elastic-ips",
        "vpc-max-security-groups-per-interface",
    ),
}


@cache
def _category(letter: str) -> str:
    """Return all characters of a general category of Unicode, as ranges within a character class of a pattern."""
    ranges: list[list[int]] = []
    for number in range(sys.maxunicode + 1):
        if unicodedata.category(chr(number))[0] == letter:
            if ranges and ranges[-1][1] == number - 1:
                ranges[-1][1] = number
            else:
                ranges.append([number, number])
    return "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in ranges)


@cache
def compiled(pattern: str) -> re.Pattern[str]:
    """Return a pattern of a model as one of Python's. Raises re.error for what Python cannot take.

    Java's classes ``\\w``, ``\\d`` and ``\\s`` are of ASCII, Python's only if told so.
    """
    return re.compile(CATEGORY.sub(lambda match: _category(match[1]), pattern), re.ASCII)


def violations(shape: Any, value: Any, where: str = "") -> Iterator[tuple[str, Any, str]]:
    """Yield what violates the model of a shape: where it stands, the value, and what AWS says of it."""
    told = shape.metadata
    if shape.type_name == "structure":
        yield from _of_structure(shape, value, where)
    elif shape.type_name == "list":
        yield from _of_size(told, len(value), where, value, "length")
        for number, item in enumerate(value, 1):
            yield from violations(shape.member, item, f"{where}.{number}.member")
    elif shape.type_name == "map":
        yield from _of_size(told, len(value), where, value, "length")
        for key, item in value.items():
            yield from violations(shape.key, key, f"{where}.key")
            yield from violations(shape.value, item, f"{where}.{key}.member")
    elif shape.type_name in ("integer", "long", "float", "double"):
        yield from _of_size(told, value, where, value, "value")
    elif shape.type_name in ("string", "character", "blob"):
        yield from _of_size(told, len(value), where, value, "length")
        yield from _of_text(told, value, where, shape.name)


def _of_structure(shape: Any, value: dict[str, Any], where: str) -> Iterator[tuple[str, Any, str]]:
    given = {name: item for name, item in value.items() if item is not None}
    for name in shape.metadata.get("required", ()):
        if name not in given:
            yield f"{where}.{name}".strip("."), None, "Member must not be null"
    if shape.metadata.get("union") and len(given) != 1:
        yield where, value, "Member must have exactly one of its members set"
    for name, item in given.items():
        # AWS takes no notice of members that it does not know.
        if name in shape.members:
            yield from violations(shape.members[name], item, f"{where}.{name}".strip("."))


def _of_size(told: Any, size: float, where: str, value: Any, what: str) -> Iterator[tuple[str, Any, str]]:
    if "min" in told and size < told["min"]:
        yield where, value, f"Member must have {what} greater than or equal to {told['min']}"
    if "max" in told and size > told["max"]:
        yield where, value, f"Member must have {what} less than or equal to {told['max']}"


def _of_text(told: Any, value: Any, where: str, shape: str) -> Iterator[tuple[str, Any, str]]:
    if told.get("enum") and value not in (*told["enum"], *FURTHER.get(shape, ())):
        yield where, value, f"Member must satisfy enum value set: [{', '.join(told['enum'])}]"
    pattern = told.get("pattern")
    if pattern and isinstance(value, str) and not compiled(pattern).fullmatch(value):
        yield where, value, f"Member must satisfy regular expression pattern: {pattern}"
