# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keeps the byte code of DAGs and of what they import where no refresh of their bundle deletes it.

Python writes it beside the source. A refresh deletes what is not in the bucket, so that every process would compile all
of it again, and one that is just writing would fail. ``PYTHONPYCACHEPREFIX`` would move everybody's byte code, that of
Airflow too, which the image has.
"""

from __future__ import annotations

import importlib._bootstrap_external as loader  # type: ignore[import-not-found]
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

STORAGE = "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_STORAGE_PATH"
FOLDER = Path(tempfile.gettempdir(), "sm2a-bytecode")


def bundles(environment: Mapping[str, str]) -> Path:
    """Return the folder below which Airflow has its bundles."""
    return Path(environment.get(STORAGE) or Path(tempfile.gettempdir(), "airflow/dag_bundles")).absolute()


def install(source: Path | None = None, folder: Path = FOLDER) -> None:
    """Let this process, and those that it forks, keep the byte code of what is below ``source`` in ``folder``."""
    start = f"{source or bundles(os.environ)}/"
    beside_the_source = loader.cache_from_source

    def cache_from_source(path: Any, *rest: Any, **options: Any) -> str:
        full = os.path.abspath(path)
        return str(beside_the_source(f"{folder}{full}" if full.startswith(start) else path, *rest, **options))

    loader.cache_from_source = cache_from_source
