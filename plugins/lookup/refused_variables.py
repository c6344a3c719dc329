# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lookup of the variables that the playbooks refuse."""

from __future__ import annotations

DOCUMENTATION = r"""
name: refused_variables
short_description: What is wrong with the variables that a host was given
version_added: 0.1.0
description:
  - Ansible passes over a variable that nobody reads, and a misspelt one is such a variable. This finds them before
    anything is done.
  - "It refuses: a variable whose name begins like those of a role of SM2A, or with C(sm2a_), and that SM2A does not
    know; a variable whose name is one slip away from one that SM2A knows; a value that is not of the variable's type,
    or that is none of its choices; an unknown option of a worker pool or of a service of Airflow."
  - A slip is a character too many, too few, another or elsewhere, an underscore that is missing, different or too many,
    upper case, and a plural for a singular or the other way round.
  - Ansible's own variables, those of AWX (C(awx_), C(tower_)), names that begin with C(sm2a_local_), and those in the
    variable C(sm2a_other_variables) are left alone.
  - Values may be text, as answers of a survey are. An empty text is a variable that was not set.
author:
  - SM2A contributors (@sm2a)
"""

EXAMPLES = r"""
- name: Refuse misspelt variables
  ansible.builtin.assert:
    that: refused == []
    fail_msg: "{{ refused | join(' ') }}"
  vars:
    refused: "{{ query('sm2a.airflow.refused_variables') }}"
"""

RETURN = r"""
_raw:
  description: A sentence for each variable that is refused; empty if all is well.
  type: list
  elements: str
"""

from typing import Any

from ansible.plugins.lookup import LookupBase

from ansible_collections.sm2a.airflow.plugins.plugin_utils._fence import refused_variables


class LookupModule(LookupBase):
    """The lookup."""

    def run(self, terms: list[Any], variables: dict[str, Any] | None = None, **kwargs: Any) -> list[str]:
        """Return a sentence for each variable that is refused."""
        return [sentence for _variable, sentence in refused_variables(variables or {}, self._templar)]
