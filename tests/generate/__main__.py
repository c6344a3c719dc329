# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes what is generated from the declarations of the collection: see `make generate`.

Usage: python tests/generate [--check]

With --check it writes nothing, names what is stale and fails if anything is.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import actions
import airflow_configuration
import call_states
import components
import constants
import iam_policies
import schema
import tables
from regions import with_regions

import playbooks

ROOT = Path(__file__).resolve().parents[2]
# Files that people write, and what is generated into each.
PARTS: dict[str, dict[str, Callable[[], Iterable[str]]]] = {
    "README.md": {"roles": tables.roles},
    "docs/architecture.md": {"order": tables.order},
    "docs/configuration.md": {"pools": tables.pools, "site": tables.site},
    "docs/scaling.md": {"constants": constants.policy},
    "meta/runtime.yml": {"action_group": components.action_group},
    "playbooks/site.yml": {"connection": playbooks.connection},
    "plugins/plugin_utils/_facts.py": {"facts": components.facts},
    "playbooks/status.yml": {"connection": playbooks.connection},
    "playbooks/tasks/roles.yml": {"site": playbooks.site},
    "playbooks/teardown.yml": {"connection": playbooks.connection, "teardown": playbooks.teardown},
}


def generated() -> dict[str, str]:
    """Return the whole text that each file should have, by its path below the root."""
    parts = {
        name: with_regions(Path(name), (ROOT / name).read_text(), {part: lines() for part, lines in regions.items()})
        for name, regions in PARTS.items()
    }
    single = {
        schema.FILE: schema.scaled_pool(),
        "docs/airflow-configuration.md": airflow_configuration.page(),
        call_states.FILE: call_states.text(),
        "docs/variables.md": tables.variables(),
    }
    return {**components.files(), **actions.files(), **iam_policies.texts(), **single, **parts}


def main(arguments: list[str]) -> int:
    """Write what is stale, or with ``--check`` say what is. Returns the exit code."""
    texts = generated()
    stale = {name: text for name, text in texts.items() if not _is(ROOT / name, text)}
    if "--check" in arguments:
        for name in stale:
            print(f"{name} is stale: run `make generate`")
        return 1 if stale else 0
    for name, text in stale.items():
        (ROOT / name).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / name).write_text(text)
        print(f"wrote {name}")
    return 0


def _is(path: Path, text: str) -> bool:
    return path.exists() and path.read_text() == text


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
