# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""AWS's states before an emulator: what is refused when, and that a seed decides the same again."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from states import calls
from states.calls import Answer, Call
from states.chance import Chance
from states.databases import Databases
from states.in_use import InUse
from states.keys import Keys
from states.quotas import Quotas
from states.throttling import Throttling
from states.visibility import Visibility

FAR = 1e6


def json_call(of: str, operation: str, **parameters: Any) -> Call:
    return Call(of, operation, parameters, json=True)


def done(rule: calls.Rule, call: Call, **answer: Any) -> Answer:
    """Let a call come through and return its answer, as the rule leaves it."""
    assert rule.before(call) is None
    answered = Answer(200, json.dumps(answer).encode() if call.json else b"<Answer/>", call.json)
    rule.after(call, answered)
    return answered


def refused(rule: calls.Rule, call: Call) -> str | None:
    refusal = rule.before(call)
    return refusal.code if refusal else None


def test_the_same_seed_decides_the_same_whatever_else_is_asked_meanwhile() -> None:
    one, two, other = Chance("7", 1), Chance("7", 1), Chance("8", 1)
    first = [one.happens("a", 0.5) for _time in range(40)]
    second = [(two.happens("b", 0.5), two.happens("a", 0.5))[1] for _time in range(40)]

    assert first == second != [other.happens("a", 0.5) for _time in range(40)]


@pytest.mark.parametrize(
    ("made", "gone", "delete", "code"),
    [
        (
            Call(
                "elasticloadbalancing",
                "ModifyListener",
                {"ListenerArn": "l", "Certificates.member.1.CertificateArn": "c"},
            ),
            Call("elasticloadbalancing", "DeleteListener", {"ListenerArn": "l"}),
            json_call("acm", "DeleteCertificate", CertificateArn="c"),
            "ResourceInUseException",
        ),
        (
            json_call("ecs", "CreateService", serviceName="s", cluster="k", securityGroups=["sg-1"]),
            json_call("ecs", "DeleteService", service="s", cluster="k"),
            Call("ec2", "DeleteSecurityGroup", {"GroupId": "sg-1"}),
            "DependencyViolation",
        ),
        (
            Call("rds", "CreateDBInstance", {"DBInstanceIdentifier": "d", "DBSubnetGroupName": "g"}),
            Call("rds", "DeleteDBInstance", {"DBInstanceIdentifier": "d"}),
            Call("rds", "DeleteDBSubnetGroup", {"DBSubnetGroupName": "g"}),
            "InvalidDBSubnetGroupStateFault",
        ),
    ],
)
def test_what_is_used_or_was_used_a_moment_ago_cannot_be_deleted(
    made: Call, gone: Call, delete: Call, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule = InUse(Chance("1", 1))
    done(rule, made)
    assert refused(rule, delete) == code
    done(rule, gone)
    assert refused(rule, delete) == code

    later = time.monotonic() + FAR
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert refused(rule, delete) is None


def test_a_key_takes_what_it_encrypts_with_it_and_gives_it_back() -> None:
    rule = Keys()
    done(rule, Call("rds", "CreateDBInstance", {"DBInstanceIdentifier": "d", "KmsKeyId": "arn:k/1"}))
    done(rule, Call("rds", "DeleteDBInstance", {"DBInstanceIdentifier": "d", "FinalDBSnapshotIdentifier": "s"}))
    restore = Call("rds", "RestoreDBInstanceFromDBSnapshot", {"DBInstanceIdentifier": "e", "DBSnapshotIdentifier": "s"})
    assert refused(rule, restore) is None

    done(rule, json_call("kms", "ScheduleKeyDeletion", KeyId="1"))
    assert refused(rule, restore) == "KMSKeyNotAccessibleFault"
    done(rule, json_call("kms", "CancelKeyDeletion", KeyId="1"))
    assert refused(rule, restore) == "KMSKeyNotAccessibleFault", "it is disabled then"
    done(rule, json_call("kms", "EnableKey", KeyId="1"))
    assert refused(rule, restore) is None


def test_a_database_goes_through_its_states(monkeypatch: pytest.MonkeyPatch) -> None:
    rule = Databases(Chance("1", 1))
    create = Call("rds", "CreateDBInstance", {"DBInstanceIdentifier": "d"})
    modify = Call("rds", "ModifyDBInstance", {"DBInstanceIdentifier": "d", "MultiAZ": "true"})
    done(rule, create)

    seen = []
    start = time.monotonic()
    for seconds in range(0, 1000, 10):
        monkeypatch.setattr(time, "monotonic", lambda now=start + seconds: now)
        content = b"<A><DBInstance><DBInstanceIdentifier>d</DBInstanceIdentifier>"
        content += b"<DBInstanceStatus>available</DBInstanceStatus></DBInstance></A>"
        answer = Answer(200, content, json=False)
        rule.after(Call("rds", "DescribeDBInstances", {"DBInstanceIdentifier": "d"}), answer)
        [status] = answer.values("DBInstanceStatus")
        assert (refused(rule, modify) is None) == (status == "available")
        seen.append(status)
    assert list(dict.fromkeys(seen)) == ["creating", "backing-up", "available"]


def test_some_of_what_is_made_is_unknown_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    rule = Visibility(Chance("1", 1))
    names = [f"task/{number}" for number in range(50)]
    for name in names:
        done(rule, json_call("ecs", "RunTask", family="f"), tasks=[{"taskArn": name}])

    def missing() -> list[str]:
        tasks = [{"taskArn": name} for name in names]
        answer = done(rule, json_call("ecs", "DescribeTasks", tasks=names), tasks=tasks).load()
        known = {task["taskArn"] for task in answer["tasks"]}
        assert {failure["arn"] for failure in answer.get("failures", [])} == set(names) - known
        return sorted(set(names) - known)

    assert 0 < len(missing()) < len(names)
    later = time.monotonic() + FAR
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert missing() == []


def test_an_empty_bucket_refuses_and_fills_again(monkeypatch: pytest.MonkeyPatch) -> None:
    rule, call = Throttling(Chance("1", 1)), Call("ec2", "CreateVpcEndpoint")
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now)
    assert [refused(rule, call) for _time in range(5)] == [None] * 4 + ["RequestLimitExceeded"]

    monkeypatch.setattr(time, "monotonic", lambda: now + 4)
    assert [refused(rule, call) for _time in range(2)] == [None, "RequestLimitExceeded"]


def test_one_too_many_is_refused_until_one_is_given_back() -> None:
    rule = Quotas()
    for _time in range(5):
        done(rule, Call("ec2", "CreateVpc"))
    assert refused(rule, Call("ec2", "CreateVpc")) == "VpcLimitExceeded"
    done(rule, Call("ec2", "DeleteVpc"))
    assert refused(rule, Call("ec2", "CreateVpc")) is None
