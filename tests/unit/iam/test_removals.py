# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every principal may do what it does, and nothing of its policies can be left out.

What it does is in tests/iam: recorded by the local AWS, or asked for by AWS's documents where the local AWS cannot
show it. An evaluator of policies decides; each statement, action and pattern of resources is taken away in turn.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from iam_principals import USERS, filled
from removals import ACCOUNT, POLICIES, TABLES, ZONE, cases, denied, removals

# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html: a managed policy, without white space
MOST_CHARACTERS = 6144
CASES = {name: (policy, others, rows) for name, policy, others, rows in cases()}


def survivors(policy: dict[str, Any], others: list[Any], rows: list[Any]) -> list[str]:
    """Return what can be taken out of a policy and nobody misses, each action or pattern without its statement."""
    found = [what for what, without in removals(policy) if next(denied([without, *others], rows), None) is None]
    return [what.partition(", ")[2] or what for what in found]


@pytest.mark.parametrize("name", CASES)
def test_a_principal_may_do_what_it_does(name: str) -> None:
    policy, others, rows = CASES[name]
    assert rows
    assert list(denied([policy, *others], rows)) == []


@pytest.mark.parametrize("name", CASES)
def test_nothing_of_a_policy_can_be_left_out(name: str) -> None:
    """But what has a reason in survivors.json, where nothing stands that has none to be there."""
    explained = json.loads((TABLES / "survivors.json").read_text()).get(name, {})
    assert sorted(set(survivors(*CASES[name]))) == sorted(explained)


@pytest.mark.parametrize("name", sorted({name for names in USERS.values() for name in names}))
def test_a_policy_of_docs_is_as_small_as_iam_wants_it(name: str) -> None:
    """Also with the longest names: a region of fourteen letters, an environment of as many as a name may have."""
    text = filled((POLICIES / f"{name}.json").read_text(), ACCOUNT, "ap-southeast-1", "e" * 16, ZONE)
    assert len("".join(text.split())) <= MOST_CHARACTERS


def test_a_survivor_is_found() -> None:
    """The test of the removals finds what nobody needs."""
    statement = {"Effect": "Allow", "Action": ["sqs:SendMessage", "sqs:PurgeQueue"], "Resource": ["*"]}
    rows = [{"action": "sqs:SendMessage", "resource": "*", "context": {}}]
    assert survivors({"Statement": [statement]}, [], rows) == ["Action sqs:PurgeQueue"]
