# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which errors of AWS's are passed over, and which are not."""

from __future__ import annotations

import pytest

from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.errors import (
    ClientError,
    OptionError,
    code_of,
    ignoring,
)


def refusal(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "a test"}}, "GetRole")


def test_the_code_is_what_aws_calls_the_error() -> None:
    assert code_of(refusal("InvalidSubnetID.NotFound")) == "InvalidSubnetID.NotFound"


@pytest.mark.parametrize("code", ["NoSuchEntity", "NotFound"])
def test_an_error_of_a_named_code_ends_the_block_only(code: str) -> None:
    reached = []
    with ignoring("NoSuchEntity", "NotFound"):
        raise refusal(code)
    reached.append("behind")

    assert reached == ["behind"]


@pytest.mark.parametrize(
    "error", [refusal("AccessDenied"), refusal("NoSuchEntityToo"), ValueError("NoSuchEntity"), KeyboardInterrupt()]
)
def test_every_other_error_goes_on(error: BaseException) -> None:
    with pytest.raises(type(error)) as raised, ignoring("NoSuchEntity"):
        raise error

    assert raised.value is error


def test_a_block_returns_what_it_returns() -> None:
    def found() -> str | None:
        with ignoring("NoSuchEntity"):
            return "role"
        return None

    assert found() == "role"


def test_an_option_that_is_refused_says_what_why_and_where() -> None:
    error = OptionError("cidr", "10.0.0.0/8", "it is too large", "https://docs.example/vpc")

    assert str(error) == "cidr: '10.0.0.0/8' is refused: it is too large (see https://docs.example/vpc)"
    assert (error.option, error.value, error.rule, error.documentation) == (
        "cidr",
        "10.0.0.0/8",
        "it is too large",
        "https://docs.example/vpc",
    )
