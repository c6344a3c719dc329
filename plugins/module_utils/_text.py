# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options given as text: answers of a survey, and what ``-e name=value`` sets, are nothing else."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

from ansible.module_utils.common.validation import check_type_dict
from ansible.module_utils.common.yaml import HAS_YAML, yaml_load

STRUCTURES: dict[str, type] = {"dict": dict, "list": list}


def is_empty(value: Any) -> bool:
    """Tell whether a value is that of a question that was not answered: a text without a character that shows, or None.

    AWX marks an empty answer as unsafe, and Ansible makes null of that.
    """
    return value is None or (isinstance(value, str) and not value.strip())


def from_text(value: Any, mapping: bool = False) -> Any:
    """Return the mapping or list that a text of JSON or YAML describes; any other value as it is.

    Where a ``mapping`` is expected, a text of pairs, ``a=1,b=2``, is one, as Ansible has it.
    """
    if not isinstance(value, str):
        return value
    # A text of Ansible's that is marked as unsafe is of a class of its own, which YAML's parser in C refuses.
    text = "".join(value)
    try:
        found = json.loads(text)
    except ValueError:
        found = _from_yaml(text)
    if isinstance(found, (dict, list)):
        return found
    return _from_pairs(text, value) if mapping and "=" in text else value


def _from_pairs(text: str, otherwise: Any) -> Any:
    try:
        return check_type_dict(text)
    except (TypeError, ValueError):
        return otherwise


def _from_yaml(text: str) -> Any:
    if not HAS_YAML:
        return text
    try:
        return yaml_load(text)
    except Exception:  # PyYAML's errors cannot be named where PyYAML may be missing.
        return text


def given(options: Mapping[str, Any], specification: Mapping[str, Any], keep: Collection[str] = ()) -> dict[str, Any]:
    """Return the options that were given, as Ansible validates them.

    An empty text, or None, is an option that was not given, unless it is required or ``keep`` names it. A text of JSON
    or YAML for an option that is a mapping or a list becomes what it describes, and so do pairs for a mapping. The
    rest is left to Ansible, which converts "3" and "true".
    """
    found = {}
    for name, value in options.items():
        option = specification.get(name, {})
        if is_empty(value) and not (option.get("required") or name in keep or name.startswith("_ansible_")):
            continue
        structure = STRUCTURES.get(option.get("type", ""))
        if structure:
            described = from_text(value, mapping=structure is dict)
            value = described if isinstance(described, structure) else value
        if isinstance(value, dict) and option.get("options"):
            value = given(value, option["options"])
        found[name] = value
    return found
