# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Our policy inside of the simulation."""

from __future__ import annotations

from sm2a_scaler.policy.decide import decide
from sm2a_scaler.policy.memory import Memory
from sm2a_scaler.policy.prices import PRICES, Prices
from sm2a_scaler.simulation.simulator import Order, SimulatedPool


class Ours:
    """Decides every five seconds, with or without the schedule and the details that the database tells."""

    interval = 5.0

    def __init__(self, *, schedule: bool = True, details: bool = True, prices: Prices = PRICES) -> None:
        self._memory = Memory()
        self._schedule = schedule
        self._details = details
        self._prices = prices
        self.reason = ""

    def step(self, at: float, pool: SimulatedPool) -> Order:
        seen = pool.observe(schedule=self._schedule, details=self._details)
        decision, self._memory = decide(pool.limits, seen, self._memory, at, self._prices)
        self.reason = decision.reason
        return Order(decision.desired, frozenset(decision.cordon), victims="emptied")
