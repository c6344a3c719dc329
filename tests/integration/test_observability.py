# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The observability module against both emulators."""

from __future__ import annotations

from emulators import Account


def test_lifecycle(account: Account) -> None:
    account.lifecycle("observability", change={"log_retention_in_days": 90}, delete_log_groups=True)


def test_log_groups_outlive_the_environment(account: Account) -> None:
    account.run("observability")
    result = account.run("observability", state="absent")
    assert not result["changed"]
    groups = account.client("logs").describe_log_groups(logGroupNamePrefix="/sm2a/test/")["logGroups"]
    assert [group["retentionInDays"] for group in groups] == [30] * 3


def test_the_key_stays_where_none_is_given(account: Account) -> None:
    key = account.client("kms").create_key()["KeyMetadata"]["Arn"]
    account.run("observability", kms_key_arn=key)

    assert not account.run("observability")["changed"]
    assert account.run("observability", log_retention_in_days=90)["changed"]

    groups = account.client("logs").describe_log_groups(logGroupNamePrefix="/sm2a/test/")["logGroups"]
    assert [group["kmsKeyId"] for group in groups] == [key] * 3
