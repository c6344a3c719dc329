# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a KMS key still encrypts: it must not be deleted before that is gone."""

from __future__ import annotations

from collections.abc import Iterator

from .._reconcile.aws import Aws
from .._reconcile.errors import DENIED, ignoring
from .._resources.sqs import MISSING as NO_QUEUE
from .._resources.sqs import queue_urls
from ._names import bucket_name

DELETING = "https://docs.aws.amazon.com/kms/latest/developerguide/deleting-keys.html"


def key_users(aws: Aws, key: str, environment: str) -> list[str]:
    """Return, in words, what is encrypted with the key of this ARN and would be lost with it.

    KMS does not know: each service is asked. Of buckets the environment's own are looked at, and of queues those whose
    names begin like its own.
    """
    return [
        *_databases(aws, key),
        *_secrets(aws, key),
        *_log_groups(aws, key),
        *_buckets(aws, key, environment),
        *_repositories(aws, key),
        *_queues(aws, key, environment),
    ]


def _databases(aws: Aws, key: str) -> Iterator[str]:
    rds = aws.client("rds")
    for instance in rds.pages("describe_db_instances", "DBInstances"):
        if instance.get("KmsKeyId") == key:
            yield f"database {instance['DBInstanceIdentifier']}"
    for snapshot in rds.pages("describe_db_snapshots", "DBSnapshots"):
        if snapshot.get("KmsKeyId") == key:
            yield f"snapshot {snapshot['DBSnapshotIdentifier']}"


def _secrets(aws: Aws, key: str) -> Iterator[str]:
    for secret in aws.client("secretsmanager").pages("list_secrets", "SecretList", IncludePlannedDeletion=True):
        if secret.get("KmsKeyId") == key:
            until = f", which can be restored until {secret['DeletedDate']:%F}" if secret.get("DeletedDate") else ""
            yield f"secret {secret['Name']}{until}"


def _log_groups(aws: Aws, key: str) -> Iterator[str]:
    for group in aws.client("logs").pages("describe_log_groups", "logGroups"):
        if group.get("kmsKeyId") == key:
            yield f"log group {group['logGroupName']}"


def _buckets(aws: Aws, key: str, environment: str) -> Iterator[str]:
    s3 = aws.client("s3")
    for content in ("logs", "dags"):
        name = bucket_name(environment, content, aws.account_id, aws.region)
        with ignoring("NoSuchBucket", "ServerSideEncryptionConfigurationNotFoundError"):
            if key in str(s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]):
                yield f"bucket {name}"


def _repositories(aws: Aws, key: str) -> Iterator[str]:
    for repository in aws.client("ecr").pages("describe_repositories", "repositories"):
        if repository.get("encryptionConfiguration", {}).get("kmsKey") == key:
            yield f"repository {repository['repositoryName']}"


def _queues(aws: Aws, key: str, environment: str) -> Iterator[str]:
    sqs = aws.client("sqs")
    for name, url in queue_urls(aws, f"sm2a-{environment}-").items():
        # Who may look at all of ours is refused only those of an environment whose name begins like this one's.
        with ignoring(*NO_QUEUE, *DENIED):
            found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["KmsMasterKeyId"]).get("Attributes", {})
            if found.get("KmsMasterKeyId") == key:
                yield f"queue {name}"
