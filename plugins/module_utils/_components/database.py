# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The metadata database, and the secrets that tell Airflow and the scaler how to reach it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from .._reconcile.errors import OptionError
from .._reconcile.resource import Resource
from .._reconcile.values import KNOWN_AFTER_APPLY, has_unknown
from .._resources.rds import Instance, ParameterGroup, SubnetGroup
from .._resources.secretsmanager import DerivedSecret, read_secret_fields, validate_recovery_window
from ._account import database_class_faults
from ._base import Component
from ._kms_rules import validate_kms_key_arn
from ._names import secret_name
from ._option_rules import validate_form, validate_ids

CREATE = "https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html"
SUBNETS = "https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_VPC.WorkingWithRDSInstanceinaVPC.html"
VERSIONS = "https://docs.aws.amazon.com/AmazonRDS/latest/PostgreSQLReleaseNotes/postgresql-release-calendar.html"
STORAGE = "https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_Storage.html"
CLASSES = "https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Concepts.DBInstanceClass.html"
SNAPSHOTS = "https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBSnapshot.html"

ENGINES: dict[str, dict[str, Any]] = {
    "postgres": {
        "versions": ("16", "17", "18"),
        "default": "17",
        "family": "postgres{major}",
        "parameters": {"rds.force_ssl": "1"},
        "logs": ["postgresql", "upgrade"],
        "scheme": "postgresql+psycopg2",
        "result_scheme": "db+postgresql",
        "tls": "sslmode=require",
    },
    "mysql": {
        "versions": ("8.4",),
        "default": "8.4",
        "family": "mysql{major}",
        "parameters": {"require_secure_transport": "1", "character_set_server": "utf8mb4"},
        "logs": ["error"],
        "scheme": "mysql+mysqldb",
        "result_scheme": "db+mysql+mysqldb",
        "tls": "ssl_mode=REQUIRED",
    },
}
DATABASE_NAME = "airflow"
TIME = r"([01]\d|2[0-3]):[0-5]\d"
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
WINDOW = re.compile(rf"{TIME}-{TIME}")
DAY_TIME = rf"({'|'.join(DAYS)}):{TIME}"
WEEK_WINDOW = re.compile(rf"{DAY_TIME}-{DAY_TIME}", re.IGNORECASE)
DAY_MINUTES = 24 * 60
# CREATE says it of both windows.
LEAST_WINDOW_MINUTES = 30
# Of a snapshot of one's own, of an automatic one, or the ARN of one that somebody shares (SNAPSHOTS).
SNAPSHOT = re.compile(r"(arn:aws[a-z-]*:rds:[a-z0-9-]+:\d{12}:snapshot:)?([a-z]+:)?[A-Za-z](-?[A-Za-z0-9])*")


class DatabaseComponent(Component):
    """An RDS instance ``sm2a-<environment>``."""

    NAME = "database"
    ARGUMENTS = {
        "engine": {"type": "str", "choices": list(ENGINES), "default": "postgres"},
        "engine_version": {"type": "str"},
        "instance_class": {"type": "str", "default": "db.t4g.small"},
        "allocated_storage": {"type": "int", "default": 20},
        "max_allocated_storage": {"type": "int", "default": 100},
        "multi_az": {"type": "bool", "default": False},
        "backup_retention_period": {"type": "int", "default": 7},
        "preferred_backup_window": {"type": "str"},
        "preferred_maintenance_window": {"type": "str"},
        "deletion_protection": {"type": "bool", "default": False},
        "auto_minor_version_upgrade": {"type": "bool", "default": True},
        "apply_immediately": {"type": "bool", "default": True},
        "final_snapshot": {"type": "bool", "default": True},
        "snapshot_identifier": {"type": "str"},
        "subnet_ids": {"type": "list", "elements": "str", "default": []},
        "security_group_ids": {"type": "list", "elements": "str", "default": []},
        "kms_key_arn": {"type": "str", "no_log": False},
        "recovery_window_days": {"type": "int", "default": 30},
    }

    def validate(self) -> None:
        options = self.options
        validate_kms_key_arn(options, self.aws)
        validate_recovery_window(options["recovery_window_days"])
        if options["state"] == "absent":
            return
        subnets = options["subnet_ids"]
        if not has_unknown(subnets) and len(set(subnets)) < 2:
            raise OptionError("subnet_ids", subnets, "a DB subnet group needs subnets in two zones", SUBNETS)
        validate_ids("subnet_ids", subnets, "subnet")
        validate_ids("security_group_ids", options["security_group_ids"], "sg")
        self._validate_engine()
        form = r"db\.[a-z0-9]+\.[a-z0-9]+"
        validate_form("instance_class", options["instance_class"], form, "it must be like db.t4g.small", CLASSES)
        if options["snapshot_identifier"]:
            rule = "letters, digits and single hyphens, starting with a letter, or an ARN"
            validate_form("snapshot_identifier", options["snapshot_identifier"], SNAPSHOT, rule, SNAPSHOTS)
        self._validate_storage()
        _validate_windows(options["preferred_backup_window"], options["preferred_maintenance_window"])

    def _validate_storage(self) -> None:
        options = self.options
        for option, least, most, where in (
            ("allocated_storage", 20, 65536, STORAGE),
            ("max_allocated_storage", 20, 65536, STORAGE),
            # 0 would switch backups off.
            ("backup_retention_period", 1, 35, CREATE),
        ):
            if not least <= options[option] <= most:
                raise OptionError(option, options[option], f"it must be from {least} to {most}", where)
        # https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_PIOPS.Autoscaling.html
        if options["max_allocated_storage"] * 10 < options["allocated_storage"] * 11:
            raise OptionError(
                "max_allocated_storage",
                options["max_allocated_storage"],
                "it must be at least a tenth more than allocated_storage",
                STORAGE,
            )

    def _validate_engine(self) -> None:
        versions = ENGINES[self.options["engine"]]["versions"]
        if not any(re.match(rf"^{re.escape(version)}(\.\d+)*$", self._version) for version in versions):
            rule = f"Airflow and RDS both support {', '.join(versions)} of {self.options['engine']}"
            raise OptionError("engine_version", self._version, rule, VERSIONS)

    @property
    def _version(self) -> str:
        return self.options["engine_version"] or str(ENGINES[self.options["engine"]]["default"])

    @property
    def _major(self) -> str:
        parts = self._version.split(".")
        return parts[0] if self.options["engine"] == "postgres" else ".".join(parts[:2])

    def account_faults(self) -> Iterator[OptionError]:
        options = self.options
        if options["state"] == "present":
            engine, name = options["engine"], options["instance_class"]
            yield from database_class_faults(self.aws, self.prefix, engine, self._version, name)

    def resources(self) -> list[Resource]:
        options = self.options
        engine = ENGINES[options["engine"]]
        subnet_group = SubnetGroup(self.aws, self.prefix, self.tags, options["subnet_ids"])
        family = engine["family"].format(major=self._major)
        parameter_group = ParameterGroup(
            self.aws, f"{self.prefix}-{family.replace('.', '-')}", self.tags, family, engine["parameters"]
        )
        settings = {
            "EngineVersion": self._version,
            "DBInstanceClass": options["instance_class"],
            "AllocatedStorage": options["allocated_storage"],
            "MaxAllocatedStorage": options["max_allocated_storage"],
            "MultiAZ": options["multi_az"],
            "BackupRetentionPeriod": options["backup_retention_period"],
            "DeletionProtection": options["deletion_protection"],
            "AutoMinorVersionUpgrade": options["auto_minor_version_upgrade"],
            "CopyTagsToSnapshot": True,
            "StorageType": "gp3",
            "VpcSecurityGroupIds": sorted(options["security_group_ids"]),
        }
        for option, field in (
            ("preferred_backup_window", "PreferredBackupWindow"),
            ("preferred_maintenance_window", "PreferredMaintenanceWindow"),
        ):
            if options[option]:
                settings[field] = options[option].lower()
        master = secret_name(self.environment, "database_master")
        login = {"username": "sm2a"}
        creation: dict[str, Any] = {
            "Engine": options["engine"],
            "DBName": DATABASE_NAME,
            "StorageEncrypted": True,
            "EnableCloudwatchLogsExports": engine["logs"],
        }
        if options["state"] == "present":
            login = read_secret_fields(self.aws, master, "username")
        creation["MasterUsername"] = login["username"]
        if options["kms_key_arn"]:
            creation["KmsKeyId"] = options["kms_key_arn"]
        self.instance = Instance(
            self.aws,
            self.prefix,
            self.tags,
            settings=settings,
            creation=creation,
            subnet_group=subnet_group,
            parameter_group=parameter_group,
            password=lambda: read_secret_fields(self.aws, master, "password")["password"],
            apply_immediately=options["apply_immediately"],
            final_snapshot=options["final_snapshot"],
            snapshot_identifier=options["snapshot_identifier"],
        )
        written = ("sql_alchemy_conn", "result_backend", "scaler")
        self.secret_names = {secret: secret_name(self.environment, secret) for secret in written}
        secrets = [
            self._secret("sql_alchemy_conn", lambda: self._url("scheme"), "Airflow's metadata database"),
            self._secret("result_backend", lambda: self._url("result_scheme"), "Celery's result backend"),
            self._secret("scaler", self._scaler_login, "The scaler's read-only login"),
        ]
        return [subnet_group, parameter_group, self.instance, *secrets]

    def _secret(self, name: str, value: Any, description: str) -> DerivedSecret:
        return DerivedSecret(
            self.aws,
            self.secret_names[name],
            self.tags,
            value,
            after=[self.instance],
            description=description,
            kms_key_id=self.options["kms_key_arn"],
            recovery_window_days=self.options["recovery_window_days"],
        )

    def _url(self, scheme: str) -> str:
        login = read_secret_fields(self.aws, secret_name(self.environment, "database_master"), "username", "password")
        if has_unknown([login, self.instance.endpoint]):
            return KNOWN_AFTER_APPLY
        engine = ENGINES[self.options["engine"]]
        user, password = quote(login["username"], safe=""), quote(login["password"], safe="")
        host = f"{self.instance.endpoint}:{self.instance.port}"
        return f"{engine[scheme]}://{user}:{password}@{host}/{DATABASE_NAME}?{engine['tls']}"

    def _scaler_login(self) -> str:
        login = read_secret_fields(self.aws, secret_name(self.environment, "database_scaler"), "username", "password")
        if has_unknown([login, self.instance.endpoint]):
            return KNOWN_AFTER_APPLY
        return json.dumps(
            {
                "engine": self.options["engine"],
                "host": self.instance.endpoint,
                "port": self.instance.port,
                "dbname": DATABASE_NAME,
                **login,
            },
            sort_keys=True,
        )

    def facts(self) -> dict[str, Any]:
        return {
            "identifier": self.instance.name,
            "resource_id": self.instance.resource_id,
            "endpoint": self.instance.endpoint,
            "port": self.instance.port,
            "engine": self.options["engine"],
            "engine_version": self.instance.engine_version,
            "name": DATABASE_NAME,
            "secret_names": self.secret_names,
        }


def _validate_windows(backup: str | None, maintenance: str | None) -> None:
    """Refuse windows of a wrong form, shorter than half an hour, or that share a minute. Both may be missing."""
    daily, weekly = set(), set()
    if backup:
        validate_form("preferred_backup_window", backup, WINDOW, "it must be hh24:mi-hh24:mi in UTC", CREATE)
        daily = _minutes("preferred_backup_window", backup, DAY_MINUTES)
    if maintenance:
        rule = "it must be ddd:hh24:mi-ddd:hh24:mi in UTC"
        validate_form("preferred_maintenance_window", maintenance, WEEK_WINDOW, rule, CREATE)
        weekly = _minutes("preferred_maintenance_window", maintenance, 7 * DAY_MINUTES)
    # There is a backup on every day of the week.
    if daily & {minute % DAY_MINUTES for minute in weekly}:
        rule = f"it overlaps preferred_backup_window, {backup}"
        raise OptionError("preferred_maintenance_window", maintenance, rule, CREATE)


def _minutes(option: str, window: str, period: int) -> set[int]:
    """Return every minute of the day, or of the week, in a window, which may go over the end of its period."""
    start, end = map(_minute, window.lower().split("-"))
    length = (end - start) % period
    if length < LEAST_WINDOW_MINUTES:
        raise OptionError(option, window, f"it must be at least {LEAST_WINDOW_MINUTES} minutes long", CREATE)
    return {(start + minute) % period for minute in range(length)}


def _minute(time: str) -> int:
    *day, hour, minute = time.split(":")
    return sum(DAYS.index(name) for name in day) * DAY_MINUTES + int(hour) * 60 + int(minute)
