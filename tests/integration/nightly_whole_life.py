# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The life of an environment by its playbooks, from the plan to the teardown, with ready images and without Docker.

The end-to-end tests show the same with containers on the newest versions. This is for the oldest: tests/versions.sh
runs it, and pytest does not collect it otherwise, since it takes minutes.
"""

from __future__ import annotations

import json

import pytest
from emulators import CREDENTIALS, Account
from fargate_stand_in import fargate
from playbook_runs import playbook, succeed

pytestmark = pytest.mark.parametrize("emulator", ["ministack"], indirect=True)


def test_plan_site_and_teardown(account: Account) -> None:
    variables = {
        "sm2a_access_key": CREDENTIALS["access_key"],
        "sm2a_secret_key": CREDENTIALS["secret_key"],
        "load_balancer_hosted_zone_id": account.emulator.hosted_zone(),
        "image_uris": {name: f"registry.example.com/{name}:1" for name in ("airflow", "scaler")},
        "sm2a_teardown": "dev",
        "database_final_snapshot": False,
        "storage_delete_buckets": True,
        "observability_delete_log_groups": True,
    }

    with fargate(account.emulator.url) as url:
        given = json.dumps({**variables, "sm2a_endpoint_url": url})
        planned = succeed(playbook("site", "--check", "--diff", "-e", given, inventory="dev"))
        made = succeed(playbook("site", "-e", given, inventory="dev"))
        repeated = succeed(playbook("site", "-e", given, inventory="dev"))
        shown = succeed(playbook("status", "-e", given, inventory="dev"))
        succeed(playbook("teardown", "-e", given, inventory="dev"))

    assert planned.api_calls["write"] == repeated.api_calls["write"] == shown.api_calls["write"] == 0
    created = [
        {(step["kind"], step["name"]) for step in run.plan if step["action"] == "create"} for run in (planned, made)
    ]
    assert created[0] == created[1] and len(created[0]) > 60
    assert repeated.stats["changed"] == 0
    assert (
        account.client("ec2").describe_vpcs(Filters=[{"Name": "tag:sm2a:environment", "Values": ["dev"]}])["Vpcs"] == []
    )
    assert account.client("s3").list_buckets()["Buckets"] == []
    assert account.client("rds").describe_db_instances()["DBInstances"] == []
