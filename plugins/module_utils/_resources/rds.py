# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Amazon RDS."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection, Sequence
from typing import Any

from .._reconcile.aws import Aws
from .._reconcile.errors import ClientError, ReconcileError, code_of, ignoring
from .._reconcile.resource import Resource
from .._reconcile.tags import tags_from_list, tags_to_list
from .._reconcile.values import KNOWN_AFTER_APPLY, changed_fields
from .._reconcile.waits import retry_while, wait_released, wait_until, waiting

# Creation takes about seven minutes, a Multi-AZ conversion or a restore longer, a deletion with its snapshot as long.
INSTANCE_SECONDS = 3600
# States that no waiting ends: https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/accessing-monitoring.html
FAILED = (
    "failed",
    "inaccessible-encryption-credentials",
    "inaccessible-encryption-credentials-recoverable",
    "incompatible-credentials",
    "incompatible-network",
    "incompatible-option-group",
    "incompatible-parameters",
    "incompatible-restore",
    "insufficient-capacity",
    "restore-error",
    "storage-full",
)
HINTS = dict.fromkeys(
    ("inaccessible-encryption-credentials", "inaccessible-encryption-credentials-recoverable"),
    ": RDS may not use its KMS key, which is disabled or waits for its deletion",
)
STOPPED = ("stopped", "stopping")
# The states in which RDS takes changes.
SETTLED = ("available", "storage-optimization")
USABLE = ("available", "storage-optimization", "backing-up", "configuring-enhanced-monitoring")
# The names that the service gives its errors, and those that its documentation gives them.
NO_SUBNET_GROUP = ("DBSubnetGroupNotFoundFault", "DBSubnetGroupNotFound")
NO_PARAMETER_GROUP = ("DBParameterGroupNotFoundFault", "DBParameterGroupNotFound")
NO_INSTANCE = ("DBInstanceNotFound", "DBInstanceNotFoundFault")
NO_SNAPSHOT = ("DBSnapshotNotFound", "DBSnapshotNotFoundFault")
INVALID_STATE = ("InvalidDBInstanceState", "InvalidDBInstanceStateFault")
# An instance that is gone still holds its groups for a while.
GROUP_IN_USE = (
    "InvalidDBSubnetGroupStateFault",
    "InvalidDBSubnetGroupState",
    "InvalidDBParameterGroupState",
    "InvalidDBParameterGroupStateFault",
)
RELEASE_SECONDS = 900
# https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_ResetDBParameterGroup.html
PARAMETERS_AT_ONCE = 20
# On an instance that was restored and still has the login of its snapshot.
OF_SNAPSHOT = "sm2a:login-of-snapshot"
# What RestoreDBInstanceFromDBSnapshot takes; a restored instance brings its engine, size and login along.
# https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_RestoreDBInstanceFromDBSnapshot.html
RESTORABLE = (
    "AutoMinorVersionUpgrade",
    "CACertificateIdentifier",
    "CopyTagsToSnapshot",
    "DBInstanceClass",
    "DeletionProtection",
    "EnableCloudwatchLogsExports",
    "EnableIAMDatabaseAuthentication",
    "MultiAZ",
    "Port",
    "PubliclyAccessible",
    "StorageType",
    "VpcSecurityGroupIds",
)


def major_version(engine: str, version: str) -> str:
    """Return the part of a version that only an upgrade by hand changes: 17 of 17.6, and 8.4 of MySQL's 8.4.6."""
    return ".".join(version.split(".")[: 2 if engine == "mysql" else 1])


def is_newer(version: str, than: str) -> bool:
    """Tell whether a version is newer than another, as far as both are given."""
    given = min(len(_numbers(version)), len(_numbers(than)))
    return _numbers(version)[:given] > _numbers(than)[:given]


def _numbers(version: str) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", version)]


def describe_instance(aws: Aws, identifier: str) -> dict[str, Any] | None:
    """Return what RDS says of an instance, None if there is none."""
    with ignoring(*NO_INSTANCE):
        answer = aws.client("rds").describe_db_instances(DBInstanceIdentifier=identifier)
        return dict(answer["DBInstances"][0])
    return None


def describe_snapshot(aws: Aws, identifier: str) -> dict[str, Any] | None:
    """Return what RDS says of a snapshot that is named by its identifier or its ARN, None if there is none."""
    # One that somebody else shares is told of only if it is asked for, and is named by its ARN.
    shared = {"IncludeShared": True} if identifier.startswith("arn:") else {}
    with ignoring(*NO_SNAPSHOT):
        found = aws.client("rds").describe_db_snapshots(DBSnapshotIdentifier=identifier, **shared)["DBSnapshots"]
        return next((dict(snapshot) for snapshot in found), None)
    return None


class _Tagged(Resource):
    """Something of RDS's that has an ARN besides its ``id``, which is its name."""

    arn = KNOWN_AFTER_APPLY

    def _tags(self) -> dict[str, str]:
        return tags_from_list(self.aws.client("rds").list_tags_for_resource(ResourceName=self.arn)["TagList"])

    def _put_tags(self) -> None:
        self.aws.client("rds").add_tags_to_resource(ResourceName=self.arn, Tags=tags_to_list(self.tags))

    def untag(self, keys: list[str]) -> None:
        self.aws.client("rds").remove_tags_from_resource(ResourceName=self.arn, TagKeys=keys)


class SubnetGroup(_Tagged):
    """The subnets that an instance may be in. ``id`` is its name."""

    kind = "AWS::RDS::DBSubnetGroup"

    def __init__(self, aws: Aws, name: str, tags: dict[str, str], subnet_ids: list[str]) -> None:
        super().__init__(aws, name, tags)
        self.id = name
        self.subnet_ids = sorted(subnet_ids)

    def find(self) -> dict[str, Any] | None:
        rds = self.aws.client("rds")
        group: dict[str, Any] | None = None
        with ignoring(*NO_SUBNET_GROUP):
            group = rds.describe_db_subnet_groups(DBSubnetGroupName=self.name)["DBSubnetGroups"][0]
        if group is None:
            return None
        self.arn = group["DBSubnetGroupArn"]
        return {
            "subnet_ids": sorted(subnet["SubnetIdentifier"] for subnet in group["Subnets"]),
            "tags": self._tags(),
        }

    def desired(self) -> dict[str, Any]:
        return {"subnet_ids": self.subnet_ids, "tags": self.tags}

    def create(self, desired: dict[str, Any]) -> None:
        self.aws.client("rds").create_db_subnet_group(
            DBSubnetGroupName=self.name,
            DBSubnetGroupDescription=f"Private subnets of {self.name}",
            SubnetIds=self.subnet_ids,
            Tags=tags_to_list(self.tags),
        )

    def update(self, current: dict[str, Any], changes: dict[str, Any]) -> None:
        rds = self.aws.client("rds")
        if "subnet_ids" in changes:
            rds.modify_db_subnet_group(DBSubnetGroupName=self.name, SubnetIds=self.subnet_ids)
        if "tags" in changes:
            self._put_tags()

    def delete(self, current: dict[str, Any]) -> None:
        wait_released(
            self.label,
            lambda: self.aws.client("rds").delete_db_subnet_group(DBSubnetGroupName=self.name),
            GROUP_IN_USE,
            RELEASE_SECONDS,
        )


class ParameterGroup(_Tagged):
    """Settings of the database server. ``id`` is its name; the family is part of it, for major upgrades.

    Others get their default back: one of them may let in whoever does not encrypt.
    """

    kind = "AWS::RDS::DBParameterGroup"

    def __init__(self, aws: Aws, name: str, tags: dict[str, str], family: str, parameters: dict[str, str]) -> None:
        super().__init__(aws, name, tags)
        self.id = name
        self.family = family
        self.parameters = parameters

    def find(self) -> dict[str, Any] | None:
        rds = self.aws.client("rds")
        groups: list[dict[str, Any]] = []  # moto's answer too, where AWS raises DBParameterGroupNotFound
        with ignoring(*NO_PARAMETER_GROUP):
            groups = rds.describe_db_parameter_groups(DBParameterGroupName=self.name)["DBParameterGroups"]
        if not groups:
            return None
        self.arn = groups[0]["DBParameterGroupArn"]
        found = rds.pages("describe_db_parameters", "Parameters", DBParameterGroupName=self.name, Source="user")
        parameters = {item["ParameterName"]: item.get("ParameterValue") for item in found}
        return {
            "parameters": parameters,
            "further_parameters": sorted(parameters.keys() - self.parameters.keys()),
            "tags": self._tags(),
        }

    def desired(self) -> dict[str, Any]:
        return {"parameters": self.parameters, "further_parameters": [], "tags": self.tags}

    def create(self, desired: dict[str, Any]) -> None:
        self.aws.client("rds").create_db_parameter_group(
            DBParameterGroupName=self.name,
            DBParameterGroupFamily=self.family,
            Description=f"Settings of {self.name}",
            Tags=tags_to_list(self.tags),
        )
        self._put(self.parameters)

    def update(self, current: dict[str, Any], changes: dict[str, Any]) -> None:
        if "parameters" in changes:
            self._put(self.parameters, self._dynamic())
        if "further_parameters" in changes:
            self._reset(current["further_parameters"])
        if "tags" in changes:
            self._put_tags()

    def _reset(self, names: list[str]) -> None:
        for start in range(0, len(names), PARAMETERS_AT_ONCE):
            self.aws.client("rds").reset_db_parameter_group(
                DBParameterGroupName=self.name,
                Parameters=[
                    {"ParameterName": name, "ApplyMethod": "pending-reboot"}
                    for name in names[start : start + PARAMETERS_AT_ONCE]
                ],
            )

    def _dynamic(self) -> set[str]:
        """Return the names of those parameters of the group that a running server takes over."""
        found = self.aws.client("rds").pages("describe_db_parameters", "Parameters", DBParameterGroupName=self.name)
        return {item["ParameterName"] for item in found if item.get("ApplyType") == "dynamic"}

    def _put(self, parameters: dict[str, str], dynamic: Collection[str] = ()) -> None:
        # Static parameters wait for the next reboot; a new instance starts with all of them.
        self.aws.client("rds").modify_db_parameter_group(
            DBParameterGroupName=self.name,
            Parameters=[
                {
                    "ParameterName": name,
                    "ParameterValue": value,
                    "ApplyMethod": "immediate" if name in dynamic else "pending-reboot",
                }
                for name, value in parameters.items()
            ],
        )

    def delete(self, current: dict[str, Any]) -> None:
        wait_released(
            self.label,
            lambda: self.aws.client("rds").delete_db_parameter_group(DBParameterGroupName=self.name),
            GROUP_IN_USE,
            RELEASE_SECONDS,
        )


class Instance(_Tagged):
    """A database instance. ``id`` is its identifier, ``resource_id`` what AWS never uses again for another.

    ``settings`` are parameters that CreateDBInstance and ModifyDBInstance share; ``creation`` those of the first, and
    ``log_exports`` the logs that CloudWatch gets, which exist in ``log_groups`` before the instance.

    An instance that is restored from a snapshot has the snapshot's password. A tag says so until it has ours.
    """

    kind = "AWS::RDS::DBInstance"
    slow = True
    usual = "7 to 10 minutes"

    def __init__(
        self,
        aws: Aws,
        name: str,
        tags: dict[str, str],
        *,
        settings: dict[str, Any],
        creation: dict[str, Any],
        subnet_group: Resource,
        parameter_group: Resource,
        password: Callable[[], str],
        apply_immediately: bool = True,
        final_snapshot: bool = True,
        snapshot_identifier: str | None = None,
        log_exports: Sequence[str] = (),
        log_groups: Sequence[Resource] = (),
    ) -> None:
        super().__init__(aws, name, tags)
        self.settings = settings
        self.creation = creation
        self.subnet_group = subnet_group
        self.parameter_group = parameter_group
        self.password = password
        self.apply_immediately = apply_immediately
        self.final_snapshot = final_snapshot
        self.snapshot_identifier = snapshot_identifier
        self.log_exports = sorted(log_exports)
        self.log_groups = list(log_groups)
        self._of_snapshot = self._leaving = False
        self._asked_for: set[str] = set()
        """What was asked to be changed at once."""
        self.arn = self.resource_id = self.endpoint = KNOWN_AFTER_APPLY
        self.port: int | str = KNOWN_AFTER_APPLY
        self.engine_version: str = KNOWN_AFTER_APPLY

    def _describe(self) -> dict[str, Any] | None:
        return describe_instance(self.aws, self.name)

    def find(self) -> dict[str, Any] | None:
        instance = self._describe()
        if instance is None:
            return None
        status = instance["DBInstanceStatus"]
        # One that is being deleted holds its name for minutes.
        self._leaving = status == "deleting"
        if self._leaving and not self.absent:
            return None
        self._remember(instance)
        # What was asked for already and waits for the maintenance window is not asked for again.
        effective = {**instance, **instance.get("PendingModifiedValues", {})}
        effective["VpcSecurityGroupIds"] = sorted(
            group["VpcSecurityGroupId"] for group in instance.get("VpcSecurityGroups", [])
        )
        groups = instance.get("DBParameterGroups", [])
        effective["DBParameterGroupName"] = groups[0]["DBParameterGroupName"] if groups else None
        # The answer has another word for it than the request.
        effective["EnableIAMDatabaseAuthentication"] = effective.get("IAMDatabaseAuthenticationEnabled", False)
        effective.setdefault("MonitoringInterval", 0)
        if self._keeps(str(effective["EngineVersion"])):
            effective["EngineVersion"] = self.settings.get("EngineVersion")
        effective["tags"] = tags_from_list(instance.get("TagList"))
        if not self.tags.items() <= effective["tags"].items():
            # Not every implementation of the API keeps them there.
            effective["tags"] = self._tags()
        self._of_snapshot = OF_SNAPSHOT in effective["tags"]
        self.settled = status in SETTLED and not self._of_snapshot
        self.ready = status in USABLE and "Address" in instance.get("Endpoint", {}) and not self._of_snapshot
        effective["EnableCloudwatchLogsExports"] = sorted(instance.get("EnabledCloudwatchLogsExports") or [])
        # RDS's own storage autoscaling grows it, and it never shrinks.
        effective["AllocatedStorage"] = min(effective["AllocatedStorage"], self.settings.get("AllocatedStorage", 0))
        fields = [*self.desired(), "Engine", "MasterUsername"]
        return {field: effective.get(field) for field in dict.fromkeys(fields)}

    def _keeps(self, version: str) -> bool:
        """Tell whether this version is what was asked for, as far as that was given, or a newer minor one of it.

        RDS upgrades minor versions by itself, and never goes back. Raises ReconcileError for a newer major version.
        """
        wanted = str(self.settings.get("EngineVersion", ""))
        if version == wanted or version.startswith(f"{wanted}."):
            return True
        if self.absent or not is_newer(version, wanted):
            return False
        engine = self.creation["Engine"]
        if major_version(engine, version) != major_version(engine, wanted):
            raise ReconcileError(f"{self.label} has version {version}, and RDS does not go back to {wanted}")
        return True

    @property
    def upgraded_by_rds(self) -> bool:
        """Whether a newer minor version runs than was asked for."""
        wanted = str(self.settings.get("EngineVersion", ""))
        return self.engine_version != KNOWN_AFTER_APPLY and is_newer(self.engine_version, wanted)

    def _remember(self, instance: dict[str, Any]) -> None:
        self.id = self.name
        self.arn = instance["DBInstanceArn"]
        self.resource_id = instance["DbiResourceId"]
        self.endpoint = instance.get("Endpoint", {}).get("Address", KNOWN_AFTER_APPLY)
        self.port = instance.get("Endpoint", {}).get("Port", KNOWN_AFTER_APPLY)
        self.engine_version = instance["EngineVersion"]

    def desired(self) -> dict[str, Any]:
        return {
            **self.settings,
            "DBParameterGroupName": self.parameter_group.name,
            "Engine": self.creation["Engine"],
            "StorageEncrypted": self.creation["StorageEncrypted"],
            "EnableCloudwatchLogsExports": self.log_exports,
            "tags": self.tags,
        }

    def create(self, desired: dict[str, Any]) -> None:
        if self._leaving:
            self.wait_deleted()
        where = {
            "DBInstanceIdentifier": self.name,
            "DBSubnetGroupName": self.subnet_group.name,
            "DBParameterGroupName": self.parameter_group.name,
        }
        settings = {**self.settings, "EnableCloudwatchLogsExports": self.log_exports}
        if self.snapshot_identifier:
            answer = self._restore({**where, **{key: settings[key] for key in RESTORABLE if key in settings}})
        else:
            answer = self.aws.client("rds").create_db_instance(
                **where,
                **settings,
                **self.creation,
                MasterUserPassword=self.password(),
                Tags=tags_to_list(self.tags),
            )
        self._remember(answer["DBInstance"])

    def _restore(self, request: dict[str, Any]) -> dict[str, Any]:
        self._of_snapshot = True
        answer: dict[str, Any] = self.aws.client("rds").restore_db_instance_from_db_snapshot(
            DBSnapshotIdentifier=self.snapshot_identifier,
            Tags=tags_to_list({**self.tags, OF_SNAPSHOT: "true"}),
            **request,
        )
        return answer

    def update(self, current: dict[str, Any], changes: dict[str, Any]) -> None:
        for field in ("Engine", "StorageEncrypted"):
            if field in changes:
                raise ReconcileError(
                    f"{self.label}: {field} is {current[field]!r} and cannot be changed to {changes[field]!r}; "
                    "restore a snapshot into a new environment instead"
                )
        settings = {key: value for key, value in changes.items() if key != "tags"}
        if settings:
            self._modify(current, settings, self.apply_immediately)
        if "tags" in changes:
            self._put_tags()

    def _modify(self, current: dict[str, Any], settings: dict[str, Any], at_once: bool) -> None:
        request = dict(settings)
        if "EngineVersion" in settings:
            old, new = (
                major_version(self.creation["Engine"], str(one["EngineVersion"])) for one in (current, settings)
            )
            request["AllowMajorVersionUpgrade"] = old != new
        if "EnableCloudwatchLogsExports" in settings:
            have, want = set(current["EnableCloudwatchLogsExports"]), set(request.pop("EnableCloudwatchLogsExports"))
            request["CloudwatchLogsExportConfiguration"] = {
                "EnableLogTypes": sorted(want - have),
                "DisableLogTypes": sorted(have - want),
            }
        self._when_settled(
            lambda: self.aws.client("rds").modify_db_instance(
                DBInstanceIdentifier=self.name, ApplyImmediately=at_once, **request
            )
        )
        self._asked_for = set(request) if at_once else set()

    def _when_settled(self, call: Callable[[], Any]) -> None:
        """Call what RDS refuses while the instance is being created, changed or backed up."""

        def passing(error: ClientError) -> bool:
            if code_of(error) not in INVALID_STATE:
                return False
            status = (self._describe() or {"DBInstanceStatus": "deleting"})["DBInstanceStatus"]
            return status not in (*FAILED, *STOPPED, "deleting")

        with waiting(f"{self.label} takes changes", self.usual):
            retry_while(passing, call, INSTANCE_SECONDS, interval=15)

    def wait_ready(self) -> None:
        self._wait_available()
        if self._of_snapshot:
            self._take_over()

    def _take_over(self) -> None:
        """Give a restored instance our password, and whatever else a restore cannot set."""
        current = self.find() or {}
        settings = {key: value for key, value in changed_fields(current, self.desired()).items() if key != "tags"}
        self._modify(current, {**settings, "MasterUserPassword": self.password()}, at_once=True)
        self._wait_available()
        self.untag([OF_SNAPSHOT])
        self._of_snapshot = False

    def _wait_available(self) -> None:
        seen = False

        def probe() -> bool:
            nonlocal seen
            instance = self._describe()
            if instance is None:
                if seen:
                    raise ReconcileError(f"{self.label} was deleted while it was being created")
                return False  # so new that not every part of RDS knows it
            seen = True
            status = instance["DBInstanceStatus"]
            if status in FAILED:
                raise ReconcileError(f"{self.label} is in the state {status}{HINTS.get(status, '')}")
            if status in STOPPED:
                raise ReconcileError(f"{self.label} is {status}; start it (aws rds start-db-instance) and run again")
            self._remember(instance)
            # A change that is to be made at once is pending for a moment before the state says that it is made.
            under_way = self._asked_for & set(instance.get("PendingModifiedValues", {}))
            return status in USABLE and self.endpoint != KNOWN_AFTER_APPLY and not under_way

        wait_until(f"{self.label} is available", probe, INSTANCE_SECONDS, interval=15, usual=self.usual)

    def delete(self, current: dict[str, Any]) -> None:
        if current.get("DeletionProtection"):
            raise ReconcileError(
                f"{self.label} is protected from deletion; run the database component with "
                "deletion_protection: false first"
            )
        snapshot: dict[str, Any] = {"SkipFinalSnapshot": True}
        if self.final_snapshot:
            stamp = time.strftime("%Y%m%d%H%M%S", time.gmtime())
            snapshot = {"SkipFinalSnapshot": False, "FinalDBSnapshotIdentifier": f"{self.name}-final-{stamp}"}
        rds = self.aws.client("rds")
        try:
            self._when_settled(lambda: rds.delete_db_instance(DBInstanceIdentifier=self.name, **snapshot))
        except ClientError as error:
            # An interrupted run has begun the deletion already.
            if code_of(error) not in INVALID_STATE:
                raise
            instance = self._describe()
            if instance is not None and instance["DBInstanceStatus"] != "deleting":
                raise

    def wait_deleted(self) -> None:
        usual = "5 to 10 minutes"
        wait_until(f"{self.label} is gone", lambda: self._describe() is None, INSTANCE_SECONDS, 15, usual=usual)
