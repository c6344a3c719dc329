# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A playbook that waits for AWS says so."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from emulators import CREDENTIALS, REGION, Account, Vpc

# The emulator issues a certificate after two seconds, so half a minute becomes one.
PATIENT = """
import sys
from ansible.plugins.loader import init_plugin_loader
init_plugin_loader()
from ansible_collections.sm2a.airflow.plugins.plugin_utils import _progress
_progress.PERIOD = 1.0
from ansible.cli.playbook import main
main(["ansible-playbook", *sys.argv[1:]])
"""


@pytest.mark.parametrize("emulator", ["moto"], indirect=True)
@pytest.mark.parametrize("callback", ["ansible.builtin.default", "ansible.posix.json"])
def test_a_long_wait_speaks_and_leaves_json_alone(account: Account, vpc: Vpc, callback: str, tmp_path: Path) -> None:
    options = {
        "environment": "test",
        "region": REGION,
        "endpoint_url": account.emulator.url,
        **CREDENTIALS,
        "vpc_id": vpc.id,
        "subnet_ids": vpc.subnet_ids,
        "security_group_ids": [vpc.security_group_id],
        "domain_name": "airflow.example.com",
        "hosted_zone_id": account.emulator.hosted_zone(),
    }
    play = {"hosts": "localhost", "gather_facts": False, "tasks": [{"sm2a.airflow.load_balancer": options}]}
    (tmp_path / "play.yml").write_text(yaml.safe_dump([play]))

    done = subprocess.run(
        [sys.executable, "-c", PATIENT, "play.yml", "-i", "localhost,", "-c", "local"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "ANSIBLE_STDOUT_CALLBACK": callback},
        cwd=tmp_path,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    said = re.findall(r"^Waiting for .*$", done.stdout, re.MULTILINE)
    if callback.endswith("json"):
        [task] = json.loads(done.stdout)["plays"][0]["tasks"]
        assert said == [] and task["hosts"]["localhost"]["changed"]
    else:
        certificate = "AWS::CertificateManager::Certificate airflow.example.com"
        assert said[0] == f"Waiting for 1 s until {certificate} is issued (usually 2 to 30 minutes)"
        assert len(said) <= 4, "one in each second"
