#!/usr/bin/python

# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# `make generate` writes this file from plugins/module_utils/_components/database.py; do not edit it.

"""The module of the component database."""

from __future__ import annotations

DOCUMENTATION = r"""
module: database
short_description: RDS instance, PostgreSQL or MySQL, with Airflow's metadata database
version_added: 0.1.0
description:
  - Creates a private, encrypted RDS instance for PostgreSQL or MySQL, and the secrets from which each of Airflow's
    services and the scaler read how to reach it, with a login of their own.
  - Passwords are read from Secrets Manager by the module and stand in no variable, result or diff.
author:
  - SM2A contributors (@sm2a)
options:
  engine:
    description: Database engine.
    type: str
    choices: [postgres, mysql]
    default: postgres
  engine_version:
    description:
      - Version, as far as it matters; V(17) leaves the minor version to RDS.
      - A newer minor version, to which RDS has upgraded the instance by itself, stays.
      - The default is V(17) of PostgreSQL and V(8.4) of MySQL.
    type: str
  instance_class:
    description: Instance class.
    type: str
    default: db.t4g.small
  allocated_storage:
    description:
      - 'Storage in GiB, at least: RDS may have grown it, and it never shrinks.'
      - From 20 to 65536 GiB.
    type: int
    default: 20
  max_allocated_storage:
    description:
      - Limit in GiB up to which RDS grows the storage by itself.
      - From 20 to 65536 GiB.
    type: int
    default: 100
  multi_az:
    description: Whether a standby runs in a second zone.
    type: bool
    default: false
  backup_retention_period:
    description:
      - Days for which automatic backups are kept.
      - From 1 to 35.
    type: int
    default: 7
  preferred_backup_window:
    description: Time of day of the backup in UTC, as hh24:mi-hh24:mi.
    type: str
  preferred_maintenance_window:
    description: Time of the week of maintenance in UTC, as ddd:hh24:mi-ddd:hh24:mi.
    type: str
  deletion_protection:
    description: Whether the instance refuses to be deleted.
    type: bool
    default: false
  auto_minor_version_upgrade:
    description: Whether RDS applies minor versions in the maintenance window.
    type: bool
    default: true
  apply_immediately:
    description: Whether changes are made at once instead of in the maintenance window.
    type: bool
    default: true
  monitoring_interval:
    description:
      - Seconds between two measurements of Enhanced Monitoring, which cost what their logs cost. V(0) is none.
      - One of 0, 1, 5, 10, 15, 30, 60.
    type: int
    default: 0
  monitoring_role_arn:
    description: ARN of a role of yours with which RDS writes these measurements to CloudWatch Logs.
    type: str
  iam_authentication:
    description: Whether database users of yours may log in with IAM's tokens. Airflow and the scaler use passwords.
    type: bool
    default: false
  final_snapshot:
    description: Whether deleting the instance leaves a snapshot.
    type: bool
    default: true
  ca_certificate_identifier:
    description:
      - Authority that signs the certificate of the database server.
      - The images trust all of these. RDS renews the server's certificate by itself.
    type: str
    choices: [rds-ca-rsa2048-g1, rds-ca-rsa4096-g1, rds-ca-ecc384-g1]
    default: rds-ca-rsa2048-g1
  snapshot_identifier:
    description:
      - Snapshot from which a new instance is restored, by its identifier or its ARN. Engine, major version and master
        user have to be the snapshot's, and the instance keeps the snapshot's key.
      - The instance then gets the password of the environment's secret. An instance that exists stays as it is.
    type: str
  subnet_ids:
    description:
      - Private subnets, in at least two zones.
      - At most 20.
      - Required when O(state=present).
    type: list
    elements: str
    default: []
  security_group_ids:
    description:
      - Security groups.
      - Required when O(state=present).
    type: list
    elements: str
    default: []
  kms_key_arn:
    description:
      - KMS key that encrypts the storage, the backups and the secrets.
      - Without it what exists keeps the key that it has, and AWS's own keys are used for what is new.
      - The key of the storage and the backups cannot be changed later.
    type: str
  recovery_window_days:
    description:
      - With O(state=absent), the days for which a secret can still be restored, from 7 to 30.
      - With V(0) secrets are deleted at once and for good.
    type: int
    default: 30
  log_retention_in_days:
    description:
      - Days for which CloudWatch keeps the logs of the database server.
      - One of 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653.
    type: int
    default: 30
  delete_log_groups:
    description: Whether O(state=absent) deletes the log groups of the database server too.
    type: bool
    default: true
extends_documentation_fragment:
  - sm2a.airflow._component
  - sm2a.airflow._attributes
  - amazon.aws.common.modules
  - amazon.aws.region.modules
"""

EXAMPLES = r"""
- name: Database
  sm2a.airflow.database:
    environment: dev
    region: eu-central-1
    engine: postgres
    subnet_ids: [subnet-0123456789abcdef0, subnet-0123456789abcdef1]
    security_group_ids: [sg-0123456789abcdef0]
    multi_az: true
"""

RETURN = r"""
database:
  description: What the other components need to know.
  returned: always
  type: dict
  contains:
    environment:
      description: Name of the environment.
      type: str
      sample: dev
    identifier:
      description: Identifier of the instance.
      type: str
      sample: sm2a-dev
    resource_id:
      description: Id of the instance, which AWS never reuses.
      type: str
      sample: db-ABCDEFGHIJKLMNOPQRSTUVWXYZ
    endpoint:
      description: Host name.
      type: str
      sample: sm2a-dev.abcdefghijkl.eu-central-1.rds.amazonaws.com
    port:
      description: Port.
      type: raw
      sample: 5432
    engine:
      description: Engine.
      type: str
      sample: postgres
    engine_version:
      description: Version that runs.
      type: str
      sample: '17.6'
    name:
      description: Name of the database.
      type: str
      sample: airflow
    secret_names:
      description: Secrets that hold the connections.
      type: dict
      sample:
        connection_migration: sm2a/dev/config/sql_alchemy_conn/migration
        connection_worker: sm2a/dev/config/sql_alchemy_conn/worker
        scaler: sm2a/dev/scaler/database
plan:
  description: Every resource of the component and what was done, or would be done, to it.
  returned: always
  type: list
  elements: dict
  sample:
    - kind: AWS::RDS::DBInstance
      name: sm2a-dev
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
from ansible_collections.sm2a.airflow.plugins.module_utils._components.database import DatabaseComponent


def main():
    """Run the module."""
    run(DatabaseComponent)


if __name__ == "__main__":
    main()
