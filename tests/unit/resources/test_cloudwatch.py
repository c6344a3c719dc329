# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A dashboard, which has no tags and three names for being missing."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fake_aws import FakeAws, FakeClient, refusal

from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.engine import ApplyError, Engine
from ansible_collections.sm2a.airflow.plugins.module_utils._resources.cloudwatch import MISSING, Dashboard

WIDGETS = [{"type": "text", "x": 0, "properties": {"markdown": "hello"}}]


def dashboard(cloudwatch: FakeClient) -> Dashboard:
    aws: Any = FakeAws(cloudwatch=cloudwatch)
    return Dashboard(aws, "sm2a-test-scaler", WIDGETS)


@pytest.mark.parametrize("code", MISSING)
def test_a_missing_dashboard_is_made(code: str) -> None:
    cloudwatch = FakeClient(get_dashboard=refusal(code))

    [step] = Engine("test", check_mode=False).apply([dashboard(cloudwatch)])

    assert step.action == "create"
    [request] = cloudwatch.called("put_dashboard")
    assert json.loads(request["DashboardBody"]) == {"widgets": WIDGETS}


def test_what_one_may_not_see_is_an_error() -> None:
    with pytest.raises(ApplyError, match="AccessDenied"):
        Engine("test", check_mode=False).apply([dashboard(FakeClient(get_dashboard=refusal("AccessDenied")))])


@pytest.mark.parametrize(("found", "action"), [(WIDGETS, "none"), ([], "update")])
def test_only_another_content_is_a_difference(found: list[Any], action: str) -> None:
    body = json.dumps({"widgets": found, "start": "-PT3H"})

    [step] = Engine("test", check_mode=False).apply([dashboard(FakeClient(get_dashboard={"DashboardBody": body}))])

    assert step.action == action
