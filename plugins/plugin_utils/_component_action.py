# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How action plugins run a component: here if that is as good as the module, which has to start Python first."""

from __future__ import annotations

import os
import sys
from typing import Any

from ansible import constants
from ansible.plugins.action import ActionBase
from ansible.plugins.action.normal import ActionModule as NormalAction

from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.aws import read_model
from ansible_collections.sm2a.airflow.plugins.plugin_utils._here import POSSIBLE, PROFILE, run_here

try:
    # The strategy loads action plugins before it forks: all tasks share what is imported here.
    import boto3
except ImportError:
    boto3 = None  # The module reports the missing library.

COLLECTION = "sm2a.airflow"
MODULES = f"ansible_collections.{COLLECTION}.plugins.modules"
# Variables that are read when they are needed. Others, such as PYTHONPATH, have to be there when Python starts.
READ_LATE = ("AWS_", "BUILDX_", "DOCKER_", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "SSL_CERT_")


# The AWS services that the modules call. What is missing here is read when it is needed.
SERVICES = {
    "airflow": ("ecs", "sts"),
    "cluster": ("ecs", "servicediscovery"),
    "database": ("rds", "secretsmanager"),
    "environment_info": ("ecs", "elbv2", "rds", "sqs"),
    "load_balancer": ("acm", "ec2", "elbv2", "route53"),
    "network": ("ec2",),
    "observability": ("logs",),
    "queue": ("ecs", "sqs"),
    "scaler": ("cloudwatch", "ecs", "sts"),
    "secrets": ("secretsmanager",),
    "security": ("ec2", "iam", "kms", "sts"),
    "storage": ("s3", "sts"),
    "workers": ("ecs",),
}


def read_ahead(component: str) -> None:
    """Read what botocore knows of a component's services, while it can be read once for all tasks."""
    if boto3 is not None:
        for service in SERVICES.get(component, ()):
            read_model(service)


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
            return dict(self._execute_module(f"{COLLECTION}.{component}", module_args=arguments, task_vars=task_vars))
        finally:
            self._task.check_mode = before

    def _execute_module(
        self,
        module_name: str | None = None,
        module_args: dict[str, Any] | None = None,
        tmp: str | None = None,
        task_vars: dict[str, Any] | None = None,
        persist_files: bool = False,
        delete_remote_tmp: bool | None = None,
        wrap_async: bool = False,
        ignore_unknown_opts: bool = False,
    ) -> dict[str, Any]:
        """Run one of our modules here, or as Ansible runs every module."""
        name = module_name or self._task.action
        variables = {} if task_vars is None else task_vars
        environment: dict[str, str] = {}
        self._compute_environment_string(environment)
        if wrap_async or not self._can_run_here(variables, environment):
            result: dict[str, Any] = super()._execute_module(
                module_name=module_name,
                module_args=module_args,
                task_vars=task_vars,
                persist_files=persist_files,
                wrap_async=wrap_async,
                ignore_unknown_opts=ignore_unknown_opts,
            )
            return result
        arguments = dict(self._task.args if module_args is None else module_args)
        self._update_module_args(name, arguments, variables, ignore_unknown_opts=ignore_unknown_opts)
        left = run_here(f"{MODULES}.{name.rpartition('.')[2]}", arguments, environment, self._loader.get_basedir())
        return _result(self._parse_returned_data(left, PROFILE))

    def _can_run_here(self, variables: dict[str, Any], environment: dict[str, str]) -> bool:
        """Tell whether the module would run as this user, on this machine, with this Python, and with nothing else."""
        return (
            POSSIBLE
            and boto3 is not None
            and not self._task.async_val
            and self._connection.transport == "local"
            and not self._connection.become
            and all(name.upper().startswith(READ_LATE) for name in environment)
            # Who asks for the program that Ansible makes of a module is to get it.
            and not constants.DEFAULT_KEEP_REMOTE_FILES
            and self._is_our_python(variables)
        )

    def _is_our_python(self, variables: dict[str, Any]) -> bool:
        """Tell whether the host's Python is the controller's, or whether nobody has said which one it is to be."""
        if self._task.delegate_to:
            variables = variables["ansible_delegated_vars"][self._task.delegate_to]
        configured = constants.config.get_config_value("INTERPRETER_PYTHON", variables=variables)
        python = self._templar.template(configured)
        return not python or python in ("auto", "auto_silent") or _same_python(str(python), sys.executable)


class ModuleAction(ComponentAction, NormalAction):
    """The action plugin of a component's module, whose documentation is its own too."""

    def __init_subclass__(cls) -> None:
        read_ahead(cls.__module__.rpartition(".")[2])


def _result(parsed: Any) -> dict[str, Any]:
    """Return the result of a module, which ansible-core 2.20 has as a mapping and later ones as an object."""
    if isinstance(parsed, dict):
        return parsed
    parsed.remove_internal_keys()
    return dict(parsed.as_result_dict(for_round_trip=True))


def _same_python(one: str, other: str) -> bool:
    """Tell whether two paths are of the same Python, with the same libraries.

    An environment made by venv has its libraries beside the folder with the link, and not where the link leads.
    """
    folders = {os.path.realpath(os.path.dirname(path)) for path in (one, other)}
    return len(folders) == 1 and os.path.realpath(one) == os.path.realpath(other)
