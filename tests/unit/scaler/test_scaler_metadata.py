# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the scaler asks the metadata database for, and what it makes of the rows."""

from __future__ import annotations

from typing import Any

import pytest

from sm2a_scaler.database import MYSQL, POSTGRESQL, Database, Login, Session
from sm2a_scaler.metadata import PROFILE_SECONDS, UNKNOWN_SECONDS, Metadata, statement
from sm2a_scaler.sources import QueuedInstances, RunningInstance, TaskProfile, WorkerRow

QUEUED = ("queued", "default", "etl", "load", "run 1", 3, 2.5, 9, 40, 0)
RUNNING = ("running", "default", "etl", "extract", "host-a\nrun 1", 12, 40, 0, 0, 0)
WORKER = ("worker", "default", "task-1", "host-a", "open", 4, 1, 1, 0.5, -100)
DUE = ("due", None, "hourly", None, None, 120, 0, 0, 0, 0)
GOT_LOCK = ("lock", None, None, None, None, 1, 0, 0, 0, 0)
NO_LOCK = ("lock", None, None, None, None, 0, 0, 0, 0, 0)
WHOLE = ("profile", "default", "etl", "load", "whole", 30, 3, 20.5, 15, 0)
PART = ("profile", "default", "etl", "report", "part", 1, 1, 7, 33, 0)


class Server:
    """A database with these rows; a session fails when it is told to."""

    def __init__(self, *rows: tuple[Any, ...]) -> None:
        self.rows = rows
        self.asked: list[tuple[str, tuple[Any, ...]]] = []
        self.sessions = 0
        self.fails = ""
        self.metadata = Metadata(Database(self.login, self.connect))

    def login(self) -> Login:
        return Login("postgres", "db", 5432, "airflow", "scaler", "password")

    def connect(self, login: Login) -> Session:
        self.sessions += 1
        return Session(self, POSTGRESQL)

    def cursor(self) -> Server:
        return self

    def execute(self, text: str, values: tuple[Any, ...] = ()) -> None:
        self.asked.append((text, values))
        if self.fails and self.fails in text:
            raise TimeoutError("canceling statement due to statement timeout")

    def fetchall(self) -> list[tuple[Any, ...]]:
        profiles = "PARTITION BY" in self.asked[-1][0]
        return [row for row in self.rows if row[0] != "profile" or profiles]

    def close(self) -> None: ...


def test_rows_become_values() -> None:
    database = Server(QUEUED, RUNNING, WORKER, DUE, GOT_LOCK).metadata.read(0.0)

    assert database.leads
    assert database.queued == (QueuedInstances("default", "etl", "load", "run 1", 3, 2.5, 9.0, 40.0),)
    assert database.running == (RunningInstance("default", "etl", "extract", "run 1", "host-a", 12.0, 40.0),)
    assert database.workers == {
        "task-1": WorkerRow("task-1", "default", "host-a", 4, 1, "open", True, seen=0.5, cordoned=-100.0)
    }
    assert database.due == {"hourly": 120.0}


def test_one_statement_a_loop_and_the_lock_only_until_it_is_held() -> None:
    server = Server(NO_LOCK)
    assert not server.metadata.read(0.0).leads
    server.rows = (GOT_LOCK,)
    assert server.metadata.read(5.0).leads
    server.rows = ()
    assert server.metadata.read(10.0).leads

    assert ["advisory_lock" in text for text, _values in server.asked] == [True, True, False]
    assert server.sessions == 1


def test_the_lock_goes_with_the_session() -> None:
    server = Server(GOT_LOCK)
    server.metadata.read(0.0)
    server.fails, server.rows = "task_instance", (NO_LOCK,)
    with pytest.raises(TimeoutError):
        server.metadata.read(5.0)
    server.fails = ""

    assert not server.metadata.read(10.0).leads


def test_profiles_are_looked_up_for_dags_that_are_seen_and_kept_for_a_while() -> None:
    server = Server(QUEUED, DUE, GOT_LOCK, WHOLE, PART)
    assert server.metadata.read(0.0).profiles == {}

    later = server.metadata.read(5.0)
    assert server.asked[-1][1] == ("etl", "hourly")
    assert later.profiles == {
        "etl": {
            "load": TaskProfile("default", 20.5, instances=10, offset=15.0),
            # Of a run that is not over: it tells how long the task takes, not what a run has.
            "report": TaskProfile("default", 7.0, instances=0, offset=0.0),
        },
        "hourly": {},
    }
    assert server.metadata.read(10.0).profiles == later.profiles
    assert server.asked[-1][1] == ()
    # What has become too old is found out in one loop and asked for in the next; what is not known, sooner.
    server.metadata.read(5.0 + UNKNOWN_SECONDS)
    server.metadata.read(10.0 + UNKNOWN_SECONDS)
    assert server.asked[-1][1] == ("hourly",)
    server.metadata.read(5.0 + PROFILE_SECONDS)
    server.metadata.read(10.0 + PROFILE_SECONDS)
    assert server.asked[-1][1] == ("etl", "hourly")


def test_a_history_too_large_to_profile_does_not_hide_the_counts() -> None:
    server = Server(QUEUED, GOT_LOCK)
    server.metadata.read(0.0)
    server.fails = "PARTITION BY"

    assert server.metadata.read(5.0).queued
    asked = len(server.asked)
    assert server.metadata.read(10.0).queued
    assert len(server.asked) == asked + 1, "it is not tried in every loop"


def test_workers_are_told() -> None:
    server = Server()
    server.metadata.cordon({"b", "a"}, {"c"})

    begin, cordon, open_again, commit = server.asked
    assert (begin[0], commit[0]) == ("BEGIN READ WRITE", "COMMIT")
    assert "+ 60 WHERE ecs_task IN (%s, %s)" in cordon[0] and cordon[1] == ("a", "b")
    assert "cordoned_until = 0 WHERE ecs_task IN (%s)" in open_again[0] and open_again[1] == ("c",)


@pytest.mark.parametrize("dialect", [POSTGRESQL, MYSQL])
def test_all_parts_have_the_same_columns_and_no_stray_percent_sign(dialect: Any) -> None:
    text = statement(dialect, with_lock=True, profiles=2)

    assert text.count("UNION ALL\n") == 5
    # Drivers take every percent sign for a place that a value goes to.
    assert text.count("%") == text.count("%s") == 2
