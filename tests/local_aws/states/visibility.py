# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was made a moment ago is not known everywhere yet: a call that names it may be told that there is no such thing.

https://docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_general.html#troubleshoot_general_eventual-consistency
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html
https://docs.aws.amazon.com/kms/latest/developerguide/accessing-kms.html#programming-eventual-consistency
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from .calls import Answer, Call, Refusal
from .chance import Chance

# Every how manyth new thing is unknown for a while, and for how long on AWS at most.
PROBABILITY = 0.4
SECONDS = 60.0

# What makes something: service, operation, where it is named (in the answer, then in the request), and the error of a
# call that names what is not known.
MAKING = (
    ("ec2", "CreateVpc", ("vpcId",), (), "InvalidVpcID.NotFound"),
    ("ec2", "CreateSubnet", ("subnetId",), (), "InvalidSubnetID.NotFound"),
    ("ec2", "CreateSecurityGroup", ("groupId",), (), "InvalidGroup.NotFound"),
    ("ec2", "CreateInternetGateway", ("internetGatewayId",), (), "InvalidInternetGatewayID.NotFound"),
    ("ec2", "CreateRouteTable", ("routeTableId",), (), "InvalidRouteTableID.NotFound"),
    ("ec2", "AllocateAddress", ("allocationId",), (), "InvalidAllocationID.NotFound"),
    ("ec2", "CreateNatGateway", ("natGatewayId",), (), "NatGatewayNotFound"),
    ("ec2", "CreateVpcEndpoint", ("vpcEndpointId",), (), "InvalidVpcEndpointId.NotFound"),
    ("iam", "CreateRole", (), ("RoleName",), "NoSuchEntity"),
    ("kms", "CreateKey", ("KeyId", "Arn"), (), "NotFoundException"),
    ("kms", "CreateAlias", (), ("AliasName",), "NotFoundException"),
    ("sqs", "CreateQueue", ("QueueUrl",), ("QueueName",), "QueueDoesNotExist"),
    ("secretsmanager", "CreateSecret", ("ARN",), ("Name",), "ResourceNotFoundException"),
    ("logs", "CreateLogGroup", (), ("logGroupName",), "ResourceNotFoundException"),
    ("acm", "RequestCertificate", ("CertificateArn",), (), "ResourceNotFoundException"),
    ("rds", "CreateDBSubnetGroup", (), ("DBSubnetGroupName",), "DBSubnetGroupNotFoundFault"),
    ("rds", "CreateDBParameterGroup", (), ("DBParameterGroupName",), "DBParameterGroupNotFound"),
    ("rds", "CreateDBInstance", (), ("DBInstanceIdentifier",), "DBInstanceNotFound"),
    ("rds", "RestoreDBInstanceFromDBSnapshot", (), ("DBInstanceIdentifier",), "DBInstanceNotFound"),
    ("elasticloadbalancing", "CreateLoadBalancer", ("LoadBalancerArn",), ("Name",), "LoadBalancerNotFound"),
    ("elasticloadbalancing", "CreateTargetGroup", ("TargetGroupArn",), ("Name",), "TargetGroupNotFound"),
    ("elasticloadbalancing", "CreateListener", ("ListenerArn",), (), "ListenerNotFound"),
    ("ecr", "CreateRepository", (), ("repositoryName",), "RepositoryNotFoundException"),
    ("ecs", "CreateCluster", ("clusterArn",), ("clusterName",), "ClusterNotFoundException"),
    ("ecs", "CreateService", ("serviceArn",), ("serviceName",), "ServiceNotFoundException"),
    ("ecs", "RunTask", ("taskArn",), (), "InvalidParameterException"),
)
# These are answered with what is known and a list of failures, not with an error: the name of that list.
TOLERANT = {
    "DescribeTasks": "failures",
    "DescribeServices": "failures",
    "DescribeClusters": "failures",
    "BatchGetSecretValue": "Errors",
}

# Who cannot take a role yet that is new: service, operations, where the role stands, the error and its words.
NEW_ROLES = (
    (
        "ecs",
        ("RunTask", "CreateService"),
        "ClientException",
        "ECS was unable to assume the role '{role}' that was provided for this task. Please verify that the role being "
        "passed has the proper trust relationship and permissions and that your IAM user has permissions to pass this "
        "role.",
    ),
    (
        "rds",
        ("CreateDBInstance", "ModifyDBInstance", "RestoreDBInstanceFromDBSnapshot"),
        "InvalidParameterValue",
        "IAM role ARN value is invalid or does not include the required permissions for: ENHANCED_MONITORING",
    ),
)
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/using-service-linked-roles.html
NEW_LINKED_ROLES = {
    "ecs": (("CreateCluster", "CreateService"), "InvalidParameterException"),
    "elasticloadbalancing": (("CreateLoadBalancer",), "OperationNotPermitted"),
    "rds": (("CreateDBInstance", "RestoreDBInstanceFromDBSnapshot"), "InvalidParameterValue"),
}
LINKED_ROLE = "Unable to assume the service linked role. Please verify that the {service} service linked role exists."


@dataclass(frozen=True)
class Unknown:
    """Something that a service does not know yet.

    What made it, its names, how requests call it, until when it is unknown, and the error that says so.
    """

    service: str
    made_by: str
    names: frozenset[str]
    called: tuple[str, ...]
    until: float
    code: str


class Visibility:
    """Lets some of what is made be unknown for a while, to calls that name it and to lists that would have it."""

    def __init__(self, chance: Chance) -> None:
        self._chance = chance
        self._unknown: list[Unknown] = []
        self._roles: dict[str, float] = {}
        self._linked: dict[str, float] = {}
        self._role_of_definition: dict[str, list[str]] = {}

    def before(self, call: Call) -> Refusal | None:
        """Refuse a call that names what is not known yet."""
        return self._unknown_thing(call) or self._new_role(call) or self._new_linked_role(call)

    def _unknown_thing(self, call: Call) -> Refusal | None:
        for unknown in self._still_unknown(call.service):
            # RDS lets an instance and its subnet group have the same name.
            named = set(call.values(*unknown.called)) if call.service == "rds" else call.texts()
            met = unknown.names & named
            # Whoever makes it a second time is told so by the emulator.
            if met and call.operation not in (unknown.made_by, *TOLERANT):
                return Refusal(unknown.code, f"{sorted(met)[0]} does not exist or cannot be found")
        return None

    def _still_unknown(self, service: str) -> list[Unknown]:
        now = time.monotonic()
        self._unknown = [unknown for unknown in self._unknown if unknown.until > now]
        return [unknown for unknown in self._unknown if unknown.service == service]

    def _new_role(self, call: Call) -> Refusal | None:
        for service, operations, code, words in NEW_ROLES:
            if call.service == service and call.operation in operations:
                named = {text.rsplit("/", 1)[-1] for text in call.texts() if ":role/" in text}
                for definition in call.values("taskDefinition"):
                    named.update(self._role_of_definition.get(definition, []))
                for role in sorted(named):
                    # ECS makes a service without a look at its roles; its tasks then do not start.
                    if self._roles.get(role, 0) > time.monotonic() and call.operation != "CreateService":
                        return Refusal(code, words.format(role=role))
        return None

    def _new_linked_role(self, call: Call) -> Refusal | None:
        operations, code = NEW_LINKED_ROLES.get(call.service, ((), ""))
        if call.operation in operations and self._linked.get(call.service, 0) > time.monotonic():
            return Refusal(code, LINKED_ROLE.format(service=call.service.upper()))
        return None

    def after(self, call: Call, answer: Answer) -> None:
        """Note what was made, and leave out of lists what is not known yet."""
        self._note(call, answer)
        for unknown in self._still_unknown(call.service):
            if call.operation.startswith(("Describe", "List", "Get", "BatchGet")):
                _leave_out(answer, unknown.names)
                self._fail(call, answer, unknown)

    def _note(self, call: Call, answer: Answer) -> None:
        if call.operation == "RegisterTaskDefinition":
            roles = [role.rsplit("/", 1)[-1] for role in call.values("taskRoleArn", "executionRoleArn")]
            self._role_of_definition.update(dict.fromkeys(answer.values("taskDefinitionArn"), roles))
        if call.operation == "CreateServiceLinkedRole":
            service = call.values("AWSServiceName")[0].split(".", 1)[0]
            self._linked[service] = self._chance.until("linked role", 0, SECONDS)
        if call.operation == "CreateRole":
            self._roles[call.values("RoleName")[0]] = self._chance.until("role to assume", 0, SECONDS)
        for service, operation, answered, requested, code in MAKING:
            if (call.service, call.operation) == (service, operation):
                self._make(call, answer, answered, requested, code)

    def _make(
        self, call: Call, answer: Answer, answered: tuple[str, ...], requested: tuple[str, ...], code: str
    ) -> None:
        if not self._chance.happens(f"unknown {call.operation}", PROBABILITY):
            return
        names = {text for name in answered for text in answer.values(name)} | set(call.values(*requested))
        until = self._chance.until(f"known {call.operation}", 0, SECONDS)
        known_as = frozenset(filter(None, names))
        self._unknown.append(Unknown(call.service, call.operation, known_as, requested, until, code))

    def _fail(self, call: Call, answer: Answer, unknown: Unknown) -> None:
        """Say of what is not known that it is missing."""
        where = TOLERANT.get(call.operation)
        if where:
            content = answer.load()
            for name in sorted(unknown.names & call.texts())[:1]:
                failure = {"arn": name, "reason": "MISSING"}
                if call.service == "secretsmanager":
                    failure = {"SecretId": name, "ErrorCode": unknown.code, "Message": "it cannot be found"}
                content.setdefault(where, []).append(failure)
            answer.put(content)


def _leave_out(answer: Answer, names: frozenset[str]) -> None:
    """Take the items of these names out of the lists of an answer, and what belongs to them."""
    if answer.json:
        answer.put(_without(answer.load(), names))
        return
    tree = answer.tree()
    for parent in list(tree.iter()):
        for child in list(parent):
            if child.tag in ("item", "member") and any(field.text in names for field in child):
                parent.remove(child)
    answer.put(tree)


def _without(value: Any, names: frozenset[str]) -> Any:
    if isinstance(value, dict):
        return {key: _without(item, names) for key, item in value.items()}
    if isinstance(value, list):
        return [_without(item, names) for item in value if not _named(item, names)]
    return value


def _named(item: Any, names: frozenset[str]) -> bool:
    if isinstance(item, dict):
        return any(isinstance(text, str) and text in names for text in item.values())
    return item in names if isinstance(item, str) else False
