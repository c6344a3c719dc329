# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Waiting for AWS, with a limit and a message that says what was waited for, and what stood in the way."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from .errors import ClientError, WaitTimeoutError

Result = TypeVar("Result")


def wait_until(
    what: str,
    probe: Callable[[], Result | None],
    timeout: float,
    interval: float = 5.0,
    reason: Callable[[], str] | None = None,
) -> Result:
    """Call ``probe`` every ``interval`` seconds until it returns something true, and return that.

    The first pauses are short, since emulators and small resources are ready at once.

    Raises WaitTimeoutError after ``timeout`` seconds; its message ends with what ``reason`` then says.
    """
    started = time.monotonic()
    pause = min(0.25, interval)
    while True:
        result = probe()
        if result:
            return result
        elapsed = time.monotonic() - started
        if elapsed >= timeout:
            why = reason() if reason else ""
            raise WaitTimeoutError(f"gave up after {timeout:.0f} seconds of waiting until {what}{why and f'; {why}'}")
        time.sleep(min(pause, timeout - elapsed))
        pause = min(pause * 2, interval)


def retry_while(
    passing: Callable[[ClientError], bool], call: Callable[[], Result], timeout: float, interval: float = 5.0
) -> Result:
    """Return what ``call`` returns, calling it again while it raises an error that is ``passing``.

    Raises the error itself if it has not passed after ``timeout`` seconds, and any other error at once.
    """
    started = time.monotonic()
    pause = min(0.25, interval)
    while True:
        try:
            return call()
        except ClientError as error:
            elapsed = time.monotonic() - started
            if elapsed >= timeout or not passing(error):
                raise
        time.sleep(min(pause, timeout - elapsed))
        pause = min(pause * 2, interval)
