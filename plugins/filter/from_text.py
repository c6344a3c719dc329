# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filter for variables that may be text."""

from __future__ import annotations

DOCUMENTATION = r"""
name: from_text
short_description: The mapping or list that a text describes
version_added: 0.1.0
description:
  - Answers of a survey are text. Returns the mapping or list that a text of JSON or YAML describes, and any other value
    as it is.
author:
  - SM2A contributors (@sm2a)
options:
  _input:
    description: A text, or anything else.
    type: raw
    required: true
  mapping:
    description: Whether a mapping is expected. A text of pairs, C(a=1,b=2), is then one too.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Name the worker pools, whether they are a mapping or the text of one
  ansible.builtin.debug:
    msg: "{{ sm2a_worker_pools | sm2a.airflow.from_text(mapping=true) | list }}"
"""

RETURN = r"""
_value:
  description: What the text describes, or the value as it is.
  type: raw
"""

from collections.abc import Callable
from typing import Any

from ansible_collections.sm2a.airflow.plugins.module_utils._text import from_text


class FilterModule:
    """The filter."""

    def filters(self) -> dict[str, Callable[[Any], Any]]:
        """Return the filter by its name."""
        return {"from_text": from_text}
