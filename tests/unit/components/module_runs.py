# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs a module in this process, without AWS: every call is noted and refused."""

from __future__ import annotations

import importlib
import io
import json
from contextlib import redirect_stdout
from dataclasses import dataclass
from typing import Any
from unittest import mock

import pytest
from ansible.module_utils.testing import patch_module_args
from botocore.client import BaseClient
from botocore.exceptions import ClientError

REGION = "eu-central-1"


@dataclass
class ModuleRun:
    """What a module answered, and the operations of AWS that it was about to call."""

    result: dict[str, Any]
    calls: list[str]


def run(module: str, **options: Any) -> ModuleRun:
    """Run a module of the collection with these options for the environment ``test``."""
    arguments = {
        "environment": "test",
        "region": REGION,
        "access_key": "local",
        "secret_key": "emulator-only",
        **options,
    }
    calls: list[str] = []

    def refuse(_client: BaseClient, operation: str, _arguments: dict[str, Any]) -> None:
        calls.append(operation)
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "a test"}}, operation)

    output = io.StringIO()
    main = importlib.import_module(f"ansible_collections.sm2a.airflow.plugins.modules.{module}").main
    with (
        patch_module_args(arguments),
        redirect_stdout(output),
        mock.patch.object(BaseClient, "_make_api_call", refuse),
        pytest.raises(SystemExit),
    ):
        main()
    return ModuleRun(json.loads(output.getvalue().strip().splitlines()[-1]), calls)


def assert_refused(module: str, options: dict[str, Any], option: str, value: str, rule: str) -> None:
    """Assert that a module names option, value, rule and the documentation's address, and calls nothing."""
    ran = run(module, **options)

    assert ran.calls == []
    assert ran.result["failed"] and ran.result.get("option") == option, ran.result["msg"]
    assert rule in ran.result["rule"]
    assert ran.result["documentation"].startswith("https://")
    assert all(part in ran.result["msg"] for part in (option, value, ran.result["rule"], ran.result["documentation"]))
