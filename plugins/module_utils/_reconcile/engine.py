# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Brings a graph of resources to its desired state, or says what that would take."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for_futures
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from .._secret_values import masked
from .aws import READING, writes_of_thread
from .errors import (
    UNKNOWN,
    BotoCoreError,
    ClientError,
    NotOwnedError,
    ReconcileError,
    UnknownValueError,
    WaitTimeoutError,
    code_of,
    is_lost,
    is_unknown,
)
from .resource import Resource
from .tags import ENVIRONMENT, former_tags
from .values import SENSITIVE, SENSITIVE_CHANGED, changed_fields, project
from .waits import CONSISTENCY_SECONDS, retry_while, wait_until

# How AWS's services say, by code or in words, that what a call was to make is there already, or what it was to delete
# is not. botocore repeats a call whose answer was lost, and is then told so.
EXISTS = re.compile(
    r"AlreadyExist|ResourceExists|NameExists|Duplicate|\.Conflict$|PriorityInUse|AlreadyOwnedByYou|already exists|"
    r"not idempotent"
)
GONE = re.compile(f"{UNKNOWN.pattern}|not found|does not exist|is inactive")
# For so long AWS may not show what it has just made, or still show what it has just deleted.
LOOK_SECONDS = 10
THREADS = 10  # botocore's default connection pool holds ten connections per client


@dataclass
class Step:
    """What happened, or would happen, to one resource."""

    resource: Resource
    action: str  # create, update, delete, none or deferred
    before: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """What tells it from another step with the same resource and action: a hash of the fields as they are shown.

        That a resource is deleted says everything; what it was like may change until then.
        """
        shown = [] if self.action == "delete" else [self.before, self.after]
        return hashlib.sha256(json.dumps(shown, sort_keys=True, default=str).encode()).hexdigest()


class ApplyError(Exception):
    """One or more resources failed; carries the steps that were taken before and beside."""

    def __init__(self, messages: list[str], steps: list[Step]) -> None:
        super().__init__("; ".join(messages))
        self.steps = steps


@dataclass
class Engine:
    """Applies resources of one environment.

    ``wait`` false leaves slow resources to become ready by themselves and defers what needs them.
    """

    environment: str
    check_mode: bool
    wait: bool = True
    _unsettled: dict[Resource, Step] = field(default_factory=dict, init=False)
    """What was changed and has not been waited for to the end: of a resource that fails then, it is known as well."""

    def apply(self, resources: list[Resource]) -> list[Step]:
        """Create, update or leave every resource, dependencies first; then delete those marked absent.

        What is to be deleted stays for a later run while anything else is left to become ready by itself: it may be
        what that replaces, and still be in use.

        Raises ApplyError when any resource failed; independent ones are still finished.
        """
        wanted = [resource for resource in resources if not resource.absent]
        unwanted = [resource for resource in resources if resource.absent]
        steps = self._walk(_graph(wanted), self._converge, [])
        if unwanted and not self.check_mode and pending(steps):
            return [*steps, *(Step(resource, "deferred") for resource in unwanted)]
        return self.remove(unwanted, steps) if unwanted else steps

    def remove(self, resources: list[Resource], steps: list[Step] | None = None) -> list[Step]:
        """Delete every resource that exists and is owned, dependents first."""
        for resource in resources:
            resource.absent = True
        graph = _graph(resources)
        found: dict[int, dict[str, Any] | None] = {}

        def look(resource: Resource) -> Step:
            found[id(resource)] = _find(resource)
            return Step(resource, "none")

        def delete(resource: Resource) -> Step:
            return self._delete(resource, found[id(resource)])

        # A copy: nobody needs these steps, but if one of them fails what was done before has to be told.
        self._walk(graph, look, list(steps or []))
        return self._walk(_reverse(graph), delete, steps or [])

    def _converge(self, resource: Resource) -> Step:
        if any(not dependency.ready for dependency in resource.dependencies()):
            resource.ready = False
            return Step(resource, "deferred")
        current = self._look(resource)
        desired = resource.desired()
        if current is None:
            step = Step(resource, "create", {}, _shown(resource, desired))
            if not self.check_mode:
                with self._telling(step):
                    self._create(resource, desired)
                self._settle(resource, fresh=True)
            return step
        self._claim(resource, current)
        changes = self._changes(resource, current, desired)
        if changes and not resource.settled and not self.check_mode:
            if not self.wait:
                resource.ready = False
                return Step(resource, "deferred")
            resource.wait_ready()
            current = self._look(resource) or current
            changes = self._changes(resource, current, desired)
        before = {key: project(current.get(key), value) for key, value in changes.items()}
        if "tags" in changes and resource.tagged:
            former = former_tags(current["tags"], resource.tags)
            before["tags"] = {**before["tags"], **{key: current["tags"][key] for key in former}}
        after = _shown(resource, changes, SENSITIVE_CHANGED)
        step = Step(resource, "update" if changes else "none", _shown(resource, before), after)
        if changes and not self.check_mode:
            with self._telling(step):
                self._update(resource, current, changes)
        if not self.check_mode:
            self._settle(resource, fresh=bool(changes))
        return step

    def _changes(self, resource: Resource, current: dict[str, Any], desired: dict[str, Any]) -> dict[str, Any]:
        """Return the fields that differ, with their desired values."""
        changes = changed_fields(current, desired)
        if resource.tagged and former_tags(current.get("tags", {}), resource.tags):
            changes["tags"] = resource.tags
        for field_name in sorted(set(changes) & set(resource.fixed_fields)):
            raise ReconcileError(
                f"{resource.label}: its {field_name} {current.get(field_name)!r} cannot be changed to "
                f"{changes[field_name]!r} once it is created"
            )
        return changes

    def _update(self, resource: Resource, current: dict[str, Any], changes: dict[str, Any]) -> None:
        former = former_tags(current.get("tags", {}), resource.tags) if resource.tagged else []
        if former:
            # First, while a tag says that they are ours: the update writes that tag anew.
            resource.untag(former)
        resource.update(current, changes)

    def _create(self, resource: Resource, desired: dict[str, Any]) -> None:
        """Create a resource. One that exists after all, since an answer was lost, is brought to its desired state."""
        try:
            resource.create(desired)
        except (ClientError, BotoCoreError) as error:
            current = _look_again(resource) if _says(EXISTS, error) or is_lost(error) else None
            if current is None:
                raise
            self._claim(resource, current)
            changes = self._changes(resource, current, resource.desired())
            if changes:
                self._update(resource, current, changes)

    @contextmanager
    def _telling(self, step: Step) -> Iterator[None]:
        """Have a step told even if it fails from now on, unless AWS has surely changed nothing by then."""
        before = writes_of_thread()
        try:
            yield
        except (ReconcileError, ClientError, BotoCoreError) as error:
            asked = READING.match(getattr(error, "operation_name", ""))
            if writes_of_thread() > before or (is_lost(error) and not asked):
                self._unsettled[step.resource] = step
            raise
        self._unsettled[step.resource] = step

    def _look(self, resource: Resource) -> dict[str, Any] | None:
        """Find a resource, patient with AWS if what it is looked for in was made a moment ago.

        That there is no such resource ``find`` answers itself; an error says that something else is unknown.
        """
        if not any(step.action == "create" for step in list(self._unsettled.values())):
            return _find(resource)
        return retry_while(is_unknown, lambda: _find(resource), CONSISTENCY_SECONDS)

    def _settle(self, resource: Resource, fresh: bool) -> None:
        if resource.slow and not self.wait:
            resource.ready = resource.ready and not fresh
        elif fresh or not resource.ready:
            resource.wait_ready()
            resource.ready = True

    def _claim(self, resource: Resource, current: dict[str, Any]) -> None:
        if not self._owned(resource, current):
            found = ", ".join(f"{tag} is {value!r}" for tag, value in self._foreign_tags(resource, current).items())
            raise NotOwnedError(
                f"{resource.label} exists but was not created by the SM2A environment {self.environment!r} "
                f"(its tag {found}); it is left alone"
            )

    def _owned(self, resource: Resource, current: dict[str, Any]) -> bool:
        if not resource.tagged:
            return True
        return not self._foreign_tags(resource, current) or resource.adopts(current)

    def _foreign_tags(self, resource: Resource, current: dict[str, Any]) -> dict[str, str | None]:
        """Return those tags of the owner that have not our values, with the values found."""
        have, want = current.get("tags", {}), {**resource.tags, ENVIRONMENT: self.environment}
        return {tag: have.get(tag) for tag in resource.owner_tags if have.get(tag) != want.get(tag)}

    def _delete(self, resource: Resource, current: dict[str, Any] | None) -> Step:
        if current is None or not self._owned(resource, current):
            return Step(resource, "none")
        step = Step(resource, "delete", _shown(resource, current), {})
        if not self.check_mode:
            with self._telling(step):
                _delete(resource, current)
            resource.wait_deleted()
        return step

    def _walk(
        self, graph: dict[Resource, set[Resource]], visit: Callable[[Resource], Step], steps: list[Step]
    ) -> list[Step]:
        """Visit every resource after those it waits for, as many at once as possible."""
        waiting = {resource: set(before) for resource, before in graph.items()}
        running: dict[Future[Step], Resource] = {}
        errors: list[str] = []
        with ThreadPoolExecutor(max_workers=THREADS) as pool:
            while waiting or running:
                for resource in [resource for resource, before in waiting.items() if not before]:
                    del waiting[resource]
                    running[pool.submit(visit, resource)] = resource
                if not running:
                    break  # what is left depends on something that failed
                done, _pending = wait_for_futures(running, return_when=FIRST_COMPLETED)
                for future in done:
                    resource = running.pop(future)
                    try:
                        steps.append(future.result())
                    except (ReconcileError, ClientError, BotoCoreError) as error:
                        errors.append(_message(resource, error))
                        if resource in self._unsettled:
                            steps.append(self._unsettled[resource])
                        continue
                    for before in waiting.values():
                        before.discard(resource)
        if errors:
            raise ApplyError(errors, steps)
        return steps


def pending(steps: list[Step]) -> bool:
    """Tell whether something was begun that a later run has to wait for, or was left for it."""
    return any(not step.resource.ready for step in steps)


def _find(resource: Resource) -> dict[str, Any] | None:
    try:
        return resource.find()
    except UnknownValueError:
        return None  # it belongs to something that does not exist yet


def _look_again(resource: Resource) -> dict[str, Any] | None:
    """Return a resource of which somebody says that it exists, or that may have been made; None if it does not show."""
    try:
        return wait_until(f"{resource.label} is visible", resource.find_anew, LOOK_SECONDS, interval=2)
    except (ClientError, BotoCoreError, WaitTimeoutError):
        return None  # what was refused, or lost, says more


def _delete(resource: Resource, current: dict[str, Any]) -> None:
    try:
        resource.delete(current)
    except ClientError as error:
        if not _says(GONE, error):
            raise
        wait_until(f"{resource.label} is gone", lambda: resource.find_anew() is None, LOOK_SECONDS, interval=2)


def _says(pattern: re.Pattern[str], error: Exception) -> bool:
    if not isinstance(error, ClientError):
        return False
    return bool(pattern.search(code_of(error)) or pattern.search(str(error.response["Error"].get("Message"))))


def _graph(resources: list[Resource]) -> dict[Resource, set[Resource]]:
    """Map each resource to those of the same run that it waits for, in the order given."""
    members = set(resources)
    graph = {resource: set(resource.dependencies()) & members for resource in resources}
    seen: set[Resource] = set()
    remaining = dict(graph)
    while remaining:
        free = [resource for resource, before in remaining.items() if before <= seen]
        if not free:
            raise ValueError(f"resources depend on each other: {', '.join(sorted(r.label for r in remaining))}")
        for resource in free:
            del remaining[resource]
            seen.add(resource)
    return graph


def _reverse(graph: dict[Resource, set[Resource]]) -> dict[Resource, set[Resource]]:
    return {
        resource: {other for other, before in graph.items() if resource in before} for resource in reversed(list(graph))
    }


def _shown(resource: Resource, state: dict[str, Any], sensitive: str = SENSITIVE) -> dict[str, Any]:
    """Return a state as it may be shown. What somebody put into it by hand may look like a secret too."""
    return {
        key: sensitive if key in resource.secret_fields else masked(value, SENSITIVE)
        for key, value in sorted(state.items())
    }


def _message(resource: Resource, error: Exception) -> str:
    if isinstance(error, ReconcileError):
        text = str(error)
        return text if resource.name in text else f"{resource.label}: {text}"
    operation = getattr(error, "operation_name", None)
    if is_lost(error):
        # botocore has repeated it until it gave up.
        doubt = (
            "" if operation and READING.match(operation) else "; it is not known whether AWS did it, so run it again"
        )
        return f"{resource.label}: {error} (operation {operation or 'unknown'}{doubt})"
    # An error of a connection has the attribute too, without an answer.
    response = getattr(error, "response", None) or {}
    request_id = response.get("ResponseMetadata", {}).get("RequestId")
    where = f" (operation {operation}, request id {request_id})" if operation else ""
    return f"{resource.label}: {error}{where}"


def diff_of(steps: list[Step]) -> dict[str, dict[str, Any]]:
    """Return Ansible's before and after of everything that changes; what stays is left out."""
    ordered = sorted(
        (step for step in steps if step.action not in ("none", "deferred")), key=lambda s: s.resource.label
    )
    return {
        "before": {step.resource.label: step.before for step in ordered if step.action != "create"},
        "after": {step.resource.label: step.after for step in ordered if step.action != "delete"},
    }
