# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The cluster, and the private names that may be switched off."""

from __future__ import annotations

import pytest
from declared import component
from fake_aws import FakeAws

from ansible_collections.sm2a.airflow.plugins.module_utils._components.cluster import ClusterComponent
from ansible_collections.sm2a.airflow.plugins.module_utils._resources.ecs import Cluster
from ansible_collections.sm2a.airflow.plugins.module_utils._resources.servicediscovery import PrivateDnsNamespace


@pytest.mark.parametrize("names", [True, False])
def test_the_namespace_goes_when_nobody_wants_it(names: bool) -> None:
    made = component(ClusterComponent, FakeAws(), vpc_id="vpc-0123456789abcdef0", service_discovery=names)
    cluster, namespace = made.resources()

    assert isinstance(cluster, Cluster) and isinstance(namespace, PrivateDnsNamespace)
    assert (cluster.name, namespace.name, namespace.absent) == ("sm2a-test", "sm2a-test.internal", not names)
    assert (made.facts()["namespace"] is not None) is names


@pytest.mark.parametrize(
    ("options", "refused"),
    [
        ({}, ["vpc_id"]),
        ({"service_discovery": False}, []),
        ({"vpc_id": "(known after apply)"}, []),
        ({"vpc_id": "vpc"}, ["vpc_id"]),
        ({"state": "absent"}, []),
    ],
)
def test_only_names_need_a_vpc(options: dict[str, object], refused: list[str]) -> None:
    assert [fault.option for fault in component(ClusterComponent, FakeAws(), **options).faults()] == refused


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, {}),
        (
            {"execute_command_log_group": "/sm2a/test/execute-command"},
            {"logging": "OVERRIDE", "logConfiguration": {"cloudWatchLogGroupName": "/sm2a/test/execute-command"}},
        ),
        (
            {"execute_command_log_group": "/sm2a/test/execute-command", "kms_key_arn": "arn of a key"},
            {
                "kmsKeyId": "arn of a key",
                "logging": "OVERRIDE",
                "logConfiguration": {
                    "cloudWatchLogGroupName": "/sm2a/test/execute-command",
                    "cloudWatchEncryptionEnabled": True,
                },
            },
        ),
    ],
)
def test_sessions_of_ecs_exec_are_recorded_where_there_is_a_log_group(
    options: dict[str, object], said: dict[str, object]
) -> None:
    made = component(ClusterComponent, FakeAws(), service_discovery=False, **options).resources()

    assert isinstance(made[0], Cluster) and made[0].desired()["execute_command"] == said
