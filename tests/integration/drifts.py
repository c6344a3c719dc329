# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What people change by hand in an environment, each with the resource and the field in which a plan shows it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from emulators import Account

ZONE = "eu-central-1a"
EVERYWHERE = "0.0.0.0/0"
ELSEWHERE = "203.0.113.0/24"
OTHER_ACCOUNT = "999999999999"
NAMES = "sm2a-test"
OPEN = {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}


@dataclass(frozen=True)
class Drift:
    """A change by hand.

    ``shown`` are the fields that a plan shows, by the resources' kinds and names, with spaces between several; None for
    one that is made again.
    ``emulator`` is the one that knows what is changed.
    """

    what: str
    component: str
    change: Callable[[Cloud], Any]
    shown: dict[str, str | None]
    emulator: str = "ministack"


class Cloud:
    """The account, and where things of the environment are in it."""

    def __init__(self, account: Account) -> None:
        self.account = account

    def __getattr__(self, service: str) -> Any:
        """Return the client of a service."""
        client = self.account.client(service)
        setattr(self, service, client)
        return client

    def item(self, operation: str, result: str, name: str) -> dict[str, Any]:
        """Return something of EC2's by its name."""
        for item in getattr(self.ec2, operation)()[result]:
            tags = {tag["Key"]: tag["Value"] for tag in item.get("Tags", [])}
            gone = item.get("State") in ("deleted", "deleting")
            if tags.get("sm2a:name") == f"{NAMES}{name}" and not gone:
                return dict(item)
        raise LookupError(f"{result} {name}")

    def vpc(self) -> str:
        return str(self.item("describe_vpcs", "Vpcs", "")["VpcId"])

    def subnet(self, kind: str = "private") -> str:
        return str(self.item("describe_subnets", "Subnets", f"-{kind}-{ZONE}")["SubnetId"])

    def table(self, name: str = f"-private-{ZONE}") -> str:
        return str(self.item("describe_route_tables", "RouteTables", name)["RouteTableId"])

    def internet(self) -> str:
        return str(self.item("describe_internet_gateways", "InternetGateways", "-internet")["InternetGatewayId"])

    def group(self, name: str) -> str:
        return str(self.item("describe_security_groups", "SecurityGroups", name)["GroupId"])

    def endpoint(self, name: str) -> str:
        return str(self.item("describe_vpc_endpoints", "VpcEndpoints", name)["VpcEndpointId"])

    def rename(self, resource_id: str) -> None:
        self.ec2.create_tags(Resources=[resource_id], Tags=[{"Key": "Name", "Value": "the left one"}])

    def untag(self, resource_id: str) -> None:
        self.ec2.delete_tags(Resources=[resource_id], Tags=[{"Key": "sm2a:component"}])

    def admit(self, group: str, direction: str = "ingress", port: int = 22) -> None:
        permission = {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": [{"CidrIp": ELSEWHERE}]}
        getattr(self.ec2, f"authorize_security_group_{direction}")(
            GroupId=self.group(group), IpPermissions=[permission]
        )

    def interface(self) -> str:
        answer = self.ec2.create_network_interface(SubnetId=self.subnet("public"))
        return str(answer["NetworkInterface"]["NetworkInterfaceId"])

    def key(self) -> str:
        return str(self.kms.describe_key(KeyId=f"alias/{NAMES}")["KeyMetadata"]["KeyId"])

    def bucket(self, content: str = "logs") -> str:
        names = [bucket["Name"] for bucket in self.s3.list_buckets()["Buckets"]]
        return next(name for name in names if name.startswith(f"{NAMES}-{content}-"))

    def queue(self, name: str = "default") -> str:
        return str(self.sqs.get_queue_url(QueueName=f"{NAMES}-{name}")["QueueUrl"])

    def queue_attributes(self, **attributes: str) -> None:
        self.sqs.set_queue_attributes(QueueUrl=self.queue(), Attributes=attributes)

    def balancer(self) -> str:
        return str(self.elbv2.describe_load_balancers(Names=[NAMES])["LoadBalancers"][0]["LoadBalancerArn"])

    def listener(self, port: int) -> str:
        found = self.elbv2.describe_listeners(LoadBalancerArn=self.balancer())["Listeners"]
        return str(next(item["ListenerArn"] for item in found if item["Port"] == port))

    def rule(self) -> str:
        rules = self.elbv2.describe_rules(ListenerArn=self.listener(443))["Rules"]
        return str(next(item["RuleArn"] for item in rules if item["Priority"] == "1"))

    def target_group(self) -> str:
        return str(
            self.elbv2.describe_target_groups(Names=[f"{NAMES}-api-server"])["TargetGroups"][0]["TargetGroupArn"]
        )

    def other_target_group(self) -> str:
        answer = self.elbv2.create_target_group(
            Name="other", Protocol="HTTP", Port=80, VpcId=self.vpc(), TargetType="ip"
        )
        return str(answer["TargetGroups"][0]["TargetGroupArn"])

    def forward_rule(self, port: int, priority: int) -> None:
        self.elbv2.create_rule(
            ListenerArn=self.listener(port),
            Priority=priority,
            Conditions=[{"Field": "path-pattern", "Values": ["/login"]}],
            Actions=[{"Type": "forward", "TargetGroupArn": self.target_group()}],
        )

    def update_service(self, name: str, **changes: Any) -> None:
        self.ecs.update_service(cluster=NAMES, service=f"{NAMES}-{name}", **changes)

    def network_of(self, name: str, **changes: Any) -> None:
        found = self.ecs.describe_services(cluster=NAMES, services=[f"{NAMES}-{name}"])["services"][0]
        vpc = {**found["networkConfiguration"]["awsvpcConfiguration"], **changes}
        self.update_service(name, networkConfiguration={"awsvpcConfiguration": vpc})

    def register(self, family: str, tagged: bool, **container: Any) -> str:
        """Register a revision that differs in its container."""
        answer = self.ecs.describe_task_definition(taskDefinition=f"{NAMES}-{family}", include=["TAGS"])
        found = answer["taskDefinition"]
        keys = (
            "family taskRoleArn executionRoleArn networkMode requiresCompatibilities cpu memory runtimePlatform volumes"
        )
        request = {key: found[key] for key in keys.split() if key in found}
        request["containerDefinitions"] = [{**found["containerDefinitions"][0], **container}]
        tags = {"tags": answer["tags"]} if tagged else {}
        revision = self.ecs.register_task_definition(**request, **tags)["taskDefinition"]["taskDefinitionArn"]
        return str(revision)

    def policy_of_role(self, name: str) -> None:
        document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
        self.iam.put_role_policy(RoleName=f"{NAMES}-worker", PolicyName=name, PolicyDocument=json.dumps(document))

    def trust(self, principal: dict[str, str]) -> None:
        statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
        self.iam.update_assume_role_policy(
            RoleName=f"{NAMES}-worker",
            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
        )

    def bucket_policy(self, *statements: dict[str, Any]) -> None:
        policy = {"Version": "2012-10-17", "Statement": list(statements)}
        self.s3.put_bucket_policy(Bucket=self.bucket(), Policy=json.dumps(policy))

    def parameter(self, name: str, value: str) -> None:
        group = self.rds.describe_db_parameter_groups()["DBParameterGroups"]
        ours = next(item["DBParameterGroupName"] for item in group if item["DBParameterGroupName"].startswith(NAMES))
        change = {"ParameterName": name, "ParameterValue": value, "ApplyMethod": "pending-reboot"}
        self.rds.modify_db_parameter_group(DBParameterGroupName=ours, Parameters=[change])

    def database(self, **changes: Any) -> None:
        self.rds.modify_db_instance(DBInstanceIdentifier=NAMES, ApplyImmediately=True, **changes)


def _policy(**more: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{**OPEN, **more}]})


VPC, EC2 = "AWS::EC2::VPC", "AWS::EC2::"
SUBNET = f"{EC2}Subnet {NAMES}-private-{ZONE}"
PRIVATE, PUBLIC = f"{EC2}RouteTable {NAMES}-private-{ZONE}", f"{EC2}RouteTable {NAMES}-public"
NAT = f"{NAMES}-nat-{ZONE}"
INGRESS, EGRESS = f"{EC2}SecurityGroupIngress {NAMES}", f"{EC2}SecurityGroupEgress {NAMES}"
GROUP = f"{EC2}SecurityGroup {NAMES}"
KEY, WORKER_ROLE = f"AWS::KMS::Key alias/{NAMES}", f"AWS::IAM::Role {NAMES}-worker"
FERNET = "AWS::SecretsManager::Secret sm2a/test/config/fernet_key"
DATABASE, PARAMETERS = f"AWS::RDS::DBInstance {NAMES}", f"AWS::RDS::DBParameterGroup {NAMES}-postgres17"
ELB = "AWS::ElasticLoadBalancingV2::"
RULE, LISTENER = f"{ELB}ListenerRule {NAMES}:443/1", f"{ELB}Listener {NAMES}:443"
LOGS = "AWS::S3::Bucket {logs}"
QUEUE = f"AWS::SQS::Queue {NAMES}-default"
SERVICE, DEFINITION = f"AWS::ECS::Service {NAMES}", f"AWS::ECS::TaskDefinition {NAMES}"

NETWORK = [
    Drift("a VPC renamed", "network", lambda c: c.rename(c.vpc()), {f"{VPC} {NAMES}": "tags"}),
    Drift("a subnet renamed", "network", lambda c: c.rename(c.subnet()), {SUBNET: "tags"}),
    Drift("a route table renamed", "network", lambda c: c.rename(c.table()), {PRIVATE: "tags"}),
    Drift(
        "a NAT gateway renamed",
        "network",
        lambda c: c.rename(c.item("describe_nat_gateways", "NatGateways", f"-nat-{ZONE}")["NatGatewayId"]),
        {f"{EC2}NatGateway {NAT}": "tags"},
    ),
    Drift(
        "an address renamed",
        "network",
        lambda c: c.rename(c.item("describe_addresses", "Addresses", f"-nat-{ZONE}")["AllocationId"]),
        {f"{EC2}EIP {NAT}": "tags"},
    ),
    Drift(
        "an internet gateway renamed",
        "network",
        lambda c: c.rename(c.internet()),
        {f"{EC2}InternetGateway {NAMES}-internet": "tags"},
    ),
    Drift(
        "a gateway endpoint renamed",
        "network",
        lambda c: c.rename(c.endpoint("-s3")),
        {f"{EC2}VPCEndpoint {NAMES}-s3": "tags"},
    ),
    Drift(
        "an interface endpoint renamed",
        "network",
        lambda c: c.rename(c.endpoint("-sqs")),
        {f"{EC2}VPCEndpoint {NAMES}-sqs": "tags"},
    ),
    Drift(
        "the endpoints' group renamed",
        "network",
        lambda c: c.rename(c.group("-endpoints")),
        {f"{GROUP}-endpoints": "tags"},
    ),
    Drift(
        "a flow log renamed",
        "network",
        lambda c: c.rename(c.ec2.describe_flow_logs()["FlowLogs"][0]["FlowLogId"]),
        {f"{EC2}FlowLog {NAMES}-flow-logs": "tags"},
        "moto",
    ),
    Drift(
        "a flow log deleted",
        "network",
        lambda c: c.ec2.delete_flow_logs(FlowLogIds=[c.ec2.describe_flow_logs()["FlowLogs"][0]["FlowLogId"]]),
        {f"{EC2}FlowLog {NAMES}-flow-logs": None},
        "moto",
    ),
    Drift("a VPC without its component", "network", lambda c: c.untag(c.vpc()), {f"{VPC} {NAMES}": "tags"}),
    Drift("a subnet without its component", "network", lambda c: c.untag(c.subnet()), {SUBNET: "tags"}),
    Drift("a route table without its component", "network", lambda c: c.untag(c.table()), {PRIVATE: "tags"}),
    Drift(
        "names of hosts switched off",
        "network",
        lambda c: c.ec2.modify_vpc_attribute(VpcId=c.vpc(), EnableDnsHostnames={"Value": False}),
        {f"{VPC} {NAMES}": "enableDnsHostnames"},
    ),
    Drift(
        "the public default route deleted",
        "network",
        lambda c: c.ec2.delete_route(RouteTableId=c.table("-public"), DestinationCidrBlock=EVERYWHERE),
        {PUBLIC: "default_route"},
    ),
    Drift(
        "private subnets led to the internet gateway",
        "network",
        lambda c: c.ec2.replace_route(RouteTableId=c.table(), DestinationCidrBlock=EVERYWHERE, GatewayId=c.internet()),
        {PRIVATE: "default_route"},
    ),
    Drift(
        "a route of a private subnet to the internet gateway",
        "network",
        lambda c: c.ec2.create_route(RouteTableId=c.table(), DestinationCidrBlock=ELSEWHERE, GatewayId=c.internet()),
        {PRIVATE: "foreign_routes"},
    ),
    Drift(
        "a route to somebody's network interface",
        "network",
        lambda c: c.ec2.create_route(
            RouteTableId=c.table("-public"), DestinationCidrBlock=ELSEWHERE, NetworkInterfaceId=c.interface()
        ),
        {PUBLIC: "foreign_routes"},
        "moto",
    ),
    Drift(
        "all of IPv6 led to the internet gateway",
        "network",
        lambda c: c.ec2.create_route(RouteTableId=c.table(), DestinationIpv6CidrBlock="::/0", GatewayId=c.internet()),
        {PRIVATE: "foreign_routes"},
        "moto",
    ),
    Drift(
        "a route table taken from the gateway endpoint",
        "network",
        lambda c: c.ec2.modify_vpc_endpoint(VpcEndpointId=c.endpoint("-s3"), RemoveRouteTableIds=[c.table()]),
        {f"{EC2}VPCEndpoint {NAMES}-s3": "route_table_ids"},
    ),
    Drift(
        "a subnet taken from an interface endpoint",
        "network",
        lambda c: c.ec2.modify_vpc_endpoint(VpcEndpointId=c.endpoint("-sqs"), RemoveSubnetIds=[c.subnet()]),
        {f"{EC2}VPCEndpoint {NAMES}-sqs": "subnet_ids"},
    ),
    Drift(
        "a port of the endpoints opened to elsewhere",
        "network",
        lambda c: c.admit("-endpoints"),
        {f"{INGRESS}-endpoints": "rules"},
    ),
    Drift(
        "a way out of the endpoints' group",
        "network",
        lambda c: c.admit("-endpoints", "egress"),
        {f"{EGRESS}-endpoints": "(deleted)"},
    ),
]
SECURITY = [
    Drift(
        "SSH to the load balancer",
        "security",
        lambda c: c.admit("-load-balancer"),
        {f"{INGRESS}-load-balancer": "rules"},
    ),
    Drift(
        "the database open to elsewhere",
        "security",
        lambda c: c.admit("-database", port=5432),
        {f"{INGRESS}-database": "rules"},
    ),
    Drift(
        "workers open to elsewhere",
        "security",
        lambda c: c.admit("-airflow", port=8793),
        {f"{INGRESS}-airflow": "rules"},
    ),
    Drift(
        "a way out of the database",
        "security",
        lambda c: c.admit("-database", "egress"),
        {f"{EGRESS}-database": "(deleted)"},
    ),
    Drift("a group renamed", "security", lambda c: c.rename(c.group("-airflow")), {f"{GROUP}-airflow": "tags"}),
    Drift(
        "a group without its component",
        "security",
        lambda c: c.untag(c.group("-airflow")),
        {f"{GROUP}-airflow": "tags"},
    ),
    Drift(
        "the key's alias deleted", "security", lambda c: c.kms.delete_alias(AliasName=f"alias/{NAMES}"), {KEY: "alias"}
    ),
    Drift("the key disabled", "security", lambda c: c.kms.disable_key(KeyId=c.key()), {KEY: "state"}),
    Drift(
        "the key on its way out",
        "security",
        lambda c: c.kms.schedule_key_deletion(KeyId=c.key(), PendingWindowInDays=7),
        {KEY: "state"},
    ),
    Drift("the key's rotation off", "security", lambda c: c.kms.disable_key_rotation(KeyId=c.key()), {KEY: "rotation"}),
    Drift(
        "the key open to everybody",
        "security",
        lambda c: c.kms.put_key_policy(KeyId=c.key(), PolicyName="default", Policy=_policy(Action="kms:*")),
        {KEY: "policy"},
    ),
    Drift(
        "the key granted to another account",
        "security",
        lambda c: c.kms.create_grant(
            KeyId=c.key(), GranteePrincipal=f"arn:aws:iam::{OTHER_ACCOUNT}:root", Operations=["Decrypt"]
        ),
        {KEY: "foreign_grants"},
        "moto",
    ),
    Drift(
        "a role that another account may take",
        "security",
        lambda c: c.trust({"AWS": OTHER_ACCOUNT}),
        {WORKER_ROLE: "trust"},
    ),
    Drift("a role that may do everything", "security", lambda c: c.policy_of_role("sm2a"), {WORKER_ROLE: "policy"}),
    Drift(
        "a further policy of a role",
        "security",
        lambda c: c.policy_of_role("more"),
        {WORKER_ROLE: "further_inline_policies"},
    ),
    Drift(
        "an administrator's policy attached",
        "security",
        lambda c: c.iam.attach_role_policy(
            RoleName=f"{NAMES}-worker", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess"
        ),
        {WORKER_ROLE: "managed_policies"},
        "moto",
    ),
    Drift(
        "the boundary of a role taken away",
        "security",
        lambda c: c.iam.delete_role_permissions_boundary(RoleName=f"{NAMES}-worker"),
        {WORKER_ROLE: "permissions_boundary"},
    ),
    Drift(
        "a tag of a role changed",
        "security",
        lambda c: c.iam.tag_role(RoleName=f"{NAMES}-worker", Tags=[{"Key": "sm2a:component", "Value": "other"}]),
        {WORKER_ROLE: "tags"},
    ),
]
SECRETS = [
    Drift(
        "a secret open to everybody",
        "secrets",
        lambda c: c.secretsmanager.put_resource_policy(
            SecretId="sm2a/test/config/fernet_key", ResourcePolicy=_policy(Action="secretsmanager:*")
        ),
        {FERNET: "open_policy_statements"},
    ),
    Drift(
        "a secret open to another account",
        "secrets",
        lambda c: c.secretsmanager.put_resource_policy(
            SecretId="sm2a/test/config/fernet_key",
            ResourcePolicy=_policy(Principal={"AWS": f"arn:aws:iam::{OTHER_ACCOUNT}:root"}),
        ),
        {FERNET: "open_policy_statements"},
    ),
    Drift(
        "a secret described otherwise",
        "secrets",
        lambda c: c.secretsmanager.update_secret(SecretId="sm2a/test/config/fernet_key", Description="x"),
        {FERNET: "description"},
    ),
    Drift(
        "a secret on its way out",
        "secrets",
        lambda c: c.secretsmanager.delete_secret(SecretId="sm2a/test/config/fernet_key"),
        {FERNET: "state"},
    ),
    Drift(
        "a tag of a secret changed",
        "secrets",
        lambda c: c.secretsmanager.tag_resource(
            SecretId="sm2a/test/config/fernet_key", Tags=[{"Key": "sm2a:component", "Value": "other"}]
        ),
        {FERNET: "tags"},
    ),
]
DATABASES = [
    Drift(
        "a public database", "database", lambda c: c.database(PubliclyAccessible=True), {DATABASE: "PubliclyAccessible"}
    ),
    Drift("no backups", "database", lambda c: c.database(BackupRetentionPeriod=0), {DATABASE: "BackupRetentionPeriod"}),
    Drift(
        "another size", "database", lambda c: c.database(DBInstanceClass="db.m7g.large"), {DATABASE: "DBInstanceClass"}
    ),
    Drift(
        "a database in another group",
        "database",
        lambda c: c.database(VpcSecurityGroupIds=[c.group("-load-balancer")]),
        {DATABASE: "VpcSecurityGroupIds"},
    ),
    # What AWS changes by itself is nobody's drift.
    Drift("a minor version by RDS", "database", lambda c: c.database(EngineVersion="17.6"), {}),
    Drift("storage grown by RDS", "database", lambda c: c.database(AllocatedStorage=45), {}),
    Drift(
        "windows chosen by RDS",
        "database",
        lambda c: c.database(PreferredBackupWindow="02:00-02:30", PreferredMaintenanceWindow="tue:04:00-tue:04:30"),
        {},
    ),
    Drift(
        "plain connections allowed",
        "database",
        lambda c: c.parameter("rds.force_ssl", "0"),
        {PARAMETERS: "parameters"},
    ),
    Drift(
        "a foreign parameter",
        "database",
        lambda c: c.parameter("log_statement", "all"),
        {PARAMETERS: "further_parameters"},
    ),
    Drift(
        "the subnets of the database changed",
        "database",
        lambda c: c.rds.modify_db_subnet_group(
            DBSubnetGroupName=NAMES, SubnetIds=[c.subnet("public"), c.subnet("private")]
        ),
        {f"AWS::RDS::DBSubnetGroup {NAMES}": "subnet_ids"},
    ),
    Drift(
        "Airflow led to another database",
        "database",
        lambda c: c.secretsmanager.put_secret_value(
            SecretId="sm2a/test/config/sql_alchemy_conn/airflow", SecretString="postgresql://elsewhere"
        ),
        {"AWS::SecretsManager::Secret sm2a/test/config/sql_alchemy_conn/airflow": "value"},
    ),
]
BALANCERS = [
    Drift(
        "a second condition on the rule that closes the execution API",
        "load_balancer",
        lambda c: c.elbv2.modify_rule(
            RuleArn=c.rule(),
            Conditions=[
                *[
                    {"Field": "path-pattern", "Values": item["Values"]}
                    for item in c.elbv2.describe_rules(RuleArns=[c.rule()])["Rules"][0]["Conditions"]
                ],
                {"Field": "source-ip", "SourceIpConfig": {"Values": [ELSEWHERE]}},
            ],
        ),
        {RULE: "further"},
    ),
    Drift(
        "the closed paths forwarded",
        "load_balancer",
        lambda c: c.elbv2.modify_rule(
            RuleArn=c.rule(), Actions=[{"Type": "forward", "TargetGroupArn": c.target_group()}]
        ),
        {RULE: "action"},
    ),
    Drift("the rule deleted", "load_balancer", lambda c: c.elbv2.delete_rule(RuleArn=c.rule()), {RULE: None}),
    Drift("a foreign rule", "load_balancer", lambda c: c.forward_rule(443, 2), {LISTENER: "further_rules"}),
    Drift(
        "a foreign rule before HTTPS is asked for",
        "load_balancer",
        lambda c: c.forward_rule(80, 7),
        {f"{ELB}Listener {NAMES}:80": "further_rules"},
    ),
    Drift(
        "a foreign rule in the place of ours",
        "load_balancer",
        lambda c: (c.elbv2.delete_rule(RuleArn=c.rule()), c.forward_rule(443, 1)),
        {RULE: "action paths tags"},
    ),
    Drift(
        "a further listener",
        "load_balancer",
        lambda c: c.elbv2.create_listener(
            LoadBalancerArn=c.balancer(),
            Port=8080,
            Protocol="HTTP",
            DefaultActions=[{"Type": "forward", "TargetGroupArn": c.target_group()}],
        ),
        {f"{ELB}LoadBalancer {NAMES}": "further_listeners"},
    ),
    Drift(
        "requests over plain HTTP",
        "load_balancer",
        lambda c: c.elbv2.modify_listener(
            ListenerArn=c.listener(80), DefaultActions=[{"Type": "forward", "TargetGroupArn": c.target_group()}]
        ),
        {f"{ELB}Listener {NAMES}:80": "action"},
    ),
    Drift(
        "a part of the requests led elsewhere",
        "load_balancer",
        lambda c: c.elbv2.modify_listener(
            ListenerArn=c.listener(443),
            DefaultActions=[
                {
                    "Type": "forward",
                    "ForwardConfig": {
                        "TargetGroups": [
                            {"TargetGroupArn": arn, "Weight": 1} for arn in (c.target_group(), c.other_target_group())
                        ]
                    },
                }
            ],
        ),
        {LISTENER: "action"},
    ),
    Drift(
        "an old TLS policy",
        "load_balancer",
        lambda c: c.elbv2.modify_listener(ListenerArn=c.listener(443), SslPolicy="ELBSecurityPolicy-2016-08"),
        {LISTENER: "ssl_policy"},
    ),
    Drift(
        "invalid headers let through",
        "load_balancer",
        lambda c: c.elbv2.modify_load_balancer_attributes(
            LoadBalancerArn=c.balancer(),
            Attributes=[{"Key": "routing.http.drop_invalid_header_fields.enabled", "Value": "false"}],
        ),
        {f"{ELB}LoadBalancer {NAMES}": "attributes"},
    ),
    Drift(
        "another group of the load balancer",
        "load_balancer",
        lambda c: c.elbv2.set_security_groups(LoadBalancerArn=c.balancer(), SecurityGroups=[c.group("-airflow")]),
        {f"{ELB}LoadBalancer {NAMES}": "security_group_ids"},
    ),
    Drift(
        "another health check",
        "load_balancer",
        lambda c: c.elbv2.modify_target_group(TargetGroupArn=c.target_group(), HealthCheckPath="/"),
        {f"{ELB}TargetGroup {NAMES}-api-server": "health_check"},
    ),
    Drift(
        "no sticky sessions",
        "load_balancer",
        lambda c: c.elbv2.modify_target_group_attributes(
            TargetGroupArn=c.target_group(), Attributes=[{"Key": "stickiness.enabled", "Value": "false"}]
        ),
        {f"{ELB}TargetGroup {NAMES}-api-server": "attributes"},
    ),
]
STORAGE = [
    Drift(
        "a bucket open to everybody",
        "storage",
        lambda c: (c.s3.delete_public_access_block(Bucket=c.bucket()), c.bucket_policy(OPEN)),
        {LOGS: "policy_statements public_access_block"},
    ),
    Drift(
        "a bucket open to another account",
        "storage",
        lambda c: c.bucket_policy({**OPEN, "Principal": {"AWS": OTHER_ACCOUNT}}),
        {LOGS: "policy_statements"},
    ),
    Drift(
        "plain HTTP to a bucket",
        "storage",
        lambda c: c.s3.delete_bucket_policy(Bucket=c.bucket()),
        {LOGS: "policy_statements"},
    ),
    Drift(
        "public access let in",
        "storage",
        lambda c: c.s3.delete_public_access_block(Bucket=c.bucket()),
        {LOGS: "public_access_block"},
    ),
    Drift(
        "a bucket for the browsers of every site",
        "storage",
        lambda c: c.s3.put_bucket_cors(
            Bucket=c.bucket(),
            CORSConfiguration={"CORSRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]}]},
        ),
        {LOGS: "cross_origin_rules"},
    ),
    Drift(
        "a bucket as a web site",
        "storage",
        lambda c: c.s3.put_bucket_website(
            Bucket=c.bucket(), WebsiteConfiguration={"IndexDocument": {"Suffix": "index.html"}}
        ),
        {LOGS: "website"},
    ),
    Drift(
        "lists of access let in",
        "storage",
        lambda c: (
            c.s3.delete_public_access_block(Bucket=c.bucket()),
            c.s3.put_bucket_ownership_controls(
                Bucket=c.bucket(), OwnershipControls={"Rules": [{"ObjectOwnership": "ObjectWriter"}]}
            ),
            c.s3.put_bucket_acl(Bucket=c.bucket(), ACL="public-read"),
        ),
        {LOGS: "ownership public_access_block"},
    ),
    Drift(
        "versions no longer kept",
        "storage",
        lambda c: c.s3.put_bucket_versioning(Bucket=c.bucket("dags"), VersioningConfiguration={"Status": "Suspended"}),
        {"AWS::S3::Bucket {dags}": "versioning"},
    ),
    Drift(
        "logs kept for ever",
        "storage",
        lambda c: c.s3.delete_bucket_lifecycle(Bucket=c.bucket()),
        {LOGS: "lifecycle_rules"},
    ),
    Drift(
        "another encryption",
        "storage",
        lambda c: c.s3.put_bucket_encryption(
            Bucket=c.bucket(),
            ServerSideEncryptionConfiguration={
                "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
            },
        ),
        {LOGS: "encryption"},
    ),
]
QUEUES = [
    Drift(
        "a queue open to everybody",
        "queue",
        lambda c: c.queue_attributes(Policy=_policy()),
        {QUEUE: "open_policy_statements"},
    ),
    Drift(
        "a queue open to another account",
        "queue",
        lambda c: c.queue_attributes(Policy=_policy(Principal={"AWS": f"arn:aws:iam::{OTHER_ACCOUNT}:root"})),
        {QUEUE: "open_policy_statements"},
    ),
    Drift(
        "messages that come back early",
        "queue",
        lambda c: c.queue_attributes(VisibilityTimeout="30"),
        {QUEUE: "VisibilityTimeout"},
    ),
    Drift(
        "messages that live short",
        "queue",
        lambda c: c.queue_attributes(MessageRetentionPeriod="60"),
        {QUEUE: "MessageRetentionPeriod"},
    ),
    Drift("no dead-letter queue", "queue", lambda c: c.queue_attributes(RedrivePolicy=""), {QUEUE: "RedrivePolicy"}),
    Drift(
        "a tag of a queue changed",
        "queue",
        lambda c: c.sqs.tag_queue(QueueUrl=c.queue(), Tags={"sm2a:component": "other"}),
        {QUEUE: "tags"},
    ),
]
LOG_GROUP = "AWS::Logs::LogGroup /sm2a/test/airflow"
OTHERS = [
    Drift(
        "logs that go after a day",
        "observability",
        lambda c: c.logs.put_retention_policy(logGroupName="/sm2a/test/airflow", retentionInDays=1),
        {LOG_GROUP: "retention_in_days"},
    ),
    Drift(
        "logs that stay for ever",
        "observability",
        lambda c: c.logs.delete_retention_policy(logGroupName="/sm2a/test/airflow"),
        {LOG_GROUP: "retention_in_days"},
    ),
    Drift(
        "a log group deleted",
        "observability",
        lambda c: c.logs.delete_log_group(logGroupName="/sm2a/test/airflow"),
        {LOG_GROUP: None},
    ),
    Drift(
        "Container Insights that cost money",
        "cluster",
        lambda c: c.ecs.update_cluster_settings(
            cluster=NAMES, settings=[{"name": "containerInsights", "value": "enabled"}]
        ),
        {f"AWS::ECS::Cluster {NAMES}": "container_insights"},
    ),
    Drift(
        "no Spot capacity",
        "cluster",
        lambda c: c.ecs.put_cluster_capacity_providers(
            cluster=NAMES, capacityProviders=["FARGATE"], defaultCapacityProviderStrategy=[]
        ),
        {f"AWS::ECS::Cluster {NAMES}": "capacity_providers"},
    ),
    Drift(
        "an empty dashboard",
        "scaler",
        lambda c: c.cloudwatch.put_dashboard(
            DashboardName=f"{NAMES}-scaler", DashboardBody=json.dumps({"widgets": []})
        ),
        {f"AWS::CloudWatch::Dashboard {NAMES}-scaler": "widgets"},
    ),
    Drift(
        "no scaler",
        "scaler",
        lambda c: c.update_service("scaler", desiredCount=0),
        {f"{SERVICE}-scaler": "desired_count"},
    ),
]
SERVICES = [
    Drift(
        "a service with a public address",
        "airflow",
        lambda c: c.network_of("api-server", assignPublicIp="ENABLED"),
        {f"{SERVICE}-api-server": "assign_public_ip"},
    ),
    Drift(
        "workers with a public address",
        "workers",
        lambda c: c.network_of("worker-default", assignPublicIp="ENABLED"),
        {f"{SERVICE}-worker-default": "assign_public_ip"},
    ),
    # The scaler sets their number.
    Drift("more workers", "workers", lambda c: c.update_service("worker-default", desiredCount=2), {}),
    Drift(
        "a service in another group",
        "airflow",
        lambda c: c.network_of("scheduler", securityGroups=[c.group("-load-balancer")]),
        {f"{SERVICE}-scheduler": "security_group_ids"},
    ),
    Drift(
        "a service in public subnets",
        "airflow",
        lambda c: c.network_of("scheduler", subnets=[c.subnet("public")]),
        {f"{SERVICE}-scheduler": "subnet_ids"},
    ),
    Drift(
        "no scheduler",
        "airflow",
        lambda c: c.update_service("scheduler", desiredCount=0),
        {f"{SERVICE}-scheduler": "desired_count"},
    ),
    Drift(
        "shells in containers",
        "airflow",
        lambda c: c.update_service("scheduler", enableExecuteCommand=True),
        {f"{SERVICE}-scheduler": "execute_command"},
    ),
    Drift(
        "a service that a load balancer reaches",
        "airflow",
        lambda c: c.update_service(
            "scheduler",
            loadBalancers=[{"targetGroupArn": c.target_group(), "containerName": "scheduler", "containerPort": 8974}],
        ),
        {f"{SERVICE}-scheduler": "further_load_balancers"},
    ),
    Drift(
        "deployments that are not taken back",
        "airflow",
        lambda c: c.update_service(
            "scheduler", deploymentConfiguration={"deploymentCircuitBreaker": {"enable": False, "rollback": False}}
        ),
        {f"{SERVICE}-scheduler": "circuit_breaker maximum_percent minimum_healthy_percent rollback"},
    ),
    Drift(
        "a name that is remembered for a day",
        "airflow",
        lambda c: c.servicediscovery.update_service(
            Id=c.servicediscovery.list_services()["Services"][0]["Id"],
            Service={"DnsConfig": {"DnsRecords": [{"Type": "A", "TTL": 86400}]}},
        ),
        {"AWS::ServiceDiscovery::Service api-server": "records"},
    ),
    Drift(
        "a foreign revision in our family",
        "airflow",
        lambda c: c.register("scheduler", tagged=False, image="elsewhere"),
        {f"{DEFINITION}-scheduler": "containerDefinitions tags", f"{SERVICE}-scheduler": "task_definition"},
    ),
    Drift(
        "a service moved to a foreign revision",
        "airflow",
        lambda c: c.update_service(
            "scheduler", taskDefinition=c.register("scheduler", tagged=False, image="elsewhere")
        ),
        {f"{DEFINITION}-scheduler": "containerDefinitions tags", f"{SERVICE}-scheduler": "task_definition"},
    ),
    Drift(
        "a revision with our tags and another user",
        "airflow",
        lambda c: c.register("scheduler", tagged=True, user="root"),
        {f"{DEFINITION}-scheduler": "further", f"{SERVICE}-scheduler": "task_definition"},
    ),
    Drift(
        "a revision with our tags and another entry point",
        "workers",
        lambda c: c.update_service(
            "worker-default", taskDefinition=c.register("worker-default", tagged=True, entryPoint=["sh"])
        ),
        {f"{DEFINITION}-worker-default": "further", f"{SERVICE}-worker-default": "task_definition"},
    ),
    Drift(
        "a revision that may do more",
        "scaler",
        lambda c: c.register("scaler", tagged=True, linuxParameters={"capabilities": {"add": ["SYS_PTRACE"]}}),
        {f"{DEFINITION}-scaler": "containerDefinitions further", f"{SERVICE}-scaler": "task_definition"},
    ),
    Drift(
        "a revision deregistered",
        "scaler",
        lambda c: [
            c.ecs.deregister_task_definition(taskDefinition=arn)
            for arn in c.ecs.list_task_definitions(familyPrefix=f"{NAMES}-scaler")["taskDefinitionArns"]
        ],
        {f"{DEFINITION}-scaler": None, f"{SERVICE}-scaler": "task_definition"},
    ),
]
DRIFTS = [*NETWORK, *SECURITY, *SECRETS, *DATABASES, *BALANCERS, *STORAGE, *QUEUES, *OTHERS, *SERVICES]
