# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Saves the plan of a play, or refuses to go on when the plan is another one than was saved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.amazon.aws.plugins.module_utils.modules import aws_argument_spec

from ansible_collections.sm2a.airflow.plugins.plugin_utils._facts import chosen_parts
from ansible_collections.sm2a.airflow.plugins.plugin_utils._output import show
from ansible_collections.sm2a.airflow.plugins.plugin_utils._plan import Plan, PlanError, collection_version, plans_of


class ActionModule(ActionBase):
    """Runs on the controller; its documentation is that of the module of its name."""

    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Save the plan, in check mode too, or compare it."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _checked, arguments = self.validate_argument_spec(
            {
                "path": {"type": "path", "required": True},
                "environment": {"type": "str", "required": True},
                "compare": {"type": "bool", "default": False},
                "before": {"type": "list", "elements": "float", "default": []},
                **aws_argument_spec(),
            }
        )
        path = Path(arguments["path"]).absolute()
        try:
            now = self._plan(arguments, task_vars or {})
            if arguments["compare"]:
                return {**result, **_compared(path, now)}
            now.save(path)
        except PlanError as error:
            raise AnsibleActionFail(str(error)) from error
        show([f"The plan is saved: {path}"])
        return {**result, "changed": False, "path": str(path)}

    def _plan(self, arguments: dict[str, Any], variables: dict[str, Any]) -> Plan:
        """Return the plan of the components that have run in this play."""
        plans = plans_of(variables["ansible_facts"], arguments["before"])
        about = {
            "collection": collection_version(),
            "environment": arguments["environment"],
            "region": ", ".join(sorted({plan["region"] for plan in plans})),
            "account": self._account(variables),
        }
        return Plan.of(plans, about, chosen_parts(variables))

    def _account(self, variables: dict[str, Any]) -> str:
        """Return the account that the modules of the host work on."""
        ours = ("path", "environment", "compare", "before")
        arguments = {option: value for option, value in self._task.args.items() if option not in ours}
        answer = self._execute_module("amazon.aws.aws_caller_info", module_args=arguments, task_vars=variables)
        if "account" not in answer:
            raise PlanError(f"AWS does not say which account this is: {answer.get('msg')}")
        return str(answer["account"])


def _compared(path: Path, now: Plan) -> dict[str, Any]:
    """Return the result of a comparison, which fails unless both plans are the same."""
    differences = Plan.load(path).differences(now)
    if not differences:
        return {"changed": False, "path": str(path)}
    lines = [f"{path} is not what this run would do, so nothing has been changed:", *differences]
    return {"failed": True, "path": str(path), "differences": differences, "msg": "\n".join(lines)}
