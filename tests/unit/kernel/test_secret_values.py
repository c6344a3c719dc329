# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What looks like a secret is told by its name or by itself, and is masked wherever a diff would show it."""

from __future__ import annotations

import time
from typing import Any

import pytest
from fake_aws import FakeAws

from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.engine import Engine, diff_of
from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.resource import Resource
from ansible_collections.sm2a.airflow.plugins.module_utils._secret_values import holds_secret, masked

MASK = "(sensitive value)"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("apiKey", "x"),
        ("dbPassword", "x"),
        ("DB_PASS", "x"),
        ("MYSQL_PWD", "x"),
        ("SNOWFLAKE_CREDENTIALS", "x"),
        ("SETTING", "-----BEGIN RSA PRIVATE KEY-----\nMIIE"),
        ("SETTING", "glpat-0123456789abcdefghij"),
        ("SETTING", "https://bucket.s3.amazonaws.com/a?X-Amz-Signature=0123456789abcdef0123456789abcdef"),
        ("SETTING", {"nested": [{"clientSecret": "x"}]}),
        # Keys as Fernet, AWS, openssl and Python make them.
        ("SETTING", "ZmDfcTF7_60GrrY167zsiPd67pEvs0aGOv2oasOM1Pg="),
        ("SETTING", "wJ4lrX8tnF2MI/K7mD3Ng/bPx9fiC5y0Qe1Va6Zs"),
        ("SETTING", "q8Zt0Vx3mPl5Kc2Rw9Ye4Ub7Gh1Jd6Fs+N/aT="),
        ("SETTING", ["3kTMd0Vb-9xQ_pLzR2nYw8Hs5cJf1aGu7eXi4oKvB6q"]),
    ],
)
def test_a_secret_is_told(name: str, value: Any) -> None:
    assert holds_secret(name, value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PWD", "/opt/airflow"),
        ("OLDPWD", "/tmp"),
        ("GOOGLE_APPLICATION_CREDENTIALS", "/run/secrets/google.json"),
        ("PARTITION_KEY", "day"),
        ("BYPASS", "proxy"),
        ("SETTING", "sk-learn and eyJ are words"),
    ],
)
def test_what_only_sounds_like_one_is_none(name: str, value: Any) -> None:
    assert not holds_secret(name, value)


def test_a_long_text_takes_no_time() -> None:
    started = time.process_time()

    assert not holds_secret("NOTES", "x" * 200_000)

    assert time.process_time() - started < 1


def test_everything_in_a_value_that_looks_like_a_secret_is_masked() -> None:
    environment = [{"name": "DB_PASSWORD", "value": "hunter2"}, {"name": "DB_HOST", "value": "db"}]
    state = {
        "containers": [{"environment": environment}],
        "settings": {"apiKey": "hunter2", "size": 3, "url": "postgres://me:hunter2@db/x"},
        "AIRFLOW_CONN_DB": "postgres://db/x?password=hunter2",
    }

    shown = masked(state, MASK)

    assert "hunter2" not in str(shown)
    assert shown["containers"][0]["environment"] == [{"name": "DB_PASSWORD", "value": MASK}, environment[1]]
    assert shown["settings"] == {"apiKey": MASK, "size": 3, "url": MASK}


class Definition(Resource):
    """Has an environment variable that somebody put there by hand."""

    kind = "AWS::ECS::TaskDefinition"
    tagged = False

    def find(self) -> dict[str, Any]:
        return {"environment": [{"name": "DB_PASSWORD", "value": "hunter2"}]}

    def desired(self) -> dict[str, Any]:
        return {"environment": []}


def test_a_diff_shows_no_secret_that_was_there_before() -> None:
    aws: Any = FakeAws(check_mode=True)

    diff = diff_of(Engine("test", check_mode=True).apply([Definition(aws, "task")]))

    assert diff["before"] == {
        "AWS::ECS::TaskDefinition task": {"environment": [{"name": "DB_PASSWORD", "value": MASK}]}
    }


@pytest.mark.parametrize(
    "value",
    [
        "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/Sm2a-Dev/0123456789abcdef",
        "/opt/airflow/dags/TeamA/Reports2026/DailyReportOfTheWarehouse",
        "warehouse/Team-Alpha_2026/Quarterly_Report-v3",
        "EnableFeatureXyz2024ForAllCustomersAndRegions",
        "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09",
        "0123456789abcdef0123456789abcdef01234567",
        "B0E7A6F1-3C2D-4E5F-8A9B-0C1D2E3F4A5B",
        "sha256-ZmDfcTF7k60GrrY167zsiPd67pEvs0aGOv2oasOM1Pg=",
        "airflow.providers.amazon.aws.bundles.s3.S3DagBundle",
        "db-ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789",
    ],
)
def test_what_is_long_and_no_key_is_none(value: str) -> None:
    assert not holds_secret("SETTING", value)
