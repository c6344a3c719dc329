# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs the bundled DAG through the platform that ``make up`` deployed, and shows it in the terminal."""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter

from platform_client import ADMIN_SECRET, FINISHED, URL, Airflow, admin_credentials, workers

DAG = "sm2a_demo"
TIMEOUT = 600.0


def main() -> int:
    """Run the DAG, or print the administrator's credentials; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("command", choices=["run", "credentials"], nargs="?", default="run")
    if parser.parse_args().command == "credentials":
        credentials = admin_credentials()
        print(f"{credentials['username']} {credentials['password']}")
        return 0
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
    if state == "success":
        print(next(line for line in airflow.log(DAG, run_id, "total").splitlines() if line.startswith("the sum")))
    print(f"\nAirflow's web UI:   {URL}")
    print(f"Name and password:  secret {ADMIN_SECRET} in Secrets Manager; `make credentials` shows them")
    print("Stop all of it:     make down")
    return 0 if state == "success" else 1


def _watch(airflow: Airflow, run_id: str) -> str:
    """Print a line whenever something moves; return the run's last state."""
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
        if elapsed > TIMEOUT:
            print(f"not finished after {TIMEOUT:.0f} s", file=sys.stderr)
            return state
        time.sleep(1)


if __name__ == "__main__":
    sys.exit(main())
