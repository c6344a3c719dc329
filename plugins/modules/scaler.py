#!/usr/bin/python

# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# `make generate` writes this file from plugins/module_utils/_components/scaler.py; do not edit it.

"""The module of the component scaler."""

from __future__ import annotations

DOCUMENTATION = r"""
module: scaler
short_description: Service that sets the number of workers, and its dashboard
version_added: 0.1.0
description:
  - Creates the ECS service of the scaler, which watches the queues and the metadata database and sets the desired count
    of each worker service, and a CloudWatch dashboard that shows what it sees and decides.
author:
  - SM2A contributors (@sm2a)
options:
  cluster:
    description:
      - Name of the ECS cluster.
      - Required when O(state=present).
    type: str
  image:
    description:
      - Image of the containers.
      - Required when O(state=present).
    type: str
  registry_credentials:
    description:
      - ARN of a secret in Secrets Manager with the C(username) and C(password) of a private registry. ECS pulls those
        images with it that are not in Amazon ECR.
      - The secret is encrypted with the environment's key, or with C(aws/secretsmanager).
    type: str
  subnet_ids:
    description:
      - Private subnets for the tasks.
      - At most 16.
      - Required when O(state=present).
    type: list
    elements: str
    default: []
  security_group_ids:
    description:
      - Security groups of the tasks.
      - At most 5.
      - Required when O(state=present).
    type: list
    elements: str
    default: []
  role_arns:
    description:
      - ARN of the IAM role of each service, and of the task execution role as C(execution).
      - Required when O(state=present).
    type: dict
    default: {}
  log_group:
    description:
      - CloudWatch log group of the containers.
      - Required when O(state=present).
    type: str
  architecture:
    description: CPU architecture of the image.
    type: str
    choices: [X86_64, ARM64]
    default: X86_64
  environment_variables:
    description:
      - Additional environment variables of the containers.
      - Never put a secret here; Airflow's connections and variables belong in Secrets Manager.
    type: dict
    default: {}
  execute_command:
    description:
      - Whether ECS Exec may open a shell in the containers.
      - Its agent has to write to the root file system, which is then not read-only, and no capability is dropped.
    type: bool
    default: false
  read_only_root_filesystem:
    description:
      - Whether the root file system of the containers is read-only.
      - Airflow's containers can then write to C(/tmp) and to their home C(/opt/airflow), both as large as the task's
        ephemeral storage, and the scaler's to nothing.
      - An image of your own must declare these two folders as C(VOLUME), as ours does.
    type: bool
    default: true
  pools:
    description:
      - 'The worker pools: for each C(service), C(queue), C(queue_url), C(concurrency), C(minimum) and C(maximum).'
      - At most 249.
      - Required when O(state=present).
    type: dict
    default: {}
  database_secret:
    description:
      - Name of the secret with the scaler's login to the metadata database.
      - Required when O(state=present).
    type: str
  interval_seconds:
    description:
      - Seconds between two decisions.
      - From 1 to 60.
    type: int
    default: 5
  cpu:
    description: CPU units, 1024 is one vCPU.
    type: int
    default: 256
  memory:
    description: Memory in MiB.
    type: int
    default: 512
extends_documentation_fragment:
  - sm2a.airflow._component
  - sm2a.airflow._attributes
  - amazon.aws.common.modules
  - amazon.aws.region.modules
"""

EXAMPLES = r"""
- name: Scaler
  sm2a.airflow.scaler:
    environment: dev
    region: eu-central-1
    cluster: sm2a-dev
    image: 123456789012.dkr.ecr.eu-central-1.amazonaws.com/sm2a-dev/scaler:0123456789abcdef
    subnet_ids: [subnet-0123456789abcdef0, subnet-0123456789abcdef1]
    security_group_ids: [sg-0123456789abcdef0]
    role_arns:
      execution: arn:aws:iam::123456789012:role/sm2a-dev-execution
      scaler: arn:aws:iam::123456789012:role/sm2a-dev-scaler
    log_group: /sm2a/dev/scaler
    pools:
      default:
        service: sm2a-dev-worker-default
        queue: default
        queue_url: https://sqs.eu-central-1.amazonaws.com/123456789012/sm2a-dev-default
        concurrency: 4
        minimum: 0
        maximum: 5
    database_secret: sm2a/dev/scaler/database
"""

RETURN = r"""
scaler:
  description: What the other components need to know.
  returned: always
  type: dict
  contains:
    environment:
      description: Name of the environment.
      type: str
      sample: dev
    dashboard:
      description: Name of the CloudWatch dashboard that shows what the scaler sees and decides.
      type: str
      sample: sm2a-dev-scaler
    service:
      description: The ECS service.
      type: dict
      sample:
        name: sm2a-dev-scaler
        arn: arn:aws:ecs:eu-central-1:123456789012:service/sm2a-dev/sm2a-dev-scaler
        task_definition: arn:aws:ecs:eu-central-1:123456789012:task-definition/sm2a-dev-scaler:1
plan:
  description: Every resource of the component and what was done, or would be done, to it.
  returned: always
  type: list
  elements: dict
  sample:
    - kind: AWS::ECS::Service
      name: sm2a-dev-scaler
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
from ansible_collections.sm2a.airflow.plugins.module_utils._components.scaler import ScalerComponent


def main():
    """Run the module."""
    run(ScalerComponent)


if __name__ == "__main__":
    main()
