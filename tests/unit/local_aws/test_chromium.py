# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The browser of the end-to-end tests: installed where it is missing and may be, asked for elsewhere."""

from __future__ import annotations

import os
import platform
import shutil

import chromium
import pytest
from docker_engine import SetupError


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The packages that are installed from now on, on a Debian whose only browser's program is certutil."""
    packages: list[str] = []
    monkeypatch.setattr(chromium, "apt_install", lambda *names: packages.extend(names))
    monkeypatch.setattr(shutil, "which", lambda program: "/usr/bin/certutil" if program == "certutil" else None)
    monkeypatch.setattr(platform, "freedesktop_os_release", lambda: {"ID": "debian"})
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return packages


def test_root_on_debian_gets_what_is_missing(installed: list[str]) -> None:
    chromium.ensure_browser()

    assert installed == ["chromium", "chromium-driver"]


def test_nothing_is_done_where_all_of_it_is_there(installed: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda program: f"/usr/bin/{program}")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    chromium.ensure_browser()

    assert installed == []


@pytest.mark.parametrize(("user", "system"), [(1000, "debian"), (0, "ubuntu")])
def test_others_are_told_what_is_missing(
    user: int, system: str, installed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: user)
    monkeypatch.setattr(platform, "freedesktop_os_release", lambda: {"ID": system})

    with pytest.raises(SetupError, match=r"chromium, chromedriver\. On Debian.*install chromium chromium-driver\."):
        chromium.ensure_browser()
    assert installed == []
