# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The life of a site, disturbed and undisturbed: made, changed, torn down."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from disturbances import Kill, Killed, Weather, calls_go_through
from emulators import Account
from whole_site import Site, inventory, site_of

Found = Counter[tuple[str, str]]
# With so many runs whatever is throttled and lost has to be done.
MOST_RUNS = 12


@dataclass
class Ends:
    """What there is after each of the three, and the writes of each in their order."""

    found: dict[str, Found] = field(default_factory=dict)
    writes: dict[str, list[str]] = field(default_factory=dict)


def change(site: Site) -> None:
    """Ask for other things of every kind: one more, one less, one that is replaced, other tags."""
    pools = {"default": {"minimum": 1, "maximum": 4}, "late": {"maximum": 1}}
    changes: dict[str, dict[str, Any]] = {
        "network": {"nat_gateways": "one_per_zone", "interface_endpoints": []},
        "security": {"ingress_cidrs": ["198.51.100.0/24"]},
        "queue": {"pools": list(pools)},
        "airflow": {"worker_pools": pools},
        "workers": {"pools": pools},
        "load_balancer": {"close_execution_api": False},
    }
    for name, options in changes.items():
        site.options[name] = {**site.options[name], **options}
    for name in site.options:
        site.options[name] = {**site.options[name], "tags": {"team": "data"}}


def stages(account: Account) -> dict[str, Callable[[], Any]]:
    """Return the three things that happen to a site in an empty account, in their order."""
    account.emulator.reset()
    site = site_of(account)

    def changed() -> None:
        change(site)
        site.run()
        # What a first run still finds in use, such as a pool that is given up, goes with the next.
        site.run()

    return {"site": site.run, "change": changed, "teardown": site.teardown}


def ends(account: Account) -> Ends:
    """Do all three undisturbed."""
    result = Ends()
    for name, stage in stages(account).items():
        counting = Kill()
        with calls_go_through(counting):
            stage()
        result.found[name], result.writes[name] = inventory(account), counting.writes
    return result


def killed_then_repeated(account: Account, moments: dict[str, int], expected: Ends) -> None:
    """Kill each of the three at its moment, repeat it, and compare what there is then."""
    for name, stage in stages(account).items():
        with calls_go_through(Kill(moments[name])), pytest.raises(Killed):
            stage()
        stage()
        _compare(
            account, expected, name, f"killed after write {moments[name]}, {expected.writes[name][moments[name] - 1]}"
        )


def weathered(account: Account, seed: int, expected: Ends) -> dict[str, int]:
    """Do all three in bad weather, as often as it takes, and compare what there is then. Return what was counted."""
    weather = Weather(seed)
    for name, stage in stages(account).items():
        with calls_go_through(weather):
            for _run in range(MOST_RUNS):
                try:
                    stage()
                    break
                except AssertionError as error:
                    assert "it is not known whether AWS did it" in str(error) or "Rate exceeded" in str(error), error
            else:
                pytest.fail(f"seed {seed}: {name} did not end within {MOST_RUNS} runs")
        # In good weather, whatever a plan of before may have left.
        stage()
        _compare(account, expected, name, f"seed {seed}")
    return weather.counted


def _compare(account: Account, expected: Ends, name: str, how: str) -> None:
    found = inventory(account)
    surplus, missing = found - expected.found[name], expected.found[name] - found
    assert not surplus and not missing, f"{name}, {how}: too many {dict(surplus)}, missing {dict(missing)}"
