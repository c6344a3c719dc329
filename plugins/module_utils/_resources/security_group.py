# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Security groups."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .._reconcile.aws import Aws
from .._reconcile.errors import ClientError, code_of
from .._reconcile.resource import Resource
from .vpc import Vpc, VpcResource

Permissions = list[dict[str, Any]]
"""The rules of one direction, as EC2 describes them: those of the same protocol and ports together."""


class SecurityGroup(VpcResource):
    """A security group that lets nothing in or out; its rules are resources of their own, since groups name each other.

    The rule with which AWS creates every group, that everything may go out, is taken away at once.
    """

    kind = "AWS::EC2::SecurityGroup"
    resource_type = "security-group"
    operation, result, id_field = "describe_security_groups", "SecurityGroups", "GroupId"
    fixed_fields = ("vpc_id",)

    def __init__(self, aws: Aws, name: str, tags: dict[str, str], vpc: Vpc | str, description: str) -> None:
        super().__init__(aws, name, tags)
        self.vpc = vpc
        self.description = description
        self.permissions: dict[str, Permissions] = {}
        """What ``find`` saw of each direction; a direction that has to be asked for is not there."""

    @property
    def vpc_id(self) -> str:
        """The VPC's id, which may be known only once the VPC is reconciled."""
        return self.vpc if isinstance(self.vpc, str) else self.vpc.id

    def state(self, found: dict[str, Any]) -> dict[str, Any]:
        self.permissions = {rules.field: found.get(rules.field, []) for rules in (IngressRules, EgressRules)}
        return {"vpc_id": found["VpcId"]}

    def wanted(self) -> dict[str, Any]:
        return {"vpc_id": self.vpc_id}

    def create(self, desired: dict[str, Any]) -> None:
        self.id = self.call(
            "create_security_group",
            GroupName=self.name,
            Description=self.description,
            VpcId=self.vpc_id,
            TagSpecifications=self.specification(),
        )["GroupId"]
        self.state(self.wait_visible())
        EgressRules(self.aws, self, []).close()

    def delete(self, current: dict[str, Any]) -> None:
        self.release("delete_security_group", GroupId=self.id)

    def used_by(self) -> list[str]:
        naming = [
            f"a rule of security group {group['GroupId']} ({group['GroupName']})"
            for direction in ("ip-permission.group-id", "egress.ip-permission.group-id")
            for group in self.aws.client("ec2").pages(
                "describe_security_groups", "SecurityGroups", Filters=[{"Name": direction, "Values": [self.id]}]
            )
            if group["GroupId"] != self.id
        ]
        return [*self.interfaces("group-id", self.id), *naming]


class Rules(Resource):
    """All rules of one direction of one of our groups. Rules that others added are taken away again.

    ``allowed`` lists pairs: what may pass, a TCP port or words such as ``udp 53``, ``tcp 1024-65535`` or ``-1 all``,
    and the other side, a network in CIDR form or a group. If nothing may pass there is nothing to be made, and all
    that is found is to go. ``after`` are rules that have to be in place before some of these go. Of ``former`` rules,
    those of a version before, what is there stays with ``keeps_former``: somebody may still need it until a later call.
    """

    tagged = False
    field = ""
    """Where EC2 describes the rules."""
    operation = ""
    word = ""

    def __init__(
        self,
        aws: Aws,
        group: SecurityGroup,
        allowed: Sequence[tuple[int | str, str | SecurityGroup]],
        after: Rules | None = None,
        former: Sequence[tuple[int | str, str | SecurityGroup]] = (),
        keeps_former: bool = False,
    ) -> None:
        super().__init__(aws, group.name)
        self.group = group
        self.allowed = list(allowed)
        self.after = after
        self.former = list(former)
        self.keeps_former = keeps_former
        self.absent = not self.allowed
        self.permissions: Permissions = []

    def find(self) -> dict[str, Any] | None:
        known = self.group.permissions.get(self.field)
        self.permissions = self._found() if known is None else known
        if not self.permissions:
            return None
        self.id = self.group.id
        rules = {rule for rule, _single in self._singles()}
        if self.keeps_former and rules & self._in_words(self.former):
            # Something is left for the call that waits.
            self.slow, self.ready = True, False
        return {"rules": sorted(rules)}

    def _found(self) -> Permissions:
        found = self.group.call("describe_security_groups", GroupIds=[self.group.id])["SecurityGroups"]
        return list(found[0].get(self.field, [])) if found else []

    def _singles(self) -> list[tuple[str, dict[str, Any]]]:
        """Return each rule that was found as text and as a permission of its own."""
        return [single for permission in self.permissions for single in _split(permission, self.word)]

    def desired(self) -> dict[str, Any]:
        kept = self._in_words(self.former) if self.keeps_former else set()
        there = {rule for rule, _single in self._singles()}
        return {"rules": sorted(self._in_words(self.allowed) | (kept & there))}

    def _in_words(self, pairs: Sequence[tuple[int | str, str | SecurityGroup]]) -> set[str]:
        rules = set()
        for what, side in pairs:
            passing = f"tcp {what}" if isinstance(what, int) else what
            rules.add(f"{passing} {self.word} {side if isinstance(side, str) else side.id}")
        return rules

    def create(self, desired: dict[str, Any]) -> None:
        self.id = self.group.id
        self.update({"rules": []}, desired)

    def update(self, current: dict[str, Any], changes: dict[str, Any]) -> None:
        self.group.permissions.pop(self.field, None)
        wanted = set(changes["rules"])
        # What is missing comes first, so that a changed range does not cut off what is allowed by both.
        missing = [_permission(rule) for rule in sorted(wanted - set(current["rules"]))]
        self._change("authorize", missing, "InvalidPermission.Duplicate")
        self._revoke([single for rule, single in self._singles() if rule not in wanted])

    def close(self) -> None:
        """Take all rules away that the group was found with."""
        self.permissions = self.group.permissions[self.field]
        self._revoke([single for _rule, single in self._singles()])
        self.group.permissions[self.field] = []

    def delete(self, current: dict[str, Any]) -> None:
        """Take all rules away: a group that another's rule names cannot be deleted."""
        self.group.permissions.pop(self.field, None)
        singles = [single for _rule, single in self._singles()]
        operation = f"revoke_security_group_{self.operation}"
        self.group.release(operation, GroupId=self.group.id, IpPermissions=singles)

    def _revoke(self, permissions: Permissions) -> None:
        self._change("revoke", permissions, "InvalidPermission.NotFound")

    def _change(self, verb: str, permissions: Permissions, done: str) -> None:
        """Add or take away rules; a rule of which AWS says that it is so already (``done``) is no failure."""
        if not permissions:
            return
        operation = f"{verb}_security_group_{self.operation}"
        try:
            self.group.call(operation, GroupId=self.group.id, IpPermissions=permissions)
        except ClientError as error:
            if code_of(error) != done:
                raise
            # AWS then does nothing of the request: the others go one by one.
            if len(permissions) > 1:
                for permission in permissions:
                    self._change(verb, [permission], done)


class IngressRules(Rules):
    """Who may call."""

    kind = "AWS::EC2::SecurityGroupIngress"
    field, operation, word = "IpPermissions", "ingress", "from"


class EgressRules(Rules):
    """Who may be called."""

    kind = "AWS::EC2::SecurityGroupEgress"
    field, operation, word = "IpPermissionsEgress", "egress", "to"


def _split(permission: dict[str, Any], word: str) -> list[tuple[str, dict[str, Any]]]:
    """Return each rule of a permission as text and as a permission of its own."""
    protocol = permission["IpProtocol"]
    ports: dict[str, Any] = {key: permission[key] for key in ("FromPort", "ToPort") if key in permission}
    first, last = ports.get("FromPort"), ports.get("ToPort")
    port = "all" if first is None else str(first) if first == last else f"{first}-{last}"
    singles = []
    for field, key in (
        ("IpRanges", "CidrIp"),
        ("Ipv6Ranges", "CidrIpv6"),
        ("PrefixListIds", "PrefixListId"),
        ("UserIdGroupPairs", "GroupId"),
    ):
        for item in permission.get(field, []):
            rule = f"{protocol} {port} {word} {item[key]}"
            single: dict[str, Any] = {"IpProtocol": protocol, **ports, field: [{key: item[key]}]}
            singles.append((rule, single))
    return singles


def _permission(rule: str) -> dict[str, Any]:
    """Return the permission of a rule in words."""
    protocol, port, _word, side = rule.split(" ")
    permission: dict[str, Any] = {"IpProtocol": protocol}
    if port != "all":
        first, _dash, last = port.partition("-")
        permission.update(FromPort=int(first), ToPort=int(last or first))
    if side.startswith("sg-"):
        permission["UserIdGroupPairs"] = [{"GroupId": side}]
    elif ":" in side:
        permission["Ipv6Ranges"] = [{"CidrIpv6": side}]
    else:
        permission["IpRanges"] = [{"CidrIp": side}]
    return permission
