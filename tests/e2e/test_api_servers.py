# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The web interface and the execution API leave each other alone, and running tasks outlive both."""

from __future__ import annotations

import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from urllib.parse import urlsplit

import authority
import domain
import pytest
import requests
from platform_client import URL, Airflow, AlreadyThere, aws
from playbook_runs import Platform, airflow_with, docker, wait

LONG_LOG, PATIENT, OUTAGE, STARTS = "sm2a_long_log", "sm2a_patient", "sm2a_outage", "sm2a_starts"
LINES = 1_000_000
MARK = "e2e/nobody-answers"
OUTAGE_SECONDS = 120
CLUSTER, EXECUTION_API = "sm2a-local", "sm2a-local-execution-api"
# Airflow's answer to whoever reaches the execution API.
HEALTHY = '{"status":"healthy"}'
# Of all processes of a container together, in megabytes: the most that each has had.
PEAK = """
import pathlib, re
found = [re.search(r"VmHWM:\\s+(\\d+)", path.read_text()) for path in pathlib.Path("/proc").glob("[0-9]*/status")]
print(sum(int(one[1]) for one in found if one) // 1024)
"""
ASK = (
    "import http.client as h, sys; c = h.HTTPConnection('127.0.0.1', 8080, timeout=30); "
    "c.request('GET', sys.argv[1]); print(c.getresponse().read().decode())"
)


@pytest.fixture(scope="module")
def airflow(platform: Platform) -> Airflow:
    """Airflow with the DAGs of these tests, and a connection that one of them asks for."""
    client = airflow_with(LONG_LOG, PATIENT, OUTAGE, STARTS)
    connection = {"connection_id": "sm2a_outage", "conn_type": "http", "host": "warehouse.example.com"}
    with suppress(AlreadyThere):
        client.json("POST", "/api/v2/connections", json=connection)
    return client


@pytest.fixture
def mark() -> Iterator[str]:
    """The bucket in which the mark of the outage is put; it is not there before and after."""
    [bucket] = [b["Name"] for b in aws("s3").list_buckets()["Buckets"] if b["Name"].startswith("sm2a-local-logs-")]
    aws("s3").delete_object(Bucket=bucket, Key=MARK)
    yield bucket
    aws("s3").delete_object(Bucket=bucket, Key=MARK)


def containers(service: str) -> list[str]:
    family = f"label=com.amazonaws.ecs.task-definition-family=sm2a-local-{service}"
    return docker("ps", "--quiet", "--filter", family).split()


def states(airflow: Airflow, dag: str, run: str) -> dict[str, tuple[str, int]]:
    """Return the state and the attempt of each task."""
    found = airflow.task_instances(dag, run)
    return {task["task_id"]: (task["state"], task["try_number"]) for task in found}


def all_are(state: str, airflow: Airflow, dag: str, run: str) -> bool:
    found = states(airflow, dag, run)
    return bool(found) and all(now == state for now, _attempt in found.values())


def answer_to(path: str) -> str:
    """Return what the load balancer answers to a path as it stands, which no client has put into another form."""
    context = ssl.create_default_context(cafile=str(authority.CERTIFICATE))
    port = urlsplit(URL).port or 443
    with (
        socket.create_connection(("127.0.0.1", port), 60) as plain,
        context.wrap_socket(plain, server_hostname=domain.HOST) as secure,
    ):
        request = f"GET {path} HTTP/1.1\r\nHost: {urlsplit(URL).netloc}\r\nConnection: close\r\n\r\n"
        secure.sendall(request.encode())
        answer = b""
        with suppress(ssl.SSLEOFError):
            while part := secure.recv(65536):
                answer += part
    return answer.decode(errors="replace")


@pytest.mark.parametrize(
    "path",
    [
        "/execution/health",
        "/%65xecution/health",
        "//execution/health",
        "/execution%2Fhealth",
        "/./execution/health",
        "/auth/../execution/health",
        "/%2565xecution/health",
    ],
)
def test_the_execution_api_is_not_there_for_users(airflow: Airflow, path: str) -> None:
    answer = answer_to(path)

    assert answer.startswith("HTTP/1.1 ")
    assert HEALTHY not in answer


def test_the_execution_api_is_where_tasks_call_it_and_nowhere_else(airflow: Airflow) -> None:
    def answers(service: str) -> bool:
        return HEALTHY in docker("exec", containers(service)[0], "python", "-c", ASK, "/execution/health")

    assert answers("execution-api")
    assert not answers("api-server")
    # What users call is not there in turn.
    version = docker("exec", containers("execution-api")[0], "python", "-c", ASK, "/api/v2/version")
    assert json.loads(version) == {"detail": "Not Found"}


def test_three_who_read_a_log_of_200_megabytes_disturb_nobody(airflow: Airflow, mark: str) -> None:
    written = airflow.trigger(LONG_LOG)
    wait("the long log", lambda: all_are("success", airflow, LONG_LOG, written), 900)
    running = airflow.trigger(PATIENT)
    wait("a task that runs", lambda: all_are("running", airflow, PATIENT, running), 180)
    # Its upload takes a moment.
    bucket = aws("s3").get_paginator("list_objects_v2").paginate(Bucket=mark, Prefix="task-logs/")
    wait("the upload", lambda: any(o["Size"] > 200e6 for p in bucket for o in p.get("Contents", [])), 120)
    server = containers("api-server")[0]
    path = f"/api/v2/dags/{LONG_LOG}/dagRuns/{written}/taskInstances/chat/logs/1"
    seen: list[int] = []

    def read() -> None:
        headers = {"Accept": "application/x-ndjson"}
        with airflow.request("GET", path, headers=headers, stream=True) as answer:
            seen.append(sum(line.startswith(b'{"timestamp"') and b'"row ' in line for line in answer.iter_lines()))

    readers = [threading.Thread(target=read) for _reader in range(3)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()

    assert seen == [LINES] * 3
    # An API server of ours has 2048.
    assert int(docker("exec", server, "python", "-c", PEAK)) < 1024
    assert containers("api-server") == [server]
    assert states(airflow, PATIENT, running) == {"patient": ("running", 1)}
    aws("s3").put_object(Bucket=mark, Key=MARK)
    wait("its end", lambda: all_are("success", airflow, PATIENT, running), 120)
    assert states(airflow, PATIENT, running) == {"patient": ("success", 1)}


def test_a_long_log_comes_in_pages_to_whoever_does_not_stream(airflow: Airflow) -> None:
    runs = airflow.json("GET", f"/api/v2/dags/{LONG_LOG}/dagRuns")["dag_runs"]
    path = f"/api/v2/dags/{LONG_LOG}/dagRuns/{runs[-1]['dag_run_id']}/taskInstances/chat/logs/1"
    headers = {"Accept": "application/json"}

    first = airflow.json("GET", path, headers=headers)
    second = airflow.json("GET", path, headers=headers, params={"token": first["continuation_token"]})

    rows = [
        int(line["event"].split(" ")[1])
        for page in (first, second)
        for line in page["content"]
        if line["event"].startswith("row ")
    ]
    assert rows == list(range(len(rows))) and 10_000 < len(rows) < LINES


def test_no_task_fails_while_the_execution_api_is_away_for_two_minutes(airflow: Airflow, mark: str) -> None:
    ecs = aws("ecs")
    run = airflow.trigger(OUTAGE)
    wait("four tasks at work", lambda: all_are("running", airflow, OUTAGE, run), 300)

    ecs.update_service(cluster=CLUSTER, service=EXECUTION_API, desiredCount=0)
    try:
        wait("that nobody answers", lambda: not containers("execution-api"), 180)
        aws("s3").put_object(Bucket=mark, Key=MARK)
        away = time.monotonic()
        # Users notice nothing, and tasks may be started.
        assert airflow.request("GET", "/api/v2/version").status_code == requests.codes.ok
        started = airflow.trigger(STARTS)
        time.sleep(OUTAGE_SECONDS - (time.monotonic() - away))
        assert all(state == "running" for state, _attempt in states(airflow, OUTAGE, run).values())
    finally:
        ecs.update_service(cluster=CLUSTER, service=EXECUTION_API, desiredCount=1)

    wait("the end", lambda: airflow.run_state(OUTAGE, run) in ("success", "failed"), 420)
    wait("the end of what was started", lambda: airflow.run_state(STARTS, started) in ("success", "failed"), 240)
    assert states(airflow, OUTAGE, run) == dict.fromkeys(("runs_on", "ends", "asks", "keeps"), ("success", 1))
    assert states(airflow, STARTS, started) == {"starts": ("success", 1)}
    assert "kept 1000" in airflow.log(OUTAGE, run, "keeps")
    assert "asked for warehouse.example.com" in airflow.log(OUTAGE, run, "asks")
