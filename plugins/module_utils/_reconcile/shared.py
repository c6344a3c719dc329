# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One answer of AWS's for several resources of a run."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Any, TypeVar

Answer = TypeVar("Answer")

# A run that waits for minutes does not go on with what was true before.
FRESH_SECONDS = 30


class SharedAnswers:
    """Answers by the service that gave them and a key of whoever asks, until something of the service is written.

    Threads that ask the same at once wait for one call. Nobody may change an answer, and whoever waits for a change
    must not ask here: an answer stays the same.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._answers: dict[str, dict[Hashable, tuple[float, Future[Any]]]] = {}

    def once(self, service: str, key: Hashable, call: Callable[[], Answer]) -> Answer:
        """Return what ``call`` returns, or has returned a moment ago. Raises what that raises, or has raised."""
        now = time.monotonic()
        with self._lock:
            answers = self._answers.setdefault(service, {})
            asked, answer = answers.get(key, (now - FRESH_SECONDS, Future()))
            first = now - asked >= FRESH_SECONDS
            if first:
                answer = Future()
                answers[key] = (now, answer)
        if first:
            try:
                answer.set_result(call())
            except BaseException as error:
                answer.set_exception(error)
        result: Answer = answer.result()
        return result

    def forget(self, service: str) -> None:
        """Forget the answers of a service, those that are still under way too: they may be older than the write."""
        with self._lock:
            self._answers.pop(service, None)
