# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lookup of the variables that the playbooks refuse."""

from __future__ import annotations

DOCUMENTATION = r"""
name: refused_variables
short_description: What is wrong with the variables that a host was given
version_added: 0.1.0
description:
  - Ansible passes over a variable that nobody reads, and a misspelt one is such a variable. This finds them before
    anything is done.
  - "It refuses: a variable whose name begins like those of a role of SM2A, or with C(sm2a_), and that SM2A does not
    know; a variable whose name is one slip away from one that SM2A knows; a value that is not of the variable's type,
    or that is none of its choices; an unknown option of a worker pool or of a service of Airflow."
  - A slip is a character too many, too few, another or elsewhere, an underscore that is missing, different or too many,
    upper case, and a plural for a singular or the other way round.
  - Ansible's own variables, those of AWX (C(awx_), C(tower_)), names that begin with C(sm2a_local_), and those in the
    variable C(sm2a_other_variables) are left alone.
  - Values may be text, as answers of a survey are. An empty text is a variable that was not set.
author:
  - SM2A contributors (@sm2a)
"""

EXAMPLES = r"""
- name: Refuse misspelt variables
  ansible.builtin.assert:
    that: refused == []
    fail_msg: "{{ refused | join(' ') }}"
  vars:
    refused: "{{ query('sm2a.airflow.refused_variables') }}"
"""

RETURN = r"""
_raw:
  description: A sentence for each variable that is refused; empty if all is well.
  type: list
  elements: str
"""

import re
from typing import Any

from ansible.errors import AnsibleError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.plugins.lookup import LookupBase

from ansible_collections.sm2a.airflow.plugins.module_utils._components._option import arguments
from ansible_collections.sm2a.airflow.plugins.module_utils._components._option_rules import validate_pool_name
from ansible_collections.sm2a.airflow.plugins.module_utils._components._pools import typed_pools
from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.errors import OptionError
from ansible_collections.sm2a.airflow.plugins.module_utils._spelling import Slips, did_you_mean
from ansible_collections.sm2a.airflow.plugins.module_utils._text import from_text, given
from ansible_collections.sm2a.airflow.plugins.plugin_utils import _variables

FOREIGN = re.compile(r"(ansible|awx|tower)_|" + _variables.OWN_PREFIX)
OTHERS = "sm2a_other_variables"


class LookupModule(LookupBase):
    """The lookup."""

    def run(self, terms: list[Any], variables: dict[str, Any] | None = None, **kwargs: Any) -> list[str]:
        """Return a sentence for each variable that is refused."""
        roles = _variables.role_options()
        specification = {
            **arguments(_variables.SITE),
            **{name: option for role in roles.values() for name, option in role.items()},
        }
        values = self._values(variables or {}, specification)
        others = values.get(OTHERS)
        if isinstance(others, str):
            others = [name.strip() for name in others.split(",")]
        elif not isinstance(others, list):
            others = []
        facts = {*_variables.facts(list(roles)), *_variables.image_facts((variables or {}).get("ansible_facts") or {})}
        fine = {*specification, *_variables.INTERNAL, *facts, *others}
        names = sorted(name for name in (variables or {}) if name not in fine and not FOREIGN.match(name))
        return [*misspelt(names, set(specification), [*roles, "sm2a"]), *wrong(values, specification)]

    def _values(self, variables: dict[str, Any], specification: dict[str, Any]) -> dict[str, Any]:
        """Return the values of the variables that are set and can be told before the first role has run."""
        values = {}
        for name in specification:
            if name not in variables:
                continue
            try:
                values[name] = self._templar.template(variables[name])
            except AnsibleError:
                continue  # What it refers to comes later, or it is omitted: the module that is given it looks at it.
        return given(values, specification)


def misspelt(names: list[str], known: set[str], prefixes: list[str]) -> list[str]:
    """Return a sentence for each of the names that begins like ours, or is one slip away from a name that we know."""
    slips = Slips(known)
    ours = re.compile(rf"({'|'.join(prefixes)})_")
    found = []
    for name in names:
        near = slips.find(name)
        if near:
            found.append(f"SM2A knows no variable {name} (did you mean {near}?).")
        elif ours.match(name):
            found.append(f"SM2A knows no variable {name}{did_you_mean(name, known)}.")
    return found


def wrong(values: dict[str, Any], specification: dict[str, Any]) -> list[str]:
    """Return a sentence for each value that its variable does not take."""
    found = []
    for name, value in values.items():
        if name in _variables.POOLS and isinstance(value, dict):
            # Those of a role are the site's unless they were set.
            if name == "sm2a_worker_pools" or value != values.get("sm2a_worker_pools"):
                found += _wrong_pools(name, value)
            continue
        unknown = _unknown_keys(name, value, specification[name])
        found += unknown
        if not unknown:
            option = {key: item for key, item in specification[name].items() if key not in ("default", "required")}
            for text in ArgumentSpecValidator({name: option}).validate({name: value}).error_messages:
                found.append(f"{text}." if name in text else f"{name}: {text.rstrip('.')}.")
    return found


def _wrong_pools(name: str, pools: dict[str, Any]) -> list[str]:
    found = []
    for pool, options in pools.items():
        try:
            validate_pool_name(name, pool)
            typed_pools(name, {pool: options})
        except OptionError as error:
            found.append(f"{error}.")
    return found


def _unknown_keys(name: str, value: Any, option: dict[str, Any]) -> list[str]:
    """Return a sentence for each key of a mapping that its specification does not have."""
    keys = option.get("options")
    if not keys or not isinstance(value, dict):
        return []
    found = []
    for key, inner in value.items():
        if key in keys:
            found += _unknown_keys(f"{name}.{key}", from_text(inner), keys[key])
        else:
            found.append(f"{name}.{key} is none of {', '.join(keys)}{did_you_mean(str(key), keys)}.")
    return found
