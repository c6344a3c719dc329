# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What programs find in their containers: folders that they can write to, and nothing else that they could change."""

from __future__ import annotations

import json

from platform_client import FINISHED
from playbook_runs import Platform, airflow_with, docker, wait

DAG = "sm2a_files"


def test_tasks_write_to_their_home_and_to_tmp_and_nowhere_else(platform: Platform) -> None:
    airflow = airflow_with(DAG)
    run = airflow.trigger(DAG)
    wait("the end", lambda: airflow.run_state(DAG, run) in FINISHED, 240)

    states = {task["task_id"]: task["state"] for task in airflow.task_instances(DAG, run)}
    assert states == {"folders": "success", "closed": "success"}
    wait("the log", lambda: "capabilities: 0" in airflow.log(DAG, run, "closed"), 60)
    assert "can be written to: []" in airflow.log(DAG, run, "closed")


def test_no_container_of_a_task_can_change_its_image(platform: Platform) -> None:
    running = docker("ps", "-q", "--filter", "label=com.amazonaws.ecs.task-arn").split()
    found = json.loads(docker("inspect", *running))

    assert len(found) >= 6
    assert {(one["HostConfig"]["ReadonlyRootfs"], one["HostConfig"]["Init"]) for one in found} == {(True, True)}
    assert {tuple(one["HostConfig"]["CapDrop"]) for one in found} == {("ALL",)}
