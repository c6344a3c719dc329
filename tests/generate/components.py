# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a component's declaration makes: its module, the YAML of its role, and its facts' place in the collection."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator, Mapping
from typing import Any

from documents import dump, head, variable

from ansible_collections.sm2a.airflow.plugins.module_utils._components._base import Component
from ansible_collections.sm2a.airflow.plugins.module_utils._components._common_options import (
    COMMON_OPTIONS,
    ENVIRONMENT,
)
from ansible_collections.sm2a.airflow.plugins.module_utils._components._module import EMPTY_SAYS_SOMETHING
from ansible_collections.sm2a.airflow.plugins.module_utils._components._option import Option, Return
from ansible_collections.sm2a.airflow.plugins.plugin_utils._order import ROLES, role_of

UTILS = "ansible_collections.sm2a.airflow.plugins.module_utils._components"
SOURCES = "plugins/module_utils/_components"
# Modules and action plugins that no component declares, and that can be given their region with the others.
OTHERS = ("environment_info", "plan", "plan_file", "read_facts", "validate")
FRAGMENTS = [
    "sm2a.airflow._component",
    "sm2a.airflow._attributes",
    "amazon.aws.common.modules",
    "amazon.aws.region.modules",
]
AUTHOR = "SM2A contributors"
VERSION_ADDED = "0.1.0"
MIN_ANSIBLE_VERSION = "2.20"
EMPTY: dict[str, object] = {"list": [], "dict": {}}


def component_of(role: str) -> type[Component]:
    """Return the component that has the name of a role."""
    module = importlib.import_module(f"{UTILS}.{role}")
    component: type[Component] = getattr(module, class_of(role))
    return component


def class_of(role: str) -> str:
    """Return the name of a component's class."""
    return "".join(part.capitalize() for part in role.split("_")) + "Component"


def files() -> dict[str, str]:
    """Return the text of every file that is wholly generated from components, by its path below the root."""
    texts = {"plugins/doc_fragments/_component.py": fragment()}
    for component in map(component_of, ROLES):
        name = component.NAME
        texts[f"plugins/modules/{name}.py"] = module(component)
        for path, make in (
            ("meta/argument_specs.yml", argument_specs),
            ("meta/main.yml", meta),
            ("defaults/main.yml", defaults),
            ("tasks/main.yml", tasks),
            ("tasks/component.yml", component_tasks),
        ):
            texts[f"roles/{name}/{path}"] = make(component)
    return texts


# The module.


def module(component: type[Component]) -> str:
    """Return a module: documentation, and a main that runs the component."""
    name = component.NAME
    document: dict[str, Any] = {
        "module": name,
        "short_description": component.SUMMARY,
        "version_added": VERSION_ADDED,
        "description": list(component.DESCRIPTION),
        "author": [f"{AUTHOR} (@sm2a)"],
        "options": {option: _documented(declared) for option, declared in component.OPTIONS.items()},
    }
    if component.CHECK_MODE:
        document["attributes"] = {"check_mode": {"details": list(component.CHECK_MODE)}}
    document["extends_documentation_fragment"] = FRAGMENTS
    return f'''\
#!/usr/bin/python

{head(f"{SOURCES}/{name}.py")}
"""The module of the component {name}."""

from __future__ import annotations

DOCUMENTATION = r"""
{dump(document)}"""

EXAMPLES = r"""
{component.EXAMPLES.strip()}
"""

RETURN = r"""
{dump(_returned(component))}"""

from {UTILS}._base import run
from {UTILS}.{name} import {component.__name__}


def main():
    """Run the module."""
    run({component.__name__})


if __name__ == "__main__":
    main()
'''


def fragment() -> str:
    """Return the documentation fragment of the options that all components have."""
    options = {option: _documented(declared) for option, declared in COMMON_OPTIONS.items()}
    return f'''\
{head(f"{SOURCES}/_common_options.py")}
"""What the modules of all components share."""

from __future__ import annotations


class ModuleDocFragment:
    """Options of a component's module, and what it does in a run that may change nothing."""

    DOCUMENTATION = r"""
{dump({"options": options})}\
attributes:
  check_mode:
    description: Can run in check mode and report what would change without changing anything.
    support: full
  diff_mode:
    description: Reports every change that was made, or would be made, with secrets masked.
    support: full
  idempotent:
    description: A second run with the same options changes nothing and makes no mutating call.
    support: full
"""
'''


def _documented(option: Option, role: str = "", key: str = "suboptions") -> dict[str, Any]:
    """Return what documentation says of an option; for a role, an argument specification."""
    sentences = [*sentences_of(option), *_needs(option), *(_sources(option) if role else ())]
    document: dict[str, Any] = {
        "description": sentences[0] if len(sentences) == 1 else sentences,
        # For a role an empty text is an option that was not given, and not the folder where it runs.
        "type": "str" if role and option.type == "path" else option.type,
    }
    if option.elements:
        document["elements"] = option.elements
    if option.choices:
        document["choices"] = [*([""] if role and option.default is None else []), *option.choices]
    if option.required:
        document["required"] = True
    if option.default is not None:
        document["default"] = option.default
    elif role and option.type == "path":
        document["default"] = ""
    if option.options:
        document[key] = {name: _documented(declared, key=key) for name, declared in option.options.items()}
    return document


def sentences_of(option: Option) -> list[str]:
    """Return the sentences of an option, with its bounds where it has any."""
    sentences = [option.doc] if isinstance(option.doc, str) else list(option.doc)
    if option.least is not None and not option.rule:
        bounds = f"From {option.least} to {option.most}" if option.most is not None else f"At least {option.least}"
        sentences.append(f"{bounds} {option.unit}".rstrip() + ".")
    elif option.allowed:
        sentences.append(f"One of {', '.join(map(str, option.allowed))}.")
    if option.most_items is not None:
        sentences.append(f"At most {option.most_items}.")
    return [*sentences, *(_key(key, declared) for key, declared in option.each.items())]


def _key(key: str, option: Option) -> str:
    """Return what there is to say of a key of each item of a mapping."""
    default = f" By default {option.default}." if option.default else ""
    return f"C({key}): {' '.join(sentences_of(option))}{default}"


def _needs(option: Option) -> list[str]:
    if option.needed and not option.default:
        return ["Required when O(state=present)."]
    return [f"Required with O({option.needed_if}=true)."] if option.needed_if else []


def _sources(option: Option) -> Iterator[str]:
    """Yield where a role has an option's value from."""
    yield from option.role_doc
    teller = f"the role P(sm2a.airflow.{role_of(option.fact.component)}#role) tells" if option.fact else ""
    if option.fact and option.site:
        yield f"By default C({option.site}), or what {teller}."
    elif option.fact:
        yield f"By default {teller} it."
    elif option.site:
        yield f"By default C({option.site})."


def _returned(component: type[Component]) -> dict[str, Any]:
    """Return the documentation of what a module returns."""
    kind, name = component.PLAN
    environment = Return("str", "Name of the environment.", sample="dev")
    return {
        component.NAME: {
            "description": "What the other components need to know.",
            "returned": "always",
            "type": "dict",
            "contains": {
                key: _return(value) for key, value in {"environment": environment, **component.RETURNS}.items()
            },
        },
        "plan": {
            "description": "Every resource of the component and what was done, or would be done, to it.",
            "returned": "always",
            "type": "list",
            "elements": "dict",
            "sample": [{"kind": kind, "name": name, "action": "create"}],
        },
        "api_calls": {
            "description": "How many calls were made to AWS.",
            "returned": "always",
            "type": "dict",
            "sample": {"read": 4, "write": 2},
        },
        "errors": {
            "description": "Every option that is refused, by its name, the rule and the address of its documentation.",
            "returned": "when options are refused",
            "type": "list",
            "elements": "dict",
            "sample": [
                {
                    "option": "environment",
                    "rule": ENVIRONMENT.rule,
                    "documentation": ENVIRONMENT.why,
                }
            ],
        },
    }


def _return(value: Return) -> dict[str, Any]:
    elements = {"elements": value.elements} if value.elements else {}
    return {"description": value.doc, "type": value.type, **elements, "sample": value.sample}


# The role.


def role_options(component: type[Component]) -> dict[str, Option]:
    """Return the options of a component's role, by their names without the role's."""
    common = {name: option for name, option in COMMON_OPTIONS.items() if name != "wait" or component.WAITS}
    return {**common, **component.ROLE_OPTIONS, **component.OPTIONS}


def argument_specs(component: type[Component]) -> str:
    """Return the role's argument_specs.yml."""
    name = component.NAME
    options = role_options(component)
    facts = component.FACTS_DOC or f"Facts come back as C(sm2a_{name})."
    specification = {
        "short_description": component.SUMMARY,
        "description": [*component.DESCRIPTION, facts],
        "options": {
            f"{name}_{option}": _documented(declared, name, key="options") for option, declared in options.items()
        },
    }
    specifications = {"main": for_role(specification, name, options)}
    for entry, (summary, description) in component.ENTRY_POINTS.items():
        specifications[entry] = {"short_description": summary, "description": description, "options": {}}
    return _yaml(name, dump({"argument_specs": specifications}))


def for_role(document: Any, role: str, options: Mapping[str, Option]) -> Any:
    """Return a document whose texts refer to roles and their options in the place of modules and theirs."""
    if isinstance(document, dict):
        return {key: for_role(value, role, options) for key, value in document.items()}
    if isinstance(document, list):
        return [for_role(value, role, options) for value in document]
    if not isinstance(document, str):
        return document
    named = re.sub(r"O\((\w+)", lambda found: f"O({role}_{found[1]}" if found[1] in options else found[0], document)
    return re.sub(r"the M\(sm2a\.airflow\.(\w+)\) module", r"the role P(sm2a.airflow.\1#role)", named)


def meta(component: type[Component]) -> str:
    """Return the role's meta/main.yml."""
    return _yaml(
        component.NAME,
        dump(
            {
                "galaxy_info": {
                    "author": AUTHOR,
                    "description": component.SUMMARY,
                    "company": "SM2A",
                    "license": "GPL-3.0-or-later",
                    "min_ansible_version": MIN_ANSIBLE_VERSION,
                    "galaxy_tags": ["cloud", "aws", "airflow"],
                },
                "dependencies": [],
            }
        ),
    )


def defaults(component: type[Component]) -> str:
    """Return the role's defaults. What is required has none but the environment."""
    name = component.NAME
    lines = [
        line
        for option, declared in role_options(component).items()
        if declared.role_default is not None or not declared.required
        for line in variable(f"{name}_{option}", default_of(declared, f"{name}_environment"))
    ]
    return _yaml(name, "\n".join(lines) + "\n")


def default_of(option: Option, environment: str) -> Any:
    """Return the default that a role has for an option; ``environment`` is the variable that names the environment."""
    if option.role_default is not None:
        return option.role_default
    if option.fact:
        return "{{ " + _lookup(option, environment) + " }}"
    if option.site:
        otherwise = "omit" if option.default is None else repr(option.default)
        return f"{{{{ {option.site} | default({otherwise}, true) }}}}"
    if option.default is None:
        return "" if option.type == "path" else "{{ omit }}"
    return option.default


def _lookup(option: Option, environment: str) -> str:
    assert option.fact
    where = ", ".join(repr(key) for key in (option.fact.component, *option.fact.path))
    empty = "" if option.fact.one or option.type not in EMPTY else f", default={EMPTY[option.type]!r}"
    lookup = f"lookup('sm2a.airflow.fact', {where}, environment={environment}{empty})"
    return f"[{lookup}] | select | list" if option.fact.one else lookup


def tasks(component: type[Component]) -> str:
    """Return the role's tasks: to read the facts that are missing, and those of the component."""
    name = component.NAME
    lines = []
    if any(option.fact for option in component.OPTIONS.values()):
        lines += [
            "- name: Read what other roles have made",
            "  sm2a.airflow.read_facts:",
            f"    roles: [{name}]",
            "",
        ]
    lines += [f"- name: {component.TASK}", "  ansible.builtin.import_tasks: component.yml"]
    return _yaml(name, "\n".join(lines) + "\n")


def component_tasks(component: type[Component]) -> str:
    """Return the task that calls the module. A playbook that has seen to the facts of all roles needs no more."""
    name = component.NAME
    lines = [f"- name: {component.TASK}", f"  sm2a.airflow.{name}:"]
    for option, declared in role_options(component).items():
        if option not in component.ROLE_OPTIONS:
            lines += variable(option, _passed_on(f"{name}_{option}", option, declared), indent=4)
    return _yaml(name, "\n".join(lines) + "\n")


def _passed_on(name: str, option: str, declared: Option) -> str:
    """Return the template by which a role passes an option on. An empty text is an option that was not given."""
    if declared.role_value:
        return declared.role_value
    optional = declared.default is None and not declared.required and option not in EMPTY_SAYS_SOMETHING
    return f"{{{{ {name} | default(omit, true) }}}}" if optional else f"{{{{ {name} }}}}"


def _yaml(name: str, text: str) -> str:
    return f"{head(f'{SOURCES}/{name}.py')}---\n{text}"


# What stands in other files.


def action_group() -> Iterator[str]:
    """Yield the modules of the group whose region and credentials can be set at once."""
    for name in sorted([*ROLES, *OTHERS]):
        yield f"- {name}"


def facts() -> Iterator[str]:
    """Yield the facts that each role needs, as Python."""
    for role in ROLES:
        needed = {name: option for name, option in component_of(role).OPTIONS.items() if option.fact}
        if not needed:
            yield f'"{role}": {{}},'
            continue
        yield f'"{role}": {{'
        for name, option in needed.items():
            yield f'    "{name}": {_fact(option)},'
        yield "},"


def _fact(option: Option) -> str:
    assert option.fact
    arguments = [f'"{option.fact.component}"']
    if option.needed_if:
        arguments.append(f'needed_if="{option.needed_if}"')
    elif not option.needed:
        arguments.append("needed=False")
    return f"Fact({', '.join(arguments)})"
