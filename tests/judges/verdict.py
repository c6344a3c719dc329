# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is left of a judge's findings when the exceptions are taken out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from fnmatch import fnmatchcase

Finding = tuple[str, str]
"""The rule of a judge, and what breaks it."""


def verdict(judge: str, findings: Iterable[Finding], exceptions: dict[str, dict[str, str]]) -> bool:
    """Print what no exception covers, and exceptions that cover nothing; tell whether there is none of both."""
    unneeded = {(rule, pattern) for rule, patterns in exceptions.items() for pattern in patterns}
    broken: dict[str, set[str]] = defaultdict(set)
    for rule, what in findings:
        covering = {(rule, pattern) for pattern in exceptions.get(rule, {}) if fnmatchcase(what, pattern)}
        unneeded -= covering
        if not covering:
            broken[rule].add(what)
    for rule, found in sorted(broken.items()):
        print(f"{judge}: {rule}", *sorted(found), sep="\n    ")
    for rule, pattern in sorted(unneeded):
        print(f"{judge}: nothing needs the exception {rule}: {pattern}")
    return not broken and not unneeded
