# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the containers' own output goes. Task logs are in S3; these are the words of the services themselves."""

from __future__ import annotations

from typing import Any

from .._reconcile.errors import OptionError
from .._reconcile.resource import Resource
from .._resources.logs import RETENTION_DAYS, LogGroup
from ._base import Component
from ._kms_rules import validate_kms_key_arn
from ._names import log_group_name

RETENTION = "https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html"
PROGRAMS = ("airflow", "scaler")


class ObservabilityComponent(Component):
    """Log groups named ``/sm2a/<environment>/<program>``."""

    NAME = "observability"
    ARGUMENTS = {
        "log_retention_in_days": {"type": "int", "default": 30},
        "kms_key_arn": {"type": "str", "no_log": False},
        "delete_log_groups": {"type": "bool", "default": False},
    }

    def validate(self) -> None:
        days = self.options["log_retention_in_days"]
        if days not in RETENTION_DAYS:
            allowed = ", ".join(map(str, RETENTION_DAYS))
            raise OptionError("log_retention_in_days", days, f"it must be one of {allowed}", RETENTION)
        validate_kms_key_arn(self.options, self.aws)

    def resources(self) -> list[Resource]:
        self.log_groups = {
            program: LogGroup(
                self.aws,
                log_group_name(self.environment, program),
                self.tags,
                self.options["log_retention_in_days"],
                self.options["kms_key_arn"],
            )
            for program in PROGRAMS
        }
        if self.options["state"] == "absent" and not self.options["delete_log_groups"]:
            return []
        return list(self.log_groups.values())

    def facts(self) -> dict[str, Any]:
        return {"log_groups": {program: group.name for program, group in self.log_groups.items()}}
