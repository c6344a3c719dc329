# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every moment at which ``site``, a change and ``teardown`` can be killed, and more seeds of bad weather.

``make test-crashes`` runs it; pytest does not collect it otherwise, since it takes an hour or two.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator

import pytest
from crashes import Ends, ends, killed_then_repeated, weathered
from disturbances import one_after_another
from emulators import CREDENTIALS, Account
from fargate_stand_in import fargate
from playbook_runs import ROOT, playbook, succeed
from whole_site import inventory, one_off_tasks_end_well

from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.aws import READING

# Each case kills all three, so that as many cases as the longest of them has writes are all moments.
MOMENTS = 160
SEEDS = range(1, 11)
# Of the playbooks that are really killed: so many moments of site, and of teardown, spread evenly.
KILLED = {"site": 6, "teardown": 4}


@pytest.mark.parametrize("emulator", ["ministack"], indirect=True)
class TestInProcess:
    """All components in this process, in the order of ``site``."""

    @pytest.fixture(autouse=True)
    def quickly(self) -> Iterator[None]:
        """Let no test wait for what takes its time on AWS."""
        with one_after_another(), one_off_tasks_end_well():
            yield

    @pytest.fixture(scope="class")
    def known(self) -> dict[str, Ends]:
        """What an undisturbed run ends with, once it is known."""
        return {}

    def expected(self, account: Account, known: dict[str, Ends]) -> Ends:
        if not known:
            known["undisturbed"] = ends(account)
        return known["undisturbed"]

    def test_there_are_no_more_moments(self, account: Account, known: dict[str, Ends]) -> None:
        writes = {what: len(done) for what, done in self.expected(account, known).writes.items()}
        print(f"writes: {writes}, {sum(writes.values())} moments")
        assert max(writes.values()) <= MOMENTS

    @pytest.mark.parametrize("moment", range(1, MOMENTS + 1))
    def test_a_killed_run_is_finished_by_the_next(self, account: Account, known: dict[str, Ends], moment: int) -> None:
        expected = self.expected(account, known)
        moments = {what: min(moment, len(writes)) for what, writes in expected.writes.items()}

        killed_then_repeated(account, moments, expected)

    @pytest.mark.parametrize("seed", SEEDS)
    def test_throttled_and_unanswered_it_ends_the_same(
        self, account: Account, known: dict[str, Ends], seed: int
    ) -> None:
        print(f"seed {seed}: {weathered(account, seed, self.expected(account, known))}")


class Playbook:
    """A playbook that is killed with all its processes once AWS has carried out its ``at``-th write."""

    def __init__(self, at: int = 0) -> None:
        self.at = at
        self.writes: list[str] = []
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    def after(self, operation: str) -> None:
        """Note a call that was carried out."""
        if READING.match(operation):
            return
        with self._lock:
            self.writes.append(operation)
            if len(self.writes) == self.at and self._process:
                os.killpg(self._process.pid, signal.SIGKILL)

    def run(self, name: str, variables: str) -> int:
        """Run it to its end, and return its exit code."""
        command = ["ansible-playbook", f"playbooks/{name}.yml", "-i", "inventories/dev", "-e", variables]
        self._process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, start_new_session=True)
        return self._process.wait()


@pytest.mark.parametrize("emulator", ["ministack"], indirect=True)
def test_playbooks_that_are_really_killed(account: Account) -> None:
    def variables(url: str) -> str:
        account.emulator.reset()
        return json.dumps(
            {
                "sm2a_endpoint_url": url,
                "sm2a_access_key": CREDENTIALS["access_key"],
                "sm2a_secret_key": CREDENTIALS["secret_key"],
                "sm2a_secret_recovery_window_days": 0,
                "load_balancer_hosted_zone_id": account.emulator.hosted_zone(),
                "image_uris": {name: f"registry.example.com/{name}:1" for name in ("airflow", "scaler")},
                "sm2a_teardown": "dev",
                "database_final_snapshot": False,
                "storage_delete_buckets": True,
                "observability_delete_log_groups": True,
            }
        )

    # It is another one for each run, but they all go through the same address.
    current = Playbook()
    found: dict[str, Counter[tuple[str, str]]] = {}
    writes: dict[str, int] = {}

    def after(operation: str) -> None:
        # Of the playbook that runs at that moment.
        current.after(operation)

    with fargate(account.emulator.url, after=after) as url:
        given = variables(url)
        for name in KILLED:
            current = Playbook()
            assert current.run(name, given) == 0
            found[name], writes[name] = inventory(account), len(current.writes)
        for name, times in KILLED.items():
            for number in range(times):
                given = variables(url)
                if name == "teardown":
                    current = Playbook()
                    assert current.run("site", given) == 0
                at = 1 + number * writes[name] // times
                current = Playbook(at)
                assert current.run(name, given) == -signal.SIGKILL, f"{name} was over before write {at}"
                print(f"{name} killed after write {at}, {current.writes[-1]}")

                succeed(playbook(name, "-e", given, inventory="dev"))

                assert inventory(account) == found[name], f"{name} killed after write {at}"
