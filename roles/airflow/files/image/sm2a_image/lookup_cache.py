# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keeps connections and variables that were looked up in a secrets backend, and that there is nothing of a name.

AWS bills each question. A task asks for the same connection with every hook that it makes, and a triggerer, which runs
for months, with every trigger.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, ClassVar


class LookupCache:
    """To be inherited from before a class of secrets backend. ``cache_seconds`` is an option of the backend."""

    lookup_clock: ClassVar[Callable[[], float]] = time.monotonic
    _looked_up: ClassVar[dict[tuple[Any, ...], tuple[float, str | None]]] = {}
    """By prefix, name and team: when it was looked up, and what was found. A process has many backends."""

    def __init__(self, *arguments: Any, cache_seconds: float = 0, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.cache_seconds = cache_seconds

    def get_conn_value(self, conn_id: str, team_name: str | None = None) -> str | None:
        """Return a connection, or nothing if there is none of this name."""
        ask = super().get_conn_value  # type: ignore[misc]
        return self._answer(ask, self.connections_prefix, conn_id, team_name)  # type: ignore[attr-defined]

    def get_variable(self, key: str, team_name: str | None = None) -> str | None:
        """Return a variable, or nothing if there is none of this name."""
        ask = super().get_variable  # type: ignore[misc]
        return self._answer(ask, self.variables_prefix, key, team_name)  # type: ignore[attr-defined]

    def _answer(self, ask: Callable[..., str | None], prefix: Any, name: str, team: str | None) -> str | None:
        """Return what was answered in the last seconds, or ask. Errors are not kept."""
        at, value = self._looked_up.get((prefix, name, team), (float("-inf"), None))
        if self.lookup_clock() - at >= self.cache_seconds:
            value = ask(name, team)
            self._looked_up[prefix, name, team] = (self.lookup_clock(), value)
        return value
