# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ports of the local load balancer: its own where they are to be had, others where not, and the address says so."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path

import domain
import pytest
from load_balancer import tls_versions


@pytest.mark.parametrize("taken", [False, True])
def test_a_port_that_is_taken_moves_all_of_them(taken: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(domain, "OFFSET", tmp_path / "offset")
    assert domain.url() == "https://airflow.sm2a.localhost"
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        if not taken:
            server.close()
        monkeypatch.setattr(domain, "LISTENER_PORTS", (port,))

        assert domain.choose_ports(["127.0.0.1"]) == domain.offset() == (8000 if taken else 0)

    assert domain.url() == "https://airflow.sm2a.localhost" + (":8443" if taken else "")


@pytest.mark.parametrize(
    ("policy", "oldest", "newest"),
    [
        ("ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09", "TLSv1_2", "TLSv1_3"),
        ("ELBSecurityPolicy-TLS13-1-3-2021-06", "TLSv1_3", "TLSv1_3"),
        ("ELBSecurityPolicy-TLS-1-1-2017-01", "TLSv1_1", "TLSv1_2"),
        ("ELBSecurityPolicy-FS-1-2-Res-2020-10", "TLSv1_2", "TLSv1_2"),
        ("ELBSecurityPolicy-2016-08", "TLSv1", "TLSv1_2"),
    ],
)
def test_the_name_of_a_policy_says_which_tls(policy: str, oldest: str, newest: str) -> None:
    assert tls_versions(policy) == (ssl.TLSVersion[oldest], ssl.TLSVersion[newest])
