# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every module that asks AWS has in common, whether or not a component declares it."""

from __future__ import annotations


class ModuleDocFragment:
    """Where a module runs, what it needs there, and how it is given its region. A module may say otherwise."""

    DOCUMENTATION = r"""
attributes:
  action:
    description:
      - Runs in a fork of the controller's process where the host is the controller, with the same Python and user.
        Anywhere else, and with C(async), it is a module like all others. The result is the same.
    support: full
  action_group:
    description: Use C(group/sm2a.airflow.airflow) in C(module_defaults) to set the region and the credentials.
    support: full
    membership: [sm2a.airflow.airflow]
  platform:
    description: Runs wherever Python and boto3 are, usually on the controller.
    support: full
    platforms: posix
requirements:
  - python >= 3.12
  - boto3 >= 1.38.23
  - botocore >= 1.38.23
"""
