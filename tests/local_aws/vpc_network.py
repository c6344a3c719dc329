# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The network of Docker's that stands for the VPC: all containers are in it, under the names that AWS gives them.

- A task whose service is in Cloud Map has the name of that service, ``<service>.<namespace>``, for as long as it runs
  (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-discovery.html).
- A database has the name of its endpoint, and its own port; MiniStack gives an address
  (https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_Endpoint.html).

Docker's resolver answers them. It is in every container of a network that is not the default one.
"""

from __future__ import annotations

import hashlib
from typing import Any

from docker_engine import NETWORK
from ministack.services import ecs, rds, servicediscovery

_endpoints: dict[str, str] = {}
"""The names of databases, by the addresses of their containers."""


def install(gateway: str) -> None:
    """Put every container that is started from now on into the network; MiniStack is at its ``gateway``."""
    register, build = ecs._register_metadata, ecs._build_run_kwargs
    run_database, reported = rds._run_rds_container, rds._reported_endpoint

    def register_here(*arguments: Any) -> Any:
        *known, _own_address = arguments
        return register(*known, gateway)

    def build_named(*arguments: Any) -> dict[str, Any]:
        cdef, td, env, ports, _network, host_mode, task_id, task_arn, _own_address, cluster_arn = arguments
        options: dict[str, Any] = build(
            cdef, td, env, ports, NETWORK, host_mode, task_id, task_arn, gateway, cluster_arn
        )
        return {**options, **_in_network(_discovery_names(task_arn))}

    def run_named(client: Any, engine: str, options: dict[str, Any], tls_names: Any = (), tls_ips: Any = ()) -> Any:
        name = _endpoint_name(options["labels"])
        container = run_database(client, engine, {**options, **_in_network([name])}, [name, *tls_names], tls_ips)
        container.reload()
        _endpoints[container.attrs["NetworkSettings"]["Networks"][NETWORK]["IPAddress"]] = name
        return container

    def reported_by_name(host: str, port: int, host_port: int) -> tuple[str, int]:
        address, reported_port = reported(host, port, host_port)
        return _endpoints.get(address, address), reported_port

    ecs._register_metadata = register_here
    ecs._build_run_kwargs = build_named
    rds._run_rds_container = run_named
    rds._reported_endpoint = reported_by_name


def _in_network(names: list[str]) -> dict[str, Any]:
    """Return what docker-py takes to put a container into the network under these names."""
    return {"network": NETWORK, "networking_config": {NETWORK: {"Aliases": names}}}


def _discovery_names(task_arn: str) -> list[str]:
    """Return the names that Cloud Map has for a task."""
    task = ecs._tasks[task_arn]
    cluster = task["clusterArn"].rsplit("/", 1)[-1]
    service = ecs._services.get(f"{cluster}/{task['group'].removeprefix('service:')}", {})
    found = [
        servicediscovery._services.get(registry["registryArn"].rsplit("/", 1)[-1])
        for registry in service.get("serviceRegistries", [])
    ]
    return [f"{one['Name']}.{servicediscovery._namespaces[one['NamespaceId']]['Name']}" for one in found if one]


def _endpoint_name(labels: dict[str, str]) -> str:
    """Return the name of an instance's endpoint. On AWS its second part is the account's, too."""
    account = hashlib.sha256(labels["account_id"].encode()).hexdigest()[:12]
    return f"{labels['db_id']}.{account}.{labels['region']}.rds.amazonaws.com"
