# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names on which components agree, and that they do."""

from __future__ import annotations

import pytest

from ansible_collections.sm2a.airflow.plugins.module_utils._components import airflow
from ansible_collections.sm2a.airflow.plugins.module_utils._components._names import (
    AIRFLOW_SERVICES,
    PROGRAMS,
    RUNNING_SERVICES,
    SECRETS,
    SERVICES,
    bucket_name,
    log_group_name,
    namespace_name,
    secret_name,
    secret_path,
    worker_service,
)


def test_every_program_of_airflow_is_a_service_that_can_be_entered_and_has_a_role() -> None:
    assert tuple(airflow.SERVICES) == PROGRAMS
    assert set(PROGRAMS) < set(RUNNING_SERVICES) < set(SERVICES)
    assert set(AIRFLOW_SERVICES) == set(SERVICES) - {"execution", "scaler"}


@pytest.mark.parametrize("secret", SECRETS)
def test_no_secret_is_outside_of_its_environment(secret: str) -> None:
    assert secret_name("dev", secret).startswith("sm2a/dev/")


def test_secrets_that_airflow_reads_by_itself_are_where_its_backend_looks() -> None:
    below = {secret for secret in SECRETS if secret_name("dev", secret).startswith(secret_path("dev", "config/"))}
    users = ("migration", "airflow", "execution_api", "dag_processor", "triggerer", "worker")
    connections = {f"connection_{user}" for user in users}

    assert below == {"fernet_key", "api_secret_key", "jwt_secret", *connections}


def test_names() -> None:
    assert bucket_name("dev", "logs", "123456789012", "eu-central-1") == "sm2a-dev-logs-123456789012-eu-central-1"
    assert log_group_name("dev", "airflow") == "/sm2a/dev/airflow"
    assert namespace_name("dev") == "sm2a-dev.internal"
    assert worker_service("dev", "heavy") == "sm2a-dev-worker-heavy"
