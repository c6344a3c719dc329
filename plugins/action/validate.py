# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks the options of many roles at once, before the first of them creates anything.

Each module checks its own options, but only when its turn comes. The rules are the components' own; they need no call
to AWS and no process of their own, so all of them together take less than one module.
"""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ansible.errors import AnsibleError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.common.validation import check_type_dict
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase
from ansible_collections.amazon.aws.plugins.module_utils.modules import aws_argument_spec

from ansible_collections.sm2a.airflow.plugins.module_utils._components._base import (
    COMMON_ARGUMENTS,
    Component,
)
from ansible_collections.sm2a.airflow.plugins.module_utils._components._module import EMPTY_SAYS_SOMETHING
from ansible_collections.sm2a.airflow.plugins.module_utils._components.security import SERVICES
from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.values import KNOWN_AFTER_APPLY
from ansible_collections.sm2a.airflow.plugins.module_utils._resources.docker import Docker, DockerError
from ansible_collections.sm2a.airflow.plugins.module_utils._text import from_text, given
from ansible_collections.sm2a.airflow.plugins.plugin_utils._facts import FACTS, parts_of_tags, roles_of
from ansible_collections.sm2a.airflow.plugins.plugin_utils._order import TAGS

try:
    import boto3
    from botocore.exceptions import BotoCoreError
except ImportError:
    boto3 = None  # The first module reports the missing library.
    BotoCoreError = Exception

COMPONENTS = "ansible_collections.sm2a.airflow.plugins.module_utils._components"
ROLES = Path(__file__).resolve().parents[2] / "roles"
TEMPLATE = re.compile("{[{%]")
# Options that all roles take from a variable of the site unless they have their own.
SITE_WIDE = ("environment", "tags", "execution_api_server_url")
PLATFORMS = {"X86_64": "linux/amd64", "ARM64": "linux/arm64"}
# In a variable's own text: our lookup, or the facts themselves.
READS_FACTS = re.compile(r"\bsm2a\.airflow\.fact\b|\bansible_facts\b")


class ActionModule(ActionBase):
    """Runs on the controller; its documentation is that of the module of its name."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Fail with all that is wrong, or say nothing."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        self._variables = task_vars or {}
        _checked, arguments = self.validate_argument_spec(
            {"roles": {"type": "list", "elements": "str"}, **aws_argument_spec()}
        )
        aws = SimpleNamespace(region=_region(arguments))
        errors = []
        for role in arguments["roles"] or []:
            if role not in FACTS:
                errors.append(f"roles: {role!r} is no role of SM2A; they are {', '.join(FACTS)}")
        parts = self._chosen() if arguments["roles"] is None else _parts(arguments["roles"])
        for role in sorted(roles_of(parts)):
            if role != "image":
                errors += self._errors(role, self._options(role), aws)
        names = [part.removeprefix("image_") for part in parts if part.startswith("image_")]
        images = {name: self._image(name) for name in names}
        for options in images.values():
            errors += self._errors("image", options, aws)
        problem = self._docker_problem({name: options for name, options in images.items() if "source" in options})
        if problem and self._task.check_mode:
            result["warnings"] = [problem]
        elif problem:
            errors.append(problem)
        if errors:
            return {**result, "failed": True, "msg": "\n".join(dict.fromkeys(errors))}
        return {**result, "changed": False}

    def _chosen(self) -> list[str]:
        """Return the components that the run's tags choose; in `site` they have the roles' names."""
        wanted, unwanted = (self._variables.get(f"ansible_{kind}_tags", []) for kind in ("run", "skip"))
        return parts_of_tags(wanted, unwanted)

    def _errors(self, role: str, options: dict[str, Any], aws: Any) -> list[str]:
        """Return what the component of a role says of its options."""
        component = _component(role)
        validator = ArgumentSpecValidator({**COMMON_ARGUMENTS, **component.ARGUMENTS}, **component.CONSTRAINTS)
        checked = validator.validate(given(options, {**COMMON_ARGUMENTS, **component.ARGUMENTS}, EMPTY_SAYS_SOMETHING))
        if checked.error_messages:
            return [f"role {role}: {message}" for message in checked.error_messages]
        options = checked.validated_parameters
        options["tags"] = {str(key): str(value) for key, value in options["tags"].items()}
        return [f"{self._owner(role, error.option)}_{error}" for error in component(options, aws).faults()]

    def _owner(self, role: str, option: str) -> str:
        """Return whose variable has an option's value: the whole site's, unless the role has its own."""
        if option not in SITE_WIDE:
            return role
        # The role of the images is included later and has no defaults here.
        own, site = self._value(f"{role}_{option}"), self._value(f"sm2a_{option}")
        return "sm2a" if site is not None and own in (None, "", site) else role

    def _options(self, role: str) -> dict[str, Any]:
        """Return the options that the role gives its module; what other roles will find out is put as unknown."""
        arguments = {**COMMON_ARGUMENTS, **_component(role).ARGUMENTS}
        options = {option: self._option(role, option, argument) for option, argument in arguments.items()}
        return {option: value for option, value in options.items() if value is not None}

    def _option(self, role: str, option: str, argument: dict[str, Any]) -> Any:
        variable = f"{role}_{option}"
        value = self._value(variable)
        reads_facts = self._reads_facts(variable)
        if option in FACTS[role]:
            # A default of the role, or a template, may have its value later; an empty text will not.
            later = TEMPLATE.search(str(self._variables.get(variable, "{{")))
            if not (reads_facts or (later and _has_gaps(value))):
                return value
            return self._execution_api() if option == "execution_api_server_url" else self._unknown(option, argument)
        # No text stands for a number or a choice; what is in a mapping can be looked at as far as it is known.
        if reads_facts and argument["type"] in ("str", "list") and "choices" not in argument:
            return self._unknown(option, argument)
        return value

    def _reads_facts(self, variable: str) -> bool:
        """Tell whether a variable says itself that it comes from facts, which may not be there yet."""
        return bool(READS_FACTS.search(str(self._variables.get(variable, ""))))

    def _execution_api(self) -> Any:
        """Return the address that the role airflow will give; without service discovery only the user knows it."""
        address = self._value("sm2a_execution_api_server_url")
        if not address and not self._reads_facts("airflow_execution_api_server_url"):
            address = self._value("airflow_execution_api_server_url")
        if address:
            return address
        named = self._value("cluster_service_discovery")
        return KNOWN_AFTER_APPLY if named is None or boolean(named, strict=False) else None

    def _unknown(self, option: str, argument: dict[str, Any]) -> Any:
        """Return what stands for a fact of a role that has not run yet."""
        unknown = KNOWN_AFTER_APPLY
        pools = self._pools()
        numbers = {"concurrency": 1, "minimum": 0, "maximum": 1}
        mappings = {
            "pools": {pool: {**dict.fromkeys(("service", "queue", "queue_url"), unknown), **numbers} for pool in pools},
            "queues": {pool: {"url": unknown} for pool in pools},
            "role_arns": dict.fromkeys(SERVICES, unknown),
        }
        if argument["type"] == "dict":
            return mappings[option]
        return [unknown] if argument["type"] == "list" else unknown

    def _pools(self) -> list[str]:
        """Return the names of the worker pools; a survey gives them as text."""
        try:
            return list(check_type_dict(from_text(self._value("workers_pools"), mapping=True)))
        except TypeError:
            return ["default"]  # what is wrong with them is said where they are an option

    def _value(self, variable: str) -> Any:
        """Return a variable's value, and None where it has none or is to be omitted."""
        try:
            value = self._templar.template(self._variables.get(variable))
        except AnsibleError:
            return None  # the role says so, and better
        return None if value == self._variables.get("omit") else value

    def _image(self, name: str) -> dict[str, Any]:
        """Return the options of an image's module. The role is included later, so its defaults are not known here."""
        given = {option: self._value(f"image_{option}") for option in _component("image").ARGUMENTS}
        options = {option: value for option, value in given.items() if value not in (None, "")}
        uris = from_text(self._value("image_uris"), mapping=True)
        uri = uris.get(name) if isinstance(uris, dict) else None
        where = {"uri": uri} if uri else {"source": str(ROLES / name / "files/image")}
        platform = PLATFORMS.get(self._value("sm2a_architecture"))
        if platform:
            options.setdefault("platform", platform)
        return {**options, "environment": self._value("sm2a_environment"), "name": name, **where}

    def _docker_problem(self, built: dict[str, dict[str, Any]]) -> str:
        """Say why images that have to be built cannot be. Those that are in ECR already have not."""
        # Elsewhere it is that machine's Docker which builds.
        if not built or self._connection.transport != "local":
            return ""
        try:
            Docker(check_mode=True).require()
        except DockerError as error:
            missing = [name for name, options in built.items() if self._missing(options)]
            if missing:
                return f"Images have to be built ({', '.join(missing)}), and cannot be: {error}"
        return ""

    def _missing(self, options: dict[str, Any]) -> bool:
        """Ask the module, which may make no change, whether an image would be built."""
        if not boolean(options.get("push", True)):
            return True
        where = {option: value for option, value in self._task.args.items() if option != "roles"}
        arguments = {**where, **options}
        checked, self._task.check_mode = self._task.check_mode, True
        try:
            answer = self._execute_module("sm2a.airflow.image", module_args=arguments, task_vars=self._variables)
        finally:
            self._task.check_mode = checked
        return any(step["kind"] == "Docker::Image" and step["action"] == "create" for step in answer.get("plan", []))


def _has_gaps(value: Any) -> bool:
    """Tell whether a value, or a part of it, is empty, as a fact is that nobody has made yet."""
    if value in (None, "", [], {}):
        return True
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(map(_has_gaps, parts))


def _parts(roles: list[str]) -> list[str]:
    """Return the components of these roles, and the images that they run."""
    return [part for part, tags in TAGS.items() if set(roles) & set(tags)]


def _region(arguments: dict[str, Any]) -> str:
    """Return the region that boto3 would choose; nothing where that is nobody's business here."""
    if arguments["region"]:
        return str(arguments["region"])
    if boto3 is None:
        return ""
    try:
        return boto3.session.Session(profile_name=arguments["profile"]).region_name or ""
    except BotoCoreError:
        return ""


def _component(role: str) -> type[Component]:
    module = importlib.import_module(f"{COMPONENTS}.{role}")
    return getattr(module, "".join(part.capitalize() for part in role.split("_")) + "Component")
