# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is used cannot be deleted, nor can what was used until a moment ago.

Listeners let go of certificates and target groups, and the network interfaces of load balancers, databases, endpoints
and tasks of security groups and subnets, seconds or minutes after they are gone themselves.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from .calls import Answer, Call, Refusal
from .chance import Chance

# How long something is held after its user has gone, in seconds on AWS.
RELEASE = (10, 240)

# Who uses something: service, what makes and what changes it, what names it in the request or else in the answer, the
# parameters whose values it holds, and what ends it.
USERS = (
    (
        "elasticloadbalancing",
        ("CreateListener", "ModifyListener"),
        ("ListenerArn",),
        ("CertificateArn", "TargetGroupArn"),
        "DeleteListener",
    ),
    (
        "elasticloadbalancing",
        ("CreateLoadBalancer", "SetSecurityGroups", "SetSubnets"),
        ("LoadBalancerArn",),
        ("SecurityGroups", "Subnets"),
        "DeleteLoadBalancer",
    ),
    (
        "ecs",
        ("CreateService", "UpdateService"),
        ("serviceName", "service"),
        ("securityGroups", "subnets", "targetGroupArn", "cluster"),
        "DeleteService",
    ),
    (
        "rds",
        ("CreateDBInstance", "ModifyDBInstance", "RestoreDBInstanceFromDBSnapshot"),
        ("DBInstanceIdentifier",),
        ("VpcSecurityGroupIds", "DBSubnetGroupName", "DBParameterGroupName"),
        "DeleteDBInstance",
    ),
    (
        "ec2",
        ("CreateVpcEndpoint", "ModifyVpcEndpoint"),
        ("VpcEndpointId",),
        ("SecurityGroupId", "SubnetId"),
        "DeleteVpcEndpoints",
    ),
    ("ec2", ("CreateNatGateway",), ("NatGatewayId",), ("SubnetId", "AllocationId"), "DeleteNatGateway"),
)
GROUPS = ("SecurityGroups", "securityGroups", "VpcSecurityGroupIds", "SecurityGroupId")
SUBNETS = ("Subnets", "subnets", "SubnetId")
# What is refused while it is used: service, operation, what names it, by which parameters others hold it, the error.
REFUSED = (
    ("acm", "DeleteCertificate", "CertificateArn", ("CertificateArn",), "ResourceInUseException"),
    (
        "elasticloadbalancing",
        "DeleteTargetGroup",
        "TargetGroupArn",
        ("TargetGroupArn", "targetGroupArn"),
        "ResourceInUse",
    ),
    ("ec2", "DeleteSecurityGroup", "GroupId", GROUPS, "DependencyViolation"),
    ("ec2", "DeleteSubnet", "SubnetId", SUBNETS, "DependencyViolation"),
    ("ec2", "ReleaseAddress", "AllocationId", ("AllocationId",), "InvalidIPAddress.InUse"),
    ("rds", "DeleteDBSubnetGroup", "DBSubnetGroupName", ("DBSubnetGroupName",), "InvalidDBSubnetGroupStateFault"),
    (
        "rds",
        "DeleteDBParameterGroup",
        "DBParameterGroupName",
        ("DBParameterGroupName",),
        "InvalidDBParameterGroupState",
    ),
    ("ecs", "DeleteCluster", "cluster", ("cluster",), "ClusterContainsTasksException"),
)
# Names that are not free at once again: service, what ends and what makes a thing of the name, what names it in both,
# how long the name is taken on AWS, the error.
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteQueue.html
# https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html
NAMES = (
    ("sqs", "DeleteQueue", "CreateQueue", ("QueueUrl", "QueueName"), (60, 60), "QueueDeletedRecently"),
    ("s3", "DeleteBucket", "CreateBucket", (), (0, 120), "OperationAborted"),
)


@dataclass
class User:
    """Something that uses others: their names by the parameter that gave them."""

    holds: dict[str, set[str]] = field(default_factory=dict)


class InUse:
    """Knows who uses what."""

    def __init__(self, chance: Chance) -> None:
        self._chance = chance
        self._users: dict[tuple[str, str], User] = {}
        self._held_until: dict[tuple[str, str], float] = {}
        self._names: dict[tuple[str, str], float] = {}
        self._listeners: dict[str, set[str]] = {}

    def before(self, call: Call) -> Refusal | None:
        """Refuse to delete what is used, and to take a name that is not free."""
        now = time.monotonic()
        for service, _end, make, named, _seconds, code in NAMES:
            if (call.service, call.operation) == (service, make):
                for name in _names(call, named):
                    if self._names.get((service, name), 0) > now:
                        return Refusal(code, f"{name} was deleted a moment ago", 409 if service == "s3" else 400)
        for service, operation, where, holding, code in REFUSED:
            if (call.service, call.operation) == (service, operation):
                for name in map(_short, call.values(where)):
                    users = [
                        user for user in self._users.values() for key in holding if name in user.holds.get(key, ())
                    ]
                    if users or any(self._held_until.get((key, name), 0) > now for key in holding):
                        return Refusal(code, f"{name} is in use")
        return None

    def after(self, call: Call, answer: Answer) -> None:
        """Note who uses what from now on, and who no longer does."""
        for service, end, _make, named, seconds, _code in NAMES:
            if (call.service, call.operation) == (service, end):
                until = self._chance.until(end, *seconds)
                self._names.update({(service, name): until for name in _names(call, named)})
        for service, makes, where, holding, end in USERS:
            if call.service != service:
                continue
            if call.operation in makes:
                for name in call.values(*where)[:1] or answer.values(where[0])[:1]:
                    self._use(call, _short(name), holding)
            elif call.operation == end:
                for name in call.values(*where):
                    self._end(service, _short(name))

    def _use(self, call: Call, name: str, holding: tuple[str, ...]) -> None:
        user = self._users.setdefault((call.service, name), User())
        if call.operation == "CreateListener":
            for balancer in call.values("LoadBalancerArn"):
                self._listeners.setdefault(balancer, set()).add(name)
        for parameter in holding:
            held = set(map(_short, call.values(parameter)))
            if held:
                self._release(parameter, user.holds.get(parameter, set()) - held)
                user.holds[parameter] = held

    def _end(self, service: str, name: str) -> None:
        for listener in self._listeners.pop(name, ()):
            self._end(service, listener)
        user = self._users.pop((service, name), User())
        for parameter, held in user.holds.items():
            self._release(parameter, held)

    def _release(self, parameter: str, held: set[str]) -> None:
        for name in sorted(held):
            self._held_until[parameter, name] = self._chance.until("release", *RELEASE)


def _names(call: Call, named: tuple[str, ...]) -> list[str]:
    if call.service == "s3":
        return [call.path]
    return [name.rsplit("/", 1)[-1] for name in call.values(*named)]


def _short(name: str) -> str:
    """Return the name of a cluster or service that is given by its ARN; any other name as it is."""
    return name.rsplit("/", 1)[-1] if ":ecs:" in name else name
