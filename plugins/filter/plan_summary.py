# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sums up what the modules of a play did, or would do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.sm2a.airflow.plugins.plugin_utils._plan import ORDER, merged, plans_of

DOCUMENTATION = r"""
name: plan_summary
short_description: Sum up what the modules of SM2A did or would do
version_added: 0.1.0
description:
  - Every module of a component leaves its plan among the facts of the host.
  - Returns a line for each resource that was created, changed or deleted, or would be, and the numbers last.
author:
  - SM2A contributors (@sm2a)
positional: before
options:
  _input:
    description: The facts of the host, C(ansible_facts).
    type: dict
    required: true
  before:
    description:
      - The times, C(at), of plans that are left out, since they were there before the play, from another or from a
        cache of facts.
      - They are compared only with themselves, so the clocks of hosts and controller need not agree.
    type: list
    elements: float
    default: []
  failed:
    description:
      - The result of the task that ended the play, C(ansible_failed_result). A module that failed leaves no facts; its
        plan is of what it did before.
    type: dict
    default: {}
    version_added: 0.1.0
  planned:
    description: Whether the plans are of check mode.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Say what was done
  sm2a.airflow.show:
    lines: "{{ ansible_facts | sm2a.airflow.plan_summary(planned=ansible_check_mode) }}"
"""

RETURN = r"""
_value:
  description: The lines.
  type: list
  elements: str
  sample:
    - create  AWS::SQS::Queue sm2a-dev-default
    - 'Plan: 1 to create, 0 to change, 0 to delete'
"""

SHOWN = {"create": "create", "update": "change", "delete": "delete", "deferred": "later"}
SUMMARY = {
    True: "Plan: {create} to create, {update} to change, {delete} to delete",
    False: "Created {create}, changed {update}, deleted {delete}",
}


def plan_summary(
    facts: dict[str, Any],
    before: Sequence[float] = (),
    planned: bool = False,
    failed: Mapping[str, Any] = MappingProxyType({}),
) -> list[str]:
    """Return a line for each resource that changes, by kind and name, and the numbers last."""
    if not isinstance(facts, dict):
        raise AnsibleFilterError("plan_summary: the facts of a host are needed, ansible_facts")
    steps = merged([*plans_of(facts, before), *([{"steps": failed["plan"]}] if "plan" in failed else [])])
    actions = {(step["kind"], step["name"]): step["action"] for step in steps}
    numbers = Counter(actions.values())
    lines = [f"{SHOWN[action]:6}  {kind} {name}" for (kind, name), action in sorted(actions.items()) if action in SHOWN]
    return [*lines, SUMMARY[bool(planned)].format(**{action: numbers[action] for action in ORDER})]


class FilterModule:
    """Ansible's way to find the filter."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {"plan_summary": plan_summary}
