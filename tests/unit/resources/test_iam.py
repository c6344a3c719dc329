# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How roles bear with an IAM that does not know them everywhere yet, and with others that are faster."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from fake_aws import FakeAws, FakeClient, each_time, refusal

from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.engine import ApplyError, Engine
from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.tags import ownership_tags
from ansible_collections.sm2a.airflow.plugins.module_utils._resources.iam import (
    Role,
    ServiceLinkedRole,
    inline_policy,
    policy_document,
    service_trust,
)


class Iam:
    """One role in memory. ``late`` is how many calls on it are still answered as if it did not exist."""

    def __init__(self, late: int = 0, conflicts: int = 0) -> None:
        self.late = late
        self.conflicts = conflicts
        self.role: dict[str, Any] | None = None
        self.linked: list[dict[str, Any]] = []
        self.refuse_linked: ClientError | None = None

    def pages(self, operation: str, result: str, **arguments: Any) -> list[Any]:
        if operation == "list_roles":
            return self.linked
        return sorted(self.role["inline"]) if self.role and result == "PolicyNames" else []

    def get_account_authorization_details(self, **_arguments: Any) -> dict[str, Any]:
        raise refusal("AccessDenied")

    def get_role(self, RoleName: str) -> dict[str, Any]:
        if self.role is None:
            raise refusal("NoSuchEntity")
        return {"Role": self.role}

    def create_role(self, **request: Any) -> dict[str, Any]:
        trust = service_trust("ecs-tasks.amazonaws.com", "123456789012")
        self.role = {**request, "Arn": "arn", "AssumeRolePolicyDocument": trust, "inline": {}}
        return {"Role": self.role}

    def put_role_policy(self, RoleName: str, PolicyName: str, PolicyDocument: str) -> None:
        if self.late:
            self.late -= 1
            raise refusal("NoSuchEntity")
        assert self.role is not None
        self.role["inline"][PolicyName] = policy_document([])

    def get_role_policy(self, RoleName: str, PolicyName: str) -> dict[str, Any]:
        assert self.role is not None
        return {"PolicyName": PolicyName, "PolicyDocument": self.role["inline"][PolicyName]}

    def delete_role_policy(self, RoleName: str, PolicyName: str) -> None:
        raise refusal("NoSuchEntity")

    def delete_role(self, RoleName: str) -> None:
        if self.conflicts:
            self.conflicts -= 1
            raise refusal("DeleteConflict")
        self.role = None

    def create_service_linked_role(self, AWSServiceName: str) -> None:
        self.linked.append({"Arn": f"arn of {AWSServiceName}", "Path": f"/aws-service-role/{AWSServiceName}/"})
        if self.refuse_linked:
            raise self.refuse_linked


def aws(iam: Iam) -> Any:
    return SimpleNamespace(
        client=lambda _service: iam, check_mode=False, region="eu-central-1", once=each_time, writes=[]
    )


def role(iam: Iam) -> Role:
    return Role(
        aws(iam),
        "role",
        ownership_tags("test", "security"),
        description="role",
        trust=service_trust("ecs-tasks.amazonaws.com", "123456789012"),
        policy=policy_document([]),
        managed_policies=[],
    )


def test_a_role_that_is_not_known_yet_gets_its_policy() -> None:
    iam = Iam(late=3)

    Engine("test", check_mode=False).apply([role(iam)])

    assert iam.role is not None and list(iam.role["inline"]) == ["sm2a"]
    assert {"Key": "sm2a:region", "Value": "eu-central-1"} in iam.role["Tags"]


def test_a_role_that_stays_unknown_is_an_error() -> None:
    with pytest.raises(ApplyError, match="NoSuchEntity"):
        Engine("test", check_mode=False).apply([role(Iam(late=1000))])


def test_a_policy_that_is_gone_already_does_not_keep_the_role() -> None:
    iam = Iam()
    Engine("test", check_mode=False).apply([role(iam)])
    iam.conflicts = 2

    [step] = Engine("test", check_mode=False).remove([role(iam)])

    assert (step.action, iam.role) == ("delete", None)


def test_a_service_linked_role_that_another_was_faster_to_make_is_fine() -> None:
    iam = Iam()
    taken = "Service role name AWSServiceRoleForECS has been taken in this account, please try a different suffix."
    iam.refuse_linked = refusal("InvalidInput", taken)

    [step] = Engine("test", check_mode=False).apply([ServiceLinkedRole(aws(iam), "ecs.amazonaws.com")])

    assert step.action == "create"


def test_a_service_linked_role_that_may_not_be_made_is_an_error() -> None:
    iam = Iam()
    iam.refuse_linked = refusal("AccessDenied")

    with pytest.raises(ApplyError, match=r"ServiceLinkedRole ecs\.amazonaws\.com: .*AccessDenied"):
        Engine("test", check_mode=False).apply([ServiceLinkedRole(aws(iam), "ecs.amazonaws.com")])


def listed(a_role: Role, **different: Any) -> dict[str, Any]:
    """Return a role as the account's listing has it, just as it should be but for what is ``different``."""
    return {
        "RoleName": a_role.name,
        "Arn": "arn of the role",
        "Path": "/",
        "AssumeRolePolicyDocument": a_role.trust,
        "RolePolicyList": [{"PolicyName": "sm2a", "PolicyDocument": a_role.policy}],
        "AttachedManagedPolicies": [],
        "Tags": [{"Key": key, "Value": value} for key, value in a_role.tags.items()],
        **different,
    }


def role_among(iam: FakeClient) -> Role:
    a_role = role(Iam())
    a_role.aws = FakeAws(iam=iam)  # type: ignore[assignment]
    return a_role


def operations(iam: FakeClient) -> list[str]:
    return [operation for operation, _arguments in iam.calls]


def test_a_role_as_it_should_be_is_read_with_all_others_in_one_call() -> None:
    iam = FakeClient()
    a_role = role_among(iam)
    iam.answers["get_account_authorization_details"] = {"RoleDetailList": [listed(a_role)], "IsTruncated": True}

    [step] = Engine("test", check_mode=True).apply([a_role])

    assert (step.action, a_role.id, operations(iam)) == (
        "none",
        "arn of the role",
        ["get_account_authorization_details"],
    )


@pytest.mark.parametrize(
    "different",
    [
        {"Path": "/other/"},
        {"AssumeRolePolicyDocument": policy_document([])},
        {"RolePolicyList": []},
        {"RolePolicyList": [{"PolicyName": "theirs", "PolicyDocument": policy_document([])}]},
        {"AttachedManagedPolicies": [{"PolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}]},
        {"Tags": []},
        {"RoleName": "another"},
    ],
)
def test_a_role_that_is_listed_otherwise_is_read_by_itself(different: dict[str, Any]) -> None:
    iam = FakeClient()
    a_role = role_among(iam)
    iam.answers |= {
        "get_account_authorization_details": {"RoleDetailList": [listed(a_role, **different)]},
        "get_role": {"Role": listed(a_role)},
        "list_role_policies": {"PolicyNames": ["sm2a"]},
        "get_role_policy": {"PolicyName": "sm2a", "PolicyDocument": a_role.policy},
        "list_attached_role_policies": {"AttachedPolicies": []},
    }

    [step] = Engine("test", check_mode=True).apply([a_role])

    assert step.action == "none", "the listing was late"
    assert "get_role" in operations(iam)


def test_who_may_not_list_roles_reads_each() -> None:
    iam = FakeClient(get_account_authorization_details=refusal("AccessDenied"), get_role=refusal("NoSuchEntity"))

    assert role_among(iam).find() is None
    assert operations(iam) == ["get_account_authorization_details", "get_role"]


def test_a_service_linked_role_is_found_among_all_roles() -> None:
    found = {"RoleName": "AWSServiceRoleForECS", "Arn": "arn", "Path": "/aws-service-role/ecs.amazonaws.com/"}
    iam = FakeClient(get_account_authorization_details={"RoleDetailList": [found]})

    assert ServiceLinkedRole(FakeAws(iam=iam), "ecs.amazonaws.com").find() == {"service": "ecs.amazonaws.com"}
    assert operations(iam) == ["get_account_authorization_details"]


def test_after_a_write_the_listing_is_not_asked() -> None:
    iam = FakeClient(get_role=refusal("NoSuchEntity"))
    a_role = role_among(iam)
    a_role.aws.writes.append("CreateRole")

    assert a_role.find() is None
    assert operations(iam) == ["get_role"]


POLICY = policy_document([{"Action": "sqs:SendMessage", "Resource": "*"}])
LISTED = {"RoleName": "x", "RolePolicyList": [{"PolicyName": "sm2a", "PolicyDocument": POLICY}]}


@pytest.mark.parametrize(
    ("answers", "policy", "calls"),
    [
        ({"get_account_authorization_details": {"RoleDetailList": [LISTED]}}, POLICY, 1),
        ({"get_account_authorization_details": {"RoleDetailList": [{**LISTED, "RolePolicyList": []}]}}, {}, 1),
        # An account with very many roles, or of which we may not ask.
        ({"get_account_authorization_details": {"RoleDetailList": []}, "get_role_policy": {"PolicyDocument": POLICY}},
         POLICY, 2),
        ({"get_account_authorization_details": refusal("AccessDenied"), "get_role_policy": refusal("NoSuchEntity")},
         {}, 2),
    ],
)  # fmt: skip
def test_the_policy_that_a_role_has_now(answers: dict[str, Any], policy: dict[str, Any], calls: int) -> None:
    client = FakeClient(**answers)
    account: Any = FakeAws(iam=client)

    assert inline_policy(account, "x") == policy and len(client.calls) == calls
