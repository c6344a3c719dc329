# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A service's first deployment in MiniStack, which calls it complete before a single task runs.

On AWS it is ``IN_PROGRESS`` until its tasks have started, like each later one:
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Deployment.html
"""

from __future__ import annotations

from typing import Any

from ministack.services import ecs


def install() -> None:
    """Let every deployment that has tasks to start begin as ``IN_PROGRESS``. MiniStack itself completes it."""
    make = ecs._make_deployment

    def make_in_progress(task_definition: str, desired_count: int, *rest: Any, **options: Any) -> dict[str, Any]:
        deployment: dict[str, Any] = make(task_definition, desired_count, *rest, **options)
        if desired_count:
            deployment.update(rolloutState="IN_PROGRESS", rolloutStateReason="")
        return deployment

    ecs._make_deployment = make_in_progress
