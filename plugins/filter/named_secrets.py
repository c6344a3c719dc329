# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filter for the secrets that a configuration of Airflow names."""

from __future__ import annotations

DOCUMENTATION = r"""
name: named_secrets
short_description: The secrets that options of Airflow name
version_added: 0.1.0
description:
  - Airflow reads a sensitive option from Secrets Manager if its form C(*_secret) names a secret below
    C(sm2a/<environment>/config/). Returns these names, so that the services may be allowed to read them.
author:
  - SM2A contributors (@sm2a)
positional: variables
options:
  _input:
    description: Airflow's configuration, as sections of options, or the text of one.
    type: raw
    required: true
  variables:
    description: Mappings of environment variables, which may name secrets too.
    type: list
    elements: dict
    default: []
"""

EXAMPLES = r"""
- name: Name the secret from which Airflow reads where Sentry is
  ansible.builtin.debug:
    msg: "{{ {'sentry': {'sentry_dsn_secret': 'sentry'}} | sm2a.airflow.named_secrets }}"
"""

RETURN = r"""
_value:
  description: The names, below C(sm2a/<environment>/config/).
  type: list
  elements: str
"""

from collections.abc import Callable, Sequence
from typing import Any

from ansible_collections.sm2a.airflow.plugins.module_utils._components import _variables
from ansible_collections.sm2a.airflow.plugins.module_utils._text import from_text


def named_secrets(configuration: Any, variables: Sequence[Any] = ()) -> list[str]:
    """Return the names of the secrets, sorted."""
    return _variables.named_secrets(*(from_text(given, mapping=True) for given in (configuration, *variables)))


class FilterModule:
    """The filter."""

    def filters(self) -> dict[str, Callable[..., list[str]]]:
        """Return the filter by its name."""
        return {"named_secrets": named_secrets}
