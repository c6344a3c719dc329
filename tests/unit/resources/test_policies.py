# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which statements open a resource to somebody outside of the account."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.sm2a.airflow.plugins.module_utils._resources.policies import (
    opening_statements,
    without_opening,
)

ARN = "arn:aws:sqs:eu-central-1:123456789012:sm2a-test-default"


def statement(principal: Any, **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Principal": principal, "Action": "sqs:*", "Resource": ARN, **more}


@pytest.mark.parametrize(
    "principal",
    [
        "*",
        {"AWS": "*"},
        {"AWS": "999999999999"},
        {"AWS": "arn:aws:iam::999999999999:root"},
        {"AWS": "arn:aws-us-gov:sts::999999999999:assumed-role/x/y"},
        {"AWS": ["arn:aws:iam::123456789012:root", "*"]},
        {"Service": "s3.amazonaws.com", "AWS": "*"},
    ],
)
def test_everybody_and_other_accounts_are_outside(principal: Any) -> None:
    assert len(opening_statements({"Statement": [statement(principal)]}, ARN)) == 1
    # One statement may stand without a list.
    assert without_opening({"Statement": statement(principal)}, ARN) is None


@pytest.mark.parametrize(
    "principal",
    [
        {"AWS": "arn:aws:iam::123456789012:root"},
        {"AWS": ["123456789012", "arn:aws:iam::123456789012:role/x"]},
        {"AWS": "AIDAEXAMPLEOFADELETEDUSER"},
        {"Service": "events.amazonaws.com"},
    ],
)
def test_the_account_and_services_are_not(principal: Any) -> None:
    assert opening_statements({"Statement": [statement(principal)]}, ARN) == []


def test_a_denial_opens_nothing_and_everybody_else_is_everybody() -> None:
    denial = statement("*", Effect="Deny")
    but_one = {"Effect": "Allow", "NotPrincipal": {"AWS": "123456789012"}, "Action": "*", "Resource": ARN}
    policy = {"Version": "2012-10-17", "Statement": [denial, but_one]}

    assert without_opening(policy, ARN) == {"Version": "2012-10-17", "Statement": [denial]}


def test_no_policy_opens_nothing() -> None:
    assert opening_statements(None, "") == [] and without_opening(None, "") is None
