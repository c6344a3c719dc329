# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The runbooks: each is made alike, is found from the guide, and quotes what the programs really say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
RUNBOOKS = sorted((ROOT / "docs/runbooks").glob("*.md"))
SCALER = "roles/scaler/files/image/src/sm2a_scaler"
AIRFLOW = "roles/airflow/files/image/sm2a_image"
RESOURCES = "plugins/module_utils/_resources"


@pytest.mark.parametrize("path", RUNBOOKS, ids=lambda path: path.stem)
def test_a_runbook_says_what_it_means_what_it_affects_why_and_what_to_do(path: Path) -> None:
    assert re.findall("^## (.+)$", path.read_text(), re.MULTILINE) == ["Meaning", "Impact", "Diagnosis", "Mitigation"]
    assert f"(runbooks/{path.name})" in (ROOT / "docs/operations.md").read_text()


@pytest.mark.parametrize(
    ("runbook", "words", "source"),
    [
        ("scaler-faults", "cannot decide for pool ", f"{SCALER}/loop.py"),
        ("scaler-faults", "cannot read ", f"{SCALER}/loop.py"),
        ("scaler-faults", " again", f"{SCALER}/loop.py"),
        ("scaler-faults", "ECS knows no active service", f"{SCALER}/observe.py"),
        ("scaler-data-age", "the database secret lacks", f"{SCALER}/database.py"),
        ("scaler-data-age", "is not JSON", f"{SCALER}/json_object.py"),
        ("scaler-data-age", "refused to start", f"{SCALER}/__main__.py"),
        ("scaler-data-age", "DataAgeSeconds", f"{SCALER}/report.py"),
        ("scaler-data-age", "sm2a:completed", f"{RESOURCES}/ecs_task.py"),
        ("stuck-deployment", "the deployment failed: ", f"{RESOURCES}/ecs_service.py"),
        ("stuck-deployment", "runs its tasks", f"{RESOURCES}/ecs_service.py"),
        ("stuck-deployment", "gave up after ", "plugins/module_utils/_reconcile/waits.py"),
        ("stuck-deployment", "900", f"{RESOURCES}/ecs_service.py"),
        ("stuck-deployment", "sm2a: refusing to start: ", f"{AIRFLOW}/__main__.py"),
        ("stuck-deployment", "78", f"{AIRFLOW}/__main__.py"),
        ("stuck-deployment", "OutdatedWorkers", f"{SCALER}/report.py"),
        ("stuck-deployment", "of which nothing is heard", f"{SCALER}/policy/decide.py"),
        ("drained-pool", "draining_pools", "plugins/module_utils/_components/workers.py"),
        ("drained-pool", "of which nothing is heard", f"{SCALER}/policy/decide.py"),
    ],
)
def test_a_runbook_quotes_what_is_said(runbook: str, words: str, source: str) -> None:
    assert words in (ROOT / f"docs/runbooks/{runbook}.md").read_text()
    assert words in (ROOT / source).read_text()
