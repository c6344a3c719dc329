# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The policies of docs/iam are enough for the playbooks: a plan, a site, its state and its end, each by its user."""

from __future__ import annotations

from pathlib import Path

import pytest
from emulators import checked, started
from nightly_iam import KINDS, deletion, docker, playbooks

__all__ = ["docker"]


def test_an_environment_lives_by_the_policies_of_docs(
    docker: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inventory, options, _changes = KINDS["dev"]
    with started("ministack", tmp_path, **checked(inventory)) as emulator:
        monkeypatch.setenv("STAND_IN_ENDPOINT", emulator.url)
        with playbooks(emulator, inventory, options, "LOCAL") as run:
            run("site", "--check")
            run("site")
            run("status")
            # The key goes only when nothing that stays needs it.
            whole = {"database_final_snapshot": False, "sm2a_secret_recovery_window_days": 0}
            run("teardown", security_delete_key=True, **whole, **deletion(inventory))
        assert (
            emulator.client("ec2").describe_vpcs(Filters=[{"Name": "tag-key", "Values": ["sm2a:environment"]}])["Vpcs"]
            == []
        )
