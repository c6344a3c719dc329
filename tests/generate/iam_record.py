# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes the tables of rights from what the local AWS has noted of its decisions.

Usage: iam_record.py calls FILE=ENVIRONMENT...
       iam_record.py services FILE

``calls`` writes what playbooks call (calls.json), ``services`` what the roles of services do in an end-to-end test of
the environment ``local`` (services.json).
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from pathlib import Path

from iam_table import Row, distinct, ours, read

TABLES = Path(__file__).resolve().parents[1] / "iam"
ACCOUNT, REGION = "000000000000", "eu-central-1"
# The files of docs/iam by the users who may do everything while it is noted what they do.
POLICIES = {
    "user/recordreadonly": "read-only",
    "user/recorddeployer": "deployer",
    "user/recordteardown": "teardown",
}
# What no call of a module shows, by policy: Docker pushes images itself.
# https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-push-iam.html
PUSH = ("BatchCheckLayerAvailability", "BatchGetImage", "CompleteLayerUpload", "InitiateLayerUpload", "PutImage")
REPOSITORY = "arn:aws:ecr:${REGION}:${ACCOUNT}:repository/sm2a-${ENVIRONMENT}/airflow"
UNSEEN: dict[str, list[Row]] = {
    "deployer": [
        {"action": f"ecr:{name}", "resource": REPOSITORY, "context": {}} for name in (*PUSH, "UploadLayerPart")
    ]
}


def calls(files: list[str]) -> dict[str, list[Row]]:
    """Return the rows of each policy of docs/iam, from files of environments."""
    found: dict[str, list[Row]] = defaultdict(list)
    for file in files:
        path, _, environment = file.rpartition("=")
        for principal, row in read(Path(path).read_text().splitlines(), ACCOUNT, REGION, environment):
            policy = POLICIES.get(principal.rpartition(":")[2])
            if policy and ours(row):
                found[policy].append(row)
    for policy, rows in UNSEEN.items():
        found[policy] += rows
    return {name: distinct(found[name]) for name in POLICIES.values()}


def services(file: str) -> dict[str, list[Row]]:
    """Return the rows of each service of the environment ``local``: what was allowed, since refusals are tests."""
    lines = [line for line in Path(file).read_text().splitlines() if json.loads(line)["allowed"]]
    found: dict[str, list[Row]] = defaultdict(list)
    for principal, row in read(lines, ACCOUNT, REGION, "local"):
        session = principal.rpartition("assumed-role/sm2a-local-")[2]
        if session != principal:
            found[session.partition("/")[0].replace("-", "_")].append(row)
    return {name: distinct(rows) for name, rows in sorted(found.items())}


def main(command: str, *arguments: str) -> None:
    """Write one table."""
    table = calls(list(arguments)) if command == "calls" else services(*arguments)
    lines = (
        f"  {json.dumps(name)}: [\n" + ",\n".join(f"    {json.dumps(row, sort_keys=True)}" for row in rows) + "\n  ]"
        for name, rows in table.items()
    )
    (TABLES / f"{command}.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
