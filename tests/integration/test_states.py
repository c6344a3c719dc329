# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""States and time of AWS before both emulators: what is refused, and that modules get along with it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from emulators import REGION, Account, Vpc

pytestmark = pytest.mark.parametrize("emulator", ["strict moto", "strict ministack"], indirect=True)

LOGIN = {"username": "sm2a", "password": "made-up-for-a-test"}


def code(call: Callable[..., Any], **arguments: Any) -> str:
    """Return the code of the error with which a call is refused."""
    with pytest.raises(ClientError) as refused:
        call(**arguments)
    return str(refused.value.response["Error"]["Code"])


def patient(call: Callable[..., Any], **arguments: Any) -> Any:
    """Call what may not know yet what was just made."""
    deadline = time.monotonic() + 10
    while True:
        try:
            return call(**arguments)
        except ClientError:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.1)


@pytest.fixture
def vpc(account: Account) -> Vpc:
    """A network to put things into, made with patience."""
    ec2 = account.client("ec2")
    made = patient(ec2.create_vpc, CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        patient(ec2.create_subnet, VpcId=made, CidrBlock=f"10.0.{index}.0/24", AvailabilityZone=f"{REGION}{zone}")[
            "Subnet"
        ]["SubnetId"]
        for index, zone in enumerate("ab")
    ]
    group = patient(ec2.create_security_group, GroupName="tasks", Description="tasks", VpcId=made)["GroupId"]
    return Vpc(made, subnets, group)


@pytest.fixture
def options(account: Account, vpc: Vpc) -> dict[str, Any]:
    """What the database module needs."""
    secrets = account.client("secretsmanager")
    users = ("scaler", "airflow", "execution-api", "dag-processor", "triggerer", "worker")
    for name in ("master", *(f"{user}-login" for user in users)):
        for environment in ("test", "other"):
            login = json.dumps({**LOGIN, "password": f"password-of-{environment}"})
            secret = f"sm2a/{environment}/database/{name}"
            patient(secrets.create_secret, Name=secret, SecretString=login)
            patient(secrets.describe_secret, SecretId=secret)
    return {"subnet_ids": vpc.subnet_ids, "security_group_ids": [vpc.security_group_id], "recovery_window_days": 0}


def test_what_a_key_encrypts_is_lost_while_the_key_cannot_be_used(account: Account) -> None:
    kms, secrets = account.client("kms"), account.client("secretsmanager")
    key = patient(kms.create_key)["KeyMetadata"]["Arn"]
    patient(secrets.create_secret, Name="one", SecretString="x", KmsKeyId=key)
    assert patient(secrets.get_secret_value, SecretId="one")["SecretString"] == "x"

    # By its id: moto does not know its ARN everywhere.
    key_id = key.rsplit("/", 1)[-1]
    patient(kms.schedule_key_deletion, KeyId=key_id, PendingWindowInDays=7)
    assert code(secrets.get_secret_value, SecretId="one") == "DecryptionFailure"
    assert code(kms.enable_key, KeyId=key_id) == "KMSInvalidStateException"

    patient(kms.cancel_key_deletion, KeyId=key_id)
    patient(kms.enable_key, KeyId=key_id)
    assert patient(secrets.get_secret_value, SecretId="one")["SecretString"] == "x"


def test_a_database_takes_its_time(account: Account, options: dict[str, Any]) -> None:
    rds = account.client("rds")
    begun = account.run("database", wait=False, **options)
    assert not begun.get("failed"), begun["msg"]
    [instance] = patient(rds.describe_db_instances, DBInstanceIdentifier="sm2a-test")["DBInstances"]
    assert instance["DBInstanceStatus"] == "creating"
    assert code(rds.modify_db_instance, DBInstanceIdentifier="sm2a-test", MultiAZ=True) == "InvalidDBInstanceState"

    # What changes while it is being created waits until it is there.
    changed = account.run("database", instance_class="db.t4g.medium", **options)
    assert not changed.get("failed"), changed["msg"]
    [instance] = rds.describe_db_instances(DBInstanceIdentifier="sm2a-test")["DBInstances"]
    assert instance["DBInstanceClass"] == "db.t4g.medium"
    again = account.run("database", instance_class="db.t4g.medium", **options)
    assert (again["changed"], again["api_calls"]["write"]) == (False, 0), again["diff"]

    gone = account.run("database", state="absent", recovery_window_days=0)
    assert not gone.get("failed"), gone["msg"]


@pytest.mark.parametrize("environment", ["test", "other"])
def test_a_database_is_restored(account: Account, options: dict[str, Any], environment: str) -> None:
    rds = account.client("rds")
    for state in ({}, {"state": "absent"}):
        done = account.run("database", **{**options, **state})
        assert not done.get("failed"), done["msg"]
    [snapshot] = rds.describe_db_snapshots(SnapshotType="manual")["DBSnapshots"]
    restored = {
        **options,
        "environment": environment,
        "snapshot_identifier": snapshot["DBSnapshotIdentifier"],
        "backup_retention_period": 9,
    }

    begun = account.run("database", wait=False, **restored)
    done = account.run("database", **restored)

    assert not begun.get("failed") and not done.get("failed"), (begun.get("msg"), done.get("msg"))
    [instance] = rds.describe_db_instances(DBInstanceIdentifier=f"sm2a-{environment}")["DBInstances"]
    assert instance["BackupRetentionPeriod"] == 9
    assert sorted(instance["EnabledCloudwatchLogsExports"]) == ["postgresql", "upgrade"]
    assert instance["DBParameterGroups"][0]["DBParameterGroupName"] == f"sm2a-{environment}-postgres17"
    tags = {tag["Key"] for tag in rds.list_tags_for_resource(ResourceName=instance["DBInstanceArn"])["TagList"]}
    assert "sm2a:environment" in tags and "sm2a:login-of-snapshot" not in tags
    again = account.run("database", **restored)
    assert (again["changed"], again["api_calls"]["write"]) == (False, 0), again["diff"]


@pytest.mark.parametrize(
    ("wrong", "rule"),
    [
        ({"engine": "mysql"}, "it is of postgres 17"),
        ({"engine_version": "16"}, "and engine_version is 16"),
        ({"snapshot_identifier": "no-such"}, "there is no such snapshot"),
    ],
)
def test_a_snapshot_that_does_not_fit_is_refused_before_anything_is_made(
    account: Account, options: dict[str, Any], wrong: dict[str, Any], rule: str
) -> None:
    for state in ({}, {"state": "absent"}):
        done = account.run("database", **{**options, **state})
        assert not done.get("failed"), done["msg"]
    [snapshot] = account.client("rds").describe_db_snapshots(SnapshotType="manual")["DBSnapshots"]

    for check in (True, False):
        refused = account.run(
            "database", check, **{**options, "snapshot_identifier": snapshot["DBSnapshotIdentifier"], **wrong}
        )
        assert refused["failed"] and rule in refused["msg"]
    assert account.client("rds").describe_db_subnet_groups()["DBSubnetGroups"] == []


def test_a_key_is_deleted_only_when_nothing_that_stays_needs_it(
    account: Account, options: dict[str, Any], vpc: Vpc
) -> None:
    made = account.run("security", vpc_id=vpc.id)
    key = made["security"]["kms_key_arn"]
    assert not account.run("database", kms_key_arn=key, **options).get("failed")
    account.run("database", state="absent", recovery_window_days=30)
    gone = account.run("security", state="absent", vpc_id=vpc.id)
    assert not gone.get("failed"), gone["msg"]

    assert account.client("kms").describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "Enabled"
    for check in (True, False):
        refused = account.run("security", check, state="absent", vpc_id=vpc.id, delete_key=True)
        assert refused["failed"] and "snapshot sm2a-test-final-" in refused["msg"]
        # MiniStack's ListSecrets tells no keys.
        assert account.emulator.name == "ministack" or "secret sm2a/test/" in refused["msg"]

    [snapshot] = account.client("rds").describe_db_snapshots(SnapshotType="manual")["DBSnapshots"]
    account.client("rds").delete_db_snapshot(DBSnapshotIdentifier=snapshot["DBSnapshotIdentifier"])
    secrets = account.client("secretsmanager")
    for secret in secrets.list_secrets(IncludePlannedDeletion=True)["SecretList"]:
        patient(secrets.delete_secret, SecretId=secret["Name"], ForceDeleteWithoutRecovery=True)
    deleted = account.run("security", state="absent", vpc_id=vpc.id, delete_key=True)
    assert not deleted.get("failed"), deleted["msg"]
    assert account.client("kms").describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "PendingDeletion"
