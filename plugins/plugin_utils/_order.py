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


# What takes minutes on AWS begins before what takes seconds, and is waited for just before something needs it: images
# are built while gateways, load balancer and database are created, and all services start at once.
STEPS = (
    Step("network", "Begin the network", waits=False),
    # A permission that services may still use is taken away at the end, when none of them is as it was.
    Step("security", "Begin security", waits=False),
    Step("secrets", "Secrets"),
    # The longest of all.
    Step("database", "Begin the database", waits=False),
    Step("load_balancer", "Begin the load balancer", waits=False),
    Step("storage", "Storage"),
    Step("queue", "Queue"),
    Step("observability", "Observability"),
    Step("cluster", "Cluster"),
    Step("airflow", "Image of Airflow", entry=IMAGE, tags=(IMAGE,)),
    Step("scaler", "Image of the scaler", entry=IMAGE, tags=(IMAGE,)),
    Step("network", "Finish the network"),
    Step("load_balancer", "Finish the load balancer"),
    Step("database", "Finish the database"),
    # It waits for the migration, after which workers and scaler can start too.
    Step("airflow", "Begin Airflow", waits=False),
    Step("workers", "Begin the workers", waits=False),
    Step("scaler", "Begin the scaler", waits=False),
    Step("airflow", "Finish Airflow"),
    Step("workers", "Finish the workers"),
    Step("scaler", "Finish the scaler"),
    Step("security", "Finish security"),
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
