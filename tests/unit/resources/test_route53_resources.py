# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The proof of a certificate: what needs the certificate waits until it is issued, in whichever run that is."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile import waits
from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.engine import Engine, pending
from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.resource import Resource
from ansible_collections.sm2a.airflow.plugins.module_utils._resources.route53 import Certificate, ValidationRecord

ARN = "arn:aws:acm:eu-central-1:123456789012:certificate/1"
PROOF = {"Name": "_proof.example.com.", "Type": "CNAME", "Value": "_x.acm-validations.aws."}


class Account:
    """ACM and Route 53 with one certificate, which is issued at the third look, and its record."""

    def __init__(self, record: bool) -> None:
        self.record = record
        self.looks = 0

    def client(self, _service: str) -> Any:
        return self

    def pages(self, _operation: str, _result: str, **_arguments: Any) -> list[dict[str, str]]:
        return [{"DomainName": "example.com", "CertificateArn": ARN}]

    def describe_certificate(self, **_arguments: Any) -> dict[str, Any]:
        self.looks += 1
        proofs = [{"DomainName": "example.com", "ResourceRecord": PROOF}]
        status = "ISSUED" if self.looks >= 3 else "PENDING_VALIDATION"
        return {"Certificate": {"Status": status, "DomainValidationOptions": proofs}}

    def list_tags_for_certificate(self, **_arguments: Any) -> dict[str, Any]:
        return {"Tags": [{"Key": "sm2a:environment", "Value": "test"}]}

    def list_resource_record_sets(self, **_arguments: Any) -> dict[str, Any]:
        found = {**PROOF, "ResourceRecords": [{"Value": PROOF["Value"]}]}
        return {"ResourceRecordSets": [found] if self.record else []}

    def change_resource_record_sets(self, **_arguments: Any) -> None:
        self.record = True


class Listener(Resource):
    """What needs the certificate; notes whether it was issued."""

    tagged = False

    def __init__(self, certificate: Certificate, proof: ValidationRecord) -> None:
        super().__init__(certificate.aws, "listener")
        self.proof = proof

    def find(self) -> None:
        return None

    def desired(self) -> dict[str, Any]:
        return {}

    def create(self, desired: dict[str, Any]) -> None:
        assert self.proof.certificate.issued


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waits, "time", SimpleNamespace(monotonic=lambda: 0.0, sleep=lambda _seconds: None))


def graph(account: Any) -> list[Resource]:
    certificate = Certificate(account, "example.com", {"sm2a:environment": "test"})
    proof = ValidationRecord(account, certificate, "Z1")
    return [certificate, proof, Listener(certificate, proof)]


@pytest.mark.parametrize(("record", "action"), [(False, "create"), (True, "none")], ids=["first run", "killed run"])
def test_the_certificate_is_issued_before_anything_uses_it(record: bool, action: str) -> None:
    steps = Engine("test", check_mode=False).apply(graph(Account(record)))

    assert [step.action for step in steps] == ["none", action, "create"]


@pytest.mark.parametrize("record", [False, True])
def test_without_waiting_what_needs_it_is_left_for_a_later_run(record: bool) -> None:
    account = Account(record)

    begun = Engine("test", check_mode=False, wait=False).apply(graph(account))

    assert begun[-1].action == "deferred" and pending(begun)
    finished = Engine("test", check_mode=False).apply(graph(account))
    assert finished[-1].action == "create" and not pending(finished)
