# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The option ``kms_key_arn`` of several components: its rule, and the key behind an alias."""

from __future__ import annotations

from typing import Any

from .._reconcile.aws import Aws
from .._reconcile.errors import ClientError, OptionError, code_of
from .._reconcile.values import has_unknown
from ._option import Fact, Form, Option
from ._option_rules import UUID

KEYS = "https://docs.aws.amazon.com/kms/latest/developerguide/concepts.html#key-id-key-ARN"
STATES = "https://docs.aws.amazon.com/kms/latest/developerguide/key-state.html"

KEY_ARN = Form(
    r"arn:(?P<partition>aws[a-z-]*):kms:(?P<region>[a-z0-9-]+):[0-9]{12}:"
    rf"(key/({UUID}|mrk-[0-9a-f]{{32}})|alias/[A-Za-z0-9/_-]{{1,250}})",
    "it must be the ARN of a KMS key or of an alias, arn:aws:kms:...:key/... or :alias/...",
    KEYS,
)
OWN_KEY = Fact("security", ("kms_key_arn",))


def kms_key_option(*doc: str, fact: Fact | None = OWN_KEY) -> Option:
    """Return the declaration of a component's ``kms_key_arn``; ``doc`` says what the key encrypts."""
    return Option("str", doc, form=KEY_ARN, no_log=False, fact=fact)


def resolve_kms_key_arn(options: dict[str, Any], aws: Aws) -> None:
    """Put the ARN of the key itself in the place of an alias's.

    CloudWatch Logs and IAM policies take no alias, and other services answer with the key's ARN in any case:
    https://docs.aws.amazon.com/kms/latest/developerguide/alias-authorization.html

    Raises OptionError when there is no such key, or none that can be used.
    """
    arn = options.get("kms_key_arn")
    if not arn or has_unknown(arn) or ":alias/" not in arn:
        return
    try:
        key = aws.client("kms").describe_key(KeyId=arn)["KeyMetadata"]
    except ClientError as error:
        if code_of(error) != "NotFoundException":
            raise
        raise OptionError("kms_key_arn", arn, "there is no such alias", KEYS) from None
    if key["KeyState"] != "Enabled":
        raise OptionError("kms_key_arn", arn, f"its key {key['Arn']} is {key['KeyState']}", STATES)
    options["kms_key_arn"] = key["Arn"]
