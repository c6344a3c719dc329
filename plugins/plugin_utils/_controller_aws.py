# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""AWS as action plugins see it: by the arguments of their task, and for reading only."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, NoReturn

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.aws import Aws
from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.errors import ReconcileError


class ControllerAwsError(ReconcileError):
    """The arguments of a task do not say where AWS is, or boto3 is missing."""


class _Arguments(AnsibleAWSModule):
    """What `Aws` needs of a module: the arguments that say where AWS is. It refuses to write."""

    def __init__(self, arguments: dict[str, Any]) -> None:
        self._module = SimpleNamespace(params=arguments)
        self.check_mode = True

    def fail_json(self, *_arguments: Any, msg: str = "", **_more: Any) -> NoReturn:
        raise ControllerAwsError(msg)

    def fail_json_aws(self, exception: BaseException, msg: str | None = None, **_more: Any) -> NoReturn:
        raise ControllerAwsError(f"{msg}: {exception}" if msg else str(exception))


def controller_aws(arguments: dict[str, Any]) -> Aws:
    """Return AWS by arguments as `aws_argument_spec` has them. Any use of it may raise ControllerAwsError."""
    return Aws(_Arguments(arguments))
