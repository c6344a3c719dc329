# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one-off task of a deployment: its steps, their exit code, and the administrator."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from sm2a_image import migrate

ADMIN = {"username": "admin", "password": "the-password", "email": "admin@example.com"}


class TestSteps:
    """What is run, in which order."""

    @pytest.fixture
    def done(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
        found: list[Any] = []
        for name in ("SM2A_DATABASE_LOGINS", "SM2A_ADMIN_SECRET"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setattr(migrate, "read_secret", lambda name: json.dumps({"of": name}))
        monkeypatch.setattr(migrate, "create_tables", lambda: found.append("tables"))
        monkeypatch.setattr(migrate, "grant", found.append)
        monkeypatch.setattr(migrate, "ensure_admin", lambda login: found.append(("admin", login["of"])))
        yield found

    def airflow_ends_with(self, code: int, monkeypatch: pytest.MonkeyPatch, done: list[Any]) -> None:
        def run(command: list[str], check: bool) -> SimpleNamespace:
            done.append(" ".join(command))
            return SimpleNamespace(returncode=code)

        monkeypatch.setattr(migrate.subprocess, "run", run)

    def test_all_of_them(self, monkeypatch: pytest.MonkeyPatch, done: list[Any]) -> None:
        self.airflow_ends_with(0, monkeypatch, done)
        secrets = {"worker": "sm2a/dev/database/worker-login", "scaler": "sm2a/dev/database/scaler-login"}
        monkeypatch.setenv("SM2A_DATABASE_LOGINS", json.dumps(secrets))
        monkeypatch.setenv("SM2A_ADMIN_SECRET", "sm2a/dev/admin")

        assert migrate.migrate() == 0
        assert done == [
            "airflow db migrate",
            "tables",
            {kind: {"of": secret} for kind, secret in secrets.items()},
            ("admin", "sm2a/dev/admin"),
        ]

    def test_only_what_is_asked_for(self, monkeypatch: pytest.MonkeyPatch, done: list[Any]) -> None:
        self.airflow_ends_with(0, monkeypatch, done)

        assert migrate.migrate() == 0
        assert done == ["airflow db migrate", "tables"]

    def test_nothing_is_built_on_a_schema_that_failed(
        self, monkeypatch: pytest.MonkeyPatch, done: list[Any], capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.airflow_ends_with(3, monkeypatch, done)

        assert migrate.migrate() == 3
        assert done == ["airflow db migrate"]
        assert "airflow db migrate failed with exit code 3" in capsys.readouterr().err


class Manager:
    """Airflow's security manager."""

    def __init__(self, *, users: tuple[str, ...] = (), adds: bool = True) -> None:
        self.users = users
        self.adds = adds
        self.added: list[tuple[Any, ...]] = []
        self.reset: list[tuple[Any, ...]] = []

    def find_user(self, name: str) -> SimpleNamespace | None:
        return SimpleNamespace(id=7) if name in self.users else None

    def find_role(self, name: str) -> str:
        return f"the role {name}"

    def add_user(self, *values: Any) -> bool:
        self.added.append(values)
        return self.adds

    def reset_password(self, *values: Any) -> None:
        self.reset.append(values)


class TestAdministrator:
    """Airflow's first user."""

    @pytest.fixture
    def build(self, stand_in: Callable[..., ModuleType]) -> Callable[[Manager], Manager]:
        def make(manager: Manager) -> Manager:
            @contextmanager
            def builder() -> Iterator[SimpleNamespace]:
                yield SimpleNamespace(sm=manager)

            stand_in(
                "airflow.providers.fab.auth_manager.cli_commands.utils",
                get_application_builder=builder,
            )
            return manager

        return make

    @pytest.mark.parametrize(("email", "written"), [("admin@example.com",) * 2, ("", "admin@localhost")])
    def test_is_made(self, build: Callable[[Manager], Manager], email: str, written: str) -> None:
        manager = build(Manager())
        migrate.ensure_admin({**ADMIN, "email": email})
        assert manager.added == [("admin", "admin", "SM2A", written, "the role Admin", "the-password")]

    def test_gets_the_password_of_the_secret_again(self, build: Callable[[Manager], Manager]) -> None:
        manager = build(Manager(users=("admin",)))
        migrate.ensure_admin(ADMIN)
        assert (manager.reset, manager.added) == ([(7, "the-password")], [])

    def test_one_that_cannot_be_made_fails_the_deployment(self, build: Callable[[Manager], Manager]) -> None:
        build(Manager(adds=False))
        with pytest.raises(RuntimeError, match="the user admin could not be created"):
            migrate.ensure_admin(ADMIN)
