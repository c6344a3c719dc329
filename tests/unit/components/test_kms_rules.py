# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The key behind an alias."""

from __future__ import annotations

from typing import Any

import pytest
from fake_aws import FakeAws, FakeClient, refusal

from ansible_collections.sm2a.airflow.plugins.module_utils._components._kms_rules import resolve_kms_key_arn
from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.errors import ClientError, OptionError

ALIAS = "arn:aws:kms:eu-central-1:123456789012:alias/mine"
KEY = "arn:aws:kms:eu-central-1:123456789012:key/1"


def resolved(arn: str | None, kms: FakeClient | None = None) -> str | None:
    options = {"kms_key_arn": arn}
    aws: Any = FakeAws(**({"kms": kms} if kms else {}))
    resolve_kms_key_arn(options, aws)
    return options["kms_key_arn"]


def test_an_alias_becomes_its_key() -> None:
    assert resolved(ALIAS, FakeClient(describe_key={"KeyMetadata": {"Arn": KEY, "KeyState": "Enabled"}})) == KEY


@pytest.mark.parametrize("arn", [None, "", KEY, "(known after apply)"])
def test_whatever_is_no_alias_is_not_looked_at(arn: str | None) -> None:
    assert resolved(arn) == arn


@pytest.mark.parametrize(
    ("answer", "rule"),
    [
        (refusal("NotFoundException"), "there is no such alias"),
        ({"KeyMetadata": {"Arn": KEY, "KeyState": "PendingDeletion"}}, f"its key {KEY} is PendingDeletion"),
    ],
)
def test_a_key_that_cannot_be_used_is_refused(answer: Any, rule: str) -> None:
    with pytest.raises(OptionError) as caught:
        resolved(ALIAS, FakeClient(describe_key=answer))

    assert (caught.value.option, caught.value.rule) == ("kms_key_arn", rule)


def test_a_key_that_one_may_not_see_is_an_error_of_aws() -> None:
    with pytest.raises(ClientError, match="AccessDeniedException"):
        resolved(ALIAS, FakeClient(describe_key=refusal("AccessDeniedException")))
