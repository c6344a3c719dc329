# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The load_balancer module against both emulators."""

from __future__ import annotations

from typing import Any

import pytest
from emulators import Account, Vpc, own_certificate

STRICT_TRANSPORT = "routing.http.response.strict_transport_security.header_value"


@pytest.fixture
def options(vpc: Vpc) -> dict[str, Any]:
    """A network, and HTTP: the emulators' certificates come in the tests that need them."""
    return {
        "vpc_id": vpc.id,
        "subnet_ids": vpc.subnet_ids,
        "security_group_ids": [vpc.security_group_id],
        "protocol": "HTTP",
    }


def test_lifecycle(account: Account, options: dict[str, Any]) -> None:
    account.lifecycle("load_balancer", change={"idle_timeout": 120, "stickiness_duration": 3600}, **options)


def test_https_with_a_certificate_redirects_plain_http(account: Account, options: dict[str, Any]) -> None:
    certificate = account.client("acm").import_certificate(**own_certificate("airflow.example.com"))["CertificateArn"]
    options.update(protocol="HTTPS", certificate_arn=certificate, strict_transport_security="max-age=31536000")

    result = account.run("load_balancer", **options)
    assert not result.get("failed"), result.get("msg")
    again = account.run("load_balancer", **options)

    assert not again["changed"], again["diff"]
    elbv2 = account.client("elbv2")
    listeners = {
        listener["Port"]: listener
        for listener in elbv2.describe_listeners(LoadBalancerArn=result["load_balancer"]["arn"])["Listeners"]
    }
    assert listeners[443]["Certificates"][0]["CertificateArn"] == certificate
    attributes = elbv2.describe_listener_attributes(ListenerArn=listeners[443]["ListenerArn"])["Attributes"]
    assert {"Key": STRICT_TRANSPORT, "Value": "max-age=31536000"} in attributes
    assert listeners[80]["DefaultActions"][0]["RedirectConfig"]["Protocol"] == "HTTPS"
    rules = elbv2.describe_rules(ListenerArn=listeners[443]["ListenerArn"])["Rules"]
    closed = next(rule for rule in rules if rule["Priority"] == "1")
    assert closed["Actions"][0]["FixedResponseConfig"]["StatusCode"] == "403"


def test_domain_gets_a_certificate_and_records(account: Account, options: dict[str, Any]) -> None:
    route53 = account.client("route53")
    zone = account.emulator.hosted_zone()
    options.update(protocol="HTTPS", domain_name="airflow.example.com", hosted_zone_id=zone)

    result = account.run("load_balancer", **options)

    assert not result.get("failed"), result.get("msg")
    assert result["load_balancer"]["url"] == "https://airflow.example.com"
    records = {
        (record["Name"], record["Type"])
        for record in route53.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
    }
    assert ("airflow.example.com.", "A") in records and any(kind == "CNAME" for _name, kind in records)
    assert not account.run("load_balancer", **options)["changed"]

    tagged = account.run("load_balancer", tags={"owner": "data"}, **options)
    assert {step["action"] for step in tagged["plan"] if "Certificate" in step["kind"]} == {"update"}
    assert len(account.client("acm").list_certificates()["CertificateSummaryList"]) == 1

    assert account.run("load_balancer", state="absent", **options)["changed"]
    left = route53.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
    assert {record["Type"] for record in left} == {"NS", "SOA"}


def test_stickiness_is_repaired(account: Account, options: dict[str, Any]) -> None:
    arn = account.run("load_balancer", **options)["load_balancer"]["target_group_arn"]
    account.client("elbv2").modify_target_group_attributes(
        TargetGroupArn=arn, Attributes=[{"Key": "stickiness.enabled", "Value": "false"}]
    )
    result = account.run("load_balancer", **options)
    assert [step["action"] for step in result["plan"] if step["action"] != "none"] == ["update"]
    assert not account.run("load_balancer", **options)["changed"]


def test_a_web_acl_is_attached_and_exchanged(account: Account, options: dict[str, Any]) -> None:
    wafv2 = account.client("wafv2")
    visibility = {"SampledRequestsEnabled": False, "CloudWatchMetricsEnabled": False, "MetricName": "requests"}
    first, second = (
        wafv2.create_web_acl(Name=name, Scope="REGIONAL", DefaultAction={"Allow": {}}, VisibilityConfig=visibility)[
            "Summary"
        ]["ARN"]
        for name in ("first", "second")
    )

    planned = account.run("load_balancer", check=True, web_acl_arn=first, **options)
    created = account.run("load_balancer", web_acl_arn=first, **options)
    assert not created.get("failed"), created.get("msg")
    [step] = [step for step in planned["plan"] if step["kind"] == "AWS::WAFv2::WebACLAssociation"]
    assert step["action"] == "create" and step in created["plan"]
    assert not account.run("load_balancer", web_acl_arn=first, **options)["changed"]
    changed = account.run("load_balancer", web_acl_arn=second, **options)

    assert [step["kind"] for step in changed["plan"] if step["action"] == "update"] == ["AWS::WAFv2::WebACLAssociation"]
    arn = created["load_balancer"]["arn"]
    # moto goes on answering the one that was first.
    if account.emulator.name == "ministack":
        assert wafv2.get_web_acl_for_resource(ResourceArn=arn)["WebACL"]["ARN"] == second
    # Without the option it is nobody's business here.
    assert not account.run("load_balancer", **options)["changed"]
