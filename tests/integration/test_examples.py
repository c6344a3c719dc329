# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every example of the documentation runs as it stands: in check mode, in an account that has a domain, without Docker.

All examples of one kind are one run of ansible-playbook. No fact of one example is there for the next.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.parsing.plugin_docs import read_docstring
from emulators import CREDENTIALS, Account

pytestmark = pytest.mark.parametrize("emulator", ["moto"], indirect=True)

ROOT = Path(__file__).parents[2]
MODULES = sorted((ROOT / "plugins/modules").glob("[a-z]*.py"))
READMES = sorted((ROOT / "roles").glob("*/README.md"))
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FORGET = {
    "hosts": "localhost",
    "gather_facts": False,
    "tasks": [{"name": "Forget", "ansible.builtin.meta": "clear_facts"}],
}


def plays_of(document: Path) -> list[dict[str, Any]]:
    """Return the plays that a document shows."""
    blocks = re.findall(r"^```yaml\n(.*?)^```", document.read_text(), re.MULTILINE | re.DOTALL)
    shown = [yaml.safe_load(block) for block in blocks]
    return [play for block in shown if isinstance(block, list) for play in block if "hosts" in play]


def planned(account: Account, folder: Path, plays: list[dict[str, Any]]) -> list[str]:
    """Run plays in check mode, one by one, and return the names of the roles and modules of ours that planned."""
    account.emulator.hosted_zone()
    shown = [each for play in plays for each in ({**play, "ignore_errors": True}, FORGET)]
    (folder / "examples.yml").write_text(yaml.safe_dump(shown))
    environment = {
        # A profile of whoever runs the tests would go before the emulator's credentials.
        **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
        "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json",
        "ANSIBLE_LOCALHOST_WARNING": "False",
        "AWS_ACCESS_KEY_ID": CREDENTIALS["access_key"],
        "AWS_SECRET_ACCESS_KEY": CREDENTIALS["secret_key"],
        "AWS_ENDPOINT_URL": account.emulator.url,
        "AWS_REGION": "eu-central-1",
    }
    command = ["ansible-playbook", "examples.yml", "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd=folder)
    assert "{" in done.stdout, done.stderr
    tasks = [task for play in json.loads(done.stdout[done.stdout.index("{") :])["plays"] for task in play["tasks"]]
    failed = [
        (task["task"]["name"], answer.get("msg"))
        for task in tasks
        for answer in task["hosts"].values()
        # The account has none of the subnets and policies that examples name, which a plan finds out.
        if answer.get("failed") and "is refused: there is no such" not in answer.get("msg", "")
    ]
    assert failed == []
    assert done.returncode == 0, done.stdout[-2000:]
    actions = [(str(answer.get("action", "")), answer) for task in tasks for answer in task["hosts"].values()]
    return [action.removeprefix("sm2a.airflow.") for action, _answer in actions if action.startswith("sm2a.airflow.")]


def test_examples_of_modules(account: Account, tmp_path: Path) -> None:
    plays = [
        {
            "hosts": "localhost",
            "gather_facts": False,
            "tasks": yaml.safe_load(read_docstring(str(path))["plainexamples"]),
        }
        for path in MODULES
    ]

    assert set(planned(account, tmp_path, plays)) == {path.stem for path in MODULES}


def test_plays_of_roles_and_documents(account: Account, tmp_path: Path) -> None:
    shown = {path: plays_of(path) for path in [*READMES, *DOCUMENTS]}
    assert [path for path in READMES if not shown[path]] == []
    # The role airflow refuses to start what would find no secrets.
    assert not account.run("secrets", environment="dev").get("failed")

    ran = planned(account, tmp_path, [play for plays in shown.values() for play in plays])

    assert set(ran) == {path.parent.name for path in READMES} | {"read_facts"}
