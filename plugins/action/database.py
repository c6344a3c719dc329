# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# `make generate` writes this file from plugins/module_utils/_components/database.py; do not edit it.

"""Runs the module of its name in the controller's process, where that is as good as anywhere else."""

from __future__ import annotations

# Imported for all tasks: Ansible loads action plugins before it forks.
# pylint: disable=unused-import
import ansible_collections.sm2a.airflow.plugins.module_utils._components.database  # noqa: F401
from ansible_collections.sm2a.airflow.plugins.plugin_utils._component_action import ModuleAction


class ActionModule(ModuleAction):
    """Its documentation is that of the module of its name."""
