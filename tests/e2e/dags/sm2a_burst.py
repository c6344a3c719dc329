# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two hundred short tasks at once, and tasks of any length, for the workers of one pool."""

from __future__ import annotations

import time

from airflow.sdk import dag, task

POOL = "burst"


@dag(schedule=None, catchup=False, max_active_tasks=200)
def sm2a_burst() -> None:
    """Two hundred tasks that have nothing to wait for."""

    @task(queue=POOL)
    def work(number: int) -> int:
        time.sleep(1)
        return number

    work.expand(number=list(range(200)))


@dag(schedule=None, catchup=False, params={"seconds": 60})
def sm2a_long() -> None:
    """One task of so many seconds."""

    @task(queue=POOL)
    def work(params: dict[str, float] | None = None) -> None:
        time.sleep((params or {})["seconds"])

    work()


sm2a_burst()
sm2a_long()
