# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The domain of the local AWS, and the ports under which it is reached.

On AWS whoever deploys has a hosted zone, and so has the emulated account, even after it was emptied.
"""

from __future__ import annotations

import contextlib
import errno
import socket
from pathlib import Path

DOMAIN = "sm2a.localhost"
"""Browsers and curl take every name that ends so for this machine (RFC 6761)."""

HOST = f"airflow.{DOMAIN}"
HOSTED_ZONE_ID = "ZSM2ALOCAL"
LISTENER_PORTS = (80, 443)
OTHER_PORTS = 8000
"""What is added to the ports of listeners where this machine's 80 and 443 cannot be had."""

OFFSET = Path(__file__).resolve().parents[2] / ".local" / "port-offset"


def install() -> None:
    """Put the hosted zone into MiniStack's account, and again whenever the account is emptied."""
    from ministack.services import route53

    reset = route53.reset

    def begin() -> None:
        name = f"{DOMAIN}."
        zone = {"id": HOSTED_ZONE_ID, "name": name, "caller_reference": "owner", "comment": "", "private": False}
        route53._zones[HOSTED_ZONE_ID] = {**zone, "vpcs": []}
        route53._records[HOSTED_ZONE_ID] = route53._default_records(name)

    def reset_and_begin() -> None:
        reset()
        begin()

    route53.reset = reset_and_begin
    begin()


def choose_ports(addresses: list[str]) -> int:
    """Return what is added to a listener's port, and remember it: nothing, if the ports themselves are to be had."""
    free = all(_is_free(address, port) for address in addresses for port in LISTENER_PORTS)
    offset = 0 if free else OTHER_PORTS
    OFFSET.write_text(str(offset))
    return offset


def offset() -> int:
    """Return what was chosen, 0 before anything was."""
    with contextlib.suppress(FileNotFoundError):
        return int(OFFSET.read_text())
    return 0


def url() -> str:
    """Return the address of the web interface."""
    return f"https://{HOST}" + (f":{443 + offset()}" if offset() else "")


def _is_free(address: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            if error.errno in (errno.EACCES, errno.EADDRINUSE):
                return False
            raise
    return True
