# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a key still encrypts, of whatever service."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError
from fake_aws import FakeAws, FakeClient, refusal

from ansible_collections.sm2a.airflow.plugins.module_utils._components._key_users import key_users

KEY, OTHER = (f"arn:aws:kms:eu-central-1:123456789012:key/{name}" for name in ("ours", "other"))


def clients(key: str) -> dict[str, FakeClient]:
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}}
    return {
        "rds": FakeClient(
            describe_db_instances={"DBInstances": [{"DBInstanceIdentifier": "i", "KmsKeyId": key}]},
            describe_db_snapshots={"DBSnapshots": [{"DBSnapshotIdentifier": "s", "KmsKeyId": key}]},
        ),
        "secretsmanager": FakeClient(list_secrets={"SecretList": [{"Name": "x", "KmsKeyId": key}]}),
        "logs": FakeClient(describe_log_groups={"logGroups": [{"logGroupName": "/g", "kmsKeyId": key}]}),
        "s3": FakeClient(
            get_bucket_encryption=lambda Bucket: (
                {"ServerSideEncryptionConfiguration": {"Rules": [rule]}}
                if "-logs-" in Bucket
                else refusal("NoSuchBucket")
            ),
        ),
        "ecr": FakeClient(
            describe_repositories={
                "repositories": [
                    {"repositoryName": "r", "encryptionConfiguration": {"encryptionType": "KMS", "kmsKey": key}},
                    {"repositoryName": "plain"},
                ]
            }
        ),
        "sqs": FakeClient(
            list_queues={"QueueUrls": ["https://sqs/1/sm2a-test-default"]},
            get_queue_attributes={"Attributes": {"KmsMasterKeyId": key}},
        ),
    }


@pytest.mark.parametrize(
    ("key", "users"),
    [
        (
            KEY,
            [
                "database i",
                "snapshot s",
                "secret x",
                "log group /g",
                "bucket sm2a-test-logs-123456789012-eu-central-1",
                "repository r",
                "queue sm2a-test-default",
            ],
        ),
        (OTHER, []),
    ],
)
def test_each_service_is_asked_for_what_the_key_encrypts(key: str, users: list[str]) -> None:
    services = clients(KEY)
    aws: Any = FakeAws(**services)

    assert key_users(aws, key, "test") == users
    # What waits for its deletion can be restored, and then has to be read.
    assert services["secretsmanager"].called("list_secrets") == [{"IncludePlannedDeletion": True}]


def test_a_queue_of_another_environment_is_none_of_ours() -> None:
    """Its name begins like ours, and whoever deletes our key may not look at it."""
    services = clients(KEY)
    theirs, ours = "https://sqs/1/sm2a-test-2-default", "https://sqs/1/sm2a-test-default"
    services["sqs"] = FakeClient(
        list_queues={"QueueUrls": [theirs, ours]},
        get_queue_attributes=lambda QueueUrl, **_rest: (
            refusal("AccessDenied") if QueueUrl == theirs else {"Attributes": {"KmsMasterKeyId": KEY}}
        ),
    )
    aws: Any = FakeAws(**services)

    assert [user for user in key_users(aws, KEY, "test") if "queue" in user] == ["queue sm2a-test-default"]


def test_a_bucket_of_ours_that_may_not_be_read_may_be_encrypted_with_the_key() -> None:
    services = clients(KEY)
    services["s3"] = FakeClient(get_bucket_encryption=refusal("AccessDenied"))
    aws: Any = FakeAws(**services)

    with pytest.raises(ClientError, match="AccessDenied"):
        key_users(aws, KEY, "test")
