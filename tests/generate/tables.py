# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tables and lists of the documents, made from the declarations."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Collection, Iterable, Iterator, Mapping

from components import component_of, for_role, role_options, sentences_of

from ansible_collections.sm2a.airflow.plugins.module_utils._components._common_options import COMMON_OPTIONS
from ansible_collections.sm2a.airflow.plugins.module_utils._components._option import Option
from ansible_collections.sm2a.airflow.plugins.module_utils._components._pools import POOL
from ansible_collections.sm2a.airflow.plugins.plugin_utils._order import IMAGE, ROLES, STEPS, Step, role_of
from ansible_collections.sm2a.airflow.plugins.plugin_utils._variables import SITE

WIDTH = 120
EMPTY: tuple[object, ...] = (None, "", [], {})


def markdown(text: str) -> str:
    """Return a sentence of Ansible's markup as Markdown."""
    text = re.sub(r"\bL\(([^,]+),([^)]+)\)", r"[\1](\2)", text)
    text = re.sub(r"\bM\(sm2a\.airflow\.(\w+)\)", r"`\1`", text)
    text = re.sub(r"\bP\(sm2a\.airflow\.(\w+)#role\)", r"`\1`", text)
    return re.sub(r"\b[COV]\(([^)]+)\)", r"`\1`", text)


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    """Yield the lines of a table."""
    head = list(head)
    yield f"| {' | '.join(head)} |"
    yield "|---" * len(head) + "|"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def pools() -> Iterator[str]:
    """Yield the table of a pool's keys."""
    return table(("Key", "Default", "Meaning"), _documented(POOL))


def site() -> Iterator[str]:
    """Yield the table of the site's variables."""
    return table(("Variable", "Type", "Meaning"), ((f"`{n}`", o.type, meaning(o)) for n, o in SITE.items()))


def roles() -> Iterator[str]:
    """Yield the table of the roles, in the order of ``site``."""
    rows = []
    for role in ROLES:
        component = component_of(role)
        main = [component.OPTIONS[name].site or f"{role}_{name}" for name in component.MAIN]
        link = f"[{role}](roles/{role}/README.md)"
        rows.append((link, markdown(component.SUMMARY), ", ".join(f"`{variable}`" for variable in main)))
    return table(("Role", "What it makes", "Main variables"), rows)


def variables() -> str:
    """Return the page of every role's variables."""
    lines = [
        "<!-- `make generate` writes this file from plugins/module_utils/_components; do not edit it. -->",
        "# Variables of the roles",
        "",
        "[configuration.md](configuration.md) has the variables of the whole site, and says what is refused. Every",
        "role has these variables, with its own name in the place of `<role>`; they follow in the order of `site`.",
        "",
        *_variables("<role>", COMMON_OPTIONS),
    ]
    for role in ROLES:
        component = component_of(role)
        lines += ["", f"## {role}", "", f"{markdown(component.SUMMARY)}.", ""]
        lines += _variables(role, role_options(component), without=COMMON_OPTIONS)
    return "\n".join(lines) + "\n"


def _variables(role: str, options: Mapping[str, Option], without: Collection[str] = ()) -> Iterator[str]:
    rows = []
    for name, option in options.items():
        if name not in without:
            said = for_role(meaning(option, as_markdown=False), role, options)
            rows.append((f"`{role}_{name}`", option.type, _role_default(option), markdown(said)))
    return table(("Variable", "Type", "Default", "Meaning"), rows)


def _role_default(option: Option) -> str:
    """Return where a role has an option's value from, as a cell of a table."""
    if option.fact:
        return f"from the role `{role_of(option.fact.component)}`"
    if option.site:
        return f"`{option.site}`"
    return "required" if option.required else default(option)


def order() -> Iterator[str]:
    """Yield the steps of ``site`` as a sentence."""
    begun: set[str] = set()
    words = []
    for step in STEPS:
        words.append(_step(step, begun))
        if not step.waits:
            begun.add(step.component)
    return iter(textwrap.wrap(f"{', '.join(words)}.", WIDTH))


def _step(step: Step, begun: Iterable[str]) -> str:
    if step.entry == IMAGE:
        return f"image of {step.role}"
    return f"{step.role} (begun)" if not step.waits else step.role + (" (finished)" if step.role in begun else "")


def _documented(options: Mapping[str, Option]) -> Iterator[tuple[str, str, str]]:
    for name, option in options.items():
        yield f"`{name}`", default(option), meaning(option)


def default(option: Option) -> str:
    """Return an option's default as a cell of a table."""
    if option.default in EMPTY:
        return "none"
    value = option.default
    return f"`{value if isinstance(value, str) else json.dumps(value)}`"


def meaning(option: Option, as_markdown: bool = True) -> str:
    """Return an option's sentences as a cell of a table; unless ``as_markdown`` in Ansible's markup."""
    sentences = sentences_of(option)
    if option.choices:
        sentences.append(f"One of {', '.join(f'V({choice})' for choice in option.choices)}.")
    text = " ".join(sentences).removesuffix(".").replace("|", "\\|")
    return markdown(text) if as_markdown else text
