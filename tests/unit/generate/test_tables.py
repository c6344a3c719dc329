# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tables of the documents, made from declarations."""

from __future__ import annotations

import pytest
import tables

from ansible_collections.sm2a.airflow.plugins.module_utils._components._option import Option
from ansible_collections.sm2a.airflow.plugins.module_utils._components._pools import POOL
from ansible_collections.sm2a.airflow.plugins.plugin_utils._order import Step


@pytest.mark.parametrize(
    ("ansible", "markdown"),
    [
        ("At most C(maximum), or V(none).", "At most `maximum`, or `none`."),
        ("See L(the pools,#worker-pools).", "See [the pools](#worker-pools)."),
        (
            "The M(sm2a.airflow.queue) module, the role P(sm2a.airflow.queue#role).",
            "The `queue` module, the role `queue`.",
        ),
        ("Required when O(state=present), on AWS (in Europe).", "Required when `state=present`, on AWS (in Europe)."),
    ],
)
def test_ansibles_markup_as_markdown(ansible: str, markdown: str) -> None:
    assert tables.markdown(ansible) == markdown


def test_a_row_has_the_default_the_bounds_and_the_choices() -> None:
    number = Option("int", default=3, least=1, most=9, unit="GiB", doc=("Of disk.", "Or more."))
    choice = Option("str", choices=("a", "b"), doc="One letter | the other.")

    assert (tables.default(number), tables.meaning(number)) == ("`3`", "Of disk. Or more. From 1 to 9 GiB")
    assert (tables.default(choice), tables.meaning(choice)) == ("none", "One letter \\| the other. One of `a`, `b`")


def test_every_key_of_a_pool_has_a_row() -> None:
    head, _rule, *rows = tables.pools()

    assert head == "| Key | Default | Meaning |"
    assert [row.split("`")[1] for row in rows] == list(POOL)


def test_the_order_says_what_is_begun_and_finished(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = (
        Step("database", "Begin", waits=False),
        Step("scaler", "Image", entry="image"),
        Step("database", "Finish"),
        Step("scaler", "Scaler"),
    )
    monkeypatch.setattr(tables, "STEPS", steps)

    assert list(tables.order()) == ["database (begun), image of scaler, database (finished), scaler."]
