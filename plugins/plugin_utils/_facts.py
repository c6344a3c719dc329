# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which role needs which facts of which component, and what to say when they are not there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ansible.module_utils.parsing.convert_bool import boolean

from ansible_collections.sm2a.airflow.plugins.plugin_utils._order import ROLES, TAGS, role_of


@dataclass(frozen=True)
class Fact:
    """Where a variable of a role takes its value from unless the user sets it.

    ``component`` is the one whose fact it is, as the fact's name has it behind ``sm2a_``. A fact that is not ``needed``
    may be missing: what exists then stays as it is. ``needed_if`` names a variable of the same role, without the
    role's prefix, that has to be true for the fact to be needed.
    """

    component: str
    needed: bool = True
    needed_if: str = ""


FACTS: dict[str, dict[str, Fact]] = {
    # make generate writes this: facts
    "network": {},
    "security": {
        "vpc_id": Fact("network"),
    },
    "secrets": {
        "kms_key_arn": Fact("security", needed=False),
    },
    "database": {
        "subnet_ids": Fact("network"),
        "security_group_ids": Fact("security"),
        "kms_key_arn": Fact("security", needed=False),
    },
    "load_balancer": {
        "vpc_id": Fact("network"),
        "subnet_ids": Fact("network"),
        "security_group_ids": Fact("security"),
    },
    "storage": {
        "kms_key_arn": Fact("security", needed=False),
    },
    "queue": {
        "kms_key_arn": Fact("security", needed=False),
    },
    "observability": {
        "kms_key_arn": Fact("security", needed=False),
    },
    "cluster": {
        "vpc_id": Fact("network", needed_if="service_discovery"),
        "execute_command_log_group": Fact("observability", needed=False),
        "kms_key_arn": Fact("security", needed=False),
    },
    "image": {
        "kms_key_arn": Fact("security", needed=False),
    },
    "airflow": {
        "cluster": Fact("cluster"),
        "image": Fact("image_airflow"),
        "subnet_ids": Fact("network"),
        "security_group_ids": Fact("security"),
        "role_arns": Fact("security"),
        "log_group": Fact("observability"),
        "log_bucket": Fact("storage"),
        "dag_bucket": Fact("storage"),
        "queues": Fact("queue"),
        "url": Fact("load_balancer"),
        "execution_api_server_url": Fact("cluster"),
        "target_group_arn": Fact("load_balancer"),
        "api_server_security_group_ids": Fact("security", needed=False),
        "execution_api_security_group_ids": Fact("security", needed=False),
        "forwarded_allow_ips": Fact("network", needed=False),
        "namespace_id": Fact("cluster", needed=False),
        "database_resource_id": Fact("database"),
    },
    "workers": {
        "cluster": Fact("cluster"),
        "image": Fact("image_airflow"),
        "subnet_ids": Fact("network"),
        "security_group_ids": Fact("security"),
        "role_arns": Fact("security"),
        "log_group": Fact("observability"),
        "log_bucket": Fact("storage"),
        "dag_bucket": Fact("storage"),
        "queues": Fact("queue"),
        "url": Fact("load_balancer"),
        "execution_api_server_url": Fact("airflow"),
        "draining_pools": Fact("queue", needed=False),
    },
    "scaler": {
        "cluster": Fact("cluster"),
        "image": Fact("image_scaler"),
        "subnet_ids": Fact("network"),
        "security_group_ids": Fact("security"),
        "role_arns": Fact("security"),
        "log_group": Fact("observability"),
        "pools": Fact("workers"),
        "database_secret": Fact("database"),
    },
    # end of facts
}
"""The facts that each role needs, by its variables without its prefix; the roles in the order of ``site``."""

# Their modules read, by name, the secrets that the role secrets makes.
READS_SECRETS = {"database", "airflow"}


def fact(ansible_facts: Mapping[str, Any], component: str, path: Iterable[str], environment: str) -> Any:
    """Return what stands at ``path`` in the facts of a component of this environment, None if there is nothing."""
    value: Any = ansible_facts.get(f"sm2a_{component}") or {}
    if value.get("environment") != environment:
        return None
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def parts_of_tags(tags: Iterable[str], skipped: Iterable[str]) -> list[str]:
    """Return the components that ``site`` makes with ``--tags`` and ``--skip-tags``; each image is one."""
    wanted, unwanted = set(tags), set(skipped)
    everything = bool(wanted & {"all", "tagged"})
    return [
        part
        for part, names in TAGS.items()
        if (everything or wanted & set(names)) and not unwanted & {*names, "all", "tagged"}
    ]


def chosen_parts(variables: Mapping[str, Any]) -> list[str]:
    """Return the components that the tags of this run choose, as the variables of a task have them."""
    return parts_of_tags(variables.get("ansible_run_tags", []), variables.get("ansible_skip_tags", []))


def roles_of(parts: Iterable[str]) -> list[str]:
    """Return the roles that make these components, each once."""
    return list(dict.fromkeys(map(role_of, parts)))


def tags_for(roles: Iterable[str]) -> list[str]:
    """Return the tags with which ``site`` runs these roles and all that they need, in its order."""
    needed = set(roles)
    while True:
        more = {role_of(source.component) for role in needed for source in FACTS[role].values() if source.needed}
        more |= {"secrets"} if needed & READS_SECRETS else set()
        more -= needed
        if not more:
            return [role for role in ROLES if role in needed]
        needed |= more


@dataclass(frozen=True)
class Gap:
    """A variable of a role that has no value, since the facts of a component of this environment are not there.

    ``owner`` is the environment of the facts that are there instead, None if there are none.
    """

    role: str
    variable: str
    component: str
    environment: str
    needed: bool
    owner: str | None


class Gaps:
    """Looks for facts that roles need and that are not there.

    ``value_of`` returns the value of a variable, None if there is no such variable; ``running`` are the components,
    each image one, of which it is known that they will be made before. ``there`` are roles that need not run, since
    what they make is known to exist.
    """

    def __init__(
        self,
        ansible_facts: Mapping[str, Any],
        value_of: Callable[[str], Any],
        running: Iterable[str] = (),
        there: Iterable[str] = (),
    ) -> None:
        self._facts = ansible_facts
        self._value_of = value_of
        self._running = set(running)
        self._there = set(there)

    def of(self, roles: Iterable[str]) -> list[str]:
        """Return what is missing for these roles, and what to do about it, as sentences."""
        foreign: list[str] = []
        missing: dict[str, dict[str, list[str]]] = {}
        for role in roles:
            for gap in self.of_role(role):
                maker = role_of(gap.component)
                if gap.owner:
                    foreign.append(_foreign(gap, maker))
                elif gap.needed:
                    missing.setdefault(role, {}).setdefault(maker, []).append(gap.variable)
        return [*foreign, *(_missing(role, makers) for role, makers in missing.items()), *self._advice(missing)]

    def of_role(self, role: str) -> list[Gap]:
        """Return the variables of a role that lack a fact, needed or not."""
        if self._value_of(f"{role}_state") == "absent":
            return []
        environment = self.environment_of(role)
        gaps = []
        for option, source in FACTS[role].items():
            variable = f"{role}_{option}"
            if source.component in self._running or self._value_of(variable):
                continue
            owner = (self._facts.get(f"sm2a_{source.component}") or {}).get("environment")
            if owner != environment:
                needed = self.needs(role, source)
                gaps.append(Gap(role, variable, source.component, environment, needed, owner))
        return gaps

    def environment_of(self, role: str) -> Any:
        """Return the environment of a role. One that is included later has no defaults yet."""
        return self._value_of(f"{role}_environment") or self._value_of("sm2a_environment")

    def needs(self, role: str, source: Fact) -> bool:
        """Tell whether a role cannot do without a fact."""
        if not source.needed_if:
            return source.needed
        # On the command line and in surveys of AWX it is a text.
        return bool(boolean(self._value_of(f"{role}_{source.needed_if}"), strict=False))

    def _advice(self, missing: Mapping[str, Any]) -> list[str]:
        if not missing:
            return []
        chosen = roles_of([*self._running, *missing])
        return [advice(tags_for(chosen), self._there - {*chosen})]


def advice(tags: Iterable[str], there: Iterable[str] = ()) -> str:
    """Say what to do where something is missing."""
    chosen = ",".join(tag for tag in tags if tag not in set(there))
    return (
        "Set these variables, or run those roles before, for the same environment; "
        f"with the playbook site: --tags {chosen}"
    )


def _foreign(gap: Gap, maker: str) -> str:
    return (
        f"{gap.variable}: the facts of {gap.component} are of the environment {gap.owner!r}, not of "
        f"{gap.environment!r}. Run the role {maker} of {gap.environment!r} first, or set {gap.variable}."
    )


def _missing(role: str, makers: Mapping[str, list[str]]) -> str:
    needed = "; ".join(f"{maker} ({', '.join(variables)})" for maker, variables in makers.items())
    return f"The role {role} needs facts of roles that have not run: {needed}."
