# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The cluster module against both emulators."""

from __future__ import annotations

from emulators import Account, Vpc


def test_lifecycle(account: Account, vpc: Vpc) -> None:
    account.lifecycle("cluster", change={"container_insights": "enabled"}, vpc_id=vpc.id)


def test_sessions_of_ecs_exec_are_recorded(account: Account, vpc: Vpc) -> None:
    key = account.client("kms").create_key()["KeyMetadata"]["Arn"]
    group = account.run("observability")["observability"]["log_groups"]["execute_command"]
    options = {"vpc_id": vpc.id, "execute_command_log_group": group}

    account.lifecycle("cluster", change={"kms_key_arn": key}, **options)


def test_namespace_goes_when_it_is_no_longer_wanted(account: Account, vpc: Vpc) -> None:
    account.run("cluster", vpc_id=vpc.id)
    result = account.run("cluster", service_discovery=False)
    assert result["cluster"]["namespace"] is None
    assert account.client("servicediscovery").list_namespaces()["Namespaces"] == []
