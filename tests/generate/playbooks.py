# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the playbooks have in common, and their roles in the order of ``site``."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.sm2a.airflow.plugins.plugin_utils._order import IMAGE, IMAGES, ROLES, STEPS, Step
from ansible_collections.sm2a.airflow.plugins.plugin_utils._variables import CONNECTION

ROLE = "sm2a.airflow"


def connection() -> Iterator[str]:
    """Yield the module defaults of a play: how every module of the collection reaches AWS."""
    yield "module_defaults:"
    yield "  group/sm2a.airflow.airflow:"
    for option in CONNECTION:
        yield f'    {option}: "{{{{ sm2a_{option} | default(omit, true) }}}}"'


def site() -> Iterator[str]:
    """Yield the roles of ``site``, as tasks."""
    begun: set[str] = set()
    for step in STEPS:
        yield from _made(step, step.component in begun)
        if not step.waits:
            begun.add(step.component)


def teardown() -> Iterator[str]:
    """Yield the roles of ``teardown``, as tasks: the last begun goes first."""
    for role in reversed(ROLES):
        yield from _images_deleted() if role == IMAGE else _deleted(role)


def _made(step: Step, begun: bool) -> Iterator[str]:
    yield from _task(step.name, "import_role", step.role)
    # Whether facts are missing was looked at for all roles at once.
    yield f"    tasks_from: {step.entry or 'component'}"
    yield "    rolespec_validate: false"
    if not step.waits:
        yield "  vars:"
        yield f"    {step.role}_wait: false"
    if begun:
        # A run that finds everything ready has nothing to look at twice.
        yield f"  when: ansible_facts.sm2a_plan_{step.component}_begun.pending | default(true)"
    yield f"  tags: [{', '.join(step.all_tags)}]"


def _deleted(role: str) -> Iterator[str]:
    yield from _task(role.replace("_", " ").capitalize(), "import_role", role)
    yield "    rolespec_validate: false"
    yield "  vars:"
    yield f"    {role}_state: absent"


def _images_deleted() -> Iterator[str]:
    yield from _task("Images", "include_role", IMAGE)
    yield "    rolespec_validate: false"
    yield "  vars:"
    yield '    image_name: "{{ item }}"'
    yield "    image_state: absent"
    yield f"  loop: [{', '.join(IMAGES)}]"


def _task(name: str, action: str, role: str) -> Iterator[str]:
    yield ""
    yield f"- name: {name}"
    yield f"  ansible.builtin.{action}:"
    yield f"    name: {ROLE}.{role}"
