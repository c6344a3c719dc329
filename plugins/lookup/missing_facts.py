# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lookup plugin for plays that want to know what a role lacks before they run it."""

from __future__ import annotations

DOCUMENTATION = r"""
name: missing_facts
short_description: What roles of SM2A would have to guess
version_added: 0.1.0
description:
  - A role takes what it was not told from the facts of roles that ran before it in the play.
  - This finds what a role needs and that neither its variables nor such a fact give, and facts of another environment.
  - It says which roles have to run before, and with which tags the playbook C(sm2a.airflow.site) runs them.
  - A role whose state is C(absent) needs nothing.
author:
  - SM2A contributors (@sm2a)
options:
  _terms:
    description: Names of roles of this collection. Each is looked at as if it were to run now.
    type: list
    elements: str
  tags:
    description:
      - Instead of roles, the tags that the playbook C(site) is run with, such as C(ansible_run_tags).
      - Its roles are looked at as if they were to run one after the other.
    type: list
    elements: str
  skipped_tags:
    description: The tags that the playbook C(site) is to leave out, such as C(ansible_skip_tags).
    type: list
    elements: str
    default: []
seealso:
  - plugin: sm2a.airflow.fact
    plugin_type: lookup
"""

EXAMPLES = r"""
- name: Refuse to guess what other roles have made
  ansible.builtin.assert:
    that: query('sm2a.airflow.missing_facts', 'storage') == []
    fail_msg: "{{ query('sm2a.airflow.missing_facts', 'storage') | join(' ') }}"
  vars:
    storage_environment: dev
"""

RETURN = r"""
_raw:
  description: Sentences for the user; none if nothing is missing.
  type: list
  elements: str
"""

from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.lookup import LookupBase

from ansible_collections.sm2a.airflow.plugins.plugin_utils._facts import FACTS, Gaps, parts_of_tags, roles_of


class LookupModule(LookupBase):
    """The lookup."""

    def run(self, terms: list[str], variables: dict[str, Any] | None = None, **kwargs: Any) -> list[str]:
        """Return a list of sentences."""
        self.set_options(var_options=variables, direct=kwargs)
        variables = variables or {}
        for role in terms:
            if role not in FACTS:
                raise AnsibleError(f"missing_facts: {role!r} is no role of SM2A; they are {', '.join(FACTS)}")

        def value_of(name: str) -> Any:
            try:
                return self._templar.template(variables[name]) if name in variables else None
            except AnsibleError:
                return None  # omitted, or made of what is not there

        tags = self.get_option("tags")
        running = [] if tags is None else parts_of_tags(tags, self.get_option("skipped_tags"))
        gaps = Gaps(variables.get("ansible_facts", {}), value_of, running)
        return gaps.of([*terms, *roles_of(running)])
