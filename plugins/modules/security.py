#!/usr/bin/python

# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# `make generate` writes this file from plugins/module_utils/_components/security.py; do not edit it.

"""The module of the component security."""

from __future__ import annotations

DOCUMENTATION = r"""
module: security
short_description: Security groups, KMS key, and one IAM role per service
version_added: 0.1.0
description:
  - Creates security groups, a KMS key, and one IAM role per service with the least privilege.
  - Users reach the load balancer only, and the load balancer the API server only; the API server reads the logs of
    running tasks from workers and triggerers; Airflow reaches the execution API, the database, everything that speaks
    HTTPS, and what O(egress) names. The database calls nobody.
  - Rules that somebody else added to these groups are taken away, and so are inline policies that somebody else added
    to these roles.
  - A permission that services may still use is taken from a role only by a call with O(wait=true), so that C(site)
    takes it away when they have been replaced.
  - IAM roles are global. If a role of this name belongs to another region's environment, the module leaves it alone and
    fails.
author:
  - SM2A contributors (@sm2a)
options:
  vpc_id:
    description:
      - VPC of the security groups.
      - Required when O(state=present).
    type: str
  ingress_cidrs:
    description: Networks from which users reach the load balancer, IPv4 or IPv6. An empty list closes it to everybody.
    type: list
    elements: str
    default: [0.0.0.0/0]
  egress:
    description:
      - 'What tasks and Airflow''s services may call besides what speaks HTTPS at port 443, as AWS does: databases, SSH
        or mail servers that DAGs use.'
      - 'The groups are stateful: answers need no rule.'
    type: list
    elements: dict
    default: []
    suboptions:
      cidr:
        description: Network that may be called, IPv4 or IPv6.
        type: str
        required: true
      protocol:
        description: Protocol. V(all) has no ports.
        type: str
        choices: [tcp, udp, all]
        default: tcp
      from_port:
        description:
          - The port, or the first of several.
          - From 0 to 65535.
        type: int
      to_port:
        description:
          - The last port, if there are several.
          - From 0 to 65535.
        type: int
  rules_per_security_group:
    description:
      - How many inbound rules a security group may have in the account, for IPv4 and for IPv6 each. Raise it where the
        account's quota was raised.
      - From 60 to 1000.
    type: int
    default: 60
  database_engine:
    description: Engine of the metadata database, for its port.
    type: str
    choices: [postgres, mysql]
    default: postgres
  kms_key:
    description:
      - Whether to make a KMS key. Without one AWS's own keys are used.
      - If the environment has one already, what it encrypts keeps it, and the roles may go on using it.
    type: bool
    default: true
  kms_key_arn:
    description: ARN of a KMS key that exists already, or of its alias, to be used instead. Its policy must allow
      CloudWatch Logs of the region.
    type: str
  delete_key:
    description:
      - 'Whether O(state=absent) deletes the environment''s KMS key too. It is kept by default: snapshots, buckets, log
        groups and secrets that stay can be read only with it.'
      - A key that still encrypts something is not deleted; the message names what that is.
    type: bool
    default: false
  kms_deletion_window_days:
    description:
      - Days for which a key that was deleted can be restored. Creating the environment again within them takes the key
        back.
      - From 7 to 30.
    type: int
    default: 30
  role_path:
    description: Path of every role. It cannot be changed later.
    type: str
    default: /
  role_permissions_boundary:
    description: ARN of a managed policy that limits every role. Without it a boundary stays as it is; an empty one
      takes it away.
    type: str
  role_policies:
    description:
      - Additional managed policies by service, as lists of ARNs, so that workers can reach what the DAGs need.
      - The services are C(execution), with which ECS starts the others, C(api_server), C(execution_api), C(scheduler),
        C(dag_processor), C(triggerer), C(worker), C(migration) and C(scaler).
    type: dict
    default: {}
  managed_policies_per_role:
    description:
      - How many managed policies a role may have in the account. Raise it where the account's quota was raised.
      - From 10 to 25.
    type: int
    default: 10
  configuration_secrets:
    description: Secrets of your own below C(sm2a/<environment>/config/), which options of Airflow name by their form
      C(*_secret). Airflow's services may read these and no others.
    type: list
    elements: str
    default: []
  image_uris:
    description: Images that exist elsewhere, so that ECS may pull those in repositories of Amazon ECR. What else it
      needs for them, O(role_policies) can allow.
    type: dict
    default: {}
  registry_credentials:
    description:
      - ARN of a secret in Secrets Manager with the C(username) and C(password) of a private registry. ECS pulls those
        images with it that are not in Amazon ECR.
      - The secret is encrypted with the environment's key, or with C(aws/secretsmanager).
    type: str
  execute_command_services:
    description: Services in whose containers C(aws ecs execute-command) may open a shell.
    type: list
    elements: str
    choices:
      - api_server
      - execution_api
      - scheduler
      - dag_processor
      - triggerer
      - worker
      - scaler
    default: []
  service_linked_roles:
    description:
      - Whether to make the service-linked roles of Amazon ECS, Elastic Load Balancing and Amazon RDS where the account
        has none. They are never deleted.
      - Set it to V(false) if you may not call C(iam:CreateServiceLinkedRole) and the account has them.
    type: bool
    default: true
extends_documentation_fragment:
  - sm2a.airflow._component
  - sm2a.airflow._attributes
  - amazon.aws.common.modules
  - amazon.aws.region.modules
"""

EXAMPLES = r"""
- name: Security
  sm2a.airflow.security:
    environment: dev
    region: eu-central-1
    vpc_id: vpc-0123456789abcdef0
    ingress_cidrs: [203.0.113.0/24]
    egress:
      - {cidr: 10.20.0.0/16, from_port: 5432}
    role_policies:
      worker: [arn:aws:iam::123456789012:policy/data-lake-read]
"""

RETURN = r"""
security:
  description: What the other components need to know.
  returned: always
  type: dict
  contains:
    environment:
      description: Name of the environment.
      type: str
      sample: dev
    security_group_ids:
      description: Security groups of the load balancer, of Airflow, of the API server and the execution API (in
        addition to Airflow's) and of the database.
      type: dict
      sample:
        load_balancer: sg-0123456789abcdef0
        airflow: sg-0123456789abcdef1
        api_server: sg-0123456789abcdef2
        execution_api: sg-0123456789abcdef3
        database: sg-0123456789abcdef4
    kms_key_arn:
      description: The key, or null.
      type: str
      sample: arn:aws:kms:eu-central-1:123456789012:key/01234567-89ab-cdef-0123-456789abcdef
    role_arns:
      description: Role of each service.
      type: dict
      sample:
        worker: arn:aws:iam::123456789012:role/sm2a-dev-worker
plan:
  description: Every resource of the component and what was done, or would be done, to it.
  returned: always
  type: list
  elements: dict
  sample:
    - kind: AWS::IAM::Role
      name: sm2a-dev-worker
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
from ansible_collections.sm2a.airflow.plugins.module_utils._components.security import SecurityComponent


def main():
    """Run the module."""
    run(SecurityComponent)


if __name__ == "__main__":
    main()
