# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Components with the defaults that they declare."""

from __future__ import annotations

import copy
from typing import Any, TypeVar

from fake_aws import FakeAws

from ansible_collections.sm2a.airflow.plugins.module_utils._components._base import Component

AnyComponent = TypeVar("AnyComponent", bound=Component)


def component(kind: type[AnyComponent], aws: FakeAws, **options: Any) -> AnyComponent:
    """Return a component of the environment ``test`` with these options, and the declared defaults of all others."""
    defaults = {name: copy.deepcopy(argument.get("default")) for name, argument in kind.ARGUMENTS.items()}
    given: Any = {"environment": "test", "state": "present", "tags": {}, "wait": True, **defaults, **options}
    account: Any = aws
    return kind(given, account)
