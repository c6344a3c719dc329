# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tasks whose logs are read: one that talks for long, many that end at once, some that are deferred in between."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

from airflow.providers.standard.triggers.temporal import TimeDeltaTrigger
from airflow.sdk import BaseOperator, dag, task

LINES = 45
SHORT_TASKS = 20
DEFERRED_TASKS = 4


class DeferredOnce(BaseOperator):
    """Speaks, is deferred for some seconds, and speaks again, perhaps on another worker."""

    def __init__(self, number: int, seconds: int = 2, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.number = number
        self.seconds = seconds

    def execute(self, context: Any) -> None:
        """Speak and be deferred."""
        print(f"before the deferral {self.number}")
        self.defer(trigger=TimeDeltaTrigger(timedelta(seconds=self.seconds)), method_name="resume")

    def resume(self, context: Any, event: Any = None) -> None:
        """Speak again."""
        print(f"last line {self.number}")


@dag(schedule=None, catchup=False)
def sm2a_talking() -> None:
    """One task that says a line each second."""

    @task
    def talk() -> None:
        for number in range(LINES):
            print(f"line {number} of {LINES}")
            time.sleep(1)

    talk()


@dag(schedule=None, catchup=False)
def sm2a_waiting() -> None:
    """One task that is deferred for long."""
    DeferredOnce(task_id="deferred", number=0, seconds=40)


@dag(schedule=None, catchup=False, max_active_tasks=SHORT_TASKS)
def sm2a_ending() -> None:
    """Tasks that end soon, some of them after a deferral."""

    @task
    def short(number: int) -> None:
        for line in range(100):
            print(f"line {line} of {number}")
        print(f"last line {number}")

    short.expand(number=list(range(SHORT_TASKS)))
    DeferredOnce.partial(task_id="deferred").expand(number=list(range(DEFERRED_TASKS)))


sm2a_talking()
sm2a_waiting()
sm2a_ending()
