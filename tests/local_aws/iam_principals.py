# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The users of the emulated account as whom playbooks run, each with exactly the policies of docs/iam.

``ministack_launcher`` makes them when it starts, and again when the account has been wiped.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

POLICIES = Path(__file__).resolve().parents[2] / "docs" / "iam"
# The environment of the policies: that of inventories/local, where a test names no other.
ENVIRONMENT = os.environ.get("SM2A_IAM_ENVIRONMENT", "local")
# No secret: they are good for nothing but the emulator on this machine.
ROOT_ACCESS_KEY = "local"
SECRET_KEY = "emulator-only"
# The policies of docs/iam that a user has, by the access key of the user.
USERS = {
    "LOCALDEPLOYER": ("read-only", "deployer", "deployer-network", "deployer-storage", "deployer-services"),
    "LOCALTEARDOWN": ("read-only", "teardown"),
    "LOCALREADONLY": ("read-only",),
}
# These may do everything: what they call is what a policy has to allow.
RECORDERS = ("RECORDDEPLOYER", "RECORDTEARDOWN", "RECORDREADONLY")
EVERYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


def filled(policy: str, account: str, region: str, environment: str, hosted_zone: str = "*") -> str:
    """Return a policy of docs/iam with its placeholders replaced, as docs/iam/README.md says."""
    values = {"ACCOUNT": account, "REGION": region, "ENVIRONMENT": environment, "HOSTED_ZONE": hosted_zone}
    for name, value in values.items():
        policy = policy.replace(f"${{{name}}}", value)
    return policy


def make_users(account: str, region: str) -> None:
    """Make the users in MiniStack's account, with their keys."""
    from ministack.services import iam

    policies = {key: {name: _policy(name, account, region) for name in names} for key, names in USERS.items()}
    policies |= {key: {"everything": json.dumps(EVERYTHING)} for key in RECORDERS}
    for key, documents in policies.items():
        user = key.lower()
        iam._users[user] = {
            "UserName": user,
            "UserId": f"AIDA{key}",
            "Arn": f"arn:aws:iam::{account}:user/{user}",
            "Path": "/",
            "Tags": [],
            "AttachedPolicies": [],
            "CreateDate": "2026-01-01T00:00:00Z",
        }
        iam._user_inline_policies[user] = documents
        iam._access_keys[key] = {
            "UserName": user,
            "AccessKeyId": key,
            "SecretAccessKey": SECRET_KEY,
            "Status": "Active",
            "CreateDate": "2026-01-01T00:00:00Z",
        }


def _policy(name: str, account: str, region: str) -> str:
    return filled((POLICIES / f"{name}.json").read_text(), account, region, ENVIRONMENT)
