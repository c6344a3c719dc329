# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A database instance takes its time, and refuses changes meanwhile.

https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/accessing-monitoring.html
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from xml.etree import ElementTree

from .calls import Answer, Call, Refusal
from .chance import Chance

# Seconds on AWS.
CREATING = (300, 600)
BACKING_UP = (60, 180)
MODIFYING = (60, 240)
REFUSED = ("ModifyDBInstance", "RebootDBInstance", "DeleteDBInstance", "CreateDBSnapshot", "StopDBInstance")
MAKING = ("CreateDBInstance", "RestoreDBInstanceFromDBSnapshot")
# What ModifyDBInstance changes without taking the instance out of the state available.
# https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Overview.DBInstance.Modifying.html
QUIET = ("DeletionProtection", "CopyTagsToSnapshot", "AutoMinorVersionUpgrade", "BackupRetentionPeriod")


@dataclass
class Life:
    """The states that an instance has yet to go through, each with its end."""

    ahead: list[tuple[str, float]] = field(default_factory=list)

    def status(self) -> str | None:
        """Return the state that it is in, None if that is the emulator's."""
        now = time.monotonic()
        self.ahead = [(status, until) for status, until in self.ahead if until > now]
        return self.ahead[0][0] if self.ahead else None


class Databases:
    """Knows in which state each instance is."""

    def __init__(self, chance: Chance) -> None:
        self._chance = chance
        self._lives: dict[str, Life] = {}

    def before(self, call: Call) -> Refusal | None:
        """Refuse to change an instance that is not available."""
        if call.service != "rds":
            return None
        for name in call.values("DBInstanceIdentifier"):
            status = self._lives[name].status() if name in self._lives else None
            if call.operation in REFUSED and status:
                return Refusal("InvalidDBInstanceState", f"DB instance {name} is not in available state: {status}")
        return None

    def after(self, call: Call, answer: Answer) -> None:
        """Note what begins, and say of each instance in which state it is."""
        if call.service != "rds":
            return
        for name in call.values("DBInstanceIdentifier"):
            self._note(call, name)
        if "DBInstance" in call.operation:
            tree = answer.tree()
            for element in tree.iter("DBInstance"):
                self._rewrite(element)
            answer.put(tree)

    def _note(self, call: Call, name: str) -> None:
        if call.operation in MAKING:
            created = self._chance.until("creating", *CREATING)
            backed_up = self._chance.until("backing up", *BACKING_UP) - time.monotonic() + created
            # A new instance is backed up at once, if it is to have backups:
            # https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_WorkingWithAutomatedBackups.html
            self._lives[name] = Life([("creating", created), ("backing-up", backed_up)])
        elif call.operation == "ModifyDBInstance":
            changed = set(call.parameters) - {"DBInstanceIdentifier", "ApplyImmediately", "Version", *QUIET}
            if changed:
                self._lives[name] = Life([("modifying", self._chance.until("modifying", *MODIFYING))])
        elif call.operation == "DeleteDBInstance":
            self._lives.pop(name, None)

    def _rewrite(self, element: ElementTree.Element) -> None:
        life = self._lives.get(element.findtext("DBInstanceIdentifier") or "")
        status, state = life.status() if life else None, element.find("DBInstanceStatus")
        if status is None or state is None:
            return
        state.text = status
        endpoint = element.find("Endpoint")
        if status == "creating" and endpoint is not None:
            element.remove(endpoint)
