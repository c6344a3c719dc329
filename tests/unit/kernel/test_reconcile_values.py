# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values that are not known yet, the comparison of two states, tags, waits, and the words of refusals."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile import tags, values, waits
from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.errors import OptionError, WaitTimeoutError

UNKNOWN = values.KNOWN_AFTER_APPLY


@pytest.mark.parametrize(
    ("value", "unknown"),
    [
        (UNKNOWN, True),
        (f"arn:aws:kms:eu-central-1:123456789012:key/{UNKNOWN}", True),
        ({"Filters": [{"Name": "vpc-id", "Values": [UNKNOWN]}]}, True),
        (("a", {UNKNOWN}), True),
        ("known", False),
        ({"a": [1, None, True, b"bytes"]}, False),
        ({UNKNOWN: "a key is a name, never an id"}, False),
    ],
)
def test_unknown_is_seen_however_deep(value: Any, unknown: bool) -> None:
    assert values.has_unknown(value) is unknown


@pytest.mark.parametrize(
    ("current", "desired", "changed"),
    [
        # AWS answers with its defaults filled in; they are no difference.
        ({"cpu": "256", "arn": "filled in"}, {"cpu": "256"}, {}),
        ({"health": {"path": "/", "interval": 30}}, {"health": {"path": "/"}}, {}),
        ({"containers": [{"name": "a", "essential": True}]}, {"containers": [{"name": "a"}]}, {}),
        # What was asked for and differs is reported whole, since most APIs replace the whole field.
        ({"cpu": "256"}, {"cpu": "1024"}, {"cpu": "1024"}),
        (
            {"health": {"path": "/", "interval": 30}},
            {"health": {"path": "/", "interval": 5}},
            {"health": {"path": "/", "interval": 5}},
        ),
        ({"ports": [80]}, {"ports": [80, 443]}, {"ports": [80, 443]}),
        ({"ports": [80, 443]}, {"ports": []}, {"ports": []}),
        ({"containers": [{"name": "a"}]}, {"containers": [{"name": "b"}]}, {"containers": [{"name": "b"}]}),
        # Missing, and present with a value that is false, are two things.
        ({}, {"key": None}, {}),
        ({}, {"key": False}, {"key": False}),
        ({"key": "x"}, {"key": None}, {"key": None}),
        ({"retention": "30"}, {"retention": {"days": 30}}, {"retention": {"days": 30}}),
    ],
)
def test_only_what_was_asked_for_is_compared(
    current: dict[str, Any], desired: dict[str, Any], changed: dict[str, Any]
) -> None:
    assert values.changed_fields(current, desired) == changed


def test_ownership_tags_win_over_those_of_the_user() -> None:
    assert (
        tags.ownership_tags("dev", "queue", {"owner": "me", tags.ENVIRONMENT: "production"}).items()
        >= {
            "owner": "me",
            "sm2a:environment": "dev",
            "sm2a:component": "queue",
        }.items()
    )


@pytest.mark.parametrize("case", [("Key", "Value"), ("key", "value")])
def test_tags_survive_the_way_to_aws_and_back(case: tuple[str, str]) -> None:
    there = tags.tags_to_list({"a": "1", "b": ""}, *case)

    assert {case[0]: "a", case[1]: "1"} in there
    assert tags.tags_from_list(there) == {"a": "1", "b": ""}


def test_no_tags_at_all_are_none() -> None:
    assert tags.tags_from_list(None) == {}


def test_tag_filters_select_all_of_them() -> None:
    assert tags.tag_filters({"sm2a:environment": "dev"}) == [{"Name": "tag:sm2a:environment", "Values": ["dev"]}]


class Clock:
    """Time that passes only when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0
        self.pauses: list[float] = []

    def monotonic(self) -> float:
        """Return the seconds slept so far."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let them pass."""
        self.now += seconds
        self.pauses.append(seconds)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Replace the time of the waits."""
    clock = Clock()
    monkeypatch.setattr(waits, "time", clock)
    return clock


def test_wait_returns_what_the_probe_found(clock: Clock) -> None:
    answers = iter([None, {}, {"status": "available"}])

    assert waits.wait_until("database", lambda: next(answers), timeout=60) == {"status": "available"}
    assert clock.pauses == [0.25, 0.5]


def test_wait_does_not_sleep_when_it_is_there_already(clock: Clock) -> None:
    waits.wait_until("queue", lambda: True, timeout=60)

    assert clock.pauses == []


def test_wait_ends_in_time_and_says_for_what(clock: Clock) -> None:
    with pytest.raises(
        WaitTimeoutError, match="gave up after 900 seconds of waiting until database sm2a-dev is available"
    ):
        waits.wait_until("database sm2a-dev is available", lambda: None, timeout=900, interval=30)

    assert clock.now == pytest.approx(900)
    assert max(clock.pauses) == 30


def test_wait_looks_once_more_when_time_is_up(clock: Clock) -> None:
    assert waits.wait_until("it", lambda: clock.now >= 10, timeout=10) is True


def test_refusal_names_option_value_rule_and_documentation() -> None:
    refusal = OptionError("network_cidr", "10.0.0.0/8", "the netmask must be from /16 to /28", "https://docs.example")

    assert str(refusal) == (
        "network_cidr: '10.0.0.0/8' is refused: the netmask must be from /16 to /28 (see https://docs.example)"
    )
    ours = "https://github.com/sm2a/airflow/blob/main/docs/configuration.md"
    assert str(OptionError("pools", [], "one is needed")) == f"pools: [] is refused: one is needed (see {ours})"
