# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Security groups."""

from __future__ import annotations

from typing import Any

from .._reconcile.aws import Aws
from .._reconcile.errors import ClientError, code_of
from .._reconcile.resource import Resource
from .vpc import Vpc, VpcResource


class SecurityGroup(VpcResource):
    """A security group; its rules for incoming traffic are resources of their own, since groups refer to each other.

    ``egress`` false takes away the rule with which AWS creates every group, that everything may go out.
    """

    kind = "AWS::EC2::SecurityGroup"
    resource_type = "security-group"
    operation, result, id_field = "describe_security_groups", "SecurityGroups", "GroupId"
    fixed_fields = ("vpc_id",)

    def __init__(
        self, aws: Aws, name: str, tags: dict[str, str], vpc: Vpc | str, description: str, egress: bool = True
    ) -> None:
        super().__init__(aws, name, tags)
        self.vpc = vpc
        self.description = description
        self.egress = egress
        self.permissions: list[dict[str, Any]] = []
        self.ingress: list[dict[str, Any]] | None = None
        """The permissions for incoming traffic that ``find`` saw, None where they have to be asked for."""

    @property
    def vpc_id(self) -> str:
        """The VPC's id, which may be known only once the VPC is reconciled."""
        return self.vpc if isinstance(self.vpc, str) else self.vpc.id

    def state(self, found: dict[str, Any]) -> dict[str, Any]:
        self.permissions, self.ingress = found.get("IpPermissionsEgress", []), found.get("IpPermissions", [])
        rules = sorted(rule for permission in self.permissions for rule in _rules(permission, "to"))
        return {"vpc_id": found["VpcId"], "egress": rules}

    def wanted(self) -> dict[str, Any]:
        return {"vpc_id": self.vpc_id, **({} if self.egress else {"egress": []})}

    def create(self, desired: dict[str, Any]) -> None:
        self.id = self.call(
            "create_security_group",
            GroupName=self.name,
            Description=self.description,
            VpcId=self.vpc_id,
            TagSpecifications=self.specification(),
        )["GroupId"]
        if not self.egress:
            self.state(self.wait_visible())
            self._close()

    def update(self, current: dict[str, Any], changes: dict[str, Any]) -> None:
        if "egress" in changes:
            self._close()
        super().update(current, changes)

    def _close(self) -> None:
        singles = [single for permission in self.permissions for _rule, single in _split(permission, "to")]
        if singles:
            self.call("revoke_security_group_egress", GroupId=self.id, IpPermissions=singles)

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


class IngressRules(Resource):
    """All rules for incoming traffic of one of our groups. Rules that others added are taken away again.

    ``allowed`` lists pairs of a TCP port and who may reach it: a network in CIDR form, or a group.
    """

    kind = "AWS::EC2::SecurityGroupIngress"
    tagged = False

    def __init__(self, aws: Aws, group: SecurityGroup, allowed: list[tuple[int, str | SecurityGroup]]) -> None:
        super().__init__(aws, group.name)
        self.group = group
        self.allowed = allowed
        self.permissions: list[dict[str, Any]] = []

    def find(self) -> dict[str, Any] | None:
        self.permissions = self._found() if self.group.ingress is None else self.group.ingress
        if not self.permissions:
            return None
        self.id = self.group.id
        return {"rules": sorted(rule for permission in self.permissions for rule in _rules(permission))}

    def _found(self) -> list[dict[str, Any]]:
        found = self.group.call("describe_security_groups", GroupIds=[self.group.id])["SecurityGroups"]
        return list(found[0].get("IpPermissions", [])) if found else []

    def desired(self) -> dict[str, Any]:
        sources = [(port, source if isinstance(source, str) else source.id) for port, source in self.allowed]
        return {"rules": sorted(f"tcp {port} from {source}" for port, source in sources)}

    def create(self, desired: dict[str, Any]) -> None:
        self.id = self.group.id
        self.update({"rules": []}, desired)

    def update(self, current: dict[str, Any], changes: dict[str, Any]) -> None:
        self.group.ingress = None
        wanted = set(changes["rules"])
        surplus = [
            single for permission in self.permissions for rule, single in _split(permission) if rule not in wanted
        ]
        # What is missing comes first, so that a changed range does not cut off what is allowed by both.
        missing = [_permission(rule) for rule in sorted(wanted - set(current["rules"]))]
        self._change("authorize_security_group_ingress", missing, "InvalidPermission.Duplicate")
        self._change("revoke_security_group_ingress", surplus, "InvalidPermission.NotFound")

    def delete(self, current: dict[str, Any]) -> None:
        """Take all rules away: a group that another's rule names cannot be deleted."""
        self.group.ingress = None
        singles = [single for permission in self.permissions for _rule, single in _split(permission)]
        self.group.release("revoke_security_group_ingress", GroupId=self.group.id, IpPermissions=singles)

    def _change(self, operation: str, permissions: list[dict[str, Any]], done: str) -> None:
        """Add or take away rules; a rule of which AWS says that it is so already (``done``) is no failure."""
        if not permissions:
            return
        try:
            self.group.call(operation, GroupId=self.group.id, IpPermissions=permissions)
        except ClientError as error:
            if code_of(error) != done:
                raise
            # AWS then does nothing of the request: the others go one by one.
            if len(permissions) > 1:
                for permission in permissions:
                    self._change(operation, [permission], done)


def _rules(permission: dict[str, Any], direction: str = "from") -> list[str]:
    return [rule for rule, _single in _split(permission, direction)]


def _split(permission: dict[str, Any], direction: str = "from") -> list[tuple[str, dict[str, Any]]]:
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
            rule = f"{protocol} {port} {direction} {item[key]}"
            single: dict[str, Any] = {"IpProtocol": protocol, **ports, field: [{key: item[key]}]}
            singles.append((rule, single))
    return singles


def _permission(rule: str) -> dict[str, Any]:
    protocol, port, _from, source = rule.split(" ")
    permission: dict[str, Any] = {"IpProtocol": protocol, "FromPort": int(port), "ToPort": int(port)}
    if source.startswith("sg-"):
        permission["UserIdGroupPairs"] = [{"GroupId": source}]
    elif ":" in source:
        permission["Ipv6Ranges"] = [{"CidrIpv6": source}]
    else:
        permission["IpRanges"] = [{"CidrIp": source}]
    return permission
