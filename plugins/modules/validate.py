#!/usr/bin/python

# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of the action plugin of this name, which does the work."""

from __future__ import annotations

DOCUMENTATION = r"""
module: validate
short_description: Refuse wrong options of SM2A's roles before anything is created
version_added: 0.1.0
description:
  - Checks the variables of roles as their modules would, and fails with all mistakes of all roles at once.
  - What a role takes from the facts of others is left to its module. A worker pool without a queue is found if both
    roles are checked.
  - Reads from AWS what only the account can tell, whether a domain is in its hosted zone, whether the region offers the
    class of a new database, and whether a new VPC fits its quotas. What may not be read is left to the modules.
  - Also fails if images have to be built and Docker is missing. In check mode this is a warning, since a plan needs no
    Docker.
author:
  - SM2A contributors (@sm2a)
options:
  roles:
    description:
      - Names of the roles whose variables are checked.
      - Without them all roles, or those that C(--tags) names and C(--skip-tags) does not, and all variables of the host
        as the lookup P(sm2a.airflow.refused_variables#lookup) looks at them.
    type: list
    elements: str
attributes:
  action:
    description: Runs on the controller. Only where Docker is missing is a module sent to the host.
    support: full
  check_mode:
    description: Can run in check mode; it changes nothing.
    support: full
  diff_mode:
    description: Reports no differences, since it changes nothing.
    support: none
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
"""

EXAMPLES = r"""
- name: Refuse wrong options before the first of these roles creates anything
  sm2a.airflow.validate:
    roles: [network, queue]
  vars:
    network_environment: dev
    queue_environment: dev
    queue_visibility_timeout: 43200
"""

RETURN = r"""
msg:
  description: What is wrong, a line for each mistake.
  returned: failure
  type: str
  sample: 'database_allocated_storage: 5 is refused: it must be from 20 to 65536'
"""
