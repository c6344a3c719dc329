# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of fields, read both ways."""

from __future__ import annotations

import pytest

from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.fields import Field, put, read_fields, request_of

FIELDS = {
    "count": Field("desiredCount"),
    "shell": Field("enableExecuteCommand", missing=False),
    "subnets": Field("network.awsvpc.subnets", missing=[], unordered=True),
    "public": Field("network.awsvpc.public"),
    "balancer": Field("balancers[]"),
    "provider": Field("strategy[].provider", missing="FARGATE"),
}
STATE = {
    "count": 2,
    "shell": True,
    "subnets": ["subnet-a", "subnet-b"],
    "public": "DISABLED",
    "balancer": {"port": 8080},
    "provider": "FARGATE_SPOT",
}
ANSWER = {
    "desiredCount": 2,
    "enableExecuteCommand": True,
    "network": {"awsvpc": {"subnets": ["subnet-a", "subnet-b"], "public": "DISABLED"}},
    "balancers": [{"port": 8080}],
    "strategy": [{"provider": "FARGATE_SPOT"}],
}


def test_what_is_written_is_read() -> None:
    assert request_of(FIELDS, STATE) == ANSWER
    assert read_fields(FIELDS, ANSWER) == STATE


def test_a_request_has_only_what_the_state_has() -> None:
    assert request_of(FIELDS, {"count": 0, "subnets": []}) == {
        "desiredCount": 0,
        "network": {"awsvpc": {"subnets": []}},
    }


@pytest.mark.parametrize(
    "answer", [{}, {"network": None}, {"network": {"awsvpc": {}}, "strategy": [], "balancers": []}, {"strategy": [{}]}]
)
def test_what_an_answer_leaves_out_has_the_value_for_that(answer: dict[str, object]) -> None:
    assert read_fields(FIELDS, answer) == {
        "count": None,
        "shell": False,
        "subnets": [],
        "public": None,
        "balancer": None,
        "provider": "FARGATE",
    }


def test_the_order_of_an_unordered_list_is_always_the_same() -> None:
    answer = {"network": {"awsvpc": {"subnets": ["subnet-b", "subnet-a"]}}}

    assert read_fields(FIELDS, answer)["subnets"] == ["subnet-a", "subnet-b"]


def test_two_values_of_one_item_of_a_list() -> None:
    request = request_of(FIELDS, {"provider": "FARGATE"})
    put(request, "strategy[].weight", 1)

    assert request == {"strategy": [{"provider": "FARGATE", "weight": 1}]}
