# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tags: how everything of an environment is found again, and how its owner is known."""

from __future__ import annotations

from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.tagging import (
    ansible_dict_to_boto3_tag_list,
    boto3_tag_list_to_ansible_dict,
)

ENVIRONMENT = "sm2a:environment"
COMPONENT = "sm2a:component"
# On the queue and the workers of a pool: which one that is.
POOL = "sm2a:pool"
# Marks resources of global services, such as IAM roles, with their environment's region.
REGION = "sm2a:region"


def ownership_tags(environment: str, component: str, extra: dict[str, str] | None = None) -> dict[str, str]:
    """Return the tags of everything that a component of an environment creates."""
    return {**(extra or {}), ENVIRONMENT: environment, COMPONENT: component}


def tags_from_list(
    tag_list: list[dict[str, str]] | None, key: str | None = None, value: str | None = None
) -> dict[str, str]:
    """Turn AWS's list of Key and Value into a mapping. KMS wants ``TagKey`` and ``TagValue``."""
    return dict(boto3_tag_list_to_ansible_dict(tag_list or [], key, value))


def tags_to_list(tags: dict[str, str], key: str = "Key", value: str = "Value") -> list[dict[str, str]]:
    """Turn a mapping into AWS's list of Key and Value (ECS wants ``key`` and ``value``)."""
    return list(ansible_dict_to_boto3_tag_list(tags, key, value))


def tag_filters(tags: dict[str, str]) -> list[dict[str, Any]]:
    """Return the filters of an EC2 ``Describe`` call that select these tags."""
    return [{"Name": f"tag:{key}", "Values": [value]} for key, value in tags.items()]
