#!/usr/bin/python

# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of the action plugin of this name, which does the work."""

from __future__ import annotations

DOCUMENTATION = r"""
module: show
short_description: Print lines as they are
version_added: 0.1.0
description:
  - Prints each line for a person to read, without quotes, brackets and commas.
  - Where the output is JSON for a program, nothing is printed, and the lines are in the result.
author:
  - SM2A contributors (@sm2a)
options:
  lines:
    description: What to print.
    type: list
    elements: str
    required: true
attributes:
  action:
    description: Runs on the controller; no module is sent to the host.
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
  platform:
    description: Runs wherever Ansible runs.
    support: full
    platforms: posix
"""

EXAMPLES = r"""
- name: Read the environment
  sm2a.airflow.environment_info:
    environment: dev
    region: eu-central-1
  register: status

- name: Show it as a table
  sm2a.airflow.show:
    lines: "{{ status.table }}"
"""

RETURN = r"""
lines:
  description: What was printed.
  returned: success
  type: list
  elements: str
  sample: ['SERVICE             RUNNING  DESIRED', 'sm2a-dev-scheduler  1        1']
"""
