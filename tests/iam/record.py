# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes the tables of rights from what the local AWS has noted of its decisions.

Usage: record.py calls FILE=ENVIRONMENT...
       record.py complete
       record.py services FILE

``calls`` writes what playbooks call (calls.json), ``complete`` adds to it what the code names meanwhile, and
``services`` writes what the roles of services do in an end-to-end test of the environment ``local`` (services.json),
both below tests/iam.
"""

from __future__ import annotations

import json
import re
import sys
from collections import defaultdict
from pathlib import Path

import iam_reference
from iam_requests import MAKING, kind_of
from iam_table import ENVIRONMENT_TAG, Row, distinct, ours, read

TABLES = Path(__file__).resolve().parent
RESOURCES = TABLES.parents[1] / "plugins" / "module_utils"
ACCOUNT, REGION = "000000000000", "eu-central-1"
# The files of docs/iam by the users who may do everything while it is noted what they do.
POLICIES = {
    "user/recordreadonly": "read-only",
    "user/recorddeployer": "deployer",
    "user/recordteardown": "teardown",
}
OURS = {f"aws:ResourceTag/{ENVIRONMENT_TAG}": "${ENVIRONMENT}"}
NEW = {f"aws:RequestTag/{ENVIRONMENT_TAG}": "${ENVIRONMENT}"}
RDS, ECR = (f"arn:aws:{service}:${{REGION}}:${{ACCOUNT}}" for service in ("rds", "ecr"))
# What no call of a module shows, by policy. Docker pushes images itself:
# https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-push-iam.html
PUSH = (
    "BatchCheckLayerAvailability",
    "BatchGetImage",
    "CompleteLayerUpload",
    "InitiateLayerUpload",
    "PutImage",
    "UploadLayerPart",
)
# What still needs the environment's key is looked for among everything: plugins/module_utils/_components/_key_users.py.
LISTED = (
    "ecr:DescribeRepositories",
    "rds:DescribeDBInstances",
    "secretsmanager:ListSecrets",
)
# What `site` deletes as `teardown` does: pools that are given up, strays, what stands before ours, another domain's.
DELETED_BY_SITE = {
    "acm:DeleteCertificate",
    "ec2:DeleteInternetGateway",
    "ec2:DeleteVpc",
    "ec2:DetachInternetGateway",
    "ecs:DeleteService",
    "ecs:DeleteTaskDefinitions",
    "ecs:DeregisterTaskDefinition",
    "elasticloadbalancing:DeleteListener",
    "elasticloadbalancing:DeleteRule",
    "servicediscovery:DeleteService",
    "servicediscovery:ListInstances",
}
LOG = "arn:aws:s3:::sm2a-${ENVIRONMENT}-logs-${ACCOUNT}-${REGION}/task-logs/dag_id=one/run_id=one/attempt=1.log"
UNSEEN: dict[str, list[Row]] = {
    "read-only": [
        # Managed policies have names of the account's choice, or are AWS's.
        {"action": "iam:GetPolicy", "resource": "*", "context": {}},
        # The snapshot of which a database is made may be of another environment.
        {"action": "rds:DescribeDBSnapshots", "resource": "*", "context": {}},
    ],
    "deployer": [
        *(
            {"action": f"ecr:{name}", "resource": f"{ECR}:repository/sm2a-${{ENVIRONMENT}}/airflow", "context": {}}
            for name in PUSH
        ),
        # What somebody made after ours is looked for where ours is not the newest.
        {"action": "ecs:ListTaskDefinitions", "resource": "*", "context": {}},
        # A database of a snapshot, which may be of another environment.
        {"action": "rds:RestoreDBInstanceFromDBSnapshot", "resource": f"{RDS}:snapshot:*", "context": {}},
        {
            "action": "rds:RestoreDBInstanceFromDBSnapshot",
            "resource": f"{RDS}:db:sm2a-${{ENVIRONMENT}}",
            "context": NEW,
        },
    ],
    # The final snapshot of a database: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonrds.html
    "teardown": [
        *({"action": action, "resource": "*", "context": {}} for action in LISTED),
        # The log bucket keeps versions where its option says so.
        {"action": "s3:DeleteObjectVersion", "resource": LOG, "context": {}},
        {"action": "rds:CreateDBSnapshot", "resource": f"{RDS}:db:sm2a-${{ENVIRONMENT}}", "context": OURS},
        {
            "action": "rds:CreateDBSnapshot",
            "resource": f"{RDS}:snapshot:sm2a-${{ENVIRONMENT}}-final-20260101000000",
            "context": {},
        },
    ],
}
# The services whose operations a file of the product may name, where that is not the service of its name.
SERVICES = {
    "_account": ("ec2", "elasticloadbalancing", "iam", "rds", "servicequotas"),
    "ecs_service": ("ecs",),
    "ecs_task": ("ecs", "logs"),
    "elbv2": ("elasticloadbalancing",),
    "flow_log": ("ec2",),
    "route53": ("acm", "route53"),
    "security_group": ("ec2",),
    "vpc": ("ec2",),
    "vpc_endpoint": ("ec2",),
}
# Operations of S3 that IAM calls by another name, and a name of an option that is like one of an operation.
RENAMED = {"s3:DeleteBucketCors": "s3:PutBucketCORS", "s3:GetBucketCors": "s3:GetBucketCORS"}
NO_OPERATIONS = {"ecs:ExecuteCommand"}


def operations() -> set[str]:
    """Return the actions of all operations that the product names, whether a run of it has called them or not."""
    found = set()
    for path in (*RESOURCES.glob("_resources/*.py"), RESOURCES / "_components" / "_account.py"):
        for word in set(re.findall(r"\b[a-z0-9]+(?:_[a-z0-9]+)+\b", path.read_text())):
            name = "".join(part.capitalize() for part in word.split("_")).replace("Db", "DB").replace("Ssl", "SSL")
            for service in SERVICES.get(path.stem, (path.stem,)):
                action = RENAMED.get(f"{service}:{name}", f"{service}:{name}")
                if iam_reference.known(action) and action not in NO_OPERATIONS:
                    found.add(action)
    return found


def derived(action: str, rows: list[Row]) -> list[Row]:
    """Return rows for an action that no run has called: on what runs have seen of the types that it knows."""
    types = iam_reference.resource_types(action)
    if not types:
        return [{"action": action, "resource": "*", "context": {}}]
    service = action.partition(":")[0]
    seen: dict[str, set[str]] = defaultdict(set)
    tagged = {row["resource"] for row in rows if OURS.keys() & row["context"].keys()}
    for row in rows:
        arn = row["resource"]
        # The actions on tags name a log group without what stands for its streams.
        of_streams = ":log-stream:" in arn
        fits = service != "logs" or of_streams != ("Tag" in action)
        kind = (
            kind_of(action, arn) if row["action"].startswith(f"{service}:") and fits and not arn.endswith("*") else ""
        )
        if kind:
            seen[kind].add(arn)
    wanted = [kind for kind in types if seen[kind] and (types[kind] or not any(types.values()))]
    if not wanted and not any(types.values()):
        return [{"action": action, "resource": "*", "context": {}}]
    # What has the tag is what was made; the same under a name alone was looked for and not there.
    arns = {(kind, arn) for kind in wanted for arn in seen[kind]}
    told = {(kind, arn) for kind, arn in arns if _told_by_tag(action, kind, arn in tagged)}
    return [
        {"action": action, "resource": arn, "context": OURS if (kind, arn) in told else {}}
        for kind, arn in sorted(told or arns)
    ]


def _told_by_tag(action: str, kind: str, tagged: bool) -> bool:
    """Tell whether a policy may ask for the tag: S3 knows it, but only of buckets for which that was switched on.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/buckets-tagging-enable-abac.html
    """
    known = "aws:ResourceTag" in iam_reference.condition_keys(action, kind)
    return known and tagged and not MAKING.search(action)


def calls(files: list[str]) -> dict[str, list[Row]]:
    """Return the rows of each policy of docs/iam, from files of environments."""
    found: dict[str, list[Row]] = defaultdict(list)
    for file in files:
        path, _separator, environment = file.rpartition("=")
        for principal, row in read(Path(path).read_text().splitlines(), ACCOUNT, REGION, environment):
            policy = POLICIES.get(principal.rpartition(":")[2])
            if policy and ours(row):
                found[policy].append(row)
    return complete(found)


def complete(found: dict[str, list[Row]]) -> dict[str, list[Row]]:
    """Return the rows of each policy with those for what the code names and no run has called.

    That is the repair of what somebody has changed by hand, and what is looked at when something fails.
    """
    for policy, rows in UNSEEN.items():
        found[policy] = [*found[policy], *rows]
    found["deployer"] += [row for row in found["teardown"] if row["action"] in DELETED_BY_SITE]
    everything = [row for rows in found.values() for row in rows]
    for action in sorted(operations() - {row["action"] for row in everything}):
        policy = "read-only" if iam_reference.reads_only(action) else "deployer"
        found[policy] += derived(action, everything)
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
    name = "services" if command == "services" else "calls"
    if command == "complete":
        table = complete(json.loads((TABLES / "calls.json").read_text()))
    else:
        table = calls(list(arguments)) if command == "calls" else services(*arguments)
    lines = (
        f"  {json.dumps(whose)}: [\n" + ",\n".join(f"    {json.dumps(row, sort_keys=True)}" for row in rows) + "\n  ]"
        for whose, rows in table.items()
    )
    (TABLES / f"{name}.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
