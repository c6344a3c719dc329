# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks the variables of many roles at once, before the first of them creates anything.

Each module checks its own options, but only when its turn comes. The rules are the components' own; they need no
process of their own, so all of them together take less than one module. What only the account can tell is read from it,
and left to the modules where it cannot be read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.parsing.convert_bool import boolean
from ansible_collections.amazon.aws.plugins.module_utils.modules import aws_argument_spec

from ansible_collections.sm2a.airflow.plugins.module_utils._components._base import Component, tags_of
from ansible_collections.sm2a.airflow.plugins.module_utils._components._module import EMPTY_SAYS_SOMETHING
from ansible_collections.sm2a.airflow.plugins.module_utils._components._regions import region_fault, region_warning
from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.errors import OptionError
from ansible_collections.sm2a.airflow.plugins.module_utils._resources.docker import Docker, DockerError
from ansible_collections.sm2a.airflow.plugins.module_utils._text import given as given_options
from ansible_collections.sm2a.airflow.plugins.plugin_utils._component_action import ComponentAction
from ansible_collections.sm2a.airflow.plugins.plugin_utils._controller_aws import controller_aws
from ansible_collections.sm2a.airflow.plugins.plugin_utils._facts import FACTS, chosen_parts, roles_of
from ansible_collections.sm2a.airflow.plugins.plugin_utils._fence import refused_variables
from ansible_collections.sm2a.airflow.plugins.plugin_utils._order import IMAGE, TAGS, role_of
from ansible_collections.sm2a.airflow.plugins.plugin_utils._role_options import (
    Forecast,
    arguments_of,
    component_class,
    read_all_ahead,
)

try:
    import boto3
    from botocore.exceptions import BotoCoreError
except ImportError:
    boto3 = None  # The first module reports the missing library.
    BotoCoreError = Exception

# Options that all roles take from a variable of the site unless they have their own.
SITE_WIDE = ("environment", "tags", "execution_api_server_url")
NOT_OURS = (
    "If a variable is of something else, name it in sm2a_other_variables: "
    "https://github.com/sm2a/airflow/blob/main/docs/configuration.md"
)

read_all_ahead()


class ActionModule(ComponentAction):
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
        self._region = _region(arguments)
        wrong = region_fault(self._region)
        warning = region_warning(self._region)
        given = arguments["roles"]
        parts = chosen_parts(self._variables) if given is None else [part for part in TAGS if role_of(part) in given]
        roles = set(roles_of(parts))
        self._options = Forecast(self._templar, self._variables, self._loader, roles)
        self._refused: set[str] = set()
        errors = [
            f"roles: {role!r} is no role of SM2A; they are {', '.join(FACTS)}"
            for role in given or []
            if role not in FACTS
        ]
        if given is None:
            errors += self._fence()
        if wrong:
            # What others say of it would all be wrong for the same reason, and nothing can be asked.
            name = "sm2a_region" if self._options.value("sm2a_region") == self._region else wrong.option
            errors.append(f"{name}{str(wrong).removeprefix(wrong.option)}")
            self._region = ""
        errors += self._faults(sorted(parts), arguments)
        problem = self._docker_problem(parts)
        result["warnings"] = [warning] if warning else []
        if problem and self._task.check_mode:
            result["warnings"].append(problem)
        elif problem:
            errors.append(problem)
        if errors:
            return {**result, "failed": True, "msg": "\n".join(dict.fromkeys(errors))}
        return {**result, "changed": False}

    def _fence(self) -> list[str]:
        """Return what the fence says of all variables, whatever they are of."""
        refused = refused_variables(self._variables, self._templar)
        self._refused = {variable for variable, _sentence in refused}
        sentences = [sentence for _variable, sentence in refused]
        return [*sentences, NOT_OURS] if any("knows no variable" in sentence for sentence in sentences) else sentences

    def _faults(self, parts: list[str], arguments: dict[str, Any]) -> list[str]:
        """Return what is wrong with the options of these components, and what their account says of them."""
        # Without a region that is known no call to AWS makes sense.
        where = {**arguments, "region": self._region}
        aws: Any = controller_aws(where) if self._region else SimpleNamespace(region="")
        errors: list[str] = []
        fine: list[tuple[str, Component]] = []
        for part in parts:
            role = role_of(part)
            options, said = self._validated(role, self._options.of(part))
            errors += said
            if options is None:
                continue
            component = component_class(role)(options, aws)
            faults = list(component.faults())
            errors += [self._sentence(role, fault) for fault in faults]
            if not faults:
                fine.append((role, component))
        return errors + self._account_faults(fine, arguments)

    def _account_faults(self, components: list[tuple[str, Component]], arguments: dict[str, Any]) -> list[str]:
        """Return what the account says of options in which nothing else is wrong."""
        # Elsewhere it is that machine's credentials which count.
        if self._connection.transport != "local" or not (self._region and _has_credentials(arguments)):
            return []

        def ask(item: tuple[str, Component]) -> list[str]:
            role, component = item
            return [self._sentence(role, fault) for fault in component.account_faults()]

        # Each asks another service.
        with ThreadPoolExecutor() as pool:
            return [sentence for sentences in pool.map(ask, components) for sentence in sentences]

    def _validated(self, role: str, options: dict[str, Any]) -> tuple[dict[str, Any] | None, list[str]]:
        """Return options as the module would have them, None if it would refuse them, and what it would say."""
        component, arguments = component_class(role), arguments_of(role)
        options = {option: value for option, value in options.items() if not self._is_refused(f"{role}_{option}")}
        validator = ArgumentSpecValidator(arguments, **component.CONSTRAINTS)
        checked = validator.validate(given_options(options, arguments, EMPTY_SAYS_SOMETHING))
        if checked.error_messages:
            return None, [f"role {role}: {message}" for message in checked.error_messages]
        options = checked.validated_parameters
        options["tags"] = tags_of(options["tags"])
        return options, []

    def _is_refused(self, variable: str) -> bool:
        """Tell whether the fence has refused a variable already, or one that it is made of."""
        text = str(self._options.variables.get(variable, ""))
        return any(refused == variable or re.search(rf"\b{re.escape(refused)}\b", text) for refused in self._refused)

    def _sentence(self, role: str, fault: OptionError) -> str:
        """Return a fault, by the name of the variable that has the value."""
        option = re.split(r"[.\[]", fault.option)[0]
        return f"{self._owner(role, option)}{str(fault).removeprefix(option)}"

    def _owner(self, role: str, option: str) -> str:
        """Return the variable that has an option's value: the whole site's, unless the role has its own."""
        own = f"{role}_{option}"
        component = component_class(role)
        text = str(self._options.variables.get(own, ""))
        declared = component.OPTIONS.get(option)
        sources = [declared.site] if declared and declared.site else []
        sources += [f"{role}_{source}" for source in component.ROLE_OPTIONS]
        named = next((source for source in sources if re.search(rf"\b{source}\b", text)), "")
        site = named or (f"sm2a_{option}" if option in SITE_WIDE else "")
        value = self._options.value(site) if site else None
        return site if value is not None and (named or self._options.value(own) in (None, "", value)) else own

    def _docker_problem(self, parts: Iterable[str]) -> str:
        """Say why images that have to be built cannot be. Those that are in ECR already have not."""
        images = {part: self._options.of(part) for part in parts if role_of(part) == IMAGE}
        built = {part.removeprefix(f"{IMAGE}_"): options for part, options in images.items() if "source" in options}
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
        answer = self.run_component(IMAGE, {**where, **options}, self._variables, check_mode=True)
        return any(step["kind"] == "Docker::Image" and step["action"] == "create" for step in answer.get("plan", []))


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


def _has_credentials(arguments: dict[str, Any]) -> bool:
    """Tell whether AWS can be asked at all. Looked up once, since on other machines than AWS's that takes seconds."""
    if arguments["access_key"]:
        return True
    if boto3 is None:
        return False
    try:
        return boto3.session.Session(profile_name=arguments["profile"]).get_credentials() is not None
    except BotoCoreError:
        return False
