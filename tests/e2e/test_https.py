# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The way in, as a browser sees it: one address, HTTPS only, and nobody's word on where he comes from."""

from __future__ import annotations

import json
import socket
import uuid

import domain
import pytest
import requests
from platform_client import Airflow, aws
from playbook_runs import Platform, docker, playbook, succeed, wait

FORGED = "203.0.113.66"


@pytest.fixture(scope="module")
def airflow(platform: Platform) -> Airflow:
    """Airflow, as anybody reaches it."""
    client = Airflow()
    client.wait_until_up()
    return client


def test_plain_http_leads_to_https_and_the_certificate_is_the_domains(airflow: Airflow) -> None:
    port = 80 + domain.offset()
    moved = airflow.session.get(
        f"http://127.0.0.1:{port}/home", headers={"Host": domain.HOST}, allow_redirects=False, timeout=30
    )

    assert (moved.status_code, moved.headers["Location"]) == (
        301,
        f"https://{domain.HOST}:{443 + domain.offset()}/home",
    )
    stranger = Airflow()
    stranger.session.verify = True
    with pytest.raises(requests.exceptions.SSLError):
        stranger.request("GET", "/api/v2/version")


def test_the_load_balancer_looks_after_its_targets(airflow: Airflow) -> None:
    elbv2 = aws("elbv2")
    [group] = elbv2.describe_target_groups(Names=["sm2a-local-api-server"])["TargetGroups"]

    def states() -> list[str]:
        health = elbv2.describe_target_health(TargetGroupArn=group["TargetGroupArn"])["TargetHealthDescriptions"]
        return [target["TargetHealth"]["State"] for target in health]

    wait("the API server passes its health checks", lambda: states() == ["healthy"], 60)


def test_cookies_are_secure_and_keep_a_browser_with_its_server(airflow: Airflow) -> None:
    answer = airflow.request("GET", "/auth/login/")
    cookies = {cookie.name: cookie for cookie in answer.cookies}

    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
    assert {"AWSALB", "AWSALBCORS", "session"} <= set(cookies)
    assert cookies["session"].secure and cookies["AWSALBCORS"].secure


def test_nobody_chooses_the_address_under_which_he_is_logged(airflow: Airflow) -> None:
    mark = uuid.uuid4().hex
    airflow.request("GET", f"/api/v2/version?{mark}", headers={"X-Forwarded-For": FORGED})
    label = "label=com.amazonaws.ecs.container-name=api-server"

    def logged() -> list[str]:
        names = docker("ps", "-q", "--filter", label).split()
        return [line for name in names for line in docker("logs", name).splitlines() if mark in line]

    wait("the request is logged", logged, 30)
    assert all("127.0.0.1" in line and FORGED not in line for line in logged()), logged()


def test_only_those_whom_the_option_names_get_a_connection(airflow: Airflow) -> None:
    def connects() -> bool:
        try:
            socket.create_connection(("127.0.0.1", 443 + domain.offset()), 3).close()
        except TimeoutError:
            return False
        return True

    assert connects()
    elsewhere = json.dumps({"security_ingress_cidrs": ["203.0.113.0/24"]})
    succeed(playbook("site", "--tags", "security", "-e", elsewhere))
    wait("the new rules", lambda: not connects(), 5)

    succeed(playbook("site", "--tags", "security"))
    wait("the old rules", connects, 10)
    airflow.wait_until_up()
