# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tags: how everything of an environment is found again, and how its owner is known."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
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
# Which one it is, of what AWS gives a name that people edit: the tag Name is for them.
NAME = "sm2a:name"
# Which keys the user's tags had, so that they can be taken off once the user names them no more.
GIVEN = "sm2a:tags"
# Hexadecimal digits for each key: a tag's value has at most 256 characters, and there may be 45 tags.
# https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html
KEY_DIGITS = 5


def ownership_tags(environment: str, component: str, extra: dict[str, str] | None = None) -> dict[str, str]:
    """Return the tags of everything that a component of an environment creates."""
    given = {GIVEN: _digests(extra)} if extra else {}
    return {**(extra or {}), ENVIRONMENT: environment, COMPONENT: component, **given}


def former_tags(have: dict[str, str], want: dict[str, str]) -> list[str]:
    """Return the keys of tags that are ours and no longer wanted. Those that others put there are none of them."""
    noted = have.get(GIVEN, "")
    ours = {noted[start : start + KEY_DIGITS] for start in range(0, len(noted), KEY_DIGITS)}
    return sorted(key for key in have.keys() - want.keys() if key == GIVEN or _digest(key) in ours)


def _digests(keys: Iterable[str]) -> str:
    return "".join(sorted(map(_digest, keys)))


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:KEY_DIGITS]


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
