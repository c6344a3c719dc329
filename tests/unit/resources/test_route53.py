# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Certificates and records: whose they are, and what they prove."""

from __future__ import annotations

from typing import Any

import pytest
from fake_aws import OURS, THEIRS, FakeAws, FakeClient, in_turn, refusal

from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.engine import ApplyError, Engine, pending
from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.resource import Resource
from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.tags import tags_to_list
from ansible_collections.sm2a.airflow.plugins.module_utils._resources.elbv2 import LoadBalancer
from ansible_collections.sm2a.airflow.plugins.module_utils._resources.route53 import (
    AliasRecord,
    Certificate,
    SurplusCertificate,
    ValidationRecord,
    certificates_of,
)

NAME = "airflow.example.com"
RECORD = {"Name": "_1.airflow.example.com.", "Type": "CNAME", "Value": "_2.acm.example."}
OPTIONS = [{"DomainName": NAME, "ResourceRecord": RECORD}]


def acm(*statuses: str, tags: dict[str, str] | None = None, **more: Any) -> FakeClient:
    described = [{"Certificate": {"Status": status, "DomainValidationOptions": OPTIONS, **more}} for status in statuses]
    return FakeClient(
        list_certificates={
            "CertificateSummaryList": [
                {"DomainName": "other.example.com", "CertificateArn": "arn of another"},
                {"DomainName": NAME, "CertificateArn": "arn"},
            ]
        },
        describe_certificate=in_turn(*described),
        list_tags_for_certificate={"Tags": tags_to_list(OURS if tags is None else tags)},
        request_certificate={"CertificateArn": "arn of a new one"},
    )


def certificate(client: FakeClient) -> Certificate:
    aws: Any = FakeAws(acm=client)
    return Certificate(aws, NAME, OURS)


def alias(*sets: dict[str, Any]) -> tuple[AliasRecord, FakeClient]:
    route53 = FakeClient(list_resource_record_sets={"ResourceRecordSets": list(sets)})
    aws: Any = FakeAws(route53=route53)
    balancer = LoadBalancer(
        aws, "sm2a-test", OURS, scheme="internal", subnet_ids=[], security_group_ids=[], attributes={}
    )
    balancer.dns_name, balancer.hosted_zone_id = "sm2a-test-1.elb.amazonaws.com", "Z1"
    return AliasRecord(aws, NAME, "ZONE", balancer), route53


@pytest.mark.parametrize("status", ["ISSUED", "PENDING_VALIDATION"])
def test_a_certificate_of_ours_is_found_with_its_proof(status: str) -> None:
    one = certificate(acm(status))

    assert one.find() == {"tags": OURS}
    assert (one.id, one.record) == ("arn", RECORD)


@pytest.mark.parametrize(
    "client", [acm("ISSUED", tags=THEIRS), acm("EXPIRED"), acm("FAILED")], ids=["theirs", "expired", "failed"]
)
def test_one_of_others_or_one_that_does_not_work_is_none(client: FakeClient) -> None:
    assert certificate(client).find() is None


def test_a_new_certificate_is_waited_for_until_it_names_its_record() -> None:
    client = acm("PENDING_VALIDATION")
    client.answers["list_certificates"] = {}
    client.answers["describe_certificate"] = in_turn(
        {"Certificate": {"Status": "PENDING_VALIDATION"}},
        {"Certificate": {"Status": "PENDING_VALIDATION", "DomainValidationOptions": OPTIONS}},
    )
    one = certificate(client)

    Engine("test", check_mode=False).apply([one])

    assert one.record == RECORD


@pytest.mark.parametrize(("last", "reason"), [("ISSUED", None), ("FAILED", "CAA_ERROR")])
def test_a_proof_is_waited_for_until_the_certificate_is_issued_or_never_will_be(last: str, reason: str | None) -> None:
    client = acm("PENDING_VALIDATION", last, FailureReason=reason)
    route53 = FakeClient(list_resource_record_sets={"ResourceRecordSets": []})
    aws: Any = FakeAws(acm=client, route53=route53)
    one = Certificate(aws, NAME, OURS)
    one.id, one.record = "arn", RECORD
    proof = ValidationRecord(aws, one, "ZONE")

    if reason is None:
        [step] = Engine("test", check_mode=False).apply([proof])
        assert step.action == "create" and one in proof.dependencies()
    else:
        with pytest.raises(ApplyError, match="is FAILED: CAA_ERROR"):
            Engine("test", check_mode=False).apply([proof])


class Listener(Resource):
    """What needs the certificate; notes whether it was issued then."""

    tagged = False

    def __init__(self, proof: ValidationRecord) -> None:
        super().__init__(proof.aws, "listener")
        self.proof = proof
        self.issued: bool | None = None

    def find(self) -> None:
        return None

    def desired(self) -> dict[str, Any]:
        return {}

    def create(self, desired: dict[str, Any]) -> None:
        self.issued = self.proof.certificate.issued


def entry(record: bool) -> list[Resource]:
    """A certificate that is issued at the third look, its record, which may be there already, and a listener."""
    sets = [{**RECORD, "ResourceRecords": [{"Value": RECORD["Value"]}]}] if record else []
    route53 = FakeClient(list_resource_record_sets={"ResourceRecordSets": sets})
    aws: Any = FakeAws(acm=acm("PENDING_VALIDATION", "PENDING_VALIDATION", "ISSUED"), route53=route53)
    certificate = Certificate(aws, NAME, OURS)
    proof = ValidationRecord(aws, certificate, "ZONE")
    return [certificate, proof, Listener(proof)]


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize(("record", "action"), [(False, "create"), (True, "none")], ids=["first run", "killed run"])
def test_the_certificate_is_issued_before_anything_uses_it(record: bool, action: str) -> None:
    *others, listener = entry(record)

    steps = Engine("test", check_mode=False).apply([*others, listener])

    assert [step.action for step in steps] == ["none", action, "create"]
    assert isinstance(listener, Listener) and listener.issued


@pytest.mark.parametrize("record", [False, True])
def test_without_waiting_what_needs_the_certificate_is_left_for_later(record: bool) -> None:
    steps = Engine("test", check_mode=False, wait=False).apply(entry(record))

    assert steps[-1].action == "deferred" and pending(steps)


def test_other_tags_are_put_on_the_certificate_that_there_is() -> None:
    client = acm("ISSUED", tags={**OURS, "owner": "before"})
    aws: Any = FakeAws(acm=client)

    [step] = Engine("test", check_mode=False).apply([Certificate(aws, NAME, {**OURS, "owner": "after"})])

    assert step.action == "update" and client.called("request_certificate") == []
    [call] = client.called("add_tags_to_certificate")
    assert call["CertificateArn"] == "arn" and {"Key": "owner", "Value": "after"} in call["Tags"]


def test_the_certificate_that_is_used_is_the_one_and_others_of_ours_are_surplus() -> None:
    client = acm("ISSUED")
    client.answers["list_certificates"] = {
        "CertificateSummaryList": [{"DomainName": NAME, "CertificateArn": arn} for arn in ("a", "b", "c", "d")]
    }
    states = {
        "a": {"Status": "PENDING_VALIDATION"},
        "b": {"Status": "ISSUED", "InUseBy": ["a listener"]},
        "c": {"Status": "EXPIRED"},
        "d": {"Status": "ISSUED"},
    }
    client.answers["describe_certificate"] = lambda CertificateArn: {
        "Certificate": {"DomainName": NAME, "DomainValidationOptions": OPTIONS, **states[CertificateArn]}
    }
    one = certificate(client)

    assert one.find() and one.id == "b"
    found = certificates_of(one.aws, NAME, OURS)
    assert [item["CertificateArn"] for item in found] == ["b", "d", "a"]
    [step] = Engine("test", check_mode=False).apply([SurplusCertificate(one.aws, found[1], OURS)])
    assert step.action == "delete" and client.called("delete_certificate") == [{"CertificateArn": "d"}]


def test_a_request_that_is_sent_twice_orders_one_certificate() -> None:
    client = acm("PENDING_VALIDATION")
    client.answers["list_certificates"] = {}
    one = certificate(client)

    for _time in range(2):
        one.create({})

    tokens = {call["IdempotencyToken"] for call in client.called("request_certificate")}
    assert len(tokens) == 1
    assert tokens != {certificate(client).token}


@pytest.mark.parametrize("target", ["sm2a-test-1.elb.amazonaws.com", "dualstack.SM2A-test-1.elb.amazonaws.com."])
def test_an_alias_is_the_same_however_it_is_written(target: str) -> None:
    record, _route53 = alias({"Name": f"{NAME}.", "Type": "A", "AliasTarget": {"DNSName": target}})

    [step] = Engine("test", check_mode=False).apply([record])

    assert step.action == "none"


@pytest.mark.parametrize(
    ("found", "words"),
    [
        ({"AliasTarget": {"DNSName": "other-1.elb.amazonaws.com."}}, "points at other-1"),
        # That of the environment test-2.
        ({"AliasTarget": {"DNSName": "sm2a-test-2-1.elb.amazonaws.com."}}, "points at sm2a-test-2-1"),
        ({"AliasTarget": {"DNSName": "internal-other-1.elb.amazonaws.com."}}, "points at internal-other-1"),
        ({"ResourceRecords": [{"Value": "192.0.2.1"}]}, "points at an address"),
    ],
)
def test_a_record_of_somebody_else_is_left_alone(found: dict[str, Any], words: str) -> None:
    record, route53 = alias({"Name": f"{NAME}.", "Type": "A", **found})

    with pytest.raises(ApplyError, match=words):
        Engine("test", check_mode=False).apply([record])
    assert route53.called("change_resource_record_sets") == []


@pytest.mark.parametrize("start", ["", "internal-", "dualstack.", "dualstack.internal-"])
def test_a_record_of_an_earlier_load_balancer_of_ours_follows(start: str) -> None:
    earlier = f"{start}sm2a-test-0.eu-central-1.elb.amazonaws.com."
    record, route53 = alias({"Name": f"{NAME}.", "Type": "A", "AliasTarget": {"DNSName": earlier}})

    [step] = Engine("test", check_mode=False).apply([record])

    [change] = route53.called("change_resource_record_sets")
    assert (step.action, change["ChangeBatch"]["Changes"][0]["Action"]) == ("update", "UPSERT")


def test_the_next_name_of_a_zone_is_not_the_one_asked_for() -> None:
    record, _route53 = alias({"Name": "b.example.com.", "Type": "A"}, {"Name": f"{NAME}.", "Type": "AAAA"})

    assert record.find() is None


def test_a_certificate_is_deleted_once_its_listener_has_let_go_of_it() -> None:
    client = acm("ISSUED")
    client.answers["delete_certificate"] = in_turn(refusal("ResourceInUseException"), {})

    [step] = Engine("test", check_mode=False).remove([certificate(client)])

    assert step.action == "delete" and len(client.called("delete_certificate")) == 2


def test_a_new_certificate_may_be_unknown_for_a_moment() -> None:
    client = acm("PENDING_VALIDATION")
    client.answers["list_certificates"] = {}
    client.answers["describe_certificate"] = in_turn(
        refusal("ResourceNotFoundException"),
        {"Certificate": {"Status": "PENDING_VALIDATION", "DomainValidationOptions": OPTIONS}},
    )
    one = certificate(client)

    Engine("test", check_mode=False).apply([one])

    assert one.record == RECORD
