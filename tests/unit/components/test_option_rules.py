# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The forms of ids, addresses and names that several components take."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.sm2a.airflow.plugins.module_utils._components._iam_rules import POLICY_ARN, ROLE_PATH
from ansible_collections.sm2a.airflow.plugins.module_utils._components._option_rules import (
    BUCKET_NAME,
    IMAGE_ADDRESS,
    VPC_ID,
    arn_form,
    validate_form,
    validate_origin,
    validate_pool_name,
    validate_url,
)
from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.errors import OptionError

ROLE_ARN = arn_form("iam", "role/", "https://docs.example")


@pytest.mark.parametrize(
    ("form", "value"),
    [
        (VPC_ID, "vpc-0123456789abcdef0"),
        (VPC_ID, "(known after apply)"),
        (BUCKET_NAME, "my.bucket-1"),
        (IMAGE_ADDRESS, "airflow"),
        (IMAGE_ADDRESS, "localhost:5000/a/b:1.0"),
        (IMAGE_ADDRESS, f"registry.example.com/a@sha256:{'0' * 64}"),
        (ROLE_ARN, "arn:aws-cn:iam::123456789012:role/team/x"),
        (ROLE_PATH, "/"),
        (ROLE_PATH, "/team/data/"),
        (POLICY_ARN, "arn:aws:iam::aws:policy/ReadOnlyAccess"),
    ],
)
def test_what_has_the_form(form: Any, value: str) -> None:
    validate_form("x", value, form)


@pytest.mark.parametrize(
    ("form", "value"),
    [
        (VPC_ID, "subnet-0123456789abcdef0"),
        (VPC_ID, "vpc-1\n"),
        (VPC_ID, None),
        (BUCKET_NAME, "a..b"),
        (BUCKET_NAME, "Upper"),
        (IMAGE_ADDRESS, "a/b:"),
        (ROLE_ARN, "arn:aws:iam::123456789012:user/x"),
        (ROLE_PATH, "team/"),
        (POLICY_ARN, "arn:aws:iam::123456789012:role/x"),
    ],
)
def test_what_has_not(form: Any, value: Any) -> None:
    with pytest.raises(OptionError):
        validate_form("x", value, form)


@pytest.mark.parametrize(
    ("url", "whole", "origin"),
    [
        ("https://airflow.example.com", True, True),
        ("http://localhost:8080", True, True),
        ("https://airflow.example.com/", True, False),
        ("https://airflow.example.com/data", True, False),
        ("ftp://airflow.example.com", False, False),
        ("https://", False, False),
        ("https://airflow.example.com:port", False, False),
        ("airflow.example.com", False, False),
    ],
)
def test_addresses(url: str, whole: bool, origin: bool) -> None:
    for validate, fine in ((validate_url, whole), (validate_origin, origin)):
        if fine:
            validate("url", url, "https://docs.example")
        else:
            with pytest.raises(OptionError):
                validate("url", url, "https://docs.example")


@pytest.mark.parametrize("name", ["a", "data-2", "x" * 32])
def test_names_of_pools(name: str) -> None:
    validate_pool_name("pools", name)


@pytest.mark.parametrize("name", ["", "2a", "A", "a_b", "x" * 33, "dead-letter", 7])
def test_names_that_no_pool_can_have(name: Any) -> None:
    with pytest.raises(OptionError):
        validate_pool_name("pools", name)
