# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Elastic Load Balancing: an application load balancer and what belongs to it."""

from __future__ import annotations

from typing import Any

from .._reconcile.aws import Aws
from .._reconcile.errors import ReconcileError, ignoring
from .._reconcile.resource import Resource
from .._reconcile.tags import tags_from_list, tags_to_list
from .._reconcile.values import KNOWN_AFTER_APPLY
from .._reconcile.waits import wait_released, wait_until

# A load balancer takes two to four minutes.
BALANCER_SECONDS = 900
# The names that the service gives its errors, and those that SDKs give them.
NO_BALANCER = ("LoadBalancerNotFound", "LoadBalancerNotFoundException")
NO_TARGET_GROUP = ("TargetGroupNotFound", "TargetGroupNotFoundException")
# https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DescribeTags.html
DESCRIBED_AT_ONCE = 20
IN_USE = ("ResourceInUse", "ResourceInUseException")
# How long a listener that is gone may still be seen to use its target group.
RELEASE_SECONDS = 600


def _attributes(values: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in sorted(values.items())]


def describe_load_balancer(aws: Aws, name: str) -> dict[str, Any] | None:
    """Return what ELB says of a load balancer, None if there is none."""
    with ignoring(*NO_BALANCER):
        answer = aws.client("elbv2").describe_load_balancers(Names=[name])
        return next((dict(balancer) for balancer in answer["LoadBalancers"]), None)
    return None


def listeners_of(aws: Aws, load_balancer_arn: str) -> list[dict[str, Any]]:
    """Return what ELB says of the listeners of a load balancer."""
    return aws.client("elbv2").pages("describe_listeners", "Listeners", LoadBalancerArn=load_balancer_arn)


def _rules_of(aws: Aws, listener_arn: str) -> list[dict[str, Any]]:
    return aws.once(
        "elbv2",
        ("rules", listener_arn),
        lambda: aws.client("elbv2").pages("describe_rules", "Rules", ListenerArn=listener_arn),
    )


def _listeners_of(aws: Aws, load_balancer_arn: str) -> list[dict[str, Any]]:
    return aws.once("elbv2", ("listeners", load_balancer_arn), lambda: listeners_of(aws, load_balancer_arn))


def _arns_of(aws: Aws, load_balancer_arn: str) -> list[str]:
    """Return the ARN of a load balancer and of what belongs to it, without the default rules, which have no tags."""
    listeners = _listeners_of(aws, load_balancer_arn)
    arns = [load_balancer_arn, *(listener["ListenerArn"] for listener in listeners)]
    for listener in listeners:
        arns += [rule["RuleArn"] for rule in _rules_of(aws, listener["ListenerArn"]) if not rule.get("IsDefault")]
        actions = listener.get("DefaultActions") or []
        arns += [action["TargetGroupArn"] for action in actions if action.get("TargetGroupArn")]
    return list(dict.fromkeys(arns))


class _Tagged(Resource):
    """Something of ELB's whose ``id`` is its ARN."""

    def _tags(self) -> dict[str, str]:
        answer = self.aws.client("elbv2").describe_tags(ResourceArns=[self.id])["TagDescriptions"]
        return tags_from_list(answer[0]["Tags"] if answer else [])

    def _put_tags(self) -> None:
        self.aws.client("elbv2").add_tags(ResourceArns=[self.id], Tags=tags_to_list(self.tags))

    def untag(self, keys: list[str]) -> None:
        self.aws.client("elbv2").remove_tags(ResourceArns=[self.id], TagKeys=keys)

    def _tags_beside(self, balancer: str) -> dict[str, str]:
        """Return the tags; one call reads those of a load balancer, its listeners, their rules and target groups."""
        arns = _arns_of(self.aws, balancer)
        if self.id not in arns or len(arns) > DESCRIBED_AT_ONCE:
            return self._tags()

        def read() -> list[dict[str, Any]]:
            return list(self.aws.client("elbv2").describe_tags(ResourceArns=arns)["TagDescriptions"])

        found = self.aws.once("elbv2", ("tags", balancer), read)
        return next((tags_from_list(item["Tags"]) for item in found if item["ResourceArn"] == self.id), {})


class LoadBalancer(_Tagged):
    """An application load balancer. Listeners on other than its PORTS are taken away."""

    kind = "AWS::ElasticLoadBalancingV2::LoadBalancer"
    PORTS = (80, 443)
    slow = True
    # Terraform: https://github.com/DataBiosphere/azul/pull/5780
    usual = "2 to 4 minutes"

    def __init__(
        self,
        aws: Aws,
        name: str,
        tags: dict[str, str],
        *,
        scheme: str,
        subnet_ids: list[str],
        security_group_ids: list[str],
        attributes: dict[str, str],
    ) -> None:
        super().__init__(aws, name, tags)
        self.scheme = scheme
        self.subnet_ids = sorted(subnet_ids)
        self.security_group_ids = sorted(security_group_ids)
        self.attributes = attributes
        self.dns_name = self.hosted_zone_id = KNOWN_AFTER_APPLY

    def _describe(self) -> dict[str, Any] | None:
        return describe_load_balancer(self.aws, self.name)

    def find(self) -> dict[str, Any] | None:
        balancer = self._describe()
        if balancer is None:
            return None
        self._remember(balancer)
        self.ready = balancer.get("State", {}).get("Code", "active") == "active"
        found = self.aws.client("elbv2").describe_load_balancer_attributes(LoadBalancerArn=self.id)["Attributes"]
        return {
            "scheme": balancer["Scheme"],
            "subnet_ids": sorted(zone["SubnetId"] for zone in balancer["AvailabilityZones"]),
            "security_group_ids": sorted(balancer.get("SecurityGroups", [])),
            "attributes": {item["Key"]: item["Value"] for item in found},
            "further_listeners": sorted(listener["Port"] for listener in self._further_listeners()),
            "tags": self._tags_beside(self.id),
        }

    def _further_listeners(self) -> list[dict[str, Any]]:
        return [found for found in _listeners_of(self.aws, self.id) if found["Port"] not in self.PORTS]

    def _remember(self, balancer: dict[str, Any]) -> None:
        self.id = balancer["LoadBalancerArn"]
        self.dns_name = balancer["DNSName"]
        self.hosted_zone_id = balancer.get("CanonicalHostedZoneId", KNOWN_AFTER_APPLY)

    def desired(self) -> dict[str, Any]:
        return {
            "scheme": self.scheme,
            "subnet_ids": self.subnet_ids,
            "security_group_ids": self.security_group_ids,
            "attributes": self.attributes,
            "further_listeners": [],
            "tags": self.tags,
        }

    def create(self, desired: dict[str, Any]) -> None:
        elbv2 = self.aws.client("elbv2")
        balancer = elbv2.create_load_balancer(
            Name=self.name,
            Type="application",
            Scheme=self.scheme,
            Subnets=self.subnet_ids,
            SecurityGroups=self.security_group_ids,
            Tags=tags_to_list(self.tags),
        )["LoadBalancers"][0]
        self._remember(balancer)
        self._put_attributes()

    def update(self, current: dict[str, Any], changes: dict[str, Any]) -> None:
        elbv2 = self.aws.client("elbv2")
        if "scheme" in changes:
            raise ReconcileError(f"{self.label}: its scheme {current['scheme']!r} cannot be changed once created")
        if "subnet_ids" in changes:
            elbv2.set_subnets(LoadBalancerArn=self.id, Subnets=self.subnet_ids)
        if "security_group_ids" in changes:
            elbv2.set_security_groups(LoadBalancerArn=self.id, SecurityGroups=self.security_group_ids)
        if "attributes" in changes:
            self._put_attributes()
        if "further_listeners" in changes:
            for listener in self._further_listeners():
                elbv2.delete_listener(ListenerArn=listener["ListenerArn"])
        if "tags" in changes:
            self._put_tags()

    def _put_attributes(self) -> None:
        self.aws.client("elbv2").modify_load_balancer_attributes(
            LoadBalancerArn=self.id, Attributes=_attributes(self.attributes)
        )

    def wait_ready(self) -> None:
        def probe() -> bool:
            balancer = self._describe() or {}
            if balancer.get("State", {}).get("Code") == "failed":
                raise ReconcileError(f"{self.label} failed: {balancer['State'].get('Reason')}")
            return bool(balancer) and balancer.get("State", {}).get("Code", "active") == "active"

        wait_until(f"{self.label} is active", probe, BALANCER_SECONDS, interval=10, usual=self.usual)

    def delete(self, current: dict[str, Any]) -> None:
        if current["attributes"].get("deletion_protection.enabled") == "true":
            raise ReconcileError(
                f"{self.label} is protected from deletion; run the load_balancer component with "
                "deletion_protection: false first"
            )
        self.aws.client("elbv2").delete_load_balancer(LoadBalancerArn=self.id)

    def wait_deleted(self) -> None:
        wait_until(f"{self.label} is gone", lambda: self._describe() is None, BALANCER_SECONDS)
        if self.id == KNOWN_AFTER_APPLY:
            return
        # Its network interfaces stay for a while and hold the subnets and the security group.
        description = f"ELB {self.id.split(':loadbalancer/', 1)[-1]}"

        def probe() -> bool:
            answer = self.aws.client("ec2").describe_network_interfaces(
                Filters=[{"Name": "description", "Values": [description]}]
            )
            return not answer["NetworkInterfaces"]

        wait_until(f"{self.label} has given its network interfaces back", probe, BALANCER_SECONDS)


class TargetGroup(_Tagged):
    """The tasks that a listener forwards to, by address. Port, protocol and VPC cannot be changed."""

    kind = "AWS::ElasticLoadBalancingV2::TargetGroup"

    def __init__(
        self,
        aws: Aws,
        name: str,
        tags: dict[str, str],
        *,
        vpc_id: str,
        port: int,
        health_check: dict[str, Any],
        attributes: dict[str, str],
    ) -> None:
        super().__init__(aws, name, tags)
        self.vpc_id = vpc_id
        self.port = port
        self.health_check = health_check
        self.attributes = attributes

    def find(self) -> dict[str, Any] | None:
        elbv2 = self.aws.client("elbv2")
        groups: list[dict[str, Any]] = []
        with ignoring(*NO_TARGET_GROUP):
            groups = elbv2.describe_target_groups(Names=[self.name])["TargetGroups"]
        if not groups:
            return None
        group = groups[0]
        self.id = group["TargetGroupArn"]
        attributes = elbv2.describe_target_group_attributes(TargetGroupArn=self.id)["Attributes"]
        balancers = group.get("LoadBalancerArns")
        return {
            "vpc_id": group.get("VpcId"),
            "port": group["Port"],
            "health_check": {key: group.get(key) for key in self.health_check},
            "attributes": {item["Key"]: item["Value"] for item in attributes},
            "tags": self._tags_beside(balancers[0]) if balancers else self._tags(),
        }

    def desired(self) -> dict[str, Any]:
        return {
            "vpc_id": self.vpc_id,
            "port": self.port,
            "health_check": self.health_check,
            "attributes": self.attributes,
            "tags": self.tags,
        }

    def create(self, desired: dict[str, Any]) -> None:
        self.id = self.aws.client("elbv2").create_target_group(
            Name=self.name,
            Protocol="HTTP",
            Port=self.port,
            VpcId=self.vpc_id,
            TargetType="ip",
            Tags=tags_to_list(self.tags),
            **self.health_check,
        )["TargetGroups"][0]["TargetGroupArn"]
        self._put_attributes()

    def update(self, current: dict[str, Any], changes: dict[str, Any]) -> None:
        for field in ("vpc_id", "port"):
            if field in changes:
                raise ReconcileError(f"{self.label}: its {field} {current[field]!r} cannot be changed once created")
        if "health_check" in changes:
            self.aws.client("elbv2").modify_target_group(TargetGroupArn=self.id, **self.health_check)
        if "attributes" in changes:
            self._put_attributes()
        if "tags" in changes:
            self._put_tags()

    def _put_attributes(self) -> None:
        self.aws.client("elbv2").modify_target_group_attributes(
            TargetGroupArn=self.id, Attributes=_attributes(self.attributes)
        )

    def delete(self, current: dict[str, Any]) -> None:
        wait_released(
            self.label,
            lambda: self.aws.client("elbv2").delete_target_group(TargetGroupArn=self.id),
            IN_USE,
            RELEASE_SECONDS,
        )


class Listener(_Tagged):
    """A port of the load balancer; found by that port.

    Rules that are none of ours are taken away: each of them answers, or forwards, before the default action does.
    """

    kind = "AWS::ElasticLoadBalancingV2::Listener"

    def __init__(
        self,
        aws: Aws,
        tags: dict[str, str],
        *,
        load_balancer: LoadBalancer,
        port: int,
        protocol: str,
        action: dict[str, Any],
        certificate: Resource | str | None = None,
        ssl_policy: str | None = None,
        target_group: TargetGroup | None = None,
        attributes: dict[str, str] | None = None,
        after: list[Resource] | None = None,
    ) -> None:
        super().__init__(aws, f"{load_balancer.name}:{port}", tags)
        self.attributes = attributes
        self.after = list(after or [])
        self.load_balancer = load_balancer
        self.port = port
        self.protocol = protocol
        self.action = action
        self.certificate = certificate
        self.ssl_policy = ssl_policy
        self.target_group = target_group
        self.priorities: set[str] = set()
        """Those of our rules."""

    def find(self) -> dict[str, Any] | None:
        listeners = _listeners_of(self.aws, self.load_balancer.id)
        listener = next((listener for listener in listeners if listener["Port"] == self.port), None)
        if listener is None:
            return None
        self.id = listener["ListenerArn"]
        action = dict((listener.get("DefaultActions") or [{}])[0])
        groups = [group["TargetGroupArn"] for group in action.get("ForwardConfig", {}).get("TargetGroups", [])]
        if action.get("Type") == "forward" and (len(groups) > 1 or "TargetGroupArn" not in action):
            # A part of the requests may go to another group.
            action["TargetGroupArn"] = ", ".join(groups) or None
        certificates = listener.get("Certificates") or [{}]
        return {
            **self._attributes_found(),
            "protocol": listener["Protocol"],
            "action": action,
            "certificate": certificates[0].get("CertificateArn"),
            "ssl_policy": listener.get("SslPolicy"),
            "further_rules": sorted(_rule_in_words(rule) for rule in self._further_rules()),
            "tags": self._tags_beside(self.load_balancer.id),
        }

    def _further_rules(self) -> list[dict[str, Any]]:
        ours = {"default", *self.priorities}
        return [rule for rule in _rules_of(self.aws, self.id) if rule["Priority"] not in ours]

    def desired(self) -> dict[str, Any]:
        action = dict(self.action)
        if self.target_group:
            action["TargetGroupArn"] = self.target_group.id
        state: dict[str, Any] = {
            "protocol": self.protocol,
            "action": action,
            "further_rules": [],
            "tags": self.tags,
        }
        if self.certificate:
            arn = self.certificate.id if isinstance(self.certificate, Resource) else self.certificate
            state.update(certificate=arn, ssl_policy=self.ssl_policy)
        if self.attributes:
            state["attributes"] = self.attributes
        return state

    def _attributes_found(self) -> dict[str, dict[str, str]]:
        """Return the attributes, which are a call of their own, where some are wanted."""
        if not self.attributes:
            return {}
        found = self.aws.client("elbv2").describe_listener_attributes(ListenerArn=self.id)["Attributes"]
        return {"attributes": {item["Key"]: item["Value"] for item in found}}

    def _put_attributes(self) -> None:
        if self.attributes:
            self.aws.client("elbv2").modify_listener_attributes(
                ListenerArn=self.id, Attributes=_attributes(self.attributes)
            )

    def _request(self) -> dict[str, Any]:
        desired = self.desired()
        request: dict[str, Any] = {
            "Port": self.port,
            "Protocol": self.protocol,
            "DefaultActions": [desired["action"]],
        }
        if self.certificate:
            request["Certificates"] = [{"CertificateArn": desired["certificate"]}]
            request["SslPolicy"] = self.ssl_policy
        return request

    def create(self, desired: dict[str, Any]) -> None:
        self.id = self.aws.client("elbv2").create_listener(
            LoadBalancerArn=self.load_balancer.id, Tags=tags_to_list(self.tags), **self._request()
        )["Listeners"][0]["ListenerArn"]
        self._put_attributes()

    def update(self, current: dict[str, Any], changes: dict[str, Any]) -> None:
        if "attributes" in changes:
            self._put_attributes()
        if set(changes) - {"attributes", "further_rules", "tags"}:
            self.aws.client("elbv2").modify_listener(ListenerArn=self.id, **self._request())
        if "further_rules" in changes:
            for rule in self._further_rules():
                self.aws.client("elbv2").delete_rule(RuleArn=rule["RuleArn"])
        if "tags" in changes:
            self._put_tags()

    def delete(self, current: dict[str, Any]) -> None:
        self.aws.client("elbv2").delete_listener(ListenerArn=self.id)


def _rule_in_words(rule: dict[str, Any]) -> str:
    fields = " and ".join(str(condition.get("Field")) for condition in rule.get("Conditions", []))
    actions = ", ".join(action["Type"] for action in rule.get("Actions", []))
    return f"{rule['Priority']}: {actions} by {fields}"


class PathRule(_Tagged):
    """A rule that answers 403 on some paths of a listener; found by its priority.

    A rule of somebody else's that has taken the place becomes ours: it stands on a listener of ours.
    """

    kind = "AWS::ElasticLoadBalancingV2::ListenerRule"

    def __init__(self, aws: Aws, tags: dict[str, str], *, listener: Listener, priority: int, paths: list[str]) -> None:
        super().__init__(aws, f"{listener.name}/{priority}", tags)
        self.listener = listener
        self.priority = priority
        listener.priorities.add(str(priority))
        self.paths = paths
        self.action = {
            "Type": "fixed-response",
            "FixedResponseConfig": {"StatusCode": "403", "ContentType": "text/plain", "MessageBody": "Forbidden"},
        }

    def find(self) -> dict[str, Any] | None:
        rules = _rules_of(self.aws, self.listener.id)
        rule = next((rule for rule in rules if rule["Priority"] == str(self.priority)), None)
        if rule is None:
            return None
        self.id = rule["RuleArn"]
        condition: dict[str, Any] = next(
            (item for item in rule["Conditions"] if item.get("Field") == "path-pattern"), {}
        )
        paths = condition.get("PathPatternConfig", {}).get("Values") or condition.get("Values", [])
        # A second condition narrows it, and so opens paths.
        further = [*(item["Field"] for item in rule["Conditions"] if item is not condition), *rule["Actions"][1:]]
        return {
            "paths": sorted(paths),
            "action": (rule["Actions"] or [{}])[0],
            "further": further,
            "tags": self._tags_beside(self.listener.load_balancer.id),
        }

    def adopts(self, current: dict[str, Any]) -> bool:
        return True

    def desired(self) -> dict[str, Any]:
        return {"paths": sorted(self.paths), "action": self.action, "further": [], "tags": self.tags}

    def _request(self) -> dict[str, Any]:
        condition = {"Field": "path-pattern", "PathPatternConfig": {"Values": sorted(self.paths)}}
        return {"Conditions": [condition], "Actions": [self.action]}

    def create(self, desired: dict[str, Any]) -> None:
        self.id = self.aws.client("elbv2").create_rule(
            ListenerArn=self.listener.id, Priority=self.priority, Tags=tags_to_list(self.tags), **self._request()
        )["Rules"][0]["RuleArn"]

    def update(self, current: dict[str, Any], changes: dict[str, Any]) -> None:
        if set(changes) - {"tags"}:
            self.aws.client("elbv2").modify_rule(RuleArn=self.id, **self._request())
        if "tags" in changes:
            self._put_tags()

    def delete(self, current: dict[str, Any]) -> None:
        self.aws.client("elbv2").delete_rule(RuleArn=self.id)
