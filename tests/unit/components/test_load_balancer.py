# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The way in: which listeners there are, who makes the certificate, which paths are closed."""

from __future__ import annotations

from typing import Any

import pytest
from declared import component
from fake_aws import FakeAws, FakeClient

from ansible_collections.sm2a.airflow.plugins.module_utils._components.load_balancer import LoadBalancerComponent
from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.values import KNOWN_AFTER_APPLY
from ansible_collections.sm2a.airflow.plugins.module_utils._resources.elbv2 import Listener, PathRule
from ansible_collections.sm2a.airflow.plugins.module_utils._resources.route53 import (
    AliasRecord,
    Certificate,
    SurplusCertificate,
    ValidationRecord,
)

NAME = LoadBalancerComponent.NAME
CERTIFICATE = "arn:aws:acm:eu-central-1:123456789012:certificate/01234567-89ab-cdef-0123-456789abcdef"
OPTIONS: dict[str, Any] = {
    "vpc_id": "vpc-0123456789abcdef0",
    "subnet_ids": ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"],
    "security_group_ids": ["sg-0123456789abcdef0"],
}
ZONE = {"domain_name": "airflow.example.com", "hosted_zone_id": "Z1"}


def balancer(**options: Any) -> LoadBalancerComponent:
    made = component(LoadBalancerComponent, FakeAws(acm=FakeClient(list_certificates={})), **{**OPTIONS, **options})
    assert list(made.faults()) == []
    return made


def listeners(made: LoadBalancerComponent) -> dict[int, Listener]:
    return {item.port: item for item in made.resources() if isinstance(item, Listener) and not item.absent}


@pytest.mark.parametrize(
    ("options", "kinds"),
    [
        ({"certificate_arn": CERTIFICATE}, set()),
        ({"certificate_arn": CERTIFICATE, **ZONE}, {AliasRecord}),
        (ZONE, {AliasRecord, Certificate, ValidationRecord}),
        ({**ZONE, "protocol": "HTTP"}, {AliasRecord}),
    ],
)
def test_names_and_certificates_are_made_where_they_are_missing(options: dict[str, Any], kinds: set[type]) -> None:
    made = {type(item) for item in balancer(**options).resources()}

    assert made & {AliasRecord, Certificate, ValidationRecord} == kinds


def test_with_https_plain_http_only_redirects() -> None:
    found = listeners(balancer(certificate_arn=CERTIFICATE))

    assert sorted(found) == [80, 443]
    assert found[80].desired()["action"]["RedirectConfig"]["StatusCode"] == "HTTP_301"
    assert found[443].desired()["certificate"] == CERTIFICATE


def test_with_http_there_is_one_listener() -> None:
    found = listeners(balancer(protocol="HTTP"))

    assert list(found) == [80] and found[80].desired()["action"]["Type"] == "forward"


def test_a_listener_waits_until_its_certificate_is_issued() -> None:
    made = balancer(**ZONE)
    secure = listeners(made)[443]

    assert {ValidationRecord, Certificate} <= {type(item) for item in secure.dependencies()}


@pytest.mark.parametrize(("options", "port"), [({"certificate_arn": CERTIFICATE}, 443), ({"protocol": "HTTP"}, 80)])
@pytest.mark.parametrize("closed", [True, False])
def test_the_execution_api_is_closed_where_users_come_in(options: dict[str, Any], port: int, closed: bool) -> None:
    [rule] = [
        item for item in balancer(close_execution_api=closed, **options).resources() if isinstance(item, PathRule)
    ]

    assert (rule.listener.port, rule.absent) == (port, not closed)
    assert rule.desired()["paths"] == ["/execution", "/execution/*"]


@pytest.mark.parametrize(
    ("options", "url"),
    [
        ({"certificate_arn": CERTIFICATE}, f"https://{KNOWN_AFTER_APPLY}"),
        ({"protocol": "HTTP", "domain_name": "airflow.example.com"}, "http://airflow.example.com"),
        ({"protocol": "HTTP", "url": "https://data.example.com:8443"}, "https://data.example.com:8443"),
    ],
)
def test_the_address_that_users_know(options: dict[str, Any], url: str) -> None:
    made = balancer(**options)
    made.resources()

    assert made.facts()["url"] == url


def test_a_second_certificate_of_ours_that_nobody_uses_is_deleted() -> None:
    tags = [{"Key": f"sm2a:{key}", "Value": value} for key, value in (("environment", "test"), ("component", NAME))]
    acm = FakeClient(
        list_certificates={
            "CertificateSummaryList": [{"DomainName": ZONE["domain_name"], "CertificateArn": arn} for arn in "abc"]
        },
        describe_certificate=lambda CertificateArn: {
            "Certificate": {
                "DomainName": ZONE["domain_name"],
                "Status": "ISSUED",
                "InUseBy": [] if CertificateArn == "c" else ["a listener"],
            }
        },
        list_tags_for_certificate={"Tags": tags},
    )
    made = component(LoadBalancerComponent, FakeAws(acm=acm), **{**OPTIONS, **ZONE}).resources()

    assert [(item.name, item.absent) for item in made if isinstance(item, SurplusCertificate)] == [("c", True)]


def test_everything_is_deleted_whatever_made_it() -> None:
    made = component(LoadBalancerComponent, FakeAws(), state="absent").resources()

    assert sorted(item.port for item in made if isinstance(item, Listener)) == [80, 443]
