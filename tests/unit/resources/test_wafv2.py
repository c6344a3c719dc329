# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Web ACLs: associated, exchanged, and waited for."""

from __future__ import annotations

from typing import Any

import pytest
from fake_aws import OURS, FakeAws, FakeClient, in_turn, refusal

from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.engine import Engine
from ansible_collections.sm2a.airflow.plugins.module_utils._resources.elbv2 import LoadBalancer
from ansible_collections.sm2a.airflow.plugins.module_utils._resources.wafv2 import WebAclAssociation

WANTED = {"WebACLArn": "ours", "ResourceArn": "balancer"}


def association(client: FakeClient) -> WebAclAssociation:
    aws: Any = FakeAws(wafv2=client)
    balancer = LoadBalancer(
        aws, "sm2a-test", OURS, scheme="internal", subnet_ids=[], security_group_ids=[], attributes={}
    )
    balancer.id = "balancer"
    return WebAclAssociation(aws, balancer, "ours")


@pytest.mark.parametrize(
    ("found", "action", "calls"),
    [
        ({}, "create", [WANTED]),
        (refusal("WAFNonexistentItemException"), "create", [WANTED]),
        ({"WebACL": {"ARN": "another"}}, "update", [WANTED]),
        ({"WebACL": {"ARN": "ours"}}, "none", []),
    ],
)
def test_the_load_balancer_gets_the_web_acl_that_is_wanted(
    found: Any, action: str, calls: list[dict[str, Any]]
) -> None:
    client = FakeClient(get_web_acl_for_resource=found, associate_web_acl={})

    [step] = Engine("test", check_mode=False).apply([association(client)])

    assert step.action == action and client.called("associate_web_acl") == calls


@pytest.mark.usefixtures("clock")
def test_a_load_balancer_that_is_not_known_yet_is_waited_for() -> None:
    client = FakeClient(
        get_web_acl_for_resource={}, associate_web_acl=in_turn(refusal("WAFUnavailableEntityException"), {})
    )

    [step] = Engine("test", check_mode=False).apply([association(client)])

    assert step.action == "create" and len(client.called("associate_web_acl")) == 2


def test_an_association_is_taken_away() -> None:
    client = FakeClient(get_web_acl_for_resource={"WebACL": {"ARN": "ours"}}, disassociate_web_acl={})
    made = association(client)
    made.absent = True

    Engine("test", check_mode=False).apply([made])

    assert client.called("disassociate_web_acl") == [{"ResourceArn": "balancer"}]
