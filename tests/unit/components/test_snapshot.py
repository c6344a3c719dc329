# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Snapshots that can and that cannot become an environment's database."""

from __future__ import annotations

from typing import Any

import pytest
from fake_aws import FakeAws, FakeClient, refusal

from ansible_collections.sm2a.airflow.plugins.module_utils._components._snapshot import snapshot_faults
from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.values import KNOWN_AFTER_APPLY

KEY = "arn:aws:kms:eu-central-1:123456789012:key/1"
FITS = {
    "Engine": "postgres",
    "EngineVersion": "17.4",
    "Status": "available",
    "MasterUsername": "sm2a",
    "Encrypted": True,
    "KmsKeyId": KEY,
}


def faults(
    snapshot: dict[str, Any] | None,
    state: str | Exception = "Enabled",
    instance: Any = None,
    version: str = "17",
    username: str = "sm2a",
) -> list[str]:
    rds = FakeClient(
        describe_db_instances=instance or refusal("DBInstanceNotFound"),
        describe_db_snapshots={"DBSnapshots": [{**FITS, **snapshot}]} if snapshot is not None else {"DBSnapshots": []},
    )
    described = state if isinstance(state, Exception) else {"KeyMetadata": {"KeyState": state}}
    aws: Any = FakeAws(rds=rds, kms=FakeClient(describe_key=described))
    found = snapshot_faults(aws, "sm2a-test", "last", engine="postgres", version=version, username=username)
    return [error.rule for error in found]


@pytest.mark.parametrize("version", ["17", "17.2", "17.4", "17.6"])
@pytest.mark.parametrize("username", ["sm2a", KNOWN_AFTER_APPLY])
def test_one_of_the_same_series_and_master_user_fits(version: str, username: str) -> None:
    assert faults({}, version=version, username=username) == []


@pytest.mark.parametrize(
    ("snapshot", "told", "rule"),
    [
        (None, {}, "there is no such snapshot"),
        ({"Status": "creating"}, {}, "it is creating"),
        ({"Engine": "mysql", "EngineVersion": "8.4.5"}, {}, "it is of mysql 8.4.5, not of postgres"),
        ({"EngineVersion": "16.9"}, {}, "engine_version is 17"),
        ({"MasterUsername": "root"}, {}, "secrets_database_username"),
        ({"Encrypted": False, "KmsKeyId": None}, {}, "it is not encrypted"),
        ({}, {"state": "PendingDeletion"}, "is PendingDeletion"),
        ({}, {"state": "Disabled"}, "is Disabled"),
        ({}, {"state": refusal("NotFoundException")}, "is deleted"),
    ],
)
def test_one_that_does_not_fit_is_refused_with_the_reason(
    snapshot: dict[str, Any] | None, told: dict[str, Any], rule: str
) -> None:
    [found] = faults(snapshot, **told)

    assert rule in found


def test_a_key_of_others_is_theirs_to_judge() -> None:
    assert faults({}, state=refusal("AccessDeniedException")) == []


def test_where_there_is_an_instance_nothing_is_restored() -> None:
    assert faults(None, instance={"DBInstances": [{}]}) == []
