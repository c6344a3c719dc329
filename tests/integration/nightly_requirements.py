# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What people add to their Airflow goes with the packages of our image. Needs PyPI: run by `make test-requirements`."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.sm2a.airflow.plugins.module_utils._resources.python_packages import PINNED, lock_beside

IMAGE = Path(__file__).parents[2] / "roles/airflow/files/image"
SETS = sorted(Path(__file__).with_name("requirement_sets").glob("*.txt"))


@pytest.mark.parametrize("platform", ["linux/amd64", "linux/arm64"])
@pytest.mark.parametrize("path", SETS, ids=lambda path: path.stem)
def test_what_people_add_goes_with_the_image(path: Path, platform: str) -> None:
    locked = set(PINNED.findall(lock_beside(IMAGE, path.read_text().split("\n"), platform)))

    # Nothing that the image has changes its version.
    there = {pin.partition("==")[0]: pin for pin in PINNED.findall((IMAGE / "requirements.txt").read_text())}
    assert {pin for pin in locked if there.get(pin.partition("==")[0], pin) != pin} == set()
    print(f"{path.stem}, {platform}: {len(locked - set(there.values()))} packages more")
