# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A cloud of two dictionaries, and a kind of resource that lives in it."""

from __future__ import annotations

import threading
from typing import Any

from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.resource import Resource
from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.tags import ownership_tags

OURS = ownership_tags("test", "thing")


class Cloud:
    """What exists, by name, and every mutation in the order of its end."""

    def __init__(self) -> None:
        self.things: dict[str, dict[str, Any]] = {}
        self.log: list[tuple[str, str]] = []
        self.failing: dict[tuple[str, str], Exception] = {}
        self._lock = threading.Lock()

    def do(self, verb: str, name: str) -> None:
        """Record a mutation, or fail as told."""
        if (verb, name) in self.failing:
            raise self.failing[(verb, name)]
        with self._lock:
            self.log.append((verb, name))

    def position(self, verb: str, name: str) -> int:
        """Return when something was done, for comparing the order of two things."""
        return self.log.index((verb, name))


class Thing(Resource):
    """A resource with the fields that it is given. Its id is known once it exists."""

    kind = "Test::Cloud::Thing"

    def __init__(self, cloud: Cloud, name: str, needs: Any = None, **fields: Any) -> None:
        super().__init__(None, name, OURS)  # type: ignore[arg-type]
        self.cloud = cloud
        self.needs = needs
        self.fields = fields
        self.seconds = 0.0

    def find(self) -> dict[str, Any] | None:
        found = self.cloud.things.get(self.name)
        if found is None:
            return None
        self.id = f"id-{self.name}"
        self.ready = found.get("status") != "creating"
        return {key: value for key, value in found.items() if key != "status"}

    def find_anew(self) -> dict[str, Any] | None:
        return self.find()

    def desired(self) -> dict[str, Any]:
        return {
            **{key: value() if callable(value) else value for key, value in self.fields.items()},
            "tags": self.tags,
        }

    def create(self, desired: dict[str, Any]) -> None:
        self.cloud.do("create", self.name)
        self.id = f"id-{self.name}"
        self.cloud.things[self.name] = {**desired, "status": "creating"} if self.slow else dict(desired)

    def update(self, current: dict[str, Any], changes: dict[str, Any]) -> None:
        self.cloud.do("update", self.name)
        thing = self.cloud.things[self.name]
        if "tags" in changes:
            changes = {**changes, "tags": {**thing["tags"], **changes["tags"]}}
        thing.update(changes)

    def untag(self, keys: list[str]) -> None:
        self.cloud.do("untag", self.name)
        self.cloud.things[self.name]["tags"] = {
            key: value for key, value in self.cloud.things[self.name]["tags"].items() if key not in keys
        }

    def delete(self, current: dict[str, Any]) -> None:
        self.cloud.do("delete", self.name)
        del self.cloud.things[self.name]

    def wait_ready(self) -> None:
        self.cloud.do("wait", self.name)
        self.cloud.things[self.name].pop("status", None)


class SlowThing(Thing):
    """A resource that takes its time to become ready."""

    slow = True
