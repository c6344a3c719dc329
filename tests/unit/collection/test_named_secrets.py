# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The secrets of users' own that the role security allows by default."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.sm2a.airflow.plugins.filter.named_secrets import FilterModule

CONFIGURATION = {"sentry": {"sentry_dsn_secret": "dsn"}, "core": {"parallelism": 7}}
VARIABLES = {"AIRFLOW__CELERY__FLOWER_BASIC_AUTH_SECRET": "flower", "HOME": "/"}


@pytest.mark.parametrize("given", [(CONFIGURATION, VARIABLES), (json.dumps(CONFIGURATION), json.dumps(VARIABLES))])
def test_they_are_found_in_what_an_inventory_or_a_survey_says(given: tuple[Any, Any]) -> None:
    named_secrets = FilterModule().filters()["named_secrets"]

    assert named_secrets(given[0], [given[1], {}]) == ["dsn", "flower"]
    assert named_secrets({}) == []
