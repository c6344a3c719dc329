# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Amazon S3."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .._reconcile.aws import Aws
from .._reconcile.errors import ClientError, NotOwnedError, ReconcileError, code_of, ignoring
from .._reconcile.resource import Resource
from .._reconcile.tags import former_tags, tags_from_list, tags_to_list
from .._reconcile.waits import retry_while, wait_until
from .policies import opening_statements

# What S3 answers where a setting was never made.
UNSET = (
    "NoSuchTagSet",
    "NoSuchBucketPolicy",
    "NoSuchCORSConfiguration",
    "NoSuchLifecycleConfiguration",
    "NoSuchPublicAccessBlockConfiguration",
    "NoSuchWebsiteConfiguration",
    "OwnershipControlsNotFoundError",
    "ServerSideEncryptionConfigurationNotFoundError",
)
MISSING = ("404", "NoSuchBucket", "NoSuchKey", "NotFound")
# Buckets and their settings are eventually consistent, and some writes exclude each other:
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/Welcome.html#ConsistencyModel
UNSETTLED = ("NoSuchBucket", "OperationAborted")
SETTLING_SECONDS = 120
# At most a thousand keys in one request:
# https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html
DELETE_AT_ONCE = 1000

OURS = "sm2a-"
"""How the ids of our lifecycle rules and policy statements start; those of others are left alone."""

BLOCK_PUBLIC_ACCESS = {
    "BlockPublicAcls": True,
    "IgnorePublicAcls": True,
    "BlockPublicPolicy": True,
    "RestrictPublicBuckets": True,
}


class Bucket(Resource):
    """A private bucket. ``id`` is its name, ``arn`` its ARN.

    Without ``kms_key_arn`` a bucket that exists stays encrypted as it is, and a new one is by S3's own keys.

    Every request names the account that must own the bucket, since names are shared by all accounts of the world:
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html
    """

    kind = "AWS::S3::Bucket"

    def __init__(
        self,
        aws: Aws,
        name: str,
        tags: dict[str, str],
        *,
        versioning: bool = False,
        kms_key_arn: str | None = None,
        deny_plain_http: bool = True,
        lifecycle_rules: list[dict[str, Any]] | None = None,
        access_log_bucket: str | None = None,
    ) -> None:
        super().__init__(aws, name, tags)
        self.access_log_bucket = access_log_bucket
        # Known before the bucket exists.
        self.id = name
        self.arn = f"arn:{aws.partition}:s3:::{name}"
        self.versioning = versioning
        self.kms_key_arn = kms_key_arn
        self.deny_plain_http = deny_plain_http
        # Each with one action: an action that is no longer wanted is then a rule that is no longer wanted.
        self.lifecycle_rules = list(lifecycle_rules or [])
        self._of_others: dict[str, list[dict[str, Any]]] = {"lifecycle_rules": [], "policy_statements": []}
        self._rules_found: dict[str, Any] = {}
        self._encrypted = False
        self._minimum_size: str | None = None

    def _call(self, operation: str, **arguments: Any) -> dict[str, Any]:
        call = getattr(self.aws.client("s3"), operation)
        answer: dict[str, Any] = call(Bucket=self.name, ExpectedBucketOwner=self.aws.account_id, **arguments)
        return answer

    def _get(self, operation: str, field: str) -> Any:
        """Return one setting, None where it was never made."""
        with ignoring(*UNSET):
            return self._call(operation).get(field)
        return None

    def _put(self, operation: str, **arguments: Any) -> None:
        """Make one setting, patient with a bucket that is new or busy."""

        def attempt() -> bool:
            with ignoring(*UNSETTLED):
                self._call(operation, **arguments)
                return True
            return False

        wait_until(f"{self.label} takes its settings", attempt, SETTLING_SECONDS)

    def find(self) -> dict[str, Any] | None:
        try:
            tags = tags_from_list(self._get("get_bucket_tagging", "TagSet"))
        except ClientError as error:
            code = code_of(error)
            if code in MISSING:
                return None
            if code == "AccessDenied":
                raise NotOwnedError(
                    f"{self.label} belongs to another account, or these credentials may not see it; it is left alone"
                ) from None
            raise
        if self.absent:
            return {"tags": tags}
        rules = self._lifecycle()
        statements = json.loads(self._get("get_bucket_policy", "Policy") or "{}").get("Statement", [])
        opening = opening_statements({"Statement": statements}, f"arn:aws:iam::{self.aws.account_id}:root")
        self._of_others = {
            "lifecycle_rules": [rule for rule in rules if not rule.get("ID", "").startswith(OURS)],
            "policy_statements": [
                item for item in statements if not item.get("Sid", "").startswith(_SID) and item not in opening
            ],
        }
        self._rules_found = _by_id([rule for rule in rules if rule.get("ID", "").startswith(OURS)])
        encryption = (self._get("get_bucket_encryption", "ServerSideEncryptionConfiguration") or {}).get("Rules", [])
        self._encrypted = bool(encryption)
        ownership = (self._get("get_bucket_ownership_controls", "OwnershipControls") or {}).get("Rules", [])
        return {
            "encryption": encryption[0] if encryption else None,
            "lifecycle_rules": self._rules_found,
            "ownership": ownership[0]["ObjectOwnership"] if ownership else None,
            # Ours, and those that open the bucket to somebody outside of the account.
            "policy_statements": [
                item for item in statements if item.get("Sid", "").startswith(_SID) or item in opening
            ],
            "cross_origin_rules": self._get("get_bucket_cors", "CORSRules") or [],
            "website": self._website(),
            "public_access_block": self._get("get_public_access_block", "PublicAccessBlockConfiguration"),
            "tags": tags,
            **({"versioning": self._get("get_bucket_versioning", "Status") or "Off"} if self.versioning else {}),
            **({"access_logs": self._get("get_bucket_logging", "LoggingEnabled")} if self.access_log_bucket else {}),
        }

    def _website(self) -> bool:
        with ignoring(*UNSET):
            self._call("get_bucket_website")
            return True
        return False

    def _lifecycle(self) -> list[dict[str, Any]]:
        answer: dict[str, Any] = {}
        with ignoring(*UNSET):
            answer = self._call("get_bucket_lifecycle_configuration")
        self._minimum_size = answer.get("TransitionDefaultMinimumObjectSize")
        rules: list[dict[str, Any]] = answer.get("Rules", [])
        for rule in rules:
            # A rule for the whole bucket is an empty filter, an empty prefix, or the prefix of old that stands alone.
            if not rule.get("Filter", {}).get("Prefix") and not set(rule.get("Filter", {})) - {"Prefix"}:
                rule["Filter"] = {"Prefix": rule.pop("Prefix", "")}
        return rules

    def desired(self) -> dict[str, Any]:
        desired: dict[str, Any] = {
            **self._encryption(),
            # None for those of ours that are no longer wanted.
            "lifecycle_rules": {**dict.fromkeys(self._rules_found), **_by_id(self.lifecycle_rules)},
            "ownership": "BucketOwnerEnforced",
            "cross_origin_rules": [],
            "website": False,
            "policy_statements": [self._deny_plain_http()] if self.deny_plain_http else [],
            "public_access_block": BLOCK_PUBLIC_ACCESS,
            "tags": self.tags,
        }
        if self.versioning:
            desired["versioning"] = "Enabled"
        if self.access_log_bucket:
            desired["access_logs"] = {"TargetBucket": self.access_log_bucket, "TargetPrefix": f"{self.name}/"}
        return desired

    def _encryption(self) -> dict[str, Any]:
        if self.kms_key_arn:
            default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": self.kms_key_arn}
            # One call to KMS for many objects instead of one for each.
            return {"encryption": {"ApplyServerSideEncryptionByDefault": default, "BucketKeyEnabled": True}}
        if self._encrypted:
            return {}
        return {"encryption": {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}}

    def _deny_plain_http(self) -> dict[str, Any]:
        """Return the statement that AWS recommends.

        https://docs.aws.amazon.com/AmazonS3/latest/userguide/example-bucket-policies.html
        """
        return {
            "Sid": f"{_SID}DenyPlainHttp",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": [self.arn, f"{self.arn}/*"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }

    def create(self, desired: dict[str, Any]) -> None:
        request: dict[str, Any] = {"Bucket": self.name, "ObjectOwnership": "BucketOwnerEnforced"}
        # us-east-1 is the one region that must not be named:
        # https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html
        if self.aws.region != "us-east-1":
            request["CreateBucketConfiguration"] = {"LocationConstraint": self.aws.region}
        # The name of a bucket that was just deleted is not free at once.
        retry_while(
            lambda error: code_of(error) == "OperationAborted",
            lambda: self.aws.client("s3").create_bucket(**request),
            SETTLING_SECONDS,
        )
        # A new bucket has neither of these.
        self._write({key: value for key, value in desired.items() if key not in ("cross_origin_rules", "website")})

    def update(self, current: dict[str, Any], changes: dict[str, Any]) -> None:
        # Tags are replaced as a whole: those of others stay, those of AWS itself cannot be written.
        if "tags" in changes:
            former = former_tags(current["tags"], self.tags)
            others = {
                key: value for key, value in current["tags"].items() if not key.startswith("aws:") and key not in former
            }
            changes = {**changes, "tags": {**others, **self.tags}}
        self._write(changes)

    def _write(self, state: dict[str, Any]) -> None:
        """Make the settings of a state. Tags come first: a bucket with none of them is nobody's."""
        writers: dict[str, Callable[[Any], None]] = {
            "tags": lambda tags: self._put("put_bucket_tagging", Tagging={"TagSet": tags_to_list(tags)}),
            "public_access_block": lambda block: self._put(
                "put_public_access_block", PublicAccessBlockConfiguration=block
            ),
            "ownership": self._put_ownership,
            "encryption": lambda rule: self._put(
                "put_bucket_encryption", ServerSideEncryptionConfiguration={"Rules": [rule]}
            ),
            "versioning": lambda status: self._put("put_bucket_versioning", VersioningConfiguration={"Status": status}),
            "access_logs": lambda logs: self._put("put_bucket_logging", BucketLoggingStatus={"LoggingEnabled": logs}),
            "cross_origin_rules": lambda _rules: self._put("delete_bucket_cors"),
            "website": lambda _none: self._put("delete_bucket_website"),
            "policy_statements": self._put_policy,
            "lifecycle_rules": self._put_lifecycle,
        }
        for field, write in writers.items():
            if field in state:
                write(state[field])

    def _put_ownership(self, owner: str) -> None:
        controls = {"Rules": [{"ObjectOwnership": owner}]}
        # A list of access that lets others in has to go first:
        # https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-ownership-error-responses.html
        with ignoring("InvalidBucketAclWithObjectOwnership"):
            self._put("put_bucket_ownership_controls", OwnershipControls=controls)
            return
        self._put("put_bucket_acl", ACL="private")
        self._put("put_bucket_ownership_controls", OwnershipControls=controls)

    def _put_policy(self, statements: list[dict[str, Any]]) -> None:
        together = [*self._of_others["policy_statements"], *statements]
        if together:
            policy = {"Version": "2012-10-17", "Statement": together}
            self._put("put_bucket_policy", Policy=json.dumps(policy))
        else:
            self._put("delete_bucket_policy")  # a policy without statements is none

    def _put_lifecycle(self, rules: dict[str, dict[str, Any] | None]) -> None:
        named = [{"ID": name, **rule} for name, rule in rules.items() if rule is not None]
        request: dict[str, Any] = {"LifecycleConfiguration": {"Rules": [*self._of_others["lifecycle_rules"], *named]}}
        if self._minimum_size:
            request["TransitionDefaultMinimumObjectSize"] = self._minimum_size
        self._put("put_bucket_lifecycle_configuration", **request)

    def adopts(self, current: dict[str, Any]) -> bool:
        # CreateBucket came through and PutBucketTagging did not. That the bucket is in this account is known
        # since ``find``, and its name holds the account's number.
        return not current["tags"] and not self._versions()

    def _versions(self) -> list[dict[str, str]]:
        """Return some of the versions and delete markers that the bucket holds, if any."""
        answer = self._call("list_object_versions", MaxKeys=DELETE_AT_ONCE)
        found = [*answer.get("Versions", []), *answer.get("DeleteMarkers", [])]
        return [{"Key": item["Key"], "VersionId": item["VersionId"]} for item in found]

    def untag(self, keys: list[str]) -> None:
        """Nothing is left to do: the tags were replaced as a whole."""

    def delete(self, current: dict[str, Any]) -> None:
        def attempt() -> bool:
            # Somebody may still be writing logs while this bucket is emptied.
            with ignoring("BucketNotEmpty", "OperationAborted"):
                with ignoring(*MISSING):
                    self._empty()
                    self._call("delete_bucket")
                return True
            return False

        wait_until(f"{self.label} is empty and deleted", attempt, SETTLING_SECONDS)

    def _empty(self) -> None:
        while versions := self._versions():
            answer = self._call("delete_objects", Delete={"Objects": versions, "Quiet": True})
            for problem in answer.get("Errors", []):
                raise ReconcileError(f"{self.label} cannot be emptied: {problem.get('Key')}: {problem.get('Message')}")


class BucketObject(Resource):
    """A file of the controller in a bucket, ``name`` being ``<bucket>/<key>``.

    Its SHA-256 stands in its metadata: the ETag is none with KMS.
    """

    kind = "AWS::S3::Object"
    tagged = False

    def __init__(self, bucket: Bucket, key: str, path: Path | None = None) -> None:
        super().__init__(bucket.aws, f"{bucket.name}/{key}")
        self.bucket = bucket
        self.key = key
        self.path = path

    def _where(self) -> dict[str, str]:
        return {"Bucket": self.bucket.name, "Key": self.key, "ExpectedBucketOwner": self.aws.account_id}

    def find(self) -> dict[str, Any] | None:
        with ignoring(*MISSING):
            answer = self.aws.client("s3").head_object(**self._where())
            self.id = self.name
            return {"sha256": answer.get("Metadata", {}).get("sha256"), "bytes": answer["ContentLength"]}
        return None

    def desired(self) -> dict[str, Any]:
        content = self._content()
        return {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}

    def _content(self) -> bytes:
        if self.path is None:
            raise AssertionError("an object that is to be deleted has no content")
        try:
            return self.path.read_bytes()
        except OSError as error:
            raise ReconcileError(f"{self.label}: {self.path} cannot be read: {error.strerror}") from None

    def create(self, desired: dict[str, Any]) -> None:
        content = self._content()
        metadata = {"sha256": hashlib.sha256(content).hexdigest()}
        self.aws.client("s3").put_object(**self._where(), Body=content, Metadata=metadata)
        self.id = self.name

    def update(self, current: dict[str, Any], changes: dict[str, Any]) -> None:
        self.create(changes)

    def delete(self, current: dict[str, Any]) -> None:
        self.aws.client("s3").delete_object(**self._where())


def keys_in(aws: Aws, bucket: str, prefix: str) -> list[str]:
    """Return the keys below a prefix; none where there is no such bucket."""
    with ignoring(*MISSING):
        found = aws.client("s3").pages(
            "list_objects_v2", "Contents", Bucket=bucket, Prefix=prefix, ExpectedBucketOwner=aws.account_id
        )
        return [item["Key"] for item in found]
    return []


# A statement's id has letters and digits only:
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_sid.html
_SID = OURS.rstrip("-")


def _by_id(rules: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return rules by their id, so that a difference is shown, and found, whatever their order."""
    return {rule["ID"]: {key: value for key, value in rule.items() if key != "ID"} for rule in rules}
