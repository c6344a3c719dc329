# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the VPC's endpoints let through: a stolen key of another account, or a bucket of one, is of no use here.

https://docs.aws.amazon.com/vpc/latest/privatelink/vpc-endpoints-access.html
"""

from __future__ import annotations

from typing import Any

from .._resources.iam import policy_document

EVERYTHING = "*"


def s3_policy(
    account_id: str, partition: str, region: str, further_accounts: list[str], bucket_arns: list[str]
) -> dict[str, Any]:
    """Return the policy for S3: buckets of these accounts, those that are named, and images in Amazon ECR."""
    # https://docs.aws.amazon.com/AmazonECR/latest/userguide/vpc-endpoints.html#ecr-minimum-s3-perms
    layers = f"arn:{partition}:s3:::prod-{region}-starport-layer-bucket/*"
    statements: list[dict[str, Any]] = [
        {
            "Sid": "Accounts",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": "*",
            "Condition": {"StringEquals": {"aws:ResourceAccount": _several([account_id, *further_accounts])}},
        },
        {"Sid": "Images", "Principal": "*", "Action": "s3:GetObject", "Resource": layers},
    ]
    if bucket_arns:
        named = [
            arn for bucket in bucket_arns for arn in ([bucket] if bucket == EVERYTHING else [bucket, f"{bucket}/*"])
        ]
        statements.append({"Sid": "Buckets", "Principal": "*", "Action": "s3:*", "Resource": _several(named)})
    return policy_document(statements)


def service_policy(account_id: str, further_accounts: list[str]) -> dict[str, Any]:
    """Return the policy for any other service: roles and users of these accounts."""
    accounts = _several([account_id, *further_accounts])
    condition = {"StringEquals": {"aws:PrincipalAccount": accounts}}
    return policy_document(
        [{"Sid": "Accounts", "Principal": "*", "Action": "*", "Resource": "*", "Condition": condition}]
    )


def _several(values: list[str]) -> str | list[str]:
    """Return values as AWS answers with them: a single one is no list."""
    different = list(dict.fromkeys(values))
    return different[0] if len(different) == 1 else different
