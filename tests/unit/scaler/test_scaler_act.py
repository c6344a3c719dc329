# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From a decision to what is done: who is told, and when the service's desired count is lowered."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sm2a_scaler.act import Plan, plan
from sm2a_scaler.combine import PoolState
from sm2a_scaler.policy.values import Decision, Observation, Worker
from sm2a_scaler.sources import EcsTask, Service


def pool_state(*ready: str, desired: int | None = None, outdated: tuple[str, ...] = (), **changes: Any) -> PoolState:
    workers = tuple(Worker(name, "ready", 100.0, 0, 0.0) for name in ready)
    tasks = tuple(EcsTask(name, 100.0, "worker:2") for name in (*ready, *outdated))
    service = Service(len(ready) if desired is None else desired, len(tasks), 0, "worker:2", tasks)
    known = {"told": frozenset((*ready, *outdated)), "outdated": outdated} | changes
    return PoolState(Observation(0, 0, workers), service, **known)


def decided(desired: int, *cordon: str) -> Decision:
    return Decision(desired, cordon, "because")


def test_out_at_once() -> None:
    assert plan(pool_state("a"), decided(5)) == Plan(5, frozenset(), frozenset())


def test_in_only_by_workers_that_are_free_to_go() -> None:
    free = pool_state("a", "b", leaving=frozenset({"a"}), cordoned={"a": 50.0})
    assert plan(free, decided(1, "a")).desired == 1

    not_yet = pool_state("a", "b", cordoned={"a": 50.0})
    assert plan(not_yet, decided(1, "a")) == Plan(
        2, frozenset(), frozenset(), "workers that are to go are not empty yet"
    )


def test_in_by_as_many_as_are_free_to_go() -> None:
    seen = pool_state("a", "b", "c", leaving=frozenset({"a"}), cordoned={"a": 50.0, "b": 50.0})
    done = plan(seen, decided(1, "a", "b"))
    assert done.desired == 2
    assert done.note == "workers that are to go are not empty yet"


def test_none_goes_while_ecs_could_choose_a_worker_with_tasks() -> None:
    seen = pool_state("a", "b", leaving=frozenset({"a"}), cordoned={"a": 50.0}, exposed=frozenset({"b"}))
    done = plan(seen, decided(1, "a"))
    assert done.desired == 2
    assert "b" in done.note


def test_one_that_is_called_back_is_not_one_that_goes() -> None:
    seen = pool_state("a", "b", leaving=frozenset({"a"}), cordoned={"a": 50.0})
    assert plan(seen, decided(1)).desired == 2


def test_a_start_that_ecs_has_no_task_for_is_called_off_at_once() -> None:
    assert plan(pool_state("a", desired=3), decided(1)).desired == 1


@pytest.mark.parametrize(("left", "again"), [({}, True), ({"a": 29.0}, True), ({"a": 31.0}, False)])
def test_cordons_are_renewed_in_time(left: dict[str, float], again: bool) -> None:
    assert plan(pool_state("a", cordoned=left), decided(1, "a")).cordon == (frozenset({"a"}) if again else frozenset())


def test_who_is_not_cordoned_any_more_is_told() -> None:
    assert plan(pool_state("a", "b", cordoned={"a": 5.0}), decided(2)).open_again == {"a"}


def test_who_cannot_be_told_is_not() -> None:
    assert plan(pool_state("a", told=frozenset()), decided(1, "a")).cordon == frozenset()


@pytest.mark.parametrize(("ready", "cordoned"), [([], 0), (["new1"], 1), (["new1", "new2"], 2)])
def test_an_older_revision_is_emptied_as_the_newer_comes(ready: list[str], cordoned: int) -> None:
    seen = pool_state(*ready, desired=2, outdated=("old1", "old2"))
    assert len(plan(seen, decided(2)).cordon) == cordoned


def test_a_worker_that_hangs_does_not_hold_up_a_deployment() -> None:
    workers = (Worker("new", "ready", 100.0, 0, 0.0), Worker("lost", "hung", 900.0, 0, 0.0))
    seen = replace(pool_state("new", "lost", outdated=("old",)), observation=Observation(0, 0, workers))
    assert plan(seen, decided(2)).cordon == {"old"}


def test_an_older_revision_that_is_not_needed_is_emptied_at_once() -> None:
    assert plan(pool_state(desired=0, outdated=("old1", "old2")), decided(0)).cordon == {"old1", "old2"}
