# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the containers' own output goes. Task logs are in S3; these are the words of the services themselves."""

from __future__ import annotations

from typing import Any

from .._reconcile.resource import Resource
from .._resources.logs import RETENTION_DAYS, LogGroup
from ._base import Component
from ._kms_rules import kms_key_option
from ._names import log_group_name
from ._option import Option, Return

RETENTION = "https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html"
PROGRAMS = ("airflow", "scaler", "execute_command")


class ObservabilityComponent(Component):
    """Log groups named ``/sm2a/<environment>/<program>``."""

    NAME = "observability"
    SUMMARY = "CloudWatch log groups of the containers"
    DESCRIPTION = (
        "Creates the log groups that the containers of Airflow and of the scaler write to, and one for the sessions of "
        "ECS Exec. Task logs are in S3.",
    )
    TASK = "Create the log groups"
    MAIN = ("log_retention_in_days",)
    OPTIONS = {
        "log_retention_in_days": Option(
            "int", "Days for which the containers' output is kept.", default=30, allowed=RETENTION_DAYS, why=RETENTION
        ),
        "kms_key_arn": kms_key_option(
            "KMS key that encrypts the logs.",
            "Without it what exists keeps the key that it has, and CloudWatch encrypts new groups with a key "
            "of its own.",
        ),
        "delete_log_groups": Option(
            "bool", "Whether O(state=absent) deletes the log groups too. They are kept by default.", default=False
        ),
    }
    RETURNS = {
        "log_groups": Return(
            "dict",
            "Name of the log group of each program.",
            {
                "airflow": "/sm2a/dev/airflow",
                "scaler": "/sm2a/dev/scaler",
                "execute_command": "/sm2a/dev/execute-command",
            },
        ),
    }
    PLAN = ("AWS::Logs::LogGroup", "/sm2a/dev/airflow")
    EXAMPLES = """
- name: Log groups
  sm2a.airflow.observability:
    environment: dev
    region: eu-central-1
    log_retention_in_days: 90
"""

    def resources(self) -> list[Resource]:
        self.log_groups = {
            program: LogGroup(
                self.aws,
                log_group_name(self.environment, program.replace("_", "-")),
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
