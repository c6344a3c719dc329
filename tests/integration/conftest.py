# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs the modules against two independent emulators of the AWS API, without containers.

A behaviour that only one of the two accepts is suspect, so every test of a module runs against both.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
from collections.abc import Generator, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from emulators import REGION, Account, Emulator, Vpc

LAUNCHER = Path(__file__).parents[1] / "local_aws" / "ministack_launcher.py"
# An emulator is another machine as far as the modules are concerned: it keeps its own versions when the tests run with
# the oldest ones. tests/versions.sh sets this.
EMULATORS_PYTHON = os.environ.get("SM2A_TEST_EMULATORS_PYTHON", sys.executable)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session", params=["moto", "ministack"])
def emulator(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """Start one emulator on a free port of the loopback interface, without access to Docker."""
    folder = tmp_path_factory.mktemp("emulator")
    with (moto if request.param == "moto" else ministack)(folder) as running:
        yield running


def moto(folder: Path) -> AbstractContextManager[Emulator]:
    """Run moto."""
    port = _free_port()
    command = [str(Path(EMULATORS_PYTHON).with_name("moto_server")), "-H", "127.0.0.1", "-p", str(port)]
    settings = {"MOTO_ACM_VALIDATION_WAIT": "2", "MOTO_IAM_LOAD_MANAGED_POLICIES": "true"}
    return _running("moto", port, command, settings, folder)


def ministack(folder: Path, **settings: str) -> AbstractContextManager[Emulator]:
    """Run MiniStack with what the local AWS adds to it, and environment variables."""
    port = _free_port()
    command = [EMULATORS_PYTHON, str(LAUNCHER), str(port), "127.0.0.1"]
    return _running("ministack", port, command, {"GATEWAY_PORT": str(port), **settings}, folder)


@contextmanager
def _running(
    name: str, port: int, command: list[str], settings: dict[str, str], folder: Path
) -> Generator[Emulator, None, None]:
    environment = {
        **os.environ,
        **settings,
        # Containers are the end-to-end tests' business; here an emulated API is enough and fast.
        "DOCKER_HOST": "unix:///nonexistent",
    }
    log = folder / f"{name}.log"
    with log.open("w") as stream:
        process = subprocess.Popen(
            command, env=environment, stdout=stream, stderr=stream, stdin=subprocess.DEVNULL, cwd=folder
        )
    running = Emulator(name, f"http://127.0.0.1:{port}")
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                running.reset()
                break
            except (urllib.error.URLError, ConnectionError):
                if time.monotonic() > deadline or process.poll() is not None:
                    pytest.fail(f"{name} did not start:\n{log.read_text()[-3000:]}")
                time.sleep(0.2)
        yield running
    finally:
        process.terminate()
        process.wait(timeout=20)


@pytest.fixture
def account(emulator: Emulator) -> Account:
    """An empty account."""
    emulator.reset()
    return Account(emulator)


@pytest.fixture
def vpc(account: Account) -> Vpc:
    """A network to put things into."""
    ec2 = account.client("ec2")
    vpc_id = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet_ids = [
        ec2.create_subnet(VpcId=vpc_id, CidrBlock=f"10.0.{index}.0/24", AvailabilityZone=f"{REGION}{zone}")["Subnet"][
            "SubnetId"
        ]
        for index, zone in enumerate("ab")
    ]
    group_id = ec2.create_security_group(GroupName="tasks", Description="tasks", VpcId=vpc_id)["GroupId"]
    return Vpc(vpc_id, subnet_ids, group_id)
