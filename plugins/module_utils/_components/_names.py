# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names and ports on which components agree without telling each other."""

from __future__ import annotations

# Airflow's programs that run all the time, each a service with a role and a size of its own.
PROGRAMS = ("api_server", "execution_api", "scheduler", "dag_processor", "triggerer")
AIRFLOW_SERVICES = (*PROGRAMS, "worker", "migration")
# Whatever has an IAM role; "execution" is the one with which ECS starts the others.
SERVICES = ("execution", *AIRFLOW_SERVICES, "scaler")
# Long-running services; ECS Exec can open a shell in these.
RUNNING_SERVICES = (*PROGRAMS, "worker", "scaler")

API_SERVER_PORT = 8080

# In both images: the authorities by which whoever connects to the database knows it.
DATABASE_AUTHORITIES = "/opt/sm2a/database-ca.crt"

# Every secret of an environment, below ``sm2a/<environment>/``. Airflow reads its configuration from ``config/``.
SECRETS = {
    "admin": "admin",
    "database_master": "database/master",
    "database_airflow": "database/airflow-login",
    "database_execution_api": "database/execution-api-login",
    "database_dag_processor": "database/dag-processor-login",
    "database_triggerer": "database/triggerer-login",
    "database_worker": "database/worker-login",
    "database_scaler": "database/scaler-login",
    "fernet_key": "config/fernet_key",
    "api_secret_key": "config/api_secret_key",
    "jwt_secret": "config/jwt_secret",
    "connection_migration": "config/sql_alchemy_conn/migration",
    "connection_airflow": "config/sql_alchemy_conn/airflow",
    "connection_execution_api": "config/sql_alchemy_conn/execution-api",
    "connection_dag_processor": "config/sql_alchemy_conn/dag-processor",
    "connection_triggerer": "config/sql_alchemy_conn/triggerer",
    "connection_worker": "config/sql_alchemy_conn/worker",
    "scaler": "scaler/database",
}


def secret_name(environment: str, secret: str) -> str:
    """Return the full name of one of the SECRETS."""
    return secret_path(environment, SECRETS[secret])


def secret_path(environment: str, below: str) -> str:
    """Return the full name of what is ``below`` the environment's place in Secrets Manager."""
    return f"sm2a/{environment}/{below}"


def log_group_name(environment: str, program: str) -> str:
    """Return the name of the log group of a program, or of all of them for ``*``."""
    return f"/sm2a/{environment}/{program}"


def database_log_group_name(environment: str, log: str) -> str:
    """Return the name of the log group to which RDS writes a log of the database, or of all of them for ``*``.

    https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_LogAccess.Procedural.UploadtoCloudWatch.html
    """
    return f"/aws/rds/instance/sm2a-{environment}/{log}"


def bucket_name(environment: str, content: str, account_id: str, region: str) -> str:
    """Return the name of the bucket of the environment's ``logs`` or ``dags``: buckets share one world-wide space."""
    return f"sm2a-{environment}-{content}-{account_id}-{region}"


def namespace_name(environment: str) -> str:
    """Return the private domain below which the environment's services have names."""
    return f"sm2a-{environment}.internal"


def worker_service(environment: str, pool: str) -> str:
    """Return the name of the service of a pool's workers; it begins like those of all pools."""
    return f"sm2a-{environment}-worker-{pool}"
