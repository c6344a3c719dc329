# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Chromium without a window, driven by Selenium.

Nobody tells it to ignore what is wrong with a certificate. On Linux it trusts the authorities of a database in the
user's home, besides those that it has itself, so each browser has a home of its own:
https://chromium.googlesource.com/chromium/src/+/main/docs/linux/cert_management.md
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.webdriver.chrome.service import Service

ARGUMENTS = (
    "--headless=new",
    # Chromium refuses to run as root with it.
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--window-size=1400,1000",
    # It calls nobody but the site, and not by a proxy of the network's.
    "--no-proxy-server",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@contextlib.contextmanager
def browser(authority: Path | None = None) -> Iterator[webdriver.Chrome]:
    """Run a browser that was never used, until the end of the block. It trusts ``authority`` besides the usual ones."""
    with tempfile.TemporaryDirectory(prefix="sm2a-browser-", ignore_cleanup_errors=True) as home:
        if authority:
            _trust(authority, Path(home, ".pki", "nssdb"))
        options = webdriver.ChromeOptions()
        options.binary_location = str(shutil.which("chromium"))
        for argument in (*ARGUMENTS, f"--user-data-dir={home}/profile"):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        driver = webdriver.Chrome(options, Service(shutil.which("chromedriver"), env={**os.environ, "HOME": home}))
        try:
            yield driver
        finally:
            driver.quit()


def _trust(authority: Path, database: Path) -> None:
    database.mkdir(parents=True)
    certutil = ["certutil", "-d", f"sql:{database}"]
    subprocess.run([*certutil, "-N", "--empty-password"], check=True)
    # C: it may vouch for servers.
    subprocess.run([*certutil, "-A", "-n", "SM2A local AWS", "-t", "C,,", "-i", str(authority)], check=True)


def complaints(driver: webdriver.Chrome) -> list[str]:
    """Return what the console has said since the last time of errors and of what is not secure."""
    entries: list[dict[str, Any]] = driver.get_log("browser")
    return [entry["message"] for entry in entries if entry["level"] == "SEVERE" or entry["source"] == "security"]


def answers(driver: webdriver.Chrome) -> list[dict[str, Any]]:
    """Return what servers have answered since the last time, as the DevTools protocol describes it.

    https://chromedevtools.github.io/devtools-protocol/tot/Network/#type-Response
    """
    events = [json.loads(entry["message"])["message"]["params"] for entry in driver.get_log("performance")]
    # A redirection stands in the request that follows it.
    found = [event.get("response") or event.get("redirectResponse") for event in events]
    return [one for one in found if one and one.get("url", "").startswith("http")]
