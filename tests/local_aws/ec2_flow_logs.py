# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tags of flow logs in MiniStack, which looks for them under a name that EC2 has not for this kind of resource.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_TagSpecification.html
"""

from __future__ import annotations

from typing import Any

from ministack.services import ec2


def install() -> None:
    """Let flow logs have the tags that they are made with."""
    parse = ec2._parse_tag_specs

    def parse_by_name(params: Any, kind: str, identifier: str, *rest: Any) -> Any:
        return parse(params, "vpc-flow-log" if kind == "flow-log" else kind, identifier, *rest)

    ec2._parse_tag_specs = parse_by_name
