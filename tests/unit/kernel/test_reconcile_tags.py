# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which tags are ours to take off: those that the user gave once and names no more."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path

from ansible_collections.sm2a.airflow.plugins.module_utils._components._common_options import MOST_TAGS
from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.resource import Resource
from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.tags import (
    GIVEN,
    former_tags,
    ownership_tags,
)

RESOURCES = "ansible_collections.sm2a.airflow.plugins.module_utils._resources"
NONE = ownership_tags("test", "queue")


def test_a_tag_that_is_named_no_more_is_ours_and_one_of_others_is_not() -> None:
    have = {**ownership_tags("test", "queue", {"team": "data", "Kostenstelle Süd": "1"}), "aws:cloudformation": "x"}
    have["map-migrated"] = "theirs"

    assert former_tags(have, ownership_tags("test", "queue", {"team": "data"})) == ["Kostenstelle Süd"]
    assert former_tags(have, NONE) == ["Kostenstelle Süd", GIVEN, "team"]


def test_whoever_never_gave_a_tag_has_no_note_of_them() -> None:
    assert set(NONE) == {"sm2a:environment", "sm2a:component"}
    assert former_tags({**NONE, "team": "theirs"}, NONE) == []


def test_the_note_of_as_many_tags_as_there_may_be_is_no_longer_than_a_tag_may_be() -> None:
    tags = ownership_tags("test", "queue", {f"key {number}" * 9: "" for number in range(MOST_TAGS)})

    assert len(tags[GIVEN]) <= 256


def kinds(parent: type[Resource]) -> Iterator[type[Resource]]:
    """Yield all kinds of resources of the collection."""
    for kind in parent.__subclasses__():
        if kind.__module__.startswith(RESOURCES):
            yield kind
        yield from kinds(kind)


def test_every_kind_that_has_tags_takes_them_off() -> None:
    for path in (Path(__file__).parents[3] / "plugins/module_utils/_resources").glob("[a-z]*.py"):
        importlib.import_module(f"{RESOURCES}.{path.stem}")

    tagged = {kind for kind in kinds(Resource) if kind.tagged and kind.kind}

    assert len(tagged) > 25
    # What is only ever deleted keeps its tags.
    assert {kind.__name__ for kind in tagged if kind.untag is Resource.untag} == {"SurplusCertificate"}
