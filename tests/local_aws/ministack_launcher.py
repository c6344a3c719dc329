# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Serves MiniStack on the loopback interface and on the containers' network, and nowhere else.

MiniStack itself binds one address, by default every one of the machine. Its API starts
containers and its keys are known to everybody, so neither the API nor the ports of those containers must be reachable
from another machine.
"""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import certificates
import docker.models.containers as docker_containers
import docker_engine
import domain
import ec2_flow_logs
import ecs_containers
import ecs_deployments
import ecs_registries
import ecs_task_protection
import elb_duplicates
import faults
import iam_enforcement
import rds_answers
import rds_certificates
import request_limits
import security_groups
import states
import task_credentials
import vpc_network
from hypercorn.asyncio import serve
from hypercorn.config import Config
from load_balancer import LoadBalancers
from ministack.app import AUTH, app
from ministack.core.responses import get_account_id


def _publish_nothing() -> None:
    """Make docker-py publish no port; MiniStack publishes those of databases, past the filters of the VPC."""
    original = docker_containers._create_container_args

    def arguments(options: dict[str, Any]) -> Any:
        return original({name: value for name, value in options.items() if name != "ports"})

    docker_containers._create_container_args = arguments


async def _serve(addresses: list[str], port: int) -> None:
    config = Config()
    config.bind = [address if ":" in address else f"{address}:{port}" for address in addresses]
    config.keep_alive_timeout = 75
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    judged = request_limits.install(ecs_task_protection.install(app))
    emulator = faults.install(states.install(task_credentials.install(judged)))
    if AUTH:
        record = os.environ.get("SM2A_IAM_RECORD")
        emulator = iam_enforcement.install(
            emulator, Path(record) if record else None, get_account_id(), os.environ["MINISTACK_REGION"]
        )
    # Whichever of the two fails ends the other: half of an emulator is worse than none.
    async with asyncio.TaskGroup() as both:
        balancers = both.create_task(_balance(_without_port(addresses)))
        await serve(emulator, config, shutdown_trigger=stop.wait)
        balancers.cancel()


async def _balance(addresses: list[str]) -> None:
    """Open the ports of load balancers, and give the account a domain, where their place is known."""
    offset = os.environ.get("SM2A_LOCAL_PORT_OFFSET")
    if offset is not None:
        domain.install()
        await LoadBalancers(addresses, int(offset)).run()


def _without_port(addresses: Iterable[str]) -> list[str]:
    """Return the addresses of this machine, without those that are of one program only."""
    return [address for address in addresses if ":" not in address]


def main(port: str, *addresses: str) -> None:
    """Serve until SIGTERM. An address may bring a port of its own."""
    # Every worker polls with connections of its own; the usual soft limit of 1024 files is soon reached.
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    _publish_nothing()
    ec2_flow_logs.install()
    ecs_deployments.install()
    ecs_registries.install()
    ecs_containers.install()
    elb_duplicates.install()
    rds_answers.install()
    rds_certificates.install(_without_port(addresses))
    certificates.install()
    # After the certificates, which are for the names that it gives.
    vpc_network.install(docker_engine.gateway())
    security_groups.install(docker_engine.gateway(), int(port), docker_engine.enter_namespace())
    asyncio.run(_serve(list(addresses), int(port)))


if __name__ == "__main__":
    main(*sys.argv[1:])
