# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Amazon CloudWatch Logs."""

from __future__ import annotations

from typing import Any

from .._reconcile.aws import Aws
from .._reconcile.resource import Resource
from .._reconcile.tags import ENVIRONMENT

# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
RETENTION_DAYS = (
    1,
    3,
    5,
    7,
    14,
    30,
    60,
    90,
    120,
    150,
    180,
    365,
    400,
    545,
    731,
    1096,
    1827,
    2192,
    2557,
    2922,
    3288,
    3653,
)


class LogGroup(Resource):
    """A log group. ``id`` is its name, ``arn`` its ARN without the trailing ``:*``.

    Without ``kms_key_arn`` a group that exists keeps its key, and a new one gets CloudWatch's own.
    """

    kind = "AWS::Logs::LogGroup"

    def __init__(
        self, aws: Aws, name: str, tags: dict[str, str], retention_in_days: int, kms_key_arn: str | None
    ) -> None:
        super().__init__(aws, name, tags)
        self.id = name
        self.retention_in_days = retention_in_days
        self.kms_key_arn = kms_key_arn

    @property
    def arn(self) -> str:
        return self.aws.arn("logs", f"log-group:{self.name}")

    def find(self) -> dict[str, Any] | None:
        logs = self.aws.client("logs")
        # One call for all groups of the environment.
        prefix = f"{self.name.rpartition('/')[0]}/"
        groups = self.aws.once(
            "logs",
            prefix,
            lambda: logs.pages("describe_log_groups", "logGroups", logGroupNamePrefix=prefix),
        )
        group = next((group for group in groups if group["logGroupName"] == self.name), None)
        if group is None:
            return None
        return {
            "retention_in_days": group.get("retentionInDays", 0),
            "kms_key_arn": group.get("kmsKeyId"),
            "tags": logs.list_tags_for_resource(resourceArn=group["arn"].removesuffix(":*")).get("tags", {}),
        }

    def desired(self) -> dict[str, Any]:
        key = {"kms_key_arn": self.kms_key_arn} if self.kms_key_arn else {}
        return {"retention_in_days": self.retention_in_days, **key, "tags": self.tags}

    def create(self, desired: dict[str, Any]) -> None:
        key = {"kmsKeyId": self.kms_key_arn} if self.kms_key_arn else {}
        self.aws.client("logs").create_log_group(logGroupName=self.name, tags=self.tags, **key)
        self._put_retention()

    def update(self, current: dict[str, Any], changes: dict[str, Any]) -> None:
        logs = self.aws.client("logs")
        if "retention_in_days" in changes:
            self._put_retention()
        if "kms_key_arn" in changes:
            logs.associate_kms_key(logGroupName=self.name, kmsKeyId=changes["kms_key_arn"])
        if "tags" in changes:
            logs.tag_resource(resourceArn=self.arn, tags=self.tags)

    def _put_retention(self) -> None:
        self.aws.client("logs").put_retention_policy(logGroupName=self.name, retentionInDays=self.retention_in_days)

    def untag(self, keys: list[str]) -> None:
        self.aws.client("logs").untag_resource(resourceArn=self.arn, tagKeys=keys)

    def delete(self, current: dict[str, Any]) -> None:
        self.aws.client("logs").delete_log_group(logGroupName=self.name)


class ServiceLogGroup(LogGroup):
    """A log group of a name that an AWS service has for it. The service makes it, without tags, if it is missing."""

    def adopts(self, current: dict[str, Any]) -> bool:
        return ENVIRONMENT not in current["tags"]
