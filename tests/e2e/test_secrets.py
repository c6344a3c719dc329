# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a service must not reach, tried from inside of its container with all that it has."""

from __future__ import annotations

import json

import denials
import pytest
from platform_client import aws
from playbook_runs import Platform, docker, wait

STATEMENTS = """
import json, sys
from airflow.configuration import conf
from sqlalchemy import create_engine, text

engine = create_engine(conf.get("database", "sql_alchemy_conn"))
answers = {}
for statement in json.loads(sys.argv[1]):
    try:
        with engine.begin() as connection:
            connection.execute(text(statement))
        answers[statement] = "done"
    except Exception as error:
        answers[statement] = str(error.orig)
print(json.dumps(answers))
"""
SECRETS = """
import json, sys
from sm2a_image.guard import read_secret

answers = {}
for name in json.loads(sys.argv[1]):
    try:
        read_secret(name)
        answers[name] = "read"
    except Exception as error:
        answers[name] = error.response["Error"]["Code"]
print(json.dumps(answers))
"""
PREFIX = "sm2a/local/"
CONNECTIONS = "config/sql_alchemy_conn/"
OWN_SECRETS = {
    "api-server": {f"{CONNECTIONS}airflow", "config/fernet_key", "config/api_secret_key", "config/jwt_secret"},
    "execution-api": {f"{CONNECTIONS}execution-api", "config/fernet_key", "config/jwt_secret"},
    "scheduler": {f"{CONNECTIONS}airflow", "config/fernet_key", "config/jwt_secret"},
    "dag-processor": {f"{CONNECTIONS}dag-processor", "config/fernet_key"},
    "triggerer": {f"{CONNECTIONS}triggerer", "config/fernet_key", "config/api_secret_key"},
    "worker-default": {f"{CONNECTIONS}worker", "config/api_secret_key"},
}
SIGNING_KEY = "from airflow.configuration import conf; print(conf.get('api_auth', 'jwt_secret'))"
MAKES_AN_ADMINISTRATOR = (
    "UPDATE ab_user SET password = password WHERE 1 = 0",
    "INSERT INTO ab_user_role (id, user_id, role_id) SELECT 0, 0, 0 FROM ab_role WHERE 1 = 0",
    "SELECT 1 FROM ab_user",
    "SELECT 1 FROM session",
    "CREATE TABLE sm2a_probe (number INTEGER)",
)


def inside(service: str, *command: str) -> str:
    """Run a command in a container of a service and return what it prints."""
    family = f"label=com.amazonaws.ecs.task-definition-family=sm2a-local-{service}"
    container = docker("ps", "--quiet", "--filter", family).split()[0]
    return docker("exec", container, *command)


def answers(service: str, *statements: str) -> dict[str, str]:
    """Return what the database says to statements of a service."""
    printed = inside(service, "python", "-c", STATEMENTS, json.dumps(statements))
    return dict(json.loads(printed.splitlines()[-1]))


def accepted(service: str, *statements: str) -> list[str]:
    """Return those that the database does not refuse for want of a privilege."""
    return [statement for statement, answer in answers(service, *statements).items() if "denied" not in answer]


@pytest.mark.parametrize("service", OWN_SECRETS)
def test_each_service_reads_its_own_secrets_and_no_others(platform: Platform, service: str) -> None:
    pages = aws("secretsmanager").get_paginator("list_secrets").paginate()
    names = [secret["Name"] for page in pages for secret in page["SecretList"]]
    denials.tried.add((f"sm2a-local-{service.removesuffix('-default')}/", "secretsmanager:GetSecretValue"))
    printed = inside(service, "python", "-c", SECRETS, json.dumps(names))
    found = json.loads(printed.splitlines()[-1])

    own = {f"{PREFIX}{name}" for name in OWN_SECRETS[service]}
    assert found == {name: "read" if name in own else "AccessDeniedException" for name in names}


def test_a_worker_has_no_access_to_airflows_tables(platform: Platform) -> None:
    tables = ("connection", "variable", "dag", "dag_run", "task_instance", "xcom", "job", "log", "serialized_dag")
    looks = [f"SELECT 1 FROM {table}" for table in tables]
    others = ["UPDATE sm2a_worker SET cordoned_until = 0 WHERE 1 = 0", "DELETE FROM celery_taskmeta WHERE 1 = 0"]

    assert accepted("worker-default", *looks, *others, *MAKES_AN_ADMINISTRATOR) == []
    own = ("SELECT 1 FROM sm2a_worker", "SELECT 1 FROM celery_taskmeta")
    assert answers("worker-default", *own) == dict.fromkeys(own, "done")


@pytest.mark.parametrize("service", ["execution-api", "dag-processor", "triggerer"])
def test_neither_code_of_users_nor_whom_it_calls_makes_anybody_an_administrator(
    platform: Platform, service: str
) -> None:
    writes = "UPDATE connection SET host = host WHERE 1 = 0"

    assert accepted(service, *MAKES_AN_ADMINISTRATOR, writes) == []


def test_nobody_but_the_migration_changes_the_schema(platform: Platform) -> None:
    statements = ("CREATE TABLE sm2a_probe (number INTEGER)", "ALTER TABLE dag ADD COLUMN probe INTEGER")

    for service in ("api-server", "execution-api", "scheduler"):
        refused = answers(service, *statements)
        # PostgreSQL says of a table that it has another owner.
        assert all("denied" in answer or "must be owner" in answer for answer in refused.values()), refused


@pytest.mark.parametrize("service", ["worker-default", "triggerer", "dag-processor"])
def test_who_runs_code_of_users_has_no_key_that_signs_tokens(platform: Platform, service: str) -> None:
    key = aws("secretsmanager").get_secret_value(SecretId="sm2a/local/config/jwt_secret")["SecretString"]

    assert key in inside("scheduler", "python", "-c", SIGNING_KEY)
    assert key not in inside(service, "python", "-c", SIGNING_KEY)


@pytest.mark.parametrize("service", ["scheduler", "dag-processor", "triggerer"])
def test_a_job_that_is_at_work_is_healthy_and_asking_costs_nothing(platform: Platform, service: str) -> None:
    arns = aws("ecs").list_task_definitions(familyPrefix=f"sm2a-local-{service}", sort="DESC")["taskDefinitionArns"]
    definition = aws("ecs").describe_task_definition(taskDefinition=arns[0])["taskDefinition"]
    [kind, command] = definition["containerDefinitions"][0]["healthCheck"]["command"]

    assert kind == "CMD-SHELL" and "airflow" not in command
    wait("a heartbeat", lambda: inside(service, "sh", "-c", f"{command} && echo healthy"), 60)
