# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads from AWS the facts that roles need and that no role of this play has left.

A component's facts are what its module returns in check mode. So they are read with the options that its role would
have, and these may need the facts of others, which are read first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.values import has_unknown
from ansible_collections.sm2a.airflow.plugins.plugin_utils._facts import (
    FACTS,
    READS_SECRETS,
    Gaps,
    advice,
    roles_of,
    tags_for,
)
from ansible_collections.sm2a.airflow.plugins.plugin_utils._order import role_of
from ansible_collections.sm2a.airflow.plugins.plugin_utils._role_options import RoleOptions, has_gaps


class FactsReader:
    """Reads facts into ``options``.

    ``run`` runs a component's module in check mode, given its name and its arguments, and returns what that returns.
    ``deployed`` returns the facts of an image that an environment runs, given both names, None if it runs none.

    After ``read``: ``facts`` are those that were found, ``warnings`` what the user should know of them, ``reads`` the
    number of calls to AWS.
    """

    def __init__(
        self,
        options: RoleOptions,
        run: Callable[[str, dict[str, Any]], dict[str, Any]],
        deployed: Callable[[str, str], dict[str, Any] | None],
    ) -> None:
        self._options = options
        self._run = run
        self._deployed = deployed
        self._seen: set[str] = set()
        self._partial: set[str] = set()
        self._failures: dict[str, str] = {}
        self._missing_secrets: list[str] = []
        self.facts: dict[str, Any] = {}
        self.warnings: list[str] = []
        self.reads = 0

    def read(self, roles: Iterable[str], running: Iterable[str] = ()) -> list[str]:
        """Read what these roles lack, and return what they still lack, as sentences.

        ``running`` are the components, each image one, that will be made before.
        """
        roles = list(roles)
        for role in roles:
            self._read_for(role, running)
            if role in READS_SECRETS and "secrets" not in running:
                self._read_secrets(role)
        return self._lacking(roles, running)

    def _gaps(self, running: Iterable[str] = (), there: Iterable[str] = ()) -> Gaps:
        return Gaps(self._options.variables.get("ansible_facts", {}), self._options.value, running, there)

    def _read_for(self, role: str, running: Iterable[str] = ()) -> bool:
        """Read what a role lacks; tell whether it has all that it needs then."""
        gaps = self._gaps(running).of_role(role)
        for component, environment in dict.fromkeys((gap.component, gap.environment) for gap in gaps):
            self._read(component, environment)
        for option, source in FACTS[role].items():
            # What is there only in part may be enough for another role.
            partial = source.component in self._partial and self._gaps().needs(role, source)
            if partial and has_gaps(self._options.value(f"{role}_{option}")):
                self._withdraw(source.component)
        return not any(gap.needed for gap in self._gaps(running).of_role(role))

    def _read(self, component: str, environment: str) -> None:
        if component in self._seen:
            return
        self._seen.add(component)
        role = role_of(component)
        self._options.complete(role)
        self._options.set(**{f"{role}_environment": environment})
        if not self._read_for(role):
            return
        answer = self._answer(role, self._options.of(component))
        if answer.get("failed"):
            self._failures[component] = str(answer.get("msg"))
            return
        found = answer["ansible_facts"].get(f"sm2a_{component}")
        if not found:
            return  # its state is absent
        there = _existing(found, {step["name"] for step in answer["plan"] if step["action"] == "create"})
        if role == "image":
            there = self._image(component, environment, found, answer)
        elif answer["changed"]:
            self.warnings.append(
                f"What exists of {component} is not as its variables say, and is taken as it is; with the playbook "
                f"site: --tags {role}"
            )
        if there:
            if there != found:
                self._partial.add(component)
            self._add(component, there)

    def _answer(self, role: str, options: dict[str, Any]) -> dict[str, Any]:
        answer = self._run(role, {**options, "wait": True})
        self.reads += answer.get("api_calls", {}).get("read", 0)
        return answer

    def _image(
        self, component: str, environment: str, found: dict[str, Any], answer: dict[str, Any]
    ) -> dict[str, Any] | None:
        """Return the facts of the image that would be made, if it is there, or of the one that runs now."""
        if not any(step["kind"] == "Docker::Image" and step["action"] == "create" for step in answer["plan"]):
            return found
        deployed = self._deployed(component.removeprefix("image_"), environment)
        if deployed:
            self.warnings.append(
                f"The image {found['uri']} has not been built; {deployed['uri']}, which runs now, is taken. "
                "With the playbook site: --tags image"
            )
        return deployed

    def _read_secrets(self, role: str) -> None:
        """Look whether the secrets are there that a role's module reads by name."""
        gaps = self._gaps()
        environment = gaps.environment_of(role)
        known = self._options.variables.get("ansible_facts", {}).get("sm2a_secrets") or {}
        absent = self._options.value(f"{role}_state") == "absent"
        if absent or "secrets" in self._seen or known.get("environment") == environment:
            return
        self._read("secrets", environment)
        # Without a key that nobody has made yet the names are known as well.
        names = self.facts.get("sm2a_secrets", {}).get("names", {})
        if names and None in names.values():
            self._withdraw("secrets")
            self._missing_secrets.append(role)

    def _add(self, component: str, facts: dict[str, Any] | None) -> None:
        self.facts[f"sm2a_{component}"] = facts
        self._options.add_facts({f"sm2a_{component}": facts})

    def _withdraw(self, component: str) -> None:
        self._partial.discard(component)
        self._add(component, None)
        del self.facts[f"sm2a_{component}"]

    def _lacking(self, roles: list[str], running: Iterable[str]) -> list[str]:
        there = {role_of(component) for component in self._seen if f"sm2a_{component}" in self.facts}
        there -= {role_of(component) for component in self._seen if f"sm2a_{component}" not in self.facts}
        sentences = self._gaps(running, there).of(roles)
        secrets = [
            f"The role {role} reads secrets that the role secrets has not made." for role in self._missing_secrets
        ]
        if secrets and not sentences:
            chosen = roles_of([*running, *roles])
            sentences = [advice(tags_for(chosen), there - {*chosen})]
        failures = [f"The facts of {name} cannot be read: {message}" for name, message in self._failures.items()]
        if not (secrets or sentences):
            # Nobody needs them.
            self.warnings += failures
            return []
        return [*failures, *secrets, *sentences]


def _existing(value: Any, created: set[str]) -> Any:
    """Return facts without what does not exist: unknown values, and names of what would be created.

    A list of which a part does not exist is empty.
    """
    if isinstance(value, str):
        return None if has_unknown(value) or value in created else value
    if isinstance(value, dict):
        return {key: _existing(item, created) for key, item in value.items()}
    if isinstance(value, list):
        items = [_existing(item, created) for item in value]
        return [] if None in items else items
    return value
