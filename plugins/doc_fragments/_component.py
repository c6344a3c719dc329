# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# `make generate` writes this file from plugins/module_utils/_components/_common_options.py; do not edit it.

"""What the modules of all components share."""

from __future__ import annotations


class ModuleDocFragment:
    """Options of a component's module, and what it does in a run that may change nothing."""

    DOCUMENTATION = r"""
options:
  environment:
    description:
      - Name of the SM2A environment.
      - Everything that belongs to it carries the tag C(sm2a:environment) with this value, and names that start with
        C(sm2a-) and this value.
      - At most 16 lower-case letters, digits and single hyphens, starting with a letter.
    type: str
    required: true
  state:
    description:
      - V(present) creates what is missing and repairs what differs.
      - V(absent) deletes what this environment created, and nothing else.
    type: str
    choices: [present, absent]
    default: present
  tags:
    description:
      - Additional tags for every resource of the component. One that is no longer given is taken off.
      - Tags that others put on a resource are left alone.
    type: dict
    default: {}
  wait:
    description:
      - Whether to wait for resources that take minutes.
      - If V(false) they are created, and whatever depends on them is left to a later run.
    type: bool
    default: true
attributes:
  check_mode:
    description: Can run in check mode and report what would change without changing anything.
    support: full
  diff_mode:
    description: Reports every change that was made, or would be made, with secrets masked.
    support: full
  idempotent:
    description: A second run with the same options changes nothing and makes no mutating call.
    support: full
"""
