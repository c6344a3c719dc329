# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The link-local address under which containers on Fargate find their credentials, on their bridge.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html
"""

from __future__ import annotations

import subprocess

from docker_engine import NETWORK, SetupError, run

ADDRESS = "169.254.170.2"
PORT = 80


def ensure_address() -> None:
    """Give the bridge of the containers' network the address, which goes with the network.

    Raises SetupError that says what to do where only root may.
    """
    if ADDRESS in run("ip", "-4", "-o", "address", "show", "dev", NETWORK):
        return
    command = ["ip", "address", "add", f"{ADDRESS}/32", "dev", NETWORK]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SetupError(
            f"containers need the address {ADDRESS}, and {' '.join(command)} failed: {done.stderr.strip()}. Run it as "
            f"root, and `sysctl net.ipv4.ip_unprivileged_port_start={PORT}` so that this user may serve port {PORT}."
        )
