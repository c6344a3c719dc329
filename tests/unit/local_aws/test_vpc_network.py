# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Containers of the local AWS are in one network, under the names that AWS would give them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import vpc_network
from ministack.services import ecs, rds, servicediscovery

GATEWAY, NETWORK = "10.42.0.1", "sm2a"
TASK = "arn:aws:ecs:eu-central-1:000000000000:task/sm2a-local/1"
ENDPOINT = "sm2a-local.f7b11509f4d6.eu-central-1.rds.amazonaws.com"
LABELS = {"db_id": "sm2a-local", "account_id": "000000000000", "region": "eu-central-1"}


@pytest.fixture
def ministack(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Note what MiniStack would start, and give the network's names to it."""
    seen: dict[str, Any] = {}
    attributes = {"NetworkSettings": {"Networks": {NETWORK: {"IPAddress": "10.42.128.7"}}}}
    container = SimpleNamespace(attrs=attributes, reload=lambda: None)

    def run_database(_client: Any, _engine: str, options: dict[str, Any], names: Any, _ips: Any) -> Any:
        seen.update(options=options, names=names)
        return container

    monkeypatch.setattr(ecs, "_build_run_kwargs", lambda *arguments: {"network": arguments[4], "host": arguments[8]})
    monkeypatch.setattr(ecs, "_register_metadata", lambda *arguments: arguments[-1])
    monkeypatch.setattr(rds, "_run_rds_container", run_database)
    monkeypatch.setattr(rds, "_reported_endpoint", lambda host, port, _host_port: (host, port))
    vpc_network.install(GATEWAY)
    return seen


@pytest.fixture
def a_task(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A task of a service that Cloud Map knows as api-server.sm2a-local.internal."""
    task = {"clusterArn": "arn:aws:ecs:eu-central-1:000000000000:cluster/sm2a-local", "group": "service:api"}
    registry = "arn:aws:servicediscovery:eu-central-1:000000000000:service/srv-1"
    monkeypatch.setattr(ecs, "_tasks", {TASK: task})
    monkeypatch.setattr(ecs, "_services", {"sm2a-local/api": {"serviceRegistries": [{"registryArn": registry}]}})
    monkeypatch.setattr(servicediscovery, "_services", {"srv-1": {"Name": "api-server", "NamespaceId": "ns-1"}})
    monkeypatch.setattr(servicediscovery, "_namespaces", {"ns-1": {"Name": "sm2a-local.internal"}})
    return task


def start(task_arn: str = TASK) -> dict[str, Any]:
    arguments = ({}, {}, {}, {}, None, False, "1", task_arn, None, "arn:aws:ecs:::cluster/sm2a-local")
    return dict(ecs._build_run_kwargs(*arguments))


@pytest.mark.parametrize(
    ("group", "names"), [("service:api", ["api-server.sm2a-local.internal"]), ("service:worker", []), ("", [])]
)
def test_a_task_has_the_name_of_its_service(
    ministack: dict[str, Any], a_task: dict[str, Any], group: str, names: list[str]
) -> None:
    a_task["group"] = group

    options = start()

    assert options["network"] == NETWORK and options["networking_config"] == {NETWORK: {"Aliases": names}}


def test_a_task_finds_the_emulator_at_the_networks_gateway(ministack: dict[str, Any], a_task: dict[str, Any]) -> None:
    assert start()["host"] == GATEWAY
    assert ecs._register_metadata(TASK, "cluster", {}, {}, "FARGATE", {}, False, None) == GATEWAY


def test_a_database_has_the_name_of_its_endpoint_and_a_certificate_for_it(ministack: dict[str, Any]) -> None:
    rds._run_rds_container(None, "postgres", {"labels": LABELS, "network": NETWORK}, tls_names=["container"])

    assert ministack["options"]["networking_config"] == {NETWORK: {"Aliases": [ENDPOINT]}}
    assert ministack["names"] == [ENDPOINT, "container"]
    assert rds._reported_endpoint("10.42.128.7", 5432, 15432) == (ENDPOINT, 5432)
    assert rds._reported_endpoint("10.42.128.9", 5432, 15432) == ("10.42.128.9", 5432)
