#!/usr/bin/python

# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of the action plugin of this name, which does the work."""

from __future__ import annotations

DOCUMENTATION = r"""
module: plan
short_description: Find out what the playbook site would do
version_added: 0.1.0
description:
  - Runs the modules of all components of the playbook C(site) in check mode, in its order, with the options that their
    roles would have, and in one task.
  - C(--tags) and C(--skip-tags) choose the components as they choose roles.
  - Changes nothing. It fails with the first component that cannot be planned.
author:
  - SM2A contributors (@sm2a)
attributes:
  action:
    description: Runs on the controller, and runs the modules of the components.
    support: full
  check_mode:
    description: Can run in check mode. It then reports as changed what would be changed.
    support: full
  diff_mode:
    description: Returns in check mode the differences of each component that would be changed.
    support: full
  facts:
    description: Returns the facts of the components, as their modules do in check mode.
    support: full
  idempotent:
    description: Changes nothing.
    support: full
  action_group:
    description: Use C(group/sm2a.airflow.airflow) in C(module_defaults) to set the region and the credentials.
    support: full
    membership: [sm2a.airflow.airflow]
  platform:
    description: Runs wherever Ansible and boto3 are.
    support: full
    platforms: posix
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
seealso:
  - module: sm2a.airflow.plan_file
"""

EXAMPLES = r"""
- name: Plan
  sm2a.airflow.plan:
    region: eu-central-1
  vars:
    sm2a_environment: dev
    load_balancer_protocol: HTTP
    image_uris:
      airflow: 123456789012.dkr.ecr.eu-central-1.amazonaws.com/airflow:1
      scaler: 123456789012.dkr.ecr.eu-central-1.amazonaws.com/scaler:1
  register: planned

- name: Show what would be done
  sm2a.airflow.show:
    lines: "{{ ansible_facts | sm2a.airflow.plan_summary(planned=true) }}"
"""

RETURN = r"""
complete:
  description: Whether nothing is left to be done, and nothing to be waited for.
  returned: success
  type: bool
  sample: false
plan:
  description: Every resource of the components and what would be done to it.
  returned: success
  type: list
  elements: dict
  sample:
    - {kind: 'AWS::SQS::Queue', name: sm2a-dev-default, action: create}
api_calls:
  description: The number of calls to AWS, C(read) and C(write); the second is always 0.
  returned: success
  type: dict
  sample: {"read": 97, "write": 0}
ansible_facts:
  description:
    - The plans of the components, and in check mode, or if nothing would change, their facts too.
    - What is not there yet is known after apply.
  returned: success
  type: dict
  sample: {"sm2a_cluster": {"environment": "dev", "name": "sm2a-dev"}}
msg:
  description: Which component cannot be planned, and why.
  returned: failure
  type: str
  sample: 'queue: AWS::SQS::Queue sm2a-dev-default exists but was not created by the SM2A environment ''dev''.'
"""
