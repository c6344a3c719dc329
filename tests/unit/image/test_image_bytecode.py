# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the byte code of DAGs goes, seen by a Python of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from sm2a_image import bytecode

IMAGE = Path(__file__).parents[3] / "roles/airflow/files/image"


@pytest.mark.parametrize("of_dags", [True, False])
def test_only_that_of_bundles_goes_elsewhere(tmp_path: Path, of_dags: bool) -> None:
    source, kept = tmp_path / "bundles/dags", tmp_path / "kept"
    (source / "helpers").mkdir(parents=True)
    (source / "helpers/__init__.py").write_text("")
    (source / "helpers/numbers.py").write_text("ANSWER = 42\n")
    bundles = tmp_path / ("bundles" if of_dags else "other")
    program = (
        "import sys; from pathlib import Path; from sm2a_image import bytecode; "
        f"bytecode.install(Path({str(bundles)!r}), Path({str(kept)!r})); "
        f"sys.path.insert(0, {str(source)!r}); from helpers.numbers import ANSWER; print(ANSWER)"
    )
    for _run in range(2):
        ran = subprocess.run(
            [sys.executable, "-c", program],
            env={"PYTHONPATH": str(IMAGE)},
            capture_output=True,
            text=True,
            check=True,
        )
        assert ran.stdout == "42\n"

    beside, elsewhere = (sorted(path.name for path in folder.rglob("*.pyc")) for folder in (source, kept))
    assert bool(beside) is not of_dags
    assert [name.partition(".")[0] for name in elsewhere] == (["__init__", "numbers"] if of_dags else [])


def test_bundles_are_where_airflow_has_them() -> None:
    assert bytecode.bundles({}).as_posix().endswith("/airflow/dag_bundles")
    assert bytecode.bundles({bytecode.STORAGE: "/opt/airflow/bundles"}) == Path("/opt/airflow/bundles")
