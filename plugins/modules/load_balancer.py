#!/usr/bin/python

# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# `make generate` writes this file from plugins/module_utils/_components/load_balancer.py; do not edit it.

"""The module of the component load_balancer."""

from __future__ import annotations

DOCUMENTATION = r"""
module: load_balancer
short_description: Load balancer in front of Airflow, with its certificate, listeners and DNS record
version_added: 0.1.0
description:
  - Creates an application load balancer with TLS termination, sticky sessions and health checks, and, where it is given
    a domain and a hosted zone, the certificate and the DNS records.
  - Airflow's execution API, which only workers use, is closed on the listener.
author:
  - SM2A contributors (@sm2a)
options:
  scheme:
    description: Whether the load balancer is reachable from the internet.
    type: str
    choices: [internet-facing, internal]
    default: internet-facing
  protocol:
    description:
      - V(HTTPS) serves port 443 and redirects port 80 to it.
      - V(HTTP) is for places without certificates, such as the local emulator.
    type: str
    choices: [HTTPS, HTTP]
    default: HTTPS
  certificate_arn:
    description: ACM certificate of the HTTPS listener.
    type: str
  domain_name:
    description:
      - Host name of Airflow.
      - With O(hosted_zone_id) a record is made, and a certificate unless O(certificate_arn) is given.
    type: str
  hosted_zone_id:
    description: Route 53 hosted zone of O(domain_name).
    type: str
  ssl_policy:
    description:
      - Security policy of the HTTPS listener, which says which versions of TLS and ciphers it takes.
      - The default takes TLS 1.3 and 1.2, and keys that a quantum computer does not break from browsers that offer
        them.
    type: str
    default: ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09
  url:
    description: Address at which users reach Airflow, if it is not the load balancer's own or O(domain_name).
    type: str
  vpc_id:
    description:
      - VPC of the targets.
      - Required when O(state=present).
    type: str
  subnet_ids:
    description:
      - Public subnets, in at least two zones.
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
  close_execution_api:
    description: Whether C(/execution) is answered with 403.
    type: bool
    default: true
  stickiness_duration:
    description:
      - Seconds for which a browser stays with one API server.
      - From 1 to 604800 seconds.
    type: int
    default: 86400
  idle_timeout:
    description:
      - Seconds after which an idle connection is closed.
      - From 1 to 4000 seconds.
    type: int
    default: 60
  deletion_protection:
    description: Whether the load balancer refuses to be deleted.
    type: bool
    default: false
  strict_transport_security:
    description:
      - Header C(Strict-Transport-Security) of every answer by HTTPS, for example V(max-age=31536000), by which browsers
        ask for nothing else from then on.
      - Without it the listener is left as it is.
    type: str
  web_acl_arn:
    description:
      - Regional web ACL of AWS WAF that looks at the requests.
      - Without it an association that somebody made is left as it is.
    type: str
  access_logs_bucket:
    description: Bucket for access logs. Its policy must allow the log delivery of the region.
    type: str
extends_documentation_fragment:
  - sm2a.airflow._component
  - sm2a.airflow._attributes
  - amazon.aws.common.modules
  - amazon.aws.region.modules
"""

EXAMPLES = r"""
- name: Load balancer with a certificate that exists
  sm2a.airflow.load_balancer:
    environment: dev
    region: eu-central-1
    vpc_id: vpc-0123456789abcdef0
    subnet_ids: [subnet-0123456789abcdef0, subnet-0123456789abcdef1]
    security_group_ids: [sg-0123456789abcdef0]
    certificate_arn: arn:aws:acm:eu-central-1:123456789012:certificate/01234567-89ab-cdef-0123-456789abcdef
    domain_name: airflow.example.com

- name: Find the hosted zones of the account
  amazon.aws.route53_info:
    query: hosted_zone
  register: zones

- name: Load balancer with a certificate and a DNS record of its own
  sm2a.airflow.load_balancer:
    environment: dev
    region: eu-central-1
    vpc_id: vpc-0123456789abcdef0
    subnet_ids: [subnet-0123456789abcdef0, subnet-0123456789abcdef1]
    security_group_ids: [sg-0123456789abcdef0]
    domain_name: airflow.example.com
    hosted_zone_id: "{{ (zones.hosted_zones | selectattr('name', 'eq', 'example.com.') | first).id | basename }}"
"""

RETURN = r"""
load_balancer:
  description: What the other components need to know.
  returned: always
  type: dict
  contains:
    environment:
      description: Name of the environment.
      type: str
      sample: dev
    name:
      description: Name of the load balancer.
      type: str
      sample: sm2a-dev
    arn:
      description: ARN of the load balancer.
      type: str
      sample: arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/sm2a-dev/0123456789abcdef
    dns_name:
      description: Host name that AWS assigned.
      type: str
      sample: sm2a-dev-123456789.eu-central-1.elb.amazonaws.com
    url:
      description: Address of Airflow.
      type: str
      sample: https://airflow.dev.example.com
    target_group_arn:
      description: Target group of the API servers.
      type: str
      sample: arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/sm2a-dev-api-server/0123456789abcdef
plan:
  description: Every resource of the component and what was done, or would be done, to it.
  returned: always
  type: list
  elements: dict
  sample:
    - kind: AWS::ElasticLoadBalancingV2::LoadBalancer
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
from ansible_collections.sm2a.airflow.plugins.module_utils._components.load_balancer import LoadBalancerComponent


def main():
    """Run the module."""
    run(LoadBalancerComponent)


if __name__ == "__main__":
    main()
