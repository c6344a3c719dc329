# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The oldest supported versions: modules refuse older ones, every document names these, and tests run on them."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from module_runs import run

from ansible_collections.sm2a.airflow.plugins.module_utils._components import _versions
from ansible_collections.sm2a.airflow.plugins.module_utils._components._versions import OLDEST

ROOT = Path(__file__).parents[3]
PYTHON, ANSIBLE_CORE, AMAZON_AWS, BOTO3, BOTOCORE = OLDEST.values()
PYTHON_RANGE = f">={PYTHON},<"


def text(path: str) -> str:
    return (ROOT / path).read_text()


def load(path: str) -> Any:
    return yaml.safe_load(text(path))


@pytest.mark.parametrize("module", ["queue", "environment_info"])
@pytest.mark.parametrize("name", list(OLDEST))
def test_a_module_refuses_what_is_older(monkeypatch: pytest.MonkeyPatch, module: str, name: str) -> None:
    monkeypatch.setitem(OLDEST, name, "99.1")

    ran = run(module)

    assert ran.calls == []
    assert ran.result["failed"] and re.search(rf"{name} \d+\.\d+\S* is older than 99\.1", ran.result["msg"])
    assert [other for other in OLDEST if f"{other} " in ran.result["msg"]] == [name]


def test_a_module_takes_what_is_newer(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in OLDEST:
        monkeypatch.setitem(OLDEST, name, "1.9.99")
    monkeypatch.setattr(_versions, "ansible_core_version", "2.22.0.dev0")
    monkeypatch.setattr(_versions, "AMAZON_AWS_COLLECTION_VERSION", "1.10.0-dev0")

    assert "is older than" not in run("queue").result["msg"]


def test_the_collection_asks_for_them() -> None:
    assert load("meta/runtime.yml")["requires_ansible"] == f">={ANSIBLE_CORE}"
    assert load("galaxy.yml")["dependencies"] == {"amazon.aws": f">={AMAZON_AWS}"}
    lines = [line for line in text("meta/ee-requirements.txt").splitlines() if not line.startswith("#")]
    assert lines == [f"boto3>={BOTO3}", f"botocore>={BOTOCORE}"]
    release = ANSIBLE_CORE.rpartition(".")[0]
    assert load(".ansible-lint")["supported_ansible_also"] == [f"{release}."]
    for path in (ROOT / "roles").glob("*/meta/main.yml"):
        assert yaml.safe_load(path.read_text())["galaxy_info"]["min_ansible_version"] == release, path


def test_collections_that_a_project_installs_are_new_enough() -> None:
    for path in [*(ROOT / "collections").glob("requirements.yml"), *ROOT.glob("requirements.yml")]:
        for entry in yaml.safe_load(path.read_text())["collections"]:
            if isinstance(entry, dict) and entry.get("name") == "amazon.aws":
                assert entry["version"] == f">={AMAZON_AWS}", path


def test_execution_environments_have_them() -> None:
    definitions = [*ROOT.glob("execution-environment*.yml"), *(ROOT / "meta").glob("execution-environment*.yml")]
    for path in definitions:
        content = path.read_text()
        for package, version in re.findall(r"(ansible-core|boto3|botocore|amazon\.aws)\W*[=>]=\W*([\d.]+)", content):
            assert version == OLDEST[package], path
    assert definitions


def test_documentation_of_modules_names_them() -> None:
    requirements = {f"python >= {PYTHON}", f"boto3 >= {BOTO3}", f"botocore >= {BOTOCORE}"}
    for path in (ROOT / "plugins").rglob("*.py"):
        named = set(
            re.findall(r"^  - ((?:python|boto3|botocore|ansible-core|amazon\.aws) .*)$", path.read_text(), re.M)
        )
        assert named in (set(), requirements), path
    fragment = text("plugins/doc_fragments/_attributes.py")
    assert all(f"  - {requirement}\n" in fragment for requirement in requirements)


@pytest.mark.parametrize(("name", "version"), list(OLDEST.items()))
def test_the_readme_names_them(name: str, version: str) -> None:
    words = " ".join(text("README.md").split())

    [sentence] = re.findall(r"Requires (Python .+? or newer): ", words)
    named = dict(re.findall(r"`?([\w.-]+)`? (?:and [\w.-]+ )?(\d[\d.]*)", sentence))
    named["botocore"] = named.get("botocore") or named["boto3"] if "boto3 and botocore" in sentence else ""
    assert named[name] == version


def test_no_document_names_another_version() -> None:
    pattern = re.compile(r"(Python|ansible-core|`?amazon\.aws`?|boto3|botocore) (\d+(?:\.\d+)+)(?=[^.\d]|\.\s)")
    for path in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "roles").glob("*/README.md")]:
        for name, version in pattern.findall(path.read_text()):
            assert version in (OLDEST[name.strip("`")], *NEWEST_PYTHONS), f"{path}: {name} {version}"


# What README may say besides the oldest: the Pythons that `make setup` looks for.
NEWEST_PYTHONS = ("3.13", "3.14")


def test_tools_read_the_code_as_the_oldest_python_does() -> None:
    assert tomllib.loads(text("pyproject.toml"))["tool"]["ruff"]["target-version"] == f"py{PYTHON.replace('.', '')}"
    scaler = tomllib.loads(text("roles/scaler/files/image/pyproject.toml"))
    assert scaler["project"]["requires-python"] == f">={PYTHON}"
    assert f"'{PYTHON_RANGE}" in text("tests/local_aws/set_up.sh")
    assert f"--python-version {PYTHON} " in text("Makefile")


def test_the_oldest_set_is_locked() -> None:
    locked = dict(re.findall(r"^([\w.-]+)==([\w.]+) ", text("requirements/oldest.txt"), re.M))

    assert {name: locked[name] for name in ("ansible-core", "boto3", "botocore")} == {
        "ansible-core": ANSIBLE_CORE,
        "boto3": BOTO3,
        "botocore": BOTOCORE,
    }
    assert f"readonly PYTHON={PYTHON}\n" in text("tests/python312.sh")
