# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The forms of the options of components that make IAM roles."""

from __future__ import annotations

from ._option import Form

PATHS = "https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html"
BOUNDARIES = "https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html"

ROLE_PATH = Form(
    r"/([!-~]{1,510}/)?", "it must begin and end with / and have at most 512 characters without spaces", PATHS
)
POLICY_ARN = Form(
    r"arn:(?P<partition>aws[a-z-]*):iam::(aws|(?P<account>[0-9]{12})):policy/[!-~]+",
    "it must be the ARN of a managed policy",
    BOUNDARIES,
)
