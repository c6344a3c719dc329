# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The metadata database, and the secrets that tell Airflow and the scaler how to reach it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import partial
from typing import Any
from urllib.parse import quote

from .._reconcile.engine import Step
from .._reconcile.errors import OptionError, ignoring
from .._reconcile.resource import Resource
from .._reconcile.values import KNOWN_AFTER_APPLY, has_unknown
from .._resources.logs import RETENTION_DAYS, LogGroup, ServiceLogGroup
from .._resources.rds import Instance, ParameterGroup, SubnetGroup, major_version
from .._resources.secretsmanager import DENIED, DerivedSecret, SecretValues
from ._account import database_class_faults, database_subnet_faults, if_it_can_be_read
from ._base import Component
from ._kms_rules import kms_key_option
from ._logins import read_login, read_owner
from ._names import DATABASE_AUTHORITIES, database_log_group_name, secret_name
from ._option import Fact, Form, Option, Return, refusals
from ._option_rules import SECURITY_GROUP_ID, SUBNET_ID, arn_form, validate_form
from ._shared_options import RECOVERY_WINDOW_DAYS
from ._snapshot import snapshot_faults

CREATE = "https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html"
SUBNETS = "https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_VPC.WorkingWithRDSInstanceinaVPC.html"
LIMITS = "https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_Limits.html"
VERSIONS = "https://docs.aws.amazon.com/AmazonRDS/latest/PostgreSQLReleaseNotes/postgresql-release-calendar.html"
STORAGE = "https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_Storage.html"
CLASSES = "https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Concepts.DBInstanceClass.html"
AUTHORITIES = "https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.SSL.html"
RETENTION = "https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html"
MONITORING = "https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_Monitoring.OS.Enabling.html"
SNAPSHOTS = "https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBSnapshot.html"

ENGINES: dict[str, dict[str, Any]] = {
    "postgres": {
        "versions": ("16", "17", "18"),
        "default": "17",
        "family": "postgres{major}",
        "parameters": {"rds.force_ssl": "1"},
        "logs": ["postgresql", "upgrade"],
        "scheme": "postgresql+psycopg2",
        "tls": ("sslmode=verify-full", "sslrootcert"),
    },
    "mysql": {
        "versions": ("8.4",),
        "default": "8.4",
        "family": "mysql{major}",
        "parameters": {
            "require_secure_transport": "1",
            "character_set_server": "utf8mb4",
            # Airflow's migrations make functions, which a server that writes a binary log refuses to all but SUPER, and
            # nobody has that on RDS; RDS writes one as long as there are backups. With functions it has to have rows:
            # https://dev.mysql.com/doc/refman/8.4/en/stored-programs-logging.html
            "log_bin_trust_function_creators": "1",
            "binlog_format": "ROW",
        },
        "logs": ["error"],
        "scheme": "mysql+mysqldb",
        "tls": ("ssl_mode=VERIFY_IDENTITY", "ssl_ca"),
    },
}
DATABASE_NAME = "airflow"
# The secrets from which Airflow's services read how to reach the database: with whose login, and who they are. Celery's
# result backend is in the same database, and Airflow derives its address.
CONNECTIONS = {
    "connection_migration": ("database_master", "migration"),
    "connection_airflow": ("database_airflow", "API server and the scheduler"),
    "connection_execution_api": ("database_execution_api", "execution API"),
    "connection_dag_processor": ("database_dag_processor", "DAG processor"),
    "connection_triggerer": ("database_triggerer", "triggerer"),
    "connection_worker": ("database_worker", "workers"),
}
TIME = r"([01]\d|2[0-3]):[0-5]\d"
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
WINDOW = Form(rf"{TIME}-{TIME}", "it must be hh24:mi-hh24:mi in UTC", CREATE)
DAY_TIME = rf"({'|'.join(DAYS)}):{TIME}"
WEEK_WINDOW = Form(rf"(?i:{DAY_TIME}-{DAY_TIME})", "it must be ddd:hh24:mi-ddd:hh24:mi in UTC", CREATE)
DAY_MINUTES = 24 * 60
# CREATE says it of both windows.
LEAST_WINDOW_MINUTES = 30
# Of a snapshot of one's own, of an automatic one, or the ARN of one that somebody shares (SNAPSHOTS).
SNAPSHOT = Form(
    r"(arn:(?P<partition>aws[a-z-]*):rds:(?P<region>[a-z0-9-]+):\d{12}:snapshot:)?([a-z]+:)?"
    r"(?=.{1,255}$)[A-Za-z](-?[A-Za-z0-9])*",
    "1 to 255 letters, digits and single hyphens, starting with a letter, or an ARN",
    SNAPSHOTS,
)
INSTANCE_CLASS = Form(
    r"db\.[a-z][a-z0-9-]+\.(micro|small|medium|large|([0-9]+)?xlarge|metal)", "it must be like db.t4g.small", CLASSES
)


class DatabaseComponent(Component):
    """An RDS instance ``sm2a-<environment>``."""

    NAME = "database"
    SUMMARY = "RDS instance, PostgreSQL or MySQL, with Airflow's metadata database"
    DESCRIPTION = (
        "Creates a private, encrypted RDS instance for PostgreSQL or MySQL, and the secrets from which each of "
        "Airflow's services and the scaler read how to reach it, with a login of their own.",
        "Passwords are read from Secrets Manager by the module and stand in no variable, result or diff.",
    )
    TASK = "Create the database"
    MAIN = ("engine", "instance_class", "multi_az", "deletion_protection", "final_snapshot")
    OPTIONS = {
        "engine": Option("str", "Database engine.", choices=tuple(ENGINES), default="postgres"),
        "engine_version": Option(
            "str",
            (
                "Version, as far as it matters; V(17) leaves the minor version to RDS.",
                "A newer minor version, to which RDS has upgraded the instance by itself, stays.",
                "The default is V(17) of PostgreSQL and V(8.4) of MySQL.",
            ),
        ),
        "instance_class": Option("str", "Instance class.", default="db.t4g.small", form=INSTANCE_CLASS),
        "allocated_storage": Option(
            "int",
            "Storage in GiB, at least: RDS may have grown it, and it never shrinks.",
            default=20,
            least=20,
            most=65536,
            unit="GiB",
            why=STORAGE,
        ),
        "max_allocated_storage": Option(
            "int",
            "Limit in GiB up to which RDS grows the storage by itself.",
            default=100,
            least=20,
            most=65536,
            unit="GiB",
            why=STORAGE,
        ),
        "multi_az": Option("bool", "Whether a standby runs in a second zone.", default=False),
        "backup_retention_period": Option(
            "int", "Days for which automatic backups are kept.", default=7, least=1, most=35, why=CREATE
        ),
        "preferred_backup_window": Option("str", "Time of day of the backup in UTC, as hh24:mi-hh24:mi."),
        "preferred_maintenance_window": Option(
            "str", "Time of the week of maintenance in UTC, as ddd:hh24:mi-ddd:hh24:mi."
        ),
        "deletion_protection": Option("bool", "Whether the instance refuses to be deleted.", default=False),
        "auto_minor_version_upgrade": Option(
            "bool", "Whether RDS applies minor versions in the maintenance window.", default=True
        ),
        "apply_immediately": Option(
            "bool", "Whether changes are made at once instead of in the maintenance window.", default=True
        ),
        "monitoring_interval": Option(
            "int",
            "Seconds between two measurements of Enhanced Monitoring, which cost what their logs cost. V(0) is none.",
            default=0,
            allowed=(0, 1, 5, 10, 15, 30, 60),
            why=MONITORING,
        ),
        "monitoring_role_arn": Option(
            "str",
            "ARN of a role of yours with which RDS writes these measurements to CloudWatch Logs.",
            form=arn_form("iam", "role/", MONITORING),
        ),
        "iam_authentication": Option(
            "bool",
            "Whether database users of yours may log in with IAM's tokens. Airflow and the scaler use passwords.",
            default=False,
        ),
        "final_snapshot": Option("bool", "Whether deleting the instance leaves a snapshot.", default=True),
        "ca_certificate_identifier": Option(
            "str",
            (
                "Authority that signs the certificate of the database server.",
                "The images trust all of these. RDS renews the server's certificate by itself.",
            ),
            choices=("rds-ca-rsa2048-g1", "rds-ca-rsa4096-g1", "rds-ca-ecc384-g1"),
            default="rds-ca-rsa2048-g1",
            why=AUTHORITIES,
        ),
        "snapshot_identifier": Option(
            "str",
            (
                "Snapshot from which a new instance is restored, by its identifier or its ARN. Engine, major version "
                "and master user have to be the snapshot's, and the instance keeps the snapshot's key.",
                "The instance then gets the password of the environment's secret. An instance that exists stays as "
                "it is.",
            ),
            form=SNAPSHOT,
        ),
        "subnet_ids": Option(
            "list",
            "Private subnets, in at least two zones.",
            elements="str",
            default=[],
            form=SUBNET_ID,
            items=2,
            rule="a DB subnet group needs subnets in two zones",
            why=SUBNETS,
            most_items=20,
            most_items_why=LIMITS,
            needed=True,
            fact=Fact("network", ("private_subnet_ids",)),
        ),
        "security_group_ids": Option(
            "list",
            "Security groups.",
            elements="str",
            default=[],
            form=SECURITY_GROUP_ID,
            items=1,
            needed=True,
            fact=Fact("security", ("security_group_ids", "database"), one=True),
        ),
        "kms_key_arn": kms_key_option(
            "KMS key that encrypts the storage, the backups and the secrets.",
            "Without it what exists keeps the key that it has, and AWS's own keys are used for what is new.",
            "The key of the storage and the backups cannot be changed later.",
        ),
        "recovery_window_days": RECOVERY_WINDOW_DAYS,
        "log_retention_in_days": Option(
            "int",
            "Days for which CloudWatch keeps the logs of the database server.",
            default=30,
            allowed=RETENTION_DAYS,
            why=RETENTION,
        ),
        "delete_log_groups": Option(
            "bool", "Whether O(state=absent) deletes the log groups of the database server too.", default=True
        ),
    }
    RETURNS = {
        "identifier": Return("str", "Identifier of the instance.", "sm2a-dev"),
        "resource_id": Return("str", "Id of the instance, which AWS never reuses.", "db-ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
        "endpoint": Return("str", "Host name.", "sm2a-dev.abcdefghijkl.eu-central-1.rds.amazonaws.com"),
        "port": Return("raw", "Port.", 5432),
        "engine": Return("str", "Engine.", "postgres"),
        "engine_version": Return("str", "Version that runs.", "17.6"),
        "name": Return("str", "Name of the database.", "airflow"),
        "secret_names": Return(
            "dict",
            "Secrets that hold the connections.",
            {
                "connection_migration": "sm2a/dev/config/sql_alchemy_conn/migration",
                "connection_worker": "sm2a/dev/config/sql_alchemy_conn/worker",
                "scaler": "sm2a/dev/scaler/database",
            },
        ),
    }
    PLAN = ("AWS::RDS::DBInstance", "sm2a-dev")
    EXAMPLES = """
- name: Database
  sm2a.airflow.database:
    environment: dev
    region: eu-central-1
    engine: postgres
    subnet_ids: [subnet-0123456789abcdef0, subnet-0123456789abcdef1]
    security_group_ids: [sg-0123456789abcdef0]
    multi_az: true
"""

    def rules(self) -> Iterator[OptionError]:
        options = self.options
        if options["state"] == "absent":
            return
        versions = ENGINES[options["engine"]]["versions"]
        if not any(re.match(rf"^{re.escape(version)}(\.\d+)*$", self._version) for version in versions):
            rule = f"Airflow and RDS both support {', '.join(versions)} of {options['engine']}"
            yield OptionError("engine_version", self._version, rule, VERSIONS)
        # https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_PIOPS.Autoscaling.html
        if options["max_allocated_storage"] * 10 < options["allocated_storage"] * 11:
            rule = "it must be at least a tenth more than allocated_storage"
            yield OptionError("max_allocated_storage", options["max_allocated_storage"], rule, STORAGE)
        if options["monitoring_interval"] and not options["monitoring_role_arn"]:
            yield OptionError("monitoring_role_arn", None, "monitoring_interval needs a role", MONITORING)
        yield from refusals(
            _validate_windows, options["preferred_backup_window"], options["preferred_maintenance_window"]
        )

    @property
    def _version(self) -> str:
        return self.options["engine_version"] or str(ENGINES[self.options["engine"]]["default"])

    @property
    def _major(self) -> str:
        return major_version(self.options["engine"], self._version)

    def account_rules(self) -> Iterator[OptionError]:
        options = self.options
        if options["state"] == "present":
            engine, name = options["engine"], options["instance_class"]
            yield from database_class_faults(self.aws, self.prefix, engine, self._version, name)
            with if_it_can_be_read():
                yield from self._snapshot_faults()

    def _snapshot_faults(self) -> Iterator[OptionError]:
        snapshot = self.options["snapshot_identifier"]
        if snapshot and self.options["state"] == "present":
            yield from snapshot_faults(
                self.aws,
                self.prefix,
                snapshot,
                engine=self.options["engine"],
                version=self._version,
                username=self._master_user(),
            )

    def _master_user(self) -> str:
        """Return the name of the master user, "(known after apply)" if nobody has made it, or we may not read it."""
        with ignoring(DENIED):
            return self._login("database_master")["username"]
        return KNOWN_AFTER_APPLY

    def planned_faults(self, steps: list[Step]) -> Iterator[OptionError]:
        if any(step.action == "create" and step.resource is self.instance for step in steps):
            self._owners_password()
        if any("subnet_ids" in step.after for step in steps):
            yield from database_subnet_faults(self.aws, self.options["subnet_ids"])

    def resources(self) -> list[Resource]:
        options = self.options
        for fault in self._snapshot_faults():
            raise fault
        engine = ENGINES[options["engine"]]
        subnet_group = SubnetGroup(self.aws, self.prefix, self.tags, options["subnet_ids"])
        family = engine["family"].format(major=self._major)
        parameter_group = ParameterGroup(
            self.aws, f"{self.prefix}-{family.replace('.', '-')}", self.tags, family, engine["parameters"]
        )
        log_groups = self._log_groups()
        self.instance = Instance(
            self.aws,
            self.prefix,
            self.tags,
            settings=self._settings(),
            creation=self._creation(),
            subnet_group=subnet_group,
            parameter_group=parameter_group,
            password=self._owners_password,
            apply_immediately=options["apply_immediately"],
            final_snapshot=options["final_snapshot"],
            snapshot_identifier=options["snapshot_identifier"],
            log_exports=engine["logs"],
            log_groups=log_groups,
        )
        self.secret_names = {secret: secret_name(self.environment, secret) for secret in (*CONNECTIONS, "scaler")}
        secrets = [
            *(
                self._secret(secret, partial(self._url, login), f"The metadata database, for the {who}")
                for secret, (login, who) in CONNECTIONS.items()
            ),
            self._secret("scaler", self._scaler_login, "The metadata database, for the scaler"),
        ]
        return [subnet_group, parameter_group, *log_groups, self.instance, *secrets]

    def _log_groups(self) -> list[LogGroup]:
        """The groups that RDS writes to. It would make them itself, without a key, and for ever."""
        options = self.options
        if options["state"] == "absent" and not options["delete_log_groups"]:
            return []
        return [
            ServiceLogGroup(
                self.aws,
                database_log_group_name(self.environment, log),
                self.tags,
                options["log_retention_in_days"],
                options["kms_key_arn"],
            )
            for log in ENGINES[options["engine"]]["logs"]
        ]

    def _settings(self) -> dict[str, Any]:
        """Return what CreateDBInstance and ModifyDBInstance share."""
        options = self.options
        settings = {
            "EngineVersion": self._version,
            "DBInstanceClass": options["instance_class"],
            "AllocatedStorage": options["allocated_storage"],
            "MaxAllocatedStorage": options["max_allocated_storage"],
            "MultiAZ": options["multi_az"],
            "BackupRetentionPeriod": options["backup_retention_period"],
            "DeletionProtection": options["deletion_protection"],
            "AutoMinorVersionUpgrade": options["auto_minor_version_upgrade"],
            "CACertificateIdentifier": options["ca_certificate_identifier"],
            "MonitoringInterval": options["monitoring_interval"],
            "EnableIAMDatabaseAuthentication": options["iam_authentication"],
            "CopyTagsToSnapshot": True,
            "PubliclyAccessible": False,
            "StorageType": "gp3",
            "VpcSecurityGroupIds": sorted(options["security_group_ids"]),
        }
        if options["monitoring_interval"]:
            settings["MonitoringRoleArn"] = options["monitoring_role_arn"]
        for option, field in (
            ("preferred_backup_window", "PreferredBackupWindow"),
            ("preferred_maintenance_window", "PreferredMaintenanceWindow"),
        ):
            if options[option]:
                settings[field] = options[option].lower()
        return settings

    def _creation(self) -> dict[str, Any]:
        """Return what only CreateDBInstance takes."""
        engine = self.options["engine"]
        present = self.options["state"] == "present"
        key = self.options["kms_key_arn"]
        return {
            "Engine": engine,
            "DBName": DATABASE_NAME,
            "StorageEncrypted": True,
            # Nobody needs it to delete the instance, and its secret may be gone already.
            **({"MasterUsername": self._login("database_master")["username"]} if present else {}),
            **({"KmsKeyId": key} if key else {}),
        }

    def _login(self, secret: str) -> dict[str, str]:
        name = secret_name(self.environment, secret)
        return read_login(self.aws, name, self.options["engine"], self._values)

    def _owners_password(self) -> str:
        """Return the password of an instance that is to be made or has just been restored."""
        read = read_login if self.options["snapshot_identifier"] else read_owner
        name = secret_name(self.environment, "database_master")
        return read(self.aws, name, self.options["engine"], self._values)["password"]

    @property
    def _values(self) -> SecretValues:
        """Everything that the connections are made of, and they themselves."""
        logins = ("database_scaler", *(login for login, _who in CONNECTIONS.values()))
        return SecretValues(
            self.aws, [secret_name(self.environment, secret) for secret in (*logins, *CONNECTIONS, "scaler")]
        )

    def _secret(self, name: str, value: Any, description: str) -> DerivedSecret:
        return DerivedSecret(
            self.aws,
            self.secret_names[name],
            self.tags,
            value,
            after=[self.instance],
            values=self._values,
            description=description,
            kms_key_id=self.options["kms_key_arn"],
            recovery_window_days=self.options["recovery_window_days"],
        )

    def _url(self, secret: str) -> str:
        login = self._login(secret)
        if has_unknown([login, self.instance.endpoint]):
            return KNOWN_AFTER_APPLY
        engine = ENGINES[self.options["engine"]]
        user, password = quote(login["username"], safe=""), quote(login["password"], safe="")
        host = f"{self.instance.endpoint}:{self.instance.port}"
        verified, authorities = engine["tls"]
        tls = f"{verified}&{authorities}={DATABASE_AUTHORITIES}"
        return f"{engine['scheme']}://{user}:{password}@{host}/{DATABASE_NAME}?{tls}"

    def _scaler_login(self) -> str:
        login = self._login("database_scaler")
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

    def remarks(self) -> Iterator[str]:
        if self.instance.upgraded_by_rds:
            yield (
                f"the database runs {self.options['engine']} {self.instance.engine_version}, which is newer than "
                f"engine_version, {self._version}: RDS has upgraded it, and it stays so"
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
        validate_form("preferred_backup_window", backup, WINDOW)
        daily = _minutes("preferred_backup_window", backup, DAY_MINUTES)
    if maintenance:
        validate_form("preferred_maintenance_window", maintenance, WEEK_WINDOW)
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
