# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Log groups, which are listed by how their names begin."""

from __future__ import annotations

from typing import Any

import pytest
from fake_aws import OURS, FakeAws, FakeClient

from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.engine import Engine
from ansible_collections.sm2a.airflow.plugins.module_utils._resources.logs import LogGroup

NAME = "/sm2a/test/airflow"


def logs_with(**group: Any) -> FakeClient:
    longer = {"logGroupName": f"{NAME}-old", "retentionInDays": 1}
    groups = [longer, {"logGroupName": NAME, "arn": "arn of the group:*", "retentionInDays": 30, **group}]
    return FakeClient(describe_log_groups={"logGroups": groups}, list_tags_for_resource={"tags": OURS})


def apply(logs: FakeClient, key: str | None = None) -> str:
    aws: Any = FakeAws(logs=logs)
    [step] = Engine("test", check_mode=False).apply([LogGroup(aws, NAME, OURS, 30, key)])
    return step.action


def test_a_longer_name_is_another_group() -> None:
    aws: Any = FakeAws(logs=FakeClient(describe_log_groups={"logGroups": [{"logGroupName": f"{NAME}-old"}]}))

    assert LogGroup(aws, NAME, OURS, 30, None).find() is None


def test_a_group_keeps_its_key_unless_one_is_named() -> None:
    assert apply(logs_with(kmsKeyId="arn of theirs")) == "none"

    logs = logs_with(kmsKeyId="arn of theirs")
    assert apply(logs, "arn of ours") == "update"
    assert logs.called("associate_kms_key") == [{"logGroupName": NAME, "kmsKeyId": "arn of ours"}]


@pytest.mark.parametrize("days", [None, 7])
def test_a_group_that_keeps_logs_for_another_time_is_changed(days: int | None) -> None:
    found = logs_with()
    found.answers["describe_log_groups"]["logGroups"][1].pop("retentionInDays")
    if days:
        found = logs_with(retentionInDays=days)

    assert apply(found) == "update"
    assert found.called("put_retention_policy") == [{"logGroupName": NAME, "retentionInDays": 30}]


def test_a_new_group_has_its_tags_and_its_key_from_the_first_moment() -> None:
    logs = FakeClient()

    assert apply(logs, "arn of ours") == "create"
    assert logs.called("create_log_group") == [{"logGroupName": NAME, "tags": OURS, "kmsKeyId": "arn of ours"}]
