# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How uv is asked for what goes with an image's packages. An index is a folder here, so that nothing is fetched."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from ansible_collections.sm2a.airflow.plugins.module_utils._resources.python_packages import (
    C_LIBRARY,
    PYTHON_VERSION,
    PackagesError,
    lock_beside,
)

IMAGE = Path(__file__).parents[3] / "roles/airflow/files/image"


def wheel(folder: Path, name: str, version: str, needs: Sequence[str] = ()) -> None:
    """Put an empty package into a folder."""
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    metadata += "".join(f"Requires-Dist: {need}\n" for need in needs)
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as archive:
        archive.writestr(f"{name}-{version}.dist-info/METADATA", metadata)
        archive.writestr(f"{name}-{version}.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr(f"{name}-{version}.dist-info/RECORD", "")


@pytest.fixture
def image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An image that has one package, and an index with some more."""
    index, folder = tmp_path / "index", tmp_path / "image"
    index.mkdir()
    folder.mkdir()
    for version in ("1.0", "2.0", "3.0"):
        wheel(index, "engine", version)
    wheel(index, "driver", "5.0", ["engine>=1"])
    wheel(index, "newcomer", "7.0", ["engine==2.0"])
    (folder / "requirements.txt").write_text("engine==1.0 \\\n    --hash=sha256:00\n    # via airflow\n")
    monkeypatch.setenv("UV_FIND_LINKS", str(index))
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    return folder


def test_what_the_image_has_keeps_its_version(image: Path) -> None:
    locked = lock_beside(image, ["driver"], "linux/arm64")

    assert [line.split()[0] for line in locked.splitlines() if "==" in line] == ["driver==5.0", "engine==1.0"]
    assert locked.count("--hash=sha256:") == 2


def test_both_sides_of_a_conflict_are_named(image: Path) -> None:
    with pytest.raises(PackagesError) as caught:
        lock_beside(image, ["newcomer"], "linux/amd64")

    said = str(caught.value)
    assert said == "engine would be 2.0, and the image has 1.0"


def test_packages_that_are_nowhere_are_told_by_uv_in_one_line(image: Path) -> None:
    with pytest.raises(PackagesError) as caught:
        lock_beside(image, ["driver>5", "no-such-package"], "linux/amd64")

    said = str(caught.value)
    assert "driver" in said and "\n" not in said


def test_a_machine_without_uv_says_what_is_missing(image: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setattr("sys.executable", "/nonexistent/python")

    with pytest.raises(PackagesError, match="pip install uv"):
        lock_beside(image, ["driver"], None)


def test_the_image_of_airflow_is_locked_for_the_same_python() -> None:
    said = (IMAGE / "requirements.in").read_text()

    assert f"--python-version {PYTHON_VERSION}" in said and f"x86_64-{C_LIBRARY}" in said
