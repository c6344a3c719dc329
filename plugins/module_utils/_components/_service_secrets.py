# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which service reads which secret: its role allows these, its container names these, and there are no others.

Workers, the triggerer and the DAG processor run what users write, so whoever writes a DAG can read whatever these three
can. https://airflow.apache.org/docs/apache-airflow/stable/security/security_model.html
"""

from __future__ import annotations

from ._logins import DATABASE_USERS
from ._names import AIRFLOW_SERVICES, SECRETS

CONNECTION = "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"
# The login of each service's connection to the metadata database. That of the migration is the owner's; who runs no
# code of users' shares one.
CONNECTIONS = {
    "api_server": "connection_airflow",
    "execution_api": "connection_execution_api",
    "scheduler": "connection_airflow",
    "dag_processor": "connection_dag_processor",
    "triggerer": "connection_triggerer",
    "worker": "connection_worker",
    "migration": "connection_migration",
}
# Options of Airflow that are keys, the secret of each, and who reads it.
KEYS: dict[str, tuple[str, tuple[str, ...]]] = {
    # Encrypts connections, variables, and what triggers are given.
    "AIRFLOW__CORE__FERNET_KEY": (
        "fernet_key",
        ("api_server", "execution_api", "scheduler", "dag_processor", "triggerer"),
    ),
    # Signs what the API server asks a worker or a triggerer for: the log of a running task.
    "AIRFLOW__API__SECRET_KEY": ("api_secret_key", ("api_server", "triggerer", "worker")),
    # Signs the tokens of users and of tasks: who has it is whoever he wants to be.
    "AIRFLOW__API_AUTH__JWT_SECRET": ("jwt_secret", ("api_server", "execution_api", "scheduler")),
}
# Logins of the database that the migration makes and repairs, by the user's kind.
LOGINS = {secret.removeprefix("database_"): secret for secret in DATABASE_USERS}
# Where connections and variables are looked up that users keep in Secrets Manager: where their code runs. Airflow's
# execution API answers tasks from the metadata database, after they have looked here themselves.
LOOKS_UP = ("dag_processor", "triggerer", "worker")


def service_options(service: str) -> dict[str, str]:
    """Return the options of Airflow that a service reads from Secrets Manager, each with its secret of SECRETS."""
    keys = {option: secret for option, (secret, services) in KEYS.items() if service in services}
    return {CONNECTION: CONNECTIONS[service], **keys}


def service_secrets(service: str) -> list[str]:
    """Return the secrets of SECRETS that a service's role may read."""
    if service == "scaler":
        return ["scaler"]
    if service not in AIRFLOW_SERVICES:
        return []
    own = list(service_options(service).values())
    return [*own, "admin", *LOGINS.values()] if service == "migration" else own


OURS = frozenset(name.removeprefix("config/") for name in SECRETS.values() if name.startswith("config/"))
"""SM2A's own secrets below ``config/``, as an option of Airflow would name them."""
