# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An engine that was killed leaves files behind that would keep the next one from starting."""

from __future__ import annotations

import os
from pathlib import Path

import docker_engine
import pytest


class NeverStarted(Exception):
    """No test starts Docker."""


@pytest.mark.parametrize("number", ["4194304000", str(os.getpid())], ids=["nobody's", "another program's"])
def test_what_a_killed_engine_left_is_deleted_before_the_next_starts(
    number: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = tmp_path / "docker.pid"
    left.write_text(f"{number}\n")
    _pretend(monkeypatch, {"dockerd": left})

    with pytest.raises(NeverStarted):
        docker_engine.ensure_engine(tmp_path / "state", tmp_path / "log")

    assert not left.exists()


def test_what_an_engine_has_written_that_runs_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = Path(f"/proc/{os.getpid()}/comm").read_text().strip()
    written = tmp_path / "docker.pid"
    written.write_text(str(os.getpid()))
    _pretend(monkeypatch, {ours: written})

    with pytest.raises(NeverStarted):
        docker_engine.ensure_engine(tmp_path / "state", tmp_path / "log")

    assert written.exists()


def _pretend(monkeypatch: pytest.MonkeyPatch, files: dict[str, Path]) -> None:
    """Be root on a machine where Docker is installed and does not answer."""

    def start(*_arguments: object, **_options: object) -> None:
        raise NeverStarted

    monkeypatch.setattr(docker_engine, "PID_FILES", files)
    monkeypatch.setattr(docker_engine, "answers", lambda: False)
    monkeypatch.setattr(docker_engine.shutil, "which", lambda program: f"/usr/bin/{program}")
    monkeypatch.setattr(docker_engine.os, "geteuid", lambda: 0)
    monkeypatch.setattr(docker_engine.subprocess, "Popen", start)
