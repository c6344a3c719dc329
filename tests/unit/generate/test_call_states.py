# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of states has a row for every call, and says of each what has to be known of a call of its kind."""

from __future__ import annotations

import ast
import re

import call_states
import pytest

from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.aws import MAKING, TAKING_AWAY

ACTIONS = call_states.actions()
# What makes something that is known at once: its name is the caller's, or its answer is all that is needed.
KNOWN_AT_ONCE = {
    "ec2:CreateFlowLogs",
    "ec2:CreateRoute",
    "ec2:CreateTags",
    "ecs:RegisterTaskDefinition",
    "elasticloadbalancing:CreateRule",
    "iam:CreateServiceLinkedRole",
    "kms:CreateGrant",
    "rds:CreateDBSnapshot",
    "route53:CreateHostedZone",
    "s3:CreateBucket",
    "secretsmanager:RestoreSecret",
    "servicediscovery:CreateService",
}


def operation(action: str) -> str:
    return action.partition(":")[2]


def test_every_call_has_a_row() -> None:
    text = (call_states.ROOT / call_states.FILE).read_text()

    assert len(ACTIONS) > 200
    for action in ACTIONS:
        service, _colon, name = action.partition(":")
        section = text.partition(f"\n## {service}\n")[2].partition("\n## ")[0]
        assert f"\n| `{name}` |" in section, f"{action}: run `make generate`"


@pytest.mark.parametrize("action", [action for action in ACTIONS if TAKING_AWAY.match(operation(action))])
def test_of_what_is_taken_away_it_is_said_who_uses_it(action: str) -> None:
    assert bool(call_states.NEVER_IN_USE.search(action)) is (action not in call_states.IN_USE), action


@pytest.mark.parametrize("action", [action for action in ACTIONS if MAKING.match(operation(action))])
def test_of_what_is_made_it_is_said_when_it_is_known(action: str) -> None:
    late = action in call_states.LATE or action in call_states.unknown_at_first()

    assert late is (action not in KNOWN_AT_ONCE), action


@pytest.mark.parametrize("action", [action for action in ACTIONS if action in call_states.IN_USE])
def test_what_is_in_use_is_refused_by_an_error_that_the_table_has(action: str) -> None:
    assert re.search("Contains|Conflict|Dependency|InUse|NotEmpty|NotPermitted|State|client", said(action)), action


def said(action: str) -> str:
    # ECS says it in words alone: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeleteTaskDefinitions.html
    return "client" if action == "ecs:DeleteTaskDefinitions" else " ".join(call_states.errors(action))


def test_what_is_said_is_said_of_calls_that_there_are() -> None:
    tables = (call_states.IN_USE, call_states.LATE, call_states.FURTHER)

    assert {action for table in tables for action in table} <= set(ACTIONS)


def test_the_errors_of_the_emulated_states_are_in_the_table() -> None:
    """What the files beside the table refuse when something is in use, AWS refuses by an error that the table has."""
    source = (call_states.STATES / "in_use.py").read_text()
    [refused] = [
        node.value
        for node in ast.parse(source).body
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "REFUSED"
    ]
    assert isinstance(refused, ast.Tuple)
    for row in refused.elts:
        service, name, *_rest, code = (getattr(item, "value", None) for item in getattr(row, "elts", []))
        assert code in call_states.errors(f"{service}:{name}"), name


@pytest.mark.parametrize(
    ("action", "code", "way"),
    [
        ("ec2:DeleteSecurityGroup", "DependencyViolation", "`security_group.py`"),
        ("ec2:DeleteVpc", "InvalidVpcID.NotFound", "gone is done"),
        ("ec2:DetachInternetGateway", "Gateway.NotAttached", "gone is done"),
        ("ec2:CreateSecurityGroup", "InvalidGroup.Duplicate", "taken over"),
        ("ec2:AssociateRouteTable", "InvalidSubnetID.NotFound", "asked again"),
        ("ecs:DescribeServices", "ClusterNotFoundException", "`ecs_service.py`"),
        ("iam:PutRolePolicy", "UnmodifiableEntity", "told"),
        ("logs:CreateLogGroup", "OperationAbortedException", "asked again"),
    ],
)
def test_what_is_done_about_an_error_comes_from_the_source(action: str, code: str, way: str) -> None:
    assert code in call_states.errors(action)
    assert call_states.way(action, code) == way
