# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The whole platform on this machine: real containers, a real database, our own site playbook."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from denials import denials
from playbook_runs import DATABASE_ENGINE, Platform, local_aws, playbook, succeed


@pytest.fixture(scope="session")
def platform() -> Iterator[Platform]:
    """Plan on an empty account, then deploy. The last test tears it down.

    At the end it prints what was denied.
    """
    local_aws("browser")
    local_aws("down")
    local_aws("up")
    if DATABASE_ENGINE == "mysql":
        local_aws("mysql")
    planned = succeed(playbook("site", "--check", "--diff"))
    created = succeed(playbook("site", "--diff"))
    yield Platform(planned, created)
    local_aws("down")
    for denial in denials():
        print(f"denied: {denial.principal} {denial.action} on {denial.resource}")
