# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options that all components have."""

from __future__ import annotations

import re
from typing import Any

from .._reconcile.errors import OptionError
from ._option import Form, Option

LOAD_BALANCERS = "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html"
TAGGING_RULES = "https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html"
IAM_TAGS = "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags.html"

# The longest name that we derive is the load balancer's and its target group's: 32 characters (LOAD_BALANCERS), without
# two hyphens in a row in the database's.
ENVIRONMENT = Form(
    r"(?=.{1,16}$)[a-z][a-z0-9]*(-[a-z0-9]+)*",
    "it must have at most 16 lower-case letters, digits and single hyphens, and start with a letter",
    LOAD_BALANCERS,
)
# TAGGING_RULES: letters, digits and spaces of any language, and these. Some services allow more; all allow these.
TAG_RULE = re.compile(r"[\w\s.:/=+@-]*")
# A resource has at most 50 tags (TAGGING_RULES), of which up to five are ours: sm2a:environment and its like, and Name.
MOST_TAGS = 45


def validate_tags(option: str, tags: dict[str, Any], documentation: str) -> None:
    """Refuse tags that not every service of AWS takes, and those that are SM2A's. Raises OptionError."""
    if len(tags) > MOST_TAGS:
        rule = f"at most {MOST_TAGS}, since AWS takes 50 and SM2A needs five"
        raise OptionError(option, len(tags), rule, documentation)
    keys: dict[str, str] = {}
    for key, value in tags.items():
        if key.lower() == "name":
            raise OptionError(option, key, "SM2A sets the tag that is the name in the console", documentation)
        other = keys.setdefault(key.lower(), key)
        if other != key:
            # IAM takes no two keys that differ in this way only, other services do.
            rule = "keys have to differ in more than capital letters"
            raise OptionError(option, f"{other} and {key}", rule, IAM_TAGS)
        if key.lower().startswith(("aws:", "sm2a:")):
            raise OptionError(option, key, "the prefixes aws: and sm2a: are reserved", documentation)
        if not 1 <= len(key) <= 128 or len(str(value)) > 256:
            raise OptionError(option, key, "a key has 1 to 128 characters, a value at most 256", documentation)
        for text in (key, value):
            if not TAG_RULE.fullmatch(text):
                raise OptionError(option, text, "letters, digits, spaces and . : / = + - @ _", documentation)


COMMON_OPTIONS = {
    "environment": Option(
        "str",
        doc=(
            "Name of the SM2A environment.",
            "Everything that belongs to it carries the tag C(sm2a:environment) with this value, and names that start "
            "with C(sm2a-) and this value.",
            "At most 16 lower-case letters, digits and single hyphens, starting with a letter.",
        ),
        form=ENVIRONMENT,
        required=True,
        site="sm2a_environment",
        role_default="{{ sm2a_environment }}",
    ),
    "state": Option(
        "str",
        doc=(
            "V(present) creates what is missing and repairs what differs.",
            "V(absent) deletes what this environment created, and nothing else.",
        ),
        choices=("present", "absent"),
        default="present",
    ),
    "tags": Option(
        "dict",
        doc=(
            "Additional tags for every resource of the component. One that is no longer given is taken off.",
            "Tags that others put on a resource are left alone.",
        ),
        default={},
        check=validate_tags,
        why=TAGGING_RULES,
        site="sm2a_tags",
    ),
    "wait": Option(
        "bool",
        doc=(
            "Whether to wait for resources that take minutes.",
            "If V(false) they are created, and whatever depends on them is left to a later run.",
        ),
        default=True,
    ),
}


def validate_environment(environment: str) -> None:
    """Refuse the name of an environment that could not be part of every name. Raises OptionError."""
    for error in COMMON_OPTIONS["environment"].faults("environment", environment, "", True):
        raise error
