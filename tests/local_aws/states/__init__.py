# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""States and time of AWS before an emulator, which has neither: everything there is at once and at any time.

What is refused here is what AWS's documentation says it refuses, and what takes seconds or minutes on AWS takes them
here too, scaled down. Chance decides where the documentation says "may"; it hangs on a seed alone, so that a run that
failed can be repeated.

``SM2A_LOCAL_SEED`` gives the seed; without it the emulator stays as it is. ``SM2A_LOCAL_SECONDS`` says how many seconds
a second of AWS takes.
"""

from __future__ import annotations

import os

from .calls import Asgi, Rule, around
from .chance import Chance
from .databases import Databases
from .in_use import InUse
from .keys import Keys
from .quotas import Quotas
from .throttling import Throttling
from .visibility import Visibility

SEED = "SM2A_LOCAL_SEED"
SECONDS = "SM2A_LOCAL_SECONDS"
# A database that takes seven minutes on AWS then takes eight seconds, and what is still in use for a minute one.
USUAL_SECONDS = "0.02"


def rules(chance: Chance) -> list[Rule]:
    """Return all rules, each with nothing to remember yet."""
    return [
        Throttling(chance),
        Quotas(),
        Visibility(chance),
        Keys(),
        Databases(chance),
        InUse(chance),
    ]


def install(app: Asgi) -> Asgi:
    """Return ``app`` with the states before it, if the environment variable gives a seed."""
    seed = os.environ.get(SEED)
    if not seed:
        return app
    factor = float(os.environ.get(SECONDS) or USUAL_SECONDS)
    return around(app, lambda: rules(Chance(seed, factor)))
