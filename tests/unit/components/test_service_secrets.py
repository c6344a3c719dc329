# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which service reads which secret."""

from __future__ import annotations

import pytest

from ansible_collections.sm2a.airflow.plugins.module_utils._components._names import AIRFLOW_SERVICES, SECRETS, SERVICES
from ansible_collections.sm2a.airflow.plugins.module_utils._components._service_secrets import (
    OURS,
    service_options,
    service_secrets,
)

CONNECTION = "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"


@pytest.mark.parametrize("service", AIRFLOW_SERVICES)
def test_a_container_names_what_its_role_may_read(service: str) -> None:
    assert set(service_options(service).values()) <= set(service_secrets(service))


def test_every_secret_is_read_by_somebody_but_the_owners_login_which_only_site_reads() -> None:
    read = {secret for service in SERVICES for secret in service_secrets(service)}

    assert set(SECRETS) - read == {"database_master"}


def test_only_those_who_run_no_code_of_users_share_a_login() -> None:
    by_login: dict[str, list[str]] = {}
    for service in AIRFLOW_SERVICES:
        by_login.setdefault(service_options(service)[CONNECTION], []).append(service)

    assert [services for services in by_login.values() if len(services) > 1] == [["api_server", "scheduler"]]


def test_our_own_secrets_as_an_option_names_them() -> None:
    assert {"jwt_secret", "sql_alchemy_conn/worker"} < OURS and "admin" not in OURS
