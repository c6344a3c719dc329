# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What tests of resources share."""

from __future__ import annotations

from types import SimpleNamespace

import pytest


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A clock of all waits, ``now`` seconds old, that pauses move and nothing else."""
    # Not before pytest-ansible has made the collection known.
    from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile import waits

    time = SimpleNamespace(now=0.0)

    def sleep(seconds: float) -> None:
        time.now += seconds

    monkeypatch.setattr(waits, "time", SimpleNamespace(monotonic=lambda: time.now, sleep=sleep))
    return time
