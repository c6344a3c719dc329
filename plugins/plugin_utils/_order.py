# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The order of the playbook ``site``: the one place that says which role runs when, under which tags.

``make generate`` writes the roles of the playbooks and the lists of the documents from it. ``teardown`` has the
components in the reverse of the order in which they begin here.
"""

from __future__ import annotations

from dataclasses import dataclass

IMAGE = "image"


@dataclass(frozen=True)
class Step:
    """One run of a role.

    ``name`` is what the playbook says while it runs. Without ``waits`` what takes long is started and left for a later
    step of the same role. ``entry`` is the file of the role's tasks, if it is not its main one. Without ``tags`` the
    tag is the role's name.
    """

    role: str
    name: str
    waits: bool = True
    entry: str = ""
    tags: tuple[str, ...] = ()

    @property
    def component(self) -> str:
        """The component that the step makes, as facts name it. Each image is one."""
        return f"image_{self.role}" if self.entry == IMAGE else self.role

    @property
    def all_tags(self) -> tuple[str, ...]:
        """The tags under which the step runs."""
        return self.tags or (self.role,)


STEPS = (
    Step("network", "Network"),
    Step("security", "Security"),
    Step("storage", "Storage"),
    Step("secrets", "Secrets"),
    Step("queue", "Queue"),
    # What takes minutes on AWS begins early, and is waited for just before Airflow needs it.
    Step("database", "Begin the database", waits=False),
    Step("load_balancer", "Begin the load balancer", waits=False),
    Step("observability", "Observability"),
    Step("cluster", "Cluster"),
    Step("airflow", "Image of Airflow", entry=IMAGE, tags=(IMAGE,)),
    Step("scaler", "Image of the scaler", entry=IMAGE, tags=(IMAGE,)),
    Step("database", "Finish the database"),
    Step("load_balancer", "Finish the load balancer"),
    Step("airflow", "Airflow"),
    Step("workers", "Workers"),
    Step("scaler", "Scaler"),
)

TAGS: dict[str, tuple[str, ...]] = {step.component: step.all_tags for step in STEPS}
"""The tags under which ``site`` makes each component; each image is one."""


def role_of(component: str) -> str:
    """Return the role that makes a component. All images have one."""
    return IMAGE if component.startswith(f"{IMAGE}_") else component


ROLES: tuple[str, ...] = tuple(dict.fromkeys(map(role_of, TAGS)))
"""Every role once, in the order in which they begin."""
IMAGES: tuple[str, ...] = tuple(part.removeprefix(f"{IMAGE}_") for part in TAGS if role_of(part) == IMAGE)
"""The names of the images."""
