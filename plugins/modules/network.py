#!/usr/bin/python

# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# `make generate` writes this file from plugins/module_utils/_components/network.py; do not edit it.

"""The module of the component network."""

from __future__ import annotations

DOCUMENTATION = r"""
module: network
short_description: VPC with public and private subnets, NAT gateways and endpoints
version_added: 0.1.0
description:
  - Creates a VPC with public and private subnets over two or three zones, internet and NAT gateways, route tables and a
    gateway endpoint to S3; optionally interface endpoints and flow logs.
  - With O(vpc_id) it takes a VPC that exists, creates nothing and reports it.
author:
  - SM2A contributors (@sm2a)
options:
  cidr:
    description: Range of the VPC, /16 to /28.
    type: str
    default: 10.42.0.0/16
  availability_zone_count:
    description: Number of zones, if they are not named.
    type: int
    choices: [2, 3]
    default: 2
  availability_zones:
    description: Names of the zones, two or three. A zone that is in use keeps the ranges of its subnets, whichever zone
      is named before it.
    type: list
    elements: str
    default: []
  public_subnet_cidrs:
    description: Ranges of the public subnets, one per zone, /27 or larger. By default each is one eighth of the VPC's
      range.
    type: list
    elements: str
    default: []
  private_subnet_cidrs:
    description: Ranges of the private subnets, one per zone. By default each is one eighth of the VPC's range.
    type: list
    elements: str
    default: []
  nat_gateways:
    description:
      - How private subnets reach the internet.
      - V(single) is one NAT gateway for all zones, V(one_per_zone) survives the loss of a zone.
      - With V(none) a default route of your own, for example to a transit gateway, is left alone.
    type: str
    choices: [none, single, one_per_zone]
    default: single
  s3_endpoint:
    description: Whether S3 is reached through a gateway endpoint, which is free.
    type: bool
    default: true
  s3_endpoint_bucket_arns:
    description:
      - ARNs of buckets of other accounts that may be reached through the gateway endpoint to S3, V(*) for all. Buckets
        of this account and Amazon ECR's may be reached in any case.
      - The role of the service that calls needs a policy besides.
    type: list
    elements: str
    default: []
  endpoint_account_ids:
    description: Further accounts whose buckets may be reached through the gateway endpoint to S3, and whose roles may
      call through interface endpoints. Without them, only this account's.
    type: list
    elements: str
    default: []
  interface_endpoints:
    description:
      - AWS services that private subnets reach by an interface endpoint, each named by the end of its service name, for
        example V(ecr.api), V(ecr.dkr), V(logs), V(secretsmanager), V(sqs), V(ecs), V(sts), V(kms), V(ssmmessages).
      - Each is charged per hour and zone; a NAT gateway costs less than three of them.
      - At most 50.
    type: list
    elements: str
    default: []
  flow_logs:
    description:
      - Where the VPC's flow logs go.
      - V(cloudwatch) is the log group C(/sm2a/<environment>/flow-logs) with a role of its own, V(s3) is a bucket of
        yours.
      - When it is turned off, the flow log and its role are deleted; the log group and its content stay.
    type: str
    choices: [none, cloudwatch, s3]
    default: none
  flow_logs_traffic:
    description: Which traffic is logged.
    type: str
    choices: [ALL, ACCEPT, REJECT]
    default: ALL
  flow_logs_bucket_arn:
    description: ARN of the bucket for O(flow_logs=s3), with a folder if you like. Its policy must let
      C(delivery.logs.amazonaws.com) write.
    type: str
  flow_logs_retention_in_days:
    description:
      - Days for which the log group keeps flow logs.
      - One of 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653.
    type: int
    default: 30
  kms_key_arn:
    description:
      - KMS key of yours that encrypts the log group of the flow logs; that of the environment is made later. Its policy
        must allow CloudWatch Logs of the region.
      - Without it the group keeps the key that it has, and CloudWatch encrypts a new one with a key of its own.
    type: str
  delete_flow_logs:
    description: Whether O(state=absent) deletes the log group of the flow logs too.
    type: bool
    default: false
  role_path:
    description: Path of the role that writes flow logs. It cannot be changed later.
    type: str
    default: /
  role_permissions_boundary:
    description: ARN of a managed policy that limits the role that writes flow logs. Without it a boundary stays as it
      is; an empty one takes it away.
    type: str
  vpc_id:
    description: A VPC that exists already.
    type: str
  public_subnet_ids:
    description: Public subnets of the existing VPC, in at least two zones, /27 or larger, with 8 free addresses.
    type: list
    elements: str
    default: []
  private_subnet_ids:
    description: Private subnets of the existing VPC, in at least two zones.
    type: list
    elements: str
    default: []
extends_documentation_fragment:
  - sm2a.airflow._component
  - sm2a.airflow._attributes
  - amazon.aws.common.modules
  - amazon.aws.region.modules
"""

EXAMPLES = r"""
- name: Network over three zones
  sm2a.airflow.network:
    environment: dev
    region: eu-central-1
    cidr: 10.42.0.0/16
    availability_zone_count: 3
    nat_gateways: one_per_zone
"""

RETURN = r"""
network:
  description: What the other components need to know.
  returned: always
  type: dict
  contains:
    environment:
      description: Name of the environment.
      type: str
      sample: dev
    vpc_id:
      description: Id of the VPC.
      type: str
      sample: vpc-0123456789abcdef0
    vpc_cidr:
      description: Range of the VPC.
      type: str
      sample: 10.42.0.0/16
    public_subnet_ids:
      description: Public subnets.
      type: list
      elements: str
      sample: [subnet-0123456789abcdef0, subnet-0123456789abcdef1]
    public_subnet_cidrs:
      description: Ranges of the public subnets.
      type: list
      elements: str
      sample: [10.42.0.0/20, 10.42.16.0/20]
    private_subnet_ids:
      description: Private subnets.
      type: list
      elements: str
      sample: [subnet-0123456789abcdef2, subnet-0123456789abcdef3]
    private_route_table_ids:
      description: Route tables of the private subnets that were made. With O(wait=false) one that still waits for its
        NAT gateway is left out.
      type: list
      elements: str
      sample: [rtb-0123456789abcdef0]
    availability_zones:
      description: Zones.
      type: list
      elements: str
      sample: [eu-central-1a, eu-central-1b]
plan:
  description: Every resource of the component and what was done, or would be done, to it.
  returned: always
  type: list
  elements: dict
  sample:
    - kind: AWS::EC2::VPC
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
from ansible_collections.sm2a.airflow.plugins.module_utils._components.network import NetworkComponent


def main():
    """Run the module."""
    run(NetworkComponent)


if __name__ == "__main__":
    main()
