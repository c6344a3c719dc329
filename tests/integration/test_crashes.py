# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whatever befalls ``site``, a change and ``teardown``: run it again, and it ends as if nothing had happened.

Each test has a few of the moments at which a run can be killed; nightly_crashes.py has all of them.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from crashes import Ends, ends, killed_then_repeated, weathered
from disturbances import one_after_another
from emulators import Account
from whole_site import one_off_tasks_end_well

pytestmark = pytest.mark.parametrize("emulator", ["ministack"], indirect=True)
# Of all moments, these are spread evenly.
SAMPLES = 4


@pytest.fixture(autouse=True)
def quickly() -> Iterator[None]:
    """Let no test wait for what takes its time on AWS."""
    with one_after_another(), one_off_tasks_end_well():
        yield


@pytest.fixture(scope="module")
def reference() -> dict[str, Ends]:
    """What an undisturbed run of each emulator ends with, once it is known."""
    return {}


@pytest.mark.parametrize("sample", range(SAMPLES))
def test_a_killed_run_is_finished_by_the_next(account: Account, reference: dict[str, Ends], sample: int) -> None:
    name = account.emulator.name
    if name not in reference:
        reference[name] = ends(account)
    expected = reference[name]
    moments = {what: 1 + sample * len(writes) // SAMPLES for what, writes in expected.writes.items()}

    killed_then_repeated(account, moments, expected)


@pytest.mark.parametrize("seed", [1])
def test_throttled_and_unanswered_it_ends_the_same(account: Account, reference: dict[str, Ends], seed: int) -> None:
    name = account.emulator.name
    if name not in reference:
        reference[name] = ends(account)

    print(weathered(account, seed, reference[name]))
