# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which options Airflow takes from a secret: those that it, or an installed provider, describes as sensitive.

Airflow itself could tell, but importing it reads the database's connection, which is what the guard is to do first. So
files are read and parsed here, and nothing is imported.
"""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

CORE = "config_templates/config.yml"


def sensitive_variables() -> set[str]:
    """Return the environment variables of the sensitive options, without the ending by which a secret is named."""
    return {
        f"AIRFLOW__{section}__{name}".upper().replace(".", "_").replace("-", "_")
        for sections in (*_of_airflow(), *_of_providers())
        for section, content in sections.items()
        for name, option in content.get("options", {}).items()
        if option.get("sensitive")
    }


def _of_airflow() -> Iterator[dict[str, Any]]:
    """Yield what Airflow says of its own sections."""
    import yaml

    spec = importlib.util.find_spec("airflow")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        if Path(folder, CORE).exists():
            yield yaml.safe_load(Path(folder, CORE).read_text())


def _of_providers() -> Iterator[dict[str, Any]]:
    """Yield what each provider says of its sections, if it says so without computing anything, as Apache's own do."""
    for point in entry_points(group="apache_airflow_provider"):
        path = Path(str(point.dist.locate_file(f"{point.module.replace('.', '/')}.py"))) if point.dist else None
        if path and path.exists():
            returned = [node.value for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Return)]
            try:
                yield ast.literal_eval(returned[0]).get("config", {}) if len(returned) == 1 and returned[0] else {}
            except ValueError:
                continue
