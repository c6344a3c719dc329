# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The service: observe, decide, act, show; every few seconds, until told to stop."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable
from typing import Protocol

from sm2a_scaler.act import Actor, Plan, plan
from sm2a_scaler.combine import Combiner, PoolState
from sm2a_scaler.configuration import Configuration
from sm2a_scaler.policy.decide import decide
from sm2a_scaler.policy.memory import Memory
from sm2a_scaler.policy.values import Decision
from sm2a_scaler.report import Board, LoopReport, PoolReport, embedded_metrics
from sm2a_scaler.sources import Sources

logger = logging.getLogger(__name__)


class Observes(Protocol):
    """What the loop needs of an observer."""

    def observe(self, at: float) -> Sources: ...


class Scaler:
    """Keeps the number of workers of all pools. What it remembers is safe to lose: a successor goes on at once."""

    def __init__(
        self,
        configuration: Configuration,
        observer: Observes,
        actor: Actor,
        board: Board,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._configuration = configuration
        self._observer = observer
        self._actor = actor
        self._board = board
        self._clock = clock
        self._combiner = Combiner()
        self._memories: dict[str, Memory] = {}
        self._faults: frozenset[str] = frozenset()
        self._failures: frozenset[str] = frozenset()
        self._notes: dict[str, str] = {}
        self._leads: bool | None = None
        self._database_at = clock()
        self._loops = self._updates = self._failed_updates = 0

    def run(self, stop: threading.Event) -> None:
        """Loop until ``stop`` is set. Stopping changes nothing in AWS."""
        while not stop.is_set():
            started = self._clock()
            try:
                self.loop(started, stop)
            except Exception:  # the next loop tries anew; if none ends any more, /healthz says so and ECS replaces this
                logger.exception("a loop failed")
            stop.wait(max(0.0, self._configuration.interval_seconds - (self._clock() - started)))

    def loop(self, at: float, stop: threading.Event) -> None:
        """One loop, begun at ``at`` (seconds of the clock)."""
        sources = self._observer.observe(at)
        self._log_faults(sources)
        leads = self._lead(sources)
        states: dict[str, PoolState] = {}
        decisions: dict[str, Decision] = {}
        plans: dict[str, Plan] = {}
        failures: dict[str, str] = {}
        for name in self._configuration.pools:
            if name in sources.services:
                try:
                    states[name] = self._state(name, sources)
                    decisions[name] = self._decide(name, at, states[name])
                    plans[name] = plan(states[name], decisions[name])
                except Exception as error:  # one pool's failure must not stop the others
                    self._memories.pop(name, None)  # safe to lose, and maybe what it fails on
                    failures[f"pool {name}"] = f"{type(error).__name__}: {error}".strip()
                    if f"pool {name}" not in self._failures:
                        logger.exception("cannot decide for pool %s, which stays as it is", name)
        self._failures = frozenset(failures)
        self._forget_workers(states)
        if leads and not stop.is_set():
            self._act(sources, states, decisions, plans)
        self._loops += 1
        self._board.last = LoopReport(
            at=at,
            pools={
                name: PoolReport(states.get(name), decisions.get(name), sources.messages.get(name))
                for name in self._configuration.pools
            },
            faults={**sources.faults, **failures},
            leads=leads,
            data_age=at - self._database_at,
            aws_calls=sources.aws_calls,
            seconds=self._clock() - at,
            loops=self._loops,
            updates=self._updates,
            failed_updates=self._failed_updates,
        )
        for record in embedded_metrics(self._configuration.environment, self._board.last, int(time.time() * 1000)):
            print(json.dumps(record), flush=True)

    def _lead(self, sources: Sources) -> bool:
        """Whether this scaler may act. Two of them run while a deployment replaces one by the other.

        Without the database nobody can take the lock, and nothing is done but adding workers, to a number that both
        would come to: whoever did not know of another leader goes on.
        """
        if sources.database is None:
            return self._leads is not False
        self._database_at = sources.at
        leads = sources.database.leads
        if leads != self._leads:
            logger.info("leads" if leads else "another scaler leads; this one watches")
        self._leads = leads
        return leads

    def _state(self, name: str, sources: Sources) -> PoolState:
        pool = self._configuration.pools[name]
        return self._combiner.pool_state(
            sources.at,
            pool.queue,
            pool.limits.concurrency,
            sources.database,
            sources.services[name],
            sources.messages.get(name),
        )

    def _forget_workers(self, states: dict[str, PoolState]) -> None:
        """Forget the workers that are gone. Those of a pool that is not seen now may not be."""
        if len(states) == len(self._configuration.pools):
            self._combiner.forget_others(worker for state in states.values() for worker in state.observation.workers)

    def _decide(self, name: str, at: float, state: PoolState) -> Decision:
        limits = self._configuration.pools[name].limits
        memory = self._memories.get(name, Memory())
        decision, self._memories[name] = decide(limits, state.observation, memory, at)
        return decision

    def _act(
        self,
        sources: Sources,
        states: dict[str, PoolState],
        decisions: dict[str, Decision],
        plans: dict[str, Plan],
    ) -> None:
        if sources.database is not None:
            self._tell(plans)
        for name, one in plans.items():
            self._note(name, one.note)
            before = states[name].service.desired
            fields = {"pool": name, "from": before, "to": one.desired, "reason": decisions[name].reason}
            try:
                if self._actor.scale(self._configuration.pools[name].service, before, one.desired):
                    self._updates += 1
                    logger.info("scaled", extra={"fields": fields})
            except Exception as error:  # the next loop decides anew; one pool's failure must not stop the others
                self._failed_updates += 1
                logger.error("scaling failed: %s", error, extra={"fields": fields})

    def _tell(self, plans: dict[str, Plan]) -> None:
        try:
            told = self._actor.tell(plans)
        except Exception as error:  # cordons end by themselves; the next loop tells anew
            logger.error("telling the workers failed: %s", error)
            return
        if told:
            cordon = {name: sorted(one.cordon) for name, one in plans.items() if one.cordon}
            open_again = {name: sorted(one.open_again) for name, one in plans.items() if one.open_again}
            logger.info("told the workers", extra={"fields": {"cordon": cordon, "open": open_again}})

    def _note(self, name: str, note: str) -> None:
        """Say once why a decision is not carried out yet."""
        if note and note != self._notes.get(name):
            logger.info("waits: %s", note, extra={"fields": {"pool": name}})
        self._notes[name] = note

    def _log_faults(self, sources: Sources) -> None:
        """Say when a source is lost and when it is back; in between, each loop's record carries it."""
        for source in sorted(sources.faults.keys() - self._faults):
            logger.warning("cannot read %s: %s", source, sources.faults[source])
        for source in sorted(self._faults - sources.faults.keys()):
            logger.info("can read %s again", source)
        self._faults = frozenset(sources.faults)
