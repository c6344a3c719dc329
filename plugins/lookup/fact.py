# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lookup plugin of the roles' defaults."""

from __future__ import annotations

DOCUMENTATION = r"""
name: fact
short_description: A fact of a component of one SM2A environment
version_added: 0.1.0
description:
  - Every module of a component returns a fact C(sm2a_<component>), which carries the name of its environment.
  - This reads a value from it, and finds nothing if the fact belongs to another environment.
  - The defaults of the roles use this lookup, so that two environments in one play do not mix.
author:
  - SM2A contributors (@sm2a)
options:
  _terms:
    description:
      - The component, and the keys below which the value is found in its fact.
      - For an image the component is C(image_) and the image's name.
    type: list
    elements: str
    required: true
  environment:
    description: Name of the SM2A environment.
    type: str
    required: true
  default:
    description: What is returned where there is no such fact, or none of this environment.
    type: raw
    default: ""
seealso:
  - plugin: sm2a.airflow.missing_facts
    plugin_type: lookup
"""

EXAMPLES = r"""
- name: Look where Airflow is
  ansible.builtin.debug:
    msg: "{{ lookup('sm2a.airflow.fact', 'load_balancer', 'url', environment='dev') }}"

- name: Give nothing where the network has not been made in this play
  ansible.builtin.debug:
    msg: "{{ lookup('sm2a.airflow.fact', 'network', 'private_subnet_ids', environment='dev', default=[]) }}"
"""

RETURN = r"""
_raw:
  description: The value, or O(default).
  type: list
  elements: raw
"""

from typing import Any

from ansible.plugins.lookup import LookupBase

from ansible_collections.sm2a.airflow.plugins.plugin_utils._facts import fact


class LookupModule(LookupBase):
    """The lookup."""

    def run(self, terms: list[str], variables: dict[str, Any] | None = None, **kwargs: Any) -> list[Any]:
        """Return a list of the one value."""
        self.set_options(var_options=variables, direct=kwargs)
        component, *path = terms
        value = fact((variables or {}).get("ansible_facts", {}), component, path, self.get_option("environment"))
        return [self.get_option("default") if value is None else value]
