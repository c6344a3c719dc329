# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is taken out of JSON, and that what is refused is named by its path and, if it may be, shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sm2a_scaler.json_object import JsonObject


class RefusedError(Exception):
    """In the place of a caller's own."""


def taken(text: str, **options: Any) -> JsonObject:
    return JsonObject.parse(text, "the text", error=RefusedError, **options)


def test_values() -> None:
    values = taken('{"a": 3.0, "b": 0, "c": null, "d": "x", "e": {"f": 1.5}, "g": [{"h": 2}]}')

    assert values.whole("a") == 3
    assert (values.duration("b"), values.duration("c"), values.duration("missing")) == (None, None, None)
    assert (values.has("b"), values.has("c"), values.known("c")) == (True, False, False)
    assert values.number("c", default=7.0) == 7.0
    assert values.choice("d", ("x", "y")) == "x"
    assert values.object("e").number("f") == 1.5
    assert [each.whole("h") for each in values.objects("g")] == [2]
    assert values.objects("c", optional=True) == []
    values.no_others()


@pytest.mark.parametrize(
    ("text", "take", "message"),
    [
        ("{", lambda values: values, "the text is not JSON: .+"),
        ("[" * 100000, lambda values: values, "the text is not JSON: .+"),
        ("7", lambda values: values, "the text must be a JSON object; it is 7"),
        ("{}", lambda values: values.text("a"), "a is missing"),
        ('{"a": ""}', lambda values: values.text("a"), "a must be a text that is not empty; it is ''"),
        ('{"a": "z"}', lambda values: values.choice("a", ("x", "y")), "a must be one of x, y; it is 'z'"),
        ('{"a": true}', lambda values: values.number("a"), "a must be a number; it is True"),
        ('{"a": NaN}', lambda values: values.number("a"), "a must be a number; it is nan"),
        ('{"a": 1%s}' % ("0" * 400), lambda values: values.whole("a"), "a must be a whole number of at least 0; .+"),
        ('{"a": 5}', lambda values: values.number("a", 1.0, 4.0), "a must be a number from 1 to 4; it is 5"),
        ('{"a": 1.5}', lambda values: values.whole("a", 1, 4), "a must be a whole number from 1 to 4; it is 1.5"),
        ('{"a": -1}', lambda values: values.duration("a"), "a must be a number of at least 0; it is -1"),
        ('{"a": {}}', lambda values: values.objects("a"), "a must be a list; it is {}"),
        ('{"a": {"b": {}}}', lambda values: values.object("a").object("b").text("c"), r"a\.b\.c is missing"),
        ('{"a": [{}, {"b": 1}]}', lambda values: values.objects("a")[1].text("b"), r"a\[1\]\.b must be a text .+"),
        ('{"a": 1}', lambda values: values.no_others(), "a is not a known key; it is 1"),
    ],
)
def test_refusals(text: str, take: Callable[[JsonObject], Any], message: str) -> None:
    with pytest.raises(RefusedError, match=f"^{message}$"):
        take(taken(text))


@pytest.mark.parametrize(
    ("text", "take"),
    [
        ("hunter2", lambda values: values),
        ('["hunter2"]', lambda values: values),
        ('{"a": "hunter2"}', lambda values: values.whole("a")),
        ('{"a": {"b": "hunter2"}}', lambda values: values.object("a").choice("b", ("x",))),
        ('{"a": "hunter2"}', lambda values: values.no_others()),
    ],
)
def test_a_secret_is_never_shown(text: str, take: Callable[[JsonObject], Any]) -> None:
    with pytest.raises(RefusedError) as caught:
        take(taken(text, quotes=False))
    assert "hunter2" not in str(caught.value)
