# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One table for both ways: where the fields of a state stand in AWS's answers, and in its requests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

ITEM = "[]"


@dataclass(frozen=True)
class Field:
    """The place of one field of a state.

    ``path`` are keys with dots between them; one that ends in ``[]`` means the only item of a list, as in
    ``loadBalancers[].containerPort``. ``missing`` is the value where an answer has none. The order of an ``unordered``
    list means nothing.
    """

    path: str
    missing: Any = None
    unordered: bool = False


def read_fields(fields: Mapping[str, Field], answer: Mapping[str, Any]) -> dict[str, Any]:
    """Return the state that an answer describes."""
    return {name: _read(field, answer) for name, field in fields.items()}


def request_of(fields: Mapping[str, Field], state: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of a request for those fields that a state has."""
    request: dict[str, Any] = {}
    for name, field in fields.items():
        if name in state:
            put(request, field.path, state[name])
    return request


def put(request: dict[str, Any], path: str, value: Any) -> None:
    """Set what stands at a path, making the mappings and lists on the way."""
    *way, last = path.split(".")
    for key in way:
        if key.endswith(ITEM):
            request = request.setdefault(key.removesuffix(ITEM), [{}])[0]
        else:
            request = request.setdefault(key, {})
    request[last.removesuffix(ITEM)] = [value] if last.endswith(ITEM) else value


def _read(field: Field, answer: Mapping[str, Any]) -> Any:
    found: Any = answer
    for key in field.path.split("."):
        found = found.get(key.removesuffix(ITEM))
        if key.endswith(ITEM):
            found = next(iter(found or []), None)
        if found is None:
            return field.missing
    return sorted(found) if field.unordered else found
