# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Listening sockets to which only some may connect, as security groups decide on AWS.

A packet filter on the socket itself makes Linux drop what does not pass before there is a connection, so that others
wait in vain. Where only root may set one for TCP, others are hung up on instead. Whoever is connected already stays
so, and the machine's own packet filters are left alone.
https://www.kernel.org/doc/html/latest/networking/filter.html
"""

from __future__ import annotations

import contextlib
import ctypes
import socket
import struct
from collections.abc import Collection
from ipaddress import IPv4Address, IPv4Network, collapse_addresses
from typing import Any

# The name of an option that Python does not have, and the codes of instructions: linux/socket.h, linux/bpf_common.h.
SO_ATTACH_FILTER = 26
LOAD_WORD, AND, JUMP_IF_EQUAL, RETURN = 0x20, 0x54, 0x15, 0x06
# Packets of TCP begin with its header here. From this offset on the kernel counts from that of IP, linux/filter.h.
NETWORK_HEADER = 0xFFF00000
SOURCE_ADDRESS = NETWORK_HEADER + 12
WHOLE_PACKET, NOTHING = 0xFFFFFFFF, 0


class FilteredSocket(socket.socket):
    """A listening socket of TCP over IPv4. Nobody may connect to it before ``let_in``."""

    callers: Collection[IPv4Network] = ()

    def let_in(self, callers: Collection[IPv4Network]) -> None:
        """Let these networks connect from now on, and nobody else."""
        self.callers = callers
        program = _program(callers)
        instructions = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *one) for one in program))
        pointer = struct.pack("@HP", len(program), ctypes.addressof(instructions))
        with contextlib.suppress(PermissionError):
            self.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, pointer)

    def accept(self) -> tuple[socket.socket, Any]:
        """Return the next connection. Raises ConnectionAbortedError for one that may not be."""
        connection, address = super().accept()
        if any(IPv4Address(address[0]) in network for network in self.callers):
            return connection, address
        connection.close()
        raise ConnectionAbortedError


def _program(networks: Collection[IPv4Network]) -> list[tuple[int, int, int, int]]:
    """Return the instructions, each with how many to leave out if a comparison holds, and if not, and an operand."""
    program = []
    for network in collapse_addresses(networks):
        program += [
            (LOAD_WORD, 0, 0, SOURCE_ADDRESS),
            (AND, 0, 0, int(network.netmask)),
            (JUMP_IF_EQUAL, 0, 1, int(network.network_address)),
            (RETURN, 0, 0, WHOLE_PACKET),
        ]
    return [*program, (RETURN, 0, 0, NOTHING)]
