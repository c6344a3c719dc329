# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Token buckets: who asks too often is told to wait.

https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/request-throttling.html
"""

from __future__ import annotations

import re
import time

from .calls import Answer, Call, Refusal
from .chance import Chance

READING = re.compile(r"^(Describe|List|Get)")
# Service, operation, how many tokens a bucket holds, how many it gets in a second, the error. The first that fits.
BUCKETS = (
    ("ec2", r"(Create|Modify|Delete)VpcEndpoints?$", 4, 0.3, "RequestLimitExceeded", 503),
    ("ec2", r"Describe", 100, 20, "RequestLimitExceeded", 503),
    ("ec2", r"", 50, 5, "RequestLimitExceeded", 503),
    ("ecs", r"(Create|Update|Delete)Cluster$|PutCluster", 20, 1, "ThrottlingException", 400),
    ("ecs", r"DeleteTaskDefinitions$", 5, 1, "ThrottlingException", 400),
    ("ecs", r"(Deregister|Register)TaskDefinition$", 20, 1, "ThrottlingException", 400),
    ("ecs", r"DescribeClusters$", 50, 20, "ThrottlingException", 400),
    ("ecs", r"(Describe|List)", 100, 20, "ThrottlingException", 400),
    ("ecs", r"", 50, 5, "ThrottlingException", 400),
)
# IAM and others publish no figures. What chance refuses of their calls, and in what words:
RANDOMLY = {
    "iam": ("Throttling", 400),
    "elasticloadbalancing": ("Throttling", 400),
    "rds": ("Throttling", 400),
    "kms": ("ThrottlingException", 400),
    "secretsmanager": ("ThrottlingException", 400),
    "logs": ("ThrottlingException", 400),
    "acm": ("ThrottlingException", 400),
    "servicediscovery": ("RequestLimitExceeded", 400),
}
PROBABILITY = 0.01


class Throttling:
    """Refuses calls of a bucket that is empty, and one in a hundred of the services that publish no figures."""

    def __init__(self, chance: Chance) -> None:
        self._chance = chance
        self._tokens: dict[str, tuple[float, float]] = {}

    def before(self, call: Call) -> Refusal | None:
        """Take a token."""
        for service, operation, capacity, rate, code, status in BUCKETS:
            if call.service == service and re.match(operation, call.operation):
                # EC2 has a bucket for each operation, ECS for each kind of them.
                bucket = call.operation if service == "ec2" else operation
                spent = not self._take(f"{service} {bucket}", capacity, rate)
                return Refusal(code, "Request limit exceeded.", status) if spent else None
        if call.service in RANDOMLY and self._chance.happens(f"throttle {call.service}", PROBABILITY):
            code, status = RANDOMLY[call.service]
            return Refusal(code, "Rate exceeded", status)
        return None

    def _take(self, bucket: str, capacity: float, rate: float) -> bool:
        now = time.monotonic()
        tokens, seen = self._tokens.get(bucket, (capacity, now))
        tokens = min(capacity, tokens + (now - seen) * rate)
        self._tokens[bucket] = (tokens - 1 if tokens >= 1 else tokens, now)
        return tokens >= 1

    def after(self, call: Call, answer: Answer) -> None:
        """Nothing is to be noted."""
