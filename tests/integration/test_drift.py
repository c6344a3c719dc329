# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What somebody changed by hand is shown by a plan, repaired by the next run, and nothing else is touched."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from disturbances import one_after_another
from drifts import DRIFTS, Cloud, Drift
from emulators import Account, Emulator
from whole_site import Site, one_off_tasks_end_well, site_of

BOUNDARY = "arn:aws:iam::aws:policy/PowerUserAccess"
# moto starts no task, so that its services never run.
WITHOUT_SERVICES = ("network", "security", "secrets", "database", "storage", "queue")


@pytest.fixture(scope="module")
def site(emulator: Emulator) -> Iterator[Site]:
    """An environment that is as it should be, for one change after another."""
    emulator.reset()
    pinned = {"engine_version": "17.5"}
    made = site_of(Account(emulator), security={"role_permissions_boundary": BOUNDARY}, database=pinned)
    with one_after_another(), one_off_tasks_end_well():
        if emulator.name == "moto":
            made.options["network"] = {"flow_logs": "cloudwatch", "interface_endpoints": ["sqs"]}
            for component in WITHOUT_SERVICES:
                made.component(component)
        else:
            made.run()
        yield made


def differences(result: dict[str, Any]) -> dict[str, list[str] | None]:
    """Return the fields that a plan or a run changes by the resource; None for what is made, or (deleted)."""
    before, after = result["diff"]["before"], result["diff"]["after"]
    changed = {label: sorted(fields) if label in before else None for label, fields in after.items()}
    return {**changed, **{label: ["(deleted)"] for label in before.keys() - after.keys()}}


@pytest.mark.parametrize(
    ("emulator", "drift"),
    [pytest.param(drift.emulator, drift, id=drift.what.replace(" ", "-")) for drift in DRIFTS],
    indirect=["emulator"],
    scope="module",
)
def test_it_is_shown_and_repaired(site: Site, drift: Drift) -> None:
    cloud = Cloud(site.account)
    names = {content: cloud.bucket(content) for content in ("logs", "dags")}
    expected = {label.format(**names): fields.split() if fields else None for label, fields in drift.shown.items()}

    drift.change(cloud)
    planned = site.component(drift.component, check=True)
    repaired = site.component(drift.component)
    again = site.component(drift.component)

    assert differences(planned) == expected
    assert differences(repaired) == expected
    assert planned["api_calls"]["write"] == 0
    assert not again["changed"] and again["api_calls"]["write"] == 0


def test_there_are_enough_of_all_components() -> None:
    assert len(DRIFTS) >= 60
    assert {drift.component for drift in DRIFTS} == {
        "airflow",
        "cluster",
        "database",
        "load_balancer",
        "network",
        "observability",
        "queue",
        "scaler",
        "secrets",
        "security",
        "storage",
        "workers",
    }
