# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Site, a change and teardown by the playbooks, where AWS's states and time are enforced by chance.

``make test-seeds`` runs it, once for each seed of ``SM2A_TEST_SEEDS`` (how many). A seed that fails is given again by
``SM2A_LOCAL_SEED``.
"""

from __future__ import annotations

import json
import os

import pytest
from emulators import CREDENTIALS, Account
from fargate_stand_in import fargate
from playbook_runs import playbook, succeed

SEEDS = int(os.environ.get("SM2A_TEST_SEEDS", "1"))

pytestmark = pytest.mark.parametrize("emulator", [f"strict{n} ministack" for n in range(SEEDS)], indirect=True)


def test_site_change_and_teardown(account: Account) -> None:
    variables = {
        "sm2a_access_key": CREDENTIALS["access_key"],
        "sm2a_secret_key": CREDENTIALS["secret_key"],
        "load_balancer_hosted_zone_id": account.emulator.hosted_zone(),
        "image_uris": {name: f"registry.example.com/{name}:1" for name in ("airflow", "scaler")},
        "sm2a_teardown": "dev",
    }
    changes = {
        "sm2a_tags": {"owner": "somebody-else"},
        "database_backup_retention_period": 9,
        "database_instance_class": "db.t4g.medium",
        "airflow_configuration": {"core": {"parallelism": 40}},
    }

    with fargate(account.emulator.url) as url:
        variables["sm2a_endpoint_url"] = url
        succeed(playbook("site", "-e", json.dumps(variables), inventory="dev"))
        repeated = succeed(playbook("site", "-e", json.dumps(variables), inventory="dev"))
        changed = {**variables, **changes}
        succeed(playbook("site", "-e", json.dumps(changed), inventory="dev"))
        repeated_change = succeed(playbook("site", "-e", json.dumps(changed), inventory="dev"))
        succeed(playbook("teardown", "-e", json.dumps(changed), inventory="dev"))

    assert repeated.api_calls["write"] == repeated_change.api_calls["write"] == 0
    ours = [{"Name": "tag:sm2a:environment", "Values": ["dev"]}]
    assert account.client("ec2").describe_vpcs(Filters=ours)["Vpcs"] == []
    assert account.client("acm").list_certificates()["CertificateSummaryList"] == []
    assert account.client("rds").describe_db_instances()["DBInstances"] == []
