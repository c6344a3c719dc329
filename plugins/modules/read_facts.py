#!/usr/bin/python

# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of the action plugin of this name, which does the work."""

from __future__ import annotations

DOCUMENTATION = r"""
module: read_facts
short_description: Read what roles of SM2A need and no role of the play has made
version_added: 0.1.0
description:
  - A role takes what it was not told from the facts of roles that ran before it in the play. Where they have not run,
    this reads their facts from AWS, so that a part of an environment can be made alone.
  - The first task of every role that needs facts does this for itself. Where nothing is missing it makes no call to
    AWS.
  - Facts of a component are read by its module in check mode, with the options that its role would have, so the
    variables of that role have to be those with which it was made. What exists and is not as they say is taken as it
    is, with a warning.
  - An image is the one that the variables describe if it has been built, and otherwise the one that runs now. No Docker
    is needed for this.
  - What a role needs and does not exist is a failure, which names the tags with which the playbook C(site) makes it.
    So is a secret that the role C(secrets) makes and that another role's module reads. A KMS key that does not exist,
    or that may not be read, is no failure.
  - A role whose state is C(absent) needs nothing.
author:
  - SM2A contributors (@sm2a)
options:
  roles:
    description:
      - Names of the roles that will run.
      - Without them those of the playbook C(site) that C(--tags) names and C(--skip-tags) does not. What these will
        make themselves is not read for them.
    type: list
    elements: str
attributes:
  action:
    description: Runs on the controller, and runs the modules whose facts are missing.
    support: full
  check_mode:
    description: Can run in check mode; it changes nothing.
    support: full
  diff_mode:
    description: Reports no differences, since it changes nothing.
    support: none
  facts:
    description: Returns the facts of the components that it has read, as their modules do.
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
  - plugin: sm2a.airflow.fact
    plugin_type: lookup
"""

EXAMPLES = r"""
- name: Read the key of the environment for its queues, if it has one
  sm2a.airflow.read_facts:
    region: eu-central-1
    roles: [queue]
  vars:
    queue_environment: dev
"""

RETURN = r"""
ansible_facts:
  description: The facts that were read, by name, as the modules of the components return them.
  returned: success
  type: dict
  sample: {"sm2a_cluster": {"environment": "dev", "name": "sm2a-dev"}}
api_calls:
  description: The number of calls to AWS, C(read) and C(write); the second is always 0.
  returned: always
  type: dict
  sample: {"read": 12, "write": 0}
msg:
  description: What is missing, and with which tags the playbook C(site) makes it.
  returned: failure
  type: str
  sample: 'The role security needs facts of roles that have not run: network (security_vpc_id).'
"""
