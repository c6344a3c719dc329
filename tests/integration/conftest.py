# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs the modules against two independent emulators of the AWS API, without containers.

A behaviour that only one of the two accepts is suspect, so every test of a module runs against both.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator

import pytest
from emulators import IAM, NO_DOCKER, REGION, Account, Emulator, Vpc, checked, started
from states import SECONDS, SEED

# Modules find no Docker either, whether one runs on this machine or not.
os.environ["DOCKER_HOST"] = NO_DOCKER


@pytest.fixture(scope="session", params=["moto", "ministack"])
def emulator(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """Start one emulator on a free port of the loopback interface, without access to Docker.

    A ``strict`` one, such as "strict moto", has AWS's states before it. Their seed is printed, and can be given.
    """
    variables = checked("test", os.environ.get("SM2A_TEST_IAM_RECORD")) if IAM else {}
    strict, _space, name = request.param.rpartition(" ")
    # An empty one leaves the emulator as it is.
    variables[SEED] = (os.environ.get(SEED) or str(random.randrange(10**6))) if strict else ""
    variables[SECONDS] = os.environ.get(SECONDS) or "0.01"
    print(f"{SEED}={variables[SEED]}")
    with started(name, tmp_path_factory.mktemp("emulator"), **variables) as running:
        yield running


@pytest.fixture
def account(emulator: Emulator) -> Iterator[Account]:
    """An empty account. Whatever test sends it what AWS would not take fails, even if that does no harm here."""
    emulator.reset()
    emulator.refused()
    yield Account(emulator)
    assert emulator.refused() == []


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
