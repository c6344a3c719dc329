# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A file that is as old as the last heartbeat of this container's job, for the container's health check.

Airflow's own check, ``airflow jobs check``, starts Airflow and reads its secrets each time, only to find this out.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

FILE = Path("/tmp/sm2a-heartbeat")
PROGRAMS = ("scheduler", "dag-processor", "triggerer")
"""Commands of Airflow that run a job."""


def install(file: Path = FILE) -> None:
    """Touch the file whenever this process writes to Airflow's table of jobs, which it does at each heartbeat."""
    from sqlalchemy import event
    from sqlalchemy.orm import Mapper

    def written(mapper: Any, _connection: Any, _job: Any) -> None:
        if mapper.local_table.name == "job":
            file.touch()

    event.listen(Mapper, "after_update", written)
