# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The declaration of an option: all that module, role, checks and documentation say of it comes from here."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from .._reconcile.aws import partition_of
from .._reconcile.errors import OPTIONS, OptionError
from .._reconcile.values import has_unknown


@dataclass(frozen=True)
class Fact:
    """Where a role takes an option's value from unless the user sets it.

    ``component`` is the one whose fact it is, as the fact's name has it behind ``sm2a_``; ``path`` are the keys within
    it. With ``one`` the option is a list and the fact its only item.
    """

    component: str
    path: tuple[str, ...] = ()
    one: bool = False


@dataclass(frozen=True)
class Form:
    """The form of a text: its pattern, the rule in words, and the address of the page that says so.

    A group ``region`` of the pattern is the region where the thing is that the text names, ``partition`` the partition
    of AWS, and ``account`` the account, where it has to be the one in which the component is.
    """

    pattern: str | re.Pattern[str]
    rule: str
    why: str = OPTIONS

    def faults(self, name: str, text: Any, region: str) -> Iterator[OptionError]:
        """Yield what is wrong with a text. Before the first role runs the region may not be known yet."""
        match = re.fullmatch(self.pattern, text) if isinstance(text, str) else None
        if not match:
            yield OptionError(name, text, self.rule, self.why)
            return
        found = match.groupdict()
        # Things of the whole world name no region.
        if region and (found.get("region") or region) != region:
            yield OptionError(name, text, f"it must be in this region, {region}", self.why)
        partition = partition_of(region) if region and found.get("partition") else ""
        if partition and found["partition"] != partition:
            yield OptionError(name, text, f"it must be in the partition of {region}, arn:{partition}:...", self.why)

    def account_of(self, text: Any) -> str:
        """Return the account that a text names, where that has to be the component's own; else nothing."""
        match = re.fullmatch(self.pattern, text) if isinstance(text, str) else None
        return (match.groupdict().get("account") or "") if match else ""


@dataclass(frozen=True)
class Option:
    """One option of a component.

    ``doc`` are its sentences for people, in Ansible's markup; names of options in them are those of the module, and the
    role's documentation gets them with the role's prefix. ``role_doc`` are sentences for the role alone. Of needs and
    bounds ``doc`` says nothing: documentation has them from what is declared.

    Checked, whatever the state, is a value that is given and known: a text, or each text of a list, by its ``form``;
    every item by ``check``, a function that takes name, value and ``why`` and raises OptionError; a number by ``least``
    and ``most``, both included, of ``unit``; whether it is one of those ``allowed``. ``rule`` says the declaration in
    words, and ``why`` is the address of the page that says so. A list or mapping must have at least so many different
    ``items`` when the component is to be present, and at most ``most_items``, as the page ``most_items_why`` says.

    ``required`` options have to be given always, ``needed`` ones when the component is to be present, and one that is
    ``needed_if`` if that option of the component is true.

    ``texts`` is the form of every text within a mapping, which the component's ``rules`` check.

    ``each`` are the keys of every item of a mapping from names, for people: the component's ``rules`` check them.

    A role takes the value from a ``fact``, from ``site``, a variable of the whole site, or from ``role_default``, a
    value or template, which goes before both. ``role_value`` is the template by which the role passes it on.
    """

    type: str
    doc: str | tuple[str, ...] = ()
    default: Any = None
    elements: str = ""
    choices: tuple[Any, ...] = ()
    options: Mapping[str, Option] = field(default_factory=dict)
    each: Mapping[str, Option] = field(default_factory=dict)
    form: Form | None = None
    texts: Form | None = None
    check: Callable[[str, Any, str], object] | None = None
    least: int | None = None
    most: int | None = None
    unit: str = ""
    allowed: tuple[Any, ...] = ()
    items: int = 0
    most_items: int | None = None
    most_items_why: str = OPTIONS
    rule: str = ""
    why: str = OPTIONS
    required: bool = False
    needed: bool = False
    needed_if: str = ""
    no_log: bool | None = None
    fact: Fact | None = None
    site: str = ""
    role_default: Any = None
    role_value: str = ""
    role_doc: tuple[str, ...] = ()

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

    def faults(self, name: str, value: Any, region: str, present: bool) -> Iterator[OptionError]:
        """Yield what the declaration does not allow of a value; ``name`` is the option's in the messages."""
        # An empty text is an option that was not given, where it need not be given and has no default.
        if value is None or (value == "" and not self.required and self.default is None):
            return
        if self.items and present and not has_unknown(value) and len(set(value)) < self.items:
            yield OptionError(name, value, self.rule or "at least one is needed", self.why)
        if self.most_items is not None and len(value) > self.most_items:
            yield OptionError(name, len(value), f"at most {self.most_items} are possible", self.most_items_why)
        for item in value if isinstance(value, list) else [value]:
            if not has_unknown(item):
                yield from self._faults_of_item(name, item, region)
        if self.options and isinstance(value, dict):
            yield from faults(self.options, value, region, present, f"{name}.")
        if self.options and isinstance(value, list):
            for number, item in enumerate(value):
                yield from faults(self.options, item, region, present, f"{name}[{number}].")

    def _faults_of_item(self, name: str, item: Any, region: str) -> Iterator[OptionError]:
        if self.form:
            yield from self.form.faults(name, item, region)
        if self.check:
            yield from refusals(self.check, name, item, self.why)
        if self.allowed and item not in self.allowed:
            rule = f"it must be one of {', '.join(map(str, self.allowed))}"
            yield OptionError(name, item, rule, self.why)
        if (self.least is not None and item < self.least) or (self.most is not None and item > self.most):
            yield OptionError(name, item, self.rule or self._range(), self.why)

    def _range(self) -> str:
        """Return the bounds in words."""
        words = f"it must be from {self.least} to {self.most}" if self.most is not None else f"at least {self.least}"
        return f"{words} {self.unit}".rstrip()


def arguments(options: Mapping[str, Option]) -> dict[str, Any]:
    """Return the argument specification of these options."""
    return {name: option.argument() for name, option in options.items()}


def needed_options(options: Mapping[str, Option]) -> list[str]:
    """Return the names of the options that have to be given when the component is to be present."""
    return [name for name, option in options.items() if option.needed]


def faults(
    options: Mapping[str, Option], values: Mapping[str, Any], region: str, present: bool, prefix: str = ""
) -> Iterator[OptionError]:
    """Yield everything in which values violate the declarations of their options.

    ``region`` may be empty where it is not known yet. Options that are missing are Ansible's to report.
    """
    for name, option in options.items():
        yield from option.faults(f"{prefix}{name}", values.get(name), region, present)


def accounts(
    options: Mapping[str, Option], values: Mapping[str, Any], prefix: str = ""
) -> Iterator[tuple[str, str, str]]:
    """Yield option, ARN and account of everything that values name and that has to be in the component's account."""
    for name, option in options.items():
        yield from _accounts_of(option, f"{prefix}{name}", values.get(name))


def _accounts_of(option: Option, name: str, value: Any) -> Iterator[tuple[str, str, str]]:
    form = option.form or option.texts
    if isinstance(value, dict):
        nested = option.options or option.each
        if option.options:
            yield from accounts(nested, value, f"{name}.")
            return
        for key, item in value.items():
            if option.each and isinstance(item, dict):
                yield from accounts(nested, item, f"{name}.{key}.")
            else:
                yield from _accounts_of(option, f"{name}.{key}", item)
    elif isinstance(value, list):
        for item in value:
            yield from _accounts_of(option, name, item)
    elif form and not has_unknown(value) and form.account_of(value):
        yield name, str(value), form.account_of(value)


def refusals(check: Callable[..., object], *arguments: Any, **keywords: Any) -> Iterator[OptionError]:
    """Yield the OptionError that a check raises, if any."""
    try:
        check(*arguments, **keywords)
    except OptionError as error:
        yield error


@dataclass(frozen=True)
class Return:
    """One key of what a component's module returns, and of the fact that it sets."""

    type: str
    doc: str
    sample: Any = None
    elements: str = ""
