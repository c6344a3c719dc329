#!/usr/bin/python

# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# `make generate` writes this file from plugins/module_utils/_components/secrets.py; do not edit it.

"""The module of the component secrets."""

from __future__ import annotations

DOCUMENTATION = r"""
module: secrets
short_description: Keys and logins in AWS Secrets Manager, generated where absent
version_added: 0.1.0
description:
  - Generates Airflow's keys, the administrator's login and the logins of the metadata database where they are missing.
  - A value that exists is never read, never shown and never replaced. To replace one, change it in Secrets Manager.
  - A secret that is scheduled for deletion is restored with its value.
author:
  - SM2A contributors (@sm2a)
options:
  kms_key_arn:
    description:
      - KMS key that encrypts the secrets.
      - Without it what exists keeps the key that it has, and new secrets get C(aws/secretsmanager).
    type: str
  recovery_window_days:
    description:
      - With O(state=absent), the days for which a secret can still be restored, from 7 to 30.
      - With V(0) secrets are deleted at once and for good.
    type: int
    default: 30
  admin_username:
    description:
      - Name of the first administrator of the web interface.
      - Used when the secret is made; a later change does not reach an existing login.
    type: str
    default: admin
  admin_email:
    description: E-mail address of the first administrator. Used when the secret is made.
    type: str
    default: admin@example.com
  database_username:
    description:
      - Name of the owner of the metadata database. Used when the secret is made.
      - At most 16 lower-case letters, digits and underscores.
    type: str
    default: sm2a
extends_documentation_fragment:
  - sm2a.airflow._component
  - sm2a.airflow._attributes
  - amazon.aws.common.modules
  - amazon.aws.region.modules
"""

EXAMPLES = r"""
- name: Keys and logins
  sm2a.airflow.secrets:
    environment: dev
    region: eu-central-1

- name: Delete them, and leave a week to think again
  sm2a.airflow.secrets:
    environment: dev
    region: eu-central-1
    state: absent
    recovery_window_days: 7
"""

RETURN = r"""
secrets:
  description: What the other components need to know.
  returned: always
  type: dict
  contains:
    environment:
      description: Name of the environment.
      type: str
      sample: dev
    prefix:
      description: How the names of all secrets of the environment start.
      type: str
      sample: sm2a/dev
    connections_prefix:
      description: Where Airflow looks for connections.
      type: str
      sample: sm2a/dev/connections
    variables_prefix:
      description: Where Airflow looks for variables.
      type: str
      sample: sm2a/dev/variables
    config_prefix:
      description: Where Airflow looks for sensitive options of its configuration.
      type: str
      sample: sm2a/dev/config
    names:
      description: The name of each secret.
      type: dict
      sample:
        admin: sm2a/dev/admin
        database_master: sm2a/dev/database/master
        database_worker: sm2a/dev/database/worker-login
        database_scaler: sm2a/dev/database/scaler-login
        fernet_key: sm2a/dev/config/fernet_key
        api_secret_key: sm2a/dev/config/api_secret_key
        jwt_secret: sm2a/dev/config/jwt_secret
plan:
  description: Every resource of the component and what was done, or would be done, to it.
  returned: always
  type: list
  elements: dict
  sample:
    - kind: AWS::SecretsManager::Secret
      name: sm2a/dev/admin
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
from ansible_collections.sm2a.airflow.plugins.module_utils._components.secrets import SecretsComponent


def main():
    """Run the module."""
    run(SecretsComponent)


if __name__ == "__main__":
    main()
