# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How action plugins run a component."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase


class ComponentAction(ActionBase):
    """An action plugin that runs components."""

    def run_component(
        self, component: str, arguments: dict[str, Any], task_vars: dict[str, Any], check_mode: bool | None = None
    ) -> dict[str, Any]:
        """Return what the module of a component returns; ``check_mode`` is the task's unless it is given."""
        before = self._task.check_mode
        if check_mode is not None:
            self._task.check_mode = check_mode
        try:
            return dict(self._execute_module(f"sm2a.airflow.{component}", module_args=arguments, task_vars=task_vars))
        finally:
            self._task.check_mode = before
