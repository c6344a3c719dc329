# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Chance that hangs on a seed, and seconds of AWS that are shorter here."""

from __future__ import annotations

import random
import time
from collections import Counter


class Chance:
    """Decides what AWS leaves open.

    Each decision hangs on the seed, on what is decided, and on how many decisions of that kind came before; not on the
    order in which threads ask for different ones.
    """

    def __init__(self, seed: str, factor: float) -> None:
        self.seed = seed
        self.factor = factor
        self._count: Counter[str] = Counter()

    def _next(self, what: str) -> random.Random:
        self._count[what] += 1
        return random.Random(f"{self.seed} {what} {self._count[what]}")

    def happens(self, what: str, probability: float) -> bool:
        """Tell whether this happens now."""
        return self._next(what).random() < probability

    def until(self, what: str, least: float, most: float) -> float:
        """Return when something is over that takes between ``least`` and ``most`` seconds on AWS.

        The time is of the clock ``time.monotonic``.
        """
        return time.monotonic() + self._next(what).uniform(least, most) * self.factor
