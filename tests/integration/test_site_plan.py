# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The first thing that somebody with an account does: ``site --check --diff`` with an inventory for AWS."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from emulators import CREDENTIALS, Account
from playbook_runs import PlaybookRun, playbook, succeed


def plan(account: Account, inventory: str) -> PlaybookRun:
    """Plan the site of one of our inventories in an account that has the domain."""
    zone = account.client("route53").create_hosted_zone(Name="example.com", CallerReference="test")["HostedZone"]["Id"]
    variables = {
        "sm2a_endpoint_url": account.emulator.url,
        "sm2a_access_key": CREDENTIALS["access_key"],
        "sm2a_secret_key": CREDENTIALS["secret_key"],
        "load_balancer_hosted_zone_id": zone.rsplit("/", 1)[-1],
    }
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
    assert all(step["action"] == "create" for step in planned.plan if step["kind"] != "AWS::IAM::ServiceLinkedRole")
    after = planned.after
    kinds = Counter(label.split(" ")[0] for label in after)
    assert kinds["AWS::EC2::Subnet"] == 2 * zones
    assert kinds["AWS::EC2::NatGateway"] == nat_gateways
    assert kinds["AWS::ECS::Service"] == 6
    assert after[f"AWS::ECS::Service sm2a-{inventory}-api-server"]["desired_count"] == api_servers
    assert after[f"AWS::RDS::DBInstance sm2a-{inventory}"]["MultiAZ"] == (inventory == "production")
    created = {(step["kind"], step["name"]) for step in planned.plan if step["action"] == "create"}
    *lines, summary = planned.results[-1]["lines"]
    assert summary == f"Plan: {len(created)} to create, 0 to change, 0 to delete"
    assert sorted(lines) == sorted(f"create  {kind} {name}" for kind, name in created)
