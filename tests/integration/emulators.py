# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An account on an emulator of the AWS API, and a way to run our modules in it."""

from __future__ import annotations

import importlib
import io
import json
import urllib.request
from contextlib import redirect_stdout
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from ansible.module_utils.testing import patch_module_args

CREDENTIALS = {"access_key": "local", "secret_key": "emulator-only"}
REGION = "eu-central-1"
MODULES = "ansible_collections.sm2a.airflow.plugins.modules"


@dataclass
class Emulator:
    """A running emulator: its name (``moto`` or ``ministack``) and its address."""

    name: str
    url: str

    def client(self, service: str) -> Any:
        """Return a boto3 client that talks to this emulator."""
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=CREDENTIALS["access_key"],
            aws_secret_access_key=CREDENTIALS["secret_key"],
        )

    def reset(self) -> None:
        """Forget everything, as an empty account."""
        path = "/moto-api/reset" if self.name == "moto" else "/_ministack/reset"
        urllib.request.urlopen(urllib.request.Request(self.url + path, method="POST"), timeout=30).read()


@dataclass
class Account:
    """An empty account on an emulator, and a way to run our modules in it."""

    emulator: Emulator

    def client(self, service: str) -> Any:
        """Return a boto3 client for looking at what the modules did."""
        return self.emulator.client(service)

    def run(self, module: str, check: bool = False, **options: Any) -> dict[str, Any]:
        """Run a module in this process and return its result; ``result["failed"]`` tells a failure."""
        arguments = {
            "environment": "test",
            "region": REGION,
            "endpoint_url": self.emulator.url,
            **CREDENTIALS,
            **options,
            "_ansible_check_mode": check,
            "_ansible_diff": True,
        }
        output = io.StringIO()
        main = importlib.import_module(f"{MODULES}.{module}").main
        with patch_module_args(arguments), redirect_stdout(output), pytest.raises(SystemExit):
            main()
        return json.loads(output.getvalue().strip().splitlines()[-1])

    def lifecycle(self, module: str, change: dict[str, Any], **options: Any) -> dict[str, dict[str, Any]]:
        """Plan, create, repeat, plan a change, change and repeat; assert what holds for every module.

        Returns the results by step, for what is special to the module.
        """
        results = {}

        def step(name: str, changed: bool, check: bool = False, **more: Any) -> None:
            result = self.run(module, check=check, **{**options, **more})
            assert not result.get("failed"), f"{name}: {result['msg']}"
            assert result["changed"] is changed, f"{name}: {result['diff']}"
            if check or not changed:
                assert result["api_calls"]["write"] == 0, name
            results[name] = result

        step("plan", True, check=True)
        step("create", True)
        planned, done = (results[name]["plan"] for name in ("plan", "create"))
        assert planned == done, f"planned {planned}, done {done}"
        step("again", False)
        step("plan again", False, check=True)
        step("plan change", True, check=True, **change)
        step("change", True, **change)
        planned, done = (results[name]["diff"] for name in ("plan change", "change"))
        assert _came_true(planned, done), f"planned {planned}, done {done}"
        step("change again", False, **change)
        step("plan absent", True, check=True, state="absent", **change)
        step("absent", True, state="absent", **change)
        step("absent again", False, state="absent", **change)
        return results


def _came_true(planned: Any, done: Any) -> bool:
    """Tell whether a planned diff is the one of the run, ids that did not exist yet aside."""
    if planned == "(known after apply)":
        return True
    if isinstance(planned, dict) and isinstance(done, dict):
        return planned.keys() == done.keys() and all(_came_true(planned[key], done[key]) for key in planned)
    if isinstance(planned, list) and isinstance(done, list):
        return len(planned) == len(done) and all(map(_came_true, planned, done))
    return bool(planned == done)


@dataclass
class Vpc:
    """A VPC that somebody else made: two subnets in two zones and a security group."""

    id: str
    subnet_ids: list[str]
    security_group_id: str
