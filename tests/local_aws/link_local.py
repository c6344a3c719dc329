# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The link-local address under which containers on Fargate find their credentials, on Docker's bridge.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html
"""

from __future__ import annotations

import json
import subprocess

from docker_engine import SetupError, run

ADDRESS = "169.254.170.2"
PORT = 80


def ensure_address() -> None:
    """Give the bridge the address. Raises SetupError that says what to do where only root may."""
    bridge = _bridge()
    if ADDRESS in run("ip", "-4", "-o", "address", "show", "dev", bridge):
        return
    command = ["ip", "address", "add", f"{ADDRESS}/32", "dev", bridge]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SetupError(
            f"containers need the address {ADDRESS}, and {' '.join(command)} failed: {done.stderr.strip()}. Run it as "
            f"root, and `sysctl net.ipv4.ip_unprivileged_port_start={PORT}` so that this user may serve port {PORT}."
        )


def remove_address() -> None:
    """Take the address away again, where it is there and we may."""
    subprocess.run(
        ["ip", "address", "delete", f"{ADDRESS}/32", "dev", _bridge()], capture_output=True, text=True, check=False
    )


def _bridge() -> str:
    options = json.loads(run("docker", "network", "inspect", "bridge"))[0].get("Options") or {}
    return str(options.get("com.docker.network.bridge.name", "docker0"))
