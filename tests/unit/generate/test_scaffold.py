# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A new component begins as one that works."""

from __future__ import annotations

import sys
import types
from pathlib import Path

import components
import pytest
import scaffold
import yaml

ROOT = Path(__file__).parents[3]
PACKAGE = "ansible_collections.sm2a.airflow.plugins.module_utils._components"


def test_module_and_role_can_be_written_from_it(monkeypatch: pytest.MonkeyPatch) -> None:
    source = scaffold.files("audit_trail")["plugins/module_utils/_components/audit_trail.py"]
    module = types.ModuleType(f"{PACKAGE}.audit_trail")
    module.__package__ = PACKAGE
    exec(compile(source, "audit_trail.py", "exec"), module.__dict__)
    monkeypatch.setitem(sys.modules, module.__name__, module)

    component = components.component_of("audit_trail")

    assert component.NAME == "audit_trail"
    options = yaml.safe_load(components.argument_specs(component))["argument_specs"]["main"]["options"]
    assert "audit_trail_log_retention_in_days" in options
    compile(components.module(component), "audit_trail.py", "exec")


def test_every_file_is_of_its_name() -> None:
    assert list(scaffold.files("alarms")) == [
        "plugins/module_utils/_components/alarms.py",
        "tests/unit/components/test_alarms.py",
        "tests/integration/test_alarms.py",
        "roles/alarms/README.md",
    ]


def test_its_place_is_behind_all_others() -> None:
    order = (ROOT / scaffold.ORDER).read_text()

    added = scaffold.with_step(order, "audit_trail")

    assert added.replace('    Step("audit_trail", "Audit trail"),\n', "") == order
    assert '    Step("audit_trail", "Audit trail"),\n)\n' in added


@pytest.mark.parametrize("arguments", [[], ["Alarms"], ["a-b"], ["../x"], ["a", "b"]])
def test_a_name_that_is_none_is_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert scaffold.main(arguments) == 2
    assert "lower-case words" in capsys.readouterr().out


def test_a_component_that_exists_is_left_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert scaffold.main(["queue"]) == 1
    assert "plugins/module_utils/_components/queue.py" in capsys.readouterr().out
