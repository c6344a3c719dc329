# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The oldest versions that the collection supports, and the refusal of older ones.

``make test-versions`` runs the tests on exactly these; ``make test`` on those of ``requirements/dev.txt``.
"""

from __future__ import annotations

import platform
import re
import sys

from ansible.module_utils.ansible_release import __version__ as ansible_core_version
from ansible_collections.amazon.aws.plugins.module_utils.botocore import gather_sdk_versions
from ansible_collections.amazon.aws.plugins.module_utils.common import AMAZON_AWS_COLLECTION_VERSION
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

# Every other place that names one of these is compared with this one by tests/unit/collection/test_versions.py.
OLDEST = {
    "Python": "3.12",
    "ansible-core": "2.20.0",
    "amazon.aws": "11.3.0",
    "boto3": "1.38.23",
    "botocore": "1.38.23",
}


def refuse_older_versions(module: AnsibleAWSModule) -> None:
    """End the module run with a message, before any call to AWS, if something it runs on is older than supported."""
    sdk = gather_sdk_versions()
    found = {
        "Python": platform.python_version(),
        "ansible-core": ansible_core_version,
        "amazon.aws": AMAZON_AWS_COLLECTION_VERSION,
        "boto3": sdk["boto3_version"],
        "botocore": sdk["botocore_version"],
    }
    older = [
        f"{name} {found[name]} is older than {oldest}, the oldest version that SM2A supports"
        for name, oldest in OLDEST.items()
        if _numbers(found[name]) < _numbers(oldest)
    ]
    if older:
        module.fail_json(msg=f"{sys.executable} cannot run this module: {'; '.join(older)}")


def _numbers(version: str) -> list[int]:
    """Return the leading numbers of a version: [2, 21, 0] of ``2.21.0rc1``. A release candidate passes."""
    return [int(number) for number in re.findall(r"\d+", version)[:3]]
