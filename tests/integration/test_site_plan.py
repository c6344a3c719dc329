# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The first thing that somebody with an account does: ``site --check --diff`` with an inventory for AWS."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml
from emulators import CREDENTIALS, Account
from playbook_runs import ROOT, PlaybookRun, playbook, succeed

from ansible_collections.sm2a.airflow.plugins.plugin_utils._order import TAGS


def variables_of(account: Account) -> dict[str, str]:
    """Return what points our inventories at the emulator."""
    return {
        "sm2a_endpoint_url": account.emulator.url,
        "sm2a_access_key": CREDENTIALS["access_key"],
        "sm2a_secret_key": CREDENTIALS["secret_key"],
        "load_balancer_hosted_zone_id": account.emulator.hosted_zone(),
    }


def plan(account: Account, inventory: str) -> PlaybookRun:
    """Plan the site of one of our inventories in an account that has the domain."""
    variables = variables_of(account)
    return succeed(playbook("site", "--check", "--diff", "-e", json.dumps(variables), inventory=inventory))


@pytest.mark.parametrize(
    ("emulator", "inventory", "zones", "nat_gateways", "api_servers"),
    [("ministack", "dev", 2, 1, 1), ("moto", "production", 3, 3, 2)],
    indirect=["emulator"],
)
def test_an_empty_account_is_planned_whole(
    account: Account, inventory: str, zones: int, nat_gateways: int, api_servers: int
) -> None:
    planned = plan(account, inventory)

    assert planned.api_calls["write"] == 0
    others = {
        (step["action"], step["kind"], step["name"])
        for step in planned.plan
        if step["action"] != "create" and step["kind"] != "AWS::IAM::ServiceLinkedRole"
    }
    # These groups are made without rules, so there is nothing left to do.
    assert others == {
        ("none", "AWS::EC2::SecurityGroupIngress", f"sm2a-{inventory}-default"),
        ("none", "AWS::EC2::SecurityGroupEgress", f"sm2a-{inventory}-default"),
        ("none", "AWS::EC2::SecurityGroupEgress", f"sm2a-{inventory}-database"),
        ("none", "AWS::EC2::SecurityGroupEgress", f"sm2a-{inventory}-execution-api"),
    }
    after = planned.after
    kinds = Counter(label.split(" ")[0] for label in after)
    assert kinds["AWS::EC2::Subnet"] == 2 * zones
    assert kinds["AWS::EC2::NatGateway"] == nat_gateways
    assert kinds["AWS::ECS::Service"] == 7
    for service in ("api-server", "execution-api"):
        assert after[f"AWS::ECS::Service sm2a-{inventory}-{service}"]["desired_count"] == api_servers
    assert after[f"AWS::RDS::DBInstance sm2a-{inventory}"]["MultiAZ"] == (inventory == "production")
    created = {(step["kind"], step["name"]) for step in planned.plan if step["action"] == "create"}
    *lines, summary = planned.results[-1]["lines"]
    assert summary == f"Plan: {len(created)} to create, 0 to change, 0 to delete"
    assert sorted(lines) == sorted(f"create  {kind} {name}" for kind, name in created)


def plans_of(run: PlaybookRun) -> dict[str, Any]:
    """Return the plan of each component, with the digests of all values; where it was only begun, of that."""
    facts = {name: fact for result in run.results for name, fact in result.get("ansible_facts", {}).items()}
    return {name.removesuffix("_begun"): fact["steps"] for name, fact in facts.items() if name.startswith("sm2a_plan_")}


@pytest.mark.parametrize("emulator", ["moto"], indirect=True)
@pytest.mark.parametrize("inventory", ["dev", "local", "production"])
def test_the_plan_is_what_the_roles_would_do(account: Account, inventory: str, tmp_path: Path) -> None:
    answers = {
        "sm2a_architecture": "ARM64",
        "image_platform": "",
        "sm2a_tags": "team: data",
        "database_engine_version": "",
        "load_balancer_domain_name": "airflow.example.com",
    }
    given = ["--check", "-e", json.dumps({**variables_of(account), **answers})]
    [play] = yaml.safe_load((ROOT / "playbooks/site.yml").read_text())
    roles = [{"ansible.builtin.import_tasks": str(ROOT / "playbooks/tasks/roles.yml")}]
    (tmp_path / "roles.yml").write_text(yaml.safe_dump([{**play, "tasks": roles}]))

    planned = succeed(playbook("site", *given, inventory=inventory))
    by_roles = succeed(playbook(f"../{os.path.relpath(tmp_path, ROOT)}/roles", *given, inventory=inventory))

    assert plans_of(planned) == plans_of(by_roles)
    assert set(plans_of(planned)) == {f"sm2a_plan_{part}" for part in TAGS}
