# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ECS cluster and the private names of its services."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .._reconcile.errors import OptionError
from .._reconcile.resource import Resource
from .._resources.ecs import Cluster
from .._resources.servicediscovery import PrivateDnsNamespace
from ._base import Component
from ._containers import LOG_GROUP
from ._kms_rules import kms_key_option
from ._names import namespace_name
from ._option import Fact, Option, Return
from ._option_rules import VPC_ID

NAMESPACES = "https://docs.aws.amazon.com/cloud-map/latest/api/API_CreatePrivateDnsNamespace.html"


class ClusterComponent(Component):
    """A cluster ``sm2a-<environment>`` and a namespace ``sm2a-<environment>.internal``."""

    NAME = "cluster"
    SUMMARY = "ECS cluster, and the name of the execution API within the VPC"
    DESCRIPTION = (
        "Creates the ECS cluster for Fargate, and a private DNS namespace in which the API server has an internal "
        "name.",
    )
    TASK = "Create the cluster"
    MAIN = ("service_discovery",)
    OPTIONS = {
        "container_insights": Option(
            "str",
            "Container Insights of the cluster. V(enabled) and V(enhanced) cost money per metric.",
            choices=("disabled", "enabled", "enhanced"),
            default="disabled",
        ),
        "service_discovery": Option(
            "bool", "Whether to make the private DNS namespace C(sm2a-<environment>.internal).", default=True
        ),
        "vpc_id": Option(
            "str",
            "VPC in which the names resolve.",
            form=VPC_ID,
            needed_if="service_discovery",
            fact=Fact("network", ("vpc_id",)),
        ),
        "execute_command_log_group": Option(
            "str",
            (
                "CloudWatch log group that records the sessions of ECS Exec.",
                "Without it what is configured stays; a new cluster records them in the log group of the container.",
            ),
            form=LOG_GROUP,
            fact=Fact("observability", ("log_groups", "execute_command")),
        ),
        "kms_key_arn": kms_key_option(
            "KMS key that encrypts the sessions of ECS Exec, and the log group of their records.",
            "Without it the cluster keeps the key that it has.",
        ),
    }
    RETURNS = {
        "name": Return("str", "Name of the cluster.", "sm2a-dev"),
        "arn": Return("str", "ARN of the cluster.", "arn:aws:ecs:eu-central-1:123456789012:cluster/sm2a-dev"),
        "namespace": Return(
            "dict",
            "The private DNS namespace, or null.",
            {
                "id": "ns-0123456789abcdef",
                "name": "sm2a-dev.internal",
                "arn": "arn:aws:servicediscovery:eu-central-1:123456789012:namespace/ns-0123456789abcdef",
            },
        ),
    }
    PLAN = ("AWS::ECS::Cluster", "sm2a-dev")
    EXAMPLES = """
- name: Cluster
  sm2a.airflow.cluster:
    environment: dev
    region: eu-central-1
    vpc_id: vpc-0123456789abcdef0
"""

    def rules(self) -> Iterator[OptionError]:
        needed = self.options["service_discovery"] and self.options["state"] == "present"
        if needed and not self.options["vpc_id"]:
            rule = "service_discovery needs the VPC in which its names resolve"
            yield OptionError("vpc_id", self.options["vpc_id"], rule, NAMESPACES)

    def resources(self) -> list[Resource]:
        self.cluster = Cluster(
            self.aws, self.prefix, self.tags, self.options["container_insights"], self._execute_command()
        )
        self.namespace = PrivateDnsNamespace(
            self.aws, namespace_name(self.environment), self.tags, self.options["vpc_id"] or ""
        )
        self.namespace.absent = not self.options["service_discovery"]
        return [self.cluster, self.namespace]

    def _execute_command(self) -> dict[str, Any]:
        """Return what is said of ECS Exec; without a log group or a key it says nothing of it."""
        group, key = self.options["execute_command_log_group"], self.options["kms_key_arn"]
        configuration: dict[str, Any] = {"kmsKeyId": key} if key else {}
        if group:
            # Whether the records are encrypted: ECS Exec refuses to work if it is told so and the group has no key.
            encrypted = {"cloudWatchEncryptionEnabled": True} if key else {}
            configuration["logging"] = "OVERRIDE"
            configuration["logConfiguration"] = {"cloudWatchLogGroupName": group, **encrypted}
        return configuration

    def facts(self) -> dict[str, Any]:
        namespace = None
        if not self.namespace.absent:
            namespace = {"id": self.namespace.id, "name": self.namespace.name, "arn": self.namespace.arn}
        return {"name": self.cluster.name, "arn": self.cluster.id, "namespace": namespace}
