# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tasks that write files where tasks do, and where they must not."""

from __future__ import annotations

from pathlib import Path

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import dag, task

CLOSED = ("/", "/etc", "/opt", "/opt/sm2a", "/opt/venv", "/usr/local", "/var/lib", "/var/tmp")


@dag(schedule=None, catchup=False)
def sm2a_files() -> None:
    """One task that needs two folders, and one that tries the others."""
    BashOperator(
        task_id="folders",
        bash_command='for folder in /tmp "$HOME" "$AIRFLOW_HOME"; do echo words > "$folder/sm2a-file"; done; '
        'cat "$HOME/sm2a-file" /tmp/sm2a-file',
    )

    @task
    def closed() -> None:
        opened = []
        for folder in CLOSED:
            try:
                Path(folder, "sm2a-file").write_text("words")
            except OSError:
                continue
            opened.append(folder)
        print("can be written to:", opened)
        status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
        print("capabilities:", int(status["CapBnd"], 16))

    closed()


sm2a_files()
