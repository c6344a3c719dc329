# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the storage component refuses and makes, without AWS."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.sm2a.airflow.plugins.module_utils._components.storage import StorageComponent
from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.errors import OptionError

AWS: Any = SimpleNamespace(region="ap-southeast-1", account_id="123456789012", partition="aws", check_mode=True)

UUID = "01234567-89ab-cdef-0123-456789abcdef"


def component(**options: Any) -> StorageComponent:
    defaults = {name: argument.get("default") for name, argument in StorageComponent.ARGUMENTS.items()}
    return StorageComponent({"environment": "test", "state": "present", "tags": {}, **defaults, **options}, AWS)


@pytest.mark.parametrize(
    ("options", "option", "rule"),
    [
        ({"log_expiration_days": -1}, "log_expiration_days", "number of days"),
        ({"dag_version_days": -1}, "dag_version_days", "number of days"),
        ({"log_transition_days": 29}, "log_transition_days", "after 30 days"),
        ({"log_transition_days": 60, "log_expiration_days": 60}, "log_expiration_days", "expire later"),
        ({"kms_key_arn": "alias/mine"}, "kms_key_arn", "ARN"),
        (
            {"kms_key_arn": f"arn:aws:kms:eu-west-1:123456789012:key/{UUID}"},
            "kms_key_arn",
            "region",
        ),
        ({"dags_purge": True}, "dags_purge", "needs dags_path"),
        ({"dags_path": "/no/such/folder"}, "dags_path", "no such folder"),
    ],
)
def test_bad_input(options: dict[str, Any], option: str, rule: str) -> None:
    with pytest.raises(OptionError) as caught:
        component(**options).validate()

    assert caught.value.option == option and rule in caught.value.rule


def test_an_empty_folder_does_not_purge_everything(tmp_path: Path) -> None:
    component(dags_path=str(tmp_path)).validate()
    with pytest.raises(OptionError, match="would delete every DAG"):
        component(dags_path=str(tmp_path), dags_purge=True).validate()


def test_a_key_that_is_too_long(tmp_path: Path) -> None:
    folder = tmp_path.joinpath(*["x" * 200] * 6)
    folder.mkdir(parents=True)
    (folder / "dag.py").write_text("")

    with pytest.raises(OptionError, match="1024 bytes"):
        component(dags_path=str(tmp_path)).validate()


@pytest.mark.parametrize(
    "key",
    [None, "(known after apply)", f"arn:aws:kms:ap-southeast-1:123456789012:key/{UUID}"],
)
def test_good_input(key: str | None) -> None:
    component(kms_key_arn=key, log_transition_days=30, log_expiration_days=31).validate()


def test_absent_needs_no_folder() -> None:
    absent = component(state="absent", dags_path="/no/such/folder", dags_purge=True)

    absent.validate()

    assert absent.resources() == []


def test_the_longest_names_fit() -> None:
    longest = component(environment="x" * 16)

    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
    assert all(len(bucket.name) <= 63 for bucket in longest.resources())
