# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Quotas of an account that nobody has raised."""

from __future__ import annotations

from collections import Counter

from .calls import Answer, Call, Refusal

# What creates one, what takes one away, how many there may be, and the error.
# https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html
COUNTED = (
    ("ec2", "CreateVpc", "DeleteVpc", 5, "VpcLimitExceeded"),
    ("ec2", "AllocateAddress", "ReleaseAddress", 5, "AddressLimitExceeded"),
    ("ec2", "CreateInternetGateway", "DeleteInternetGateway", 5, "InternetGatewayLimitExceeded"),
)
# Of one thing: the operation that adds, the one that takes away, what names the thing, and what is counted.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
PARTS = (
    ("iam", "AttachRolePolicy", "DetachRolePolicy", "RoleName", "PolicyArn", 10, "LimitExceeded"),
    (
        "ec2",
        "AuthorizeSecurityGroupIngress",
        "RevokeSecurityGroupIngress",
        "GroupId",
        "CidrIp",
        60,
        "RulesPerSecurityGroupLimitExceeded",
    ),
)


class Quotas:
    """Refuses what would be too many."""

    def __init__(self) -> None:
        self._count: Counter[str] = Counter()
        self._parts: dict[tuple[str, str], set[str]] = {}

    def before(self, call: Call) -> Refusal | None:
        """Refuse one too many."""
        for service, create, _delete, most, code in COUNTED:
            if (call.service, call.operation) == (service, create) and self._count[create] >= most:
                return Refusal(code, f"The maximum number of {most} has been reached.")
        for service, add, _remove, whole, part, most, code in PARTS:
            if (call.service, call.operation) == (service, add):
                have = self._of(call, add, whole)
                if len(have | set(call.values(part))) > most:
                    return Refusal(code, f"Cannot exceed quota: {most}")
        return None

    def _of(self, call: Call, add: str, whole: str) -> set[str]:
        return self._parts.setdefault((add, next(iter(call.values(whole)), "")), set())

    def after(self, call: Call, answer: Answer) -> None:
        """Count."""
        for service, create, delete, _most, _code in COUNTED:
            if call.service == service and call.operation in (create, delete):
                self._count[create] += 1 if call.operation == create else -1
        for service, add, remove, whole, part, _most, _code in PARTS:
            if call.service == service and call.operation in (add, remove):
                have, named = self._of(call, add, whole), set(call.values(part))
                self._parts[add, next(iter(call.values(whole)), "")] = (
                    have | named if call.operation == add else have - named
                )
