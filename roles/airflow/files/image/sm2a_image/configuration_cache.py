# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keeps configuration that was read from a secrets backend.

Airflow makes a new backend, and that a new client, each time it looks up an option that is a secret. The API server
does so for every task instance that it shows: a page of 42 took more than two seconds, and 42 calls that AWS bills.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

KEEP_SECONDS = 300.0
"""Programs see a changed secret so much later at most."""

logger = logging.getLogger("sm2a.secrets")


class ConfigurationCache:
    """To be inherited from before a class of secrets backend, which has ``get_config`` and ``config_prefix``."""

    clock: ClassVar[Callable[[], float]] = time.monotonic
    _kept: ClassVar[dict[tuple[Any, str], tuple[float, str]]] = {}
    """By prefix and option: when it was read, and what."""

    @classmethod
    def keep(cls, prefix: str, values: Mapping[str, str]) -> None:
        """Take over the values of options below a prefix, which somebody else has just read."""
        now = cls.clock()
        cls._kept.update({(prefix, key): (now, value) for key, value in values.items()})

    def get_config(self, key: str) -> str | None:
        """Return the value of an option, read at most ``KEEP_SECONDS`` ago.

        One that cannot be read any more keeps its value: Airflow would take the option's default, which for the
        database is SQLite. Raises the backend's errors for one that was never read.
        """
        name = (self.config_prefix, key)  # type: ignore[attr-defined]
        at, value = self._kept.get(name, (0.0, None))
        if value is not None and self.clock() - at < KEEP_SECONDS:
            return value
        try:
            new: str | None = super().get_config(key)  # type: ignore[misc]
        except Exception as error:
            if value is None:
                raise
            logger.warning("sm2a: the secret of %s cannot be read and stays as it was: %s", key, error)
            new = None
        if new is None:
            new = value
        if new is not None:
            self._kept[name] = (self.clock(), new)
        return new
