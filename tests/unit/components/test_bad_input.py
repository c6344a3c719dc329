# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every module refuses before its first call to AWS, with option, value, rule and the documentation's address.

A rule about a variable that users set is a line of ``illegal_inputs.py``. Here are the rules of what all modules have,
and values that a role takes from facts, that only some module looks at, or that lie on another side of a limit.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible.parsing.plugin_docs import read_docstring
from module_runs import assert_refused, run

from ansible_collections.sm2a.airflow.plugins.module_utils._components._names import SERVICES
from ansible_collections.sm2a.airflow.plugins.module_utils._components._pools import LIMITS

SUBNETS = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]
GROUPS = ["sg-0123456789abcdef0"]
VPC = "vpc-0123456789abcdef0"
KEY = "arn:aws:kms:eu-central-1:123456789012:key/01234567-89ab-cdef-0123-456789abcdef"
CERTIFICATE = "arn:aws:acm:eu-central-1:123456789012:certificate/01234567-89ab-cdef-0123-456789abcdef"
TARGETS = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/sm2a-test-api-server/0123456789abcdef"
ROLES = {role: f"arn:aws:iam::123456789012:role/sm2a-test-{role}" for role in SERVICES}
CONTAINER = {
    "cluster": "sm2a-test",
    "image": "123456789012.dkr.ecr.eu-central-1.amazonaws.com/sm2a-test/airflow:1",
    "subnet_ids": SUBNETS,
    "security_group_ids": GROUPS,
    "role_arns": ROLES,
    "log_group": "/sm2a/test/airflow",
}
QUEUE = {"url": "https://sqs.eu-central-1.amazonaws.com/123456789012/sm2a-test-default"}
AIRFLOW = {
    **CONTAINER,
    "log_bucket": "sm2a-test-logs",
    "dag_bucket": "sm2a-test-dags",
    "queues": {"default": QUEUE},
    "url": "https://airflow.example.com",
    "execution_api_server_url": "http://api-server.sm2a-test.internal:8080/execution/",
}
POOL = {
    "service": "sm2a-test-worker-default",
    "queue": "default",
    "queue_url": QUEUE["url"],
    **{key: option.default for key, option in LIMITS.items()},
    "minimum": 0,
}
GOOD: dict[str, dict[str, Any]] = {
    "airflow": {**AIRFLOW, "target_group_arn": TARGETS, "database_resource_id": "db-ABCDEFGHIJKLMNOPQRSTUVWXYZ"},
    "cluster": {"vpc_id": VPC},
    "database": {"subnet_ids": SUBNETS, "security_group_ids": GROUPS},
    "image": {"name": "airflow", "uri": "registry.example.com/airflow:1"},
    "load_balancer": {
        "vpc_id": VPC,
        "subnet_ids": SUBNETS,
        "security_group_ids": GROUPS,
        "certificate_arn": CERTIFICATE,
    },
    "network": {},
    "observability": {},
    "queue": {},
    "scaler": {**CONTAINER, "pools": {"default": POOL}, "database_secret": "sm2a/test/scaler/database"},
    "secrets": {},
    "security": {"vpc_id": VPC},
    "storage": {},
    "workers": {**AIRFLOW, "pools": {"default": {}}},
}
COMPONENTS = sorted(GOOD)

UNKNOWN = "(known after apply)"


def changed(module: str, options: dict[str, Any]) -> dict[str, Any]:
    """Return the good options of a module with these in their place; None takes one away."""
    return {option: value for option, value in {**GOOD[module], **options}.items() if value is not None}


@pytest.mark.parametrize("module", [name for name in COMPONENTS if name != "image"])
def test_good_input_gets_as_far_as_aws(module: str) -> None:
    assert run(module, **GOOD[module], _ansible_check_mode=True).calls != []


@pytest.mark.parametrize("module", [*COMPONENTS, "environment_info"])
def test_unknown_option(module: str) -> None:
    ran = run(module, **GOOD.get(module, {}), colour="blue")

    assert ran.result["failed"] and ran.calls == []
    assert "Unsupported parameters" in ran.result["msg"] and "colour" in ran.result["msg"]
    assert "environment" in ran.result["msg"], "what is supported is named"


@pytest.mark.parametrize("module", [*COMPONENTS, "environment_info"])
@pytest.mark.parametrize("name", ["", "Test", "a--b", "a-", "1a", "a_b", "x" * 17, "test\n"])
def test_environment(module: str, name: str) -> None:
    options = {**GOOD.get(module, {}), "environment": name}
    assert_refused(module, options, "environment", repr(name), "at most 16 lower-case letters")


@pytest.mark.parametrize("module", COMPONENTS)
@pytest.mark.parametrize(
    ("tags", "value", "rule"),
    [
        ({"aws:mine": "x"}, "aws:mine", "reserved"),
        ({"SM2A:component": "x"}, "SM2A:component", "reserved"),
        ({"": "x"}, "''", "1 to 127 characters"),
        ({"k" * 128: "x"}, "k" * 128, "1 to 127 characters"),
        ({"owner": "x" * 257}, "owner", "at most 256"),
        ({"owner;": "x"}, "owner;", "letters, digits, spaces"),
        ({"owner": "<x>"}, "<x>", "letters, digits, spaces"),
        ({f"key{number}": "x" for number in range(47)}, "47", "AWS takes 50"),
        ({"Owner": "a", "owner": "b"}, "Owner and owner", "differ in more than capital letters"),
        ({"Name": "ours"}, "Name", "the name in the console"),
        ({"name": "ours"}, "name", "the name in the console"),
    ],
)
def test_tags(module: str, tags: dict[str, str], value: str, rule: str) -> None:
    assert_refused(module, {**GOOD[module], "tags": tags}, "tags", value, rule)


@pytest.mark.parametrize("module", COMPONENTS)
def test_state(module: str) -> None:
    ran = run(module, **GOOD[module], state="latest")

    assert ran.calls == [] and "value of state must be one of: present, absent, got: latest" in ran.result["msg"]


WITH_KEY = ["database", "network", "observability", "queue", "storage"]


@pytest.mark.parametrize("module", WITH_KEY)
@pytest.mark.parametrize(
    ("key", "rule"), [("alias/mine", "ARN of a KMS key"), (KEY.replace("central", "west"), "must be in this region")]
)
def test_kms_key(module: str, key: str, rule: str) -> None:
    assert_refused(module, {**GOOD[module], "kms_key_arn": key}, "kms_key_arn", key, rule)


BAD: list[tuple[str, dict[str, Any], str, str, str]] = [
    # module, options beside the good ones, option, value and rule in the message
    ("cluster", {"vpc_id": None}, "vpc_id", "None", "service_discovery needs the VPC"),
    ("cluster", {"vpc_id": "main"}, "vpc_id", "'main'", "like vpc-"),
    ("database", {"monitoring_interval": 7}, "monitoring_interval", "7", "one of"),
    ("database", {"monitoring_interval": 60}, "monitoring_role_arn", "None", "needs a role"),
    ("database", {"monitoring_role_arn": "monitoring"}, "monitoring_role_arn", "'monitoring'", "arn:aws:iam:...:role/"),
    ("database", {"subnet_ids": SUBNETS[:1] * 2}, "subnet_ids", SUBNETS[0], "two zones"),
    ("database", {"subnet_ids": ["private-a", "private-b"]}, "subnet_ids", "'private-a'", "like subnet-"),
    ("database", {"security_group_ids": []}, "security_group_ids", "[]", "at least one"),
    ("database", {"engine_version": "latest"}, "engine_version", "'latest'", "16, 17, 18 of postgres"),
    ("database", {"engine": "mysql", "engine_version": "8.0"}, "engine_version", "'8.0'", "8.4 of mysql"),
    ("database", {"engine": "mysql", "engine_version": "17"}, "engine_version", "'17'", "8.4 of mysql"),
    ("database", {"allocated_storage": 100}, "max_allocated_storage", "100", "a tenth more"),
    ("database", {"backup_retention_period": 0}, "backup_retention_period", "0", "from 1 to 35"),
    ("database", {"preferred_backup_window": "03:00-03:29"}, "preferred_backup_window", "03:00-03:29", "30 minutes"),
    (
        "database",
        {"preferred_backup_window": "23:45-00:15", "preferred_maintenance_window": "Sun:23:00-Mon:00:00"},
        "preferred_maintenance_window",
        "Sun:23:00-Mon:00:00",
        "overlaps preferred_backup_window, 23:45-00:15",
    ),
    ("database", {"snapshot_identifier": "a--b"}, "snapshot_identifier", "'a--b'", "single hyphens"),
    ("database", {"recovery_window_days": 3}, "recovery_window_days", "3", "from 7 to 30"),
    ("load_balancer", {"vpc_id": "main"}, "vpc_id", "'main'", "like vpc-"),
    ("load_balancer", {"security_group_ids": []}, "security_group_ids", "[]", "at least one"),
    ("load_balancer", {"certificate_arn": None}, "certificate_arn", "None", "HTTPS needs a certificate"),
    ("load_balancer", {"certificate_arn": "mine"}, "certificate_arn", "'mine'", "arn:aws:acm:"),
    ("load_balancer", {"domain_name": "https://a.example.com"}, "domain_name", "https://", "host name"),
    ("load_balancer", {"hosted_zone_id": "Z1"}, "hosted_zone_id", "'Z1'", "needs domain_name"),
    (
        "load_balancer",
        {"hosted_zone_id": "example.com", "domain_name": "a.example.com"},
        "hosted_zone_id",
        "'example.com'",
        "like Z0",
    ),
    ("load_balancer", {"ssl_policy": "TLS13"}, "ssl_policy", "'TLS13'", "ELBSecurityPolicy-"),
    ("load_balancer", {"url": "http://a.example.com:eighty"}, "url", "eighty", "no address"),
    ("load_balancer", {"access_logs_bucket": "a..b"}, "access_logs_bucket", "'a..b'", "3 to 63"),
    ("load_balancer", {"strict_transport_security": "yes"}, "strict_transport_security", "'yes'", "like max-age="),
    ("load_balancer", {"web_acl_arn": "mine"}, "web_acl_arn", "'mine'", "arn:aws:wafv2:"),
    (
        "load_balancer",
        {"web_acl_arn": "arn:aws:wafv2:us-east-1:123456789012:global/webacl/mine/1"},
        "web_acl_arn",
        "global/webacl",
        "regional/webacl/",
    ),
    ("airflow", {"forwarded_allow_ips": ["10.0.0.1/16"]}, "forwarded_allow_ips", "'10.0.0.1/16'", "not a network"),
    ("airflow", {"forwarded_allow_ips": ["*"]}, "forwarded_allow_ips", "'*'", "not a network"),
    ("queue", {"pools": []}, "pools", "[]", "at least one"),
    ("queue", {"pools": ["big data"]}, "pools", "'big data'", "lower-case"),
    ("queue", {"pools": ["jobs.fifo"]}, "pools", "'jobs.fifo'", "lower-case"),
    ("queue", {"pools": ["x" * 33]}, "pools", "x" * 33, "1 to 32"),
    ("queue", {"pools": ["dead-letter"]}, "pools", "'dead-letter'", "the dead-letter queue's"),
    ("storage", {"dag_version_days": -1}, "dag_version_days", "-1", "number of days"),
    (
        "storage",
        {"log_transition_days": 60, "log_expiration_days": 60},
        "log_expiration_days",
        "60",
        "expire later than they move",
    ),
    ("scaler", {"pools": {}}, "pools", "{}", "at least one"),
    ("scaler", {"pools": {"default": []}}, "pools.default", "a list", "a mapping of service"),
    ("scaler", {"pools": {"default": {**POOL, "max": 5}}}, "pools.default.max", "'max'", "no others"),
    ("scaler", {"pools": {"default": {"service": "s"}}}, "pools.default.queue", "'queue'", "it must have the keys"),
    ("scaler", {"pools": {"default": {**POOL, "service": ""}}}, "pools.default.service", "''", "not empty"),
    ("scaler", {"pools": {"default": {**POOL, "queue_url": "u"}}}, "pools.default.queue_url", "'u'", "https://"),
    ("scaler", {"pools": {"default": {**POOL, "concurrency": 0}}}, "pools.default.concurrency", "0", "from 1"),
    ("scaler", {"pools": {"default": {**POOL, "maximum": "5"}}}, "pools.default.maximum", "'5'", "whole number"),
    ("scaler", {"pools": {"default": {**POOL, "minimum": 6}}}, "pools.default.minimum", "6", "at most maximum, 5"),
    ("scaler", {"pools": {"a": POOL, "b": POOL}}, "pools", "sm2a-test-worker-default", "a service of its own"),
    (
        "scaler",
        {"environment_variables": {"SM2A_SCALER_CONFIGURATION": "{}"}},
        "environment_variables",
        "SM2A_SCALER_CONFIGURATION",
        "it cannot be set",
    ),
    ("airflow", {"services": {"triggerer": {"count": 11}}}, "services.triggerer.count", "11", "from 1 to 10"),
    ("airflow", {"namespace_id": "sm2a-test.internal"}, "namespace_id", "'sm2a-test.internal'", "like ns-"),
    ("workers", {"pools": {}}, "pools", "{}", "at least one"),
    ("workers", {"pools": {"Default": {}}}, "pools", "'Default'", "lower-case"),
    ("workers", {"pools": {"default": 3}}, "pools.default", "a number", "a mapping"),
    ("workers", {"pools": {"default": {"min": 1}}}, "pools.default.min", "'min'", "one of minimum, maximum"),
    ("workers", {"pools": {"default": {"maximun": 1}}}, "pools.default.maximun", "'maximun'", "did you mean maximum?"),
    ("workers", {"pools": {"heavy": {}}}, "pools.heavy", "'heavy'", "has no queue"),
    ("workers", {"pools": {"default": {"minimum": 6}}}, "pools.default.minimum", "6", "at most maximum, 5"),
    ("workers", {"pools": {"default": {"minimum": -1}}}, "pools.default.minimum", "-1", "from 0 to 5000"),
    (
        "workers",
        {"pools": {"default": {"minimum": 0, "maximum": 0}}},
        "pools.default.maximum",
        "0",
        "from 1 to 5000",
    ),
    ("workers", {"pools": {"default": {"maximum": 5001}}}, "pools.default.maximum", "5001", "from 1 to 5000"),
    ("workers", {"pools": {"default": {"concurrency": 0}}}, "pools.default.concurrency", "0", "from 1 to 1000"),
    ("workers", {"pools": {"default": {"concurrency": "4.5"}}}, "pools.default.concurrency", "'4.5'", "whole number"),
    ("workers", {"pools": {"default": {"cpu": 1025}}}, "pools.default.cpu", "1025", "Fargate offers 256"),
    ("workers", {"pools": {"default": {"cpu": 256}}}, "pools.default.memory", "4096", "512 to 2048"),
    ("workers", {"pools": {"default": {"memory": 4097}}}, "pools.default.memory", "4097", "in steps of 1024"),
    (
        "workers",
        {"pools": {"default": {"capacity_provider": "EC2"}}},
        "pools.default.capacity_provider",
        "'EC2'",
        "FARGATE, FARGATE_SPOT",
    ),
    ("workers", {"pools": {"default": {"ephemeral_storage": 20}}}, "pools.default.ephemeral_storage", "20", "21 to"),
    (
        "workers",
        {"pools": {"default": {"ephemeral_storage": "big"}}},
        "pools.default.ephemeral_storage",
        "big",
        "whole",
    ),
    (
        "workers",
        {"pools": {"default": {"environment_variables": ["A=1"]}}},
        "pools.default.environment_variables",
        "a list",
        "map names to values",
    ),
    (
        "workers",
        {"pools": {"default": {"environment_variables": {"AIRFLOW__CORE__FERNET_KEY": "x"}}}},
        "pools.default.environment_variables",
        "AIRFLOW__CORE__FERNET_KEY",
        "from Secrets Manager",
    ),
]
# What Airflow's containers have in common, and those of the scaler.
for name in ("airflow", "workers", "scaler"):
    BAD += [
        (name, {"cluster": "my cluster"}, "cluster", "'my cluster'", "1 to 255"),
        (name, {"image": "not an image"}, "image", "'not an image'", "registry/path:tag"),
        (name, {"image": "a/b:"}, "image", "'a/b:'", "registry/path:tag"),
        (name, {"subnet_ids": []}, "subnet_ids", "[]", "at least one"),
        (name, {"subnet_ids": ["private"]}, "subnet_ids", "'private'", "like subnet-"),
        (name, {"security_group_ids": ["airflow"]}, "security_group_ids", "'airflow'", "like sg-"),
        (name, {"log_group": "my logs"}, "log_group", "'my logs'", "1 to 512"),
        (name, {"role_arns": {}}, "role_arns", "[]", "the role of execution is missing"),
        (name, {"role_arns": {**ROLES, "execution": "admin"}}, "role_arns.execution", "'admin'", "arn:aws:iam:"),
        (name, {"environment_variables": {"A-B": "1"}}, "environment_variables", "'A-B'", "letters, digits"),
        (
            name,
            {"environment_variables": {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "x"}},
            "environment_variables",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN",
            "from Secrets Manager",
        ),
        (
            name,
            {"environment_variables": {"AIRFLOW__CORE__EXECUTOR": "LocalExecutor"}},
            "environment_variables",
            "AIRFLOW__CORE__EXECUTOR",
            "sets this itself",
        ),
    ]
for name in ("airflow", "workers"):
    BAD += [
        (name, {"log_bucket": "Logs"}, "log_bucket", "'Logs'", "3 to 63"),
        (name, {"dag_bucket": "s3://dags"}, "dag_bucket", "'s3://dags'", "3 to 63"),
        (name, {"queues": {}}, "queues", "{}", "at least one"),
        (name, {"queues": {"default": "url"}}, "queues.default", "a text", "a mapping with the queue's url"),
        (name, {"queues": {"default": {"url": "default"}}}, "queues.default.url", "'default'", "https://"),
        (name, {"queues": {"Default": QUEUE}}, "queues", "'Default'", "lower-case"),
        (
            name,
            {"queues": {"default": {**QUEUE, "visibility_timeout": 43201}}},
            "queues.default.visibility_timeout",
            "43201",
            "from 0 to 43200",
        ),
        (name, {"default_pool": "heavy"}, "default_pool", "'heavy'", "one of default"),
        (name, {"url": "airflow.example.com"}, "url", "'airflow.example.com'", "https://"),
        (name, {"url": "https://data.example.com/airflow"}, "url", "example.com/airflow", "without a path"),
        (name, {"url": "https://data.example.com/"}, "url", "example.com/", "without a path"),
        (
            name,
            {"execution_api_server_url": "http://api-server:8080"},
            "execution_api_server_url",
            "http://api-server:8080",
            "end in /execution/",
        ),
        (
            name,
            {"execution_api_server_url": "http://api-server.:8080/execution/"},
            "execution_api_server_url",
            "http://api-server.:8080/execution/",
            "like https://",
        ),
        (name, {"configuration": {"core": "x"}}, "configuration.core", "a text", "map options to values"),
        (
            name,
            {"configuration": {"core": {"fernet_key": "x"}}},
            "configuration",
            "AIRFLOW__CORE__FERNET_KEY",
            "from Secrets Manager",
        ),
        (
            name,
            {"configuration": {"celery": {"broker_url": "redis://"}}},
            "configuration",
            "AIRFLOW__CELERY__BROKER_URL",
            "sets this itself",
        ),
    ]


@pytest.mark.parametrize(("module", "options", "option", "value", "rule"), BAD)
def test_option(module: str, options: dict[str, Any], option: str, value: str, rule: str) -> None:
    assert_refused(module, changed(module, options), option, value, rule)


TYPES = [
    ("airflow", {"services": {"webserver": {}}}, "services.webserver"),
    ("airflow", {"services": {"scheduler": {"cpu": "much"}}}, "cpu"),
    ("airflow", {"architecture": "RISCV"}, "value of architecture must be one of: X86_64, ARM64, got: RISCV"),
    ("airflow", {"target_group_arn": None}, "state is present but all of the following are missing: target_group_arn"),
    ("cluster", {"container_insights": "on"}, "must be one of: disabled, enabled, enhanced, got: on"),
    ("database", {"engine": "sqlite"}, "must be one of: postgres, mysql, got: sqlite"),
    ("database", {"allocated_storage": "20GB"}, "allocated_storage"),
    ("database", {"multi_az": "perhaps"}, "multi_az"),
    ("load_balancer", {"protocol": "TCP"}, "must be one of: HTTPS, HTTP, got: TCP"),
    ("load_balancer", {"scheme": "public"}, "must be one of: internet-facing, internal, got: public"),
    ("load_balancer", {"vpc_id": None}, "state is present but all of the following are missing: vpc_id"),
    ("observability", {"log_retention_in_days": "a month"}, "log_retention_in_days"),
    ("queue", {"visibility_timeout": "12h"}, "visibility_timeout"),
    ("scaler", {"database_secret": None}, "state is present but all of the following are missing: database_secret"),
    ("storage", {"dags_purge": "perhaps"}, "dags_purge"),
    ("workers", {"pools": "default"}, "pools"),
    ("workers", {"image": None}, "state is present but all of the following are missing: image"),
]


@pytest.mark.parametrize(("module", "options", "message"), TYPES)
def test_type_choice_or_missing_option(module: str, options: dict[str, Any], message: str) -> None:
    ran = run(module, **changed(module, options))

    assert ran.calls == [] and ran.result["failed"] and message in ran.result["msg"]


@pytest.mark.parametrize(
    ("module", "options"),
    [
        ("cluster", {"vpc_id": UNKNOWN}),
        ("cluster", {"vpc_id": None, "service_discovery": False}),
        ("database", {"subnet_ids": [UNKNOWN], "security_group_ids": [UNKNOWN], "kms_key_arn": UNKNOWN}),
        ("database", {"preferred_backup_window": "23:45-00:15", "preferred_maintenance_window": "Sun:00:15-Sun:00:45"}),
        ("database", {"engine": "mysql", "snapshot_identifier": "rds:sm2a-dev-2026-01-31-03-00"}),
        ("database", {"allocated_storage": 100, "max_allocated_storage": 110, "engine_version": "18.1"}),
        (
            "load_balancer",
            {"vpc_id": UNKNOWN, "subnet_ids": [UNKNOWN], "security_group_ids": [UNKNOWN], "certificate_arn": UNKNOWN},
        ),
        ("load_balancer", {"url": "http://sm2a-local.alb.localhost:4566", "access_logs_bucket": "logs.example.com"}),
        ("queue", {"pools": ["x" * 32, "a-b-"], "visibility_timeout": 0, "kms_key_arn": KEY}),
        ("workers", {"pools": {"default": None}, "url": f"https://{UNKNOWN}", "image": f"sm2a/airflow:{UNKNOWN}"}),
        ("workers", {"execution_api_server_url": "http://172.17.0.1:4566/_alb/sm2a-local/execution/"}),
        ("workers", {"pools": {"default": {"ephemeral_storage": 21, "environment_variables": {"A": 1}}}}),
        ("workers", {"queues": {"default": {"url": UNKNOWN}}, "default_pool": "default"}),
        ("scaler", {"pools": {"a": {**POOL, "queue_url": UNKNOWN}}}),
        ("scaler", {"cpu": 1024, "memory": 8192}),
        ("airflow", {"namespace_id": "ns-0123456789abcdef", "services": {"scheduler": {"count": 2}}}),
    ],
)
def test_what_must_pass(module: str, options: dict[str, Any]) -> None:
    ran = run(module, **changed(module, options), _ansible_check_mode=True)

    assert "option" not in ran.result, ran.result["msg"]


def options_of(module: str) -> list[str]:
    """Return the names of a module's own options, as its documentation has them."""
    source = Path(__file__).parents[3] / "plugins/modules" / f"{module}.py"
    return [*read_docstring(str(source))["doc"]["options"], "tags", "wait", "state"]


@pytest.mark.parametrize("module", COMPONENTS)
def test_null_is_refused_or_an_option_that_is_not_given(module: str) -> None:
    for option in options_of(module):
        ran = run(module, **{**GOOD[module], option: None}, _ansible_check_mode=True)

        # Never a traceback. An image that exists needs no call.
        assert ran.calls or option in ran.result.get("msg", "") or module == "image", f"{option}: {ran}"


@pytest.mark.parametrize("module", COMPONENTS)
def test_absent_needs_only_a_name(module: str) -> None:
    needed = {"name": "airflow"} if module == "image" else {}
    ran = run(module, **needed, state="absent", _ansible_check_mode=True)

    assert "option" not in ran.result and "missing" not in ran.result.get("msg", "")
