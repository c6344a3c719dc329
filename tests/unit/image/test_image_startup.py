# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A user's startup script: what the service sees of it, and what becomes of one that fails."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from sm2a_image import __main__ as entry
from sm2a_image import startup

POSTGRESQL = "postgresql://u:p@h/airflow"


def script(folder: Path, text: str) -> Path:
    path = folder / "startup.sh"
    path.write_text(text)
    return path


def test_without_a_script_nothing_changes(tmp_path: Path) -> None:
    assert startup.run(os.environ, tmp_path / "startup.sh") == {}


def test_the_service_sees_what_the_script_exports(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    text = "echo hello\nexport REGION=eu TEXT='a=b\nc'\nHERE=only\nexport KEPT\ncd /\nexit 0\n"
    environment = {"PATH": os.environ["PATH"], "KEPT": "as it was"}

    assert startup.run(environment, script(tmp_path, text)) == {"REGION": "eu", "TEXT": "a=b\nc"}
    assert capfd.readouterr().out == "hello\n"


@pytest.mark.parametrize(("text", "code"), [("exit 3", 3), ("false\ntrue", 1), ("no-such-command-of-sm2a", 127)])
def test_a_script_that_fails_stops_the_container_with_its_name(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    text: str,
    code: int,
) -> None:
    path = script(tmp_path, text)
    monkeypatch.setattr(startup.run, "__defaults__", (path,))
    monkeypatch.setenv("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", POSTGRESQL)

    assert entry.main(["true"]) == 78
    assert f"{path} ended with exit code {code}" in capfd.readouterr().err


def test_the_guard_judges_what_the_script_exports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    path = script(tmp_path, "export AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=sqlite:////tmp/airflow.db")
    monkeypatch.setattr(startup.run, "__defaults__", (path,))
    monkeypatch.setenv("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", POSTGRESQL)

    assert entry.main(["true"]) == 78
    assert "SQLite" in capfd.readouterr().err


@pytest.mark.parametrize(("given", "left"), [("/opt/sm2a/constraints.txt", None), ("/mine.txt", "/mine.txt")])
def test_virtual_environments_of_tasks_are_not_bound_to_the_versions_of_the_image(
    monkeypatch: pytest.MonkeyPatch, given: str, left: str | None
) -> None:
    ran: list[Any] = []
    monkeypatch.setenv("PIP_CONSTRAINT", given)
    monkeypatch.setenv("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", POSTGRESQL)
    monkeypatch.setattr(os, "execvp", lambda *arguments: ran.append(os.environ.get("PIP_CONSTRAINT")))

    entry.main([sys.executable])

    assert ran == [left]
