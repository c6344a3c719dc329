# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private names: operations that may fail, and names that go when their last task has."""

from __future__ import annotations

from typing import Any

import pytest
from fake_aws import OURS, FakeAws, FakeClient, in_turn

from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.engine import ApplyError, Engine
from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.tags import tags_to_list
from ansible_collections.sm2a.airflow.plugins.module_utils._resources.servicediscovery import (
    DiscoveryService,
    PrivateDnsNamespace,
)

NAMESPACE = {"Id": "ns-1", "Arn": "arn of ns-1", "Name": "sm2a-test.internal"}
SERVICE = {"Id": "srv-1", "Arn": "arn of srv-1", "Name": "api-server"}
TAGS = {"Tags": tags_to_list(OURS)}


def operation(status: str, **more: Any) -> dict[str, Any]:
    return {"Operation": {"Status": status, "Targets": {"NAMESPACE": "ns-1"}, **more}}


def namespace(client: FakeClient) -> PrivateDnsNamespace:
    aws: Any = FakeAws(servicediscovery=client)
    return PrivateDnsNamespace(aws, "sm2a-test.internal", OURS, "vpc-1")


def test_a_namespace_is_found_by_its_whole_name() -> None:
    longer = {**NAMESPACE, "Id": "ns-2", "Name": "x.sm2a-test.internal"}
    one = namespace(FakeClient(list_namespaces={"Namespaces": [longer, NAMESPACE]}, list_tags_for_resource=TAGS))

    assert one.find() == {"tags": OURS}
    assert (one.id, one.arn) == ("ns-1", "arn of ns-1")


def test_a_namespace_is_there_when_its_operation_has_succeeded() -> None:
    client = FakeClient(
        list_namespaces=in_turn({"Namespaces": []}, {"Namespaces": [NAMESPACE]}),
        create_private_dns_namespace={"OperationId": "1"},
        get_operation=in_turn(operation("SUBMITTED"), operation("PENDING"), operation("SUCCESS")),
        list_tags_for_resource=TAGS,
    )
    one = namespace(client)

    Engine("test", check_mode=False).apply([one])

    assert one.id == "ns-1" and len(client.called("get_operation")) == 3


def test_an_operation_that_fails_says_why() -> None:
    client = FakeClient(
        create_private_dns_namespace={"OperationId": "1"},
        get_operation=operation("FAIL", ErrorMessage="CONFLICTING_DOMAIN_EXISTS"),
    )

    with pytest.raises(ApplyError, match="CONFLICTING_DOMAIN_EXISTS"):
        Engine("test", check_mode=False).apply([namespace(client)])


def test_a_name_goes_when_the_last_task_has_given_it_back() -> None:
    client = FakeClient(
        list_services={"Services": [SERVICE]},
        list_tags_for_resource=TAGS,
        list_instances=in_turn({"Instances": [{"Id": "task"}]}, {"Instances": []}),
    )
    aws: Any = FakeAws(servicediscovery=client)

    Engine("test", check_mode=False).remove([DiscoveryService(aws, "api-server", OURS, "ns-1")])

    assert [name for name, _arguments in client.calls][-3:] == ["list_instances", "list_instances", "delete_service"]


@pytest.mark.parametrize("records", [[{"Type": "A", "TTL": 86400}], [{"Type": "A", "TTL": 10}, {"Type": "SRV"}]])
def test_other_records_of_a_name_are_put_right(records: list[dict[str, Any]]) -> None:
    client = FakeClient(
        list_services={"Services": [{**SERVICE, "DnsConfig": {"DnsRecords": records}}]},
        list_tags_for_resource=TAGS,
        update_service={"OperationId": "1"},
        get_operation=operation("SUCCESS"),
    )
    aws: Any = FakeAws(servicediscovery=client)

    [step] = Engine("test", check_mode=False).apply([DiscoveryService(aws, "api-server", OURS, "ns-1")])

    assert list(step.before) == ["records"]
    assert client.called("update_service") == [
        {"Id": "srv-1", "Service": {"DnsConfig": {"DnsRecords": [{"Type": "A", "TTL": 10}]}}}
    ]


def test_a_new_name_is_known_by_the_arn_that_ecs_wants() -> None:
    client = FakeClient(create_service={"Service": SERVICE})
    aws: Any = FakeAws(servicediscovery=client)
    one = DiscoveryService(aws, "api-server", OURS, "ns-1")

    Engine("test", check_mode=False).apply([one])

    assert one.arn == "arn of srv-1"
    [request] = client.called("create_service")
    assert request["HealthCheckCustomConfig"] == {"FailureThreshold": 1}
