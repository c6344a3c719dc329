# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Prints for people."""

from __future__ import annotations

from ansible import constants
from ansible.utils.display import Display


def show(lines: list[str]) -> None:
    """Print lines as they are, unless the output is one document for programs."""
    if "json" not in constants.DEFAULT_STDOUT_CALLBACK:
        for line in lines:
            Display().display(line)
