# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The image module with Docker itself."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from emulators import Account, Emulator
from platform_client import ENDPOINT
from playbook_runs import Platform


def test_docker_builds_once_and_removes_only_ours(platform: Platform, tmp_path: Path) -> None:
    account = Account(Emulator("ministack", ENDPOINT))
    source = tmp_path / "image"
    source.mkdir()
    (source / "Dockerfile").write_text("FROM scratch\nCOPY . /\n")
    name = f"probe-{os.getpid()}"
    foreign = f"sm2a-test/{name}:foreign"
    options = {"name": name, "push": False}
    subprocess.run(["docker", "build", "--tag", foreign, str(source)], check=True, capture_output=True)
    try:
        created = account.run("image", source=str(source), **options)
        again = account.run("image", source=str(source), **options)

        assert not created.get("failed"), created.get("msg")
        assert created["changed"] and not again["changed"]
        inspect = ["docker", "image", "inspect", created["image"]["uri"]]
        assert subprocess.run(inspect, capture_output=True, check=False).returncode == 0
        (source / "Dockerfile").write_text("FROM scratch\nCOPY nothing-of-this-name /\n")
        failed = account.run("image", source=str(source), **options)
        assert failed["failed"] and "nothing-of-this-name" in failed["msg"]
        account.run("image", state="absent", **options)
        assert subprocess.run(inspect, capture_output=True, check=False).returncode != 0
        inspect[-1] = foreign
        assert subprocess.run(inspect, capture_output=True, check=False).returncode == 0
    finally:
        subprocess.run(["docker", "image", "rm", "--force", foreign], check=False, capture_output=True)
