# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What MiniStack's RDS does not remember: which logs go to CloudWatch, and with what an instance was restored.

It makes no server for a restored instance, so data are not restored here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ministack.services import rds

LOGS = "EnabledCloudwatchLogsExports"
# Of RestoreDBInstanceFromDBSnapshot, what MiniStack forgets.
FLAGS = ("CopyTagsToSnapshot", "DeletionProtection", "AutoMinorVersionUpgrade")


def install() -> None:
    """Let MiniStack remember it."""
    for operation, remember in (
        ("CreateDBInstance", _created),
        ("ModifyDBInstance", _modified),
        ("RestoreDBInstanceFromDBSnapshot", _restored),
    ):
        rds._ACTION_MAP[operation] = _then(rds._ACTION_MAP[operation], remember)
    shown = rds._instance_xml

    def instance_xml(instance: dict[str, Any]) -> str:
        logs = "".join(f"<member>{name}</member>" for name in instance.get(LOGS, []))
        return str(shown(instance)).replace(f"<{LOGS}/>", f"<{LOGS}>{logs}</{LOGS}>")

    rds._instance_xml = instance_xml


def _then(operation: Callable[[Any], Any], remember: Callable[[dict[str, Any], Any], None]) -> Callable[[Any], Any]:
    def both(parameters: Any) -> Any:
        answer = operation(parameters)
        instance = rds._resolve_instance(rds._p(parameters, "DBInstanceIdentifier"))
        if answer[0] == 200 and instance:
            remember(instance, parameters)
        return answer

    return both


def _created(instance: dict[str, Any], parameters: Any) -> None:
    instance[LOGS] = rds._parse_member_list(parameters, "EnableCloudwatchLogsExports")


def _modified(instance: dict[str, Any], parameters: Any) -> None:
    name = "CloudwatchLogsExportConfiguration.{}LogTypes"
    added, taken = (rds._parse_member_list(parameters, name.format(verb)) for verb in ("Enable", "Disable"))
    instance[LOGS] = sorted((set(instance.get(LOGS, [])) | set(added)) - set(taken))


def _restored(instance: dict[str, Any], parameters: Any) -> None:
    _created(instance, parameters)
    snapshot = rds._snapshots[rds._p(parameters, "DBSnapshotIdentifier").rsplit(":", 1)[-1]]
    instance["KmsKeyId"] = snapshot.get("KmsKeyId", "")
    groups = rds._parse_member_list(parameters, "VpcSecurityGroupIds")
    instance["VpcSecurityGroups"] = [{"VpcSecurityGroupId": group, "Status": "active"} for group in groups]
    group = rds._p(parameters, "DBParameterGroupName")
    instance["DBParameterGroups"] = [{"DBParameterGroupName": group, "ParameterApplyStatus": "in-sync"}]
    instance.update({flag: rds._p(parameters, flag) == "true" for flag in FLAGS})
    rds._tags[instance["DBInstanceArn"]] = rds._parse_tags(parameters)
