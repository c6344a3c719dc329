# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a policy of a resource lets others do."""

from __future__ import annotations

import re
from typing import Any

# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
PRINCIPAL = re.compile(r"(?:arn:[a-z-]+:(?:iam|sts)::)?(\d{12})(?::.*)?")


def opening_statements(policy: dict[str, Any] | None, arn: str) -> list[dict[str, Any]]:
    """Return the statements that let in somebody outside of the account: everybody, or another account.

    ``arn`` is the ARN of what the policy is of, or of its account as IAM writes it. AWS's services are let in by
    policies of ours and of users too, for one purpose each, and stay.
    """
    return [item for item in _statements(policy) if item.get("Effect") == "Allow" and _opens(item, arn.split(":")[4])]


def without_opening(policy: dict[str, Any] | None, arn: str) -> dict[str, Any] | None:
    """Return a policy without the statements that open it, None if nothing is left."""
    opening = opening_statements(policy, arn)
    left = [item for item in _statements(policy) if item not in opening]
    return {**(policy or {}), "Statement": left} if left else None


def _statements(policy: dict[str, Any] | None) -> list[dict[str, Any]]:
    found = (policy or {}).get("Statement", [])
    return [found] if isinstance(found, dict) else list(found)


def _opens(statement: dict[str, Any], account_id: str) -> bool:
    if "NotPrincipal" in statement:
        return True
    principal = statement.get("Principal", {})
    named = principal if isinstance(principal, str) else principal.get("AWS", [])
    return any(_is_outside(name, account_id) for name in ([named] if isinstance(named, str) else named))


def _is_outside(principal: str, account_id: str) -> bool:
    match = PRINCIPAL.fullmatch(principal)
    # What is neither is the id of a role or user that was deleted.
    return principal == "*" or bool(match and match[1] != account_id)
