# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a user sees of the platform that ``make demo`` shows."""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from urllib.parse import urljoin

import pytest
from platform_client import FINISHED, URL, Airflow, admin_credentials, aws, queue_attributes, workers
from playbook_runs import Platform, docker, playbook, succeed, wait

from ansible_collections.sm2a.airflow.plugins.module_utils._components._names import SECRETS, secret_name

DAG = "sm2a_demo"
COMPONENTS = ("metadatabase", "scheduler", "triggerer", "dag_processor")


@pytest.fixture(scope="module")
def airflow(platform: Platform) -> Airflow:
    """Airflow, logged in as the administrator."""
    client = Airflow()
    client.wait_until_up()
    client.log_in()
    return client


def test_plan_on_an_empty_account_is_what_was_then_created(platform: Platform) -> None:
    def listed(plan: list[dict[str, str]]) -> Counter[tuple[str, str]]:
        return Counter((step["kind"], step["name"]) for step in plan if step["action"] == "create")

    planned, created = listed(platform.planned.plan), listed(platform.created.plan)
    # The database and the load balancer are planned twice: begun early, waited for late.
    assert set(planned) == set(created)
    assert platform.planned.api_calls["write"] == 0
    assert len(planned) > 50


def test_every_component_is_healthy(airflow: Airflow) -> None:
    wait("health", lambda: all(airflow.health().get(name) == "healthy" for name in COMPONENTS), 120)


def test_queue_hides_a_received_task_for_twelve_hours(platform: Platform) -> None:
    assert queue_attributes()["VisibilityTimeout"] == "43200"


def test_dag_run_scales_the_workers_out_and_in(airflow: Airflow) -> None:
    minimum = workers()
    assert minimum == (1, 1)
    airflow.wait_for_dag(DAG)
    run_id = airflow.trigger(DAG)
    most = 0
    deadline = time.monotonic() + 480
    while (state := airflow.run_state(DAG, run_id)) not in FINISHED:
        most = max(most, workers()[0])
        assert time.monotonic() < deadline, f"the run is still {state}"
        time.sleep(2)
    assert state == "success"
    assert Counter(task["state"] for task in airflow.task_instances(DAG, run_id)) == {"success": 42}
    assert most > 1
    wait("workers back at the minimum", lambda: workers() == minimum, 180)

    # A worker uploads a task's log after it has reported the task's state.
    wait("the last log", lambda: "the sum of 40 squares is 20540" in airflow.log(DAG, run_id, "total"), 60)
    bucket = next(b["Name"] for b in aws("s3").list_buckets()["Buckets"] if b["Name"].startswith("sm2a-local-logs-"))
    pages = aws("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket)
    keys = [item["Key"] for page in pages for item in page.get("Contents", [])]
    assert sum("task_id=square" in key for key in keys) == 40


def test_no_secret_stands_in_a_task_definition_or_container(platform: Platform) -> None:
    secrets = aws("secretsmanager")
    pages = secrets.get_paginator("list_secrets").paginate()
    names = [secret["Name"] for page in pages for secret in page["SecretList"]]
    texts = {name: secrets.get_secret_value(SecretId=name)["SecretString"] for name in names}
    values = [json.loads(text)["password"] if text.startswith("{") else text for text in texts.values()]
    assert set(names) == {secret_name("local", secret) for secret in SECRETS}
    ecs = aws("ecs")
    arns = ecs.list_task_definitions()["taskDefinitionArns"]
    seen = json.dumps([ecs.describe_task_definition(taskDefinition=arn)["taskDefinition"] for arn in arns], default=str)
    running = docker("ps", "-q", "--filter", "label=com.amazonaws.ecs.task-arn").split()
    assert len(running) >= 6
    seen += docker("inspect", *running)
    for container in running:
        seen += docker("top", container, "-eo", "pid,args")
    seen += platform.created.output
    assert [index for index, value in enumerate(values) if value in seen] == []


def test_second_site_changes_nothing(platform: Platform) -> None:
    again = succeed(playbook("site", "--diff"))
    assert again.stats["changed"] == 0, [step for step in again.plan if step["action"] != "none"]
    assert again.api_calls["write"] == 0


def test_status_shows_every_service(platform: Platform) -> None:
    status = succeed(playbook("status"))
    table = "\n".join(next(result["table"] for result in status.results if "table" in result))
    for service in (
        "api-server",
        "execution-api",
        "scheduler",
        "dag-processor",
        "triggerer",
        "worker-default",
        "scaler",
    ):
        assert f"sm2a-local-{service} " in table
    assert "Health:   " in table and "unreachable" not in table


def test_login_works_in_the_web_interface(platform: Platform) -> None:
    browser = Airflow()
    page = browser.request("GET", "/", allow_redirects=False)
    assert page.status_code == 200 and "Airflow" in page.text
    form = browser.request("GET", "/auth/login/?next=%2F").text
    token = re.search(r'name="csrf_token"[^>]* value="([^"]+)"', form)
    assert token
    credentials = admin_credentials()
    login = {"username": credentials["username"], "password": credentials["password"], "csrf_token": token[1]}
    # By HTTPS a form has to come from the site itself, which a browser tells. A header that anybody can send must not
    # lead anybody astray.
    headers = {"Referer": f"{URL}/auth/login/", "X-Forwarded-Host": "elsewhere.example.com"}
    sent = browser.request("POST", "/auth/login/?next=%2F", data=login, headers=headers, allow_redirects=False)
    assert sent.status_code == 302
    assert urljoin(URL, sent.headers["Location"]) == f"{URL}/"
    wrong = {"username": credentials["username"], "password": "wrong"}
    assert browser.request("POST", "/auth/token", json=wrong).status_code == 401
