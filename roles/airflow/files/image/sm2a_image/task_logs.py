# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the API server reads the logs of tasks that have only just ended. ``[logging] logging_config_class`` names it.

A worker reports that a task has ended, or is deferred, and uploads the log afterwards, which takes up to some seconds.
Airflow then asks the worker only if S3 has nothing at all of a task that has ended.
"""

from __future__ import annotations

import copy
from datetime import UTC, datetime, timedelta
from typing import Any

import requests
from airflow.config_templates.airflow_local_settings import DEFAULT_LOGGING_CONFIG
from airflow.utils.log.file_task_handler import FileTaskHandler, LogType, _fetch_logs_from_service
from airflow.utils.state import TaskInstanceState

# An upload takes seconds; more than the longest that was seen (11 s), and less than a worker stays after its last task.
UPLOAD_TIME = timedelta(seconds=60)

LOGGING_CONFIG: dict[str, Any] = copy.deepcopy(DEFAULT_LOGGING_CONFIG)
LOGGING_CONFIG["handlers"]["task"]["class"] = "sm2a_image.task_logs.TaskLogHandler"


class TaskLogHandler(FileTaskHandler):
    """Airflow's handler, which also asks the worker as long as the upload to S3 may be under way."""

    def _read_remote_logs(self, ti: Any, try_number: int, metadata: Any = None) -> Any:
        """Return the sources, and the texts that S3 has and the one that only the worker has."""
        # The worker empties its file once S3 has it: asked the other way round, both could come back empty.
        served = self._served(ti, self._render_filename(ti, try_number)) if _just_ended(ti) else ""
        sources, logs = super()._read_remote_logs(ti, try_number, metadata)
        # An upload is appended to what was there, and may have ended in between.
        if served and not any(log.rstrip().endswith(served.rstrip()) for log in logs):
            sources = [*sources, f"the worker {ti.hostname}, whose upload has not ended"]
            logs = [*logs, served]
        return sources, logs

    def _served(self, ti: Any, path: str) -> str:
        """Return what the task's worker still has of its log."""
        url, relative_path = self._get_log_retrieval_url(ti, path, LogType.WORKER)
        if not url:
            return ""
        try:
            response = _fetch_logs_from_service(url, relative_path)
            return str(response.text) if response.ok else ""
        except requests.RequestException:
            # A worker that is gone has uploaded everything before.
            return ""


def _just_ended(ti: Any) -> bool:
    """Tell whether the worker may be uploading. While a task runs Airflow asks the worker anyway."""
    if ti.state == TaskInstanceState.RUNNING:
        return False
    at = ti.updated_at if ti.state == TaskInstanceState.DEFERRED else ti.end_date
    return bool(at and datetime.now(UTC) - at < UPLOAD_TIME)
