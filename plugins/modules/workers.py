#!/usr/bin/python

# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# `make generate` writes this file from plugins/module_utils/_components/workers.py; do not edit it.

"""The module of the component workers."""

from __future__ import annotations

DOCUMENTATION = r"""
module: workers
short_description: ECS service of Celery workers per worker pool
version_added: 0.1.0
description:
  - Creates one ECS service per worker pool. A service starts with the pool's minimum; from then on the scaler sizes it.
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
  log_bucket:
    description:
      - Bucket of the task logs.
      - Required when O(state=present).
    type: str
  dag_bucket:
    description:
      - Bucket of the DAGs, below C(dags/).
      - Required when O(state=present).
    type: str
  queues:
    description:
      - Mapping of each worker pool to its queue, with the queue's C(url).
      - Without a C(visibility_timeout), in seconds, a queue is taken to have SQS's maximum.
      - Required when O(state=present).
    type: dict
    default: {}
  default_pool:
    description: Pool of tasks that name no queue. The first by name if it is not given.
    type: str
  url:
    description:
      - Address of the web interface.
      - Required when O(state=present).
    type: str
  execution_api_server_url:
    description:
      - Internal address of Airflow's execution API, ending in C(/execution/).
      - Required when O(state=present).
    type: str
  connections_lookup_pattern:
    description:
      - Regular expression, from the beginning, of the connections that are looked up in Secrets Manager, where each
        question costs. Others are those of Airflow's database and of C(AIRFLOW_CONN_...) variables.
      - Without it all are but C(aws_default), which has the permissions of the container's role.
    type: str
    default: (?!aws_default$)
  variables_lookup_pattern:
    description: Such an expression of Airflow's variables. Without it all are looked up.
    type: str
  secrets_cache_seconds:
    description:
      - For how many seconds a process of Airflow keeps what it has found in Secrets Manager, and that there is nothing
        of a name. V(0) asks each time.
      - A process is one task, the parsing of one file, or a triggerer.
      - From 0 to 3600 seconds.
    type: int
    default: 60
  configuration:
    description:
      - Additional configuration of Airflow, as sections of options.
      - Secrets are refused, and so are options that SM2A sets itself and those that Airflow does not know.
    type: dict
    default: {}
  pools:
    description:
      - Worker pools by name.
      - The service of a pool that is no longer named is left to the scaler, which lets its workers finish; the run
        after that deletes the service.
      - Each pool has these keys, of which none has to be given.
      - At most 249.
      - 'C(minimum): Workers that always run. With 0 a pool costs nothing while nothing runs. At most C(maximum). From 0
        to 5000. By default 1.'
      - 'C(maximum): Workers that the scaler starts at most. From 1 to 5000. By default 5.'
      - 'C(concurrency): Tasks that one worker runs at once. From 1 to 1000. By default 4.'
      - 'C(cpu): CPU units of a worker; 1024 is one vCPU. By default 1024.'
      - 'C(memory): MiB of memory of a worker. Fargate has to offer it together with the C(cpu). By default 4096.'
      - 'C(capacity_provider): What the workers run on. One of FARGATE, FARGATE_SPOT. By default FARGATE.'
      - 'C(ephemeral_storage): GiB of disk of a worker. Fargate gives 20 unless it is set. From 21 to 200 GiB.'
      - 'C(environment_variables): Environment variables of this pool''s workers only.'
      - Required when O(state=present).
    type: dict
    default: {}
  draining_pools:
    description:
      - Pools that are no longer named and whose queue still has messages, as the M(sm2a.airflow.queue) module tells.
      - Their service stays until the scaler has emptied it.
    type: list
    elements: str
    default: []
extends_documentation_fragment:
  - sm2a.airflow._component
  - sm2a.airflow._attributes
  - amazon.aws.common.modules
  - amazon.aws.region.modules
"""

EXAMPLES = r"""
- name: Workers
  sm2a.airflow.workers:
    environment: dev
    region: eu-central-1
    cluster: sm2a-dev
    image: 123456789012.dkr.ecr.eu-central-1.amazonaws.com/sm2a-dev/airflow:0123456789abcdef
    subnet_ids: [subnet-0123456789abcdef0, subnet-0123456789abcdef1]
    security_group_ids: [sg-0123456789abcdef0]
    role_arns:
      execution: arn:aws:iam::123456789012:role/sm2a-dev-execution
      worker: arn:aws:iam::123456789012:role/sm2a-dev-worker
    log_group: /sm2a/dev/airflow
    log_bucket: sm2a-dev-logs-123456789012-eu-central-1
    dag_bucket: sm2a-dev-dags-123456789012-eu-central-1
    queues:
      default:
        url: https://sqs.eu-central-1.amazonaws.com/123456789012/sm2a-dev-default
    url: https://airflow.dev.example.com
    execution_api_server_url: http://api-server.sm2a-dev.internal:8080/execution/
    pools:
      default: {minimum: 0, maximum: 10, concurrency: 8}
"""

RETURN = r"""
workers:
  description: What the other components need to know.
  returned: always
  type: dict
  contains:
    environment:
      description: Name of the environment.
      type: str
      sample: dev
    draining_pools:
      description: Pools that are no longer named and still have workers.
      type: list
      elements: str
      sample: []
    pools:
      description: What the scaler needs to know of each pool.
      type: dict
      sample:
        default:
          service: sm2a-dev-worker-default
          queue: default
          queue_url: https://sqs.eu-central-1.amazonaws.com/123456789012/sm2a-dev-default
          concurrency: 8
          minimum: 0
          maximum: 10
plan:
  description: Every resource of the component and what was done, or would be done, to it.
  returned: always
  type: list
  elements: dict
  sample:
    - kind: AWS::ECS::Service
      name: sm2a-dev-worker-default
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
from ansible_collections.sm2a.airflow.plugins.module_utils._components.workers import WorkersComponent


def main():
    """Run the module."""
    run(WorkersComponent)


if __name__ == "__main__":
    main()
