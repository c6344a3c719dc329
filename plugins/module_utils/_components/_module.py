# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The Ansible module of every component: AnsibleAWSModule, for options that may be text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from .._text import given
from ._versions import refuse_older_versions

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


def aws_module(argument_spec: Mapping[str, Any], **keywords: Any) -> AnsibleAWSModule:
    """Return the module, its options validated, which works in check mode."""
    module = AnsibleAWSModule(argument_spec=dict(argument_spec), supports_check_mode=True, **keywords)
    refuse_older_versions(module)
    return module
