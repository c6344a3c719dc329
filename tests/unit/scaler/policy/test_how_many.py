# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How many workers more or fewer: what is late is served, and beyond that only what pays."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sm2a_scaler.policy.demand import Demand
from sm2a_scaler.policy.how_many import Choice, choose
from sm2a_scaler.policy.memory import Memory
from sm2a_scaler.policy.prices import PRICES, Prices
from sm2a_scaler.policy.projection import Arrival, Capacity
from sm2a_scaler.policy.values import Limits

LIMITS = Limits(concurrency=4, minimum=0, maximum=10)
EMPTY = Capacity((0.0,) * 4)


def busy(left: float) -> Capacity:
    """A worker all of whose slots are occupied for ``left`` more seconds."""
    return Capacity((left,) * 4, busy=4)


def wants(queued: list[Arrival] | None = None, **more: list[Arrival]) -> Demand:
    return Demand(**({"queued": queued or [], "announced": [], "usual": [], "overdue": []} | more))


def tasks(count: int, duration: float, after: float = 0.0, grace: float = 0.0) -> list[Arrival]:
    return [Arrival(after, duration, grace)] * count


def number(
    workers: list[Capacity], demand: Demand, *, limits: Limits = LIMITS, fewer: int = 0, prices: Prices = PRICES
) -> Choice:
    return choose(limits, workers, demand, Memory(), fewer, prices)


@pytest.mark.parametrize(
    ("workers", "demand", "change"),
    [
        # Nobody is there: as many as let them all start.
        ([], wants(tasks(8, 3600.0)), 2),
        # Short ones may follow each other on one worker.
        ([], wants(tasks(8, 1.0)), 1),
        # Slots are free before a new worker would be ready, or long after.
        ([busy(20.0)], wants(tasks(4, 60.0)), 0),
        ([busy(3600.0)], wants(tasks(4, 3600.0)), 1),
        # The maximum holds.
        ([], wants(tasks(400, 3600.0)), 10),
        # While nobody waits, a little waiting that may come is no reason.
        ([busy(80.0)], wants(announced=tasks(1, 60.0, after=60.0)), 0),
    ],
)
def test_more(workers: list[Capacity], demand: Demand, change: int) -> None:
    assert number(workers, demand).change == change


def test_nobody_is_ordered_beyond_what_tasks_could_use() -> None:
    choice = number([EMPTY], wants(tasks(3, 600.0)))
    assert (choice.change, choice.why) == (0, "there are as many workers as tasks could use")


def test_the_reason_says_what_is_saved_and_what_it_costs() -> None:
    assert number([], wants(tasks(1, 60.0))).why == "nobody else could run them"
    why = number([busy(3600.0)], wants(tasks(4, 3600.0))).why
    assert why.startswith("that saves ")
    assert why.endswith("worker-minutes")


def test_at_the_maximum_nobody_has_a_grace() -> None:
    """What is announced may wait for slots that are soon free, unless such slots will be scarce."""
    demand = wants(announced=tasks(40, 20.0, after=60.0, grace=60.0))
    assert number([], demand, limits=replace(LIMITS, maximum=20)).change == 4
    assert number([], demand, limits=replace(LIMITS, maximum=10)).change == 10


def test_lateness_that_is_allowed_saves_workers() -> None:
    demand = wants(tasks(40, 100.0))
    patient = number([], demand, prices=Prices(waiting=0.0, late=500.0)).change
    assert 0 < patient < number([], demand).change


class TestFewer:
    """Empty workers that are of no use."""

    def test_all_where_nothing_is_expected(self) -> None:
        choice = number([EMPTY, EMPTY], wants(), fewer=2)
        assert (choice.change, choice.why) == (-2, "nothing is expected for them")

    def test_those_beyond_what_is_expected(self) -> None:
        assert number([EMPTY] * 3, wants(announced=tasks(4, 600.0, after=5.0)), fewer=3).change == -2

    def test_what_has_not_come_as_announced_still_keeps_them(self) -> None:
        assert number([EMPTY, EMPTY], wants(overdue=tasks(8, 600.0)), fewer=2).change == 0

    def test_but_orders_nobody(self) -> None:
        assert number([], wants(overdue=tasks(8, 600.0))).change == 0
