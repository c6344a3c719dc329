# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options that several components have, in the same words."""

from __future__ import annotations

from .._reconcile.errors import OptionError
from .._resources.secretsmanager import DELETION
from ._option import Option
from ._option_rules import arn_form

PRIVATE_REGISTRIES = "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/private-auth.html"


def validate_recovery_window(option: str, days: int, documentation: str) -> None:
    """Refuse days that DeleteSecret would refuse; 0 means deletion at once. Raises OptionError."""
    if days != 0 and not 7 <= days <= 30:
        raise OptionError(option, days, "it must be 0 (at once) or from 7 to 30", documentation)


RECOVERY_WINDOW_DAYS = Option(
    "int",
    (
        "With O(state=absent), the days for which a secret can still be restored, from 7 to 30.",
        "With V(0) secrets are deleted at once and for good.",
    ),
    default=30,
    check=validate_recovery_window,
    why=DELETION,
    site="sm2a_secret_recovery_window_days",
    # 0 says something, an empty answer of a survey does not.
    role_default="{{ 30 if sm2a_secret_recovery_window_days | default('') | string == '' "
    "else sm2a_secret_recovery_window_days }}",
)

REGISTRY_CREDENTIALS = Option(
    "str",
    (
        "ARN of a secret in Secrets Manager with the C(username) and C(password) of a private registry. ECS pulls "
        "those images with it that are not in Amazon ECR.",
        "The secret is encrypted with the environment's key, or with C(aws/secretsmanager).",
    ),
    form=arn_form("secretsmanager", "secret:", PRIVATE_REGISTRIES, "[A-Za-z0-9/_+=.@-]{1,512}-[A-Za-z0-9]{6}"),
    no_log=False,
    site="sm2a_registry_credentials",
)
