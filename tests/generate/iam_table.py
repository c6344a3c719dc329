# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tables of what principals need: rows of an action, a resource and condition keys, without what is chance in them.

The local AWS notes what it decides on (``tests/local_aws/iam_enforcement.py``). Account, region and environment become
placeholders, as in the policies of docs/iam; ids become one id of the same form.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

Row = dict[str, Any]
ENVIRONMENT_TAG = "sm2a:environment"
# The condition keys that a policy of ours may ask for; the others say nothing about whose a resource is.
KEPT = re.compile(
    rf"^(aws:(Request|Resource)Tag/{ENVIRONMENT_TAG}|ecs:cluster|iam:PassedToService|kms:ViaService"
    r"|kms:GrantIsForAWSResource|[a-z0-9]+:CreateAction)$"
)
# What AWS chooses, by what it looks like, and what stands for it in a table.
CHOSEN = (
    (r"\b(vpce?|subnet|rtb|igw|nat|eipalloc|sgr?|fl|ns|srv)-[0-9a-f]+\b", r"\1-0123456789abcdef0"),
    (r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", "01234567-89ab-cdef-0123-456789abcdef"),
    (r"(:secret:.*)-[0-9A-Za-z]{6}$", r"\1-AbCdEf"),
    (r"(:s3:::sm2a-[^/]*-logs-[^/]*/).+", r"\1dag_id=one/run_id=one/task_id=one/attempt=1.log"),
    (r"(:hostedzone/)\w+$", r"\1${HOSTED_ZONE}"),
    (r"(?<=/)[0-9a-z]{16}(?=/|$)", "0123456789abcdef"),
    (r"(:task/[^/]+)/[0-9a-f]+$", r"\1/0123456789abcdef0123456789abcdef"),
    (r"(:task-definition/[^:]+):\d+$", r"\1:1"),
)


def read(lines: Iterable[str], account: str, region: str, environment: str) -> Iterator[tuple[str, Row]]:
    """Yield the principal and the row of each decision, one a line of JSON."""
    for line in lines:
        decision = json.loads(line)
        kept = {key: value for key, value in decision["context"].items() if KEPT.match(key)}
        row = {"action": decision["action"], "resource": decision["resource"], "context": kept}
        text = json.dumps(row)
        # The longest first: the name of a bucket has all three in it.
        for value, name in ((account, "ACCOUNT"), (region, "REGION")):
            text = text.replace(value, f"${{{name}}}")
        text = re.sub(rf'(sm2a[-/]|"){environment}(?=[-/.:"]|$)', r"\1${ENVIRONMENT}", text)
        row = json.loads(text)
        for pattern, replacement in CHOSEN:
            row["resource"] = re.sub(pattern, replacement, row["resource"])
        yield decision["principal"], row


def ours(row: Row) -> bool:
    """Tell whether a row is about one environment under the names that it has by default."""
    tags = {value for key, value in row["context"].items() if key.endswith(ENVIRONMENT_TAG)}
    named = re.search(r"sm2a[-/]", row["resource"])
    if re.search(r":role/(?!sm2a-|aws-service-role/)", row["resource"]):
        return False
    return tags <= {"${ENVIRONMENT}"} and (not named or bool(re.search(r"sm2a[-/]\$\{ENVIRONMENT\}", row["resource"])))


def distinct(rows: Iterable[Row]) -> list[Row]:
    """Return each row once, in the order of actions and resources."""
    found = {json.dumps(row, sort_keys=True): row for row in rows}
    return sorted(found.values(), key=lambda row: (row["action"], row["resource"], sorted(row["context"].items())))
