# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options that all components have."""

from __future__ import annotations

import re
from typing import Any

from .._reconcile.errors import OptionError
from .._secret_values import kind_of
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
# TAGGING_RULES: letters and digits of any language, spaces, and these. Some services allow more; all allow these.
TAG_RULE = re.compile(r"[\w .:/=+@-]*")
EC2_TAGS = "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Tag.html"
ELB_TAGS = "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_AddTags.html"
RDS_TAGS = "https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_Tag.html"
# Elsewhere a key may have one character more (EC2_TAGS).
MOST_OF_A_KEY = 127
MOST_OF_A_VALUE = 256
# A resource has at most 50 tags (TAGGING_RULES), of which up to five are ours: sm2a:environment and its like, and Name.
MOST_TAGS = 45


def validate_tags(option: str, tags: dict[str, Any], documentation: str) -> None:
    """Refuse tags that not every service of AWS takes, and those that are SM2A's. Raises OptionError."""
    if len(tags) > MOST_TAGS:
        rule = f"at most {MOST_TAGS}, since AWS takes 50 and SM2A needs five"
        raise OptionError(option, len(tags), rule, documentation)
    keys: dict[str, str] = {}
    for key, value in tags.items():
        other = keys.setdefault(key.lower(), key)
        if other != key:
            # IAM takes no two keys that differ in this way only, other services do.
            rule = "keys have to differ in more than capital letters"
            raise OptionError(option, f"{other} and {key}", rule, IAM_TAGS)
        _validate_reserved(option, key, value, documentation)
        _validate_text(option, key, value, documentation)


def _validate_reserved(option: str, key: str, value: Any, documentation: str) -> None:
    if key.lower() == "name":
        raise OptionError(option, key, "SM2A sets the tag that is the name in the console", documentation)
    if key.lower().startswith(("aws:", "sm2a:")):
        raise OptionError(option, key, "the prefixes aws: and sm2a: are reserved", documentation)
    if key.lower().startswith("rds:") or str(value).lower().startswith(("aws:", "rds:")):
        rule = "the prefixes aws: and rds: are reserved, in values too"
        raise OptionError(option, f"{key}: {value}", rule, RDS_TAGS)


def _validate_text(option: str, key: str, value: Any, documentation: str) -> None:
    if value is None or isinstance(value, (dict, list)):
        kind = "no value" if value is None else kind_of(value)
        raise OptionError(option, key, f"it has {kind}, and a tag is a text, which may be ''", documentation)
    if not 1 <= len(key) <= MOST_OF_A_KEY or len(str(value)) > MOST_OF_A_VALUE:
        rule = f"a key has 1 to {MOST_OF_A_KEY} characters, a value at most {MOST_OF_A_VALUE}"
        raise OptionError(option, key, rule, EC2_TAGS)
    for text in (key, str(value)):
        if not TAG_RULE.fullmatch(text):
            raise OptionError(option, text, "letters, digits, spaces and . : / = + - @ _", documentation)
        if text != text.strip():
            raise OptionError(option, text, "there are spaces at its beginning or end", ELB_TAGS)


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
