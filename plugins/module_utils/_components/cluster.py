# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ECS cluster and the private names of its services."""

from __future__ import annotations

from typing import Any

from .._reconcile.errors import OptionError
from .._reconcile.resource import Resource
from .._resources.ecs import Cluster
from .._resources.servicediscovery import PrivateDnsNamespace
from ._base import Component
from ._names import namespace_name
from ._option_rules import validate_ids


class ClusterComponent(Component):
    """A cluster ``sm2a-<environment>`` and a namespace ``sm2a-<environment>.internal``."""

    NAME = "cluster"
    ARGUMENTS = {
        "container_insights": {"type": "str", "choices": ["disabled", "enabled", "enhanced"], "default": "disabled"},
        "service_discovery": {"type": "bool", "default": True},
        "vpc_id": {"type": "str"},
    }

    def validate(self) -> None:
        needed = self.options["service_discovery"] and self.options["state"] == "present"
        if needed and not self.options["vpc_id"]:
            raise OptionError(
                "vpc_id",
                self.options["vpc_id"],
                "service_discovery needs the VPC in which its names resolve",
                "https://docs.aws.amazon.com/cloud-map/latest/api/API_CreatePrivateDnsNamespace.html",
            )
        if needed:
            validate_ids("vpc_id", [self.options["vpc_id"]], "vpc")

    def resources(self) -> list[Resource]:
        self.cluster = Cluster(self.aws, self.prefix, self.tags, self.options["container_insights"])
        self.namespace = PrivateDnsNamespace(
            self.aws, namespace_name(self.environment), self.tags, self.options["vpc_id"] or ""
        )
        self.namespace.absent = not self.options["service_discovery"]
        return [self.cluster, self.namespace]

    def facts(self) -> dict[str, Any]:
        namespace = None
        if not self.namespace.absent:
            namespace = {"id": self.namespace.id, "name": self.namespace.name, "arn": self.namespace.arn}
        return {"name": self.cluster.name, "arn": self.cluster.id, "namespace": namespace}
