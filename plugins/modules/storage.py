#!/usr/bin/python

# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# `make generate` writes this file from plugins/module_utils/_components/storage.py; do not edit it.

"""The module of the component storage."""

from __future__ import annotations

DOCUMENTATION = r"""
module: storage
short_description: S3 buckets for Airflow's logs and DAGs
version_added: 0.1.0
description:
  - Creates one bucket for the logs of tasks and one, with versioning, for DAGs.
  - Both are private, encrypted, owned by the account in all they hold, and refuse plain HTTP.
  - Uploads the DAGs of a folder, if one is named.
author:
  - SM2A contributors (@sm2a)
options:
  kms_key_arn:
    description:
      - KMS key that encrypts what the buckets hold.
      - Without it what exists keeps the key that it has, and S3 encrypts new buckets with keys of its own.
    type: str
  log_transition_days:
    description:
      - Days after which logs move to the storage class C(STANDARD_IA), at least 30. V(0) means never.
      - S3 moves only objects of 128 KiB or more.
    type: int
    default: 0
  log_expiration_days:
    description: Days after which logs are deleted. V(0) means never.
    type: int
    default: 365
  log_versioning:
    description:
      - Whether the bucket for logs keeps what is replaced or deleted, as the one for DAGs does, for
        O(dag_version_days).
      - What has versions already keeps them.
    type: bool
    default: false
  access_log_bucket:
    description:
      - Bucket of yours in which S3 notes every request to these buckets, below their names. Its policy must let
        C(logging.s3.amazonaws.com) write, and it must not be encrypted with a KMS key.
      - Without it what is set stays.
    type: str
  dag_version_days:
    description: Days after which replaced or deleted versions are deleted for good. V(0) means never.
    type: int
    default: 90
  deny_plain_http:
    description:
      - Whether the policy of each bucket refuses requests that are not encrypted in transit.
      - Statements of others in the policy are left alone, unless they let in everybody or another account.
    type: bool
    default: true
  dags_path:
    description:
      - Folder on the controller whose files are uploaded to C(dags/) in the bucket for DAGs.
      - Only files whose content differs are uploaded.
      - Hidden files other than C(.airflowignore), and compiled Python, are left out.
    type: path
  dags_purge:
    description: Whether files below C(dags/) in the bucket that are not in O(dags_path) are deleted.
    type: bool
    default: false
  delete_buckets:
    description:
      - With O(state=absent), whether the buckets are deleted, with every version of every object in them.
      - If V(false) the buckets and what they hold are kept.
    type: bool
    default: false
extends_documentation_fragment:
  - sm2a.airflow._component
  - sm2a.airflow._attributes
  - amazon.aws.common.modules
  - amazon.aws.region.modules
"""

EXAMPLES = r"""
- name: Buckets for logs and DAGs
  sm2a.airflow.storage:
    environment: dev
    region: eu-central-1
    log_transition_days: 30
    log_expiration_days: 180

- name: Make a folder for DAGs
  ansible.builtin.file:
    path: "{{ playbook_dir }}/dags"
    state: directory
    mode: "0755"
  check_mode: false

- name: Write a DAG
  ansible.builtin.copy:
    dest: "{{ playbook_dir }}/dags/hello.py"
    content: |
      from airflow.sdk import dag, task

      @dag(schedule="@daily")
      def hello():
          @task
          def greet():
              print("hello")

          greet()

      hello()
    mode: "0644"
  check_mode: false

- name: The same, with the DAGs of the folder, and no others
  sm2a.airflow.storage:
    environment: dev
    region: eu-central-1
    dags_path: "{{ playbook_dir }}/dags"
    dags_purge: true

- name: Delete the buckets and everything in them
  sm2a.airflow.storage:
    environment: dev
    region: eu-central-1
    state: absent
    delete_buckets: true
"""

RETURN = r"""
storage:
  description: What the other components need to know.
  returned: always
  type: dict
  contains:
    environment:
      description: Name of the environment.
      type: str
      sample: dev
    log_bucket:
      description: Name of the bucket for logs.
      type: str
      sample: sm2a-dev-logs-123456789012-eu-central-1
    dag_bucket:
      description: Name of the bucket for DAGs.
      type: str
      sample: sm2a-dev-dags-123456789012-eu-central-1
    log_bucket_arn:
      description: ARN of the bucket for logs.
      type: str
      sample: arn:aws:s3:::sm2a-dev-logs-123456789012-eu-central-1
    dag_bucket_arn:
      description: ARN of the bucket for DAGs.
      type: str
      sample: arn:aws:s3:::sm2a-dev-dags-123456789012-eu-central-1
plan:
  description: Every resource of the component and what was done, or would be done, to it.
  returned: always
  type: list
  elements: dict
  sample:
    - kind: AWS::S3::Bucket
      name: sm2a-dev-logs-123456789012-eu-central-1
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
from ansible_collections.sm2a.airflow.plugins.module_utils._components.storage import StorageComponent


def main():
    """Run the module."""
    run(StorageComponent)


if __name__ == "__main__":
    main()
