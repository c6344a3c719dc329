# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one way in: an application load balancer with TLS in front of Airflow's web server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .._reconcile.errors import OptionError
from .._reconcile.resource import Resource
from .._reconcile.values import has_unknown
from .._resources.elbv2 import Listener, LoadBalancer, PathRule, TargetGroup
from .._resources.route53 import AliasRecord, Certificate, ValidationRecord
from ._account import hosted_zone_faults
from ._base import Component
from ._names import API_SERVER_PORT
from ._option_rules import (
    BUCKET,
    BUCKETS,
    DOMAIN,
    LISTENERS,
    validate_arn,
    validate_form,
    validate_ids,
    validate_origin,
)

CREATE = "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html"
ATTRIBUTES = "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-load-balancer-attributes.html"
CERTIFICATES = "https://docs.aws.amazon.com/acm/latest/userguide/acm-services.html"
POLICIES = "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/describe-ssl-policies.html"
ZONES = "https://docs.aws.amazon.com/Route53/latest/APIReference/API_GetHostedZone.html"
EXECUTION_PATHS = ["/execution", "/execution/*"]


class LoadBalancerComponent(Component):
    """A load balancer ``sm2a-<environment>``."""

    NAME = "load_balancer"
    ARGUMENTS = {
        "scheme": {"type": "str", "choices": ["internet-facing", "internal"], "default": "internet-facing"},
        "protocol": {"type": "str", "choices": ["HTTPS", "HTTP"], "default": "HTTPS"},
        "certificate_arn": {"type": "str"},
        "domain_name": {"type": "str"},
        "hosted_zone_id": {"type": "str"},
        "ssl_policy": {"type": "str", "default": "ELBSecurityPolicy-TLS13-1-2-2021-06"},
        "url": {"type": "str"},
        "vpc_id": {"type": "str"},
        "subnet_ids": {"type": "list", "elements": "str", "default": []},
        "security_group_ids": {"type": "list", "elements": "str", "default": []},
        "close_execution_api": {"type": "bool", "default": True},
        "stickiness_duration": {"type": "int", "default": 86400},
        "idle_timeout": {"type": "int", "default": 60},
        "deletion_protection": {"type": "bool", "default": False},
        "access_logs_bucket": {"type": "str"},
    }
    CONSTRAINTS = {"required_if": [("state", "present", ["vpc_id"])]}

    def validate(self) -> None:
        options = self.options
        if options["state"] == "absent":
            return
        subnets = options["subnet_ids"]
        if not has_unknown(subnets) and len(set(subnets)) < 2:
            raise OptionError("subnet_ids", subnets, "a load balancer needs subnets in two zones", CREATE)
        validate_ids("subnet_ids", subnets, "subnet")
        validate_ids("vpc_id", [options["vpc_id"]], "vpc")
        validate_ids("security_group_ids", options["security_group_ids"], "sg")
        self._validate_names()
        if options["protocol"] == "HTTPS":
            self._validate_certificate()
        for option, least, most in (("stickiness_duration", 1, 604800), ("idle_timeout", 1, 4000)):
            if not least <= options[option] <= most:
                raise OptionError(option, options[option], f"it must be from {least} to {most} seconds", ATTRIBUTES)

    def _validate_names(self) -> None:
        options = self.options
        if options["domain_name"]:
            validate_form("domain_name", options["domain_name"], DOMAIN, "a host name in lower case", LISTENERS)
        zone = options["hosted_zone_id"]
        if zone:
            validate_form("hosted_zone_id", zone, r"[A-Z0-9]{1,32}", "an id is like Z0123456789ABCDEFGHIJ", ZONES)
            if not options["domain_name"]:
                raise OptionError("hosted_zone_id", zone, "it needs domain_name", LISTENERS)
        if options["url"]:
            validate_origin("url", options["url"], LISTENERS)
        if options["access_logs_bucket"]:
            rule = "3 to 63 lower-case letters, digits, hyphens and dots"
            validate_form("access_logs_bucket", options["access_logs_bucket"], BUCKET, rule, BUCKETS)

    def _validate_certificate(self) -> None:
        arn = self.options["certificate_arn"]
        if arn:
            # A listener takes only certificates of its own region (CERTIFICATES).
            validate_arn("certificate_arn", arn, "acm", "certificate/", CERTIFICATES, self.aws.region)
        form = r"ELBSecurityPolicy-[A-Za-z0-9-]+"
        validate_form("ssl_policy", self.options["ssl_policy"], form, "it must be like ELBSecurityPolicy-...", POLICIES)
        if not arn and not (self.options["domain_name"] and self.options["hosted_zone_id"]):
            raise OptionError(
                "certificate_arn",
                arn,
                "HTTPS needs a certificate: give certificate_arn, or domain_name and hosted_zone_id to have one made",
                LISTENERS,
            )

    def account_faults(self) -> Iterator[OptionError]:
        zone, domain = self.options["hosted_zone_id"], self.options["domain_name"]
        if self.options["state"] == "present" and zone and domain and not has_unknown([zone, domain]):
            yield from hosted_zone_faults(self.aws, zone, domain)

    def resources(self) -> list[Resource]:
        options = self.options
        attributes = {
            "routing.http.drop_invalid_header_fields.enabled": "true",
            # With the port that users see, to which Airflow sends them back after the login:
            # https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-load-balancer-attributes.html
            "routing.http.preserve_host_header.enabled": "true",
            "idle_timeout.timeout_seconds": str(options["idle_timeout"]),
            "deletion_protection.enabled": str(options["deletion_protection"]).lower(),
        }
        if options["access_logs_bucket"]:
            attributes.update(
                {
                    "access_logs.s3.enabled": "true",
                    "access_logs.s3.bucket": options["access_logs_bucket"],
                    "access_logs.s3.prefix": "load-balancer",
                }
            )
        self.balancer = LoadBalancer(
            self.aws,
            self.prefix,
            self.tags,
            scheme=options["scheme"],
            subnet_ids=options["subnet_ids"],
            security_group_ids=options["security_group_ids"],
            attributes=attributes,
        )
        self.target_group = TargetGroup(
            self.aws,
            f"{self.prefix}-api-server",
            self.tags,
            vpc_id=options["vpc_id"] or "",
            port=API_SERVER_PORT,
            health_check={
                "HealthCheckProtocol": "HTTP",
                # Cheap and without a database: /api/v2/monitor/health is always 200 and tells of other components.
                "HealthCheckPath": "/api/v2/version",
                "HealthCheckIntervalSeconds": 15,
                "HealthCheckTimeoutSeconds": 10,
                "HealthyThresholdCount": 2,
                "UnhealthyThresholdCount": 4,
                "Matcher": {"HttpCode": "200"},
            },
            attributes={
                "stickiness.enabled": "true",
                "stickiness.type": "lb_cookie",
                "stickiness.lb_cookie.duration_seconds": str(options["stickiness_duration"]),
                "deregistration_delay.timeout_seconds": "30",
            },
        )
        return [self.balancer, self.target_group, *self._entry()]

    def _entry(self) -> list[Resource]:
        """The listeners, the closed paths, and the certificate and names where they are ours."""
        options = self.options
        resources: list[Resource] = []
        certificate: Resource | str | None = options["certificate_arn"]
        zone = options["hosted_zone_id"]
        if zone:
            resources.append(AliasRecord(self.aws, options["domain_name"], zone, self.balancer))
            if not certificate and options["protocol"] == "HTTPS":
                requested = Certificate(self.aws, options["domain_name"], self.tags)
                validation = ValidationRecord(self.aws, requested, zone)
                resources += [requested, validation]
                certificate = requested
        forward = {"Type": "forward"}
        redirect = {
            "Type": "redirect",
            "RedirectConfig": {"Protocol": "HTTPS", "Port": "443", "StatusCode": "HTTP_301"},
        }
        secure = Listener(
            self.aws,
            self.tags,
            load_balancer=self.balancer,
            port=443,
            protocol="HTTPS",
            action=forward,
            certificate=certificate,
            ssl_policy=options["ssl_policy"],
            target_group=self.target_group,
            # A listener accepts only an issued certificate, and it is issued once its record is there.
            after=[item for item in resources if isinstance(item, ValidationRecord)],
        )
        https = options["protocol"] == "HTTPS"
        plain = Listener(
            self.aws,
            self.tags,
            load_balancer=self.balancer,
            port=80,
            protocol="HTTP",
            action=redirect if https else forward,
            target_group=None if https else self.target_group,
        )
        rule = PathRule(self.aws, self.tags, listener=secure if https else plain, priority=1, paths=EXECUTION_PATHS)
        if options["state"] == "present":
            secure.absent = not https
            rule.absent = not options["close_execution_api"]
        return [*resources, secure, plain, rule]

    def facts(self) -> dict[str, Any]:
        protocol = self.options["protocol"].lower()
        host = self.options["domain_name"] or self.balancer.dns_name
        return {
            "name": self.balancer.name,
            "arn": self.balancer.id,
            "dns_name": self.balancer.dns_name,
            "url": self.options["url"] or f"{protocol}://{host}",
            "target_group_arn": self.target_group.id,
        }
