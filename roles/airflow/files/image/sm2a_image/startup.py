# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs the startup script of a user's, before anything reads the configuration or a secret.

What the script exports is in the environment of the service, and is judged by the guard with all else.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

SCRIPT = Path("/opt/airflow/startup.sh")
# The shell's own, which say nothing to the service.
OF_THE_SHELL = {"_", "OLDPWD", "PWD", "SHLVL"}


class StartupError(Exception):
    """The startup script failed."""


def run(environment: Mapping[str, str], script: Path = SCRIPT) -> dict[str, str]:
    """Run the script, if there is one, and return the variables that it has exported. Raises StartupError."""
    if not script.is_file():
        return {}
    # A file, since a program that the script leaves running would keep a pipe open.
    with tempfile.NamedTemporaryFile() as exported:
        command = f"trap 'env --null > {exported.name}' EXIT; . \"$0\""
        shell = ["bash", "-e", "-c", command, str(script)]
        ended = subprocess.run(shell, stdin=subprocess.DEVNULL, env=dict(environment), check=False)
        if ended.returncode:
            raise StartupError(f"the startup script {script} ended with exit code {ended.returncode}")
        entries = os.fsdecode(exported.read()).split("\0")
    return {
        name: value
        for name, _equals, value in (entry.partition("=") for entry in entries if entry)
        if name not in OF_THE_SHELL and environment.get(name) != value
    }
