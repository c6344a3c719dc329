#!/usr/bin/python

# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# `make generate` writes this file from plugins/module_utils/_components/image.py; do not edit it.

"""The module of the component image."""

from __future__ import annotations

DOCUMENTATION = r"""
module: image
short_description: ECR repository, and an image that is built or copied into it where it is missing
version_added: 0.1.0
description:
  - Builds a folder with a Dockerfile, creates an ECR repository whose tags never move, and pushes the image to it.
  - The tag is made of the content of the folder, so that an image that exists is neither built nor pushed again, and
    check mode can tell the image's address before anything is built.
  - Of the files' modes only the permission to execute counts. Compiled Python and C(.git) are left out, and so is what
    C(.dockerignore) names.
  - Needs the command C(docker) and its engine where the image is missing. BuildKit is used where it is installed.
author:
  - SM2A contributors (@sm2a)
options:
  name:
    description:
      - Short name of the image.
      - The fact is C(sm2a_image_) and this name, with underscores for hyphens.
    type: str
    required: true
  source:
    description:
      - Folder on the controller with a C(Dockerfile) and all it needs.
      - Required with O(state=present), unless O(uri) is given.
    type: path
  uri:
    description: An image that exists elsewhere and is used as it is. Nothing is built, created or deleted.
    type: str
  build_arguments:
    description:
      - Values of C(ARG) instructions. They are part of the tag, and can be read from the image, so they are no place
        for secrets.
      - Docker's predefined arguments, such as C(HTTPS_PROXY), are not part of the tag.
    type: dict
    default: {}
  platform:
    description:
      - Platform that the image is built for.
      - Without it V(linux/amd64) if the image is pushed, otherwise that of the machine.
    type: str
    choices: [linux/amd64, linux/arm64]
  ca_bundle:
    description:
      - File on the controller with the certificate authorities that the build needs, where a network re-signs TLS.
      - The Dockerfile finds it as C(ca-bundle.crt) at the top of the build context. It is not part of the tag.
    type: path
  database_ca_bundle:
    description:
      - File on the controller with the certificate authorities by which the containers know their database, in PEM.
      - The Dockerfile finds it as C(database-ca.crt) at the top of the build context. It is part of the tag.
    type: path
  refresh:
    description:
      - Any word, such as a date. It is part of the tag, so another one makes the image anew, although its source is the
        same.
      - Such a build fetches the base image again and takes no step from Docker's cache, so that it has all updates that
        Debian has published since.
      - 'Keep the last word: without it the image from before is used again.'
    type: str
  requirements:
    description:
      - 'Python packages that are added: requirements such as C(apache-airflow-providers-slack>=9), or files with the
        extension C(.txt) that have one a line.'
      - The command C(uv) finds their versions when the image is missing, before anything is built. What the image has
        already keeps its version; what does not go with it is refused.
      - They are part of the tag as they are given.
    type: list
    elements: str
    default: []
  system_packages:
    description:
      - Debian packages that are added. They are there when Python packages are built, too.
      - They are part of the tag.
    type: list
    elements: str
    default: []
  files:
    description:
      - Files and folders of the controller that are added, by their paths in the image.
      - What does not begin with a slash is below Airflow's home, C(/opt/airflow).
      - They are part of the tag. Whoever has the image can read them, so they are no place for secrets.
    type: dict
    default: {}
  push:
    description:
      - Whether the image is pushed to the ECR repository C(sm2a-<environment>/<name>).
      - If V(false) the image stays in this machine's Docker, for an emulator of AWS.
    type: bool
    default: true
  kms_key_arn:
    description:
      - KMS key that encrypts the repository. Without it ECR uses keys of its own.
      - Used when the repository is created; ECR cannot change it later.
    type: str
  scan_on_push:
    description: Whether ECR looks for known vulnerabilities in every image that is pushed.
    type: bool
    default: true
  keep_images:
    description: How many of the latest images the repository keeps.
    type: int
    default: 20
  keep_untagged_images:
    description: How many of the latest images without a tag the repository keeps.
    type: int
    default: 5
attributes:
  check_mode:
    details:
      - Where Docker is missing, an image that would stay in this machine's Docker is reported as missing too.
extends_documentation_fragment:
  - sm2a.airflow._component
  - sm2a.airflow._attributes
  - amazon.aws.common.modules
  - amazon.aws.region.modules
"""

EXAMPLES = r"""
- name: Make a folder for an image
  ansible.builtin.file:
    path: "{{ playbook_dir }}/image"
    state: directory
    mode: "0755"
  check_mode: false

- name: Write the Dockerfile
  ansible.builtin.copy:
    dest: "{{ playbook_dir }}/image/Dockerfile"
    content: |
      FROM public.ecr.aws/docker/library/python:3.13-slim
    mode: "0644"
  check_mode: false

- name: Build the image of the folder and push it to ECR
  sm2a.airflow.image:
    environment: dev
    region: eu-central-1
    name: airflow
    source: "{{ playbook_dir }}/image"

- name: An image that exists already
  sm2a.airflow.image:
    environment: dev
    region: eu-central-1
    name: airflow
    uri: 123456789012.dkr.ecr.eu-central-1.amazonaws.com/company/airflow:3.3.2

- name: Delete the repository and the images in it
  sm2a.airflow.image:
    environment: dev
    region: eu-central-1
    name: airflow
    state: absent
"""

RETURN = r"""
image:
  description: What the other components need to know.
  returned: always
  type: dict
  contains:
    environment:
      description: Name of the environment.
      type: str
      sample: dev
    name:
      description: Short name of the image.
      type: str
      sample: airflow
    uri:
      description: What a task definition names.
      type: str
      sample: 123456789012.dkr.ecr.eu-central-1.amazonaws.com/sm2a-dev/airflow:0123456789abcdef
    repository_uri:
      description: The same without the tag.
      type: str
      sample: 123456789012.dkr.ecr.eu-central-1.amazonaws.com/sm2a-dev/airflow
    tag:
      description: The tag, made of the image's content. Null for an image that O(uri) names by its digest only.
      type: str
      sample: 0123456789abcdef
plan:
  description: Every resource of the component and what was done, or would be done, to it.
  returned: always
  type: list
  elements: dict
  sample:
    - kind: AWS::ECR::Repository
      name: sm2a-dev/airflow
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
from ansible_collections.sm2a.airflow.plugins.module_utils._components.image import ImageComponent


def main():
    """Run the module."""
    run(ImageComponent)


if __name__ == "__main__":
    main()
