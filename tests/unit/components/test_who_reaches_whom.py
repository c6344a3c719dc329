# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who must reach whom through the security groups, who must not, and that no rule is there for nothing.

Each row that must be open names the test that would fail, on the local AWS, whose packet filters are these groups, if
it were closed.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest

from ansible_collections.sm2a.airflow.plugins.module_utils._components.airflow import AirflowComponent
from ansible_collections.sm2a.airflow.plugins.module_utils._components.database import DatabaseComponent
from ansible_collections.sm2a.airflow.plugins.module_utils._components.load_balancer import LoadBalancerComponent
from ansible_collections.sm2a.airflow.plugins.module_utils._components.scaler import ScalerComponent
from ansible_collections.sm2a.airflow.plugins.module_utils._components.security import SecurityComponent
from ansible_collections.sm2a.airflow.plugins.module_utils._components.workers import WorkersComponent
from ansible_collections.sm2a.airflow.plugins.module_utils._resources.security_group import Rules, SecurityGroup

TESTS = Path(__file__).parents[2]
WORLD, WAREHOUSE = "world", "warehouse"
# The groups that each has. Those without are elsewhere in the VPC or outside of it.
GROUPS: dict[str, set[str]] = {
    "user": set(),
    WORLD: set(),
    WAREHOUSE: set(),
    "bastion": set(),
    "load balancer": {"load_balancer"},
    "API server": {"airflow", "api_server"},
    "execution API": {"airflow", "execution_api"},
    "scheduler": {"airflow"},
    "DAG processor": {"airflow"},
    "triggerer": {"airflow"},
    "worker": {"airflow"},
    "migration": {"airflow"},
    "scaler": {"airflow"},
    "database": {"database"},
}
# The network of each of those that have no group; a rule for everywhere holds for all of them.
NETWORKS = {WAREHOUSE: "10.20.0.0/16"}
EVERYWHERE = "0.0.0.0/0"
DATABASE = {"postgres": 5432, "mysql": 3306}
RUNNING = ("API server", "execution API", "scheduler", "DAG processor", "triggerer", "worker", "migration", "scaler")
HEALTH = "e2e/test_platform.py::test_every_component_is_healthy"
RUN = "e2e/test_platform.py::test_dag_run_scales_the_workers_out_and_in"
BURST = "e2e/test_scaler.py::test_a_burst_gets_its_workers_by_one_decision_and_a_killed_scaler_changes_nothing"
# Without the migration, without images, secrets and logs nothing is there that could be healthy.
SHOWN_BY = {"worker": RUN, "scaler": BURST}


class Row(NamedTuple):
    """That a caller reaches somebody at a port, and the test that rests on it."""

    caller: str
    called: str
    port: int
    test: str


def open_rows(engine: str) -> list[Row]:
    return [
        Row("user", "load balancer", 443, "e2e/test_platform.py::test_login_works_in_the_web_interface"),
        Row(
            "user",
            "load balancer",
            80,
            "e2e/test_https.py::test_plain_http_leads_to_https_and_the_certificate_is_the_domains",
        ),
        Row("load balancer", "API server", 8080, HEALTH),
        Row("worker", "execution API", 8080, RUN),
        Row("API server", "worker", 8793, "e2e/test_task_logs.py::test_log_of_a_running_task_grows"),
        Row(
            "API server",
            "triggerer",
            8794,
            "e2e/test_task_logs.py::test_log_of_a_deferred_task_has_what_its_trigger_says",
        ),
        Row("worker", WAREHOUSE, 5439, "e2e/test_security_groups.py::test_a_task_calls_what_the_option_egress_names"),
        *(Row(caller, "database", DATABASE[engine], SHOWN_BY.get(caller, HEALTH)) for caller in RUNNING),
        *(Row(caller, WORLD, 443, SHOWN_BY.get(caller, HEALTH)) for caller in RUNNING),
    ]


# What stays closed. The first seven are tried on the local AWS too, by e2e/test_security_groups.py.
CLOSED: list[tuple[str, str, int]] = [
    ("scheduler", "worker", 8793),
    ("worker", "triggerer", 8794),
    ("bastion", "database", 5432),
    ("bastion", "API server", 8080),
    ("bastion", "execution API", 8080),
    ("worker", "API server", 8080),
    ("bastion", "worker", 8793),
    ("worker", "worker", 8793),
    ("worker", "scheduler", 8080),
    ("worker", "worker", 8080),
    ("user", "API server", 8080),
    ("user", "worker", 8793),
    ("user", "database", 5432),
    ("user", "execution API", 8080),
    ("load balancer", "execution API", 8080),
    ("load balancer", "database", 5432),
    ("load balancer", "worker", 8793),
    ("load balancer", "worker", 8080),
    ("load balancer", WORLD, 443),
    ("API server", "worker", 8080),
    ("API server", "scheduler", 22),
    ("execution API", "worker", 8793),
    ("execution API", "API server", 8080),
    ("scaler", "worker", 8793),
    ("worker", WORLD, 25),
    ("worker", WORLD, 5439),
    ("worker", WAREHOUSE, 22),
    ("worker", "database", 22),
    ("database", WORLD, 443),
    ("database", "worker", 8793),
    ("database", "database", 5432),
]


def component(engine: str) -> SecurityComponent:
    defaults = {name: argument.get("default") for name, argument in SecurityComponent.ARGUMENTS.items()}
    egress = [{"cidr": NETWORKS[WAREHOUSE], "protocol": "tcp", "from_port": 5439, "to_port": None}]
    common = {"environment": "test", "state": "present", "tags": {}, "wait": False}
    given = {**common, "vpc_id": "vpc-1", "database_engine": engine}
    aws: Any = SimpleNamespace(
        region="eu-central-1", account_id="1" * 12, partition="aws", check_mode=True, arn=lambda *parts: ":".join(parts)
    )
    return SecurityComponent({**defaults, "egress": egress, **given}, aws)


class Rule(NamedTuple):
    """One rule: whose it is, its direction, the port, and a network or the name of a group."""

    group: str
    direction: str
    port: int
    other_side: str


def rules_of(engine: str) -> list[Rule]:
    security = component(engine)
    resources = security.resources()
    names = {id(group): name for name, group in security.groups.items()}
    return [
        Rule(
            names[id(rules.group)],
            rules.operation,
            what if isinstance(what, int) else int(what.removeprefix("tcp ")),
            names[id(side)] if isinstance(side, SecurityGroup) else side,
        )
        for rules in resources
        if isinstance(rules, Rules)
        for what, side in rules.allowed
    ]


def passes(rules: list[Rule], direction: str, own: str, other: str, port: int) -> bool:
    """Tell whether the groups of one side let something through; who has no group of ours filters nothing."""
    if not GROUPS[own]:
        return True
    sides = {EVERYWHERE, NETWORKS.get(other, EVERYWHERE), *GROUPS[other]}
    return any(
        rule.group in GROUPS[own] and rule.direction == direction and rule.port == port and rule.other_side in sides
        for rule in rules
    )


def reaches(rules: list[Rule], caller: str, called: str, port: int) -> bool:
    return passes(rules, "egress", caller, called, port) and passes(rules, "ingress", called, caller, port)


@pytest.mark.parametrize("engine", DATABASE)
def test_who_must_reach_somebody_does(engine: str) -> None:
    rules = rules_of(engine)

    assert [row for row in open_rows(engine) if not reaches(rules, row.caller, row.called, row.port)] == []


@pytest.mark.parametrize("engine", DATABASE)
def test_who_must_not_does_not(engine: str) -> None:
    rules = rules_of(engine)
    rows = [(*row[:2], DATABASE[engine] if row[2] == 5432 else row[2]) for row in CLOSED]

    assert [row for row in rows if reaches(rules, *row)] == []


REMOVALS = [(engine, rule) for engine in DATABASE for rule in rules_of(engine)]


@pytest.mark.parametrize(
    ("engine", "removed"), REMOVALS, ids=lambda part: "-".join(map(str, part)) if isinstance(part, Rule) else part
)
def test_no_rule_can_be_taken_away(engine: str, removed: Rule) -> None:
    left = [rule for rule in rules_of(engine) if rule != removed]

    assert len(left) == len(rules_of(engine)) - 1
    assert [row for row in open_rows(engine) if not reaches(left, row.caller, row.called, row.port)]


@pytest.mark.parametrize("row", open_rows("postgres"), ids=lambda row: f"{row.caller}-{row.called}-{row.port}")
def test_what_must_be_open_is_shown_by_a_test(row: Row) -> None:
    file, _colons, test = row.test.partition("::")

    assert f"def {test}(" in (TESTS / file).read_text()


FACTS: list[tuple[Mapping[str, Any], str, str]] = [
    (LoadBalancerComponent.OPTIONS, "security_group_ids", "load_balancer"),
    (DatabaseComponent.OPTIONS, "security_group_ids", "database"),
    (AirflowComponent.OPTIONS, "security_group_ids", "airflow"),
    (AirflowComponent.OPTIONS, "api_server_security_group_ids", "api_server"),
    (AirflowComponent.OPTIONS, "execution_api_security_group_ids", "execution_api"),
    (WorkersComponent.OPTIONS, "security_group_ids", "airflow"),
    (ScalerComponent.OPTIONS, "security_group_ids", "airflow"),
]


@pytest.mark.parametrize(("options", "option", "group"), FACTS)
def test_each_component_takes_the_group_that_this_table_gives_it(
    options: Mapping[str, Any], option: str, group: str
) -> None:
    assert options[option].fact.path == ("security_group_ids", group)
