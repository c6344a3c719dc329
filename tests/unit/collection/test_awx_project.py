# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What AWX and ansible-builder read of a clone of this repository."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[3]


def load(path: str) -> Any:
    """Return the content of one of the repository's YAML files."""
    return yaml.safe_load((ROOT / path).read_text())


def ansible_builder(*arguments: str | Path) -> str:
    """Run ansible-builder and return what it printed."""
    command = [sys.executable, "-m", "ansible_builder", *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_ansible_builder_accepts_the_execution_environment(tmp_path: Path) -> None:
    ansible_builder("create", "-f", "execution-environment.yml", "-c", tmp_path / "context")

    packages = (tmp_path / "context/_build/requirements.txt").read_text()
    assert "boto3>=" in packages and "botocore>=" in packages
    [collection] = yaml.safe_load((tmp_path / "context/_build/requirements.yml").read_text())["collections"]
    assert collection["name"] in load("galaxy.yml")["dependencies"]


def test_ansible_builder_finds_what_the_collection_needs(tmp_path: Path) -> None:
    (tmp_path / "ansible_collections/sm2a").mkdir(parents=True)
    (tmp_path / "ansible_collections/sm2a/airflow").symlink_to(ROOT)

    found = yaml.safe_load(ansible_builder("introspect", tmp_path))

    assert [line.partition(">=")[0] for line in found["python"]] == ["boto3", "botocore"]
    assert all(line.endswith("from collection sm2a.airflow") for line in found["python"])


def test_awx_installs_the_project_itself_as_a_collection() -> None:
    assert load("collections/requirements.yml") == {"collections": [{"source": ".", "type": "dir"}]}


def test_git_keeps_what_awx_reads() -> None:
    for path in ("collections/requirements.yml", "execution-environment.yml"):
        done = subprocess.run(["git", "check-ignore", "--quiet", "--no-index", path], cwd=ROOT, check=False)
        assert done.returncode == 1, f"git ignores {path}"
