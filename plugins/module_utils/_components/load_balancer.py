# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one way in: an application load balancer with TLS in front of Airflow's web server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .._reconcile.engine import Step
from .._reconcile.errors import OptionError
from .._reconcile.resource import Resource
from .._reconcile.values import has_unknown
from .._resources.elbv2 import Listener, LoadBalancer, PathRule, TargetGroup
from .._resources.route53 import (
    AliasRecord,
    Certificate,
    SurplusCertificate,
    ValidationRecord,
    certificates_of,
)
from .._resources.wafv2 import WebAclAssociation
from ._account import hosted_zone_faults, load_balancer_subnet_faults, ssl_policy_faults
from ._base import Component
from ._names import API_SERVER_PORT
from ._option import Fact, Form, Option, Return
from ._option_rules import (
    BUCKET_NAME,
    HOST_NAME,
    LISTENERS,
    SECURITY_GROUP_ID,
    SUBNET_ID,
    UUID,
    VPC_ID,
    arn_form,
    validate_origin,
)

CREATE = "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html"
ATTRIBUTES = "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-load-balancer-attributes.html"
CERTIFICATES = "https://docs.aws.amazon.com/acm/latest/userguide/acm-services.html"
RESPONSE_HEADERS = "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/enable-header-modification.html"
WEB_ACLS = "https://docs.aws.amazon.com/waf/latest/APIReference/API_AssociateWebACL.html"
POLICIES = "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/describe-ssl-policies.html"
ZONES = "https://docs.aws.amazon.com/Route53/latest/APIReference/API_GetHostedZone.html"
HEALTH_CHECK = {
    "HealthCheckProtocol": "HTTP",
    # Cheap and without a database: /api/v2/monitor/health is always 200 and tells of other components.
    "HealthCheckPath": "/api/v2/version",
    "HealthCheckIntervalSeconds": 15,
    "HealthCheckTimeoutSeconds": 10,
    "HealthyThresholdCount": 2,
    "UnhealthyThresholdCount": 4,
    "Matcher": {"HttpCode": "200"},
}
STRICT_TRANSPORT = "routing.http.response.strict_transport_security.header_value"
EXECUTION_PATHS = ["/execution", "/execution/*"]

# A listener takes only certificates of its own region (CERTIFICATES).
CERTIFICATE_ARN = arn_form("acm", "certificate/", CERTIFICATES, UUID)
REQUEST = "https://docs.aws.amazon.com/acm/latest/APIReference/API_RequestCertificate.html"
# Characters of the first name of a certificate that ACM makes (REQUEST).
MOST_OF_A_CERTIFICATE = 64
SSL_POLICY = Form(r"ELBSecurityPolicy-[A-Za-z0-9-]+", "it must be like ELBSecurityPolicy-...", POLICIES)
STRICT_TRANSPORT_SECURITY = Form(
    r"max-age=\d{1,10}(; includeSubDomains)?(; preload)?", "it must be like max-age=31536000", RESPONSE_HEADERS
)
WEB_ACL_ARN = arn_form("wafv2", "regional/webacl/", WEB_ACLS)
ZONE_ID = Form(r"[A-Z0-9]{1,32}", "an id is like Z0123456789ABCDEFGHIJ", ZONES)


class LoadBalancerComponent(Component):
    """A load balancer ``sm2a-<environment>``."""

    NAME = "load_balancer"
    SUMMARY = "Load balancer in front of Airflow, with its certificate, listeners and DNS record"
    DESCRIPTION = (
        "Creates an application load balancer with TLS termination, sticky sessions and health checks, and, where it "
        "is given a domain and a hosted zone, the certificate and the DNS records.",
        "Airflow's execution API, which only workers use, is closed on the listener.",
    )
    TASK = "Create the load balancer"
    MAIN = ("domain_name", "hosted_zone_id", "certificate_arn", "scheme")
    OPTIONS = {
        "scheme": Option(
            "str",
            "Whether the load balancer is reachable from the internet.",
            choices=("internet-facing", "internal"),
            default="internet-facing",
        ),
        "protocol": Option(
            "str",
            (
                "V(HTTPS) serves port 443 and redirects port 80 to it.",
                "V(HTTP) is for places without certificates, such as the local emulator.",
            ),
            choices=("HTTPS", "HTTP"),
            default="HTTPS",
        ),
        "certificate_arn": Option("str", "ACM certificate of the HTTPS listener.", form=CERTIFICATE_ARN),
        "domain_name": Option(
            "str",
            (
                "Host name of Airflow.",
                "With O(hosted_zone_id) a record is made, and a certificate unless O(certificate_arn) is given.",
            ),
            form=HOST_NAME,
        ),
        "hosted_zone_id": Option("str", "Route 53 hosted zone of O(domain_name).", form=ZONE_ID),
        "ssl_policy": Option(
            "str",
            (
                "Security policy of the HTTPS listener, which says which versions of TLS and ciphers it takes.",
                "The default takes TLS 1.3 and 1.2, and keys that a quantum computer does not break from browsers that "
                "offer them.",
            ),
            # What AWS recommends and its console takes (POLICIES).
            default="ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09",
            form=SSL_POLICY,
        ),
        "url": Option(
            "str",
            "Address at which users reach Airflow, if it is not the load balancer's own or O(domain_name).",
            check=validate_origin,
            why=LISTENERS,
        ),
        "vpc_id": Option("str", "VPC of the targets.", form=VPC_ID, needed=True, fact=Fact("network", ("vpc_id",))),
        "subnet_ids": Option(
            "list",
            "Public subnets, in at least two zones.",
            elements="str",
            default=[],
            form=SUBNET_ID,
            items=2,
            rule="a load balancer needs subnets in two zones",
            why=CREATE,
            needed=True,
            fact=Fact("network", ("public_subnet_ids",)),
        ),
        "security_group_ids": Option(
            "list",
            "Security groups.",
            elements="str",
            default=[],
            form=SECURITY_GROUP_ID,
            items=1,
            needed=True,
            fact=Fact("security", ("security_group_ids", "load_balancer"), one=True),
        ),
        "close_execution_api": Option("bool", "Whether C(/execution) is answered with 403.", default=True),
        "stickiness_duration": Option(
            "int",
            "Seconds for which a browser stays with one API server.",
            default=86400,
            least=1,
            most=604800,
            unit="seconds",
            why=ATTRIBUTES,
        ),
        "idle_timeout": Option(
            "int",
            "Seconds after which an idle connection is closed.",
            default=60,
            least=1,
            most=4000,
            unit="seconds",
            why=ATTRIBUTES,
        ),
        "deletion_protection": Option("bool", "Whether the load balancer refuses to be deleted.", default=False),
        "strict_transport_security": Option(
            "str",
            (
                "Header C(Strict-Transport-Security) of every answer by HTTPS, for example V(max-age=31536000), by "
                "which browsers ask for nothing else from then on.",
                "Without it the listener is left as it is.",
            ),
            form=STRICT_TRANSPORT_SECURITY,
        ),
        "web_acl_arn": Option(
            "str",
            (
                "Regional web ACL of AWS WAF that looks at the requests.",
                "Without it an association that somebody made is left as it is.",
            ),
            form=WEB_ACL_ARN,
        ),
        "access_logs_bucket": Option(
            "str", "Bucket for access logs. Its policy must allow the log delivery of the region.", form=BUCKET_NAME
        ),
    }
    RETURNS = {
        "name": Return("str", "Name of the load balancer.", "sm2a-dev"),
        "arn": Return(
            "str",
            "ARN of the load balancer.",
            "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/sm2a-dev/0123456789abcdef",
        ),
        "dns_name": Return("str", "Host name that AWS assigned.", "sm2a-dev-123456789.eu-central-1.elb.amazonaws.com"),
        "url": Return("str", "Address of Airflow.", "https://airflow.dev.example.com"),
        "target_group_arn": Return(
            "str",
            "Target group of the API servers.",
            "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/sm2a-dev-api-server/0123456789abcdef",
        ),
    }
    PLAN = ("AWS::ElasticLoadBalancingV2::LoadBalancer", "sm2a-dev")
    EXAMPLES = """
- name: Load balancer with a certificate that exists
  sm2a.airflow.load_balancer:
    environment: dev
    region: eu-central-1
    vpc_id: vpc-0123456789abcdef0
    subnet_ids: [subnet-0123456789abcdef0, subnet-0123456789abcdef1]
    security_group_ids: [sg-0123456789abcdef0]
    certificate_arn: arn:aws:acm:eu-central-1:123456789012:certificate/01234567-89ab-cdef-0123-456789abcdef
    domain_name: airflow.example.com

- name: Find the hosted zones of the account
  amazon.aws.route53_info:
    query: hosted_zone
  register: zones

- name: Load balancer with a certificate and a DNS record of its own
  sm2a.airflow.load_balancer:
    environment: dev
    region: eu-central-1
    vpc_id: vpc-0123456789abcdef0
    subnet_ids: [subnet-0123456789abcdef0, subnet-0123456789abcdef1]
    security_group_ids: [sg-0123456789abcdef0]
    domain_name: airflow.example.com
    hosted_zone_id: "{{ (zones.hosted_zones | selectattr('name', 'eq', 'example.com.') | first).id | basename }}"
"""

    def rules(self) -> Iterator[OptionError]:
        options = self.options
        if options["state"] == "absent":
            return
        if options["hosted_zone_id"] and not options["domain_name"]:
            yield OptionError("hosted_zone_id", options["hosted_zone_id"], "it needs domain_name", LISTENERS)
        arn = options["certificate_arn"]
        made = options["domain_name"] and options["hosted_zone_id"]
        if options["protocol"] == "HTTPS" and not (arn or made):
            rule = "HTTPS needs a certificate: give certificate_arn, or domain_name and hosted_zone_id to have one made"
            yield OptionError("certificate_arn", arn, rule, LISTENERS)
        domain = options["domain_name"] or ""
        if options["protocol"] == "HTTPS" and made and not arn and len(domain) > MOST_OF_A_CERTIFICATE:
            rule = f"ACM makes certificates of at most {MOST_OF_A_CERTIFICATE} characters; give certificate_arn"
            yield OptionError("domain_name", domain, rule, REQUEST)

    def account_rules(self) -> Iterator[OptionError]:
        zone, domain = self.options["hosted_zone_id"], self.options["domain_name"]
        if self.options["state"] == "present" and zone and domain and not has_unknown([zone, domain]):
            yield from hosted_zone_faults(self.aws, zone, domain)

    def planned_faults(self, steps: list[Step]) -> Iterator[OptionError]:
        options = self.options
        fields = {field for step in steps for field in step.after}
        if "subnet_ids" in fields:
            yield from load_balancer_subnet_faults(self.aws, options["subnet_ids"], options["vpc_id"])
        if "ssl_policy" in fields:
            yield from ssl_policy_faults(self.aws, options["ssl_policy"])

    def resources(self) -> list[Resource]:
        options = self.options
        self.balancer = LoadBalancer(
            self.aws,
            self.prefix,
            self.tags,
            scheme=options["scheme"],
            subnet_ids=options["subnet_ids"],
            security_group_ids=options["security_group_ids"],
            attributes=self._attributes(),
        )
        self.target_group = TargetGroup(
            self.aws,
            f"{self.prefix}-api-server",
            self.tags,
            vpc_id=options["vpc_id"] or "",
            port=API_SERVER_PORT,
            health_check=HEALTH_CHECK,
            attributes={
                "stickiness.enabled": "true",
                "stickiness.type": "lb_cookie",
                "stickiness.lb_cookie.duration_seconds": str(options["stickiness_duration"]),
                "deregistration_delay.timeout_seconds": "30",
            },
        )
        acl = options["web_acl_arn"]
        protection = [WebAclAssociation(self.aws, self.balancer, acl)] if acl else []
        return [self.balancer, self.target_group, *self._entry(), *protection]

    def _attributes(self) -> dict[str, str]:
        options = self.options
        attributes = {
            "routing.http.drop_invalid_header_fields.enabled": "true",
            # AWS's defaults. With another desync_mitigation_mode requests may be smuggled past the rules of the
            # listener, with another xff_header_processing.mode clients choose the addresses under which they are known.
            "routing.http.desync_mitigation_mode": "defensive",
            "routing.http.xff_header_processing.mode": "append",
            # With the port that users see, to which Airflow sends them back after the login:
            # https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-load-balancer-attributes.html
            "routing.http.preserve_host_header.enabled": "true",
            "idle_timeout.timeout_seconds": str(options["idle_timeout"]),
            "deletion_protection.enabled": str(options["deletion_protection"]).lower(),
        }
        logs = {
            "access_logs.s3.enabled": "true",
            "access_logs.s3.bucket": options["access_logs_bucket"],
            "access_logs.s3.prefix": "load-balancer",
        }
        return {**attributes, **logs} if options["access_logs_bucket"] else attributes

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
                found = certificates_of(self.aws, options["domain_name"], self.tags)
                surplus = [one for one in found[1:] if not one.get("InUseBy")]
                resources += [requested, validation]
                resources += [SurplusCertificate(self.aws, one, self.tags) for one in surplus]
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
            attributes={STRICT_TRANSPORT: options["strict_transport_security"]}
            if options["strict_transport_security"]
            else None,
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
