# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measures what a user waits for, in ratios within one run: seconds mean little on another machine.

Prints it, and writes it to ``build/bench.json``. Fails if a loop of the scaler exceeds its budget under a load that
lasts; how long a playbook takes is for people to judge.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import playbook_times
import scaler_loop

RESULT = Path(__file__).parents[2] / "build" / "bench.json"


def main() -> int:
    """Measure, print and write everything; return the exit code."""
    loops = scaler_loop.measure()
    kept = scaler_loop.show(loops)
    # How busy the machine was with other things; one process of ours runs at a time.
    load = os.getloadavg()[0]
    times = playbook_times.measure()
    playbook_times.show(times)
    result = {**times, "scaler_loop": {"seconds": loops}, "machine": {"cores": os.cpu_count(), "load_before": load}}
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=2) + "\n")
    print(f"All of it is in {RESULT.relative_to(Path.cwd()) if RESULT.is_relative_to(Path.cwd()) else RESULT}")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
