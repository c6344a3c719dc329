# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options that roles give their modules, computed before the roles run."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleError
from ansible.module_utils.common.validation import check_type_dict, check_type_list
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.template import is_trusted_as_template
from ansible.utils.vars import load_extra_vars

from ansible_collections.sm2a.airflow.plugins.module_utils._components._base import COMMON_ARGUMENTS, Component
from ansible_collections.sm2a.airflow.plugins.module_utils._components._names import SERVICES
from ansible_collections.sm2a.airflow.plugins.module_utils._components._option_rules import validate_pool_name
from ansible_collections.sm2a.airflow.plugins.module_utils._components._pools import UNKNOWN_POOL
from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.errors import OptionError
from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.values import KNOWN_AFTER_APPLY
from ansible_collections.sm2a.airflow.plugins.module_utils._text import from_text
from ansible_collections.sm2a.airflow.plugins.plugin_utils._component_action import read_ahead
from ansible_collections.sm2a.airflow.plugins.plugin_utils._facts import FACTS
from ansible_collections.sm2a.airflow.plugins.plugin_utils._order import IMAGE, role_of
from ansible_collections.sm2a.airflow.plugins.plugin_utils._order import ROLES as ROLE_NAMES

COMPONENTS = "ansible_collections.sm2a.airflow.plugins.module_utils._components"
ROLES = Path(__file__).resolve().parents[2] / "roles"
TEMPLATE = re.compile("{[{%]")
# What the tasks of roles mostly say: one variable, which may be left out where it is empty.
ONE_VARIABLE = re.compile(r"{{ (\w+)( \| default\(omit, true\))? }}")
# In a variable's own text: our lookup, or the facts themselves.
READS_FACTS = re.compile(r"\bsm2a\.airflow\.fact\b|\bansible_facts\b")


def component_class(role: str) -> type[Component]:
    """Return the component that a role's module runs."""
    module = importlib.import_module(f"{COMPONENTS}.{role}")
    return getattr(module, "".join(part.capitalize() for part in role.split("_")) + "Component")


def read_all_ahead() -> None:
    """Import all components, and read what botocore knows of their services.

    Ansible loads action plugins before it forks: what one of them has read, no fork has to read.
    """
    for role in ROLE_NAMES:
        component_class(role)
        read_ahead(role)


def arguments_of(role: str) -> dict[str, Any]:
    """Return the arguments of a role's module, without those that say where AWS is."""
    return {**COMMON_ARGUMENTS, **component_class(role).ARGUMENTS}


class RoleOptions:
    """Computes options from a host's variables by the templates of the roles' own tasks.

    Files of a role, such as the defaults of one that has not been included yet, are read by ``loader``, Ansible's. An
    option whose template fails has no value.
    """

    def __init__(self, templar: Any, variables: dict[str, Any], loader: Any) -> None:
        self.variables = dict(variables)
        self._templar = templar.copy_with_new_env(available_variables=self.variables)
        self._loader = loader
        self._complete: set[str] = set()
        self._tasks: dict[str, Any] = {}
        # By the text of their templates, as long as no variable changes.
        self._values: dict[str, Any] = {}

    def set(self, **variables: Any) -> None:
        """Set variables, for all that is computed from now on."""
        self._values.clear()
        self.variables.update(variables)
        self._templar.available_variables = self.variables

    def add_facts(self, facts: dict[str, Any]) -> None:
        """Add facts, also as variables; None takes one away."""
        known = {**self.variables.get("ansible_facts", {}), **facts}
        self.set(**facts, ansible_facts={name: value for name, value in known.items() if value is not None})

    def value(self, variable: str) -> Any:
        """Return a variable's value, and None where it has none or is to be omitted."""
        try:
            return self._value(self.variables.get(variable))
        except AnsibleError:
            return None  # the role says so, and better

    def of(self, component: str) -> dict[str, Any]:
        """Return the options of a component's module; each image is a component, ``image_<name>``."""
        role = role_of(component)
        self.complete(role)
        self.set(role_path=str(ROLES / role), role_name=f"sm2a.airflow.{role}")
        if role == IMAGE:
            self._set_image(component.removeprefix(f"{IMAGE}_"))
        options = {option: self._option(role, option, argument) for option, argument in arguments_of(role).items()}
        return {option: value for option, value in options.items() if value is not None}

    def complete(self, role: str) -> None:
        """See to it that the defaults of a role are among the variables."""
        if role not in self._complete:
            defaults = self._load(role, "defaults/main.yml")
            self.set(**{name: value for name, value in defaults.items() if name not in self.variables})
            self._complete.add(role)

    def _option(self, role: str, option: str, argument: dict[str, Any]) -> Any:
        if role not in self._tasks:
            # Once, since the loader copies a file's content each time.
            [task] = self._load(role, "tasks/component.yml")
            self._tasks[role] = task[f"sm2a.airflow.{role}"]
        try:
            return self._value(self._tasks[role].get(option))
        except AnsibleError as error:
            return self._without_value(f"{role}_{option}", error)

    def _without_value(self, variable: str, error: AnsibleError) -> None:
        """Take note of a variable that has no value."""

    def _value(self, template: Any) -> Any:
        """Return what a template says. Few are compiled: that takes longer than all else that is done for an option."""
        one = ONE_VARIABLE.fullmatch(template) if is_trusted_as_template(template) else None
        if one and (one[1] in self.variables or one[1] == "omit"):
            value = self._value(self.variables.get(one[1]))
            return (value or None) if one[2] else value
        if is_plain(template):
            return template
        if not isinstance(template, str):
            return self._templated(template)
        if template not in self._values:
            self._values[template] = self._templated(template)
        return self._values[template]

    def _templated(self, template: Any) -> Any:
        # By itself, a value that is to be omitted would be an error.
        return self._templar.template({"value": template}).get("value")

    def _load(self, role: str, path: str) -> Any:
        # "unsafe" is what is not copied. It is only read here.
        return self._loader.load_from_file(str(ROLES / role / path), unsafe=True, trusted_as_template=True)

    def _set_image(self, name: str) -> None:
        """Set what the roles give the role image, unless it was set on the command line, which goes before that."""
        ours = {"image_name": name, "image_source": str(ROLES / name / "files/image")}
        extra = load_extra_vars(self._loader)
        self.set(**{variable: value for variable, value in ours.items() if variable not in extra})


class TaskOptions(RoleOptions):
    """Refuses what the tasks of the roles would refuse: an option whose template fails is an AnsibleError."""

    def _without_value(self, variable: str, error: AnsibleError) -> None:
        raise AnsibleError(f"{variable}: {error}") from error


class Forecast(RoleOptions):
    """Computes options before any role has run: what other roles will find out stands as known after apply.

    ``roles`` are those that will run.
    """

    def __init__(self, templar: Any, variables: dict[str, Any], loader: Any, roles: set[str]) -> None:
        super().__init__(templar, variables, loader)
        self._roles = roles

    def _option(self, role: str, option: str, argument: dict[str, Any]) -> Any:
        if role == IMAGE:
            # Images that exist are looked for; where they are no fact of another role says.
            return super()._option(role, option, argument)
        variable = f"{role}_{option}"
        reads_facts = self.reads_facts(variable)
        if option in FACTS[role]:
            # A default of the role, or a template, may have its value later; an empty text will not.
            later = TEMPLATE.search(str(self.variables.get(variable, "{{")))
            if not (reads_facts or (later and has_gaps(self.value(variable)))):
                return super()._option(role, option, argument)
            return self._execution_api() if option == "execution_api_server_url" else self._unknown(option, argument)
        # No text stands for a number or a choice; what is in a mapping can be looked at as far as it is known.
        if reads_facts and argument["type"] in ("str", "list") and "choices" not in argument:
            return self._unknown(option, argument)
        return super()._option(role, option, argument)

    def reads_facts(self, variable: str) -> bool:
        """Tell whether a variable says itself that it comes from facts, which may not be there yet."""
        return bool(READS_FACTS.search(str(self.variables.get(variable, ""))))

    def _execution_api(self) -> Any:
        """Return the address that the role airflow will give; without service discovery only the user knows it."""
        address = self.value("sm2a_execution_api_server_url")
        if not address and not self.reads_facts("airflow_execution_api_server_url"):
            address = self.value("airflow_execution_api_server_url")
        if address:
            return address
        named = self.value("cluster_service_discovery")
        return KNOWN_AFTER_APPLY if named is None or boolean(named, strict=False) else None

    def _unknown(self, option: str, argument: dict[str, Any]) -> Any:
        """Return what stands for a fact of a role that has not run yet."""
        unknown = KNOWN_AFTER_APPLY
        mappings = {
            "pools": {pool: dict(UNKNOWN_POOL) for pool in self._pools()},
            "queues": {pool: {"url": unknown} for pool in self._queues()},
            "role_arns": dict.fromkeys(SERVICES, unknown),
        }
        if argument["type"] == "dict":
            return mappings[option]
        return [unknown] if argument["type"] == "list" else unknown

    def _pools(self) -> list[str]:
        """Return the names of the worker pools; a survey gives them as text."""
        try:
            return list(check_type_dict(from_text(self.value("workers_pools"), mapping=True)))
        except TypeError:
            return ["default"]  # what is wrong with them is said where they are an option

    def _queues(self) -> list[str]:
        """Return the names of the pools that will have a queue."""
        if "queue" not in self._roles:
            return self._pools()
        try:
            named = check_type_list(from_text(self.value("queue_pools")))
        except TypeError:
            return self._pools()
        # A name that is wrong is said of the queue.
        return [str(pool) for pool in named if _is_pool_name(pool)]


def _is_pool_name(name: Any) -> bool:
    try:
        validate_pool_name("queue_pools", name)
    except OptionError:
        return False
    return True


def is_plain(value: Any) -> bool:
    """Tell whether a value is what it says: nothing, a number, a truth value, or a text without a template."""
    return value is None or isinstance(value, (int, float)) or (isinstance(value, str) and not TEMPLATE.search(value))


def has_gaps(value: Any) -> bool:
    """Tell whether a value, or a part of it, is empty, as a fact is that nobody has made yet."""
    if value in (None, "", [], {}):
        return True
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(map(has_gaps, parts))
