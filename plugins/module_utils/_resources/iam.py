# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""AWS IAM."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.policy import compare_policies

from .._reconcile.aws import Aws
from .._reconcile.errors import DENIED, ClientError, code_of, ignoring
from .._reconcile.resource import Resource
from .._reconcile.tags import ENVIRONMENT, REGION, tags_from_list, tags_to_list
from .._reconcile.values import changed_fields
from .._reconcile.waits import retry_while, wait_until

INLINE = "sm2a"
LINKED_ROLES = "/aws-service-role/"
VERSION = "2012-10-17"
MISSING = "NoSuchEntity"
# IAM is eventually consistent; a change is everywhere after some seconds.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_general.html#troubleshoot_general_eventual-consistency
CONSISTENCY_SECONDS = 60
# A role by itself takes four calls; one call tells of so many of the account's, with all that they have:
# https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccountAuthorizationDetails.html
ROLES_LISTED = 200


class Role(Resource):
    """A role with one inline policy. ``id`` is its ARN.

    Further inline policies are taken away: whoever may write one could give a service what it must not have.
    Without ``permissions_boundary`` (None) the role keeps the one it has; an empty one takes it away.
    """

    kind = "AWS::IAM::Role"
    # A role is the same in all regions, and may belong to an environment of the same name in another.
    owner_tags = (ENVIRONMENT, REGION)
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
    fixed_fields = ("path",)

    def __init__(
        self,
        aws: Aws,
        name: str,
        tags: dict[str, str],
        *,
        description: str,
        trust: dict[str, Any],
        policy: dict[str, Any] | None,
        managed_policies: list[str],
        permissions_boundary: str | None = None,
        path: str = "/",
    ) -> None:
        super().__init__(aws, name, {**tags, REGION: aws.region})
        self.description = description
        self.trust = trust
        self.policy = policy
        self.managed_policies = sorted(managed_policies)
        self.permissions_boundary = permissions_boundary
        self.path = path

    def find(self) -> dict[str, Any] | None:
        seen = self._in_listing()
        if seen is not None:
            state = self._state(seen, seen["RolePolicyList"], seen["AttachedManagedPolicies"])
            # What is not as it should be is read once more by itself, in case that the listing lags or lacks it.
            if not changed_fields(state, self.desired()):
                return state
        iam = self.aws.client("iam")
        with ignoring(MISSING):
            role = iam.get_role(RoleName=self.name)["Role"]
            attached = iam.pages("list_attached_role_policies", "AttachedPolicies", RoleName=self.name)
            names = iam.pages("list_role_policies", "PolicyNames", RoleName=self.name)
            inline = [{"PolicyName": name} for name in names if name != INLINE]
            if INLINE in names:
                inline.append(iam.get_role_policy(RoleName=self.name, PolicyName=INLINE))
            return self._state(role, inline, attached)
        return None

    def _in_listing(self) -> dict[str, Any] | None:
        """Return the role among all of the account, if one call tells of all and nothing was written yet."""
        # Not every implementation of the listing knows of boundaries, so that none is read by itself.
        if self.absent or self.permissions_boundary == "":
            return None
        return next((role for role in _roles_listed(self.aws) if role["RoleName"] == self.name), None)

    def _state(
        self, role: dict[str, Any], inline: list[dict[str, Any]], attached: list[dict[str, Any]]
    ) -> dict[str, Any]:
        """Return the fields of ``desired`` as they are. The inline policy of ours has its document, others a name."""
        found = next((policy["PolicyDocument"] for policy in inline if policy["PolicyName"] == INLINE), None)
        self.id = role["Arn"]
        return {
            "path": role["Path"],
            "trust": same_or_found(role["AssumeRolePolicyDocument"], self.trust),
            "policy": None if found is None else same_or_found(found, self.policy),
            "further_inline_policies": sorted({policy["PolicyName"] for policy in inline} - {INLINE}),
            "managed_policies": sorted(policy["PolicyArn"] for policy in attached),
            "permissions_boundary": role.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn", ""),
            "tags": tags_from_list(role.get("Tags")),
        }

    def desired(self) -> dict[str, Any]:
        boundary = self.permissions_boundary
        return {
            "path": self.path,
            "trust": self.trust,
            "policy": self.policy,
            "further_inline_policies": [],
            "managed_policies": self.managed_policies,
            **({} if boundary is None else {"permissions_boundary": boundary}),
            "tags": self.tags,
        }

    def create(self, desired: dict[str, Any]) -> None:
        boundary = {"PermissionsBoundary": self.permissions_boundary} if self.permissions_boundary else {}
        self.id = self.aws.client("iam").create_role(
            RoleName=self.name,
            Path=self.path,
            Description=self.description,
            AssumeRolePolicyDocument=json.dumps(self.trust),
            Tags=tags_to_list(self.tags),
            **boundary,
        )["Role"]["Arn"]
        self.update({"managed_policies": []}, {"policy": self.policy, "managed_policies": self.managed_policies})

    def update(self, current: dict[str, Any], changes: dict[str, Any]) -> None:
        if "trust" in changes:
            self._call("update_assume_role_policy", PolicyDocument=json.dumps(self.trust))
        self._put_policies(current, changes)
        if "permissions_boundary" in changes:
            if self.permissions_boundary:
                self._call("put_role_permissions_boundary", PermissionsBoundary=self.permissions_boundary)
            else:
                self._forget("delete_role_permissions_boundary")
        if "tags" in changes:
            self._call("tag_role", Tags=tags_to_list(self.tags))

    def _put_policies(self, current: dict[str, Any], changes: dict[str, Any]) -> None:
        # What is to go goes before anything is added: both together may be more than IAM allows.
        for name in current.get("further_inline_policies", []):
            self._forget("delete_role_policy", PolicyName=name)
        if "policy" in changes and self.policy:
            self._call("put_role_policy", PolicyName=INLINE, PolicyDocument=json.dumps(self.policy))
        elif "policy" in changes and current.get("policy"):
            self._forget("delete_role_policy", PolicyName=INLINE)
        if "managed_policies" in changes:
            have, want = set(current["managed_policies"]), set(self.managed_policies)
            for arn in sorted(have - want):
                self._forget("detach_role_policy", PolicyArn=arn)
            for arn in sorted(want - have):
                # Not retried: NoSuchEntity here usually means a wrong policy ARN.
                self.aws.client("iam").attach_role_policy(RoleName=self.name, PolicyArn=arn)

    def _call(self, operation: str, **arguments: Any) -> None:
        """Call an operation on the role, which may be so new that not every part of IAM knows it yet."""
        retry_while(
            lambda error: code_of(error) == MISSING,
            lambda: getattr(self.aws.client("iam"), operation)(RoleName=self.name, **arguments),
            CONSISTENCY_SECONDS,
        )

    def _forget(self, operation: str, **arguments: Any) -> None:
        """Call an operation that takes something away, which may be gone already."""
        with ignoring(MISSING):
            getattr(self.aws.client("iam"), operation)(RoleName=self.name, **arguments)

    def wait_ready(self) -> None:
        # ECS refuses a role that it cannot see yet.
        wait_until(f"{self.label} is visible", self.find, CONSISTENCY_SECONDS, interval=2)

    def untag(self, keys: list[str]) -> None:
        self._call("untag_role", TagKeys=keys)

    def delete(self, current: dict[str, Any]) -> None:
        for arn in current["managed_policies"]:
            self._forget("detach_role_policy", PolicyArn=arn)
        for name in (*current["further_inline_policies"], INLINE):
            self._forget("delete_role_policy", PolicyName=name)
        # What was just taken away may still count as there.
        retry_while(
            lambda error: code_of(error) == "DeleteConflict",
            lambda: self._forget("delete_role"),
            CONSISTENCY_SECONDS,
        )


class ServiceLinkedRole(Resource):
    """The role with which an AWS service works in the account; the service writes its policy. ``id`` is its ARN.

    It belongs to the account: made where it is missing, and left to the account's other users for ever.
    """

    kind = "AWS::IAM::ServiceLinkedRole"
    tagged = False

    def find(self) -> dict[str, Any] | None:
        return self._among(_roles_listed(self.aws)) or self._among(
            self.aws.once("iam", LINKED_ROLES, partial(self._list, LINKED_ROLES))
        )

    def _list(self, path: str) -> list[dict[str, Any]]:
        return self.aws.client("iam").pages("list_roles", "Roles", PathPrefix=path)

    def _among(self, roles: list[dict[str, Any]]) -> dict[str, Any] | None:
        # By its path: the names of these roles follow no rule.
        # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
        role = next((role for role in roles if role["Path"] == f"{LINKED_ROLES}{self.name}/"), None)
        if role is None:
            return None
        self.id = role["Arn"]
        return {"service": self.name}

    def desired(self) -> dict[str, Any]:
        return {"service": self.name}

    def create(self, desired: dict[str, Any]) -> None:
        try:
            self.aws.client("iam").create_service_linked_role(AWSServiceName=self.name)
        except ClientError as error:
            # Somebody, or the service itself, made it meanwhile: the answer is then InvalidInput, "has been taken".
            # https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateServiceLinkedRole.html
            if not (code_of(error) == "InvalidInput" and "has been taken" in str(error)):
                raise

    def wait_ready(self) -> None:
        def visible() -> dict[str, Any] | None:
            return self._among(self._list(f"{LINKED_ROLES}{self.name}/"))

        wait_until(f"{self.label} is visible", visible, CONSISTENCY_SECONDS, interval=2)


def _roles_listed(aws: Aws) -> list[dict[str, Any]]:
    """Return the roles that one call tells of, as long as the run has written nothing."""
    return [] if aws.writes else aws.once("iam", ROLES_LISTED, partial(_roles_of_account, aws))


def _roles_of_account(aws: Aws) -> list[dict[str, Any]]:
    """Return the first roles of the account with their policies: all of them, unless it has very many.

    Empty where we may not ask. Whoever is missing has to be read by itself.
    """
    with ignoring(*DENIED):
        answer = aws.client("iam").get_account_authorization_details(Filter=["Role"], MaxItems=ROLES_LISTED)
        return list(answer["RoleDetailList"])
    return []


def inline_policy(aws: Aws, role_name: str) -> dict[str, Any]:
    """Return the inline policy of ours that a role has now; an empty one if there is none, or no such role."""
    for role in _roles_listed(aws):
        if role["RoleName"] == role_name:
            found = {policy["PolicyName"]: policy["PolicyDocument"] for policy in role["RolePolicyList"]}
            return dict(found.get(INLINE, {}))
    with ignoring(MISSING):
        return dict(aws.client("iam").get_role_policy(RoleName=role_name, PolicyName=INLINE)["PolicyDocument"])
    return {}


def same_or_found(found: dict[str, Any], wanted: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return the wanted policy if the found one means the same, so that only a difference is a difference."""
    if wanted is not None and not compare_policies(found, wanted, default_version=VERSION):
        return wanted
    return found


def policy_document(statements: list[dict[str, Any]]) -> dict[str, Any]:
    """Return a policy of these statements, each allowing."""
    return {"Version": VERSION, "Statement": [{"Effect": "Allow", **statement} for statement in statements]}


def service_trust(service: str, account_id: str) -> dict[str, Any]:
    """Return the policy by which an AWS service takes a role, for this account's resources only."""
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html
    statement = {
        "Principal": {"Service": service},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"aws:SourceAccount": account_id}},
    }
    return policy_document([statement])
