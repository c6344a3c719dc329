"""The first thing that somebody with an account does: ``site --check --diff`` with an inventory for AWS."""

from __future__ import annotations

import json
import os
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from emulators import CREDENTIALS, Account

ROOT = Path(__file__).parents[2]


def plan(account: Account, inventory: str) -> tuple[list[dict[str, str]], dict[str, Any], dict[str, int]]:
    """Return the steps of every component, what would be there then, and the calls to AWS."""
    zone = account.client("route53").create_hosted_zone(Name="example.com", CallerReference="test")["HostedZone"]["Id"]
    variables = {
        "sm2a_endpoint_url": account.emulator.url,
        "sm2a_access_key": CREDENTIALS["access_key"],
        "sm2a_secret_key": CREDENTIALS["secret_key"],
        "load_balancer_hosted_zone_id": zone.rsplit("/", 1)[-1],
    }
    command = ["ansible-playbook", "playbooks/site.yml", "-i", f"inventories/{inventory}", "--check", "--diff"]
    done = subprocess.run(
        [*command, "-e", json.dumps(variables)],
        cwd=ROOT,
        env={**os.environ, "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json"},
        capture_output=True,
        text=True,
        check=False,
    )
    report = json.loads(done.stdout[done.stdout.index("{") :])
    answers = [answer for task in report["plays"][0]["tasks"] for answer in task["hosts"].values()]
    assert [answer.get("msg") for answer in answers if answer.get("failed")] == []
    assert done.returncode == 0
    plans = [answer for answer in answers if "plan" in answer]
    calls = {kind: sum(answer["api_calls"][kind] for answer in plans) for kind in ("read", "write")}
    after = {label: state for answer in plans for label, state in answer["diff"]["after"].items()}
    return [step for answer in plans for step in answer["plan"]], after, calls


@pytest.mark.parametrize(
    ("emulator", "inventory", "zones", "nat_gateways", "api_servers"),
    [("ministack", "dev", 2, 1, 1), ("moto", "production", 3, 3, 2)],
    indirect=["emulator"],
)
def test_an_empty_account_is_planned_whole(
    account: Account, inventory: str, zones: int, nat_gateways: int, api_servers: int
) -> None:
    steps, after, calls = plan(account, inventory)

    assert calls["write"] == 0
    assert all(step["action"] == "create" for step in steps if step["kind"] != "AWS::IAM::ServiceLinkedRole")
    kinds = Counter(label.split(" ")[0] for label in after)
    assert kinds["AWS::EC2::Subnet"] == 2 * zones
    assert kinds["AWS::EC2::NatGateway"] == nat_gateways
    assert kinds["AWS::ECS::Service"] == 6
    assert after[f"AWS::ECS::Service sm2a-{inventory}-api-server"]["desired_count"] == api_servers
    assert after[f"AWS::RDS::DBInstance sm2a-{inventory}"]["MultiAZ"] == (inventory == "production")
