# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Amazon ECR."""

from __future__ import annotations

import base64
import json
from typing import Any

from .._reconcile.aws import Aws
from .._reconcile.errors import ignoring
from .._reconcile.resource import Resource
from .._reconcile.tags import tags_from_list, tags_to_list
from .policies import opening_statements, without_opening

MISSING = "RepositoryNotFoundException"


def registry_of(aws: Aws) -> str:
    """Return the host name of the account's registry in the region."""
    # https://docs.aws.amazon.com/AmazonECR/latest/userguide/Registries.html
    suffix = "amazonaws.com.cn" if aws.partition == "aws-cn" else "amazonaws.com"
    return f"{aws.account_id}.dkr.ecr.{aws.region}.{suffix}"


def registry_login(aws: Aws) -> tuple[str, str, str]:
    """Return the address of the account's registry, a user name and a password that holds for twelve hours."""
    data = aws.client("ecr").get_authorization_token()["authorizationData"][0]
    username, _colon, password = base64.b64decode(data["authorizationToken"]).decode().partition(":")
    return data["proxyEndpoint"], username, password


def has_image(aws: Aws, repository: str, tag: str) -> bool:
    """Tell whether a repository exists and has an image of this tag."""
    with ignoring(MISSING, "ImageNotFoundException"):
        answer = aws.client("ecr").describe_images(repositoryName=repository, imageIds=[{"imageTag": tag}])
        return bool(answer["imageDetails"])  # MiniStack answers an empty list instead of ImageNotFoundException.
    return False


class Repository(Resource):
    """A private repository whose tags never move. ``id`` is its ARN, ``uri`` what comes before an image's tag.

    Nobody outside of the account may push or pull: a statement that lets them is taken away.
    """

    kind = "AWS::ECR::Repository"

    def __init__(
        self,
        aws: Aws,
        name: str,
        tags: dict[str, str],
        *,
        kms_key_arn: str | None = None,
        scan_on_push: bool = True,
        keep_images: int = 20,
        keep_untagged_images: int = 5,
    ) -> None:
        super().__init__(aws, name, tags)
        self.uri = f"{registry_of(aws)}/{name}"
        self.kms_key_arn = kms_key_arn
        self.scan_on_push = scan_on_push
        self.keep_images = keep_images
        self.keep_untagged_images = keep_untagged_images
        self._encryption_found: dict[str, Any] | None = None
        self._policy: dict[str, Any] | None = None

    def find(self) -> dict[str, Any] | None:
        ecr = self.aws.client("ecr")
        with ignoring(MISSING):
            found = ecr.describe_repositories(repositoryNames=[self.name])["repositories"][0]
            tags = ecr.list_tags_for_resource(resourceArn=found["repositoryArn"]).get("tags", [])
            self.id, self.uri = found["repositoryArn"], found["repositoryUri"]
            self._encryption_found = found.get("encryptionConfiguration", {"encryptionType": "AES256"})
            self._policy = self._read_policy()
            return {
                "encryption": self._encryption_found,
                "image_tag_mutability": found["imageTagMutability"],
                "lifecycle_policy": self._lifecycle_policy(),
                "open_policy_statements": opening_statements(self._policy, self.id),
                "scan_on_push": found.get("imageScanningConfiguration", {}).get("scanOnPush", False),
                "tags": tags_from_list(tags),
            }
        return None

    def _read_policy(self) -> dict[str, Any] | None:
        with ignoring("RepositoryPolicyNotFoundException"):
            return dict(
                json.loads(self.aws.client("ecr").get_repository_policy(repositoryName=self.name)["policyText"])
            )
        return None

    def _lifecycle_policy(self) -> dict[str, Any] | None:
        with ignoring("LifecyclePolicyNotFoundException"):
            text = self.aws.client("ecr").get_lifecycle_policy(repositoryName=self.name)["lifecyclePolicyText"]
            return dict(json.loads(text))
        return None

    def desired(self) -> dict[str, Any]:
        # ECR cannot change how a repository is encrypted: what was chosen at its creation stays.
        encryption: dict[str, Any] = self._encryption_found or {"encryptionType": "AES256"}
        if self.kms_key_arn and not self._encryption_found:
            encryption = {"encryptionType": "KMS", "kmsKey": self.kms_key_arn}
        return {
            "encryption": encryption,
            "image_tag_mutability": "IMMUTABLE",
            "lifecycle_policy": {"rules": self._rules()},
            "open_policy_statements": [],
            "scan_on_push": self.scan_on_push,
            "tags": self.tags,
        }

    def _rules(self) -> list[dict[str, Any]]:
        """Return the rules of the lifecycle policy; the one for any image must come last.

        https://docs.aws.amazon.com/AmazonECR/latest/userguide/lifecycle_policy_parameters.html
        """
        return [
            {
                "rulePriority": priority,
                "description": f"Keep the latest {count} {status} images",
                "selection": {"tagStatus": status, "countType": "imageCountMoreThan", "countNumber": count},
                "action": {"type": "expire"},
            }
            for priority, (status, count) in enumerate(
                (("untagged", self.keep_untagged_images), ("any", self.keep_images)), start=1
            )
        ]

    def create(self, desired: dict[str, Any]) -> None:
        found = self.aws.client("ecr").create_repository(
            repositoryName=self.name,
            imageTagMutability=desired["image_tag_mutability"],
            imageScanningConfiguration={"scanOnPush": desired["scan_on_push"]},
            encryptionConfiguration=desired["encryption"],
            tags=tags_to_list(self.tags),
        )["repository"]
        self.id, self.uri = found["repositoryArn"], found["repositoryUri"]
        self._put_lifecycle_policy(desired["lifecycle_policy"])

    def update(self, current: dict[str, Any], changes: dict[str, Any]) -> None:
        ecr = self.aws.client("ecr")
        if "image_tag_mutability" in changes:
            ecr.put_image_tag_mutability(repositoryName=self.name, imageTagMutability=changes["image_tag_mutability"])
        if "scan_on_push" in changes:
            ecr.put_image_scanning_configuration(
                repositoryName=self.name, imageScanningConfiguration={"scanOnPush": changes["scan_on_push"]}
            )
        if "lifecycle_policy" in changes:
            self._put_lifecycle_policy(changes["lifecycle_policy"])
        if "open_policy_statements" in changes:
            self._close()
        if "tags" in changes:
            ecr.tag_resource(resourceArn=self.id, tags=tags_to_list(self.tags))

    def _close(self) -> None:
        ecr, left = self.aws.client("ecr"), without_opening(self._policy, self.id)
        if left:
            ecr.set_repository_policy(repositoryName=self.name, policyText=json.dumps(left))
        else:
            ecr.delete_repository_policy(repositoryName=self.name)

    def _put_lifecycle_policy(self, policy: dict[str, Any]) -> None:
        self.aws.client("ecr").put_lifecycle_policy(repositoryName=self.name, lifecyclePolicyText=json.dumps(policy))

    def untag(self, keys: list[str]) -> None:
        self.aws.client("ecr").untag_resource(resourceArn=self.id, tagKeys=keys)

    def delete(self, current: dict[str, Any]) -> None:
        with ignoring(MISSING):
            # force: with the images in it.
            self.aws.client("ecr").delete_repository(repositoryName=self.name, force=True)
