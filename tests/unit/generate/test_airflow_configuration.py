# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What SM2A sets of Airflow's configuration, and the page that says so."""

from __future__ import annotations

from airflow_configuration import page, set_by_sm2a

from ansible_collections.sm2a.airflow.plugins.module_utils._components._airflow_options import OPTIONS
from ansible_collections.sm2a.airflow.plugins.module_utils._components._sorted_options import OURS, REFUSED


def test_sm2as_own_options_are_those_that_it_sets() -> None:
    # That one is an option of the worker's command.
    assert OURS.keys() - set_by_sm2a().keys() == {"celery.worker_concurrency"}
    assert not REFUSED.keys() & set_by_sm2a().keys()


def test_every_option_is_on_the_page() -> None:
    told = page()
    free = {line.strip("`.,\n") for line in told.partition("Whole sections are free:")[2].split()}
    for section, options in OPTIONS.items():
        assert (
            section in free
            or f"`{section}.*`" in told
            or all(f"`{section}.{name}`" in told or f"`{name}`" in told for name in options)
        ), section


def test_what_users_may_replace_is_told_with_sm2as_value() -> None:
    assert "| `scheduler.task_queued_timeout` | `1800` |" in page()
