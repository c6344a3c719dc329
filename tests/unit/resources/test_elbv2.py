# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Load balancers, their targets and listeners: what is missing, what cannot change, what goes late."""

from __future__ import annotations

from typing import Any

import pytest
from fake_aws import OURS, FakeAws, FakeClient, in_turn, refusal

from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.engine import ApplyError, Engine
from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.shared import SharedAnswers
from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.tags import tags_to_list
from ansible_collections.sm2a.airflow.plugins.module_utils._resources.elbv2 import (
    Listener,
    LoadBalancer,
    PathRule,
    TargetGroup,
    listeners_of,
)

BALANCER = {
    "LoadBalancerArn": "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/sm2a-test/1",
    "DNSName": "sm2a-test-1.elb.amazonaws.com",
    "CanonicalHostedZoneId": "Z1",
    "Scheme": "internal",
    "State": {"Code": "active"},
    "AvailabilityZones": [{"SubnetId": "subnet-b"}, {"SubnetId": "subnet-a"}],
    "SecurityGroups": ["sg-a"],
}
TAGS = {"TagDescriptions": [{"ResourceArn": BALANCER["LoadBalancerArn"], "Tags": tags_to_list(OURS)}]}


def balancer(elbv2: FakeClient, **settings: Any) -> LoadBalancer:
    wanted = {"scheme": "internal", "subnet_ids": ["subnet-a", "subnet-b"], "security_group_ids": ["sg-a"]}
    aws: Any = FakeAws(elbv2=elbv2, ec2=FakeClient(describe_network_interfaces={"NetworkInterfaces": []}))
    return LoadBalancer(aws, "sm2a-test", OURS, **{**wanted, "attributes": {}, **settings})


def existing(**answers: Any) -> FakeClient:
    found = {"describe_load_balancers": {"LoadBalancers": [BALANCER]}, "describe_tags": TAGS}
    return FakeClient(**{**found, "describe_load_balancer_attributes": {"Attributes": []}, **answers})


def group(elbv2: FakeClient, port: int = 8080) -> TargetGroup:
    aws: Any = FakeAws(elbv2=elbv2)
    return TargetGroup(aws, "sm2a-test-x", OURS, vpc_id="vpc-1", port=port, health_check={}, attributes={})


@pytest.mark.parametrize("code", ["LoadBalancerNotFound", "LoadBalancerNotFoundException"])
def test_a_missing_load_balancer_is_missing_by_either_name(code: str) -> None:
    assert balancer(FakeClient(describe_load_balancers=refusal(code))).find() is None


@pytest.mark.parametrize("code", ["TargetGroupNotFound", "TargetGroupNotFoundException"])
def test_a_missing_target_group_is_missing_by_either_name(code: str) -> None:
    assert group(FakeClient(describe_target_groups=refusal(code))).find() is None


def test_a_load_balancer_tells_where_it_is() -> None:
    one = balancer(existing())

    [step] = Engine("test", check_mode=False).apply([one])

    assert (step.action, one.dns_name, one.hosted_zone_id) == ("none", "sm2a-test-1.elb.amazonaws.com", "Z1")


@pytest.mark.parametrize(
    ("settings", "operation"),
    [
        ({"subnet_ids": ["subnet-a", "subnet-c"]}, "set_subnets"),
        ({"security_group_ids": ["sg-b"]}, "set_security_groups"),
        ({"attributes": {"idle_timeout.timeout_seconds": "60"}}, "modify_load_balancer_attributes"),
    ],
)
def test_each_change_is_one_call(settings: dict[str, Any], operation: str) -> None:
    elbv2 = existing()

    Engine("test", check_mode=False).apply([balancer(elbv2, **settings)])

    assert [name for name, _arguments in elbv2.calls if not name.startswith("describe")] == [operation]


def test_the_scheme_cannot_change() -> None:
    with pytest.raises(ApplyError, match="its scheme 'internal' cannot be changed once created"):
        Engine("test", check_mode=False).apply([balancer(existing(), scheme="internet-facing")])


def test_a_load_balancer_that_fails_says_why() -> None:
    failed = {**BALANCER, "State": {"Code": "failed", "Reason": "subnet full"}}
    elbv2 = existing(
        describe_load_balancers=in_turn({"LoadBalancers": []}, {"LoadBalancers": [failed]}),
        create_load_balancer={"LoadBalancers": [failed]},
    )

    with pytest.raises(ApplyError, match="failed: subnet full"):
        Engine("test", check_mode=False).apply([balancer(elbv2)])


def test_a_protected_load_balancer_stays() -> None:
    protected = {"Attributes": [{"Key": "deletion_protection.enabled", "Value": "true"}]}
    elbv2 = existing(describe_load_balancer_attributes=protected)

    with pytest.raises(ApplyError, match="deletion_protection: false first"):
        Engine("test", check_mode=False).remove([balancer(elbv2)])
    assert elbv2.called("delete_load_balancer") == []


def test_a_target_group_goes_when_the_last_listener_has_let_go() -> None:
    found = {"TargetGroupArn": "arn", "Port": 8080, "VpcId": "vpc-1"}
    elbv2 = FakeClient(
        describe_target_groups={"TargetGroups": [found]},
        describe_target_group_attributes={"Attributes": []},
        describe_tags=TAGS,
        delete_target_group=in_turn(refusal("ResourceInUse"), refusal("ResourceInUseException"), {}),
    )

    [step] = Engine("test", check_mode=False).remove([group(elbv2)])

    assert step.action == "delete" and len(elbv2.called("delete_target_group")) == 3


def test_the_port_of_a_target_group_cannot_change() -> None:
    found = {"TargetGroupArn": "arn", "Port": 8080, "VpcId": "vpc-1"}
    elbv2 = FakeClient(
        describe_target_groups={"TargetGroups": [found]},
        describe_target_group_attributes={"Attributes": []},
        describe_tags=TAGS,
    )

    with pytest.raises(ApplyError, match="its port 8080 cannot be changed"):
        Engine("test", check_mode=False).apply([group(elbv2, port=9090)])


def test_a_load_balancer_and_its_listeners_are_asked_for_their_tags_in_one_call() -> None:
    listeners = [{"Port": port, "ListenerArn": f"arn of {port}", "Protocol": "HTTP"} for port in (80, 443)]
    tags = [{"ResourceArn": f"arn of {port}", "Tags": [{"Key": "port", "Value": str(port)}]} for port in (80, 443)]
    elbv2 = existing(
        describe_listeners={"Listeners": listeners},
        describe_tags={"TagDescriptions": [*TAGS["TagDescriptions"], *tags]},
    )
    one = balancer(elbv2)
    one.aws.once = SharedAnswers().once  # type: ignore[method-assign]

    found = one.find()
    ports = [Listener(one.aws, OURS, load_balancer=one, port=port, protocol="HTTP", action={}) for port in (80, 443)]

    assert found is not None and found["tags"] == OURS
    assert [(port.find() or {})["tags"] for port in ports] == [{"port": "80"}, {"port": "443"}]
    assert elbv2.called("describe_tags") == [{"ResourceArns": [BALANCER["LoadBalancerArn"], "arn of 80", "arn of 443"]}]
    assert len(elbv2.called("describe_listeners")) == 1


def test_a_listener_that_names_its_target_in_the_new_way_is_the_same() -> None:
    forward = {"Type": "forward", "ForwardConfig": {"TargetGroups": [{"TargetGroupArn": "arn of the group"}]}}
    found = {"ListenerArn": "arn", "Port": 80, "Protocol": "HTTP", "DefaultActions": [forward]}
    secure = {"Port": 443, "ListenerArn": "arn of 443"}
    told = {
        "TagDescriptions": [
            {"ResourceArn": "arn of 443", "Tags": []},
            {"ResourceArn": found["ListenerArn"], "Tags": tags_to_list(OURS)},
        ]
    }
    elbv2 = existing(describe_listeners={"Listeners": [secure, found]}, describe_tags=told)
    one, target = balancer(elbv2), group(elbv2)
    one.id, target.id = "arn of the balancer", "arn of the group"
    action = {"Type": "forward"}
    plain = Listener(one.aws, OURS, load_balancer=one, port=80, protocol="HTTP", action=action, target_group=target)

    [step] = Engine("test", check_mode=False).apply([plain])

    assert step.action == "none"
    assert [item["Port"] for item in listeners_of(one.aws, one.id)] == [443, 80]


def test_a_rule_is_found_by_its_priority_whatever_form_its_paths_have() -> None:
    closed = {"Priority": "1", "RuleArn": "arn", "Conditions": [{"Field": "path-pattern", "Values": ["/b", "/a"]}]}
    answer = {
        "Type": "fixed-response",
        "FixedResponseConfig": {"StatusCode": "403", "ContentType": "text/plain", "MessageBody": "Forbidden"},
    }
    rules: list[dict[str, Any]] = [{"Priority": "default"}, {**closed, "Actions": [answer]}]
    elbv2 = existing(describe_rules={"Rules": rules})
    listener = Listener(balancer(elbv2).aws, OURS, load_balancer=balancer(elbv2), port=80, protocol="HTTP", action={})
    rule = PathRule(listener.aws, OURS, listener=listener, priority=1, paths=["/a", "/b"])

    [step] = Engine("test", check_mode=False).apply([rule])

    assert step.action == "none"
