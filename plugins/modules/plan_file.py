#!/usr/bin/python

# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of the action plugin of this name, which does the work."""

from __future__ import annotations

DOCUMENTATION = r"""
module: plan_file
short_description: Save the plan of a play of SM2A, or refuse to go on when it is another one
version_added: 0.1.0
description:
  - Every module of a component leaves its plan among the facts of the host. In check mode those plans together are
    what a run would do.
  - Saves that in a file on the controller, for people to review, or compares it with such a file and fails if anything
    differs.
  - The file has the kind, name and action of each resource that would change, the names of fields that would change,
    and a digest of their values. It has no value itself. Digests are made of what C(--diff) shows, so secrets are in
    none of them.
  - It says for which version of the collection, environment, region, account and components it is. A plan of another
    one is refused, as is a file that was changed after it was saved. The checksum finds accidents; who may change the
    file can also make a new checksum, so keep the file where changes are reviewed.
author:
  - SM2A contributors (@sm2a)
options:
  path:
    description: The file, on the controller. A relative path starts where Ansible was started.
    type: path
    required: true
  environment:
    description: Name of the environment.
    type: str
    required: true
  compare:
    description: Whether to compare the plan with the file instead of saving it.
    type: bool
    default: false
  before:
    description: The times of plans that are left out, since they were there before the play, as for the filter
      P(sm2a.airflow.plan_summary#filter).
    type: list
    elements: float
    default: []
attributes:
  action:
    description: Runs on the controller. Only the question for the account is sent to the host.
    support: full
  check_mode:
    description: Can run in check mode, and then saves the file as well; that is what it is for.
    support: full
  diff_mode:
    description: Reports no differences of files.
    support: none
  idempotent:
    description: The same plan makes the same file.
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
"""

EXAMPLES = r"""
- name: Save what the roles before this would do
  sm2a.airflow.plan_file:
    path: plan.json
    environment: dev
    region: eu-central-1
  when: ansible_check_mode

- name: Refuse to go on if that is not what was reviewed
  sm2a.airflow.plan_file:
    path: plan.json
    environment: dev
    region: eu-central-1
    compare: true
"""

RETURN = r"""
path:
  description: The whole path of the file.
  returned: always
  type: str
  sample: /home/me/plan.json
differences:
  description: How the plan differs from the one in the file, a line for each difference.
  returned: when they differ
  type: list
  elements: str
  sample: ['not planned: change visibility_timeout of AWS::SQS::Queue sm2a-dev-default']
"""
