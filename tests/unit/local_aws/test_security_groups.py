# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which filters containers of the local AWS get, and when."""

from __future__ import annotations

import subprocess
from types import SimpleNamespace
from typing import Any

import pytest
import security_groups
from docker.errors import NotFound
from ministack.core.responses import AccountRegionScopedDict
from ministack.services import alb, ec2, ecs, rds

TASK = "arn:aws:ecs:eu-central-1:000000000000:task/sm2a-local/1"
DATABASE = {"db_id": "sm2a-local", "account_id": "000000000000", "region": "eu-central-1"}
OPEN = {"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "UserIdGroupPairs": [{"GroupId": "sg-web"}]}


class Docker:
    """The containers that run, and the tables that were loaded into them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.running: dict[str, tuple[dict[str, str], str]] = {}
        self.loaded: list[tuple[str, str]] = []
        self.fails = False
        self.ended = ""
        self.api = SimpleNamespace(containers=self.containers, inspect_container=self.inspect)
        monkeypatch.setattr(ecs, "_get_docker", lambda: self)
        monkeypatch.setattr(subprocess, "run", self.load)

    def containers(self, filters: Any) -> list[dict[str, Any]]:
        return [
            {"Id": name, "Labels": labels, "NetworkSettings": {"Networks": {"sm2a": {"IPAddress": at}}}}
            for name, (labels, at) in self.running.items()
        ]

    def inspect(self, name: str) -> dict[str, Any]:
        if name == self.ended:
            raise NotFound("no such container")
        return {"State": {"Pid": f"pid-of-{name}"}}

    def load(self, command: list[str], input: str, **_options: Any) -> Any:
        assert command[0] == "nsenter" and command[2] == "iptables-restore"
        self.loaded.append((command[1], input))
        return SimpleNamespace(returncode=int(self.fails), stderr="no such process")

    def tables(self) -> dict[str, str]:
        return {name.removeprefix("--net=/proc/pid-of-").removesuffix("/ns/net"): text for name, text in self.loaded}


def scoped(values: dict[str, Any]) -> AccountRegionScopedDict:
    made = AccountRegionScopedDict()
    for key, value in values.items():
        made.set_scoped("000000000000", "eu-central-1", key, value)
    return made


@pytest.fixture
def docker(monkeypatch: pytest.MonkeyPatch) -> Docker:
    groups = {"sg-web": {}, "sg-data": {"IpPermissions": [OPEN]}}
    monkeypatch.setattr(ec2, "_security_groups", scoped(groups))
    monkeypatch.setattr(alb, "_lbs", scoped({}))
    database = {"VpcSecurityGroups": [{"VpcSecurityGroupId": "sg-data"}]}
    monkeypatch.setattr(rds, "_instances", scoped({"sm2a-local": database}))
    monkeypatch.setattr(security_groups, "_task_groups", {TASK: frozenset({"sg-web"})})
    docker = Docker(monkeypatch)
    docker.running = {"web": ({security_groups.TASK_LABEL: TASK}, "10.42.128.2"), "data": (DATABASE, "10.42.128.3")}
    return docker


@pytest.fixture
def enforcer() -> security_groups._Enforcer:
    return security_groups._Enforcer("10.42.0.1", 4566, ["nsenter"])


def test_each_container_gets_its_own_filters_once(docker: Docker, enforcer: security_groups._Enforcer) -> None:
    enforcer.refresh()
    enforcer.refresh()

    assert len(docker.loaded) == 2
    assert "-A INPUT -s 10.42.128.2/32 -p tcp --dport 5432:5432 -j ACCEPT" in docker.tables()["data"]
    assert "5432" not in docker.tables()["web"]


def test_a_change_of_rules_and_a_new_member_are_followed(docker: Docker, enforcer: security_groups._Enforcer) -> None:
    enforcer.refresh()
    docker.loaded.clear()
    docker.running["second"] = ({security_groups.TASK_LABEL: TASK}, "10.42.128.4")
    enforcer.refresh()
    assert set(docker.tables()) == {"data", "second"} and "10.42.128.4/32" in docker.tables()["data"]

    docker.loaded.clear()
    ec2._security_groups.get_scoped("000000000000", "eu-central-1", "sg-data")["IpPermissions"] = []
    enforcer.refresh()
    assert set(docker.tables()) == {"data"} and "10.42.128" not in docker.tables()["data"]


def test_a_container_that_starts_again_has_a_new_namespace(docker: Docker, enforcer: security_groups._Enforcer) -> None:
    enforcer.refresh()
    docker.loaded.clear()
    enforcer.started("data")

    assert set(docker.tables()) == {"data"}


def test_what_could_not_be_loaded_is_tried_again(docker: Docker, enforcer: security_groups._Enforcer) -> None:
    docker.fails = True
    enforcer.refresh()
    docker.fails = False
    docker.loaded.clear()
    enforcer.refresh()

    assert set(docker.tables()) == {"web", "data"}


def test_one_that_ends_meanwhile_keeps_no_other_from_its_filters(
    docker: Docker, enforcer: security_groups._Enforcer
) -> None:
    docker.ended = "web"
    enforcer.started("data")

    assert set(docker.tables()) == {"data"}


def test_a_container_starts_although_docker_does_not_answer(
    docker: Docker, enforcer: security_groups._Enforcer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ecs, "_get_docker", lambda: None)
    enforcer.started("data")
    assert docker.loaded == []


def test_who_is_not_known_yet_is_reached_by_nobody(docker: Docker, enforcer: security_groups._Enforcer) -> None:
    security_groups._task_groups.clear()
    enforcer.refresh()

    accepted = [line for line in docker.tables()["web"].splitlines() if line.endswith("ACCEPT") and "INPUT -s" in line]
    assert accepted == []


@pytest.mark.parametrize(
    ("network", "groups"),
    [
        ({"securityGroups": ["sg-a", "sg-b"], "subnets": ["subnet-1"]}, {"sg-a", "sg-b"}),
        ({"subnets": ["subnet-1"]}, {"sg-default"}),
        ({}, set()),
    ],
)
def test_a_task_without_groups_has_the_default_one_of_its_vpc(
    monkeypatch: pytest.MonkeyPatch, network: dict[str, Any], groups: set[str]
) -> None:
    monkeypatch.setattr(ec2, "_subnets", {"subnet-1": {"VpcId": "vpc-1"}})
    known = {
        name: {"GroupId": name, "GroupName": "default", "VpcId": vpc}
        for name, vpc in {"sg-default": "vpc-1", "sg-other": "vpc-2"}.items()
    }
    monkeypatch.setattr(ec2, "_security_groups", known)
    monkeypatch.setattr(ecs, "_tasks", {})
    monkeypatch.setattr(security_groups, "_task_groups", {})

    def run_task(_data: dict[str, Any]) -> None:
        ecs._tasks[TASK] = {}

    security_groups._noting_groups(run_task)({"networkConfiguration": {"awsvpcConfiguration": network}})

    assert security_groups._task_groups == {TASK: groups}
