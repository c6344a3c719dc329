# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is deleted of a container's disk, and what stays."""

from __future__ import annotations

import os
import time
from pathlib import Path

from sm2a_image.groomer import DAY, LOGS, groom, kept_by

NOW = time.time()


def write(path: Path, days: float) -> Path:
    """Write a file that nobody has written to for so many days."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("a line")
    for one in (path, *path.parents[:4]):
        os.utime(one, (NOW - days * DAY,) * 2)
    return path


def test_old_files_go_then_their_folders_and_what_is_new_stays(tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    kept = {logs / "dag_processor": DAY, logs: 30 * DAY}
    old = write(logs / "dag_processor/2026-11-25/dags/report.py.log", 1.5)
    latest = logs / "dag_processor/latest"
    latest.symlink_to(old.parents[1])
    today = write(logs / "dag_processor/2026-11-27/dags/report.py.log", 0.1)
    left = write(logs / "dag_id=a/run_id=b/task_id=c/attempt=1.log", 31)
    waiting = write(logs / "dag_id=a/run_id=b/task_id=d/attempt=1.log.trigger.7.log", 6)

    groom(kept, NOW)
    assert not old.exists() and not left.exists()
    assert today.exists() and waiting.exists() and latest.is_symlink()

    # A folder goes a day after its last file.
    assert old.parent.exists()
    groom(kept, NOW + 2 * DAY)
    assert not old.parent.exists() and not today.exists()
    assert waiting.exists() and left.parent.exists()
    assert logs.exists() and (logs / "dag_processor").exists()


def test_folders_that_are_not_there_are_nothing_to_groom(tmp_path: Path) -> None:
    groom({tmp_path / "logs": DAY}, NOW)


def test_a_log_outlasts_the_longest_task_and_on_a_triggerer_the_longest_wait() -> None:
    assert min(kept_by("sm2a-worker").values()) > 12 * 3600
    assert kept_by("airflow")[LOGS] > 28 * DAY


def test_a_worker_is_rid_of_emptied_logs_after_a_day() -> None:
    assert kept_by("sm2a-worker")[LOGS] == DAY
