# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The policies of docs/iam allow what is called by the environment's names and tags."""

from __future__ import annotations

import json
from typing import Any

from iam_policies import document, grants
from iam_table import ours, read

HERE = "${REGION}:${ACCOUNT}"
NEW = {"aws:RequestTag/sm2a:environment": "${ENVIRONMENT}"}
OURS = {"aws:ResourceTag/sm2a:environment": "${ENVIRONMENT}"}


def row(action: str, resource: str, **context: Any) -> dict[str, Any]:
    return {"action": action, "resource": resource, "context": context}


def statements(*rows: dict[str, Any]) -> list[dict[str, Any]]:
    return list(document(grants(rows))["Statement"])


def test_what_has_only_an_id_is_allowed_by_its_tag() -> None:
    vpc = f"arn:aws:ec2:{HERE}:vpc/vpc-0123456789abcdef0"
    assert statements(row("ec2:DeleteVpc", vpc, **OURS)) == [
        {
            "Effect": "Allow",
            "Action": ["ec2:DeleteVpc"],
            "Resource": [f"arn:aws:ec2:{HERE}:*"],
            "Condition": {"StringEquals": OURS},
        }
    ]


def test_tags_are_given_only_to_what_is_made_where_aws_tells_it() -> None:
    made = row("ec2:CreateTags", f"arn:aws:ec2:{HERE}:vpc/*", **NEW, **{"ec2:CreateAction": "CreateVpc"})
    [statement] = statements(made)
    assert statement["Condition"] == {"Null": {"ec2:CreateAction": "false"}, "StringEquals": NEW}


def test_a_role_is_passed_by_its_exact_name_and_to_one_service() -> None:
    role = "arn:aws:iam::${ACCOUNT}:role/sm2a-${ENVIRONMENT}-worker"
    [statement] = statements(row("iam:PassRole", role, **{"iam:PassedToService": "ecs-tasks.amazonaws.com"}))
    assert statement["Resource"] == [role]
    assert statement["Condition"] == {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}


def test_what_needs_no_condition_is_not_allowed_twice() -> None:
    queue = f"arn:aws:sqs:{HERE}:sm2a-${{ENVIRONMENT}}-default"
    [statement] = statements(row("sqs:GetQueueUrl", queue), row("sqs:GetQueueUrl", queue, **OURS))
    assert "Condition" not in statement


def test_what_is_allowed_everywhere_needs_no_pattern() -> None:
    database = f"arn:aws:rds:{HERE}:db:sm2a-${{ENVIRONMENT}}"
    allowed = statements(row("rds:DescribeDBInstances", database), row("rds:DescribeDBInstances", "*"))
    assert [one["Resource"] for one in allowed] == ["*"]


def test_no_action_gets_resources_of_another_of_its_service() -> None:
    allowed = statements(
        row("kms:CreateAlias", f"arn:aws:kms:{HERE}:alias/sm2a-${{ENVIRONMENT}}"),
        row("kms:DescribeKey", f"arn:aws:kms:{HERE}:key/01234567-89ab-cdef-0123-456789abcdef"),
    )
    assert [(one["Action"], one["Resource"]) for one in allowed] == [
        (["kms:CreateAlias"], [f"arn:aws:kms:{HERE}:alias/sm2a-${{ENVIRONMENT}}"]),
        (["kms:DescribeKey"], [f"arn:aws:kms:{HERE}:key/*"]),
    ]


def test_a_table_has_nothing_of_chance_in_it() -> None:
    decision = {
        "principal": "arn:aws:iam::000000000000:user/one",
        "action": "secretsmanager:GetSecretValue",
        "resource": "arn:aws:secretsmanager:eu-central-1:000000000000:secret:sm2a/dev/admin-a1b2c3",
        "context": {"aws:ResourceTag/sm2a:environment": "dev", "aws:ResourceTag/owner": "me"},
        "allowed": True,
    }
    [(_principal, found)] = read([json.dumps(decision)], "000000000000", "eu-central-1", "dev")
    assert found == row(
        "secretsmanager:GetSecretValue",
        f"arn:aws:secretsmanager:{HERE}:secret:sm2a/${{ENVIRONMENT}}/admin-AbCdEf",
        **OURS,
    )
    assert ours(found)


def test_another_environment_is_left_out() -> None:
    assert not ours(
        row("sqs:CreateQueue", f"arn:aws:sqs:{HERE}:sm2a-${{ENVIRONMENT}}-2-default", **{k: "x" for k in NEW})
    )
    assert not ours(row("ecs:DescribeClusters", f"arn:aws:ecs:{HERE}:cluster/sm2a-other"))
