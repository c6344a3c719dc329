#!/usr/bin/python

# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# `make generate` writes this file from plugins/module_utils/_components/cluster.py; do not edit it.

"""The module of the component cluster."""

from __future__ import annotations

DOCUMENTATION = r"""
module: cluster
short_description: ECS cluster, and the name of the execution API within the VPC
version_added: 0.1.0
description:
  - Creates the ECS cluster for Fargate, and a private DNS namespace in which the API server has an internal name.
author:
  - SM2A contributors (@sm2a)
options:
  container_insights:
    description: Container Insights of the cluster. V(enabled) and V(enhanced) cost money per metric.
    type: str
    choices: [disabled, enabled, enhanced]
    default: disabled
  service_discovery:
    description: Whether to make the private DNS namespace C(sm2a-<environment>.internal).
    type: bool
    default: true
  vpc_id:
    description:
      - VPC in which the names resolve.
      - Required with O(service_discovery=true).
    type: str
  execute_command_log_group:
    description:
      - CloudWatch log group that records the sessions of ECS Exec.
      - Without it what is configured stays; a new cluster records them in the log group of the container.
    type: str
  kms_key_arn:
    description:
      - KMS key that encrypts the sessions of ECS Exec, and the log group of their records.
      - Without it the cluster keeps the key that it has.
    type: str
extends_documentation_fragment:
  - sm2a.airflow._component
  - sm2a.airflow._attributes
  - amazon.aws.common.modules
  - amazon.aws.region.modules
"""

EXAMPLES = r"""
- name: Cluster
  sm2a.airflow.cluster:
    environment: dev
    region: eu-central-1
    vpc_id: vpc-0123456789abcdef0
"""

RETURN = r"""
cluster:
  description: What the other components need to know.
  returned: always
  type: dict
  contains:
    environment:
      description: Name of the environment.
      type: str
      sample: dev
    name:
      description: Name of the cluster.
      type: str
      sample: sm2a-dev
    arn:
      description: ARN of the cluster.
      type: str
      sample: arn:aws:ecs:eu-central-1:123456789012:cluster/sm2a-dev
    namespace:
      description: The private DNS namespace, or null.
      type: dict
      sample:
        id: ns-0123456789abcdef
        name: sm2a-dev.internal
        arn: arn:aws:servicediscovery:eu-central-1:123456789012:namespace/ns-0123456789abcdef
plan:
  description: Every resource of the component and what was done, or would be done, to it.
  returned: always
  type: list
  elements: dict
  sample:
    - kind: AWS::ECS::Cluster
      name: sm2a-dev
      action: create
api_calls:
  description: How many calls were made to AWS.
  returned: always
  type: dict
  sample:
    read: 4
    write: 2
errors:
  description: Every option that is refused, by its name, the rule and the address of its documentation.
  returned: when options are refused
  type: list
  elements: dict
  sample:
    - option: environment
      rule: it must have at most 16 lower-case letters, digits and single hyphens, and start with a letter
      documentation: https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html
"""

from ansible_collections.sm2a.airflow.plugins.module_utils._components._base import run
from ansible_collections.sm2a.airflow.plugins.module_utils._components.cluster import ClusterComponent


def main():
    """Run the module."""
    run(ClusterComponent)


if __name__ == "__main__":
    main()
