# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Amazon Route 53 records and the ACM certificates that they prove."""

from __future__ import annotations

import re
import secrets
from typing import Any

from .._reconcile.aws import Aws
from .._reconcile.errors import ReconcileError, ignoring
from .._reconcile.resource import Resource
from .._reconcile.tags import COMPONENT, ENVIRONMENT, tags_from_list, tags_to_list
from .._reconcile.values import KNOWN_AFTER_APPLY
from .._reconcile.waits import wait_released, wait_until
from .elbv2 import LoadBalancer

# DNS validation takes up to half an hour: https://docs.aws.amazon.com/acm/latest/userguide/dns-validation.html
ISSUE_SECONDS = 2700
USUALLY_ISSUED = "2 to 30 minutes"
RECORD_SECONDS = 60
# Of a certificate that can be used, or will be once it is proved.
WORKING = ("ISSUED", "PENDING_VALIDATION")
# How long ACM sees a listener that is gone: https://docs.aws.amazon.com/acm/latest/userguide/gs-acm-delete.html
RELEASE_SECONDS = 1200
IN_USE = ("ResourceInUseException",)
MISSING = "ResourceNotFoundException"
NO_ZONE = "NoSuchHostedZone"


def certificates_of(aws: Aws, domain_name: str, tags: dict[str, str]) -> list[dict[str, Any]]:
    """Return what ACM says of the certificates that the environment's component has for a domain, the best one first.

    Each has its tags as ``Tags``. An account may hold several certificates of a name, and others may have made them.
    """
    owner = {key: tags[key] for key in (ENVIRONMENT, COMPONENT) if key in tags}
    acm = aws.client("acm")

    def read() -> list[dict[str, Any]]:
        # Without the key types only RSA 2048 is listed.
        listed = acm.pages("list_certificates", "CertificateSummaryList", Includes={"keyTypes": ["RSA_2048"]})
        found = []
        for arn in (one["CertificateArn"] for one in listed if one["DomainName"] == domain_name):
            certificate = acm.describe_certificate(CertificateArn=arn)["Certificate"]
            if certificate["Status"] in WORKING:
                have = acm.list_tags_for_certificate(CertificateArn=arn)["Tags"]
                found.append({**certificate, "CertificateArn": arn, "Tags": tags_from_list(have)})
        return found

    found = aws.once("acm", ("certificates", domain_name), read)
    ours = [one for one in found if owner.items() <= one["Tags"].items()]
    # Of two that are alike the older one is more likely to be in use.
    return sorted(
        ours, key=lambda one: (not one.get("InUseBy"), one["Status"] != "ISSUED", str(one.get("CreatedAt", "")))
    )


class Certificate(Resource):
    """A certificate for one domain name, proved by DNS. ``id`` is its ARN, ``record`` the proof."""

    kind = "AWS::CertificateManager::Certificate"

    def __init__(self, aws: Aws, domain_name: str, tags: dict[str, str]) -> None:
        super().__init__(aws, domain_name, tags)
        self.record: dict[str, str] = {"Name": KNOWN_AFTER_APPLY, "Type": "CNAME", "Value": KNOWN_AFTER_APPLY}
        self.issued = False
        # A request whose answer was lost is sent again, and must not order a second certificate.
        self.token = secrets.token_hex(16)

    def find(self) -> dict[str, Any] | None:
        for certificate in certificates_of(self.aws, self.name, self.tags)[:1]:
            self.id = certificate["CertificateArn"]
            self.remember(certificate)
            return {"tags": certificate["Tags"]}
        return None

    def remember(self, certificate: dict[str, Any]) -> None:
        """Note how far the certificate is, from ACM's description of it."""
        self.issued = certificate["Status"] == "ISSUED"
        for option in certificate.get("DomainValidationOptions", []):
            if option["DomainName"] == self.name and "ResourceRecord" in option:
                self.record = option["ResourceRecord"]

    def desired(self) -> dict[str, Any]:
        return {"tags": self.tags}

    def create(self, desired: dict[str, Any]) -> None:
        self.id = self.aws.client("acm").request_certificate(
            DomainName=self.name, ValidationMethod="DNS", IdempotencyToken=self.token, Tags=tags_to_list(self.tags)
        )["CertificateArn"]

    def update(self, current: dict[str, Any], changes: dict[str, Any]) -> None:
        self.aws.client("acm").add_tags_to_certificate(CertificateArn=self.id, Tags=tags_to_list(self.tags))

    def wait_ready(self) -> None:
        def probe() -> bool:
            with ignoring(MISSING):  # so new that not every part of ACM knows it
                self.remember(self.aws.client("acm").describe_certificate(CertificateArn=self.id)["Certificate"])
            return self.record["Name"] != KNOWN_AFTER_APPLY

        wait_until(f"{self.label} names its validation record", probe, RECORD_SECONDS, interval=2)

    def untag(self, keys: list[str]) -> None:
        self.aws.client("acm").remove_tags_from_certificate(CertificateArn=self.id, Tags=[{"Key": key} for key in keys])

    def delete(self, current: dict[str, Any]) -> None:
        _delete_certificate(self.aws, self.label, self.id)


class SurplusCertificate(Resource):
    """A certificate of ours besides the one that is used; ``name`` is its ARN, and it is there to be deleted."""

    kind = "AWS::CertificateManager::Certificate"

    def __init__(self, aws: Aws, certificate: dict[str, Any], tags: dict[str, str]) -> None:
        super().__init__(aws, certificate["CertificateArn"], tags)
        self.certificate = certificate
        self.absent = True

    def find(self) -> dict[str, Any] | None:
        found = certificates_of(self.aws, self.certificate["DomainName"], self.tags)
        return next(({"tags": one["Tags"]} for one in found if one["CertificateArn"] == self.name), None)

    def delete(self, current: dict[str, Any]) -> None:
        _delete_certificate(self.aws, self.label, self.name)


def _delete_certificate(aws: Aws, label: str, arn: str) -> None:
    def delete() -> None:
        with ignoring(MISSING):
            aws.client("acm").delete_certificate(CertificateArn=arn)

    wait_released(label, delete, IN_USE, RELEASE_SECONDS)


class Record(Resource):
    """A record of a hosted zone. It carries no tags: its name and value are all that there is to know it by."""

    kind = "AWS::Route53::RecordSet"
    tagged = False

    def __init__(self, aws: Aws, name: str, hosted_zone_id: str, record_type: str) -> None:
        super().__init__(aws, name)
        self.hosted_zone_id = hosted_zone_id
        self.record_type = record_type

    def record_name(self) -> str:
        """Return the full name of the record."""
        return self.name

    def _find_set(self) -> dict[str, Any] | None:
        name = self.record_name().rstrip(".") + "."
        # With its zone a record has gone as well.
        with ignoring(*([NO_ZONE] if self.absent else [])):
            answer = self.aws.client("route53").list_resource_record_sets(
                HostedZoneId=self.hosted_zone_id, StartRecordName=name, StartRecordType=self.record_type, MaxItems="1"
            )
            for found in answer["ResourceRecordSets"]:
                if found["Name"] == name and found["Type"] == self.record_type:
                    self.id = name
                    return dict(found)
        return None

    def _change(self, action: str, record_set: dict[str, Any]) -> None:
        self.aws.client("route53").change_resource_record_sets(
            HostedZoneId=self.hosted_zone_id,
            ChangeBatch={"Changes": [{"Action": action, "ResourceRecordSet": record_set}]},
        )

    def _record_set(self) -> dict[str, Any]:
        raise NotImplementedError

    def create(self, desired: dict[str, Any]) -> None:
        self._change("CREATE", self._record_set())

    def update(self, current: dict[str, Any], changes: dict[str, Any]) -> None:
        self._change("UPSERT", self._record_set())

    def delete(self, current: dict[str, Any]) -> None:
        found = self._find_set()
        if found:
            self._change("DELETE", found)


class ValidationRecord(Record):
    """The record that proves to ACM whose the domain is; ready once the certificate is issued."""

    slow = True

    def __init__(self, aws: Aws, certificate: Certificate, hosted_zone_id: str) -> None:
        super().__init__(aws, f"validation of {certificate.name}", hosted_zone_id, "CNAME")
        self.certificate = certificate

    def record_name(self) -> str:
        return self.certificate.record["Name"]

    def find(self) -> dict[str, Any] | None:
        found = self._find_set()
        if found is None:
            return None
        self.ready = self.certificate.issued
        return {"value": found["ResourceRecords"][0]["Value"]}

    def desired(self) -> dict[str, Any]:
        return {"value": self.certificate.record["Value"]}

    def _record_set(self) -> dict[str, Any]:
        record = self.certificate.record
        return {
            "Name": record["Name"],
            "Type": record["Type"],
            "TTL": 300,
            "ResourceRecords": [{"Value": record["Value"]}],
        }

    def wait_ready(self) -> None:
        def probe() -> bool:
            answer = self.aws.client("acm").describe_certificate(CertificateArn=self.certificate.id)["Certificate"]
            if answer["Status"] not in ("PENDING_VALIDATION", "ISSUED"):
                raise ReconcileError(f"{self.certificate.label} is {answer['Status']}: {answer.get('FailureReason')}")
            self.certificate.remember(answer)
            return self.certificate.issued

        wait_until(f"{self.certificate.label} is issued", probe, ISSUE_SECONDS, 10, usual=USUALLY_ISSUED)


class AliasRecord(Record):
    """An address record that follows a load balancer. One that points elsewhere is somebody else's."""

    def __init__(self, aws: Aws, name: str, hosted_zone_id: str, load_balancer: LoadBalancer) -> None:
        super().__init__(aws, name, hosted_zone_id, "A")
        self.load_balancer = load_balancer

    def find(self) -> dict[str, Any] | None:
        found = self._find_set()
        if found is None:
            return None
        # Route 53 puts "dualstack." before the name when the console made the record, and a dot behind it.
        target = found.get("AliasTarget", {}).get("DNSName", "").rstrip(".").removeprefix("dualstack.")
        return {"alias": target.lower()}

    def desired(self) -> dict[str, Any]:
        return {"alias": self.load_balancer.dns_name.lower()}

    def update(self, current: dict[str, Any], changes: dict[str, Any]) -> None:
        if not self._of_ours(current["alias"]):
            raise ReconcileError(
                f"{self.label} exists and points at {current['alias'] or 'an address'}; delete it first"
            )
        super().update(current, changes)

    def _of_ours(self, alias: str) -> bool:
        """Tell whether an alias is of a load balancer of our name, perhaps of one that is gone.

        AWS adds digits to the name, and puts "internal-" before that of an internal one:
        https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html
        """
        name = re.escape(self.load_balancer.name.lower())
        return bool(re.match(rf"(internal-)?{name}-[0-9a-f]+\.", alias))

    def _record_set(self) -> dict[str, Any]:
        return {
            "Name": self.name,
            "Type": "A",
            "AliasTarget": {
                "HostedZoneId": self.load_balancer.hosted_zone_id,
                "DNSName": self.load_balancer.dns_name,
                "EvaluateTargetHealth": False,
            },
        }
