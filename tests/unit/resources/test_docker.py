# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What decides an image's tag, what a build sees, and how images go, without Docker."""

from __future__ import annotations

import tarfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.errors import CheckModeError
from ansible_collections.sm2a.airflow.plugins.module_utils._resources.docker import (
    BuildContext,
    Docker,
    DockerError,
    IgnoreRules,
    LocalImage,
)

AWS: Any = SimpleNamespace(region="eu-central-1", account_id="123456789012", partition="aws", check_mode=True)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A build context."""
    folder = tmp_path / "image"
    (folder / "src" / "__pycache__").mkdir(parents=True)
    (folder / "Dockerfile").write_text("FROM scratch\n")
    (folder / "src" / "main.py").write_text("print('hello')\n")
    (folder / "src" / "__pycache__" / "main.cpython-313.pyc").write_bytes(b"compiled")
    (folder / "run").write_text("#!/bin/sh\n")
    (folder / "run").chmod(0o755)
    return folder


def test_the_tag_is_of_the_content(source: Path, tmp_path: Path) -> None:
    def tag(arguments: dict[str, str] | None = None, **more: Any) -> str:
        return BuildContext(source, arguments or {}, **more).tag()

    first = tag()
    bundle = tmp_path / "authorities"
    bundle.write_text("certificates")
    assert len(first) == 16
    assert tag(ca_bundle=bundle) == tag({"https_proxy": "http://proxy"}) == first
    (source / "src" / "__pycache__" / "main.cpython-313.pyc").write_bytes(b"compiled again")
    (source / "src" / "main.py").chmod(0o600)
    (source / "ca-bundle.crt").write_text("left here by hand")
    assert tag() == first

    tags = [first, tag({"A": "1"}), tag({"A": "2"}), tag(platform="linux/arm64")]
    tags += [tag(refresh="2026-11"), tag(refresh="2026-12")]
    # These authorities stay in the image.
    tags.append(tag(database_ca_bundle=bundle))
    bundle.write_text("other certificates")
    tags.append(tag(database_ca_bundle=bundle))
    (source / "run").chmod(0o644)
    tags.append(tag())
    (source / "src" / "main.py").write_text("print('goodbye')\n")
    tags.append(tag())
    (source / "src" / "main.py").rename(source / "src" / "other.py")
    tags.append(tag())
    assert len(set(tags)) == len(tags)


def test_the_copy_has_what_docker_needs(source: Path, tmp_path: Path) -> None:
    (source / ".dockerignore").write_text("*\n!src\n")
    (source / "link").symlink_to("src/main.py")
    bundle = tmp_path / "authorities"
    bundle.write_text("certificates")
    copy = tmp_path / "copy"
    copy.mkdir()

    BuildContext(source, {}, ca_bundle=bundle, database_ca_bundle=bundle).copy_to(copy)

    files = sorted(str(path.relative_to(copy)) for path in copy.rglob("*") if path.is_file())
    assert files == ["Dockerfile", "ca-bundle.crt", "database-ca.crt", "src/main.py"]


def test_what_a_user_adds_is_part_of_the_tag(source: Path, tmp_path: Path) -> None:
    plugins = tmp_path / "plugins"
    plugins.mkdir()
    (plugins / "mine.py").write_text("MINE = 1\n")

    def tag(*requirements: str, **files: Path) -> str:
        added = {f"/opt/airflow/{name}": path for name, path in files.items()}
        return BuildContext(source, {}, own_requirements=requirements, own_files=added).tag()

    tags = [tag(), tag("slack"), tag("slack>=9"), tag("slack", "ssh"), tag(plugins=plugins), tag(other=plugins)]
    (plugins / "mine.py").write_text("MINE = 2\n")
    tags.append(tag(plugins=plugins))
    (plugins / "mine.py").chmod(0o755)
    tags.append(tag(plugins=plugins))
    assert len(set(tags)) == len(tags)

    # Which versions fit is found anew for every build, and is no change of what was asked for.
    (plugins / "__pycache__").mkdir()
    (plugins / "__pycache__" / "mine.cpython-313.pyc").write_bytes(b"compiled")
    later = BuildContext(source, {}, own_requirements=["slack"], locked_requirements="slack==9.1")
    assert later.tag() == tag("slack") and tag(plugins=plugins) == tags[-1]


def test_the_copy_has_what_a_user_adds(source: Path, tmp_path: Path) -> None:
    plugins = tmp_path / "plugins"
    (plugins / "below").mkdir(parents=True)
    (plugins / "below" / "mine.py").write_text("MINE = 1\n")
    (plugins / "below" / "mine.py").chmod(0o600)
    (plugins / "link.py").symlink_to("below/mine.py")
    script = tmp_path / "anything"
    script.write_text("true\n")
    script.chmod(0o700)
    copy = tmp_path / "copy"
    copy.mkdir()
    files = {"/opt/airflow/plugins": plugins, "/opt/airflow/startup.sh": script}

    BuildContext(source, {}, own_files=files, own_requirements=["x"], locked_requirements="x==1").copy_to(copy)

    assert (copy / "own-requirements.txt").read_text() == "x==1"
    with tarfile.open(copy / "own-files.tar") as archive:
        members = {member.name: (member.mode, member.uid, member.mtime) for member in archive}
        content = archive.extractfile("opt/airflow/plugins/link.py")
        assert content and content.read() == b"MINE = 1\n"
    assert members == {
        "opt/airflow/plugins/below/mine.py": (0o644, 0, 0),
        "opt/airflow/plugins/link.py": (0o644, 0, 0),
        "opt/airflow/startup.sh": (0o755, 0, 0),
    }


@pytest.mark.parametrize(
    ("rules", "ignored", "kept"),
    [
        (["README.md"], ["README.md"], ["docs/README.md"]),
        (["**/README.md"], ["README.md", "docs/a/README.md"], ["README.md.txt"]),
        (["/docs/"], ["docs/a", "docs/b/c"], ["mydocs/a"]),
        (["./docs"], ["docs/a"], ["docs.txt"]),
        (["*.txt", "!keep.txt"], ["a.txt"], ["keep.txt", "a/b.txt"]),
        (["a/**/z"], ["a/z", "a/b/c/z"], ["z"]),
        (["?[ab]"], ["xa", "xb"], ["xc", "xxa"]),
        (["# comment", "", "a+b"], ["a+b"], ["aab", "# comment"]),
    ],
)
def test_dockerignore(rules: list[str], ignored: list[str], kept: list[str]) -> None:
    matcher = IgnoreRules(rules)

    assert [path for path in (*ignored, *kept) if matcher.match(path)] == ignored


def test_docker_does_not_write_in_check_mode() -> None:
    with pytest.raises(CheckModeError):
        Docker(check_mode=True).write("build", ".")


class Remover:
    """Stands in for Docker: removing two images at once fails, as it does for those that share a parent."""

    def __init__(self, stays: bool = False) -> None:
        self.removing = 0
        self.removed: list[str] = []
        self.stays = stays

    def write(self, *arguments: str) -> None:
        self.removing += 1
        time.sleep(0.02)
        alone = self.removing == 1
        self.removing -= 1
        if not alone or self.stays:
            raise DockerError("unrecognized image ID sha256:954f")
        self.removed.append(arguments[-1])

    def has_image(self, reference: str) -> bool:
        return reference not in self.removed


def local_image(docker: Remover, name: str) -> LocalImage:
    return LocalImage(None, docker, name)  # type: ignore[arg-type]


def test_images_are_removed_one_after_the_other() -> None:
    docker = Remover()
    images = [local_image(docker, f"airflow:{number}") for number in range(4)]

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda image: image.delete({}), images))

    assert sorted(docker.removed) == [image.name for image in images]


def test_an_image_that_somebody_else_removed_is_gone() -> None:
    docker = Remover(stays=True)
    docker.removed = ["airflow:1"]

    local_image(docker, "airflow:1").delete({})
    with pytest.raises(DockerError):
        local_image(docker, "airflow:2").delete({})
