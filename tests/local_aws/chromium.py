# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Chromium on this machine, for tests that look at the web interface: installed where it may be."""

from __future__ import annotations

import contextlib
import os
import platform
import shutil

from docker_engine import SetupError, apt_install

PACKAGES = {"chromium": "chromium", "chromedriver": "chromium-driver", "certutil": "libnss3-tools"}
"""The programs, and the packages of Debian that have them."""


def ensure_browser() -> None:
    """Install the browser where it is missing. Raises SetupError that says what to do where that is not possible."""
    missing = {program: package for program, package in PACKAGES.items() if not shutil.which(program)}
    if not missing:
        return
    if os.geteuid() != 0 or not _is_debian():
        raise SetupError(
            "The end-to-end tests need Chromium, its driver and the tools of NSS, and these programs are missing: "
            f"{', '.join(missing)}. On Debian, root installs them by apt-get install {' '.join(missing.values())}."
        )
    print(f"installing {', '.join(missing.values())}", flush=True)
    apt_install(*missing.values())


def _is_debian() -> bool:
    """Tell whether this is Debian itself: Ubuntu has the browser as a snap only."""
    with contextlib.suppress(OSError):
        return platform.freedesktop_os_release()["ID"] == "debian"
    return False
