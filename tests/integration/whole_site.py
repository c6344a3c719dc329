# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All components of ``site`` in this process, in its order and with each other's facts, and an inventory of AWS."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from botocore.client import BaseClient
from disturbances import Call, calls_go_through
from emulators import Account
from fargate_stand_in import end

from ansible_collections.sm2a.airflow.plugins.plugin_utils._order import STEPS, role_of
from ansible_collections.sm2a.airflow.plugins.plugin_utils._role_options import component_class

DOMAIN = "airflow.example.com"


@dataclass
class Site:
    """An environment in an account; ``options`` are those of each component that are not its defaults."""

    account: Account
    options: dict[str, dict[str, Any]]
    environment: str = "test"
    facts: dict[str, Any] = field(default_factory=dict)

    def run(self) -> None:
        """Run what ``site`` runs."""
        for step in STEPS:
            self.component(step.component, wait=step.waits)

    def teardown(self) -> None:
        """Delete everything but what ``teardown`` keeps unless it is told."""
        for name in reversed(list(dict.fromkeys(step.component for step in STEPS))):
            if role_of(name) != "image":
                self.component(name, state="absent")

    def component(self, name: str, check: bool = False, **options: Any) -> dict[str, Any]:
        """Run one component, and take over its facts. Raises AssertionError when it fails."""
        role = role_of(name)
        if role == "image":
            options["name"] = name.removeprefix("image_")
        given = {
            "environment": self.environment,
            **self._from_facts(role),
            **self.options.get(name, {}),
            **options,
        }
        result = self.account.run(role, check, **given)
        assert not result.get("failed"), f"{name}: {result['msg']}"
        self.facts.update({key: value for key, value in result["ansible_facts"].items() if "plan" not in key})
        return result

    def _from_facts(self, role: str) -> dict[str, Any]:
        """Return the options that the role would take from facts. Of what is not there, a module needs nothing."""
        options: dict[str, Any] = {}
        for name, option in component_class(role).OPTIONS.items():
            fact = option.fact
            value = self.facts.get(f"sm2a_{fact.component}") if fact else None
            for key in fact.path if fact else ():
                value = value.get(key) if value else None
            if value is not None:
                options[name] = [value] if fact and fact.one else value
        return options


def site_of(account: Account, environment: str = "test", **more: dict[str, Any]) -> Site:
    """Return a site with something of every kind, in an account that has its domain."""
    pools = {"default": {"minimum": 1, "maximum": 3}, "heavy": {"maximum": 2, "capacity_provider": "FARGATE_SPOT"}}
    options: dict[str, dict[str, Any]] = {
        "network": {"interface_endpoints": ["sqs"]},
        "security": {"kms_deletion_window_days": 7},
        "secrets": {"recovery_window_days": 0},
        "database": {"final_snapshot": False, "recovery_window_days": 0},
        "load_balancer": {
            "protocol": "HTTPS",
            "domain_name": DOMAIN,
            "hosted_zone_id": account.emulator.hosted_zone(),
            "close_execution_api": True,
        },
        "storage": {"delete_buckets": True},
        "queue": {"pools": list(pools)},
        "observability": {"delete_log_groups": True},
        "image_airflow": {"uri": "registry.example.com/airflow:1"},
        "image_scaler": {"uri": "registry.example.com/scaler:1"},
        "airflow": {
            "execution_api_server_url": f"http://api-server.sm2a-{environment}.internal:8080/execution/",
            "worker_pools": pools,
        },
        "workers": {"pools": pools},
    }
    for name, changes in more.items():
        options[name] = {**options.get(name, {}), **changes}
    return Site(account, options, environment)


@contextmanager
def one_off_tasks_end_well() -> Iterator[None]:
    """Say of every task that ECS describes that it has ended well: without Docker MiniStack lets it run for good."""

    def ended(call: Call, client: BaseClient, operation: str, arguments: dict[str, Any]) -> Any:
        answer = call(client, operation, arguments)
        for task in answer["tasks"] if operation == "DescribeTasks" else []:
            end(task)
        return answer

    with calls_go_through(ended):
        yield


def _named(items: list[dict[str, Any]]) -> list[str]:
    tags = [{tag["Key"]: tag["Value"] for tag in item.get("Tags", [])} for item in items]
    return [found.get("Name", "") for found in tags if "sm2a:environment" in found]


def inventory(account: Account) -> Counter[tuple[str, str]]:
    """Return how often there is what, by its kind and name, of everything that a site makes."""
    ec2, ecs, elb = (account.client(service) for service in ("ec2", "ecs", "elbv2"))
    found: dict[str, list[str]] = {
        "vpc": _named(ec2.describe_vpcs()["Vpcs"]),
        "subnet": _named(ec2.describe_subnets()["Subnets"]),
        "route table": _named(ec2.describe_route_tables()["RouteTables"]),
        "internet gateway": _named(ec2.describe_internet_gateways()["InternetGateways"]),
        "address": _named(ec2.describe_addresses()["Addresses"]),
        "NAT gateway": _named(
            [item for item in ec2.describe_nat_gateways()["NatGateways"] if item["State"] != "deleted"]
        ),
        "endpoint": _named(
            [item for item in ec2.describe_vpc_endpoints()["VpcEndpoints"] if item["State"].lower() != "deleted"]
        ),
        "security group": _named(ec2.describe_security_groups()["SecurityGroups"]),
        "flow log": [item["LogDestination"] for item in ec2.describe_flow_logs()["FlowLogs"]],
        "role": [role["RoleName"] for role in account.client("iam").list_roles()["Roles"]],
        "bucket": [bucket["Name"] for bucket in account.client("s3").list_buckets()["Buckets"]],
        "queue": [url.rsplit("/", 1)[-1] for url in account.client("sqs").list_queues().get("QueueUrls", [])],
        "secret": [item["Name"] for item in account.client("secretsmanager").list_secrets()["SecretList"]],
        "log group": [item["logGroupName"] for item in account.client("logs").describe_log_groups()["logGroups"]],
        "cluster": [arn.rsplit("/", 1)[-1] for arn in ecs.list_clusters()["clusterArns"]],
        # Families: an answer that was lost leaves a second revision that says the same, and AWS has no token for it.
        "task definition": ecs.list_task_definition_families(status="ACTIVE")["families"],
    }
    dashboards = account.client("cloudwatch").list_dashboards()["DashboardEntries"]
    found["dashboard"] = [item["DashboardName"] for item in dashboards]
    for cluster in ecs.list_clusters()["clusterArns"]:
        found["service"] = [arn.rsplit("/", 1)[-1] for arn in ecs.list_services(cluster=cluster)["serviceArns"]]
    balancers = elb.describe_load_balancers()["LoadBalancers"]
    found["load balancer"] = [item["LoadBalancerName"] for item in balancers]
    found["target group"] = [item["TargetGroupName"] for item in elb.describe_target_groups()["TargetGroups"]]
    listeners = [
        listener
        for balancer in balancers
        for listener in elb.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]
    ]
    found["listener"] = [str(listener["Port"]) for listener in listeners]
    found["rule"] = [
        f"{listener['Port']}/{rule['Priority']}"
        for listener in listeners
        for rule in elb.describe_rules(ListenerArn=listener["ListenerArn"])["Rules"]
    ]
    kms = account.client("kms")
    states = [kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]["KeyState"] for key in kms.list_keys()["Keys"]]
    found["key"] = [state for state in states if state != "PendingDeletion"]
    found["alias"] = [item["AliasName"] for item in kms.list_aliases()["Aliases"] if "sm2a" in item["AliasName"]]
    rds = account.client("rds")
    found["database"] = [item["DBInstanceIdentifier"] for item in rds.describe_db_instances()["DBInstances"]]
    found["subnet group"] = [item["DBSubnetGroupName"] for item in rds.describe_db_subnet_groups()["DBSubnetGroups"]]
    found["parameter group"] = [
        item["DBParameterGroupName"] for item in rds.describe_db_parameter_groups()["DBParameterGroups"]
    ]
    discovery = account.client("servicediscovery")
    found["namespace"] = [item["Name"] for item in discovery.list_namespaces()["Namespaces"]]
    found["name in a namespace"] = [item["Name"] for item in discovery.list_services()["Services"]]
    route53 = account.client("route53")
    found["record"] = [
        f"{record['Type']} {record['Name']}"
        for zone in route53.list_hosted_zones()["HostedZones"]
        for record in route53.list_resource_record_sets(HostedZoneId=zone["Id"])["ResourceRecordSets"]
    ]
    certificates = account.client("acm").list_certificates()["CertificateSummaryList"]
    found["certificate"] = [item["DomainName"] for item in certificates]
    return Counter((kind, name) for kind, names in found.items() for name in names)
