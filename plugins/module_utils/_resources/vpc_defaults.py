# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What AWS makes with every VPC and uses wherever nothing else is named: in a VPC of ours it leads nowhere.

Both get our tags, by which they are found with all others of their kind; taking them over is their creation. They go
with their VPC.
"""

from __future__ import annotations

from typing import Any

from .._reconcile.aws import Aws
from .._reconcile.tags import tags_to_list
from .._reconcile.waits import wait_until
from .security_group import EgressRules, IngressRules, SecurityGroup
from .vpc import CONSISTENCY_SECONDS, RouteTable, Vpc, VpcResource


def _take_over(resource: VpcResource, vpc: Vpc, name: str, value: str) -> dict[str, Any]:
    """Tag what a filter selects in the VPC, and return it."""
    filters = [{"Name": "vpc-id", "Values": [vpc.id]}, {"Name": name, "Values": [value]}]

    def listed() -> list[dict[str, Any]]:
        return resource._list(resource.aws, filters)

    [found] = wait_until(f"{resource.label} is visible", listed, CONSISTENCY_SECONDS, interval=2)
    resource.id = str(found[resource.id_field])
    resource.call("create_tags", Resources=[resource.id], Tags=tags_to_list(resource.tags))
    return dict(found)


class DefaultSecurityGroup(SecurityGroup):
    """The group of whatever names none.

    https://docs.aws.amazon.com/vpc/latest/userguide/default-security-group.html
    """

    def __init__(self, aws: Aws, name: str, tags: dict[str, str], vpc: Vpc) -> None:
        super().__init__(aws, name, tags, vpc, "")
        self.owner = vpc

    def create(self, desired: dict[str, Any]) -> None:
        self.state(_take_over(self, self.owner, "group-name", "default"))
        for rules in (IngressRules, EgressRules):
            rules(self.aws, self, []).close()


class MainRouteTable(RouteTable):
    """The table of subnets that have none.

    https://docs.aws.amazon.com/vpc/latest/userguide/subnet-route-tables.html
    """

    def __init__(self, aws: Aws, name: str, tags: dict[str, str], vpc: Vpc) -> None:
        super().__init__(aws, name, tags, vpc, [], None)

    def state(self, found: dict[str, Any]) -> dict[str, Any]:
        state = super().state(found)
        del state["subnet_ids"]  # of other people, who gave it to them
        return {**state, "main": any(item.get("Main") for item in found.get("Associations", []))}

    def wanted(self) -> dict[str, Any]:
        return {"vpc_id": self.vpc.id, "default_route": None, "foreign_routes": [], "main": True}

    def create(self, desired: dict[str, Any]) -> None:
        found = self.state(_take_over(self, self.vpc, "association.main", "true"))
        self.update({**found, "tags": self.tags}, {"default_route": None, "foreign_routes": []})

    def update(self, current: dict[str, Any], changes: dict[str, Any]) -> None:
        if "main" in changes:
            self._be_main()
        super().update(current, changes)

    def _be_main(self) -> None:
        filters = [{"Name": "vpc-id", "Values": [self.vpc.id]}, {"Name": "association.main", "Values": ["true"]}]
        for table in self._list(self.aws, filters):
            for item in table["Associations"]:
                if item.get("Main"):
                    association = item["RouteTableAssociationId"]
                    self.call("replace_route_table_association", AssociationId=association, RouteTableId=self.id)
