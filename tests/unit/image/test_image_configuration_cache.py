# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How often Airflow's image asks for a secret of its configuration, and what becomes of one that fails."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sm2a_image.configuration_cache import KEEP_SECONDS, ConfigurationCache

SECRETS: dict[str, str | Exception] = {}
READ: list[str] = []
NOW = [0.0]


class Amazon:
    """In the place of Amazon's backend: Airflow makes a new one for each look-up."""

    def __init__(self, config_prefix: str | None = "sm2a/dev/config") -> None:
        self.config_prefix = config_prefix

    def get_config(self, key: str) -> str | None:
        READ.append(key)
        answer = SECRETS.get(key)
        if isinstance(answer, Exception):
            raise answer
        return answer


class Backend(ConfigurationCache, Amazon):
    clock = staticmethod(lambda: NOW[0])


@pytest.fixture(autouse=True)
def empty(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(ConfigurationCache, "_kept", {})
    SECRETS.clear()
    READ.clear()
    NOW[0] = 1000.0
    yield


def test_a_hundred_look_ups_are_one_call() -> None:
    SECRETS["fernet_key"] = "one"
    assert {Backend().get_config("fernet_key") for _dummy in range(100)} == {"one"}
    assert READ == ["fernet_key"]


def test_a_changed_secret_is_seen() -> None:
    SECRETS["jwt_secret"] = "one"
    Backend().get_config("jwt_secret")
    SECRETS["jwt_secret"] = "two"
    NOW[0] += KEEP_SECONDS - 1
    assert Backend().get_config("jwt_secret") == "one"
    NOW[0] += 1
    assert Backend().get_config("jwt_secret") == "two"


@pytest.mark.parametrize("failure", [RuntimeError("throttled"), None])
def test_a_secret_that_cannot_be_read_any_more_keeps_its_value(failure: Exception | None) -> None:
    SECRETS["sql_alchemy_conn"] = "postgresql://"
    Backend().get_config("sql_alchemy_conn")
    if failure:
        SECRETS["sql_alchemy_conn"] = failure
    else:
        del SECRETS["sql_alchemy_conn"]
    NOW[0] += KEEP_SECONDS
    assert Backend().get_config("sql_alchemy_conn") == "postgresql://"
    # It is not asked for again and again meanwhile.
    Backend().get_config("sql_alchemy_conn")
    assert len(READ) == 2


def test_one_that_was_never_read_fails_as_ever() -> None:
    SECRETS["fernet_key"] = RuntimeError("denied")
    with pytest.raises(RuntimeError, match="denied"):
        Backend().get_config("fernet_key")
    assert Backend().get_config("smtp_password") is None
    SECRETS["smtp_password"] = "set since"
    assert Backend().get_config("smtp_password") == "set since"


def test_environments_are_kept_apart() -> None:
    SECRETS["fernet_key"] = "one"
    Backend().get_config("fernet_key")
    SECRETS["fernet_key"] = "two"
    assert Backend("sm2a/production/config").get_config("fernet_key") == "two"


def test_what_the_guard_has_read_is_not_read_again() -> None:
    Backend.keep("sm2a/dev/config", {"fernet_key": "the-key"})

    assert Backend().get_config("fernet_key") == "the-key" and READ == []
    NOW[0] += KEEP_SECONDS
    SECRETS["fernet_key"] = "another-key"
    assert Backend().get_config("fernet_key") == "another-key"
