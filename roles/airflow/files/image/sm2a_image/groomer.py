# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Deletes what Airflow leaves on the disk of a container, which may run for months.

Airflow empties the log of a task when it has been uploaded. It could delete the file instead, but would take its folder
along, in which a retry may be writing by then.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Mapping
from pathlib import Path

from sm2a_image import bytecode

DAY = 86400.0
INTERVAL_SECONDS = 3600.0
LOGS = Path(os.environ.get("AIRFLOW_HOME", "/opt/airflow"), "logs")
DAG_PROCESSOR = LOGS / "dag_processor"
"""It has a folder for each day."""

logger = logging.getLogger("sm2a.groomer")


def kept_by(program: str) -> dict[Path, float]:
    """Return for how many seconds a program keeps what nobody writes to. Of two folders the inner one decides."""
    # A task runs for twelve hours at most. A trigger may wait for weeks without a word, and uploads its log at the end.
    tasks = DAY if program == "sm2a-worker" else 30 * DAY
    # Byte code is compiled again where it is needed.
    return {DAG_PROCESSOR: DAY, LOGS: tasks, bytecode.FOLDER: DAY}


def groom(kept: Mapping[Path, float], now: float) -> None:
    """Delete files, and folders without files, that nobody has written to for so long."""
    for folder, seconds in kept.items():
        for root, folders, files in os.walk(folder, topdown=False):
            # What has a line of its own is groomed by that.
            if any(Path(root).is_relative_to(other) for other in kept if other != folder and folder in other.parents):
                continue
            for path in (Path(root, name) for name in (*files, *folders)):
                if path not in kept:
                    _delete_older(path, now - seconds)


def _delete_older(path: Path, than: float) -> None:
    try:
        if path.is_symlink() or path.stat().st_mtime >= than:
            return
        if path.is_dir():
            if not any(path.iterdir()):
                path.rmdir()
        else:
            path.unlink()
    except OSError as error:  # somebody else has deleted it, or is just writing there
        logger.debug("sm2a: %s stays: %s", path, error)


def start(program: str) -> None:
    """Groom now and every hour, in a thread that ends with the process."""

    def run() -> None:
        while True:
            groom(kept_by(program), time.time())
            time.sleep(INTERVAL_SECONDS)

    threading.Thread(target=run, name="sm2a-groomer", daemon=True).start()
