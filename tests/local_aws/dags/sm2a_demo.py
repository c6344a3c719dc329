# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A run that keeps a few workers busy: one task makes a list, forty work on its items, one adds up."""

from __future__ import annotations

import time

from airflow.sdk import dag, task

TASKS = 40
# One worker alone would be at it for longer than another one takes to start, so that more workers are worth their cost.
SECONDS = 6


# With Airflow's default of 16 running tasks the scaler would see, and serve, no more than those.
@dag(schedule=None, catchup=False, max_active_tasks=TASKS, tags=["sm2a"])
def sm2a_demo() -> None:
    """Fan out to forty tasks and back in."""

    @task
    def numbers() -> list[int]:
        return list(range(TASKS))

    @task
    def square(number: int) -> int:
        print(f"squaring {number}")
        time.sleep(SECONDS)
        return number * number

    @task
    def total(squares: list[int]) -> int:
        result = sum(squares)
        expected = sum(number * number for number in range(TASKS))
        if result != expected:
            raise ValueError(f"the squares add up to {result}, not {expected}")
        print(f"the sum of {len(squares)} squares is {result}")
        return result

    total(square.expand(number=numbers()))


sm2a_demo()
