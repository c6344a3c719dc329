# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The storage module against both emulators."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from emulators import REGION, Account


@pytest.fixture
def buckets(account: Account) -> dict[str, str]:
    """The names that the buckets have or will have."""
    number = account.client("sts").get_caller_identity()["Account"]
    return {kind: f"sm2a-test-{kind}-{number}-{REGION}" for kind in ("logs", "dags")}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of DAGs on the controller."""
    (tmp_path / "team").mkdir()
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "hello.py").write_text("# a DAG\n")
    (tmp_path / "team" / "report.sql").write_text("select 1;\n")
    (tmp_path / ".airflowignore").write_text("helpers\n")
    (tmp_path / ".secret").write_text("not for anybody\n")
    (tmp_path / "__pycache__" / "hello.pyc").write_bytes(b"compiled")
    return tmp_path


@pytest.fixture
def plain_http(account: Account) -> dict[str, bool]:
    """What a test that handles objects needs: moto enforces the policy, and speaks plain HTTP here."""
    return {"deny_plain_http": account.emulator.name != "moto"}


def keys(account: Account, bucket: str) -> list[str]:
    return [item["Key"] for item in account.client("s3").list_objects_v2(Bucket=bucket).get("Contents", [])]


def codes(call: Any, **arguments: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return str(caught.value.response["Error"]["Code"])


def test_lifecycle(account: Account, folder: Path, plain_http: dict[str, bool]) -> None:
    key = account.client("kms").create_key()["KeyMetadata"]["Arn"]
    account.lifecycle(
        "storage",
        change={"kms_key_arn": key, "log_expiration_days": 0, "log_transition_days": 60, "tags": {"team": "data"}},
        delete_buckets=True,
        dags_path=str(folder),
        **plain_http,
    )


def test_requests_are_noted_in_a_bucket_of_ones_own(account: Account) -> None:
    s3 = account.client("s3")
    s3.create_bucket(Bucket="requests", CreateBucketConfiguration={"LocationConstraint": REGION})
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "logging.s3.amazonaws.com"},
        "Action": "s3:PutObject",
        "Resource": "arn:aws:s3:::requests/*",
    }
    s3.put_bucket_policy(Bucket="requests", Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    change = {"access_log_bucket": "requests", "log_versioning": True}

    account.lifecycle("storage", change=change, delete_buckets=True)


def test_buckets_are_private_encrypted_and_described(account: Account, buckets: dict[str, str]) -> None:
    result = account.run("storage")

    s3 = account.client("s3")
    assert result["storage"] == {
        "environment": "test",
        "log_bucket": buckets["logs"],
        "dag_bucket": buckets["dags"],
        "log_bucket_arn": f"arn:aws:s3:::{buckets['logs']}",
        "dag_bucket_arn": f"arn:aws:s3:::{buckets['dags']}",
    }
    for name in buckets.values():
        assert s3.get_bucket_location(Bucket=name)["LocationConstraint"] == REGION
        assert all(s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"].values())
        statement = json.loads(s3.get_bucket_policy(Bucket=name)["Policy"])["Statement"][0]
        assert statement["Effect"] == "Deny" and statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        rules = s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"]
        assert any("AbortIncompleteMultipartUpload" in rule for rule in rules)
    assert s3.get_bucket_versioning(Bucket=buckets["dags"])["Status"] == "Enabled"
    assert "Status" not in s3.get_bucket_versioning(Bucket=buckets["logs"])


def test_bucket_in_us_east_1(account: Account) -> None:
    result = account.run("storage", region="us-east-1")

    assert not result.get("failed"), result.get("msg")
    assert result["storage"]["log_bucket"].endswith("-us-east-1")


def test_drift_is_repaired(account: Account, buckets: dict[str, str]) -> None:
    account.run("storage")
    s3 = account.client("s3")
    s3.delete_public_access_block(Bucket=buckets["logs"])
    s3.delete_bucket_policy(Bucket=buckets["dags"])
    s3.put_bucket_versioning(Bucket=buckets["dags"], VersioningConfiguration={"Status": "Suspended"})

    result = account.run("storage")

    assert result["diff"]["before"][f"AWS::S3::Bucket {buckets['dags']}"] == {
        "policy_statements": [],
        "versioning": "Suspended",
    }
    assert all(s3.get_public_access_block(Bucket=buckets["logs"])["PublicAccessBlockConfiguration"].values())
    assert not account.run("storage")["changed"]


def test_what_others_set_on_a_bucket_stays(account: Account, buckets: dict[str, str]) -> None:
    account.run("storage")
    s3 = account.client("s3")
    name = buckets["logs"]
    policy = json.loads(s3.get_bucket_policy(Bucket=name)["Policy"])
    number = account.client("sts").get_caller_identity()["Account"]
    policy["Statement"].insert(
        0,
        {
            "Sid": "Audit",
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{number}:root"},
            "Action": "s3:GetObject",
            "Resource": f"arn:aws:s3:::{name}/*",
        },
    )
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps(policy))
    rules = s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"]
    theirs = {"ID": "theirs", "Status": "Enabled", "Filter": {"Prefix": "tmp/"}, "Expiration": {"Days": 1}}
    s3.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": [theirs, *rules]})
    tags = s3.get_bucket_tagging(Bucket=name)["TagSet"]
    s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": [*tags, {"Key": "audited", "Value": "yes"}]})
    assert not account.run("storage")["changed"]

    account.run("storage", log_expiration_days=30, tags={"team": "data"})

    assert {rule["ID"] for rule in s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"]} >= {"theirs"}
    assert {"Key": "audited", "Value": "yes"} in s3.get_bucket_tagging(Bucket=name)["TagSet"]
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps({**policy, "Statement": policy["Statement"][:1]}))
    account.run("storage")
    statements = json.loads(s3.get_bucket_policy(Bucket=name)["Policy"])["Statement"]
    assert [statement["Sid"] for statement in statements] == ["Audit", "sm2aDenyPlainHttp"]


def test_dags_follow_the_folder(
    account: Account, buckets: dict[str, str], folder: Path, plain_http: dict[str, bool]
) -> None:
    account.run("storage", dags_path=str(folder), **plain_http)
    assert keys(account, buckets["dags"]) == ["dags/.airflowignore", "dags/hello.py", "dags/team/report.sql"]

    (folder / "hello.py").write_text("# another\n")
    (folder / "team" / "report.sql").unlink()
    planned = account.run("storage", check=True, dags_path=str(folder), dags_purge=True, **plain_http)
    result = account.run("storage", dags_path=str(folder), dags_purge=True, **plain_http)

    assert planned["diff"] == result["diff"]
    actions = {step["name"].split("/", 1)[1]: step["action"] for step in result["plan"] if "/" in step["name"]}
    assert actions == {"dags/.airflowignore": "none", "dags/hello.py": "update", "dags/team/report.sql": "delete"}
    assert keys(account, buckets["dags"]) == ["dags/.airflowignore", "dags/hello.py"]
    body = account.client("s3").get_object(Bucket=buckets["dags"], Key="dags/hello.py")["Body"].read()
    assert body == b"# another\n"
    assert not account.run("storage", dags_path=str(folder), dags_purge=True, **plain_http)["changed"]


def test_a_dag_changed_in_the_bucket_is_repaired(
    account: Account, buckets: dict[str, str], folder: Path, plain_http: dict[str, bool]
) -> None:
    account.run("storage", dags_path=str(folder), **plain_http)
    s3 = account.client("s3")
    s3.put_object(Bucket=buckets["dags"], Key="dags/hello.py", Body=b"# edited")

    assert account.run("storage", dags_path=str(folder), **plain_http)["changed"]
    assert s3.get_object(Bucket=buckets["dags"], Key="dags/hello.py")["Body"].read() == b"# a DAG\n"


def test_an_interrupted_creation_is_adopted(account: Account, buckets: dict[str, str]) -> None:
    s3 = account.client("s3")
    s3.create_bucket(Bucket=buckets["logs"], CreateBucketConfiguration={"LocationConstraint": REGION})

    result = account.run("storage")

    assert not result.get("failed"), result.get("msg")
    tags = {tag["Key"]: tag["Value"] for tag in s3.get_bucket_tagging(Bucket=buckets["logs"])["TagSet"]}
    assert tags["sm2a:environment"] == "test"
    assert not account.run("storage")["changed"]


@pytest.mark.parametrize("belonging", ["object", "tag"])
def test_a_foreign_bucket_is_left_alone(account: Account, buckets: dict[str, str], belonging: str) -> None:
    s3 = account.client("s3")
    name = buckets["logs"]
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    if belonging == "object":
        s3.put_object(Bucket=name, Key="theirs", Body=b"precious")
    else:
        s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": [{"Key": "owner", "Value": "somebody else"}]})

    result = account.run("storage")

    assert result["failed"] and "was not created by the SM2A environment 'test'" in result["msg"]
    account.run("storage", state="absent", delete_buckets=True)
    s3.head_bucket(Bucket=name)
    assert codes(s3.get_bucket_policy, Bucket=name) == "NoSuchBucketPolicy"


def test_absent_keeps_buckets_unless_told(
    account: Account, buckets: dict[str, str], folder: Path, plain_http: dict[str, bool]
) -> None:
    account.run("storage", dags_path=str(folder), **plain_http)
    s3 = account.client("s3")
    for number in range(3):  # versions, and a delete marker on top
        s3.put_object(Bucket=buckets["dags"], Key="dags/hello.py", Body=str(number).encode())
    s3.delete_object(Bucket=buckets["dags"], Key="dags/hello.py")
    s3.put_object(Bucket=buckets["logs"], Key="dag_id=hello/attempt=1.log", Body=b"done")

    kept = account.run("storage", state="absent")
    assert not kept["changed"] and not kept.get("failed")
    assert keys(account, buckets["logs"]) == ["dag_id=hello/attempt=1.log"]

    assert account.run("storage", state="absent", delete_buckets=True)["changed"]
    assert [codes(s3.head_bucket, Bucket=name) for name in buckets.values()] == ["404", "404"]


def test_the_policy_goes_when_it_is_not_wanted(account: Account, buckets: dict[str, str]) -> None:
    account.run("storage")

    account.run("storage", deny_plain_http=False)

    assert codes(account.client("s3").get_bucket_policy, Bucket=buckets["logs"]) == "NoSuchBucketPolicy"
    assert not account.run("storage", deny_plain_http=False)["changed"]


def test_encryption_stays_where_no_key_is_given(account: Account, buckets: dict[str, str]) -> None:
    key = account.client("kms").create_key()["KeyMetadata"]["Arn"]
    account.run("storage", kms_key_arn=key)

    assert not account.run("storage")["changed"]
    assert account.run("storage", log_expiration_days=10)["changed"]

    for bucket in buckets.values():
        [rule] = account.client("s3").get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
        assert rule["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
