# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every principal may do what it does, and nothing of its policies can be left out.

What it does is in tests/iam: recorded by the local AWS, or asked for by AWS's documents where the local AWS cannot
show it. An evaluator of policies decides; each statement, action and pattern of resources is taken away in turn.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fake_aws import FakeAws
from iam_principals import USERS, filled
from ministack.core import iam_evaluator

from ansible_collections.sm2a.airflow.plugins.module_utils._components._names import SERVICES
from ansible_collections.sm2a.airflow.plugins.module_utils._components._service_policies import ServicePolicies

ROOT = Path(__file__).parents[3]
TABLES = ROOT / "tests" / "iam"
ACCOUNT, REGION, ENVIRONMENT, ZONE = "123456789012", "eu-central-1", "test", "Z0123456789ABCDEFGHIJ"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/01234567-89ab-cdef-0123-456789abcdef"
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html: a managed policy, without white space
MOST_CHARACTERS = 6144
Document = dict[str, Any]
Row = dict[str, Any]


def table(name: str) -> dict[str, list[Row]]:
    text = (TABLES / f"{name}.json").read_text()
    return dict(json.loads(filled(text, ACCOUNT, REGION, ENVIRONMENT, ZONE)))


def service_rows(service: str) -> list[Row]:
    recorded, documented = table("services"), table("services_by_documents")
    return [*recorded.get(service, []), *documented.get(service, [])]


def service_policy(service: str) -> Document:
    aws: Any = FakeAws()
    policies = ServicePolicies(aws, ENVIRONMENT)
    statements = [*policies.statements(service), *policies.key_statements(service, [KEY])]
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **one} for one in statements]}


def file_policy(name: str) -> Document:
    return dict(
        json.loads(filled((ROOT / "docs/iam" / f"{name}.json").read_text(), ACCOUNT, REGION, ENVIRONMENT, ZONE))
    )


def denied(policies: list[Document], rows: list[Row]) -> list[Row]:
    """Return the rows that these policies together do not allow."""
    parsed = [iam_evaluator.parse_policy_document(policy) for policy in policies]
    return [row for row in rows if not _allowed(parsed, row)]


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


def reasons(name: str) -> dict[str, str]:
    """Return what may be left out of a policy without a row being denied, and why it is there."""
    return dict(json.loads((TABLES / "survivors.json").read_text()).get(name, {}))


def survivors(name: str, policy: Document, others: list[Document], rows: list[Row]) -> list[str]:
    found = [what for what, without in removals(policy) if not denied([without, *others], rows)]
    explained = reasons(name)
    assert sorted(set(explained) - {what.partition(", ")[2] or what for what in found}) == [], "explained in vain"
    return [what for what in found if (what.partition(", ")[2] or what) not in explained]


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_may_do_what_it_does(service: str) -> None:
    assert service_rows(service)
    assert denied([service_policy(service)], service_rows(service)) == []


@pytest.mark.parametrize("service", SERVICES)
def test_nothing_of_a_services_policy_can_be_left_out(service: str) -> None:
    assert survivors(service, service_policy(service), [], service_rows(service)) == []


@pytest.mark.parametrize("user", USERS)
def test_a_policy_of_docs_allows_what_playbooks_call(user: str) -> None:
    rows = table("calls")[USERS[user][-1].removesuffix("-compute")]
    assert denied([file_policy(name) for name in USERS[user]], rows) == []


# The policy for reading is there for whoever plans; whoever deploys or deletes has it whole.
OF_USERS = [(user, name) for user, names in USERS.items() for name in names if name != "read-only" or len(names) == 1]


@pytest.mark.parametrize(("user", "name"), OF_USERS)
def test_nothing_of_a_policy_of_docs_can_be_left_out(user: str, name: str) -> None:
    rows = table("calls")[USERS[user][-1].removesuffix("-compute")]
    others = [file_policy(other) for other in USERS[user] if other != name]
    assert survivors(name, file_policy(name), others, rows) == []


@pytest.mark.parametrize("name", sorted({name for names in USERS.values() for name in names}))
def test_a_policy_of_docs_is_as_small_as_iam_wants_it(name: str) -> None:
    """Also with the longest names: a region of fourteen letters, an environment of as many as a name may have."""
    text = filled((ROOT / "docs/iam" / f"{name}.json").read_text(), ACCOUNT, "ap-southeast-1", "e" * 16, ZONE)
    assert len("".join(text.split())) <= MOST_CHARACTERS


def test_a_survivor_is_found() -> None:
    """The test of the removals finds what nobody needs."""
    statement = {"Effect": "Allow", "Action": ["sqs:SendMessage", "sqs:PurgeQueue"], "Resource": ["*"]}
    rows = [{"action": "sqs:SendMessage", "resource": "*", "context": {}}]
    assert survivors("none", {"Statement": [statement]}, [], rows) == ["statement 0, Action sqs:PurgeQueue"]
