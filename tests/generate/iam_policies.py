# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The policies of docs/iam: what playbooks call, by the table tests/iam/calls.json, and nothing else.

What bears a name of the environment is allowed by this name; what has only an id that AWS chose, by the tag
``sm2a:environment``; what AWS cannot tell apart is allowed everywhere.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from iam_table import ENVIRONMENT_TAG, Row

TABLE = Path(__file__).resolve().parents[1] / "iam" / "calls.json"
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html, without white space
MOST_CHARACTERS = 6144
REQUEST_TAG = f"aws:RequestTag/{ENVIRONMENT_TAG}"
RESOURCE_TAG = f"aws:ResourceTag/{ENVIRONMENT_TAG}"
# Services whose resources have ids of AWS's: with the tag as a condition all of them are one pattern.
BY_TAG = {"acm", "ec2", "elasticloadbalancing", "servicediscovery"}
# The services of the policies of whoever deploys; deployer.json has all others.
PARTS = {
    "deployer-network": {"acm", "ec2", "elasticloadbalancing", "route53", "servicediscovery"},
    "deployer-storage": {"ecr", "logs", "s3", "sqs"},
    "deployer-services": {"cloudwatch", "ecs", "rds"},
}
# Parts of names that users or AWS choose, by what they look like in the table.
PATTERNS = (
    (r"(:secret:sm2a/\$\{ENVIRONMENT\}/).*", r"\1*"),
    (r"(:log-group:/sm2a/\$\{ENVIRONMENT\}/).*", r"\1*"),
    (r"(:log-group:/aws/rds/instance/sm2a-\$\{ENVIRONMENT\}/).*", r"\1*"),
    (r"(:kms:.*:key/).*", r"\1*"),
    (r"(:repository/sm2a-\$\{ENVIRONMENT\}/).*", r"\1*"),
    (r"(:service/sm2a-\$\{ENVIRONMENT\}/).*", r"\1*"),
    (r"(:task/sm2a-\$\{ENVIRONMENT\}/).*", r"\1*"),
    (r"(:task-definition/sm2a-\$\{ENVIRONMENT\}-).*", r"\1*"),
    (r"(:s3:::[^/]*/).*", r"\1*"),
    (r"(:pg:sm2a-\$\{ENVIRONMENT\}-).*", r"\1*"),
    (r"(:snapshot:sm2a-\$\{ENVIRONMENT\}-).*", r"\1*"),
    (r"(:sqs:.*:sm2a-\$\{ENVIRONMENT\}-).*", r"\1*"),
    (r"(:(?:vpc|subnet|security-group|route-table|certificate|namespace|service)/)[^$]*", r"\1*"),
)
Condition = tuple[tuple[str, str, str], ...]


OURS: Condition = (("StringEquals", RESOURCE_TAG, "${ENVIRONMENT}"),)
NEW: Condition = (("StringEquals", REQUEST_TAG, "${ENVIRONMENT}"),)
# For what AWS has made without tags, such as the default security group of a VPC.
NOBODYS: Condition = (("Null", RESOURCE_TAG, "true"), *NEW)
# What an action may be done to, and under which conditions, by action and pattern.
Grants = dict[tuple[str, str], set[Condition]]


def texts() -> dict[str, str]:
    """Return the text of each file of docs/iam that is generated."""
    return {f"docs/iam/{name}.json": json.dumps(document, indent=2) + "\n" for name, document in policies().items()}


def policies() -> dict[str, dict[str, Any]]:
    """Return the policies by name. Whoever deploys or deletes has the one for reading besides.

    Those of whoever deploys are several, since IAM takes no policy as large as all of them.
    """
    table: dict[str, list[Row]] = json.loads(TABLE.read_text())
    needs = {name: grants(rows) for name, rows in table.items()}
    writing = {name: _without(needs[name], needs["read-only"]) for name in ("deployer", "teardown")}
    parts = {name: _of(writing["deployer"], services) for name, services in PARTS.items()}
    rest = {key: found for key, found in writing["deployer"].items() if not any(key in part for part in parts.values())}
    wanted = {"read-only": needs["read-only"], "deployer": rest, **parts, "teardown": writing["teardown"]}
    return {name: document(allowed) for name, allowed in wanted.items()}


def _of(allowed: Grants, services: set[str]) -> Grants:
    return {key: found for key, found in allowed.items() if key[0].partition(":")[0] in services}


def grants(rows: Iterable[Row]) -> Grants:
    """Return what has to be allowed for these rows."""
    found: Grants = defaultdict(set)
    either: set[tuple[str, str]] = set()
    conditions_of = [(row, _condition(row)) for row in rows]
    anybodys = {(row["action"], _pattern(row, ())) for row, condition in conditions_of if not condition}
    for row, condition in conditions_of:
        if condition == OURS and (row["action"], _pattern(row, ())) in anybodys:
            continue
        key = row["action"], _pattern(row, condition)
        if {REQUEST_TAG, RESOURCE_TAG} <= row["context"].keys():
            either.add(key)
        else:
            found[key].add(condition)
    for key in either:
        # Tags for what is there already: whoever may give them to something new may give them to this, too.
        if NEW not in found[key]:
            found[key].add(OURS)
    # What is allowed without a condition needs none that allows it with one, and what is allowed everywhere no pattern.
    everywhere = {action for (action, pattern), conditions in found.items() if pattern == "*" and () in conditions}
    return {
        key: {()} if () in conditions else conditions
        for key, conditions in found.items()
        if key[1] == "*" or key[0] not in everywhere
    }


def _without(wanted: Grants, given: Grants) -> Grants:
    """Return what is wanted and not given already."""
    left = {}
    for key, conditions in wanted.items():
        have = given.get(key, set()) | given.get((key[0], "*"), set())
        rest = set() if () in have else conditions - have
        if rest:
            left[key] = rest
    return left


def document(allowed: Grants) -> dict[str, Any]:
    """Return a policy with as few statements as do not allow more than that.

    A statement may hold actions of several services, whose resources cannot be mistaken for each other's, but of each
    service only those that need the same resources.
    """
    uses: dict[tuple[Condition, str, str], set[str]] = defaultdict(set)
    for (action, pattern), conditions in allowed.items():
        for condition in conditions:
            uses[condition, "*" if pattern == "*" else action.partition(":")[0], action].add(pattern)
    alike: dict[tuple[Condition, str], dict[tuple[str, ...], list[str]]] = defaultdict(lambda: defaultdict(list))
    for (condition, service, action), patterns in sorted(uses.items()):
        alike[condition, service][tuple(sorted(patterns))].append(action)
    statements: dict[tuple[Condition, bool, int], tuple[list[str], list[str]]] = defaultdict(lambda: ([], []))
    for (condition, service), groups in sorted(alike.items()):
        for number, (resources, actions) in enumerate(sorted(groups.items())):
            statement = statements[condition, service != "*", number]
            statement[0].extend(actions)
            statement[1].extend(resources)
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": sorted(actions),
                "Resource": sorted(resources) if resources != ["*"] else "*",
                **({"Condition": _block(condition)} if condition else {}),
            }
            for (condition, _named, _number), (actions, resources) in sorted(statements.items())
        ],
    }


def size(document: dict[str, Any]) -> int:
    """Return the characters of a policy as IAM counts them."""
    return len(re.sub(r"\s", "", json.dumps(document)))


def _condition(row: Row) -> Condition:
    context = row["context"]
    if row["action"] == "iam:PassRole":
        return (("StringEquals", "iam:PassedToService", context["iam:PassedToService"]),)
    if "kms:ViaService" in context:
        grant = context.get("kms:GrantIsForAWSResource")
        via = ("StringLike", "kms:ViaService", "*.${REGION}.amazonaws.com")
        return (("Bool", "kms:GrantIsForAWSResource", grant), via) if grant else (via,)
    if RESOURCE_TAG in context:
        return OURS
    if REQUEST_TAG in context:
        # Where AWS tells it, tags may be given only together with what they are for, or somebody else's could be
        # made ours.
        making = sorted(key for key in context if key.endswith(":CreateAction"))
        if not making and row["action"].startswith("ec2:") and not row["resource"].endswith("*"):
            return NOBODYS
        return (*(("Null", key, "false") for key in making), *NEW)
    if row["resource"] == "*" and "ecs:cluster" in context:
        return (("ArnEquals", "ecs:cluster", context["ecs:cluster"]),)
    return ()


def _pattern(row: Row, condition: Condition) -> str:
    resource = str(row["resource"])
    service = row["action"].partition(":")[0]
    if resource == "*":
        return resource
    if condition == NOBODYS:
        return re.sub("/[^/]*$", "/*", resource)
    if condition and condition[-1] in (*OURS, *NEW) and service in BY_TAG:
        return f"arn:aws:{service}:${{REGION}}:${{ACCOUNT}}:*"
    if row["action"] != "iam:PassRole" and ":role/sm2a-" in resource:
        # A role cannot be told by its tag when it is passed: there the names are exact.
        # https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html
        return "arn:aws:iam::${ACCOUNT}:role/sm2a-${ENVIRONMENT}-*"
    for pattern, replacement in PATTERNS:
        found, changes = re.subn(f"{pattern}$", replacement, resource)
        if changes:
            return found
    return resource


def _block(condition: Condition) -> dict[str, dict[str, str]]:
    block: dict[str, dict[str, str]] = defaultdict(dict)
    for operator, key, value in condition:
        block[operator][key] = value
    return dict(block)
