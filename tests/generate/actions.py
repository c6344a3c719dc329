# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action plugins by which modules of components run in the controller's process."""

from __future__ import annotations

from components import SOURCES, UTILS
from documents import head

from ansible_collections.sm2a.airflow.plugins.plugin_utils._order import ROLES


def files() -> dict[str, str]:
    """Return the text of each component's action plugin, by its path below the root."""
    return {f"plugins/action/{role}.py": _action(role) for role in ROLES}


def _action(name: str) -> str:
    return f'''\
{head(f"{SOURCES}/{name}.py")}
"""Runs the module of its name in the controller's process, where that is as good as anywhere else."""

from __future__ import annotations

# Imported for all tasks: Ansible loads action plugins before it forks.
# pylint: disable=unused-import
import {UTILS}.{name}  # noqa: F401
from ansible_collections.sm2a.airflow.plugins.plugin_utils._component_action import ModuleAction


class ActionModule(ModuleAction):
    """Its documentation is that of the module of its name."""
'''
