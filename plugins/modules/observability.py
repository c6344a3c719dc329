#!/usr/bin/python

# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# `make generate` writes this file from plugins/module_utils/_components/observability.py; do not edit it.

"""The module of the component observability."""

from __future__ import annotations

DOCUMENTATION = r"""
module: observability
short_description: CloudWatch log groups of the containers
version_added: 0.1.0
description:
  - Creates the log groups that the containers of Airflow and of the scaler write to, and one for the sessions of ECS
    Exec. Task logs are in S3.
author:
  - SM2A contributors (@sm2a)
options:
  log_retention_in_days:
    description:
      - Days for which the containers' output is kept.
      - One of 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653.
    type: int
    default: 30
  kms_key_arn:
    description:
      - KMS key that encrypts the logs.
      - Without it what exists keeps the key that it has, and CloudWatch encrypts new groups with a key of its own.
    type: str
  delete_log_groups:
    description: Whether O(state=absent) deletes the log groups too. They are kept by default.
    type: bool
    default: false
extends_documentation_fragment:
  - sm2a.airflow._component
  - sm2a.airflow._attributes
  - amazon.aws.common.modules
  - amazon.aws.region.modules
"""

EXAMPLES = r"""
- name: Log groups
  sm2a.airflow.observability:
    environment: dev
    region: eu-central-1
    log_retention_in_days: 90
"""

RETURN = r"""
observability:
  description: What the other components need to know.
  returned: always
  type: dict
  contains:
    environment:
      description: Name of the environment.
      type: str
      sample: dev
    log_groups:
      description: Name of the log group of each program.
      type: dict
      sample:
        airflow: /sm2a/dev/airflow
        scaler: /sm2a/dev/scaler
        execute_command: /sm2a/dev/execute-command
plan:
  description: Every resource of the component and what was done, or would be done, to it.
  returned: always
  type: list
  elements: dict
  sample:
    - kind: AWS::Logs::LogGroup
      name: /sm2a/dev/airflow
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
from ansible_collections.sm2a.airflow.plugins.module_utils._components.observability import ObservabilityComponent


def main():
    """Run the module."""
    run(ObservabilityComponent)


if __name__ == "__main__":
    main()
