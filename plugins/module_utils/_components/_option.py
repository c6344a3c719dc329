# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The declaration of an option: all that module, role, checks and documentation say of it comes from here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Fact:
    """Where an option takes its value from unless the user sets it.

    ``component`` is the one whose fact it is, as the fact's name has it behind ``sm2a_``; ``path`` are the keys within
    it. A fact that is not ``needed`` may be missing: what exists then stays as it is. ``needed_if`` names an option of
    the same component that has to be true for the fact to be needed.
    """

    component: str
    path: tuple[str, ...] = ()
    needed: bool = True
    needed_if: str = ""


@dataclass(frozen=True)
class Option:
    """One option of a component.

    ``doc`` are its sentences for people, in Ansible's markup. ``least`` and ``most`` bound a number, both included;
    ``why`` is the address of the page that says so. ``required`` options have to be given always, ``needed`` ones when
    the component is to be present. ``fact`` or ``site``, a variable of the whole site, is where a role takes the value
    from; ``role_default`` is the role's default, a template, where neither says it.
    """

    type: str
    doc: str | tuple[str, ...] = ""
    default: Any = None
    elements: str = ""
    choices: tuple[Any, ...] = ()
    options: Mapping[str, Option] = field(default_factory=dict)
    least: int | None = None
    most: int | None = None
    why: str = ""
    required: bool = False
    needed: bool = False
    no_log: bool | None = None
    fact: Fact | None = None
    site: str = ""
    role_default: str = ""

    def argument(self) -> dict[str, Any]:
        """Return the option as AnsibleModule takes it."""
        argument: dict[str, Any] = {"type": self.type}
        if self.elements:
            argument["elements"] = self.elements
        if self.choices:
            argument["choices"] = list(self.choices)
        if self.default is not None:
            argument["default"] = self.default
        if self.options:
            argument["options"] = arguments(self.options)
        if self.required:
            argument["required"] = True
        if self.no_log is not None:
            argument["no_log"] = self.no_log
        return argument


def arguments(options: Mapping[str, Option]) -> dict[str, Any]:
    """Return the argument specification of these options."""
    return {name: option.argument() for name, option in options.items()}
