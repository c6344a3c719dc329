# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The environment_info module against both emulators."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from emulators import CREDENTIALS, Account, Vpc, own_certificate

from ansible_collections.sm2a.airflow.plugins.module_utils._components import environment_info

ROOT = Path(__file__).parents[2]


def test_empty_account(account: Account) -> None:
    result = account.run("environment_info")

    assert (result["services"], result["queues"], result["database"], result["url"]) == ([], [], None, None)
    assert "Address:  does not exist" in result["table"]


def test_shows_queues_of_this_environment_only(account: Account) -> None:
    account.run("queue")
    account.run("queue", environment="test-2")
    sqs = account.client("sqs")
    sqs.send_message(QueueUrl=sqs.get_queue_url(QueueName="sm2a-test-default")["QueueUrl"], MessageBody="task")

    result = account.run("environment_info")

    assert [(queue["name"], queue["waiting"]) for queue in result["queues"]] == [
        ("sm2a-test-dead-letter", 0),
        ("sm2a-test-default", 1),
    ]
    assert any(line.split() == ["sm2a-test-default", "1", "0"] for line in result["table"])


@pytest.mark.parametrize("options", [{}, {"domain_name": "data.example.com"}, {"url": "https://data.example.com:8443"}])
def test_the_load_balancer_is_asked_in_the_name_that_users_know(
    account: Account, vpc: Vpc, monkeypatch: pytest.MonkeyPatch, options: dict[str, str]
) -> None:
    certificate = account.client("acm").import_certificate(**own_certificate("airflow.example.com"))["CertificateArn"]
    elbv2 = account.client("elbv2")
    balancer = elbv2.create_load_balancer(Name="sm2a-test", Subnets=vpc.subnet_ids)["LoadBalancers"][0]
    elbv2.create_listener(
        LoadBalancerArn=balancer["LoadBalancerArn"],
        Protocol="HTTPS",
        Port=443,
        Certificates=[{"CertificateArn": certificate}],
        DefaultActions=[{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}],
    )
    asked: list[Any] = []

    def health(address: str, host: str | None) -> tuple[dict[str, str], str]:
        asked.append((address, host))
        return {}, "the name does not resolve"

    monkeypatch.setattr(environment_info, "airflow_health", health)

    result = account.run("environment_info", **options)

    address = options.get("url", f"https://{options.get('domain_name', 'airflow.example.com')}")
    # The load balancer does not listen at port 8443: that is the port of something before it.
    assert asked == [(address, None if address.endswith(":8443") else balancer["DNSName"])]
    assert result["url"] == address and result["health_problem"] == "the name does not resolve"
    assert "Health:   unreachable: the name does not resolve" in result["table"]


@pytest.mark.parametrize("emulator", ["moto"], indirect=True)
def test_the_playbook_prints_a_table(account: Account) -> None:
    account.run("queue", environment="dev")
    where = {"sm2a_endpoint_url": account.emulator.url, **{f"sm2a_{key}": value for key, value in CREDENTIALS.items()}}

    done = subprocess.run(
        ["ansible-playbook", "playbooks/status.yml", "-i", "inventories/dev", "-e", json.dumps(where)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, "ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.default", "ANSIBLE_NOCOLOR": "1"},
    )

    assert done.returncode == 0, done.stdout + done.stderr
    lines = [line.rstrip() for line in done.stdout.splitlines()]
    start = lines.index("QUEUE                 WAITING  IN FLIGHT")
    assert lines[start + 2] == "sm2a-dev-default      0        0"
    assert "Health:   unreachable: there is no load balancer" in lines
    assert "Address:  does not exist" in lines
