# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the API server reads the logs of tasks that have only just ended. ``[logging] logging_config_class`` names it.

A worker reports a task's state first and uploads the log afterwards, which takes up to some seconds. Airflow then asks
the worker only if S3 has nothing at all, and S3 has something for every task that was deferred before.
"""

from __future__ import annotations

import copy
from datetime import datetime, timedelta, timezone
from typing import Any

from airflow.config_templates.airflow_local_settings import DEFAULT_LOGGING_CONFIG
from airflow.utils.log.file_task_handler import FileTaskHandler
from airflow.utils.state import TaskInstanceState

# An upload takes seconds; more than the longest that was seen (11 s), and less than a worker stays after its last task.
UPLOAD_TIME = timedelta(seconds=60)

LOGGING_CONFIG: dict[str, Any] = copy.deepcopy(DEFAULT_LOGGING_CONFIG)
LOGGING_CONFIG["handlers"]["task"]["class"] = "sm2a_image.task_logs.TaskLogHandler"


class TaskLogHandler(FileTaskHandler):
    """Airflow's handler, which also asks the worker as long as the upload to S3 may be under way."""

    def _read_remote_logs(self, ti: Any, try_number: int, metadata: Any = None) -> Any:
        """Return the sources, and streams of the lines that S3 has and of those that only the worker has."""
        served: list[str] = []
        if _just_ended(ti):
            # The worker empties its file once S3 has it: asked the other way round, both could come back empty.
            _sources, streams = self._read_from_logs_server(ti, self._render_filename(ti, try_number))
            served = ["\n".join(stream) for stream in streams]
        sources, logs = super()._read_remote_logs(ti, try_number, metadata)
        texts = [log for log in logs if isinstance(log, str)]
        # An upload is appended to what was there, so it may have ended in between.
        missing = [text for text in served if text and not any(log.rstrip().endswith(text.rstrip()) for log in texts)]
        if missing:
            sources = [*sources, f"the worker {ti.hostname}, whose upload has not ended"]
        return sources, [*logs, *missing]


def _just_ended(ti: Any) -> bool:
    if ti.state in (TaskInstanceState.RUNNING, TaskInstanceState.DEFERRED) or not ti.end_date:
        return False
    return bool(datetime.now(timezone.utc) - ti.end_date < UPLOAD_TIME)
