# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""AWS WAF: what somebody's web ACL protects."""

from __future__ import annotations

from typing import Any

from .._reconcile.aws import Aws
from .._reconcile.errors import ignoring
from .._reconcile.resource import Resource
from .._reconcile.waits import wait_until
from .elbv2 import LoadBalancer

# A load balancer or a web ACL that is new may not be known yet:
# https://docs.aws.amazon.com/waf/latest/APIReference/API_AssociateWebACL.html
NOT_YET = ("WAFUnavailableEntityException",)
NOT_YET_SECONDS = 300
NONE = ("WAFNonexistentItemException",)


class WebAclAssociation(Resource):
    """That a web ACL looks at the requests of a load balancer, which has one at most."""

    kind = "AWS::WAFv2::WebACLAssociation"
    tagged = False

    def __init__(self, aws: Aws, load_balancer: LoadBalancer, web_acl_arn: str) -> None:
        super().__init__(aws, load_balancer.name)
        self.load_balancer = load_balancer
        self.web_acl_arn = web_acl_arn

    def find(self) -> dict[str, Any] | None:
        # AWS answers without a web ACL where there is none, or where it does not know the load balancer yet with the
        # error; MiniStack always with the error.
        with ignoring(*NONE):
            answer = self.aws.client("wafv2").get_web_acl_for_resource(ResourceArn=self.load_balancer.id)
            found = answer.get("WebACL")
            return {"web_acl": found["ARN"]} if found else None
        return None

    def desired(self) -> dict[str, Any]:
        return {"web_acl": self.web_acl_arn}

    def create(self, desired: dict[str, Any]) -> None:
        def attempt() -> bool:
            with ignoring(*NOT_YET):
                self.aws.client("wafv2").associate_web_acl(
                    WebACLArn=self.web_acl_arn, ResourceArn=self.load_balancer.id
                )
                return True
            return False

        wait_until(f"AWS WAF knows {self.load_balancer.label} and {self.web_acl_arn}", attempt, NOT_YET_SECONDS)

    def update(self, current: dict[str, Any], changes: dict[str, Any]) -> None:
        # It takes the place of the one that is there.
        self.create(changes)

    def delete(self, current: dict[str, Any]) -> None:
        self.aws.client("wafv2").disassociate_web_acl(ResourceArn=self.load_balancer.id)
