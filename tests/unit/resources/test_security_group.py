# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Security groups and their rules: what is one rule, who still names a group, and what others added meanwhile."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from fake_aws import OURS, FakeAws, FakeClient, in_turn, refusal

from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.engine import ApplyError, Engine
from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.tags import tags_to_list
from ansible_collections.sm2a.airflow.plugins.module_utils._resources.security_group import (
    EgressRules,
    IngressRules,
    Rules,
    SecurityGroup,
)

TAGS = {**OURS, "Name": "group"}
EVERYWHERE = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}


def found(**more: Any) -> dict[str, Any]:
    group = {"GroupId": "sg-1", "VpcId": "vpc-1", "GroupName": "group", "Tags": tags_to_list(TAGS)}
    return {"SecurityGroups": [{**group, **more}]}


def group(ec2: FakeClient) -> SecurityGroup:
    aws: Any = FakeAws(ec2=ec2)
    return SecurityGroup(aws, "group", TAGS, "vpc-1", "group")


def rules(ec2: FakeClient, *allowed: tuple[int, str | SecurityGroup]) -> IngressRules:
    one = group(ec2)
    one.id = "sg-1"
    return IngressRules(one.aws, one, list(allowed))


def ports(calls: list[dict[str, Any]]) -> list[list[int]]:
    return [[permission["FromPort"] for permission in call["IpPermissions"]] for call in calls]


def test_a_new_group_loses_the_rule_of_aws_and_is_not_asked_for_its_rules_again() -> None:
    new = found(IpPermissionsEgress=[EVERYWHERE])
    ec2 = FakeClient(
        describe_security_groups=in_turn(*[{"SecurityGroups": []}] * 2, new), create_security_group={"GroupId": "sg-1"}
    )
    one = group(ec2)

    steps = Engine("test", check_mode=False).apply(
        [one, IngressRules(one.aws, one, [(443, "203.0.113.0/24")]), EgressRules(one.aws, one, [])]
    )

    assert [step.action for step in steps] == ["create", "create", "none"]
    assert [call["IpPermissions"] for call in ec2.called("revoke_security_group_egress")] == [[EVERYWHERE]]
    # Looked for by its environment and by its name, seen, and waited for as everything that was just made.
    assert len(ec2.called("describe_security_groups")) == 4


def test_what_nobody_may_call_loses_what_somebody_added() -> None:
    ec2 = FakeClient(describe_security_groups=found(IpPermissionsEgress=[EVERYWHERE]))
    one = group(ec2)

    steps = Engine("test", check_mode=False).apply([one, EgressRules(one.aws, one, [])])

    assert [(step.resource.kind, step.action, step.before) for step in steps[1:]] == [
        ("AWS::EC2::SecurityGroupEgress", "delete", {"rules": ["-1 all to 0.0.0.0/0"]})
    ]
    assert [call["IpPermissions"] for call in ec2.called("revoke_security_group_egress")] == [[EVERYWHERE]]


def test_a_foreign_rule_for_outgoing_traffic_is_shown_and_taken_away() -> None:
    ours = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    ec2 = FakeClient(describe_security_groups=found(IpPermissionsEgress=[ours, EVERYWHERE]))
    one = group(ec2)

    [_group, step] = Engine("test", check_mode=False).apply([one, EgressRules(one.aws, one, [(443, "0.0.0.0/0")])])

    assert step.before == {"rules": ["-1 all to 0.0.0.0/0", "tcp 443 to 0.0.0.0/0"]}
    assert step.after == {"rules": ["tcp 443 to 0.0.0.0/0"]}
    assert [call["IpPermissions"] for call in ec2.called("revoke_security_group_egress")] == [[EVERYWHERE]]


@pytest.mark.parametrize(
    ("what", "permission"),
    [
        (5432, {"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432}),
        ("tcp 1024-65535", {"IpProtocol": "tcp", "FromPort": 1024, "ToPort": 65535}),
        ("udp 53", {"IpProtocol": "udp", "FromPort": 53, "ToPort": 53}),
        ("-1 all", {"IpProtocol": "-1"}),
    ],
)
def test_what_may_pass_in_words_is_what_ec2_is_told_and_is_found_again(what: int | str, permission: Any) -> None:
    ec2 = FakeClient(describe_security_groups=found())
    one = group(ec2)
    one.id = "sg-1"
    allowed = EgressRules(one.aws, one, [(what, "10.0.0.0/8")])

    Engine("test", check_mode=False).apply([allowed])

    told = {**permission, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}
    assert [call["IpPermissions"] for call in ec2.called("authorize_security_group_egress")] == [[told]]
    ec2.answers["describe_security_groups"] = found(IpPermissionsEgress=[told])
    assert allowed.find() == allowed.desired()


@pytest.mark.parametrize("kind", [IngressRules, EgressRules])
def test_a_rule_that_is_gone_already_is_not_waited_for(kind: type[Rules], clock: SimpleNamespace) -> None:
    ec2 = FakeClient(
        describe_security_groups=found(**{kind.field: [EVERYWHERE]}),
        **{f"revoke_security_group_{kind.operation}": refusal("InvalidPermission.NotFound")},
    )
    one = group(ec2)

    Engine("test", check_mode=False).apply([one, kind(one.aws, one, [(443, "203.0.113.0/24")])])

    assert clock.now == 0


def test_rules_are_those_that_the_group_was_found_with() -> None:
    theirs = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    ec2 = FakeClient(describe_security_groups=found(IpPermissions=[theirs]))
    one = group(ec2)
    allowed = IngressRules(one.aws, one, [(443, "203.0.113.0/24")])

    steps = Engine("test", check_mode=False).apply([one, allowed])

    assert [step.action for step in steps] == ["none", "update"]
    assert ports(ec2.called("authorize_security_group_ingress")) == [[443]]
    assert ports(ec2.called("revoke_security_group_ingress")) == [[22]]
    assert len(ec2.called("describe_security_groups")) == 1
    # What was just changed is asked for.
    assert allowed.find() is not None and len(ec2.called("describe_security_groups")) == 2


def test_who_still_names_a_group_is_named(clock: SimpleNamespace) -> None:
    ec2 = FakeClient(
        describe_security_groups=in_turn(
            found(), {"SecurityGroups": [{"GroupId": "sg-9", "GroupName": "bastion"}]}, {"SecurityGroups": []}
        ),
        delete_security_group=refusal("DependencyViolation"),
    )

    with pytest.raises(ApplyError, match=r"still used by a rule of security group sg-9 \(bastion\)"):
        Engine("test", check_mode=False).remove([group(ec2)])
    assert clock.now >= 600


def test_a_permission_of_many_is_many_rules_each_as_wide_as_it_is() -> None:
    permissions = [
        {
            "IpProtocol": "tcp",
            "FromPort": 80,
            "ToPort": 90,
            "IpRanges": [{"CidrIp": "203.0.113.0/24", "Description": "office"}],
            "Ipv6Ranges": [{"CidrIpv6": "2001:db8::/32"}],
            "UserIdGroupPairs": [{"GroupId": "sg-2", "UserId": "123456789012"}],
            "PrefixListIds": [{"PrefixListId": "pl-1"}],
        },
        EVERYWHERE,
    ]

    assert rules(FakeClient(describe_security_groups=found(IpPermissions=permissions))).find() == {
        "rules": [
            "-1 all from 0.0.0.0/0",
            "tcp 80-90 from 2001:db8::/32",
            "tcp 80-90 from 203.0.113.0/24",
            "tcp 80-90 from pl-1",
            "tcp 80-90 from sg-2",
        ]
    }


def test_what_is_missing_comes_before_what_is_too_much_goes() -> None:
    old = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "IpRanges": [{"CidrIp": "198.51.100.0/24"}]}
    ec2 = FakeClient(describe_security_groups=found(IpPermissions=[old]))

    Engine("test", check_mode=False).apply([rules(ec2, (443, "203.0.113.0/24"), (443, "2001:db8::/32"))])

    changes = [(name, ports([call])[0]) for name, call in ec2.calls if name.endswith("ingress")]
    assert changes == [("authorize_security_group_ingress", [443, 443]), ("revoke_security_group_ingress", [80])]


def test_a_group_that_may_call_is_named_by_its_id_and_made_first() -> None:
    other = group(FakeClient())
    other.id = "sg-2"
    one = rules(FakeClient(describe_security_groups=found()), (5432, other))

    assert other in one.dependencies() and one.desired() == {"rules": ["tcp 5432 from sg-2"]}


def test_rules_that_somebody_added_meanwhile_do_not_keep_the_others_out() -> None:
    duplicate = refusal("InvalidPermission.Duplicate")
    ec2 = FakeClient(
        describe_security_groups=found(), authorize_security_group_ingress=in_turn(duplicate, duplicate, {})
    )

    Engine("test", check_mode=False).apply([rules(ec2, (80, "203.0.113.0/24"), (443, "203.0.113.0/24"))])

    # Rules are sorted as text.
    assert ports(ec2.called("authorize_security_group_ingress")) == [[443, 80], [443], [80]]


def test_rules_are_taken_away_before_the_group_that_others_name() -> None:
    ec2 = FakeClient(describe_security_groups=found(IpPermissions=[EVERYWHERE]))

    Engine("test", check_mode=False).remove([rules(ec2)])

    assert [call["IpPermissions"] for call in ec2.called("revoke_security_group_ingress")] == [[EVERYWHERE]]
