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

from ansible_collections.sm2a.airflow.plugins.module_utils._components._option import Option

ROLES = Path(__file__).resolve().parents[2] / "roles"

SITE: dict[str, Option] = {
    "sm2a_environment": Option(
        "str",
        doc=(
            "The environment's name: at most 16 lower-case letters, digits and single hyphens.",
            "It is part of every name and the value of the tag C(sm2a:environment). It cannot be changed later.",
        ),
    ),
    "sm2a_region": Option("str", doc="The AWS region."),
    "sm2a_profile": Option(
        "str", doc="A profile of AWS's configuration file. Without it boto3 looks where it always does."
    ),
    "sm2a_tags": Option("dict", doc="Further tags for everything."),
    "sm2a_worker_pools": Option(
        "dict",
        doc=(
            "The L(worker pools,#worker-pools); without it one, C(default), with the defaults below.",
            "Each has a queue and an ECS service of its own; a task chooses one by Airflow's C(queue).",
            "Airflow's C(parallelism) follows: each scheduler lets as many tasks run as all pools have slots, and at "
            "least 32.",
        ),
    ),
    "sm2a_default_worker_pool": Option(
        "str", doc="The pool of tasks that name no queue. Without it the first by name."
    ),
    "sm2a_architecture": Option(
        "str", choices=("X86_64", "ARM64"), doc="The processors of every Fargate task and image."
    ),
    "sm2a_registry_credentials": Option(
        "str",
        doc="ARN of the secret with the login of a private registry: see L(ready images,images.md#ready-images).",
    ),
    "sm2a_airflow_configuration": Option("dict", doc="Airflow options of your own, by section, for all services."),
    "sm2a_connections_lookup_pattern": Option(
        "str",
        doc="Regular expression of the connections that are looked up in Secrets Manager: see L(secrets,#secrets).",
    ),
    "sm2a_variables_lookup_pattern": Option("str", doc="The same of Airflow's variables."),
    "sm2a_secrets_cache_seconds": Option(
        "int", doc="For how many seconds a process of Airflow keeps what Secrets Manager has answered; 60 by default."
    ),
    "sm2a_other_variables": Option(
        "list",
        elements="str",
        doc="Names of variables that are none of SM2A's and are called like one of its variables: see "
        "L(what is refused,#what-is-refused).",
    ),
    "sm2a_plan_file": Option(
        "str",
        doc=(
            "A file on the controller. C(site --check) saves its plan there; C(site) then does that plan or nothing.",
            "See L(review a plan,operations.md#review-a-plan).",
        ),
    ),
    "sm2a_teardown": Option("str", doc="The environment's name, said again for C(teardown)."),
    "sm2a_execution_api_server_url": Option(
        "str", doc="Where tasks reach the execution API. Without it the internal name."
    ),
    "sm2a_secret_recovery_window_days": Option(
        "int",
        doc="For how many days a deleted secret can be restored: 7 to 30, or 0 for not at all; 30 by default.",
    ),
    "sm2a_endpoint_url": Option("str", doc="Where an emulator of AWS answers. Do not set it for an account."),
    "sm2a_access_key": Option("str", doc="The emulator's access key. Do not set it for an account."),
    "sm2a_secret_key": Option("str", no_log=True, doc="The emulator's secret key. Do not set it for an account."),
}
"""The variables of the site."""
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
