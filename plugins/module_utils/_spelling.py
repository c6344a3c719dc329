# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names that are one slip of the finger, or of memory, away from one that exists."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return `` (did you mean ...?)`` with the most similar of the known names, or nothing if none is similar."""
    meant = most_similar(name, known)
    return f" (did you mean {meant}?)" if meant else ""


def most_similar(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that is one slip away, or else the most similar one, or None if none is similar."""
    names = sorted(known)
    return one_slip_away(name, names) or next(iter(difflib.get_close_matches(name, names, n=1, cutoff=0.8)), None)


def one_slip_away(name: str, known: Iterable[str]) -> str | None:
    """Return the known name from which this one differs by a single slip, or None. See `Slips`."""
    return Slips(known).find(name)


# Of two names that are shorter, one slip may well be another word.
SHORT = 6


class Slips:
    """The known names, by everything that a single slip makes of them.

    A slip is a character too many, too few, another or elsewhere; an underscore that is missing, different or too
    many; upper case; a plural for a singular or the other way round.
    """

    def __init__(self, known: Iterable[str]) -> None:
        self.known = frozenset(known)
        self._by_form: dict[str, list[str]] = {}
        for name in sorted(self.known):
            for form in _forms(name):
                self._by_form.setdefault(form, []).append(name)

    def find(self, name: str) -> str | None:
        """Return the most similar of the known names from which this one differs by a single slip, or None."""
        if name in self.known:
            return None
        found = {other for form in _forms(name) for other in self._by_form.get(form, [])}
        return max(sorted(found), key=lambda other: _likeness(name, other), default=None)


def _forms(name: str) -> set[str]:
    """Return the name without underscores, in the singular, and what is left of it without any one character.

    Two names share a form if deleting at most one character of each makes them equal.
    """
    bare = "".join(_singular(word) for word in re.split(r"[^a-z0-9]+", name.lower()))
    if len(bare) < SHORT:
        return {bare}
    return {bare} | {bare[:index] + bare[index + 1 :] for index in range(len(bare))}


def _singular(word: str) -> str:
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


def _likeness(one: str, other: str) -> float:
    return difflib.SequenceMatcher(None, one, other, autojunk=False).ratio()
