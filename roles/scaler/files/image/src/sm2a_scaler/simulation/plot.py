# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A picture of a simulation."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sm2a_scaler.simulation.simulator import Result


class PlotError(Exception):
    """There is nothing to draw with."""


def plot(result: Result, path: Path, concurrency: int, window: Sequence[float] | None = None) -> None:
    """Draw queued and running tasks and the workers over time, as PNG or SVG.

    ``window``: the first and the last second to show. Raises ``PlotError`` without matplotlib.
    """
    try:
        import matplotlib

        matplotlib.use("Agg")
        from matplotlib import pyplot
    except ImportError:
        raise PlotError("--plot needs matplotlib: pip install matplotlib") from None
    matplotlib.rcParams["svg.hashsalt"] = "sm2a"
    low, high = window or (0.0, float("inf"))
    moments = [moment for moment in result.timeline if low <= moment[0] <= high]
    minutes = [moment[0] / 60 for moment in moments]
    _dummy, queued, running, starting, ready, cordoned = zip(*moments) if moments else ((),) * 6
    figure, axes = pyplot.subplots(figsize=(9, 3.2))
    axes.stackplot(
        minutes,
        ready,
        cordoned,
        starting,
        colors=["#9ecae1", "#d9d9d9", "#fdd0a2"],
        labels=["workers that take tasks", "cordoned or stopping", "starting"],
    )
    total = [(waits + runs) / concurrency for waits, runs in zip(queued, running)]
    axes.plot(minutes, total, color="#cb181d", linewidth=1.0, label=f"tasks queued and running, by {concurrency}")
    axes.plot(
        minutes,
        [runs / concurrency for runs in running],
        color="#08306b",
        linewidth=1.0,
        label=f"tasks running, by {concurrency}",
    )
    axes.set_title(
        f"{result.policy}: {result.worker_hours:.1f} worker-hours, 19 of 20 tasks delayed by at most "
        f"{result.delay(0.95):.0f} s, {result.killed} killed",
        fontsize=9,
    )
    axes.set_xlabel("minutes")
    axes.set_ylabel("workers")
    axes.margins(x=0)
    axes.legend(loc="upper right", fontsize=7)
    figure.tight_layout()
    figure.savefig(path, dpi=90, metadata={"Date": None} if path.suffix == ".svg" else None)
    pyplot.close(figure)
