# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is made smaller in the image's packages, and what is not touched."""

from __future__ import annotations

import gzip
import subprocess
from pathlib import Path

import pytest
import shrink


def write(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def test_libraries_that_wheels_carry_are_no_extension_modules(tmp_path: Path) -> None:
    ours = [write(tmp_path / name, b"") for name in ("a.so", "package/b.cpython-313-x86_64-linux-gnu.so")]
    for name in ("psycopg.libs/libpq.so", "mysql/vendor/plugin/c.so", "package/d.so.3"):
        write(tmp_path / name, b"")

    assert list(shrink.extension_modules(tmp_path)) == ours


def test_an_extension_module_that_does_not_load_fails_the_build(tmp_path: Path) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        shrink.load([write(tmp_path / "broken.so", b"no library")])


def test_copies_in_one_folder_become_links(tmp_path: Path) -> None:
    large, small = b"x" * (shrink.LARGE + 1), b"x"
    names = ("a/libz.so.3", "a/libz.so.3.1", "b/libz.so.3")
    for name in names:
        write(tmp_path / name, large)
    write(tmp_path / "a/liby.so.1", small)
    write(tmp_path / "a/liby.so.1.2", small)

    shrink.link_copies(tmp_path)

    assert [path.name for path in sorted(tmp_path.rglob("*")) if path.is_symlink()] == ["libz.so.3.1"]
    assert {(tmp_path / name).read_bytes() for name in names} == {large}


def test_the_models_of_the_command_line_are_compressed(tmp_path: Path) -> None:
    model = write(tmp_path / "botocore/data/s3/2006-03-01/service-2.json", b'{"version": 2}')
    other = write(tmp_path / "data/cli.json", b"{}")
    write(tmp_path / "examples/s3/ls.rst", b"text")

    shrink.compress_models(tmp_path)

    assert gzip.decompress(model.with_suffix(".json.gz").read_bytes()) == b'{"version": 2}'
    assert not model.exists() and other.exists() and not (tmp_path / "examples").exists()
