# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Python packages that are added to those of an image: uv decides which versions, before anything is built."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from .._reconcile.errors import ReconcileError

# What the Python packages of an image are locked in, at the top of its build context.
LOCK = "requirements.txt"
# Of the Dockerfile's base image, Debian 13, as the lock of Airflow's image says too.
PYTHON_VERSION = "3.13"
C_LIBRARY = "manylinux_2_40"
ARCHITECTURES = {"linux/amd64": "x86_64", "linux/arm64": "aarch64"}
PINNED = re.compile(r"^[a-z0-9][a-z0-9._-]*==\S+", re.MULTILINE)
RESOLVE_SECONDS = 300
# Letters of uv's own words that are shown.
MOST_SAID = 1000


class PackagesError(ReconcileError):
    """uv is missing, or has found no versions that go together."""


def lock_beside(source: Path, wanted: Sequence[str], docker_platform: str | None) -> str:
    """Return what has to be installed for these requirements, with hashes, beside what the image of a folder has.

    Raises PackagesError, with the packages of both sides, where that is impossible.
    """
    architecture = ARCHITECTURES.get(docker_platform or "", platform.machine())
    target = ["--python-version", PYTHON_VERSION, "--python-platform", f"{architecture}-{C_LIBRARY}"]
    compiling = ["pip", "compile", "--quiet", "--no-header", *target, "-"]
    there = PINNED.findall((source / LOCK).read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory(prefix="sm2a-packages-") as folder:
        pins = Path(folder, "pins.txt")
        pins.write_text("\n".join(there), encoding="utf-8")
        ended = _uv(*compiling, "--generate-hashes", "--constraint", str(pins), stdin="\n".join(wanted))
        if not ended.returncode:
            return ended.stdout
        # uv's own words fill pages if there are many versions to choose from. Alone, they keep the image's versions as
        # far as they can.
        alone = _uv(*compiling, "--output-file", str(pins), stdin="\n".join(wanted))
        needed = [] if alone.returncode else _differences(there, PINNED.findall(pins.read_text(encoding="utf-8")))
        raise PackagesError(", ".join(needed) or _sentence(ended.stderr))


def _differences(there: Sequence[str], needed: Sequence[str]) -> list[str]:
    """Say of each package of which the image has another version than is needed what both are."""
    versions = dict(pin.split("==") for pin in there)
    pairs = [pin.split("==") for pin in needed]
    return [
        f"{name} would be {version}, and the image has {versions[name]}"
        for name, version in pairs
        if versions.get(name, version) != version
    ]


def _uv(*arguments: str, stdin: str) -> subprocess.CompletedProcess[str]:
    beside_python = os.path.dirname(sys.executable)
    executable = shutil.which("uv") or shutil.which("uv", path=beside_python)
    if not executable:
        raise PackagesError(
            "the command uv, which finds out whether packages go together, is not on the PATH of the machine that "
            "builds images; python3 -m pip install uv"
        )
    try:
        # AnsibleModule.run_command knows no time limit.
        return subprocess.run(  # pylint: disable=ansible-bad-function
            [executable, *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            env={**os.environ, "UV_PYTHON_DOWNLOADS": "never", "NO_COLOR": "1"},
            timeout=RESOLVE_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise PackagesError(f"uv did not end within {RESOLVE_SECONDS} seconds") from None


def _sentence(said: str) -> str:
    """Return the end of uv's message, which has the conclusion, as one line without what is drawn around it."""
    words = " ".join(re.sub(r"[^\x20-\x7e]", " ", said).split())
    return words if len(words) <= MOST_SAID else f"... {words[-MOST_SAID:]}"
