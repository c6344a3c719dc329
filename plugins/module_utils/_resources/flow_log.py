# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Flow logs of a VPC."""

from __future__ import annotations

from typing import Any

from .._reconcile.aws import Aws
from .._reconcile.errors import ReconcileError
from .._reconcile.waits import wait_until
from .iam import Role
from .logs import LogGroup
from .vpc import Vpc, VpcResource, creation_token

# How long a new role may not yet be usable: IAM is eventually consistent.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_general.html#troubleshoot_general_eventual-consistency
ROLE_SECONDS = 120


class FlowLog(VpcResource):
    """Who talked to whom in a VPC, written to a log group or a bucket.

    Nothing of a flow log can be changed; one that differs is replaced.
    """

    kind = "AWS::EC2::FlowLog"
    resource_type = "vpc-flow-log"
    operation, result, id_field = "describe_flow_logs", "FlowLogs", "FlowLogId"

    def __init__(
        self,
        aws: Aws,
        name: str,
        tags: dict[str, str],
        vpc: Vpc,
        *,
        traffic: str = "ALL",
        log_group: LogGroup | None = None,
        role: Role | None = None,
        bucket_arn: str | None = None,
    ) -> None:
        super().__init__(aws, name, tags)
        self.vpc = vpc
        self.traffic = traffic
        self.log_group = log_group
        self.role = role
        self.bucket_arn = bucket_arn

    @classmethod
    def _list(cls, aws: Aws, filters: list[dict[str, Any]]) -> list[dict[str, Any]]:
        # As with NAT gateways the parameter is called Filter, not Filters.
        return aws.client("ec2").pages(cls.operation, cls.result, Filter=filters)

    def state(self, found: dict[str, Any]) -> dict[str, Any]:
        name = found.get("LogGroupName")
        return {
            "vpc_id": found["ResourceId"],
            "traffic": found["TrafficType"],
            "destination": found.get("LogDestination") or self.aws.arn("logs", f"log-group:{name}"),
        }

    def wanted(self) -> dict[str, Any]:
        destination = self.log_group.arn if self.log_group else self.bucket_arn
        return {"vpc_id": self.vpc.id, "traffic": self.traffic, "destination": destination}

    def create(self, desired: dict[str, Any]) -> None:
        destination = {"LogDestinationType": "s3"}
        if self.role:
            destination = {"LogDestinationType": "cloud-watch-logs", "DeliverLogsPermissionArn": self.role.id}
        refusal = ""

        def attempt() -> bool:
            nonlocal refusal
            answer = self.call(
                "create_flow_logs",
                ClientToken=creation_token(),
                ResourceType="VPC",
                ResourceIds=[desired["vpc_id"]],
                TrafficType=desired["traffic"],
                LogDestination=desired["destination"],
                TagSpecifications=self.specification(),
                **destination,
            )
            if answer.get("FlowLogIds"):
                self.id = answer["FlowLogIds"][0]
                return True
            error = answer["Unsuccessful"][0]["Error"]
            refusal = f"{error['Code']}: {error['Message']}"
            if "assume" not in refusal.lower():
                raise ReconcileError(f"{self.label} could not be created: {refusal}")
            return False

        wait_until(f"{self.label} may use its role", attempt, ROLE_SECONDS, reason=lambda: refusal)

    def update(self, current: dict[str, Any], changes: dict[str, Any]) -> None:
        if set(changes) - {"tags"}:
            self.delete(current)
            self.create(self.desired())
        else:
            super().update(current, changes)

    def delete(self, current: dict[str, Any]) -> None:
        answer = self.aws.client("ec2").delete_flow_logs(FlowLogIds=[self.id])
        for failure in answer.get("Unsuccessful", []):
            error = failure["Error"]
            if not error["Code"].endswith("NotFound"):
                raise ReconcileError(f"{self.label} could not be deleted: {error['Code']}: {error['Message']}")
