# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rules for the options of components that make IAM roles."""

from __future__ import annotations

import re
from typing import Any

from .._reconcile.errors import OptionError

PATHS = "https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html"
BOUNDARIES = "https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html"


def validate_role(options: dict[str, Any]) -> None:
    """Refuse a ``role_path`` or ``role_permissions_boundary`` that IAM would refuse."""
    if not re.match(r"^/([!-~]{1,510}/)?$", options["role_path"]):
        rule = "it must begin and end with / and have at most 512 characters without spaces"
        raise OptionError("role_path", options["role_path"], rule, PATHS)
    if options["role_permissions_boundary"]:
        validate_policy_arn("role_permissions_boundary", options["role_permissions_boundary"])


def validate_policy_arn(option: str, arn: str) -> None:
    """Refuse what is no ARN of a managed policy."""
    if not re.match(r"^arn:aws[a-z-]*:iam::(aws|[0-9]{12}):policy/[!-~]+$", str(arn)):
        raise OptionError(option, arn, "it must be the ARN of a managed policy", BOUNDARIES)
