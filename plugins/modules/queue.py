#!/usr/bin/python

# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# `make generate` writes this file from plugins/module_utils/_components/queue.py; do not edit it.

"""The module of the component queue."""

from __future__ import annotations

DOCUMENTATION = r"""
module: queue
short_description: SQS queue per worker pool, and a dead-letter queue
version_added: 0.1.0
description:
  - Creates one standard queue per worker pool, and one dead-letter queue for all of them.
  - The queue of a pool that is no longer named is deleted as soon as its workers have gone and it is empty.
author:
  - SM2A contributors (@sm2a)
options:
  pools:
    description:
      - Names of the worker pools. Each has a queue of its own.
      - At most 249.
    type: list
    elements: str
    default: [default]
  visibility_timeout:
    description:
      - Seconds for which a received task is hidden from other workers.
      - The default is SQS's maximum, since a task that runs longer is delivered a second time and killed.
      - From 0 to 43200.
    type: int
    default: 43200
  message_retention_period:
    description:
      - Seconds for which a task may wait in the queue.
      - From 60 to 1209600.
    type: int
    default: 1209600
  max_receive_count:
    description:
      - How often a message may be received before it goes to the dead-letter queue.
      - From 1 to 1000.
    type: int
    default: 10
  kms_key_arn:
    description:
      - KMS key that encrypts the messages.
      - Without it what exists keeps the key that it has, and SQS encrypts new queues with a key of its own.
    type: str
extends_documentation_fragment:
  - sm2a.airflow._component
  - sm2a.airflow._attributes
  - amazon.aws.common.modules
  - amazon.aws.region.modules
"""

EXAMPLES = r"""
- name: Queues of two worker pools
  sm2a.airflow.queue:
    environment: dev
    region: eu-central-1
    pools: [default, heavy]
"""

RETURN = r"""
queue:
  description: What the other components need to know.
  returned: always
  type: dict
  contains:
    environment:
      description: Name of the environment.
      type: str
      sample: dev
    queues:
      description: The queue of each pool.
      type: dict
      sample:
        default:
          name: sm2a-dev-default
          url: https://sqs.eu-central-1.amazonaws.com/123456789012/sm2a-dev-default
          arn: arn:aws:sqs:eu-central-1:123456789012:sm2a-dev-default
          visibility_timeout: 43200
    draining_pools:
      description: Pools that are no longer named and whose workers still have tasks, or will have.
      type: list
      elements: str
      sample: []
    dead_letter_queue:
      description: The queue of messages that no worker could process.
      type: dict
      sample:
        name: sm2a-dev-dead-letter
        url: https://sqs.eu-central-1.amazonaws.com/123456789012/sm2a-dev-dead-letter
        arn: arn:aws:sqs:eu-central-1:123456789012:sm2a-dev-dead-letter
plan:
  description: Every resource of the component and what was done, or would be done, to it.
  returned: always
  type: list
  elements: dict
  sample:
    - kind: AWS::SQS::Queue
      name: sm2a-dev-default
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
from ansible_collections.sm2a.airflow.plugins.module_utils._components.queue import QueueComponent


def main():
    """Run the module."""
    run(QueueComponent)


if __name__ == "__main__":
    main()
