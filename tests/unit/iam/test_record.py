# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of what playbooks call knows every operation of the code, and only actions and resources that AWS has."""

from __future__ import annotations

import json
from typing import Any

import iam_reference
import pytest
from iam_requests import kind_of
from record import OURS, TABLES, derived, operations

CALLS: dict[str, list[dict[str, Any]]] = json.loads((TABLES / "calls.json").read_text())
SERVICES: dict[str, list[dict[str, Any]]] = json.loads((TABLES / "services.json").read_text())
ROWS = [row for table in (CALLS, SERVICES) for rows in table.values() for row in rows]


def test_every_operation_of_the_code_is_in_the_table() -> None:
    """Otherwise docs/iam lacks a right: run `make complete-iam`."""
    assert sorted(operations() - {row["action"] for rows in CALLS.values() for row in rows}) == []


@pytest.mark.parametrize("action", sorted({row["action"] for row in ROWS}))
def test_a_row_is_what_aws_checks(action: str) -> None:
    """Each resource is of a type of the action, and everything where the action has none."""
    assert iam_reference.known(action)
    for row in ROWS:
        if row["action"] == action and row["resource"] != "*":
            arn = row["resource"].replace("${REGION}", "eu-central-1").replace("${ACCOUNT}", "123456789012")
            assert kind_of(action, arn), row


def test_what_no_run_has_called_is_on_what_runs_have_seen() -> None:
    listener = "arn:aws:elasticloadbalancing:${REGION}:${ACCOUNT}:listener/app/sm2a-${ENVIRONMENT}/1/2"
    seen = [{"action": "elasticloadbalancing:DeleteListener", "resource": listener, "context": OURS}]
    assert derived("elasticloadbalancing:ModifyListener", seen) == [
        {"action": "elasticloadbalancing:ModifyListener", "resource": listener, "context": OURS}
    ]
    assert derived("ecs:ListClusters", seen) == [{"action": "ecs:ListClusters", "resource": "*", "context": {}}]


def test_what_runs_have_not_told_by_a_tag_is_not_asked_for_one() -> None:
    """S3 knows tags of buckets as a condition, but not of every bucket."""
    buckets = [f"arn:aws:s3:::sm2a-${{ENVIRONMENT}}-{content}-${{ACCOUNT}}-${{REGION}}" for content in ("dags", "logs")]
    seen = [{"action": "s3:GetBucketPolicy", "resource": bucket, "context": {}} for bucket in buckets]
    assert derived("s3:GetBucketCORS", seen) == [
        {"action": "s3:GetBucketCORS", "resource": bucket, "context": {}} for bucket in buckets
    ]
