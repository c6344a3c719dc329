# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the VPC's endpoints let through."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

import pytest

from ansible_collections.sm2a.airflow.plugins.module_utils._components._endpoint_policies import (
    s3_policy,
    service_policy,
)

OURS, PARTNER, STRANGER = "111111111111", "222222222222", "333333333333"
LAYERS = "arn:aws:s3:::prod-eu-central-1-starport-layer-bucket/layer"


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def lets_through(policy: dict[str, Any], action: str, resource: str, **context: str) -> bool:
    """Tell whether some statement allows it; these policies deny nothing."""
    return any(
        statement["Effect"] == "Allow"
        and statement["Principal"] == "*"
        and any(fnmatchcase(action, pattern) for pattern in listed(statement["Action"]))
        and any(fnmatchcase(resource, pattern) for pattern in listed(statement["Resource"]))
        and all(
            context.get(key.removeprefix("aws:")) in listed(values)
            for key, values in statement.get("Condition", {}).get("StringEquals", {}).items()
        )
        for statement in policy["Statement"]
    )


@pytest.mark.parametrize(
    ("accounts", "buckets", "action", "resource", "owner", "passes"),
    [
        ([], [], "s3:PutObject", "arn:aws:s3:::sm2a-test-logs/x", OURS, True),
        ([], [], "s3:PutObject", "arn:aws:s3:::stolen/x", STRANGER, False),
        ([], [], "s3:GetObject", LAYERS, "444444444444", True),
        ([], [], "s3:PutObject", LAYERS, "444444444444", False),
        ([PARTNER], [], "s3:GetObject", "arn:aws:s3:::partner/x", PARTNER, True),
        ([PARTNER], [], "s3:GetObject", "arn:aws:s3:::stolen/x", STRANGER, False),
        ([], ["arn:aws:s3:::open-data"], "s3:GetObject", "arn:aws:s3:::open-data/x", STRANGER, True),
        ([], ["arn:aws:s3:::open-data"], "s3:ListBucket", "arn:aws:s3:::open-data", STRANGER, True),
        ([], ["arn:aws:s3:::open-data"], "s3:GetObject", "arn:aws:s3:::open-data-2/x", STRANGER, False),
        ([], ["*"], "s3:GetObject", "arn:aws:s3:::anything/x", STRANGER, True),
    ],
)
def test_which_buckets_are_reached(
    accounts: list[str], buckets: list[str], action: str, resource: str, owner: str, passes: bool
) -> None:
    policy = s3_policy(OURS, "aws", "eu-central-1", accounts, buckets)

    assert lets_through(policy, action, resource, ResourceAccount=owner) is passes


@pytest.mark.parametrize(
    ("accounts", "caller", "passes"),
    [([], OURS, True), ([], STRANGER, False), ([PARTNER], PARTNER, True), ([PARTNER], STRANGER, False)],
)
def test_whose_credentials_are_of_use(accounts: list[str], caller: str, passes: bool) -> None:
    policy = service_policy(OURS, accounts)

    assert lets_through(policy, "sqs:SendMessage", "arn:aws:sqs:x", PrincipalAccount=caller) is passes
