# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Draws the documentation's picture of the burst that ``test_scaler.py`` has measured: ``plot_burst.py TARGET``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot

MEASURED = Path(__file__).resolve().parents[2] / ".local" / "scaler-burst.json"


def main(target: str) -> None:
    """Draw tasks above, workers below."""
    measured = json.loads(MEASURED.read_text())
    loops = measured["timeline"]
    seconds = [loop["at"] for loop in loops]

    def values(name: str) -> list[float]:
        return [loop[name] if loop[name] is not None else float("nan") for loop in loops]

    figure, (tasks, workers) = pyplot.subplots(2, 1, figsize=(9, 4.8), sharex=True, height_ratios=[3, 2])
    tasks.plot(seconds, values("QueuedTasks"), color="#cb181d", label="queued")
    tasks.plot(seconds, values("RunningTasks"), color="#08306b", label="running")
    tasks.set_ylabel("tasks")
    workers.stackplot(
        seconds,
        *(values(f"{state}Workers") for state in ("Ready", "Cordoned", "Starting")),
        step="post",
        colors=["#9ecae1", "#d9d9d9", "#fdd0a2"],
        labels=["workers that take tasks", "cordoned", "starting"],
    )
    workers.step(seconds, values("WantedWorkers"), where="post", color="black", linewidth=1, label="wanted")
    workers.set_ylabel("workers")
    workers.set_xlabel("seconds since the run was triggered")
    for axes in (tasks, workers):
        axes.axvline(measured["killed"], color="#756bb1", linestyle="--", linewidth=1, label="scaler killed")
        axes.legend(loc="upper right" if axes is tasks else "lower center", fontsize=7)
        axes.margins(x=0)
    figure.tight_layout()
    figure.savefig(target, dpi=90)


if __name__ == "__main__":
    main(sys.argv[1])
