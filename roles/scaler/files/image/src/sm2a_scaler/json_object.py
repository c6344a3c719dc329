# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Takes values out of JSON that somebody else wrote, each with its rule; what breaks one is named by its path."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any, NoReturn


class JsonObject:
    """A JSON object. Every method raises ``error`` with the path of the value and the rule that it breaks.

    ``quotes`` tells whether an error may show the value, which that of a secret may not.
    """

    def __init__(
        self, values: Any, path: str = "", *, error: type[Exception] = ValueError, name: str = "", quotes: bool = True
    ) -> None:
        """``path``: where it stands in the whole, whose own is empty and which an error calls by its ``name``."""
        self._path = path
        self._error = error
        self._quotes = quotes
        self._asked: set[str] = set()
        if not isinstance(values, dict):
            raise error(f"{path or name} must be a JSON object{self._shown(values)}")
        self._values: dict[str, Any] = values

    @classmethod
    def parse(cls, text: str, name: str, *, error: type[Exception] = ValueError, quotes: bool = True) -> JsonObject:
        """Return the object that ``text`` holds; ``name`` is what an error calls it."""
        try:
            values = json.loads(text)
        except (ValueError, RecursionError) as cause:
            raise error(f"{name} is not JSON{f': {cause}' if quotes else ''}") from None
        return cls(values, error=error, name=name, quotes=quotes)

    def refuse(self, key: str, rule: str) -> NoReturn:
        """Raise that the value of ``key`` must be something else."""
        raise self._error(f"{self._at(key)} must be {rule}{self._shown(self._values.get(key))}")

    def _at(self, key: str) -> str:
        return f"{self._path}.{key}" if self._path else key

    def _shown(self, value: Any) -> str:
        return f"; it is {value!r:.80}" if self._quotes else ""

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def has(self, key: str) -> bool:
        """Whether there is a value other than null."""
        self._asked.add(key)
        return self._values.get(key) is not None

    def known(self, key: str) -> bool:
        """The same, of a key that must be there."""
        self.value(key)
        return self.has(key)

    def no_others(self) -> None:
        """Refuse keys that nobody has asked for: they are most likely misspelt."""
        for key in self._values:
            if key not in self._asked:
                raise self._error(f"{self._at(key)} is not a known key{self._shown(self._values[key])}")

    def value(self, key: str) -> Any:
        self._asked.add(key)
        if key not in self._values:
            raise self._error(f"{self._at(key)} is missing")
        return self._values[key]

    def text(self, key: str) -> str:
        value = self.value(key)
        if not isinstance(value, str) or not value:
            self.refuse(key, "a text that is not empty")
        return value

    def choice(self, key: str, choices: tuple[str, ...]) -> str:
        value = self.text(key)
        if value not in choices:
            self.refuse(key, f"one of {', '.join(choices)}")
        return value

    def number(
        self, key: str, least: float = -math.inf, most: float = math.inf, *, default: float | None = None
    ) -> float:
        """A finite number from ``least`` to ``most``; ``default``, if there is one, where it is missing or null."""
        if default is not None and not self.has(key):
            return default
        value = self.value(key)
        if not _is_number(value) or not least <= value <= most:
            self.refuse(key, f"a number{_range(least, most)}")
        return float(value)

    def whole(self, key: str, least: int = 0, most: float = math.inf) -> int:
        """A whole number from ``least`` to ``most``, which JSON may also write as 3.0."""
        value = self.value(key)
        if not _is_number(value) or value != int(value) or not least <= value <= most:
            self.refuse(key, f"a whole number{_range(least, most)}")
        return int(value)

    def duration(self, key: str) -> float | None:
        """Seconds; ``None`` if they are not known, which zero means too."""
        return (self.number(key, 0.0) or None) if self.has(key) else None

    def object(self, key: str) -> JsonObject:
        return self._inner(self.value(key), self._at(key))

    def objects(self, key: str, *, optional: bool = False) -> list[JsonObject]:
        if optional and not self.has(key):
            return []
        value = self.value(key)
        if not isinstance(value, list):
            self.refuse(key, "a list")
        return [self._inner(each, f"{self._at(key)}[{place}]") for place, each in enumerate(value)]

    def _inner(self, values: Any, path: str) -> JsonObject:
        return JsonObject(values, path, error=self._error, quotes=self._quotes)


def _is_number(value: Any) -> bool:
    """Whether it is one that a float can hold. A truth value, which Python takes for a number, is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def _range(least: float, most: float) -> str:
    if math.isinf(most):
        return "" if math.isinf(least) else f" of at least {least:g}"
    return f" from {least:g} to {most:g}"
