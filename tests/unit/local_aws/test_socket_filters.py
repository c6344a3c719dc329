# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who may connect to a listening socket of the local AWS, with a packet filter and where only root may set one."""

from __future__ import annotations

import socket
from ipaddress import IPv4Network
from typing import Any

import pytest
from socket_filters import SO_ATTACH_FILTER, FilteredSocket


class Unprivileged(FilteredSocket):
    """A socket of somebody who may not filter packets."""

    def setsockopt(self, level: int, option: int, value: Any) -> None:
        if option == SO_ATTACH_FILTER:
            raise PermissionError
        super().setsockopt(level, option, value)


def connects(listening: FilteredSocket, source: str) -> bool:
    """Tell whether somebody who calls from an address of this machine is connected with whoever listens."""
    with socket.socket() as caller:
        caller.bind((source, 0))
        caller.settimeout(1)
        try:
            caller.connect(listening.getsockname())
            listening.accept()[0].close()
        except (TimeoutError, ConnectionAbortedError):
            return False
        return True


@pytest.mark.parametrize("kind", [FilteredSocket, Unprivileged])
@pytest.mark.parametrize(
    ("networks", "welcome"),
    [
        ((), set()),
        (("203.0.113.0/24",), set()),
        (("127.0.0.2/32",), {"127.0.0.2"}),
        (("203.0.113.0/24", "127.0.0.1/32"), {"127.0.0.1"}),
        (("127.0.0.0/8",), {"127.0.0.1", "127.0.0.2"}),
        (("0.0.0.0/0",), {"127.0.0.1", "127.0.0.2"}),
    ],
)
def test_only_the_networks_that_are_let_in_get_a_connection(
    kind: type[FilteredSocket], networks: tuple[str, ...], welcome: set[str]
) -> None:
    with kind() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.let_in([IPv4Network(network) for network in networks])
        listening.listen()

        assert {source for source in ("127.0.0.1", "127.0.0.2") if connects(listening, source)} == welcome


@pytest.mark.parametrize("kind", [FilteredSocket, Unprivileged])
def test_a_change_holds_for_new_connections(kind: type[FilteredSocket]) -> None:
    with kind() as listening, socket.socket() as caller:
        listening.bind(("127.0.0.1", 0))
        listening.let_in([IPv4Network("127.0.0.1/32")])
        listening.listen()
        caller.connect(listening.getsockname())
        with listening.accept()[0] as connection:
            listening.let_in([IPv4Network("127.0.0.2/32")])

            assert not connects(listening, "127.0.0.1") and connects(listening, "127.0.0.2")
            caller.sendall(b"still here")
            assert connection.recv(100) == b"still here"
