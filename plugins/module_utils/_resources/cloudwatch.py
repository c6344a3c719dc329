# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Amazon CloudWatch."""

from __future__ import annotations

import json
from typing import Any

from .._reconcile.aws import Aws
from .._reconcile.errors import ignoring
from .._reconcile.resource import Resource

# DashboardNotFoundError is what GetDashboard documents; the others are what SDKs make of it.
MISSING = ("ResourceNotFound", "DashboardNotFoundError", "ResourceNotFoundException")


class Dashboard(Resource):
    """A dashboard of ``widgets``, as CloudWatch describes them. ``id`` is its name.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
    """

    kind = "AWS::CloudWatch::Dashboard"
    tagged = False

    def __init__(self, aws: Aws, name: str, widgets: list[dict[str, Any]]) -> None:
        super().__init__(aws, name, {})
        self.id = name
        self.widgets = widgets

    def find(self) -> dict[str, Any] | None:
        with ignoring(*MISSING):
            body = self.aws.client("cloudwatch").get_dashboard(DashboardName=self.name)["DashboardBody"]
            return {"widgets": json.loads(body).get("widgets", [])}
        return None

    def desired(self) -> dict[str, Any]:
        return {"widgets": self.widgets}

    def create(self, desired: dict[str, Any]) -> None:
        self._put()

    def update(self, current: dict[str, Any], changes: dict[str, Any]) -> None:
        self._put()

    def _put(self) -> None:
        body = json.dumps({"widgets": self.widgets}, sort_keys=True)
        self.aws.client("cloudwatch").put_dashboard(DashboardName=self.name, DashboardBody=body)

    def delete(self, current: dict[str, Any]) -> None:
        self.aws.client("cloudwatch").delete_dashboards(DashboardNames=[self.name])
