# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Scales the pauses with which the collection's kernel asks AWS again, as the emulator's creation times are scaled.

A folder with this file on PYTHONPATH does it in every Python that a playbook starts. Otherwise a database that takes
42 seconds instead of 420 would still be asked for every 15 seconds, and the pause would count ten times.
"""

from __future__ import annotations

import os
import sys
import time

_SCALE = float(os.environ["SM2A_BENCH_SCALE"])
_sleep = time.sleep


def _scaled(seconds: float) -> None:
    """Sleep; a shorter time if it is the kernel that waits for AWS."""
    caller = sys._getframe(1).f_globals.get("__name__", "")
    _sleep(seconds * _SCALE if caller.endswith("._reconcile.waits") else seconds)


time.sleep = _scaled
