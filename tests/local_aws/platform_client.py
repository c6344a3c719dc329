# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A client of the platform that the local inventory deploys: Airflow's API through the load balancer, and AWS's."""

from __future__ import annotations

import contextlib
import json
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import authority
import boto3
import domain
import requests
from iam_principals import ROOT_ACCESS_KEY, SECRET_KEY
from requests.adapters import HTTPAdapter

ENDPOINT = "http://127.0.0.1:4566"
REGION = "eu-central-1"
ENVIRONMENT = "local"
URL = domain.url()
ADMIN_SECRET = f"sm2a/{ENVIRONMENT}/admin"
FINISHED = ("success", "failed")
# What the load balancer answers while the API server starts or is too busy: another moment may be better.
PASSING = (502, 503, 504)
PASSING_SECONDS = 120.0


class AlreadyThere(requests.HTTPError):
    """What was to be made exists."""


def aws(service: str) -> Any:
    """Return a boto3 client of the emulated account's root, who may do everything."""
    return boto3.client(
        service,
        endpoint_url=ENDPOINT,
        region_name=REGION,
        aws_access_key_id=ROOT_ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
    )


def admin_credentials() -> dict[str, str]:
    """Return the administrator's ``username`` and ``password`` from Secrets Manager."""
    return dict(json.loads(aws("secretsmanager").get_secret_value(SecretId=ADMIN_SECRET)["SecretString"]))


class _ThisMachine(HTTPAdapter):
    """Connects to this machine in the name of the domain.

    Browsers and curl know that names below .localhost are this machine's; the C library of many systems does not.
    """

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, server_hostname=domain.HOST, assert_hostname=domain.HOST, **options)


def _session() -> requests.Session:
    session = requests.Session()
    session.headers["Host"] = urlsplit(URL).netloc
    session.mount("https://", _ThisMachine())
    session.verify = str(authority.CERTIFICATE)
    # The environment's proxy and authorities are those of another network.
    session.trust_env = False
    return session


@dataclass
class Airflow:
    """Airflow's web API, through the load balancer as a user reaches it."""

    session: requests.Session = field(default_factory=_session)

    def request(self, method: str, path: str, **arguments: Any) -> requests.Response:
        """Send a request to a path of the web server."""
        # Two processors that run six tasks besides may keep the API server waiting for long.
        address = f"https://127.0.0.1:{urlsplit(URL).port or 443}"
        return self.session.request(method, address + path, timeout=90, **arguments)

    def json(self, method: str, path: str, **arguments: Any) -> Any:
        """Send a request and return the decoded answer.

        A server that cannot be reached or is too busy is asked again for PASSING_SECONDS: every request of ours may be
        sent twice. Refusals are not repeated.
        Raises requests.HTTPError on a refusal, requests.RequestException where there was no answer at all.
        """
        deadline = time.monotonic() + PASSING_SECONDS
        while True:
            in_time = time.monotonic() < deadline
            try:
                response = self.request(method, path, **arguments)
            except (requests.ConnectionError, requests.Timeout):
                if not in_time:
                    raise
            else:
                if response.ok:
                    return response.json()
                if response.status_code == 409:
                    raise AlreadyThere(f"{method} {path}: {response.text[:500]}")
                if response.status_code not in PASSING or not in_time:
                    raise requests.HTTPError(f"{method} {path}: {response.status_code} {response.text[:500]}")
            time.sleep(1)

    def wait_until_up(self, timeout: float = 300) -> None:
        """Return once every component of Airflow is healthy. Raises TimeoutError that says which one is not."""
        deadline = time.monotonic() + timeout
        health: dict[str, str] = {}
        while not health or set(health.values()) != {"healthy"} or len(health) < 4:
            if time.monotonic() > deadline:
                raise TimeoutError(f"Airflow is not healthy after {timeout:.0f} seconds: {health or 'no answer'}")
            time.sleep(1)
            with contextlib.suppress(requests.RequestException, ValueError):
                health = self.health()

    def log_in(self) -> None:
        """Log in as the administrator."""
        credentials = admin_credentials()
        body = {"username": credentials["username"], "password": credentials["password"]}
        token = self.json("POST", "/auth/token", json=body)["access_token"]
        self.session.headers["Authorization"] = f"Bearer {token}"

    def health(self) -> dict[str, str]:
        """Return the state of each component. Raises requests.RequestException where there is no answer."""
        response = self.request("GET", "/api/v2/monitor/health")
        response.raise_for_status()
        answer = response.json()
        return {name: state["status"] for name, state in answer.items() if state.get("status")}

    def wait_for_dag(self, dag_id: str, timeout: float = 300) -> None:
        """Return once the DAG processor has read a DAG from the bucket. Raises TimeoutError with the last answer."""
        deadline = time.monotonic() + timeout
        last = "no answer"
        while True:
            with contextlib.suppress(requests.ConnectionError, requests.Timeout):
                response = self.request("GET", f"/api/v2/dags/{dag_id}")
                if response.ok:
                    return
                last = f"{response.status_code} {response.text[:200]}"
            if time.monotonic() > deadline:
                raise TimeoutError(f"the DAG {dag_id} did not appear within {timeout:.0f} seconds: {last}")
            time.sleep(2)

    def trigger(self, dag_id: str) -> str:
        """Unpause a DAG, start a run and return the run's id."""
        self.json("PATCH", f"/api/v2/dags/{dag_id}", json={"is_paused": False})
        # With an id of ours a request that is sent twice, since the first answer was lost, starts one run.
        run_id = f"manual__{datetime.now(UTC).isoformat()}"
        body = {"logical_date": None, "dag_run_id": run_id}
        with contextlib.suppress(AlreadyThere):
            self.json("POST", f"/api/v2/dags/{dag_id}/dagRuns", json=body)
        return run_id

    def run_state(self, dag_id: str, run_id: str) -> str:
        """Return the state of a run."""
        return str(self.json("GET", f"/api/v2/dags/{dag_id}/dagRuns/{run_id}")["state"])

    def task_instances(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """Return all task instances of a run."""
        found: list[dict[str, Any]] = []
        while True:
            # A page has at most a hundred: [api] maximum_page_limit.
            path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances?limit=100&offset={len(found)}"
            page = self.json("GET", path)
            found += page["task_instances"]
            if len(found) >= page["total_entries"] or not page["task_instances"]:
                return found

    def log(self, dag_id: str, run_id: str, task_id: str, map_index: int = -1, attempt: int = 1) -> str:
        """Return the log of a task as the web UI shows it."""
        path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/logs/{attempt}?map_index={map_index}"
        content = self.json("GET", path, headers={"Accept": "application/json"})["content"]
        return "\n".join(str(line.get("event", line)) if isinstance(line, dict) else str(line) for line in content)


def workers(pool: str = "default") -> tuple[int, int]:
    """Return the running and the desired number of workers of a pool."""
    cluster = f"sm2a-{ENVIRONMENT}"
    service = aws("ecs").describe_services(cluster=cluster, services=[f"{cluster}-worker-{pool}"])["services"][0]
    return service["runningCount"], service["desiredCount"]


def queue_attributes(pool: str = "default") -> dict[str, str]:
    """Return all attributes of a pool's queue."""
    sqs = aws("sqs")
    url = sqs.get_queue_url(QueueName=f"sm2a-{ENVIRONMENT}-{pool}")["QueueUrl"]
    return dict(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"])
