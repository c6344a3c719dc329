# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The users of the emulated account as whom playbooks run.

``ministack_launcher`` makes them when it starts, and again when the account has been wiped.
"""

from __future__ import annotations

import json

# No secret: they are good for nothing but the emulator on this machine.
ROOT_ACCESS_KEY = "local"
SECRET_KEY = "emulator-only"
# These may do everything: what they call is what a policy has to allow.
RECORDERS = ("RECORDDEPLOYER", "RECORDTEARDOWN", "RECORDREADONLY")
EVERYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


def make_users(account: str) -> None:
    """Make the users in MiniStack's account, with their keys."""
    from ministack.services import iam

    for key in RECORDERS:
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
        iam._user_inline_policies[user] = {"policy": json.dumps(EVERYTHING)}
        iam._access_keys[key] = {
            "UserName": user,
            "AccessKeyId": key,
            "SecretAccessKey": SECRET_KEY,
            "Status": "Active",
            "CreateDate": "2026-01-01T00:00:00Z",
        }
