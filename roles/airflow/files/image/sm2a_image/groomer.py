# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Deletes what Airflow leaves on the disk of a container, which may run for months.

The log of a task goes when it has been uploaded; what is left of them belongs to tasks whose upload failed.
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
KEPT: dict[Path, float] = {
    # A folder for each day.
    LOGS / "dag_processor": DAY,
    # A trigger may wait for weeks without a word, and uploads its log at the end.
    LOGS: 30 * DAY,
    # Compiled again where it is needed.
    bytecode.FOLDER: DAY,
}
"""For how many seconds what nobody writes to is kept. Of two folders that hold a file the first decides."""

logger = logging.getLogger("sm2a.groomer")


def groom(kept: Mapping[Path, float] | None = None, now: float | None = None) -> None:
    """Delete files, and folders without files, that nobody has written to for so long."""
    kept = KEPT if kept is None else kept
    now = time.time() if now is None else now
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


def start() -> None:
    """Groom now and every hour, in a thread that ends with the process."""

    def run() -> None:
        while True:
            groom()
            time.sleep(INTERVAL_SECONDS)

    threading.Thread(target=run, name="sm2a-groomer", daemon=True).start()
