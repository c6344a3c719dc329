# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The fence of the playbooks: which variables of a host are refused, whichever role they are of."""

from __future__ import annotations

import re
from typing import Any

from ansible.errors import AnsibleError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.sm2a.airflow.plugins.module_utils._components._option import arguments
from ansible_collections.sm2a.airflow.plugins.module_utils._components._option_rules import validate_pool_name
from ansible_collections.sm2a.airflow.plugins.module_utils._components._pools import typed_pools
from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.errors import OptionError
from ansible_collections.sm2a.airflow.plugins.module_utils._spelling import Slips, did_you_mean
from ansible_collections.sm2a.airflow.plugins.module_utils._text import from_text, given
from ansible_collections.sm2a.airflow.plugins.plugin_utils import _variables
from ansible_collections.sm2a.airflow.plugins.plugin_utils._order import IMAGES

FOREIGN = re.compile(r"(ansible|awx|tower)_|" + _variables.OWN_PREFIX)
OTHERS = "sm2a_other_variables"
IMAGES_OF_OTHERS = "image_uris"


def refused_variables(variables: dict[str, Any], templar: Any) -> list[tuple[str, str]]:
    """Return each variable that is refused, with a sentence that says why."""
    roles = _variables.role_options()
    specification = {
        **arguments(_variables.SITE),
        **{name: option for role in roles.values() for name, option in role.items()},
    }
    values = _values(variables, specification, templar)
    others = values.get(OTHERS)
    if isinstance(others, str):
        others = [name.strip() for name in others.split(",")]
    elif not isinstance(others, list):
        others = []
    facts = {*_variables.facts(list(roles)), *_variables.image_facts(variables.get("ansible_facts") or {})}
    fine = {*specification, *_variables.INTERNAL, *facts, *others}
    names = sorted(name for name in variables if name not in fine and not FOREIGN.match(name))
    return [*misspelt(names, set(specification), [*roles, "sm2a"]), *wrong(values, specification)]


def _values(variables: dict[str, Any], specification: dict[str, Any], templar: Any) -> dict[str, Any]:
    """Return the values of the variables that are set and can be told before the first role has run."""
    values = {}
    for name in specification:
        if name not in variables:
            continue
        try:
            values[name] = templar.template(variables[name])
        except AnsibleError:
            continue  # What it refers to comes later, or it is omitted: the module that is given it looks at it.
    return given(values, specification)


def misspelt(names: list[str], known: set[str], prefixes: list[str]) -> list[tuple[str, str]]:
    """Return the names that begin like ours, or are one slip away from a name that we know, each with a sentence."""
    slips = Slips(known)
    ours = re.compile(rf"({'|'.join(prefixes)})_")
    found = []
    for name in names:
        near = slips.find(name)
        if near:
            found.append((name, f"SM2A knows no variable {name} (did you mean {near}?)."))
        elif ours.match(name):
            found.append((name, f"SM2A knows no variable {name}{did_you_mean(name, known)}."))
    return found


def wrong(values: dict[str, Any], specification: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the variables whose values they do not take, each with a sentence for everything that is wrong with it."""
    return [(name, text) for name, value in values.items() for text in _wrong(name, value, values, specification[name])]


def _wrong(name: str, value: Any, values: dict[str, Any], option: dict[str, Any]) -> list[str]:
    if name in _variables.POOLS and isinstance(value, dict):
        # Those of a role are the site's unless they were set.
        inherited = name != "sm2a_worker_pools" and value == values.get("sm2a_worker_pools")
        return [] if inherited else _wrong_pools(name, value)
    unknown = _unknown_keys(name, value, option)
    if unknown:
        return unknown
    if name == IMAGES_OF_OTHERS and isinstance(value, dict):
        return _wrong_images(value)
    option = {key: item for key, item in option.items() if key not in ("default", "required")}
    texts = ArgumentSpecValidator({name: option}).validate({name: value}).error_messages
    return [f"{text}." if name in text else f"{name}: {text.rstrip('.')}." for text in texts]


def _wrong_images(uris: dict[str, Any]) -> list[str]:
    """Return a sentence for each image that is called nearly as one of ours; others may be of a role of one's own."""
    slips = Slips(IMAGES)
    near = {name: slips.find(str(name)) for name in uris}
    return [f"{IMAGES_OF_OTHERS}.{name} is no image (did you mean {meant}?)." for name, meant in near.items() if meant]


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
