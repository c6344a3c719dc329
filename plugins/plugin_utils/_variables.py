# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which variables SM2A knows: those of the whole site, listed here, and those that the roles specify."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ansible.module_utils.common.yaml import yaml_load

ROLES = Path(__file__).resolve().parents[2] / "roles"

# Every variable of the site, as Ansible specifies arguments. docs/configuration.md says what each means.
SITE: dict[str, dict[str, Any]] = {
    "sm2a_environment": {"type": "str"},
    "sm2a_region": {"type": "str"},
    "sm2a_profile": {"type": "str"},
    "sm2a_tags": {"type": "dict"},
    "sm2a_worker_pools": {"type": "dict"},
    "sm2a_default_worker_pool": {"type": "str"},
    "sm2a_architecture": {"type": "str", "choices": ["X86_64", "ARM64"]},
    "sm2a_airflow_configuration": {"type": "dict"},
    "sm2a_other_variables": {"type": "list", "elements": "str"},
    "sm2a_execution_api_server_url": {"type": "str"},
    "sm2a_secret_recovery_window_days": {"type": "int"},
    "sm2a_endpoint_url": {"type": "str"},
    "sm2a_access_key": {"type": "str"},
    "sm2a_secret_key": {"type": "str", "no_log": True},
    "sm2a_teardown": {"type": "str"},
}
# How every module reaches AWS: options of all modules, each from the site's variable of its name.
CONNECTION = ("region", "profile", "endpoint_url", "access_key", "secret_key")
# Roles set these for themselves.
INTERNAL = frozenset({"airflow_image_source", "scaler_image_source"})
# Modules return their facts by these names, which Ansible also makes variables; the role image has one for each image.
IMAGE_FACTS = frozenset({"sm2a_image_airflow", "sm2a_image_scaler"})
# The role image makes images of any name.
ANY_IMAGE_FACT = re.compile(r"sm2a_(plan_)?image_\w+")
# An inventory's own variables may begin like this, as those of inventories/local do.
OWN_PREFIX = "sm2a_local_"
# Each maps the name of a pool to its options.
POOLS = ("sm2a_worker_pools", "airflow_worker_pools", "workers_pools")


def role_options() -> dict[str, dict[str, Any]]:
    """Return the options of each role, by the role's name, as its specification has them."""
    specifications = sorted(ROLES.glob("*/meta/argument_specs.yml"))
    return {
        path.parent.parent.name: yaml_load(path.read_text(encoding="utf-8"))["argument_specs"]["main"]["options"]
        for path in specifications
    }


def facts(roles: list[str]) -> frozenset[str]:
    """Return the names of the facts that the modules of these roles return: what they made, and what they did."""
    names = IMAGE_FACTS | {f"sm2a_{role}" for role in roles}
    plans = {name.replace("sm2a_", "sm2a_plan_", 1) for name in names}
    return names | plans | {f"{plan}_begun" for plan in plans}


def image_facts(names: Iterable[str]) -> set[str]:
    """Return those of the names of facts that are of an image, whatever its name is."""
    return {name for name in names if ANY_IMAGE_FACT.fullmatch(name)}
