# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One answer for many: for a moment, for all threads, and not beyond a write."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile import shared


class Counter:
    """Something to ask, which answers how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self) -> int:
        self.asked += 1
        return self.asked


def test_what_was_read_is_not_read_again() -> None:
    answers, ask = shared.SharedAnswers(), Counter()

    assert [answers.once("ec2", "subnets", ask) for _time in range(3)] == [1, 1, 1]


def test_another_question_and_another_service_have_answers_of_their_own() -> None:
    answers, ask = shared.SharedAnswers(), Counter()

    assert [answers.once(*key, ask) for key in (("ec2", "subnets"), ("ec2", "vpcs"), ("ecs", "subnets"))] == [1, 2, 3]


def test_after_a_write_the_service_is_asked_again_and_no_other() -> None:
    answers, ec2, ecs = shared.SharedAnswers(), Counter(), Counter()
    answers.once("ec2", "subnets", ec2)
    answers.once("ecs", "services", ecs)

    answers.forget("ec2")

    assert (answers.once("ec2", "subnets", ec2), answers.once("ecs", "services", ecs)) == (2, 1)


def test_an_answer_that_was_under_way_at_a_write_is_only_for_those_who_waited() -> None:
    answers, ask = shared.SharedAnswers(), Counter()

    def overtaken() -> int:
        answers.forget("ec2")
        return ask()

    assert answers.once("ec2", "subnets", overtaken) == 1
    assert answers.once("ec2", "subnets", ask) == 2


def test_an_old_answer_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(shared, "time", SimpleNamespace(monotonic=lambda: clock.now))
    answers, ask = shared.SharedAnswers(), Counter()
    answers.once("ec2", "subnets", ask)

    clock.now += shared.FRESH_SECONDS - 1
    assert answers.once("ec2", "subnets", ask) == 1
    clock.now += 1
    assert answers.once("ec2", "subnets", ask) == 2


def test_a_refusal_is_an_answer() -> None:
    answers, ask = shared.SharedAnswers(), Counter()

    def fail() -> int:
        ask()
        raise KeyError("no")

    for _time in range(2):
        with pytest.raises(KeyError):
            answers.once("ec2", "subnets", fail)
    assert ask.asked == 1


def test_threads_that_ask_at_once_wait_for_one_call() -> None:
    answers, ask, go = shared.SharedAnswers(), Counter(), threading.Event()

    def slow() -> int:
        go.wait(20)
        return ask()

    with ThreadPoolExecutor(8) as pool:
        asking = [pool.submit(answers.once, "ec2", "subnets", slow) for _thread in range(8)]
        go.set()
        assert [one.result(20) for one in asking] == [1] * 8
    assert ask.asked == 1
