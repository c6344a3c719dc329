# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The file by which a container's health check sees that its job is at work."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from sm2a_image import heartbeat


@pytest.mark.parametrize(("table", "beats"), [("job", True), ("dag_run", False)])
def test_the_file_is_touched_when_the_job_is_written(
    stand_in: Callable[..., ModuleType], tmp_path: Path, table: str, beats: bool
) -> None:
    listeners: list[Any] = []
    stand_in("sqlalchemy.orm", Mapper="all mappers")
    stand_in("sqlalchemy", event=SimpleNamespace(listen=lambda *given: listeners.append(given)))
    file = tmp_path / "heartbeat"

    heartbeat.install(file)
    [(target, event, written)] = listeners
    assert (target, event) == ("all mappers", "after_update")
    assert not file.exists(), "a job that has not begun is not at work"
    written(SimpleNamespace(local_table=SimpleNamespace(name=table)), None, None)

    assert file.exists() is beats
