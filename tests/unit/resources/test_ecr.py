# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Repositories, and whether an image is in one."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from fake_aws import OURS, FakeAws, FakeClient, refusal

from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.engine import ApplyError, Engine
from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.tags import tags_to_list
from ansible_collections.sm2a.airflow.plugins.module_utils._resources.ecr import (
    Repository,
    has_image,
    registry_login,
    registry_of,
)

FOUND: dict[str, Any] = {
    "repositoryArn": "arn",
    "repositoryUri": "123456789012.dkr.ecr.eu-central-1.amazonaws.com/x",
    "imageTagMutability": "IMMUTABLE",
    "imageScanningConfiguration": {"scanOnPush": True},
    "encryptionConfiguration": {"encryptionType": "AES256"},
}


def ecr_with(policy: Any = None, **found: Any) -> FakeClient:
    wanted = json.dumps(repository(FakeClient()).desired()["lifecycle_policy"])
    return FakeClient(
        describe_repositories={"repositories": [{**FOUND, **found}]},
        list_tags_for_resource={"tags": tags_to_list(OURS)},
        get_repository_policy=refusal("RepositoryPolicyNotFoundException"),
        get_lifecycle_policy=policy or {"lifecyclePolicyText": wanted},
        create_repository={"repository": FOUND},
    )


def repository(ecr: FakeClient, **settings: Any) -> Repository:
    aws: Any = FakeAws(ecr=ecr)
    return Repository(aws, "x", OURS, **settings)


def apply(one: Repository) -> str:
    [step] = Engine("test", check_mode=False).apply([one])
    return step.action


@pytest.mark.parametrize(
    ("answer", "there"),
    [
        ({"imageDetails": [{"imageTags": ["1"]}]}, True),
        ({"imageDetails": []}, False),
        (refusal("RepositoryNotFoundException"), False),
        (refusal("ImageNotFoundException"), False),
    ],
)
def test_an_image_is_in_its_repository_or_not(answer: Any, there: bool) -> None:
    aws: Any = FakeAws(ecr=FakeClient(describe_images=answer))

    assert has_image(aws, "x", "1") is there


@pytest.mark.parametrize(
    ("partition", "host"),
    [
        ("aws", "123456789012.dkr.ecr.eu-central-1.amazonaws.com"),
        ("aws-cn", "123456789012.dkr.ecr.eu-central-1.amazonaws.com.cn"),
    ],
)
def test_the_registry_of_the_account(partition: str, host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakeAws, "partition", partition)
    aws: Any = FakeAws()

    assert registry_of(aws) == host


def test_the_login_of_the_registry() -> None:
    token = base64.b64encode(b"AWS:pass:word").decode()
    data = {"authorizationData": [{"authorizationToken": token, "proxyEndpoint": "https://registry"}]}
    aws: Any = FakeAws(ecr=FakeClient(get_authorization_token=data))

    assert registry_login(aws) == ("https://registry", "AWS", "pass:word")


@pytest.mark.parametrize(
    ("found", "settings", "operation"),
    [
        ({}, {}, None),
        ({"imageTagMutability": "MUTABLE"}, {}, "put_image_tag_mutability"),
        ({}, {"scan_on_push": False}, "put_image_scanning_configuration"),
        ({}, {"keep_images": 3}, "put_lifecycle_policy"),
        # ECR cannot change how a repository is encrypted.
        ({}, {"kms_key_arn": "arn of a key"}, None),
    ],
)
def test_each_change_is_one_call(found: dict[str, Any], settings: dict[str, Any], operation: str | None) -> None:
    ecr = ecr_with(**found)

    assert apply(repository(ecr, **settings)) == ("update" if operation else "none")

    assert [name for name, _arguments in ecr.calls if name.startswith("put")] == ([operation] if operation else [])


def test_a_repository_without_a_policy_gets_one() -> None:
    ecr = ecr_with(refusal("LifecyclePolicyNotFoundException"))

    assert apply(repository(ecr)) == "update" and len(ecr.called("put_lifecycle_policy")) == 1


def test_a_new_repository_is_encrypted_by_the_key_that_is_named() -> None:
    ecr = ecr_with()
    ecr.answers["describe_repositories"] = refusal("RepositoryNotFoundException")

    assert apply(repository(ecr, kms_key_arn="arn of a key")) == "create"
    [request] = ecr.called("create_repository")
    assert request["encryptionConfiguration"] == {"encryptionType": "KMS", "kmsKey": "arn of a key"}


@pytest.mark.parametrize(("code", "fine"), [("RepositoryNotFoundException", True), ("AccessDeniedException", False)])
def test_a_repository_that_is_gone_already_is_deleted(code: str, fine: bool) -> None:
    ecr = ecr_with()
    ecr.answers["delete_repository"] = refusal(code)

    if fine:
        [step] = Engine("test", check_mode=False).remove([repository(ecr)])
        assert step.action == "delete"
    else:
        with pytest.raises(ApplyError, match=code):
            Engine("test", check_mode=False).remove([repository(ecr)])
