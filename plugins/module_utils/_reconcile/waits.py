# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Waiting for AWS, with a limit and a message that says what was waited for, and what stood in the way.

Whoever runs a component in a thread of its own may ask meanwhile what is waited for.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from .errors import ClientError, WaitTimeoutError, code_of

Result = TypeVar("Result")

# How long what was made a moment ago may be unknown to the next request:
# https://docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html
CONSISTENCY_SECONDS = 120


@dataclass(frozen=True)
class Wait:
    """Something that a thread of this process waits for.

    ``what`` completes the sentence "waiting until ..."; ``usual`` says in words how long that takes as a rule, and is
    empty where nobody knows; ``since`` is of the clock ``time.monotonic``.
    """

    what: str
    usual: str
    since: float


_waits: dict[object, Wait] = {}
_lock = threading.Lock()


@contextmanager
def waiting(what: str, usual: str = "") -> Iterator[None]:
    """List what the body waits for among the ``current_waits`` until the body ends."""
    key = object()
    with _lock:
        _waits[key] = Wait(what, usual, time.monotonic())
    try:
        yield
    finally:
        with _lock:
            del _waits[key]


def current_waits() -> list[Wait]:
    """Return what the threads of this process wait for, the longest wait first."""
    with _lock:
        return list(_waits.values())


def wait_until(
    what: str,
    probe: Callable[[], Result | None],
    timeout: float,
    interval: float = 5.0,
    reason: Callable[[], str] | None = None,
    usual: str = "",
) -> Result:
    """Call ``probe`` every ``interval`` seconds until it returns something true, and return that.

    The first pauses are short, since emulators and small resources are ready at once. ``usual`` says in words how long
    it takes on AWS as a rule.

    Raises WaitTimeoutError after ``timeout`` seconds; its message ends with what ``reason`` then says.
    """
    started = time.monotonic()
    pause = min(0.25, interval)
    with waiting(what, usual):
        while True:
            result = probe()
            if result:
                return result
            elapsed = time.monotonic() - started
            if elapsed >= timeout:
                why = reason() if reason else ""
                limit = f"gave up after {timeout:.0f} seconds of waiting"
                raise WaitTimeoutError(f"{limit} until {what}{why and f'; {why}'}")
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


def wait_released(what: str, call: Callable[[], object], in_use: tuple[str, ...], timeout: float) -> None:
    """Call what deletes something until AWS no longer answers that it is used, with one of the codes ``in_use``.

    What used it lets go of it seconds or minutes after it is gone itself.

    Raises WaitTimeoutError, with AWS's answer, after ``timeout`` seconds.
    """
    answer = ""

    def attempt() -> bool:
        nonlocal answer
        try:
            call()
        except ClientError as error:
            if code_of(error) not in in_use:
                raise
            answer = str(error)
            return False
        return True

    wait_until(f"{what} is no longer in use", attempt, timeout, reason=lambda: answer)
