# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads from AWS what roles need and what no role of this play has made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible_collections.amazon.aws.plugins.module_utils.modules import aws_argument_spec

from ansible_collections.sm2a.airflow.plugins.module_utils._components.image import image_facts
from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.errors import (
    BotoCoreError,
    ClientError,
    ReconcileError,
)
from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.values import has_unknown
from ansible_collections.sm2a.airflow.plugins.module_utils._resources.ecs_service import image_of_service
from ansible_collections.sm2a.airflow.plugins.plugin_utils._component_action import ComponentAction
from ansible_collections.sm2a.airflow.plugins.plugin_utils._controller_aws import controller_aws
from ansible_collections.sm2a.airflow.plugins.plugin_utils._facts import FACTS, chosen_parts, roles_of
from ansible_collections.sm2a.airflow.plugins.plugin_utils._facts_reader import FactsReader
from ansible_collections.sm2a.airflow.plugins.plugin_utils._role_options import RoleOptions

# The service that runs each image.
RUNS = {"airflow": "scheduler", "scaler": "scaler"}


class ActionModule(ComponentAction):
    """Runs on the controller; its documentation is that of the module of its name."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the facts, or fail with all that is missing."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        self._variables = task_vars or {}
        _checked, self._arguments = self.validate_argument_spec(
            {"roles": {"type": "list", "elements": "str"}, **aws_argument_spec()}
        )
        running: list[str] = []
        roles = self._arguments["roles"]
        if roles is None:
            running = chosen_parts(self._variables)
            roles = roles_of(running)
        unknown = [role for role in roles if role not in FACTS]
        if unknown:
            raise AnsibleActionFail(f"roles: {unknown[0]!r} is no role of SM2A; they are {', '.join(FACTS)}")
        self._options = RoleOptions(self._templar, self._variables, self._loader)
        planned = [] if self._task.check_mode else only_planned(self._variables.get("ansible_facts", {}))
        self._options.add_facts(dict.fromkeys(planned))
        reader = FactsReader(self._options, self._read, self._deployed)
        missing = reader.read(roles, running)
        result |= {"changed": False, "warnings": reader.warnings, "api_calls": {"read": reader.reads, "write": 0}}
        if missing:
            return {**result, "failed": True, "msg": " ".join(missing)}
        return {**result, "ansible_facts": {**{name: {} for name in planned}, **reader.facts}}

    def _read(self, component: str, options: dict[str, Any]) -> dict[str, Any]:
        """Return what a component's module returns that may make no change."""
        where = {option: value for option, value in self._task.args.items() if option != "roles"}
        return self.run_component(component, {**where, **options}, self._variables, check_mode=True)

    def _deployed(self, image: str, environment: str) -> dict[str, Any] | None:
        """Return the facts of the image that an environment runs, None if it runs none or nobody can tell."""
        # Elsewhere it is that machine's credentials which count.
        if self._connection.transport != "local":
            return None
        service = RUNS[image]
        cluster = self._options.value(f"{image}_cluster") or f"sm2a-{environment}"
        try:
            uri = image_of_service(controller_aws(self._arguments), cluster, f"sm2a-{environment}-{service}")
        except (ClientError, BotoCoreError, ReconcileError):
            return None
        return {"environment": environment, **image_facts(image, uri)} if uri else None


def only_planned(facts: Mapping[str, Any]) -> list[str]:
    """Return the names of facts that only a plan has left, in a cache of facts: they are of what may not exist."""
    names = [f"sm2a_{source.component}" for sources in FACTS.values() for source in sources.values()]
    return [name for name in dict.fromkeys(names) if has_unknown(facts.get(name))]
