# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Log groups, which outlive their environment unless they are told to go."""

from __future__ import annotations

import pytest
from declared import component
from fake_aws import FakeAws

from ansible_collections.sm2a.airflow.plugins.module_utils._components.observability import ObservabilityComponent
from ansible_collections.sm2a.airflow.plugins.module_utils._resources.logs import LogGroup

GROUPS = ["/sm2a/test/airflow", "/sm2a/test/scaler", "/sm2a/test/execute-command"]


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({}, GROUPS),
        ({"state": "absent"}, []),
        ({"state": "absent", "delete_log_groups": True}, GROUPS),
    ],
)
def test_log_groups(options: dict[str, object], names: list[str]) -> None:
    made = component(ObservabilityComponent, FakeAws(), **options).resources()

    assert [group.name for group in made] == names


def test_what_is_kept_is_what_was_asked_for() -> None:
    made = component(ObservabilityComponent, FakeAws(), log_retention_in_days=7, kms_key_arn="arn of a key")

    states = [group.desired() for group in made.resources() if isinstance(group, LogGroup)]
    assert [(state["retention_in_days"], state["kms_key_arn"]) for state in states] == [(7, "arn of a key")] * 3
