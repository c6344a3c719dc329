#!/usr/bin/python

# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# `make generate` writes this file from plugins/module_utils/_components/airflow.py; do not edit it.

"""The module of the component airflow."""

from __future__ import annotations

DOCUMENTATION = r"""
module: airflow
short_description: Migration and administrator, then Airflow's API server, execution API, scheduler, DAG processor and
  triggerer
version_added: 0.1.0
description:
  - Runs the migration of the metadata database as a one-off task and checks its exit code, then creates or updates the
    services.
  - The web interface and the execution API, to which running tasks report, are services of their own, so that whatever
    users ask the one for leaves the other alone.
  - Every secret is read from Secrets Manager by Airflow itself at run time.
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
  target_group_arn:
    description:
      - Target group of the load balancer.
      - Required when O(state=present).
    type: str
  api_server_security_group_ids:
    description:
      - Further security groups of the API server's tasks.
      - The one that the security component makes lets them read the logs of running tasks from workers and triggerers.
    type: list
    elements: str
    default: []
  execution_api_security_group_ids:
    description:
      - Further security groups of the execution API's tasks.
      - The one that the security component makes lets tasks on workers call it.
    type: list
    elements: str
    default: []
  forwarded_allow_ips:
    description:
      - Networks of the load balancer, whose word the API server takes for who asks and whether by HTTPS.
      - What a client itself says of its address is not believed. Give the ranges of the load balancer's subnets, if
        they are others than the public ones that the network component knows.
    type: list
    elements: str
    default: []
  namespace_id:
    description: Private DNS namespace in which the execution API is registered, as C(api-server).
    type: str
  database_resource_id:
    description:
      - Resource id of the RDS instance. A migration is run once per instance and revision.
      - Required when O(state=present).
    type: str
  worker_pools:
    description:
      - The worker pools, as those of the M(sm2a.airflow.workers) module.
      - The scheduler lets as many tasks run as all of them have slots, and at least Airflow's default of 32, unless
        O(configuration) sets C(parallelism) in C(core).
    type: dict
    default: {}
  services:
    description: Sizes of the services. What is left out keeps its default.
    type: dict
    default: {}
    suboptions:
      api_server:
        description: Size and number of the API servers, which serve the web interface and the REST API.
        type: dict
        suboptions:
          cpu:
            description: CPU units, 1024 is one vCPU.
            type: int
          memory:
            description: Memory in MiB. Must be one that Fargate offers with the CPU.
            type: int
          count:
            description:
              - Number of tasks.
              - From 1 to 10.
            type: int
      execution_api:
        description: Size and number of the servers of the execution API, to which running tasks report.
        type: dict
        suboptions:
          cpu:
            description: CPU units, 1024 is one vCPU.
            type: int
          memory:
            description: Memory in MiB. Must be one that Fargate offers with the CPU.
            type: int
          count:
            description:
              - Number of tasks.
              - From 1 to 10.
            type: int
      scheduler:
        description: Size and number of the schedulers.
        type: dict
        suboptions:
          cpu:
            description: CPU units, 1024 is one vCPU.
            type: int
          memory:
            description: Memory in MiB. Must be one that Fargate offers with the CPU.
            type: int
          count:
            description:
              - Number of tasks.
              - From 1 to 10.
            type: int
      dag_processor:
        description: Size and number of the DAG processors.
        type: dict
        suboptions:
          cpu:
            description: CPU units, 1024 is one vCPU.
            type: int
          memory:
            description: Memory in MiB. Must be one that Fargate offers with the CPU.
            type: int
          count:
            description:
              - Number of tasks.
              - From 1 to 10.
            type: int
      triggerer:
        description: Size and number of the triggerers.
        type: dict
        suboptions:
          cpu:
            description: CPU units, 1024 is one vCPU.
            type: int
          memory:
            description: Memory in MiB. Must be one that Fargate offers with the CPU.
            type: int
          count:
            description:
              - Number of tasks.
              - From 1 to 10.
            type: int
extends_documentation_fragment:
  - sm2a.airflow._component
  - sm2a.airflow._attributes
  - amazon.aws.common.modules
  - amazon.aws.region.modules
"""

EXAMPLES = r"""
- name: Airflow
  sm2a.airflow.airflow:
    environment: dev
    region: eu-central-1
    cluster: sm2a-dev
    image: 123456789012.dkr.ecr.eu-central-1.amazonaws.com/sm2a-dev/airflow:0123456789abcdef
    subnet_ids: [subnet-0123456789abcdef0, subnet-0123456789abcdef1]
    security_group_ids: [sg-0123456789abcdef0]
    role_arns:
      execution: arn:aws:iam::123456789012:role/sm2a-dev-execution
      api_server: arn:aws:iam::123456789012:role/sm2a-dev-api-server
      execution_api: arn:aws:iam::123456789012:role/sm2a-dev-execution-api
      scheduler: arn:aws:iam::123456789012:role/sm2a-dev-scheduler
      dag_processor: arn:aws:iam::123456789012:role/sm2a-dev-dag-processor
      triggerer: arn:aws:iam::123456789012:role/sm2a-dev-triggerer
      migration: arn:aws:iam::123456789012:role/sm2a-dev-migration
    log_group: /sm2a/dev/airflow
    log_bucket: sm2a-dev-logs-123456789012-eu-central-1
    dag_bucket: sm2a-dev-dags-123456789012-eu-central-1
    queues:
      default:
        url: https://sqs.eu-central-1.amazonaws.com/123456789012/sm2a-dev-default
    url: https://airflow.dev.example.com
    execution_api_server_url: http://api-server.sm2a-dev.internal:8080/execution/
    target_group_arn: arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/sm2a-dev/0123456789abcdef
    forwarded_allow_ips: [10.42.0.0/20, 10.42.16.0/20]
    database_resource_id: db-ABCDEFGHIJKLMNOPQRSTUVWXYZ
    services:
      scheduler: {count: 2}
"""

RETURN = r"""
airflow:
  description: What the other components need to know.
  returned: always
  type: dict
  contains:
    environment:
      description: Name of the environment.
      type: str
      sample: dev
    services:
      description: The ECS service of each program.
      type: dict
      sample:
        scheduler:
          name: sm2a-dev-scheduler
          arn: arn:aws:ecs:eu-central-1:123456789012:service/sm2a-dev/sm2a-dev-scheduler
          task_definition: arn:aws:ecs:eu-central-1:123456789012:task-definition/sm2a-dev-scheduler:1
    execution_api_server_url:
      description: Internal address of the execution API.
      type: str
      sample: http://api-server.sm2a-dev.internal:8080/execution/
    url:
      description: Address of the web interface.
      type: str
      sample: https://airflow.dev.example.com
plan:
  description: Every resource of the component and what was done, or would be done, to it.
  returned: always
  type: list
  elements: dict
  sample:
    - kind: AWS::ECS::Service
      name: sm2a-dev-scheduler
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
from ansible_collections.sm2a.airflow.plugins.module_utils._components.airflow import AirflowComponent


def main():
    """Run the module."""
    run(AirflowComponent)


if __name__ == "__main__":
    main()
