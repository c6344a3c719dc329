# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the policy weighs against each other. Everything that costs something asks here what it costs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Prices:
    """Waiting against paid time, and how late is late."""

    waiting: float = 0.1
    """Worker-seconds that a task-second of waiting is worth."""
    late: float = 3.0
    """Seconds by which 19 of 20 tasks may start later than if each had its slot ordered at once."""
    lead: float = 1.0
    """Steps by which workers for announced tasks are ordered earlier than they take to start."""


PRICES = Prices()
