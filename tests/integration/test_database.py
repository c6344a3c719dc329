# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The database module against both emulators."""

from __future__ import annotations

import json

import pytest
from emulators import Account, Vpc

from ansible_collections.sm2a.airflow.plugins.module_utils._components._logins import DATABASE_USERS
from ansible_collections.sm2a.airflow.plugins.module_utils._components._names import secret_name


@pytest.fixture
def options(account: Account, vpc: Vpc) -> dict[str, object]:
    """A network to put the database into, and the logins that the secrets role makes."""
    for secret in ("database_master", *DATABASE_USERS):
        name = secret_name("test", secret)
        user = name.rpartition("/")[2].replace("-", "_")
        account.client("secretsmanager").create_secret(
            Name=name, SecretString=json.dumps({"username": user, "password": "p:ss%word"})
        )
    return {
        "subnet_ids": vpc.subnet_ids,
        "security_group_ids": [vpc.security_group_id],
        "recovery_window_days": 0,
        "final_snapshot": False,
    }


def test_lifecycle(account: Account, options: dict[str, object]) -> None:
    change = {"backup_retention_period": 14, "instance_class": "db.t4g.medium"}
    results = account.lifecycle("database", change=change, **options)
    assert results["create"]["database"]["secret_names"]["scaler"] == "sm2a/test/scaler/database"


def test_measurements_and_tokens_can_be_turned_on(account: Account, options: dict[str, object]) -> None:
    role = "arn:aws:iam::123456789012:role/rds-monitoring"
    change = {"monitoring_interval": 60, "monitoring_role_arn": role, "iam_authentication": True}
    account.lifecycle("database", change=change, **options)


@pytest.mark.parametrize(
    ("pinned", "by_rds"),
    [
        ({"engine_version": "17.5"}, {"EngineVersion": "17.6"}),
        ({"engine": "mysql", "engine_version": "8.4.3"}, {"EngineVersion": "8.4.6"}),
        ({"allocated_storage": 20}, {"AllocatedStorage": 45}),
        ({}, {"PreferredBackupWindow": "02:00-02:30", "PreferredMaintenanceWindow": "tue:04:00-tue:04:30"}),
    ],
)
def test_what_rds_changes_by_itself_stays(
    account: Account, options: dict[str, object], pinned: dict[str, str], by_rds: dict[str, str]
) -> None:
    account.run("database", **options, **pinned)
    rds = account.client("rds")
    rds.modify_db_instance(DBInstanceIdentifier="sm2a-test", ApplyImmediately=True, **by_rds)

    for check in (True, False):
        result = account.run("database", check=check, **options, **pinned)
        assert not result["changed"] and result["diff"] == {"before": {}, "after": {}}
        assert result["api_calls"]["write"] == 0
        remarks = [line for line in result.get("warnings", []) if "RDS has upgraded it, and it stays so" in str(line)]
        assert len(remarks) == ("EngineVersion" in by_rds)
    [instance] = rds.describe_db_instances(DBInstanceIdentifier="sm2a-test")["DBInstances"]
    assert by_rds.items() <= instance.items()


def test_connections_are_written_for_airflow_and_never_shown(account: Account, options: dict[str, object]) -> None:
    result = account.run("database", **options)

    secrets = account.client("secretsmanager")
    facts = result["database"]
    for service, user in (("migration", "master"), ("worker", "worker_login")):
        name = f"sm2a/test/config/sql_alchemy_conn/{service}"
        assert secrets.get_secret_value(SecretId=name)["SecretString"] == (
            f"postgresql+psycopg2://{user}:p%3Ass%25word@{facts['endpoint']}:{facts['port']}/airflow"
            "?sslmode=verify-full&sslrootcert=/opt/sm2a/database-ca.crt"
        )
    login = json.loads(secrets.get_secret_value(SecretId="sm2a/test/scaler/database")["SecretString"])
    assert (login["username"], login["password"], login["port"]) == ("scaler_login", "p:ss%word", facts["port"])
    assert "p:ss%word" not in json.dumps(result) and "p%3Ass%25word" not in json.dumps(result)


def test_a_plan_without_logins_lists_everything(account: Account) -> None:
    result = account.run(
        "database", check=True, subnet_ids=["(known after apply)"], security_group_ids=["(known after apply)"]
    )
    assert [step["action"] for step in result["plan"]] == ["create"] * 12


def test_a_plan_refuses_a_login_that_rds_would_refuse(account: Account, options: dict[str, object]) -> None:
    secrets = account.client("secretsmanager")
    for name, login, rule in (
        ("worker-login", {"username": "worker", "password": "two words"}, "printable ASCII"),
        ("master", {"username": "rdsadmin", "password": "p:ss%word"}, "not reserved"),
    ):
        secret = f"sm2a/test/database/{name}"
        before = secrets.get_secret_value(SecretId=secret)["SecretString"]
        secrets.put_secret_value(SecretId=secret, SecretString=json.dumps(login))

        refused = account.run("database", check=True, **options)

        assert refused["failed"] and secret in refused["msg"] and rule in refused["msg"]
        assert login["password"] not in json.dumps(refused)
        secrets.put_secret_value(SecretId=secret, SecretString=before)


def test_deletion_leaves_a_final_snapshot(account: Account, options: dict[str, object]) -> None:
    account.run("database", **options)
    account.run("database", state="absent", recovery_window_days=0)
    snapshots = account.client("rds").describe_db_snapshots(SnapshotType="manual")["DBSnapshots"]
    assert [snapshot["DBSnapshotIdentifier"].startswith("sm2a-test-final-") for snapshot in snapshots] == [True]


def test_deletion_protection_is_honoured(account: Account, options: dict[str, object]) -> None:
    account.run("database", deletion_protection=True, **options)
    result = account.run("database", state="absent")
    assert result["failed"] and "protected from deletion" in result["msg"]
    assert account.client("rds").describe_db_instances(DBInstanceIdentifier="sm2a-test")["DBInstances"]
