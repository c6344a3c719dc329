# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An exception covers what it names and nothing else, and does not outlive its reason."""

from __future__ import annotations

import pytest
from verdict import Finding, verdict

EXCEPTIONS = {"star": {"key *": "In a key's policy the star is the key."}}


@pytest.mark.parametrize(
    ("findings", "shown"),
    [
        ([("star", "key alias/x")], ""),
        ([("star", "key alias/x"), ("star", "role worker")], "role worker"),
        ([("star", "key alias/x"), ("old", "key alias/x")], "key alias/x"),
        ([], "nothing needs the exception star: key *"),
    ],
)
def test_verdict(findings: list[Finding], shown: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert verdict("parliament", findings, EXCEPTIONS) is not bool(shown)
    assert shown in capsys.readouterr().out
