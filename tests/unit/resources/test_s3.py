# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Buckets: whose they are, what of others stays, and how they go."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from fake_aws import OURS, FakeAws, FakeClient, in_turn, refusal

from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.engine import ApplyError, Engine
from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.tags import tags_to_list
from ansible_collections.sm2a.airflow.plugins.module_utils._resources.s3 import (
    BLOCK_PUBLIC_ACCESS,
    Bucket,
    BucketObject,
    keys_in,
)

MISSING = refusal("NoSuchBucket")
THEIR_RULE = {"ID": "theirs", "Status": "Enabled", "Filter": {"Prefix": "x/"}, "Expiration": {"Days": 1}}
THEIR_STATEMENT = {
    "Sid": "Theirs",
    "Effect": "Allow",
    "Principal": {"AWS": "arn:aws:iam::123456789012:role/analyst"},
    "Action": "s3:GetObject",
    "Resource": "*",
}


def configured(**answers: Any) -> FakeClient:
    """Return an S3 with a bucket of ours that is as it should be, without rules."""
    encryption = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]}
    found = {
        "get_bucket_tagging": {"TagSet": tags_to_list(OURS)},
        "get_bucket_policy": refusal("NoSuchBucketPolicy"),
        "get_bucket_lifecycle_configuration": refusal("NoSuchLifecycleConfiguration"),
        "get_bucket_encryption": {"ServerSideEncryptionConfiguration": encryption},
        "get_bucket_ownership_controls": {"OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}},
        "get_public_access_block": {"PublicAccessBlockConfiguration": BLOCK_PUBLIC_ACCESS},
        "get_bucket_cors": refusal("NoSuchCORSConfiguration"),
        "get_bucket_website": refusal("NoSuchWebsiteConfiguration"),
    }
    return FakeClient(**{**found, **answers})


def bucket(s3: FakeClient, **settings: Any) -> Bucket:
    aws: Any = FakeAws(s3=s3)
    return Bucket(aws, "sm2a-test-logs", OURS, **{"deny_plain_http": False, **settings})


def apply(one: Bucket) -> str:
    [step] = Engine("test", check_mode=False).apply([one])
    return step.action


def writes(s3: FakeClient) -> list[str]:
    return [name for name, _arguments in s3.calls if name.startswith(("put", "create", "delete"))]


def test_a_bucket_that_is_as_it_should_be_is_left_alone() -> None:
    s3 = configured()

    assert apply(bucket(s3)) == "none" and writes(s3) == []
    assert all(arguments["ExpectedBucketOwner"] == "123456789012" for _name, arguments in s3.calls)


@pytest.mark.parametrize("code", ["404", "NoSuchBucket", "NotFound"])
def test_a_missing_bucket_is_missing_by_each_name(code: str) -> None:
    assert bucket(FakeClient(get_bucket_tagging=refusal(code))).find() is None


def test_the_bucket_of_another_account_is_left_alone() -> None:
    s3 = FakeClient(get_bucket_tagging=refusal("AccessDenied"))

    with pytest.raises(ApplyError, match="belongs to another account"):
        apply(bucket(s3))
    assert writes(s3) == []


@pytest.mark.parametrize(("region", "named"), [("eu-central-1", True), ("us-east-1", False)])
def test_the_one_region_that_must_not_be_named(region: str, named: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakeAws, "region", region)
    s3 = FakeClient(get_bucket_tagging=MISSING)

    apply(bucket(s3))

    [request] = s3.called("create_bucket")
    assert ("CreateBucketConfiguration" in request) is named
    assert writes(s3)[1] == "put_bucket_tagging"


def test_a_new_bucket_that_is_not_everywhere_yet_gets_its_settings() -> None:
    s3 = FakeClient(
        get_bucket_tagging=MISSING, put_bucket_tagging=in_turn(refusal("NoSuchBucket"), refusal("OperationAborted"), {})
    )

    assert apply(bucket(s3)) == "create"
    assert len(s3.called("put_bucket_tagging")) == 3


@pytest.mark.parametrize("versioning", [True, False])
def test_versions_matter_only_where_they_are_wanted(versioning: bool) -> None:
    s3 = configured(get_bucket_versioning={"Status": "Suspended"})

    assert apply(bucket(s3, versioning=versioning)) == ("update" if versioning else "none")
    assert len(s3.called("get_bucket_versioning")) == int(versioning)


def test_rules_and_statements_of_others_stay() -> None:
    s3 = configured(
        get_bucket_lifecycle_configuration={"Rules": [THEIR_RULE, {"ID": "sm2a-old", "Status": "Enabled"}]},
        get_bucket_policy={"Policy": json.dumps({"Statement": [THEIR_STATEMENT]})},
    )
    ours = {"ID": "sm2a-new", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 9}}

    apply(bucket(s3, deny_plain_http=True, lifecycle_rules=[ours]))

    [lifecycle] = s3.called("put_bucket_lifecycle_configuration")
    assert [rule["ID"] for rule in lifecycle["LifecycleConfiguration"]["Rules"]] == ["theirs", "sm2a-new"]
    [policy] = s3.called("put_bucket_policy")
    assert [item["Sid"] for item in json.loads(policy["Policy"])["Statement"]] == ["Theirs", "sm2aDenyPlainHttp"]


@pytest.mark.parametrize("principal", ["*", {"AWS": "999999999999"}])
def test_a_statement_that_opens_the_bucket_goes_and_others_stay(principal: Any) -> None:
    opening = {**THEIR_STATEMENT, "Sid": "Open", "Principal": principal}
    s3 = configured(get_bucket_policy={"Policy": json.dumps({"Statement": [THEIR_STATEMENT, opening]})})

    apply(bucket(s3))

    [policy] = s3.called("put_bucket_policy")
    assert [item["Sid"] for item in json.loads(policy["Policy"])["Statement"]] == ["Theirs"]


@pytest.mark.parametrize(
    ("found", "write"),
    [
        ({"get_bucket_cors": {"CORSRules": [{"AllowedOrigins": ["*"]}]}}, "delete_bucket_cors"),
        ({"get_bucket_website": {"IndexDocument": {"Suffix": "index.html"}}}, "delete_bucket_website"),
    ],
)
def test_a_bucket_serves_no_pages(found: dict[str, Any], write: str) -> None:
    s3 = configured(**found)

    assert apply(bucket(s3)) == "update" and writes(s3) == [write]


def test_a_list_of_access_that_lets_others_in_goes_before_lists_are_switched_off() -> None:
    refused = refusal("InvalidBucketAclWithObjectOwnership")
    s3 = configured(
        get_bucket_ownership_controls={"OwnershipControls": {"Rules": [{"ObjectOwnership": "ObjectWriter"}]}},
        put_bucket_ownership_controls=in_turn(refused, {}),
    )

    apply(bucket(s3))

    assert writes(s3) == ["put_bucket_ownership_controls", "put_bucket_acl", "put_bucket_ownership_controls"]
    assert s3.called("put_bucket_acl")[0]["ACL"] == "private"


def test_a_policy_without_statements_is_deleted() -> None:
    statement = {**THEIR_STATEMENT, "Sid": "sm2aDenyPlainHttp"}
    s3 = configured(get_bucket_policy={"Policy": json.dumps({"Statement": [statement]})})

    apply(bucket(s3))

    assert writes(s3) == ["delete_bucket_policy"]


@pytest.mark.parametrize("key", [None, "arn of a key"])
def test_the_key_of_a_bucket_changes_only_if_one_is_named(key: str | None) -> None:
    s3 = configured()

    apply(bucket(s3, kms_key_arn=key))

    rules = [call["ServerSideEncryptionConfiguration"]["Rules"][0] for call in s3.called("put_bucket_encryption")]
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    assert rules == ([{"ApplyServerSideEncryptionByDefault": default, "BucketKeyEnabled": True}] if key else [])


def test_tags_of_others_stay_and_those_of_aws_are_not_written() -> None:
    tags = {**OURS, "team": "data", "aws:cloudformation:stack": "x"}
    s3 = configured(get_bucket_tagging={"TagSet": tags_to_list(tags)})
    one = bucket(s3)
    one.tags = {**OURS, "cost": "1"}

    apply(one)

    [call] = s3.called("put_bucket_tagging")
    assert call["Tagging"]["TagSet"] == tags_to_list({**OURS, "team": "data", "cost": "1"})


@pytest.mark.parametrize(("versions", "adopted"), [([], True), ([{"Key": "a", "VersionId": "1"}], False)])
def test_only_an_empty_bucket_without_tags_was_left_by_an_interrupted_run(versions: list[Any], adopted: bool) -> None:
    s3 = configured(get_bucket_tagging=refusal("NoSuchTagSet"), list_object_versions={"Versions": versions})

    if adopted:
        assert apply(bucket(s3)) == "update"
    else:
        with pytest.raises(ApplyError, match="was not created by"):
            apply(bucket(s3))


def test_a_bucket_that_is_written_to_while_it_is_emptied_goes_at_last() -> None:
    held = {"Versions": [{"Key": "a", "VersionId": "1"}], "DeleteMarkers": [{"Key": "b", "VersionId": "2"}]}
    s3 = configured(
        list_object_versions=in_turn(held, {}, held, {}), delete_bucket=in_turn(refusal("BucketNotEmpty"), {})
    )

    [step] = Engine("test", check_mode=False).remove([bucket(s3)])

    assert step.action == "delete" and len(s3.called("delete_bucket")) == 2
    assert len(s3.called("delete_objects")[0]["Delete"]["Objects"]) == 2


def test_a_bucket_that_is_gone_meanwhile_is_deleted() -> None:
    s3 = configured(list_object_versions=refusal("NoSuchBucket"))

    [step] = Engine("test", check_mode=False).remove([bucket(s3)])

    assert step.action == "delete"


def test_an_object_that_cannot_be_deleted_is_named() -> None:
    problem = {"Errors": [{"Key": "locked", "Message": "object lock"}]}
    s3 = configured(list_object_versions={"Versions": [{"Key": "locked", "VersionId": "1"}]}, delete_objects=problem)

    with pytest.raises(ApplyError, match="cannot be emptied: locked: object lock"):
        Engine("test", check_mode=False).remove([bucket(s3)])


def test_a_file_is_uploaded_when_its_content_differs(tmp_path: Path) -> None:
    file = tmp_path / "dag.py"
    file.write_text("one")
    same = BucketObject(bucket(FakeClient()), "dags/dag.py", file).desired()
    s3 = FakeClient(head_object={"Metadata": {"sha256": same["sha256"]}, "ContentLength": same["bytes"]})
    [step] = Engine("test", check_mode=False).apply([BucketObject(bucket(s3), "dags/dag.py", file)])
    assert step.action == "none"

    file.write_text("two")
    [step] = Engine("test", check_mode=False).apply([BucketObject(bucket(s3), "dags/dag.py", file)])
    assert step.action == "update" and s3.called("put_object")[0]["Body"] == b"two"


def test_a_file_that_vanished_is_named(tmp_path: Path) -> None:
    missing = BucketObject(bucket(FakeClient(head_object=MISSING)), "dags/dag.py", tmp_path / "dag.py")

    with pytest.raises(ApplyError, match=r"dag\.py cannot be read: No such file"):
        Engine("test", check_mode=False).apply([missing])


def test_a_bucket_that_is_yet_to_come_has_no_keys() -> None:
    aws: Any = FakeAws(s3=FakeClient(list_objects_v2=refusal("NoSuchBucket")))

    assert keys_in(aws, "sm2a-test-dags", "dags/") == []
