# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Amazon RDS."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from .._reconcile.aws import Aws
from .._reconcile.errors import ClientError, ReconcileError, code_of, ignoring
from .._reconcile.resource import Resource
from .._reconcile.tags import tags_from_list, tags_to_list
from .._reconcile.values import KNOWN_AFTER_APPLY
from .._reconcile.waits import wait_until

# Creation takes about seven minutes, a Multi-AZ conversion or a restore longer, a deletion with its snapshot as long.
INSTANCE_SECONDS = 3600
# States that no waiting ends: https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/accessing-monitoring.html
FAILED = ("failed", "incompatible-network", "incompatible-parameters", "incompatible-restore", "storage-full")
USABLE = ("available", "storage-optimization", "backing-up", "configuring-enhanced-monitoring")
# The names that the service gives its errors, and those that its documentation gives them.
NO_SUBNET_GROUP = ("DBSubnetGroupNotFoundFault", "DBSubnetGroupNotFound")
NO_PARAMETER_GROUP = ("DBParameterGroupNotFoundFault", "DBParameterGroupNotFound")
NO_INSTANCE = ("DBInstanceNotFound", "DBInstanceNotFoundFault")
INVALID_STATE = ("InvalidDBInstanceState", "InvalidDBInstanceStateFault")


def describe_instance(aws: Aws, identifier: str) -> dict[str, Any] | None:
    """Return what RDS says of an instance, None if there is none."""
    with ignoring(*NO_INSTANCE):
        answer = aws.client("rds").describe_db_instances(DBInstanceIdentifier=identifier)
        return dict(answer["DBInstances"][0])
    return None


class SubnetGroup(Resource):
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
            "tags": tags_from_list(rds.list_tags_for_resource(ResourceName=self.arn)["TagList"]),
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
            rds.add_tags_to_resource(ResourceName=self.arn, Tags=tags_to_list(self.tags))

    def untag(self, keys: list[str]) -> None:
        self.aws.client("rds").remove_tags_from_resource(ResourceName=self.arn, TagKeys=keys)

    def delete(self, current: dict[str, Any]) -> None:
        self.aws.client("rds").delete_db_subnet_group(DBSubnetGroupName=self.name)


class ParameterGroup(Resource):
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
            "tags": tags_from_list(rds.list_tags_for_resource(ResourceName=self.arn)["TagList"]),
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
            self._put(self.parameters)
        if "further_parameters" in changes:
            self.aws.client("rds").reset_db_parameter_group(
                DBParameterGroupName=self.name,
                Parameters=[
                    {"ParameterName": name, "ApplyMethod": "pending-reboot"} for name in current["further_parameters"]
                ],
            )
        if "tags" in changes:
            self.aws.client("rds").add_tags_to_resource(ResourceName=self.arn, Tags=tags_to_list(self.tags))

    def _put(self, parameters: dict[str, str]) -> None:
        # Static parameters wait for the next reboot; a new instance starts with them.
        self.aws.client("rds").modify_db_parameter_group(
            DBParameterGroupName=self.name,
            Parameters=[
                {"ParameterName": name, "ParameterValue": value, "ApplyMethod": "pending-reboot"}
                for name, value in parameters.items()
            ],
        )

    def untag(self, keys: list[str]) -> None:
        self.aws.client("rds").remove_tags_from_resource(ResourceName=self.arn, TagKeys=keys)

    def delete(self, current: dict[str, Any]) -> None:
        self.aws.client("rds").delete_db_parameter_group(DBParameterGroupName=self.name)


class Instance(Resource):
    """A database instance. ``id`` is its identifier, ``resource_id`` what AWS never uses again for another.

    ``settings`` are parameters that CreateDBInstance and ModifyDBInstance share; ``creation`` those of the first.
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
        self.arn = self.resource_id = self.endpoint = KNOWN_AFTER_APPLY
        self.port: int | str = KNOWN_AFTER_APPLY
        self.engine_version: str = KNOWN_AFTER_APPLY

    def _describe(self) -> dict[str, Any] | None:
        return describe_instance(self.aws, self.name)

    def find(self) -> dict[str, Any] | None:
        instance = self._describe()
        if instance is None:
            return None
        self._remember(instance)
        status = instance["DBInstanceStatus"]
        self.ready = status in USABLE and "Address" in instance.get("Endpoint", {})
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
        wanted = self.settings.get("EngineVersion", "")
        if effective["EngineVersion"] == wanted or str(effective["EngineVersion"]).startswith(f"{wanted}."):
            effective["EngineVersion"] = wanted  # only the given part of the version was asked for
        effective["tags"] = tags_from_list(instance.get("TagList"))
        if not self.tags.items() <= effective["tags"].items():
            # Not every implementation of the API keeps them there.
            listed = self.aws.client("rds").list_tags_for_resource(ResourceName=self.arn)
            effective["tags"] = tags_from_list(listed["TagList"])
        fields = [*self.desired(), "Engine", "MasterUsername"]
        return {field: effective.get(field) for field in dict.fromkeys(fields)}

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
            "tags": self.tags,
        }

    def create(self, desired: dict[str, Any]) -> None:
        request = {
            **self.settings,
            "DBInstanceIdentifier": self.name,
            "DBSubnetGroupName": self.subnet_group.name,
            "DBParameterGroupName": self.parameter_group.name,
            "Tags": tags_to_list(self.tags),
        }
        rds = self.aws.client("rds")
        if self.snapshot_identifier:
            # A restored instance brings its engine, size and login along; the rest follows at the next converge.
            restorable = (
                "DBInstanceClass",
                "MultiAZ",
                "StorageType",
                "VpcSecurityGroupIds",
                "DeletionProtection",
                "CopyTagsToSnapshot",
                "PubliclyAccessible",
                "AutoMinorVersionUpgrade",
                "EnableCloudwatchLogsExports",
                "DBInstanceIdentifier",
                "DBSubnetGroupName",
                "DBParameterGroupName",
                "Tags",
            )
            answer = rds.restore_db_instance_from_db_snapshot(
                DBSnapshotIdentifier=self.snapshot_identifier,
                **{key: value for key, value in request.items() if key in restorable},
            )
        else:
            answer = rds.create_db_instance(**request, **self.creation, MasterUserPassword=self.password())
        self._remember(answer["DBInstance"])

    def update(self, current: dict[str, Any], changes: dict[str, Any]) -> None:
        rds = self.aws.client("rds")
        for field in ("Engine", "StorageEncrypted"):
            if field in changes:
                raise ReconcileError(
                    f"{self.label}: {field} is {current[field]!r} and cannot be changed to {changes[field]!r}; "
                    "restore a snapshot into a new environment instead"
                )
        if "AllocatedStorage" in changes and changes["AllocatedStorage"] < current["AllocatedStorage"]:
            # RDS's own storage autoscaling grows it; it never shrinks.
            changes = {key: value for key, value in changes.items() if key != "AllocatedStorage"}
        settings = {key: value for key, value in changes.items() if key != "tags"}
        if "EngineVersion" in settings:
            old, new = str(current["EngineVersion"]).split(".", 1)[0], str(settings["EngineVersion"]).split(".", 1)[0]
            settings["AllowMajorVersionUpgrade"] = old != new
        if settings:
            rds.modify_db_instance(DBInstanceIdentifier=self.name, ApplyImmediately=self.apply_immediately, **settings)
        if "tags" in changes:
            rds.add_tags_to_resource(ResourceName=self.arn, Tags=tags_to_list(self.tags))

    def wait_ready(self) -> None:
        def probe() -> bool:
            instance = self._describe()
            if instance is None:
                raise ReconcileError(f"{self.label} was deleted while it was being created")
            if instance["DBInstanceStatus"] in FAILED:
                raise ReconcileError(f"{self.label} is in the state {instance['DBInstanceStatus']}")
            self._remember(instance)
            return instance["DBInstanceStatus"] in USABLE and self.endpoint != KNOWN_AFTER_APPLY

        wait_until(f"{self.label} is available", probe, INSTANCE_SECONDS, interval=15, usual=self.usual)

    def untag(self, keys: list[str]) -> None:
        self.aws.client("rds").remove_tags_from_resource(ResourceName=self.arn, TagKeys=keys)

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
        try:
            self.aws.client("rds").delete_db_instance(DBInstanceIdentifier=self.name, **snapshot)
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
