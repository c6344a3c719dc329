# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The database: its groups, its secrets, and when it is looked after."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from declared import component
from fake_aws import FakeAws, FakeClient

from ansible_collections.sm2a.airflow.plugins.module_utils._components._names import DATABASE_AUTHORITIES
from ansible_collections.sm2a.airflow.plugins.module_utils._components.database import ENGINES, DatabaseComponent
from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.values import KNOWN_AFTER_APPLY
from ansible_collections.sm2a.airflow.plugins.module_utils._resources.rds import Instance, ParameterGroup
from ansible_collections.sm2a.airflow.plugins.module_utils._resources.secretsmanager import DerivedSecret

OPTIONS: dict[str, Any] = {
    "subnet_ids": ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"],
    "security_group_ids": ["sg-0123456789abcdef0"],
}
LOGINS = {
    "sm2a/test/database/master": {"username": "sm2a", "password": "p%w:1234"},
    **{
        f"sm2a/test/database/{user}-login": {"username": f"sm2a_{user.replace('-', '_')}", "password": "q-123456"}
        for user in ("airflow", "execution-api", "dag-processor", "triggerer", "worker", "scaler")
    },
}

UUID = "01234567-89ab-cdef-0123-456789abcdef"


def database(**options: Any) -> DatabaseComponent:
    secrets = FakeClient(get_secret_value=lambda SecretId: {"SecretString": json.dumps(LOGINS[SecretId])})
    made = component(DatabaseComponent, FakeAws(secretsmanager=secrets), **{**OPTIONS, **options})
    assert list(made.faults()) == []
    return made


def only(kind: type, made: DatabaseComponent) -> list[Any]:
    return [item for item in made.resources() if isinstance(item, kind)]


@pytest.mark.parametrize(
    ("options", "name", "family"),
    [
        ({}, "sm2a-test-postgres17", "postgres17"),
        ({"engine_version": "16.9"}, "sm2a-test-postgres16", "postgres16"),
        ({"engine": "mysql"}, "sm2a-test-mysql8-4", "mysql8.4"),
        ({"engine": "mysql", "engine_version": "8.4.5"}, "sm2a-test-mysql8-4", "mysql8.4"),
    ],
)
def test_a_parameter_group_belongs_to_one_major_version(options: dict[str, Any], name: str, family: str) -> None:
    [group] = only(ParameterGroup, database(**options))

    assert (group.name, group.family) == (name, family)


# What we set, as the families of RDS have it, with the values that it takes. An account tells all of a family by
# describe-engine-default-parameters; a new parameter of ours needs a line here, from there or from these pages:
# https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Appendix.MySQL.Parameters.html
# https://dev.mysql.com/doc/mysqld-version-reference/en/optvar-changes-8-4.html (what 8.4 has no longer)
# https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Appendix.PostgreSQL.CommonDBATasks.Parameters.html
MYSQL_84 = {
    "binlog_format": "ROW|MIXED|STATEMENT",
    "character_set_server": "utf8mb4",
    "log_bin_trust_function_creators": "0|1",
    "require_secure_transport": "0|1",
}
POSTGRES = {"rds.force_ssl": "0|1"}
FAMILIES = {"mysql8.4": MYSQL_84, **{f"postgres{major}": POSTGRES for major in (16, 17, 18)}}


@pytest.mark.parametrize(
    ("engine", "version"), [(engine, version) for engine, told in ENGINES.items() for version in told["versions"]]
)
def test_a_parameter_group_names_parameters_of_its_family_alone(engine: str, version: str) -> None:
    """RDS refuses one that a version has no longer, such as default_authentication_plugin, which 8.4 took away."""
    [group] = only(ParameterGroup, database(engine=engine, engine_version=version))

    family = FAMILIES[group.family]
    assert group.parameters.keys() <= family.keys()
    assert all(re.fullmatch(family[name], value) for name, value in group.parameters.items())


@pytest.mark.parametrize(
    ("engine", "address"),
    [
        (
            "postgres",
            f"postgresql+psycopg2://sm2a:p%25w%3A1234@db.example:1/airflow?sslmode=verify-full&sslrootcert={DATABASE_AUTHORITIES}",
        ),
        (
            "mysql",
            f"mysql+mysqldb://sm2a:p%25w%3A1234@db.example:1/airflow?ssl_mode=VERIFY_IDENTITY&ssl_ca={DATABASE_AUTHORITIES}",
        ),
    ],
)
def test_airflow_is_told_an_address_with_verified_tls_and_what_a_url_needs_escaped(engine: str, address: str) -> None:
    made = database(engine=engine)
    secrets = only(DerivedSecret, made)
    values = {secret.name: secret.desired()["value"] for secret in secrets}
    assert set(values.values()) == {KNOWN_AFTER_APPLY}

    made.instance.endpoint, made.instance.port = "db.example", 1
    values = {secret.name: secret.desired()["value"] for secret in secrets}

    assert values["sm2a/test/config/sql_alchemy_conn/migration"] == address
    for user in ("airflow", "execution-api", "dag-processor", "triggerer", "worker"):
        own = address.replace("sm2a:p%25w%3A1234", f"sm2a_{user.replace('-', '_')}:q-123456")
        assert values[f"sm2a/test/config/sql_alchemy_conn/{user}"] == own
    assert json.loads(values["sm2a/test/scaler/database"]) == {
        "engine": engine,
        "host": "db.example",
        "port": 1,
        "dbname": "airflow",
        **LOGINS["sm2a/test/database/scaler-login"],
    }
    assert all(made.instance in secret.dependencies() for secret in secrets)


def test_the_password_is_asked_for_when_the_instance_is_made_and_is_in_no_state() -> None:
    [instance] = only(Instance, database(preferred_backup_window="01:00-02:00"))

    assert instance.password() == "p%w:1234"
    assert "p%w:1234" not in json.dumps([instance.desired(), instance.settings, instance.creation])
    assert instance.settings["PreferredBackupWindow"] == "01:00-02:00"


def test_an_environment_whose_secrets_have_gone_can_be_deleted() -> None:
    made = component(DatabaseComponent, FakeAws(), state="absent")

    assert "MasterUsername" not in only(Instance, made)[0].creation


@pytest.mark.parametrize(
    "key", [None, "arn:aws:kms:eu-central-1:123456789012:key/01234567-89ab-cdef-0123-456789abcdef"]
)
def test_a_key_is_for_the_instance_and_its_secrets(key: str | None) -> None:
    made = database(kms_key_arn=key)

    assert only(Instance, made)[0].creation.get("KmsKeyId") == key
    assert {secret.kms_key_id for secret in only(DerivedSecret, made)} == {key}
