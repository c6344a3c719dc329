# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Begins a new component: see `make component`.

Usage: python tests/generate/scaffold.py NAME

It writes what a person writes of a component: its file, which makes one log group until it makes something else, its
tests, its role's README, and its place, the last, in the order of ``site``. `make generate` writes the rest.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from components import class_of
from documents import LICENCE

ROOT = Path(__file__).resolve().parents[2]
ORDER = "plugins/plugin_utils/_order.py"
STEPS = re.compile(r"(?s)(\nSTEPS = \(\n.*?)(\n\)\n)")

COMPONENT = '''\
{licence}
"""Say here what the component is for."""

from __future__ import annotations

from typing import Any

from .._reconcile.resource import Resource
from .._resources.logs import LogGroup
from ._base import Component
from ._option import Option, Return


class {class_name}(Component):
    """A log group named ``/sm2a/<environment>/{name}``."""

    NAME = "{name}"
    SUMMARY = "Log group of {words}"
    DESCRIPTION = ("Creates a log group.",)
    TASK = "Create {words}"
    WAITS = False
    OPTIONS = {{
        "log_retention_in_days": Option("int", "Days for which the log is kept.", default=30, least=1, most=3653),
    }}
    MAIN = ("log_retention_in_days",)
    RETURNS = {{"log_group": Return("str", "Name of the log group.", "/sm2a/dev/{name}")}}
    PLAN = ("AWS::Logs::LogGroup", "/sm2a/dev/{name}")
    EXAMPLES = """
- name: {title}
  sm2a.airflow.{name}:
    environment: dev
    region: eu-central-1
"""

    def resources(self) -> list[Resource]:
        days = self.options["log_retention_in_days"]
        self.log_group = LogGroup(self.aws, f"/sm2a/{{self.environment}}/{name}", self.tags, days, None)
        return [self.log_group]

    def facts(self) -> dict[str, Any]:
        return {{"log_group": self.log_group.name}}
'''
UNIT_TEST = '''\
{licence}
"""What the component {name} refuses."""

from __future__ import annotations

from module_runs import assert_refused


def test_days_out_of_range_are_refused() -> None:
    assert_refused("{name}", {{"log_retention_in_days": 0}}, "log_retention_in_days", "0", "from 1 to 3653")
'''
INTEGRATION_TEST = '''\
{licence}
"""The {name} module against both emulators."""

from __future__ import annotations

from emulators import Account


def test_lifecycle(account: Account) -> None:
    account.lifecycle("{name}", change={{"log_retention_in_days": 90}})
'''
README = """\
# sm2a.airflow.{name}

A log group, `/sm2a/<environment>/{name}`.

```yaml
- hosts: localhost
  gather_facts: false
  roles:
    - role: sm2a.airflow.{name}
      vars:
        {name}_environment: dev
```

All variables: `ansible-doc -t role sm2a.airflow.{name}`. Facts: `ansible_facts.sm2a_{name}`.
"""
FILES = {
    "plugins/module_utils/_components/{name}.py": COMPONENT,
    "tests/unit/components/test_{name}.py": UNIT_TEST,
    "tests/integration/test_{name}.py": INTEGRATION_TEST,
    "roles/{name}/README.md": README,
}


def files(name: str) -> dict[str, str]:
    """Return the text of each file of a new component, by its path below the root."""
    words = name.replace("_", " ")
    values = {
        "name": name,
        "class_name": class_of(name),
        "words": words,
        "title": words.capitalize(),
        "licence": LICENCE,
    }
    return {path.format(**values): text.format(**values) for path, text in FILES.items()}


def with_step(order: str, name: str) -> str:
    """Return the text of the file of the order with the component behind all others."""
    return STEPS.sub(rf'\1\n    Step("{name}", "{name.replace("_", " ").capitalize()}"),\2', order)


def main(arguments: list[str]) -> int:
    """Write the files, unless one of them is there. Returns the exit code."""
    name = arguments[0] if len(arguments) == 1 else ""
    if not re.fullmatch(r"[a-z]+(_[a-z]+)*", name):
        print("Name the component in lower-case words: make component NAME=alarms")
        return 2
    texts = files(name)
    there = [path for path in texts if (ROOT / path).exists()]
    if there:
        print(f"There is a component of this name: {', '.join(there)}")
        return 1
    texts[ORDER] = with_step((ROOT / ORDER).read_text(), name)
    for path, text in texts.items():
        (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / path).write_text(text)
        print(f"wrote {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
