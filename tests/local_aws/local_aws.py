# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Starts, wipes and stops an AWS on this machine: MiniStack, and the containers that it runs through Docker.

Usage: local_aws.py COMMAND

up          start Docker and the emulator, and make the base images available
down        stop and delete all of it
wipe        make the emulated account empty again
status      say what runs
variables   print the environment variables that the local inventory reads
mysql       make the base image of MySQL available, for a platform that uses it
browser     make Chromium available, for tests that look at the web interface
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import authority
import chromium
import docker_engine
import domain
import link_local
from docker_engine import SetupError, run
from iam_principals import ROOT_ACCESS_KEY, SECRET_KEY

ROOT = Path(__file__).resolve().parents[2]
STATE = ROOT / ".local"
LOGS = STATE / "log"
MINISTACK_PID = STATE / "ministack.pid"
DOCKERD_PID = STATE / "dockerd.pid"
IAM_RECORD = LOGS / "iam.jsonl"
LAUNCHER = Path(__file__).with_name("ministack_launcher.py")
PORT = 4566
REGION = "eu-central-1"
ADDRESS = f"http://127.0.0.1:{PORT}"
# MiniStack puts this on whatever it makes in Docker. The address tells it from that of another MiniStack.
LABEL = f"ministack.instance={os.environ.get('MINISTACK_HOSTNAME') or socket.gethostname()}:{PORT}"


def up() -> None:
    """Start Docker and MiniStack and make the base images available. Does nothing where all of it is there."""
    LOGS.mkdir(parents=True, exist_ok=True)
    authority.load()
    docker_engine.ensure_engine(DOCKERD_PID, LOGS / "dockerd.log")
    for image in (docker_engine.DEBIAN, docker_engine.POSTGRES):
        docker_engine.ensure_image(image)
    docker_engine.ensure_network(LABEL)
    docker_engine.ensure_packet_filter()
    link_local.ensure_address()
    if not _healthy():
        _start_ministack()
    print(f"AWS API: {ADDRESS}")


def mysql() -> None:
    """Make the image of MySQL available, which only a platform on MySQL needs.

    The official image gives the user that the emulator makes less than RDS's master user has.
    """
    docker_engine.ensure_stand_in(docker_engine.MYSQL)


def down() -> None:
    """Stop MiniStack and delete all that it made; stop Docker if ``up`` started it and nobody else uses it."""
    _stop(MINISTACK_PID, LAUNCHER.name)
    if docker_engine.answers():
        _remove_containers()
        docker_engine.remove_packet_filter()
        for kind in ("network", "volume"):
            names = run("docker", kind, "ls", "--quiet", "--filter", f"label={LABEL}").split()
            if names:
                run("docker", kind, "rm", *names)
        others = run("docker", "ps", "--quiet").split()
        if others and DOCKERD_PID.exists():
            print(f"Docker runs on, since {len(others)} containers that are not SM2A's run on it")
            return
    _stop(DOCKERD_PID, "dockerd")


def wipe() -> None:
    """Make the account empty again."""
    try:
        _request("POST", "/_ministack/reset", timeout=120)
    except OSError as error:
        raise SetupError(f"MiniStack does not answer at {ADDRESS} ({error}); `make aws` starts it") from None
    _remove_containers()


def status() -> None:
    """Say what runs."""
    print(f"Docker:    {'answers' if docker_engine.answers() else 'does not answer'}")
    print(f"MiniStack: {'answers at ' + ADDRESS if _healthy() else 'does not answer'}")


def variables() -> None:
    """Print the environment variables that the local inventory reads, for a shell to evaluate."""
    print(f"export SM2A_LOCAL_GATEWAY={docker_engine.gateway()}")
    print(f"export SM2A_LOCAL_CA_BUNDLE={docker_engine.ca_bundle() or ''}")
    print(f"export SM2A_LOCAL_AUTHORITY={authority.CERTIFICATE}")
    print(f"export SM2A_LOCAL_URL={domain.url()}")


def _healthy() -> bool:
    try:
        return _request("GET", "/_ministack/health", timeout=5) == 200
    except OSError:
        return False


def _request(method: str, path: str, timeout: float) -> int:
    """Send a request to MiniStack and return the status. Raises OSError."""
    # Never through a proxy of the network's, which knows another loopback interface.
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(urllib.request.Request(ADDRESS + path, method=method), timeout=timeout) as answer:
        return int(answer.status)


def _start_ministack() -> None:
    bridge = docker_engine.gateway()
    offset = domain.choose_ports(["127.0.0.1", bridge])
    if offset:
        ports = " and ".join(str(port + offset) for port in domain.LISTENER_PORTS)
        print(f"The ports 80 and 443 cannot be had here; the load balancer has {ports} instead")
    IAM_RECORD.unlink(missing_ok=True)
    environment = {
        **os.environ,
        "GATEWAY_PORT": str(PORT),
        # Requests to a load balancer carry no region; the inventory's is where it is.
        "MINISTACK_REGION": REGION,
        # The name in queue URLs: containers and this machine both reach the bridge's address.
        "MINISTACK_HOST": bridge,
        # Databases are reached at their own addresses.
        "DOCKER_NETWORK": docker_engine.NETWORK,
        "IOT_MTLS_ENABLED": "0",
        "SM2A_LOCAL_PORT_OFFSET": str(offset),
        # Every call is checked, except those of the account's root, who is whoever looks at the account in a test.
        "AUTH": "true",
        "AWS_ACCESS_KEY_ID": ROOT_ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "SM2A_IAM_RECORD": str(IAM_RECORD),
        "LOG_LEVEL": os.environ.get("LOG_LEVEL", "INFO"),
    }
    log = LOGS / "ministack.log"
    with log.open("a") as stream:
        # A session of its own and no inherited stream, or whoever waits for our output would wait for ever.
        process = subprocess.Popen(
            [sys.executable, str(LAUNCHER), str(PORT), "127.0.0.1", bridge, f"{link_local.ADDRESS}:{link_local.PORT}"],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            start_new_session=True,
            cwd=STATE,
        )
    MINISTACK_PID.write_text(str(process.pid))
    deadline = time.monotonic() + 60
    while not _healthy():
        if process.poll() is not None or time.monotonic() > deadline:
            raise SetupError(f"MiniStack did not start; its log is {log}")
        time.sleep(0.2)


def _stop(pid_file: Path, program: str) -> None:
    """End the process of a pid file, and wait until it is gone."""
    if not pid_file.exists():
        return
    pid = int(pid_file.read_text())
    for sign, seconds in ((signal.SIGTERM, 30.0), (signal.SIGKILL, 5.0)):
        deadline = time.monotonic() + seconds
        if _runs(pid, program):
            os.kill(pid, sign)
        while _runs(pid, program) and time.monotonic() < deadline:
            time.sleep(0.1)
    pid_file.unlink()


def _runs(pid: int, program: str) -> bool:
    """Tell whether a process is there and is still the program that we started: numbers are used again."""
    try:
        # Empty for a process that has ended and that nobody has collected yet.
        return program in Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return False


def _remove_containers() -> None:
    containers = run("docker", "ps", "--all", "--quiet", "--filter", f"label={LABEL}").split()
    if containers:
        run("docker", "rm", "--force", "--volumes", *containers)


def main(arguments: list[str]) -> int:
    """Run one command and return the exit code."""
    commands = {
        "up": up,
        "down": down,
        "wipe": wipe,
        "status": status,
        "variables": variables,
        "mysql": mysql,
        "browser": chromium.ensure_browser,
    }
    if len(arguments) != 1 or arguments[0] not in commands:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        commands[arguments[0]]()
    except SetupError as error:
        print(f"sm2a: {error}", file=sys.stderr)
        return 1
    except subprocess.CalledProcessError as error:
        print(f"sm2a: {' '.join(map(str, error.cmd))} failed: {error.stderr}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
