# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Airflow's configuration and environment variables: what would break a promise, hold a secret or be misspelt."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from module_runs import assert_refused, run

from ansible_collections.sm2a.airflow.plugins.module_utils._components import _airflow_options as airflow_options
from ansible_collections.sm2a.airflow.plugins.module_utils._components._airflow_options import OPTIONS
from ansible_collections.sm2a.airflow.plugins.module_utils._components._names import AIRFLOW_SERVICES
from ansible_collections.sm2a.airflow.plugins.module_utils._components._sorted_options import (
    CELERY,
    FREE,
    FREE_SECTIONS,
    OURS,
    REFUSED,
    REFUSED_SECTIONS,
)
from ansible_collections.sm2a.airflow.plugins.module_utils._components._variables import (
    named_secrets,
    validate_configuration,
    validate_variables,
)
from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.errors import OptionError
from ansible_collections.sm2a.airflow.plugins.module_utils._secret_values import (
    connection_holds_secret,
    holds_secret,
)

ROOT = Path(__file__).parents[3]
HIDDEN = "hunter2-the-real-value"
CONTAINER = {
    "cluster": "sm2a-test",
    "image": "registry.example.com/airflow:1",
    "subnet_ids": ["subnet-0123456789abcdef0"],
    "security_group_ids": ["sg-0123456789abcdef0"],
    "role_arns": {role: f"arn:aws:iam::123456789012:role/{role}" for role in ("execution", *AIRFLOW_SERVICES)},
    "log_group": "/sm2a/test/airflow",
    "log_bucket": "sm2a-test-logs",
    "dag_bucket": "sm2a-test-dags",
    "queues": {"default": {"url": "https://sqs.eu-central-1.amazonaws.com/123456789012/sm2a-test-default"}},
    "url": "https://airflow.example.com",
    "execution_api_server_url": "http://api-server.sm2a-test.internal:8080/execution/",
}
WORKERS = {**CONTAINER, "pools": {"default": {}}}


def refusal(configuration: dict[str, Any] | None = None, variables: dict[str, Any] | None = None) -> str:
    """Return what is said of a configuration or of variables; nothing if they are accepted."""
    try:
        validate_configuration("configuration", configuration or {})
        validate_variables("environment_variables", variables or {})
    except OptionError as error:
        assert HIDDEN not in str(error) and HIDDEN not in f"{error.value} {error.rule}"
        return str(error)
    return ""


def pool(variables: dict[str, Any]) -> dict[str, Any]:
    return {"pools": {"default": {"environment_variables": variables}}}


EARLY = {"task_acks_late": False}
WAYS = [
    ({"configuration": {"celery": EARLY}}, "configuration", "ACKS_LATE"),
    ({"configuration": {"CELERY": EARLY}}, "configuration", "ACKS_LATE"),
    ({"environment_variables": {"AIRFLOW__CELERY__TASK_ACKS_LATE": "False"}}, "environment_variables", "ACKS_LATE"),
    (pool({"AIRFLOW__CELERY__TASK_ACKS_LATE": "False"}), "pools.default.environment_variables", "ACKS_LATE"),
    ({"configuration": {"celery": {"task_acks_late_cmd": "echo False"}}}, "configuration", "ACKS_LATE"),
    ({"configuration": {"celery": {"extra_celery_config": EARLY}}}, "configuration", ": task_acks_late"),
    ({"configuration": {"celery": {"extra_celery_config": json.dumps(EARLY)}}}, "configuration", ": task_acks_late"),
    (
        pool({"AIRFLOW__CELERY__EXTRA_CELERY_CONFIG": json.dumps(EARLY)}),
        "pools.default.environment_variables",
        ": task_acks_late",
    ),
]


@pytest.mark.parametrize(("options", "option", "value"), WAYS)
def test_late_acknowledgement_cannot_be_taken_back_in_any_way(options: dict[str, Any], option: str, value: str) -> None:
    assert_refused("workers", {**WORKERS, **options}, option, value, "lost with its worker")


REASONS = {
    **{name: f"SM2A sets this itself: {reason}" for name, reason in OURS.items()},
    **REFUSED,
    **{f"{section}.{min(OPTIONS[section])}": reason for section, reason in REFUSED_SECTIONS.items()},
}


@pytest.mark.parametrize("name", sorted(REASONS))
def test_option_is_refused_with_a_reason_however_it_is_written(name: str) -> None:
    section, option = name.split(".")
    variable = f"AIRFLOW__{section}__{option}".upper()
    for said in (
        refusal({section: {option: "any"}}),
        refusal({section: {f"{option}_secret": "any"}}),
        refusal(variables={variable: "any"}),
        refusal(variables={f"{variable}_CMD": "any"}),
    ):
        assert variable in said and REASONS[name] in said


def test_a_pools_concurrency_is_pointed_at() -> None:
    for option in ("worker_autoscale", "worker_concurrency"):
        assert "use sm2a_worker_pools.<pool>.concurrency" in refusal({"celery": {option: "10,10"}})


@pytest.mark.parametrize("name", [True, False, "true", "False"])
def test_name_that_yaml_reads_as_true_or_false(name: Any) -> None:
    assert "put the name in quotes" in refusal(variables={name: "1"})


def test_endpoint_that_is_no_address() -> None:
    said = refusal(variables={"AWS_ENDPOINT_URL": f"http://[{HIDDEN}"})
    assert said.startswith("environment_variables.AWS_ENDPOINT_URL: ") and "it is no address" in said


@pytest.mark.parametrize("setting", sorted(CELERY))
def test_celerys_own_setting_is_refused(setting: str) -> None:
    assert f": {setting}" in refusal({"celery": {"extra_celery_config": {setting: 1}}})


@pytest.mark.parametrize("value", ["{", "[]", "", 3])
def test_what_celery_would_be_told_has_to_be_readable(value: Any) -> None:
    assert "it must map settings of Celery to values" in refusal({"celery": {"extra_celery_config": value}})


@pytest.mark.parametrize(
    "variable",
    [
        "AIRFLOW_CONFIG",
        "AIRFLOW_HOME",
        "AWS_DEFAULT_REGION",
        "CELERY_BROKER_READ_URL",
        "CELERY_BROKER_URL",
        "CELERY_CUSTOM_WORKER_POOL",
        "CELERY_LOADER",
        "CELERY_RESULT_BACKEND",
        "DUMB_INIT_SETSID",
        "ECS_AGENT_URI",
        "ECS_CONTAINER_METADATA_URI_V4",
        "FORWARDED_ALLOW_IPS",
        "PYTHONPATH",
        "REMAP_SIGTERM",
        "SM2A_ADMIN_SECRET",
        "SM2A_SCALER_CONFIGURATION",
    ],
)
def test_variable_that_the_programs_rely_on(variable: str) -> None:
    assert "it cannot be set" in refusal(variables={variable: "any"})


@pytest.mark.parametrize(
    ("variable", "name"),
    [
        ("AIRFLOW__SECRETS__BACKEND_KWARG__CONFIG_PREFIX", "secrets.backend_kwargs"),
        ("AIRFLOW__WORKERS__SECRETS_BACKEND_KWARG__CONFIG_PREFIX", "workers.secrets_backend_kwargs"),
        ("AIRFLOW__WEBSERVER__BASE_URL", "api.base_url"),
        ("AIRFLOW__WORKERS__EXECUTION_API_SERVER_URL", "core.execution_api_server_url"),
    ],
)
def test_option_by_another_name_that_airflow_reads(variable: str, name: str) -> None:
    assert REASONS[name] in refusal(variables={variable: "any"})


@pytest.mark.parametrize(
    ("flat", "value", "rule"),
    [
        ("celery.worker_autoscale", "5,5", "use sm2a_worker_pools.<pool>.concurrency"),
        ("core.default_task_retries", 3, "it must map options to values, as in core: {default_task_retries: ...}"),
        ("common.io.xcom_objectstorage_threshold", 3, "as in common.io: {xcom_objectstorage_threshold: ...}"),
        ("webserver.web_server_port", 80, "the load balancer and the health check ask port"),
        ("core.dag_concurrency", 4, "it is called [core] max_active_tasks_per_dag now"),
        ("core.paralelism", 4, "is it [core] parallelism?"),
    ],
)
def test_flat_form_of_mwaa(flat: str, value: Any, rule: str) -> None:
    assert rule in refusal({flat: value})


@pytest.mark.parametrize(
    ("configuration", "rule"),
    [
        ({"celery_broker_transport_options": {"wait_time_seconds": 20}}, "it must be at most 10, and is 20"),
        ({"scheduler": {"job_heartbeat_sec": 120}}, "it must be at most 30, and is 120"),
        ({"triggerer": {"job_heartbeat_sec": "31"}}, "it must be at most 30, and is '31'"),
        ({"scheduler": {"scheduler_idle_sleep_time": 60.5}}, "it must be at most 30, and is 60.5"),
    ],
)
def test_value_that_would_break_a_promise(configuration: dict[str, Any], rule: str) -> None:
    assert rule in refusal(configuration)


@pytest.mark.parametrize("variable", ["AIRFLOW__CORE__SQL_ALCHEMY_CONN", "AIRFLOW__WEBSERVER__SECRET_KEY_SECRET"])
def test_old_name_of_a_key_that_sm2a_keeps(variable: str) -> None:
    assert "Airflow reads it from Secrets Manager" in refusal(variables={variable: HIDDEN})


SECRETS: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({"smtp": {"smtp_password": HIDDEN}}, {}, "sm2a/<environment>/connections/"),
    ({"github_enterprise": {"client_secret": HIDDEN}}, {}, "set client_secret_secret to client_secret"),
    ({"opensearch": {"password": HIDDEN}}, {}, "sm2a/<environment>/config/password"),
    ({"celery": {"flower_basic_auth": f"me:{HIDDEN}"}}, {}, "set flower_basic_auth_secret"),
    ({"sentry": {"sentry_dsn": f"https://{HIDDEN}@sentry.example.com/1"}}, {}, "set sentry_dsn_secret"),
    ({"dag_processor": {"dag_bundle_config_list": [{"kwargs": {"repo_url": f"https://me:{HIDDEN}@git.example.com"}}]}},
     {}, "sm2a/<environment>/connections/"),
    ({"smtp": HIDDEN + "://u:p@h"}, {}, "it must map options to values"),
    ({"smtp": f"smtp_user=a, smtp_password={HIDDEN}"}, {}, "it must map options to values"),
    ({"smtp": HIDDEN}, {}, "it must map options to values"),
    ({"smtp.smtp_password": HIDDEN}, {}, "sm2a/<environment>/connections/"),
    ({}, {"AIRFLOW__KEYCLOAK_AUTH_MANAGER__CLIENT_SECRET": HIDDEN}, "set client_secret_secret to client_secret"),
    ({}, {"AIRFLOW_CONN_WAREHOUSE": f"postgres://u:{HIDDEN}@h/d"}, "sm2a/<environment>/connections/warehouse"),
    ({}, {"AIRFLOW_CONN_WAREHOUSE": json.dumps({"conn_type": "postgres", "password": HIDDEN})}, "connections/w"),
    ({}, {"AIRFLOW_CONN_X": json.dumps({"conn_type": "x", "extra": json.dumps({"api_key": HIDDEN})})}, "connections/x"),
    ({}, {"AIRFLOW_CONN_X": f"snowflake://?private_key={HIDDEN}"}, "connections/x"),
    ({}, {"AIRFLOW_VAR_DB_PASSWORD": HIDDEN}, "sm2a/<environment>/variables/db_password"),
    ({}, {"AIRFLOW_VAR_DB": json.dumps({"password": HIDDEN})}, "sm2a/<environment>/variables/db"),
    ({}, {"AWS_SECRET_ACCESS_KEY": HIDDEN}, "security_role_policies"),
    ({}, {"AWS_SECRET_ACCESS_KEY": HIDDEN, "AWS_ENDPOINT_URL": "https://sqs.eu-central-1.amazonaws.com"}, "roles"),
    ({}, {"DB_PASSWORD": HIDDEN}, "sm2a/<environment>/variables/db_password"),
    ({}, {"PASSWORD_OF_DB": HIDDEN}, "sm2a/<environment>/variables/"),
    ({}, {"GITHUB_TOKEN": HIDDEN}, "variables/github_token"),
    ({}, {"DATADOG_API_KEY": HIDDEN}, "variables/datadog_api_key"),
    ({}, {"DATABASE_URL": f"postgres://u:{HIDDEN}@h/d"}, "variables/database_url"),
    ({}, {"WAREHOUSE": f"host=db user=a password={HIDDEN}"}, "variables/warehouse"),
    ({}, {"WAREHOUSE": f"host=db; Password = {HIDDEN}"}, "variables/warehouse"),
    ({}, {"WAREHOUSE": f"jdbc:postgresql://h/d?user=a&password={HIDDEN}"}, "variables/warehouse"),
    ({}, {"JAVA_OPTS": f"-Xmx1g -Dspark.db-password={HIDDEN}"}, "variables/java_opts"),
    ({}, {"OAUTH_CLIENT_SECRET": HIDDEN}, "variables/oauth_client_secret"),
    ({}, {"PAYLOAD": "ZmDfcTF7_60GrrY167zsiPd67pEvs0aGOv2oasOM1Pg="}, "variables/payload"),
    ({"opensearch": {"username": "ZmDfcTF7_60GrrY167zsiPd67pEvs0aGOv2oasOM1Pg="}}, {}, "config/username"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("configuration", "variables", "named"),
    [
        ({"sentry": {"sentry_dsn_secret": "dsn"}, "CELERY": {"flower_basic_auth_secret": "me"}}, {}, ["dsn", "me"]),
        ({}, {"AIRFLOW__SENTRY__SENTRY_DSN_SECRET": "dsn", "PATH_SECRET": "other"}, ["dsn"]),
        # A secret itself, and options that Airflow takes as they are.
        ({"keycloak_auth_manager": {"client_secret": HIDDEN}, "core": {"parallelism_secret": "p"}}, {}, []),
        ({"keycloak_auth_manager": {"client_secret_secret": "keycloak"}}, {}, ["keycloak"]),
        ({"sentry": {"sentry_dsn_secret": 7}, "core": "no mapping"}, {}, ["7"]),
        ("no mapping", ["none"], []),
    ],
)
def test_secrets_that_options_name(configuration: Any, variables: Any, named: list[str]) -> None:
    assert named_secrets(configuration, variables) == named


@pytest.mark.parametrize(("configuration", "variables", "way"), SECRETS)
def test_a_secret_is_refused_without_being_shown(
    configuration: dict[str, Any], variables: dict[str, Any], way: str
) -> None:
    said = refusal(configuration, variables)

    assert way in said, said
    assert "looks like a secret" in said or "map options" in said


def test_a_module_does_not_show_it_either() -> None:
    ran = run("workers", **WORKERS, configuration={"keycloak_auth_manager": {"client_secret": HIDDEN}})

    assert ran.calls == [] and ran.result["option"] == "configuration"
    answered = {key: value for key, value in ran.result.items() if key != "invocation"}
    assert HIDDEN not in json.dumps(answered)


@pytest.mark.parametrize(
    ("module", "options", "option"),
    [
        ("queue", {"pools": ["default"], "tags": {"api_token": HIDDEN}}, "tags.api_token"),
        ("queue", {"pools": ["default"], "tags": {"contact": f"https://me:{HIDDEN}@example.com"}}, "tags.contact"),
        ("workers", {**WORKERS, "url": f"https://me:{HIDDEN}@airflow.example.com"}, "url"),
        (
            "workers",
            {**WORKERS, "queues": {"default": {"url": f"https://me:{HIDDEN}@sqs.example.com"}}},
            "queues.default",
        ),
        ("workers", {**WORKERS, "image": f"https://me:{HIDDEN}@registry.example.com/airflow:1"}, "image"),
    ],
)
def test_a_secret_is_not_shown_in_any_option(module: str, options: dict[str, Any], option: str) -> None:
    ran = run(module, **options)

    assert ran.calls == [] and ran.result["option"] == option, ran.result
    assert "looks like a secret" in ran.result["rule"]
    answered = {key: value for key, value in ran.result.items() if key != "invocation"}
    assert HIDDEN not in json.dumps(answered)


@pytest.mark.parametrize(
    "shape",
    [["DB_PASSWORD=" + HIDDEN], f"postgres://u:{HIDDEN}@h/d", f"A=b, DB_PASSWORD={HIDDEN}", f"DB_PASSWORD: {HIDDEN}"],
)
def test_what_is_no_mapping_may_hold_a_secret_too(shape: Any) -> None:
    with pytest.raises(OptionError) as caught:
        validate_variables("environment_variables", shape)
    assert HIDDEN not in str(caught.value)


@pytest.mark.parametrize(
    "wrong",
    [
        {"environment_variable": {"DB_PASSWORD": HIDDEN}},
        {"environment_variables": f"A=b, DB_PASSWORD={HIDDEN}"},
        {"DB_PASSWORD": HIDDEN},
        {"minimum": {"DB_PASSWORD": HIDDEN}},
        {"capacity_provider": {"DB_PASSWORD": HIDDEN}},
        f"environment_variables: DB_PASSWORD: {HIDDEN}",
        [{"DB_PASSWORD": HIDDEN}],
    ],
)
@pytest.mark.parametrize("module", ["workers", "scaler"])
def test_a_pool_that_is_wrong_is_not_shown(module: str, wrong: Any) -> None:
    options = {**WORKERS, "pools": {"default": wrong}}
    if module == "scaler":
        containers = ("cluster", "image", "subnet_ids", "security_group_ids", "log_group", "pools")
        options = {name: options[name] for name in containers}
        options["role_arns"] = {**CONTAINER["role_arns"], "scaler": "arn:aws:iam::123456789012:role/scaler"}
        options["database_secret"] = "sm2a/test/scaler/database"
    ran = run(module, **options)

    assert ran.calls == [] and ran.result.get("option", "").startswith("pools.default"), ran.result
    answered = {key: value for key, value in ran.result.items() if key != "invocation"}
    assert HIDDEN not in json.dumps(answered)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DB_PASSWORD_SECRET_NAME", "warehouse"),
        ("DB_PASSWORD_FILE", "/run/password"),
        ("DB_PASSWORD_SECRET", "warehouse"),
        ("PASSWORD_REQUIRED", "true"),
        ("RESET_PASSWORD", True),
        ("DB_PASSWORD", ""),
        ("DB_PASSWORD", None),
        ("DB_PASSWORD", "arn:aws:secretsmanager:eu-central-1:123456789012:secret:warehouse"),
        ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
        ("secret_mask_adapter", "my.adapter"),
        ("min_length_masked_secret", 5),
        ("SECRET_MASKER", "x"),
        ("HTTPS_PROXY", "http://user:password@proxy.example.com"),
        ("API_URL", "https://host.example.com:8443/a@b"),
        ("KEY", "x"),
        ("OPTIONS", "user=a password="),
        ("OPTIONS", "password_file=/run/password, sslmode=require, reset_password=true"),
        ("OPTIONS", "password=arn:aws:secretsmanager:eu-central-1:123456789012:secret:warehouse"),
        ("URL", "https://host.example.com/?page_token_name=a&b=c"),
        ("log_format", "[%(asctime)s] {%(filename)s:%(lineno)d} level=%(levelname)s key=%(name)s"),
        ("JAVA_OPTS", "-Xmx1g -Duser.timezone=UTC"),
        ("TOKENIZER", "x"),
        ("COMPASS", "x"),
    ],
)
def test_what_only_sounds_like_a_secret_passes(name: str, value: Any) -> None:
    assert not holds_secret(name, value)


@pytest.mark.parametrize(
    "value", ["aws://", "aws://?region_name=eu-central-1", '{"conn_type": "aws"}', "{no JSON", "http://h:80/[", ""]
)
def test_connection_without_a_password_passes(value: str) -> None:
    assert not connection_holds_secret(value)


ACCEPTED: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"core": {"parallelism": 7, "load_examples": True}}, {}),
    ({"celery": {"operation_timeout": 10, "broker_connection_retry_on_startup": True}}, {}),
    ({"celery": {"extra_celery_config": {"worker_max_tasks_per_child": 10}}}, {}),
    ({"celery": {"celery_config_options": "airflow.providers.celery.executors.default_celery.DEFAULT_CELERY_CONFIG"}},
     {}),
    ({"celery_broker_transport_options": {"wait_time_seconds": 5}}, {}),
    ({"sentry": {"sentry_on": True, "sentry_dsn_secret": "sentry", "release": "1"}}, {}),
    ({"secrets": {"use_cache": True, "cache_ttl_seconds": 60}}, {}),
    ({"workers": {"execution_api_timeout": 60}, "scheduler": {"task_queued_timeout": 900}}, {}),
    ({"dag_processor": {"dag_bundle_config_list": [{"name": "dags", "kwargs": {"git_conn_id": "git"}}]}}, {}),
    ({"common.io": {"xcom_objectstorage_path": "s3://aws_default@bucket/xcom"}}, {}),
    ({"triggerer": {"default_capacity": 10}}, {}),
    ({"openlineage": {"transport": {"type": "console"}}, "google": {"anything": 1}}, {}),
    ({"elasticsearch_configs": {"max_retries": 3}}, {}),
    ({"scheduler": {"job_heartbeat_sec": 30}}, {"AIRFLOW__NEWCOMER__AN_OPTION": "1"}),
    ({"keycloak_auth_manager": {"client_secret_secret": "keycloak"}}, {}),
    ({}, {"AIRFLOW__CORE__AN_OPTION_OF_ANOTHER_VERSION": "1", "TZ": "UTC"}),
    ({}, {"AWS_SECRET_ACCESS_KEY": "emulator-only", "AWS_ENDPOINT_URL": "http://172.17.0.1:4566"}),
    ({}, {"AIRFLOW_CONN_AWS_DEFAULT": "aws://?region_name=eu-central-1"}),
]  # fmt: skip


@pytest.mark.parametrize(("configuration", "variables"), ACCEPTED)
def test_what_must_pass(configuration: dict[str, Any], variables: dict[str, Any]) -> None:
    assert refusal(configuration, variables) == ""


@pytest.mark.parametrize(
    ("configuration", "variables", "rule"),
    [
        ({"core": {"max_active_task_per_dag": 4}}, {}, "is it [core] max_active_tasks_per_dag?"),
        ({}, {"AIRFLOW__CORE__MAX_ACTIVE_TASK_PER_DAG": "4"}, "is it [core] max_active_tasks_per_dag?"),
        ({}, {"AIRFLOW__CORE__DAGFOLDER": "/dags"}, "is it [core] dags_folder?"),
        ({}, {"AIRFLOW__CORE__PARALELISM": "4"}, "is it [core] parallelism?"),
        ({}, {"AIRFLOW__CORE__PARALLELSIM": "4"}, "is it [core] parallelism?"),
        ({}, {"AIRFLOW__COMMON_IOS__XCOM_OBJECTSTORAGE_PATH": "x"}, "is it [common.io] xcom_objectstorage_path?"),
        ({}, {"AIRFLOW__SMTPS__SMTP_HOST": "x"}, "is it [smtp] smtp_host?"),
        ({}, {"AIRFLOW__COER__PARALLELISM": "4"}, "is it [core] parallelism?"),
        ({"scheduler": {"parallelism": 4}}, {}, "is it [core] parallelism?"),
        ({"core": {"max_runs_per_dag": 4}}, {}, "is it [core] max_active_runs_per_dag?"),
        ({"openlineage": {"namspace": "x"}}, {}, "is it [openlineage] namespace?"),
        ({}, {"AIRFLOW__KUBERNETES_EXECUTOR__NAMESPACES": "x"}, "is it [kubernetes_executor] namespace?"),
        ({"newcomer": {"an_option": 1}}, {}, "set the environment variable AIRFLOW__NEWCOMER__AN_OPTION"),
        ({"core": {"colour": "blue"}}, {}, "set the environment variable AIRFLOW__CORE__COLOUR"),
        ({"core": {"dag_concurrency": 4}}, {}, "it is called [core] max_active_tasks_per_dag now"),
        ({"webserver": {"worker_class": "sync"}}, {}, "no longer has [webserver] worker_class (see"),
        ({"webserver": {"rbac": True}}, {}, "no longer has a section webserver (see"),
        ({}, {"AIRFLOW__WEBSERVER__RBAC": "True"}, "no longer has a section webserver (see"),
        ({"api": {"auth_backends": "x"}}, {}, "it is called [fab] auth_backends now"),
        ({}, {"AIRFLOW__core__parallelism": "4"}, "AIRFLOW__CORE__PARALLELISM"),
        ({"smtp": {"smtp_host_secret": "x"}}, {}, "does not take [smtp] smtp_host from a secret"),
        ({}, {"AIRFLOW__SMTP__SMTP_HOST_SECRET": "x"}, "does not take [smtp] smtp_host from a secret"),
    ],
)
def test_option_that_airflow_does_not_read(configuration: dict[str, Any], variables: dict[str, Any], rule: str) -> None:
    said = refusal(configuration, variables)

    assert rule in said, said


def test_the_known_options_are_those_of_the_images_airflow() -> None:
    requirements = (ROOT / "roles/airflow/files/image/requirements.txt").read_text()
    pinned = dict(re.findall(r"^(apache-airflow[a-z-]*)==([\w.]+)", requirements, re.MULTILINE))

    assert pinned == airflow_options.VERSIONS, "run `make lock`"


# What is no option of Airflow's, and is handed to Celery's client of SQS.
PASSED_ON = {
    f"celery_broker_transport_options.{option}"
    for option in ("is_secure", "predefined_queues", "queue_name_prefix", "region")
}
KNOWN = {f"{section}.{option}" for section, options in OPTIONS.items() for option in options}
FREE_ONES = {f"{section}.{option}" for section, options in FREE.items() for option in options}


def test_every_option_is_sorted() -> None:
    refused = {name for name in KNOWN if name.partition(".")[0] in REFUSED_SECTIONS}
    # Some sections have a dot in their names.
    free = {name for name in KNOWN if name.rpartition(".")[0] in FREE_SECTIONS}
    unsorted = KNOWN - OURS.keys() - REFUSED.keys() - FREE_ONES - refused - free
    assert not unsorted, "sort them in _sorted_options.py"


def test_no_option_is_sorted_twice_or_unknown() -> None:
    assert (OURS.keys() | REFUSED.keys() | FREE_ONES) - KNOWN == PASSED_ON
    assert not OURS.keys() & REFUSED.keys() and not (OURS.keys() | REFUSED.keys()) & FREE_ONES
    assert not FREE.keys() & (FREE_SECTIONS | REFUSED_SECTIONS.keys())
    assert FREE_SECTIONS | REFUSED_SECTIONS.keys() <= OPTIONS.keys()
