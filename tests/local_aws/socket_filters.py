# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who may connect to a port of this machine: a packet filter on the listening socket itself.

Linux drops what such a filter does not pass before there is a connection, as a security group does. Whoever is
connected already stays so. The machine's own packet filters are left alone.
https://www.kernel.org/doc/html/latest/networking/filter.html
"""

from __future__ import annotations

import ctypes
import socket
import struct
from collections.abc import Iterable
from ipaddress import IPv4Network, collapse_addresses

EVERYBODY = frozenset({IPv4Network("0.0.0.0/0")})

# The name of an option that Python does not have, and the codes of instructions: linux/socket.h, linux/bpf_common.h.
SO_ATTACH_FILTER = 26
LOAD_WORD, AND, JUMP_IF_EQUAL, RETURN = 0x20, 0x54, 0x15, 0x06
# Packets of TCP begin with its header here. From this offset on the kernel counts from that of IP, linux/filter.h.
NETWORK_HEADER = 0xFFF00000
SOURCE_ADDRESS = NETWORK_HEADER + 12
WHOLE_PACKET, NOTHING = 0xFFFFFFFF, 0


def let_in(listening: socket.socket, networks: Iterable[IPv4Network]) -> None:
    """Let only these networks connect to a socket from now on.

    Raises OSError, on some systems for everybody but root.
    """
    program = _program(networks)
    instructions = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *one) for one in program))
    pointer = struct.pack("@HP", len(program), ctypes.addressof(instructions))
    listening.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, pointer)


def _program(networks: Iterable[IPv4Network]) -> list[tuple[int, int, int, int]]:
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
