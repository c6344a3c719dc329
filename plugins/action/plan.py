# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plans all components of ``site`` in one task, each with what those before it would have."""

from __future__ import annotations

from collections import Counter
from typing import Any

from ansible.errors import AnsibleError
from ansible_collections.amazon.aws.plugins.module_utils.modules import aws_argument_spec

from ansible_collections.sm2a.airflow.plugins.module_utils._components._account import vcpu_warnings
from ansible_collections.sm2a.airflow.plugins.plugin_utils._component_action import ComponentAction
from ansible_collections.sm2a.airflow.plugins.plugin_utils._controller_aws import controller_aws
from ansible_collections.sm2a.airflow.plugins.plugin_utils._facts import chosen_parts
from ansible_collections.sm2a.airflow.plugins.plugin_utils._order import role_of
from ansible_collections.sm2a.airflow.plugins.plugin_utils._plan import FACT_PREFIX
from ansible_collections.sm2a.airflow.plugins.plugin_utils._role_options import TaskOptions, read_all_ahead

# What starts tasks where it is new or different.
TASKS = {"AWS::ECS::Service", "AWS::ECS::TaskDefinition"}
STARTING = ("create", "update")

read_all_ahead()


class ActionModule(ComponentAction):
    """Runs on the controller; its documentation is that of the module of its name."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the plan and the facts that go with it, or fail with the first component that cannot be planned."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        variables = task_vars or {}
        _checked, where = self.validate_argument_spec(aws_argument_spec())
        options = TaskOptions(self._templar, variables, self._loader)
        facts: dict[str, Any] = {}
        answers: dict[str, dict[str, Any]] = {}
        for part in chosen_parts(variables):
            try:
                arguments = {**self._task.args, **options.of(part), "wait": True}
            except AnsibleError as error:
                return {**result, "failed": True, "msg": f"{part}: {error}"}
            answer = self.run_component(role_of(part), arguments, variables, check_mode=True)
            if answer.get("failed"):
                return {**result, **answer, "changed": False, "msg": f"{part}: {answer.get('msg')}"}
            answers[part] = answer
            facts |= answer["ansible_facts"]
            options.add_facts(answer["ansible_facts"])
        changed = any(answer["changed"] for answer in answers.values())
        left = any(fact.get("pending") for name, fact in facts.items() if name.startswith(FACT_PREFIX))
        if changed and not self._task.check_mode:
            # The roles leave the true ones. Should the run break off, a cache of facts keeps none that is made up.
            facts = {name: fact for name, fact in facts.items() if name.startswith(FACT_PREFIX)}
        result |= {
            "changed": changed and self._task.check_mode,
            "complete": not (changed or left),
            "ansible_facts": facts,
            "plan": [step for answer in answers.values() for step in answer["plan"]],
            "api_calls": {
                kind: sum(answer["api_calls"][kind] for answer in answers.values()) for kind in ("read", "write")
            },
            "warnings": [warning for answer in answers.values() for warning in answer.get("warnings", [])],
        }
        # Elsewhere it is that machine's credentials which count.
        if self._connection.transport == "local":
            result["warnings"] += vcpu_warnings_of(answers, where)
        if self._task.check_mode:
            result["diff"] = [_titled(part, answer["diff"]) for part, answer in answers.items() if answer["changed"]]
        return result


def _titled(part: str, diff: dict[str, Any]) -> dict[str, Any]:
    return {**diff, "before_header": part, "after_header": part}


def vcpu_warnings_of(answers: dict[str, dict[str, Any]], where: dict[str, Any]) -> list[str]:
    """Return what the account lacks for the tasks of these planned components; nothing if no task is to be started.

    ``where`` are the arguments that say where AWS is.
    """
    kinds = {step["kind"] for answer in answers.values() for step in answer["plan"] if step["action"] in STARTING}
    if not kinds & TASKS:
        return []
    facts = {name: fact for answer in answers.values() for name, fact in answer["ansible_facts"].items()}
    plans = [fact for name, fact in facts.items() if name.startswith(FACT_PREFIX)]
    wanted: Counter[str] = Counter()
    for fact in plans:
        wanted.update(fact.get("vcpus", {}))
    return vcpu_warnings(controller_aws({**where, "region": plans[0]["region"]}), wanted)
