# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is waited for is known while it is waited for."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.errors import WaitTimeoutError
from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.waits import current_waits, wait_until, waiting


def test_threads_that_wait_are_listed_until_they_have_done() -> None:
    ready, seen = threading.Event(), threading.Barrier(3)

    def wait(name: str) -> None:
        with waiting(f"{name} is there", "2 minutes"):
            seen.wait(10)
            ready.wait(10)

    with ThreadPoolExecutor() as pool:
        pool.submit(wait, "a")
        pool.submit(wait, "b")
        seen.wait(10)
        assert sorted((wait.what, wait.usual) for wait in current_waits()) == [
            ("a is there", "2 minutes"),
            ("b is there", "2 minutes"),
        ]
        ready.set()
    assert current_waits() == []


def test_the_probe_of_a_wait_sees_it_and_a_wait_that_fails_ends_too() -> None:
    assert wait_until("x is there", lambda: [wait.what for wait in current_waits()], 10) == ["x is there"]
    assert current_waits() == []

    with pytest.raises(WaitTimeoutError, match="gave up after 0 seconds of waiting until y is there; it is late"):
        wait_until("y is there", lambda: None, 0, reason=lambda: "it is late")
    assert current_waits() == []
