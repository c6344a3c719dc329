# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs the bundled DAG through the platform that ``make up`` deployed, and shows it in the terminal."""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from pathlib import Path

import authority
import requests
from botocore.exceptions import BotoCoreError, ClientError
from platform_client import ADMIN_SECRET, FINISHED, URL, Airflow, admin_credentials, workers

DAG = "sm2a_demo"
# A run takes a minute and a half on an idle machine, and several times as long on a busy one.
RUN_SECONDS = 900.0
# The worker reports the state of a task before it has uploaded the log.
LOG_SECONDS = 60.0
HELP = """\
What the services say:  docker ps --all, then docker logs <container>
What the emulator says: .local/log/ministack.log
The state of it all:    make status
Begin again:            make down, then make demo"""


class DemoError(Exception):
    """The demonstration did not come to its end; the message says what happened."""


def main() -> int:
    """Run the DAG, or print the administrator's credentials; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("command", choices=["run", "credentials"], nargs="?", default="run")
    command = parser.parse_args().command
    try:
        return _credentials() if command == "credentials" else _run()
    except (DemoError, TimeoutError, requests.RequestException, ClientError, BotoCoreError) as error:
        print(f"\nsm2a: {_reason(error)}\n\n{HELP}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nsm2a: interrupted; the platform runs on, and make down stops it", file=sys.stderr)
        return 130


def _reason(error: Exception) -> str:
    if isinstance(error, (requests.ConnectionError, requests.Timeout, BotoCoreError)):
        return f"the platform does not answer; make up deploys it ({error})"
    if isinstance(error, ClientError) and error.response["Error"]["Code"] == "ResourceNotFoundException":
        return f"the platform is not deployed; make up deploys it ({error})"
    return str(error)


def _credentials() -> int:
    credentials = admin_credentials()
    print(f"{credentials['username']} {credentials['password']}")
    return 0


def _run() -> int:
    airflow = Airflow()
    print("waiting until Airflow is healthy", flush=True)
    airflow.wait_until_up()
    airflow.log_in()
    print("health:", ", ".join(f"{name} {state}" for name, state in sorted(airflow.health().items())))
    airflow.wait_for_dag(DAG)
    run_id = airflow.trigger(DAG)
    print(f"run {run_id} of {DAG}: 42 tasks\n")
    state = _watch(airflow, run_id)
    print(f"\nrun {run_id}: {state}")
    if state != "success":
        raise DemoError(f"the run {run_id} of {DAG} ended as {state}: {_failures(airflow, run_id)}")
    print(_result(airflow, run_id))
    print(f"\nAirflow's web UI:   {URL}")
    print(f"Its authority:      {authority.CERTIFICATE.relative_to(Path.cwd(), walk_up=True)} (curl --cacert)")
    print(f"Name and password:  secret {ADMIN_SECRET} in Secrets Manager; `make credentials` shows them")
    print("Stop all of it:     make down")
    return 0


def _watch(airflow: Airflow, run_id: str) -> str:
    """Print a line whenever something moves; return the run's last state. Raises DemoError when it takes too long."""
    started = time.monotonic()
    last = ""
    while True:
        state = airflow.run_state(DAG, run_id)
        counts = Counter(str(task["state"] or "waiting") for task in airflow.task_instances(DAG, run_id))
        running, desired = workers()
        tasks = "  ".join(f"{name} {counts[name]:>2}" for name in ("queued", "running", "success", "failed"))
        line = f"{tasks}  workers {running} of {desired}"
        elapsed = time.monotonic() - started
        if line != last:
            print(f"{elapsed:5.0f} s  {state:<8} {line}", flush=True)
            last = line
        if state in FINISHED:
            return state
        if elapsed > RUN_SECONDS:
            raise DemoError(f"the run {run_id} of {DAG} is still {state} after {RUN_SECONDS:.0f} seconds: {line}")
        time.sleep(1)


def _result(airflow: Airflow, run_id: str) -> str:
    """Return the line in which the last task says what came out. Raises DemoError if it does not come in time."""
    deadline = time.monotonic() + LOG_SECONDS
    while True:
        log = airflow.log(DAG, run_id, "total")
        for line in log.splitlines():
            if line.startswith("the sum"):
                return line
        if time.monotonic() > deadline:
            raise DemoError(f"the log of the task total has no result after {LOG_SECONDS:.0f} seconds: {log[-500:]}")
        time.sleep(1)


def _failures(airflow: Airflow, run_id: str) -> str:
    """Return what the first task that failed said last."""
    for task in airflow.task_instances(DAG, run_id):
        if task["state"] == "failed":
            name = f"task {task['task_id']} ({task['map_index']}) failed"
            try:
                log = airflow.log(DAG, run_id, task["task_id"], task["map_index"], max(1, task["try_number"]))
            except requests.RequestException as error:
                return f"{name}, and its log cannot be read: {error}"
            return f"{name}; the end of its log:\n{log[-1500:]}"
    return "no task of it failed"


if __name__ == "__main__":
    sys.exit(main())
