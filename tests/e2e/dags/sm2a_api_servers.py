# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tasks that are at work while a server is busy or away: a long log, and each kind of request in an outage."""

from __future__ import annotations

import time
from typing import Any

import boto3
from airflow.configuration import conf
from airflow.sdk import BaseHook, dag, task
from botocore.exceptions import ClientError

LINES = 1_000_000
# The test puts it into the log bucket once nobody answers.
MARK = "e2e/nobody-answers"
# Long after the outage that the test makes.
MOST_SECONDS = 900


def wait_for_the_outage() -> None:
    """Return once nobody answers. Raises TimeoutError if that does not come."""
    bucket = conf.get("logging", "remote_base_log_folder").split("/")[2]
    for _second in range(MOST_SECONDS):
        try:
            boto3.client("s3").head_object(Bucket=bucket, Key=MARK)
        except ClientError:
            time.sleep(1)
        else:
            return
    raise TimeoutError("the outage has not begun")


@dag(schedule=None, catchup=False)
def sm2a_long_log() -> None:
    """A task that writes a log of more than 200 megabytes."""

    @task
    def chat() -> None:
        text = "x" * 180
        for number in range(LINES):
            print(f"row {number} {text}")

    chat()


@dag(schedule=None, catchup=False)
def sm2a_patient() -> None:
    """A task that is at work until the test has read."""

    @task
    def patient() -> None:
        wait_for_the_outage()
        print("nobody has disturbed me")

    patient()


@dag(schedule=None, catchup=False)
def sm2a_outage() -> None:
    """Tasks that run on through the outage, end in it, ask for something in it, and keep something in it."""

    @task
    def runs_on() -> None:
        wait_for_the_outage()
        for second in range(180):
            print(f"second {second}")
            time.sleep(1)

    @task
    def ends() -> str:
        wait_for_the_outage()
        time.sleep(20)
        return "a value"

    @task
    def asks() -> None:
        wait_for_the_outage()
        time.sleep(10)
        print(f"asked for {BaseHook.get_connection('sm2a_outage').host}")

    @task
    def keeps(ti: Any = None) -> None:
        wait_for_the_outage()
        time.sleep(15)
        ti.xcom_push("kept", "x" * 1000)
        print(f"kept {len(ti.xcom_pull(task_ids='keeps', key='kept'))}")

    runs_on()
    ends()
    asks()
    keeps()


@dag(schedule=None, catchup=False)
def sm2a_starts() -> None:
    """A task that is started during the outage."""

    @task
    def starts() -> None:
        print("started")

    starts()


sm2a_long_log()
sm2a_patient()
sm2a_outage()
sm2a_starts()
