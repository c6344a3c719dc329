#!/usr/bin/python

# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ansible module that reads a whole environment."""

from __future__ import annotations

DOCUMENTATION = r"""
module: environment_info
short_description: Services, queues, database and health of an SM2A environment
version_added: 0.1.0
description:
  - Reads what an environment runs, how much waits in its queues and what Airflow says of its own health.
author:
  - SM2A contributors (@sm2a)
options:
  environment:
    description: Name of the SM2A environment.
    type: str
    required: true
  url:
    description:
      - Address where users find Airflow. Without it that is O(domain_name).
      - The load balancer is asked in the name of this address, whether or not the name leads there already. Where it
        does not listen at the port of the address, since TLS ends before it, the address itself is asked.
    type: str
  domain_name:
    description: Name that users know Airflow by. Without it that of the certificate, or the load balancer's own.
    type: str
attributes:
  check_mode:
    description: Can run in check mode; it only reads.
    support: full
  diff_mode:
    description: Reports no differences, since it changes nothing.
    support: none
  idempotent:
    description: Changes nothing.
    support: full
extends_documentation_fragment:
  - sm2a.airflow._attributes
  - amazon.aws.common.modules
  - amazon.aws.region.modules
"""

EXAMPLES = r"""
- name: Read the environment
  sm2a.airflow.environment_info:
    environment: dev
    region: eu-central-1
  register: status

- name: Show it
  sm2a.airflow.show:
    lines: "{{ status.table }}"
"""

RETURN = r"""
url:
  description: Address of Airflow, or null.
  returned: success
  type: str
  sample: https://airflow.dev.example.com
health:
  description: What Airflow reports of its components. Empty where it does not answer.
  returned: success
  type: dict
  sample: {metadatabase: healthy, scheduler: healthy, triggerer: healthy, dag_processor: healthy}
health_problem:
  description: Why Airflow does not answer, or null.
  returned: success
  type: str
  sample: airflow.dev.example.com:443 refuses connections
services:
  description: The ECS services of the environment.
  returned: success
  type: list
  elements: dict
  sample:
    - name: sm2a-dev-scheduler
      running: 1
      desired: 1
      pending: 0
      task_definition: sm2a-dev-scheduler:3
      rollout: COMPLETED
queues:
  description: The SQS queues of the environment.
  returned: success
  type: list
  elements: dict
  sample:
    - {name: sm2a-dev-default, waiting: 0, in_flight: 0, visibility_timeout: 43200}
database:
  description: The RDS instance, or null.
  returned: success
  type: dict
  sample: {identifier: sm2a-dev, engine: postgres, engine_version: '17.6', status: available, multi_az: false}
table:
  description: All of it as lines that a person reads.
  returned: success
  type: list
  elements: str
  sample: ['SERVICE             RUNNING  DESIRED', 'sm2a-dev-scheduler  1        1']
"""

from ansible_collections.sm2a.airflow.plugins.module_utils._components.environment_info import run


def main():
    """Run the module."""
    run()


if __name__ == "__main__":
    main()
