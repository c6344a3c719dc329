# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one interface that the kernel knows: something that can be found, created, updated and deleted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .aws import Aws
from .errors import ReconcileError
from .tags import ENVIRONMENT
from .values import KNOWN_AFTER_APPLY


class Resource:
    """One AWS resource.

    A state is a flat mapping of field to plain data (strings, numbers, booleans, lists, mappings). ``find`` and
    ``desired`` speak the same fields; the kernel compares only the fields that ``desired`` has.

    Every other resource stored in an attribute (or in a list, tuple or mapping of one) is a dependency: it is
    reconciled first, so its ``id`` can be used in ``desired``, ``find`` and ``create``.
    """

    kind = ""
    """CloudFormation's name of the resource type, for example ``AWS::SQS::Queue``."""

    tagged = True
    """Whether the resource carries tags of its own. If so the state has a field ``tags`` and the kernel checks
    that the resource belongs to this environment before it touches it."""

    owner_tags: tuple[str, ...] = (ENVIRONMENT,)
    """The tags that must have our values on a resource that exists, or it is somebody else's."""

    fixed_fields: tuple[str, ...] = ()
    """Fields that AWS cannot change once the resource is created. A difference is refused, in check mode too."""

    secret_fields: tuple[str, ...] = ()
    """Fields of the state that are never shown."""

    slow = False
    """Whether becoming ready takes minutes. With ``wait: false`` such a resource is created and left alone, and
    whatever depends on it is deferred to a later run."""

    usual = ""
    """How long becoming ready takes on AWS as a rule, in words for whoever waits; empty where it takes seconds."""

    def __init__(self, aws: Aws, name: str, tags: dict[str, str] | None = None) -> None:
        self.aws = aws
        self.name = name
        self.tags = dict(tags or {})
        self.id: str = KNOWN_AFTER_APPLY
        self.absent = False
        """Whether the resource is to be deleted. ``find`` may then answer None for what is already on its way out."""
        self.ready = True
        """Set by ``find``: false while the resource is still on its way to being usable."""
        self.settled = True
        """Set by ``find``: false while AWS refuses to change the resource, and only waiting helps."""

    @property
    def label(self) -> str:
        """The name of the resource in diffs and messages."""
        return f"{self.kind} {self.name}"

    def dependencies(self) -> Iterator[Resource]:
        """Yield the resources that must be reconciled before this one."""
        for value in vars(self).values():
            yield from _resources_in(value)

    def find(self) -> dict[str, Any] | None:
        """Read the current state, set ``id`` (and whatever dependents need), return None where there is none."""
        raise NotImplementedError

    def find_anew(self) -> dict[str, Any] | None:
        """Do ``find`` by what AWS answers from now on."""
        self.aws.forget_answers()
        return self.find()

    def desired(self) -> dict[str, Any]:
        """Return the state that should be. Called after all dependencies were reconciled."""
        raise NotImplementedError

    def create(self, desired: dict[str, Any]) -> None:
        """Create the resource, tags included in the same call wherever AWS can, and set ``id``."""
        raise NotImplementedError

    def update(self, current: dict[str, Any], changes: dict[str, Any]) -> None:
        """Change what differs. ``changes`` maps the differing fields to their desired values."""
        raise ReconcileError(f"{self.label}: {', '.join(sorted(changes))} cannot be changed once created")

    def untag(self, keys: list[str]) -> None:
        """Take tags off a resource that is ``tagged``."""
        raise NotImplementedError

    def delete(self, current: dict[str, Any]) -> None:
        """Delete the resource. Where AWS says that it is gone already, the kernel takes that for success."""
        raise NotImplementedError

    def wait_ready(self) -> None:
        """Return once dependents can use the resource; refresh what they read."""

    def wait_deleted(self) -> None:
        """Return once the resource no longer blocks the deletion of what it depended on."""

    def adopts(self, current: dict[str, Any]) -> bool:
        """Whether an untagged resource of this name is surely ours, for example an interrupted creation."""
        return False


def _resources_in(value: Any) -> Iterator[Resource]:
    if isinstance(value, Resource):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _resources_in(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _resources_in(item)
