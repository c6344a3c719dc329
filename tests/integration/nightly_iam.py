# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The life of environments of many kinds, for the table of what playbooks call: `make record-iam`.

pytest does not collect it otherwise, since it takes minutes. What it calls becomes docs/iam.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from emulators import IAM, Emulator, checked, credentials, started
from fargate_stand_in import fargate
from playbook_runs import playbook, succeed

STAND_IN = Path(__file__).with_name("docker_stand_in.py")
PERMANENT = {
    "load_balancer_deletion_protection": True,
    "database_deletion_protection": True,
    "database_final_snapshot": True,
}
# A platform that is protected has to be changed before it can be deleted.
UNPROTECTED = {"load_balancer_deletion_protection": False, "database_deletion_protection": False}
# What differs from an inventory, so that every kind of resource and every way to change one comes up.
KINDS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "dev": ("dev", {}, {"sm2a_tags": {"owner": "others"}, "database_backup_retention_period": 8}),
    "production": ("production", PERMANENT, {"network_flow_logs": "none", "sm2a_tags": {}, **UNPROTECTED}),
    "endpoints": (
        "dev",
        {
            "network_flow_logs": "s3",
            "network_flow_logs_bucket_arn": "arn:aws:s3:::flow-logs",
            "network_interface_endpoints": ["sqs"],
            "security_kms_key": False,
            "airflow_execute_command": True,
        },
        {"network_nat_gateways": "one_per_zone", "security_ingress_cidrs": ["10.0.0.0/8"]},
    ),
}


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in for Docker, so that images are looked for, made and pushed."""
    program = tmp_path / "docker"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} {STAND_IN} "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("STAND_IN_STATE", str(tmp_path))


@contextmanager
def playbooks(
    emulator: Emulator, inventory: str, options: dict[str, Any], users: str = IAM
) -> Iterator[Callable[..., None]]:
    """Yield what runs a playbook on an emulator as the user whom docs/iam means for it. Each run has to succeed."""
    zone = emulator.hosted_zone()
    with fargate(emulator.url) as url:

        def run(name: str, *arguments: str, **more: Any) -> None:
            who = credentials("--check" in arguments or name == "status", name == "teardown", users)
            variables = {
                "sm2a_endpoint_url": url,
                "sm2a_access_key": who["access_key"],
                "sm2a_secret_key": who["secret_key"],
                "load_balancer_hosted_zone_id": zone,
                **options,
                **more,
            }
            succeed(playbook(name, *arguments, "-e", json.dumps(variables), inventory=inventory))

        yield run


def deletion(inventory: str) -> dict[str, Any]:
    """Return the variables with which an environment is deleted whole."""
    return {
        "sm2a_teardown": inventory,
        "storage_delete_buckets": True,
        "observability_delete_log_groups": True,
        **UNPROTECTED,
    }


@pytest.mark.parametrize("kind", KINDS)
def test_a_life(kind: str, docker: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inventory, options, changes = KINDS[kind]
    record = os.environ.get("SM2A_TEST_IAM_RECORD")
    with started("ministack", tmp_path, **checked(inventory, record and f"{record}.{kind}")) as emulator:
        monkeypatch.setenv("STAND_IN_ENDPOINT", emulator.url)
        with playbooks(emulator, inventory, options) as run:
            run("site", "--check")
            run("site")
            run("site", "--check")
            run("site", **changes)
            run("status", **changes)
            run("teardown", "--check", **{**changes, **deletion(inventory)})
            run("teardown", **{"database_final_snapshot": False, **changes, **options, **deletion(inventory)})
