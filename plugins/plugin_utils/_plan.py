# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plans of a play's components: put together, saved in a file, and compared with one that was saved."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible.module_utils.common.yaml import yaml_load

COLLECTION = Path(__file__).resolve().parents[2]
FACT_PREFIX = "sm2a_plan_"
# A resource may be met twice in a play, as the database, which is begun and finished: the first of these counts.
ORDER = ("create", "delete", "update", "none", "deferred")
# Of the file: what it says, in which way.
FORMAT = 1
ABOUT = ("collection", "environment", "region", "account")


class PlanError(Exception):
    """A saved plan that must not be followed, and why."""


def plans_of(facts: Mapping[str, Any], before: Sequence[float] = ()) -> list[dict[str, Any]]:
    """Return the plans among the facts of a host, by name, without those that have one of the times ``before``."""
    plans = [facts[name] for name in sorted(facts) if name.startswith(FACT_PREFIX)]
    return [plan for plan in plans if plan["at"] not in before]


def merged(plans: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return a step for each resource of these plans, by kind and name."""
    steps: dict[tuple[str, str], dict[str, Any]] = {}
    for plan in plans:
        for step in plan["steps"]:
            resource = (step["kind"], step["name"])
            known = steps.setdefault(resource, step)
            if ORDER.index(step["action"]) < ORDER.index(known["action"]):
                steps[resource] = step
    return [steps[resource] for resource in sorted(steps)]


def collection_version() -> str:
    """Return the version of the collection, as it is installed or in a clone."""
    manifest = COLLECTION / "MANIFEST.json"
    if manifest.exists():
        return str(json.loads(manifest.read_text(encoding="utf-8"))["collection_info"]["version"])
    return str(yaml_load((COLLECTION / "galaxy.yml").read_text(encoding="utf-8"))["version"])


@dataclass(frozen=True)
class Plan:
    """What a run of ``site`` would do.

    ``about`` says by whose means and where, by the keys ABOUT; ``parts`` are the components that the run's tags choose.
    ``steps`` are those that change something, with a digest of the values that are not secret.
    """

    about: dict[str, str]
    parts: list[str]
    steps: list[dict[str, Any]]

    @classmethod
    def of(cls, plans: Iterable[Mapping[str, Any]], about: dict[str, str], parts: list[str]) -> Plan:
        """Return the plan that the components' plans are together."""
        return cls(about, sorted(parts), [step for step in merged(plans) if step["action"] != "none"])

    def save(self, path: Path) -> None:
        """Write the plan, whole or not at all. Raises PlanError."""
        content = self._content()
        text = json.dumps({**content, "checksum": _checksum(content)}, indent=2, sort_keys=True) + "\n"
        unfinished = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            unfinished.write_text(text, encoding="utf-8")
            unfinished.replace(path)
        except OSError as error:
            raise PlanError(f"{path} cannot be written: {error.strerror}") from error

    def _content(self) -> dict[str, Any]:
        return {"sm2a_plan": FORMAT, **self.about, "parts": self.parts, "steps": self.steps}

    @classmethod
    def load(cls, path: Path) -> Plan:
        """Read a plan that was saved. Raises PlanError if it was not written by ``save``, or was changed since."""
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise PlanError(
                f"{path} cannot be read: {error.strerror}. Save a plan there with --check first."
            ) from error
        except ValueError as error:
            raise PlanError(f"{path} is no plan of SM2A: {error}.") from error
        if not isinstance(content, dict) or content.get("sm2a_plan") != FORMAT:
            raise PlanError(f"{path} is no plan of SM2A, or of another version of it.")
        checksum = content.pop("checksum", None)
        if checksum != _checksum(content):
            raise PlanError(f"{path} was changed after it was saved: its checksum is another one.")
        try:
            return cls({key: content[key] for key in ABOUT}, content["parts"], content["steps"])
        except KeyError as error:
            raise PlanError(f"{path} is no plan of SM2A: it lacks {error}.") from error

    def differences(self, now: Plan) -> list[str]:
        """Return how what would be done now differs from this plan: nothing if it is the same."""
        foreign = [
            f"It is a plan for the {key} {self.about[key]!r}, and this is {now.about[key]!r}."
            for key in ABOUT
            if self.about[key] != now.about[key]
        ]
        if self.parts != now.parts:
            foreign.append(
                f"It is a plan of {', '.join(self.parts)}, and this is {', '.join(now.parts)}: "
                "give the same --tags and --skip-tags."
            )
        return foreign or _changed_steps(_by_resource(self.steps), _by_resource(now.steps))


def _changed_steps(planned: dict[str, dict[str, Any]], now: dict[str, dict[str, Any]]) -> list[str]:
    lines = []
    for resource in sorted({*planned, *now}):
        before, after = planned.get(resource), now.get(resource)
        if before is None:
            lines.append(f"not planned: {_told(after)} {resource}")
        elif after is None:
            lines.append(f"planned, and no longer to do: {_told(before)} {resource}")
        elif _told(before) != _told(after):
            lines.append(f"planned: {_told(before)} {resource}; now: {_told(after)}")
        elif before != after:
            lines.append(f"planned with other values: {_told(before)} {resource}")
    return lines


def _by_resource(steps: Iterable[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {f"{step['kind']} {step['name']}": step for step in steps}


def _told(step: Mapping[str, Any] | None) -> str:
    """Return the action of a step in words; of a change also what changes."""
    if step is None:
        return ""
    if step["action"] != "update":
        return str(step["action"]).replace("deferred", "leave to a later run")
    return f"change {', '.join(step['fields'])} of"


def _checksum(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
