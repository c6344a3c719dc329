# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names of a service that exists, which MiniStack's UpdateService passes over.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_UpdateService.html
"""

from __future__ import annotations

from typing import Any

from ministack.services import ecs


def install() -> None:
    """Give a service the registries that UpdateService names; an empty list takes all of them away."""
    update = ecs._ACTION_MAP["UpdateService"]

    def update_with_registries(data: dict[str, Any]) -> Any:
        cluster = ecs._resolve_cluster_name(data.get("cluster", "default"))
        name = (ecs._resolve_service_ref(data.get("service", "")) or ("",))[0]
        service = ecs._services.get(f"{cluster}/{name}")
        if service and "serviceRegistries" in data:
            service["serviceRegistries"] = data["serviceRegistries"]
        return update(data)

    ecs._ACTION_MAP["UpdateService"] = update_with_registries
