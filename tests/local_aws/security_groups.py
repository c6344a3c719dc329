# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Security groups of the containers that MiniStack starts, which it stores and does not enforce.

Every container of a task or a database gets packet filters in its own network namespace, before its program listens,
from the groups of its task or instance. They follow every change of rules, groups and members within a second.
"""

from __future__ import annotations

import logging
import subprocess
import threading
import time
from collections.abc import Callable, Iterable
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

from docker.errors import NotFound
from docker.models.containers import Container
from ministack.core.concurrency import spawn_background
from ministack.core.container_reaper import instance_id
from ministack.services import alb, ec2, ecs, rds
from packet_filters import Group, Member, Surroundings, callers, table

INTERVAL_SECONDS = 0.5
TASK_LABEL, DATABASE_LABEL = "com.amazonaws.ecs.task-arn", "db_id"

logger = logging.getLogger("security_groups")

_lock = threading.RLock()
_task_groups: dict[str, frozenset[str]] = {}
"""The groups of each task that was started, by its ARN. A task keeps those that it was started with."""

_members: list[Member] = []
"""Who had security groups at the last look."""


def install(gateway: str, api_port: int, enter: list[str]) -> None:
    """Filter the packets of all containers from now on.

    ``enter`` is the beginning of a command that enters a network namespace, which it gets as
    ``--net=/proc/<pid>/ns/net``.
    """
    enforcer = _Enforcer(gateway, api_port, enter)
    ecs._run_task = _noting_groups(ecs._run_task)
    ecs._ACTION_MAP["RunTask"] = _noting_groups(ecs._ACTION_MAP["RunTask"])
    start = Container.start

    def start_filtered(self: Container, **options: Any) -> None:
        start(self, **options)
        enforcer.started(self.id)

    Container.start = start_filtered
    spawn_background(enforcer.follow, thread_name="security-groups")


def callers_of(groups: Iterable[str], port: int) -> frozenset[IPv4Network]:
    """Return the networks from which somebody with these groups may be called at a port of TCP."""
    return callers(frozenset(groups), _stored_groups(), tuple(_members), port)


def _stored_groups() -> dict[str, Group]:
    return {identity: group for (_account, _region, identity), group in ec2._security_groups.all_items()}


def _noting_groups(run_task: Callable[[dict[str, Any]], Any]) -> Callable[[dict[str, Any]], Any]:
    def run(data: dict[str, Any]) -> Any:
        # Whoever starts the task's container waits here until its groups are known.
        with _lock:
            before = set(ecs._tasks)
            answer = run_task(data)
            for arn in set(ecs._tasks) - before:
                _task_groups[arn] = _requested_groups(data)
        return answer

    return run


def _requested_groups(data: dict[str, Any]) -> frozenset[str]:
    """Return the groups of a request, which are the default group of the subnets' VPC where it names none."""
    network = (data.get("networkConfiguration") or {}).get("awsvpcConfiguration") or {}
    if network.get("securityGroups"):
        return frozenset(network["securityGroups"])
    vpcs = {ec2._subnets.get(subnet, {}).get("VpcId") for subnet in network.get("subnets", [])}
    groups = ec2._security_groups.values()
    return frozenset(one["GroupId"] for one in groups if one["GroupName"] == "default" and one["VpcId"] in vpcs)


class _Enforcer:
    """Puts the filters in place, and again wherever they have become others."""

    def __init__(self, gateway: str, api_port: int, enter: list[str]) -> None:
        self.gateway = gateway
        self.api_port = api_port
        self.enter = enter
        lines = [line.split() for line in Path("/etc/resolv.conf").read_text().splitlines()]
        self.resolvers = tuple(words[1] for words in lines if words[:1] == ["nameserver"])
        self.pids: dict[str, int] = {}
        self.tables: dict[str, str] = {}

    def started(self, identity: str) -> None:
        """Filter the packets of a container whose network namespace has just been made."""
        with _lock:
            self._forget(identity)
            self._try()

    def follow(self) -> None:
        """Look for changes for ever."""
        while True:
            time.sleep(INTERVAL_SECONDS)
            self._try()

    def _try(self) -> None:
        """Do what can be done now. A Docker that does not answer in time is no fault of the container that starts."""
        try:
            self.refresh()
        except Exception:
            logger.exception("security groups are not enforced at the moment")

    def refresh(self) -> None:
        """Give every container whose groups, their rules or members have changed its new filters."""
        client = ecs._get_docker()
        with _lock:
            running = client.api.containers(filters={"label": f"ministack.instance={instance_id()}"})
            containers = {one["Id"]: one for one in running}
            for gone in set(self.pids) - set(containers):
                self._forget(gone)
            groups = {identity: _groups_of(one["Labels"]) for identity, one in containers.items()}
            members = [Member(_address(one), groups[identity]) for identity, one in containers.items()]
            # In an order of their own, so that the same members give the same filters.
            _members[:] = sorted({*members, *self._balancers()}, key=lambda one: (one.address, sorted(one.groups)))
            around = Surroundings(
                groups=_stored_groups(),
                members=tuple(_members),
                gateway=self.gateway,
                api_port=self.api_port,
                resolvers=self.resolvers,
            )
            for identity, one in containers.items():
                filters = table(groups[identity], around, managed=DATABASE_LABEL in one["Labels"])
                if self.tables.get(identity) != filters and self._apply(client, identity, filters):
                    self.tables[identity] = filters

    def _forget(self, identity: str) -> None:
        self.pids.pop(identity, None)
        self.tables.pop(identity, None)

    def _balancers(self) -> list[Member]:
        return [Member(self.gateway, frozenset(balancer["SecurityGroups"])) for balancer in alb._lbs.all_values()]

    def _apply(self, client: Any, identity: str, filters: str) -> bool:
        """Load a table in a container's namespace, and tell whether that was done; a container may end meanwhile."""
        if identity not in self.pids:
            try:
                self.pids[identity] = client.api.inspect_container(identity)["State"]["Pid"]
            except NotFound:
                return False
        command = [*self.enter, f"--net=/proc/{self.pids[identity]}/ns/net", "iptables-restore"]
        done = subprocess.run(command, input=filters, text=True, capture_output=True, check=False)
        if done.returncode:
            logger.warning("container %.12s: %s", identity, done.stderr.strip())
        return done.returncode == 0


def _address(container: dict[str, Any]) -> str:
    networks = container["NetworkSettings"]["Networks"].values()
    return next((str(one["IPAddress"]) for one in networks if one["IPAddress"]), "0.0.0.0")


def _groups_of(labels: dict[str, str]) -> frozenset[str]:
    """Return the groups of a container's task or instance; none, so that nothing passes, before they are known."""
    if TASK_LABEL in labels:
        return _task_groups.get(labels[TASK_LABEL], frozenset())
    if DATABASE_LABEL in labels:
        instance = rds._instances.get_scoped(labels["account_id"], labels["region"], labels[DATABASE_LABEL], {})
        return frozenset(group["VpcSecurityGroupId"] for group in instance.get("VpcSecurityGroups", []))
    return frozenset()
