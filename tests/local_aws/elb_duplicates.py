# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One listener a port and one rule a priority, as on AWS; MiniStack makes any number of them.

https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateListener.html
https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateRule.html
"""

from __future__ import annotations

from typing import Any

from ministack.services import alb


def install() -> None:
    """Refuse what is there already. The same listener once more is answered as the first time."""
    create_listener, create_rule = alb._create_listener, alb._create_rule

    def listener(params: Any) -> Any:
        balancer, port = alb._p(params, "LoadBalancerArn"), int(alb._p(params, "Port") or 0)
        for found in alb._listeners.values():
            if (found["LoadBalancerArn"], found["Port"]) == (balancer, port):
                if found["Protocol"] == alb._p(params, "Protocol"):
                    body = f"<Listeners>{alb._listener_xml(found)}</Listeners>"
                    return alb._xml(200, "CreateListener", body)
                return alb._error("DuplicateListener", f"A listener already exists on port {port}.")
        return create_listener(params)

    def rule(params: Any) -> Any:
        priority = alb._p(params, "Priority")
        for found in alb._rules.values():
            if found["ListenerArn"] == alb._p(params, "ListenerArn") and str(found["Priority"]) == priority:
                return alb._error("PriorityInUse", f"Priority {priority} is currently in use.")
        return create_rule(params)

    alb._ACTION_MAP.update(CreateListener=listener, CreateRule=rule)
