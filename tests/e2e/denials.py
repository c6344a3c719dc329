# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the local AWS has denied: containers and playbooks need nothing that they may not do."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

RECORD = Path(__file__).resolve().parents[2] / ".local" / "log" / "iam.jsonl"

# What tests try on purpose: beginning of the principal's name, action.
tried: set[tuple[str, str]] = set()


@dataclass(frozen=True)
class Denial:
    """A call that was refused."""

    principal: str
    action: str
    resource: str


def denials() -> list[Denial]:
    """Return everything that was denied since the local AWS was started."""
    decisions = [json.loads(line) for line in RECORD.read_text().splitlines()] if RECORD.exists() else []
    return [
        Denial(one["principal"].partition(":")[2].rpartition(":")[2], one["action"], one["resource"])
        for one in decisions
        if not one["allowed"]
    ]


def unexplained() -> list[Denial]:
    """Return what was denied and no test has tried."""
    return [
        one
        for one in denials()
        if not any(principal in one.principal and action == one.action for principal, action in tried)
    ]
