# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The Ansible module of every component: AnsibleAWSModule, for options that may be text."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.amazon.aws.plugins.module_utils.botocore import get_aws_connection_info
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.amazon.aws.plugins.module_utils.retries import RetryingBotoClientWrapper

from .._reconcile.aws import session
from .._reconcile.errors import BotoCoreError, OptionError
from .._text import given
from ._regions import region_fault, region_warning
from ._versions import refuse_older_versions

try:
    from botocore.config import Config
except ImportError:
    pass  # AnsibleAWSModule reports it with the interpreter's name.

# What AWS's logs of calls show beside boto3 and its version.
USER_AGENT = "Ansible sm2a.airflow"
# An empty one takes away the boundary that a role has; without the option the role keeps it.
EMPTY_SAYS_SOMETHING = frozenset({"role_permissions_boundary"})


class _Module(AnsibleModule):
    """A module that takes an empty text for an option that was not given, and JSON or YAML for what it describes."""

    params: dict[str, Any]

    def _load_params(self) -> None:
        super()._load_params()
        self.params = given(self.params, self.argument_spec, keep=EMPTY_SAYS_SOMETHING)


# amazon.aws looks for the class here; a keyword of the same name does nothing.
AnsibleAWSModule.default_settings["module_class"] = _Module


class _AwsModule(AnsibleAWSModule):
    """Makes all clients from one session, which asks for credentials once and reads AWS's models once."""

    @cached_property
    def _session(self) -> Any:
        return session(self.params["profile"] or None)

    def client(self, service: str, retry_decorator: Any = None, **extra_params: Any) -> Any:
        """Return a client of boto3, as AnsibleAWSModule does."""
        region, endpoint_url, connection = get_aws_connection_info(self)
        try:
            config = Config(user_agent_extra=USER_AGENT).merge(connection.pop("aws_config", None) or Config())
            connection.pop("profile_name", None)
            client = self._session.client(
                service, region_name=region, endpoint_url=endpoint_url, config=config, **connection, **extra_params
            )
        except (ValueError, BotoCoreError):
            # amazon.aws ends the module with a sentence of its own.
            return super().client(service, retry_decorator, **extra_params)
        return RetryingBotoClientWrapper(client, retry_decorator) if retry_decorator else client


def aws_module(argument_spec: Mapping[str, Any], **keywords: Any) -> AnsibleAWSModule:
    """Return the module, its options validated, which works in check mode."""
    module = _AwsModule(argument_spec=dict(argument_spec), supports_check_mode=True, **keywords)
    refuse_older_versions(module)
    region = str(module.region or "")
    fault, warning = region_fault(region), region_warning(region)
    if fault:
        module.fail_json(**refusal([fault]))
    if warning:
        module.warn(warning)
    return module


def refusal(wrong: list[OptionError]) -> dict[str, Any]:
    """Return what a module answers that refuses options: all that is wrong with them, and the parts of the first."""
    errors = [{"option": error.option, "rule": error.rule, "documentation": error.documentation} for error in wrong]
    return {"msg": "\n".join(dict.fromkeys(map(str, wrong))), "errors": errors, **errors[0]}
