# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Flow logs: nothing of one can change, and a new role is waited for."""

from __future__ import annotations

from typing import Any

import pytest
from fake_aws import OURS, FakeAws, FakeClient, in_turn

from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.engine import ApplyError, Engine
from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.tags import tags_to_list
from ansible_collections.sm2a.airflow.plugins.module_utils._resources.flow_log import FlowLog
from ansible_collections.sm2a.airflow.plugins.module_utils._resources.vpc import Vpc

TAGS = {**OURS, "Name": "sm2a-test-flow-logs"}
FOUND: dict[str, Any] = {
    "FlowLogId": "fl-1",
    "ResourceId": "vpc-1",
    "TrafficType": "ALL",
    "LogDestination": "arn:aws:s3:::audit",
    "Tags": tags_to_list(TAGS),
}
MADE = {"FlowLogIds": ["fl-2"]}


def refused(message: str) -> dict[str, Any]:
    return {"Unsuccessful": [{"Error": {"Code": "InvalidParameter", "Message": message}}]}


def flow_log(ec2: FakeClient, **settings: Any) -> FlowLog:
    aws: Any = FakeAws(ec2=ec2)
    vpc = Vpc(aws, "sm2a-test", TAGS, "10.0.0.0/16")
    vpc.id = "vpc-1"
    return FlowLog(aws, "sm2a-test-flow-logs", TAGS, vpc, **{"bucket_arn": "arn:aws:s3:::audit", **settings})


def test_one_that_is_as_it_should_be_stays() -> None:
    ec2 = FakeClient(describe_flow_logs={"FlowLogs": [FOUND]})

    [step] = Engine("test", check_mode=False).apply([flow_log(ec2)])

    assert step.action == "none" and {name for name, _arguments in ec2.calls} == {"describe_flow_logs"}


@pytest.mark.parametrize("settings", [{"traffic": "REJECT"}, {"bucket_arn": "arn:aws:s3:::other"}])
def test_one_that_differs_is_made_anew(settings: dict[str, Any]) -> None:
    ec2 = FakeClient(describe_flow_logs={"FlowLogs": [FOUND]}, create_flow_logs=MADE)

    [step] = Engine("test", check_mode=False).apply([flow_log(ec2, **settings)])

    made = [name for name, _arguments in ec2.calls if not name.startswith("describe")]
    assert (step.action, made) == ("update", ["delete_flow_logs", "create_flow_logs"])


def test_a_role_that_cannot_be_used_yet_is_waited_for() -> None:
    ec2 = FakeClient(
        describe_flow_logs=in_turn({"FlowLogs": []}, {"FlowLogs": [FOUND]}),
        create_flow_logs=in_turn(refused("Unable to assume given IAM role"), MADE),
    )

    Engine("test", check_mode=False).apply([flow_log(ec2)])

    assert len(ec2.called("create_flow_logs")) == 2


def test_another_refusal_is_an_error_at_once() -> None:
    ec2 = FakeClient(create_flow_logs=refused("Access Denied for LogDestination"))

    with pytest.raises(ApplyError, match="could not be created: InvalidParameter: Access Denied"):
        Engine("test", check_mode=False).apply([flow_log(ec2)])
    assert len(ec2.called("create_flow_logs")) == 1


@pytest.mark.parametrize(("code", "fine"), [("InvalidFlowLogId.NotFound", True), ("InvalidRequest", False)])
def test_one_that_is_gone_already_is_deleted(code: str, fine: bool) -> None:
    problem = {"Unsuccessful": [{"Error": {"Code": code, "Message": "x"}}]}
    ec2 = FakeClient(describe_flow_logs={"FlowLogs": [FOUND]}, delete_flow_logs=problem)

    if fine:
        [step] = Engine("test", check_mode=False).remove([flow_log(ec2)])
        assert step.action == "delete"
    else:
        with pytest.raises(ApplyError, match="could not be deleted: InvalidRequest"):
            Engine("test", check_mode=False).remove([flow_log(ec2)])
