# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Takes each statement, action and pattern of resources out of a policy, and looks whom that leaves without a right.

Who needs what is in the tables beside this file. ``python tests/iam/removals.py`` prints all removals as a table, with
what is denied then.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fake_aws import FakeAws
from iam_principals import USERS, filled
from ministack.core import iam_evaluator

from ansible_collections.sm2a.airflow.plugins.module_utils._components._names import SERVICES
from ansible_collections.sm2a.airflow.plugins.module_utils._components._service_policies import ServicePolicies

TABLES = Path(__file__).parent
POLICIES = TABLES.parents[1] / "docs" / "iam"
ACCOUNT, REGION, ENVIRONMENT, ZONE = "123456789012", "eu-central-1", "test", "Z0123456789ABCDEFGHIJ"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/01234567-89ab-cdef-0123-456789abcdef"
Document = dict[str, Any]
Row = dict[str, Any]


def table(name: str) -> dict[str, list[Row]]:
    """Return the rows of a table by whom they are of."""
    text = (TABLES / f"{name}.json").read_text()
    return dict(json.loads(filled(text, ACCOUNT, REGION, ENVIRONMENT, ZONE)))


def service_rows(service: str) -> list[Row]:
    """Return what a service needs."""
    recorded, documented = table("services"), table("services_by_documents")
    return [*recorded.get(service, []), *documented.get(service, [])]


def service_policy(service: str) -> Document:
    """Return the policy of a service's role."""
    aws: Any = FakeAws()
    policies = ServicePolicies(aws, ENVIRONMENT)
    statements = [*policies.statements(service), *policies.key_statements(service, [KEY])]
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **one} for one in statements]}


def file_policy(name: str) -> Document:
    """Return a policy of docs/iam."""
    return dict(json.loads(filled((POLICIES / f"{name}.json").read_text(), ACCOUNT, REGION, ENVIRONMENT, ZONE)))


def denied(policies: list[Document], rows: list[Row]) -> Iterator[Row]:
    """Yield the rows that these policies together do not allow."""
    parsed = [iam_evaluator.parse_policy_document(policy) for policy in policies]
    return (row for row in rows if not _allowed(parsed, row))


def _allowed(parsed: list[Any], row: Row) -> bool:
    context = iam_evaluator.EvalContext(
        principal_arn=f"arn:aws:iam::{ACCOUNT}:user/one",
        principal_type="User",
        principal_account=ACCOUNT,
        action=row["action"],
        resource_arn=row["resource"],
        region=REGION,
        service_context={key.lower(): value for key, value in row["context"].items()},
    )
    return bool(iam_evaluator.evaluate(context, parsed).decision == "Allow")


def removals(policy: Document) -> Iterator[tuple[str, Document]]:
    """Yield the policy without each statement, each action, and each pattern of resources, and what was taken away."""
    for number, statement in enumerate(policy["Statement"]):
        without = copy.deepcopy(policy)
        del without["Statement"][number]
        yield f"statement {number}", without
        for part in ("Action", "Resource"):
            values = statement[part] if isinstance(statement[part], list) else [statement[part]]
            for value in values:
                without = copy.deepcopy(policy)
                left = [one for one in values if one != value]
                if left:
                    without["Statement"][number][part] = left
                else:
                    del without["Statement"][number]
                yield f"statement {number}, {part} {value}", without


# The policy for reading is there for whoever plans; whoever deploys or deletes has it whole.
OF_USERS = [(user, name) for user, names in USERS.items() for name in names if name != "read-only" or len(names) == 1]


def user_rows(user: str) -> list[Row]:
    """Return what the playbooks of a user of docs/iam call."""
    return table("calls")[USERS[user][-1].partition("-services")[0]]


def cases() -> Iterator[tuple[str, Document, list[Document], list[Row]]]:
    """Yield each policy by name, what the same principal has besides, and what the principal needs."""
    for service in SERVICES:
        yield service, service_policy(service), [], service_rows(service)
    for user, name in OF_USERS:
        yield name, file_policy(name), [file_policy(other) for other in USERS[user] if other != name], user_rows(user)


def main() -> None:
    """Print all removals."""
    print("| Policy | Taken away | Denied then |\n|---|---|---|")
    for name, policy, others, rows in cases():
        for what, without in removals(policy):
            found = list(denied([without, *others], rows))
            first = f"{found[0]['action']} on {found[0]['resource']}, {len(found)} in all" if found else "nothing"
            print(f"| {name} | {what} | {first} |")


if __name__ == "__main__":
    main()
