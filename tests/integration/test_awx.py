# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A clone of this repository as a project of AWX: its folders, its environment, and answers of a survey, all text.

What AWX does is in its project_update.yml and in RunJob of its main/tasks/jobs.py.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import ansible_collections.amazon.aws
import ansible_runner
import pytest
import yaml
from emulators import CREDENTIALS, REGION, Account
from playbook_runs import after_of

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.parametrize("emulator", ["ministack"], indirect=True)


class Unsafe(str):
    """A text that AWX passes on as one that is no template."""


yaml.SafeDumper.add_representer(Unsafe, lambda dumper, text: dumper.represent_scalar("!unsafe", str(text)))


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What this process has in its environment, without what points Ansible at this checkout."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "AWS_", "SM2A_"))}
    return {**kept, "ANSIBLE_HOME": str(tmp_path_factory.mktemp("home"))}


@pytest.fixture(scope="module")
def job_folder(tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]) -> Path:
    """The folder of a job: a clone of the project, what its requirements name, and the project's inventory."""
    folder = tmp_path_factory.mktemp("awx")
    project = folder / "project"
    files = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--deduplicate", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for name in filter(None, files.split("\0")):
        if (ROOT / name).is_file():
            (project / name).parent.mkdir(parents=True, exist_ok=True)
            (project / name).write_bytes((ROOT / name).read_bytes())
    collections = folder / "requirements_collections"
    (collections / "ansible_collections").mkdir(parents=True)
    # There is no Galaxy here: what it would bring lies where it would be installed.
    amazon = Path(next(iter(ansible_collections.amazon.aws.__path__))).parent
    (collections / "ansible_collections/amazon").symlink_to(amazon)
    command = [
        "ansible-galaxy",
        "collection",
        "install",
        "--offline",
        "-r",
        str(project / "collections/requirements.yml"),
    ]
    done = subprocess.run(
        [*command, "--collections-path", str(collections)],
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
        env={**environment, "ANSIBLE_COLLECTIONS_PATH": str(collections)},
    )
    assert done.returncode == 0, done.stderr
    command = ["ansible-inventory", "-i", str(project / "inventories/dev/hosts"), "--list", "--export"]
    listed = subprocess.run(command, cwd=project, capture_output=True, text=True, check=True, env=environment).stdout
    (folder / "inventory").mkdir()
    script = folder / "inventory/hosts"
    script.write_text(f"#!/bin/sh\ncat <<'END'\n{listed}\nEND\n")
    script.chmod(0o700)
    return folder


def launch(
    monkeypatch: pytest.MonkeyPatch,
    environment: dict[str, str],
    folder: Path,
    account: Account,
    playbook: str,
    answers: dict[str, str],
    *arguments: str,
) -> tuple[str, list[dict[str, Any]], str]:
    """Run a job template and return its status, the results of its tasks, and what it printed."""
    for name in os.environ.keys() - environment.keys():
        monkeypatch.delenv(name)
    meta = {"awx_job_id": "1", "awx_job_launch_type": "manual", "tower_job_id": "1", "tower_user_name": "admin"}
    variables = {Unsafe(name): Unsafe(answer) for name, answer in {**answers, **meta}.items()}
    (folder / "env").mkdir(exist_ok=True)
    (folder / "env/extravars").write_text(yaml.safe_dump(variables))
    job = ansible_runner.run(
        private_data_dir=str(folder),
        playbook=f"playbooks/{playbook}.yml",
        cmdline=" ".join(arguments) or None,
        quiet=True,
        envvars={
            **environment,
            "ANSIBLE_COLLECTIONS_PATH": str(folder / "requirements_collections"),
            "ANSIBLE_ROLES_PATH": str(folder / "requirements_roles"),
            "ANSIBLE_RETRY_FILES_ENABLED": "False",
            # AWX's credential of the kind AWS; its endpoint is the emulator's instead of AWS's.
            "AWS_ACCESS_KEY_ID": CREDENTIALS["access_key"],
            "AWS_SECRET_ACCESS_KEY": CREDENTIALS["secret_key"],
            "AWS_ENDPOINT_URL": account.emulator.url,
        },
    )
    results = [event["event_data"]["res"] for event in job.events if "res" in event.get("event_data", {})]
    return job.status, results, job.stdout.read()


def answers_of(account: Account) -> dict[str, str]:
    """A survey's answers: JSON, YAML, numbers and booleans as text, and questions that were left empty."""
    return {
        "sm2a_region": REGION,
        "sm2a_tags": "owner: data\nteam: '4711'\n",
        "sm2a_worker_pools": '{"default": {"minimum": "1", "maximum": "3", "cpu": ""}, "heavy": {"memory": "8192"}}',
        "sm2a_secret_recovery_window_days": "7",
        "airflow_services": "scheduler: {count: '2'}\n",
        "image_uris": '{"airflow": "registry.example.com/airflow:1", "scaler": "registry.example.com/scaler:1"}',
        "network_availability_zone_count": "3",
        "database_multi_az": "true",
        "load_balancer_hosted_zone_id": account.emulator.hosted_zone(),
        **dict.fromkeys(["sm2a_profile", "sm2a_endpoint_url", "sm2a_access_key", "sm2a_secret_key"], ""),
        **dict.fromkeys(["sm2a_architecture", "sm2a_default_worker_pool", "sm2a_execution_api_server_url"], ""),
        **dict.fromkeys(["sm2a_airflow_configuration", "sm2a_other_variables", "airflow_execute_command"], ""),
        **dict.fromkeys(["database_allocated_storage", "database_engine_version", "load_balancer_scheme"], ""),
        **dict.fromkeys(["load_balancer_certificate_arn", "network_flow_logs", "storage_dags_path"], ""),
    }


def test_site_is_planned_by_a_survey(
    account: Account, job_folder: Path, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = answers_of(account)

    status, results, output = launch(
        monkeypatch, environment, job_folder, account, "site", answers, "--check", "--diff"
    )

    assert status == "successful", output[-3000:]
    assert sum(result["api_calls"]["write"] for result in results if "api_calls" in result) == 0
    after = after_of(results)
    assert after["AWS::RDS::DBInstance sm2a-dev"]["MultiAZ"] is True
    assert after["AWS::ECS::Service sm2a-dev-scheduler"]["desired_count"] == 2
    sizes = {pool: after[f"AWS::ECS::TaskDefinition sm2a-dev-worker-{pool}"] for pool in ("default", "heavy")}
    assert {pool: (size["cpu"], size["memory"]) for pool, size in sizes.items()} == {
        "default": ("1024", "4096"),
        "heavy": ("1024", "8192"),
    }
    assert "AWS::SQS::Queue sm2a-dev-heavy" in after
    [scaler] = after["AWS::ECS::TaskDefinition sm2a-dev-scaler"]["containerDefinitions"]
    assert scaler["image"] == "registry.example.com/scaler:1"
    [configuration] = [item["value"] for item in scaler["environment"] if item["name"] == "SM2A_SCALER_CONFIGURATION"]
    pools = json.loads(configuration)["pools"]
    assert {pool: (of["minimum"], of["maximum"]) for pool, of in pools.items()} == {"default": (1, 3), "heavy": (1, 5)}
    assert sum(label.startswith("AWS::EC2::Subnet ") for label in after) == 6
    assert {"owner": "data", "team": "4711"}.items() <= after["AWS::EC2::VPC sm2a-dev"]["tags"].items()


def test_status_and_teardown_take_the_same_answers(
    account: Account, job_folder: Path, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = answers_of(account)

    for playbook, arguments in (("status", []), ("teardown", ["--check"])):
        status, _results, output = launch(monkeypatch, environment, job_folder, account, playbook, answers, *arguments)
        assert status == "successful", output[-3000:]


def test_a_misspelt_answer_is_refused(
    account: Account, job_folder: Path, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = {"storage_delete_bucket": "true", "sm2a_worker_pools": "default: {maximun: '3'}", "sm2a_teardown": "dev"}

    status, results, output = launch(monkeypatch, environment, job_folder, account, "teardown", answers)

    assert status == "failed"
    [message] = [result["msg"] for result in results]
    assert "storage_delete_bucket (did you mean storage_delete_buckets?)" in message
    assert "sm2a_worker_pools.default.maximun" in message and "did you mean maximum?" in message
    assert "storage_delete_bucket" in output


def test_playbooks_of_the_installed_collection_have_the_fence(
    account: Account, job_folder: Path, environment: dict[str, str]
) -> None:
    where = json.dumps({"sm2a_endpoint_url": account.emulator.url, "sm2a_tag": "red"})
    command = ["ansible-playbook", "sm2a.airflow.teardown", "-i", str(job_folder / "inventory/hosts"), "-e", where]
    done = subprocess.run(
        command,
        cwd=job_folder / "inventory",
        capture_output=True,
        text=True,
        check=False,
        env={**environment, "ANSIBLE_COLLECTIONS_PATH": str(job_folder / "requirements_collections")},
    )

    assert done.returncode == 2, done.stdout + done.stderr
    assert "sm2a_tag (did you mean sm2a_tags?)" in done.stdout
