# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`site` refuses what is wrong with any role before the first of them runs."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from validations import IMAGES, ROOT, action, refused

from ansible_collections.sm2a.airflow.plugins.action import validate

LOOKUP = "{{ lookup('sm2a.airflow.fact', 'network', 'vpc_id', environment='dev') }}"


@pytest.fixture(autouse=True)
def without_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    """No account is asked, unless a test says which."""
    monkeypatch.setattr(validate, "_has_credentials", lambda _arguments: False)


def site(*arguments: str, **environment: str) -> list[dict[str, Any]]:
    """Run the playbook on the inventory `dev`, without AWS, and return what each task answered."""
    done = subprocess.run(
        [
            str(Path(sys.executable).with_name("ansible-playbook")),
            "playbooks/site.yml",
            "-i",
            "inventories/dev",
            *arguments,
        ],
        capture_output=True,
        text=True,
        check=False,
        # No instance of EC2 is asked for credentials.
        env={
            **os.environ,
            "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json",
            "AWS_EC2_METADATA_DISABLED": "true",
            **environment,
        },
        cwd=ROOT,
    )
    assert "{" in done.stdout, done.stderr
    report = json.loads(done.stdout[done.stdout.index("{") :])
    tasks = report["plays"][0]["tasks"]
    # The task that ends the play answers nothing.
    return [{**task["hosts"]["dev"], "name": task["task"]["name"]} for task in tasks if "dev" in task["hosts"]]


@pytest.fixture
def no_docker(tmp_path: Path) -> str:
    """A PATH with all that is on this machine's but Docker."""
    for folder in os.environ["PATH"].split(os.pathsep):
        for program in Path(folder).glob("*"):
            link = tmp_path / program.name
            if program.name != "docker" and not link.is_symlink():
                link.symlink_to(program)
    return str(tmp_path)


def test_every_role_is_looked_at_before_the_first_one_runs() -> None:
    wrong = {
        "database_allocated_storage": 5,
        "scaler_interval_seconds": 0,
        "load_balancer_hosted_zone_id": "",
        "airflow_services": {"triggerer": {"count": 0}},
        "workers_environment_variables": {"WAREHOUSE_PASSWORD": "hunter2"},
        "storage_log_expiration_days": "365",
        "cluster_tags": {"Owner": "a", "owner": "b"},
        "image_keep_images": 0,
        "image_uris": IMAGES,
    }

    *_fence, refusal = site("-e", json.dumps(wrong))

    lines = refusal["msg"].splitlines()
    for start, rest in {
        "airflow_services.triggerer.count: 0": "from 1 to 10",
        "cluster_tags: 'Owner and owner'": "capital letters",
        "database_allocated_storage: 5": "from 20 to 65536",
        "image_keep_images: 0": "at least one",
        "load_balancer_certificate_arn: None": "HTTPS needs a certificate",
        "scaler_interval_seconds: 0": "from 1 to 60",
        "workers_environment_variables: 'WAREHOUSE_PASSWORD'": "looks like a secret",
    }.items():
        assert any(line.startswith(start) and rest in line for line in lines), f"{start} is not in {refusal['msg']}"
    assert len(lines) == 7, lines
    assert "hunter2" not in refusal["msg"]
    assert refusal["name"] == "Refuse wrong options of any role before anything is created"


def test_docker_that_is_missing_is_found_first_and_needed_only_to_build(no_docker: str) -> None:
    local = json.dumps({"image_push": False})
    arguments = ("--tags", "image", "-e", local)

    *_fence, refusal = site(*arguments, PATH=no_docker)
    assert refusal["failed"] and "docker is not on the PATH" in refusal["msg"]
    assert "image_uris: {airflow: registry/airflow:1" in refusal["msg"]

    answers = site(*arguments, "--check", "-e", json.dumps({"image_uris": IMAGES}), PATH=no_docker)
    assert not any(answer.get("failed") for answer in answers)
    assert not any("docker" in warning.lower() for answer in answers for warning in answer.get("warnings", []))
    assert answers[-1]["lines"] == ["Plan: 0 to create, 0 to change, 0 to delete"]


def test_a_plan_can_be_made_without_docker(no_docker: str) -> None:
    answers = site("--tags", "image", "--check", "-e", json.dumps({"image_push": False}), PATH=no_docker)

    assert not any(answer.get("failed") for answer in answers)
    [warning] = next(answer for answer in answers if answer["name"].startswith("Refuse wrong options"))["warnings"]
    assert "docker is not on the PATH" in warning
    assert answers[-1]["lines"][-1] == "Plan: 2 to create, 0 to change, 0 to delete"


def test_everything_that_is_wrong_with_a_role_is_told() -> None:
    lines = refused(queue_visibility_timeout=-1, queue_max_receive_count="0", queue_pools=["a", "A", "a"])

    assert [line.partition(" is refused")[0] for line in lines] == [
        "queue_pools: 'A'",
        "queue_visibility_timeout: -1",
        "queue_max_receive_count: 0",
        "queue_pools: ['a', 'A', 'a']",
        # One of another role, which only both together tell.
        "workers_pools.default: 'default'",
    ]


def test_the_defaults_alone_are_fine() -> None:
    assert refused() == []


@pytest.mark.parametrize(
    "variables",
    [
        {"airflow_environment_variables": {"AIRFLOW_UI": LOOKUP}},
        {"sm2a_worker_pools": {"default": {"environment_variables": {"NETWORK": LOOKUP}}}},
        {"workers_pools": {"default": {"environment_variables": {"NETWORK": LOOKUP}}}},
        {"my_vpc": LOOKUP, "load_balancer_vpc_id": "{{ my_vpc }}", "security_vpc_id": "{{ my_vpc }}"},
        {"my_group": LOOKUP, "airflow_security_group_ids": ["sg-0123456789abcdef0", "{{ my_group }}"]},
        {"load_balancer_vpc_id": "{{ ansible_facts.sm2a_network.vpc_id }}"},
        {"load_balancer_url": "https://{{ ansible_facts.sm2a_load_balancer.dns_name }}"},
        {"airflow_role_arns": "{{ ansible_facts.sm2a_security.role_arns }}"},
    ],
)
def test_what_is_known_later_only_is_left_to_the_module(variables: dict[str, Any]) -> None:
    assert refused(**variables) == []


def test_what_is_known_already_is_checked_although_it_may_come_from_facts() -> None:
    [line] = refused(load_balancer_vpc_id="{{ my_vpc }}", my_vpc="network-1")

    assert line.startswith("load_balancer_vpc_id: 'network-1'")
    [line] = refused(load_balancer_vpc_id="")
    assert line.startswith("role load_balancer:") and line.endswith("missing: vpc_id")


@pytest.mark.parametrize(
    ("variables", "lines"),
    [
        ({"sm2a_execution_api_server_url": "http://api:8080"}, ["execution_api_server_url: 'http://api:8080'"]),
        ({"cluster_service_discovery": "false"}, ["missing: execution_api_server_url"] * 2),
        ({"cluster_service_discovery": False, "sm2a_execution_api_server_url": "http://api:8080/execution/"}, []),
        ({"cluster_service_discovery": False, "airflow_execution_api_server_url": "http://api:8080/execution/"}, []),
        ({"sm2a_execution_api_server_url": ""}, []),
    ],
)
def test_the_address_of_the_execution_api_is_checked_first(variables: dict[str, Any], lines: list[str]) -> None:
    said = refused(**variables)

    assert len(said) >= len(lines) and bool(said) == bool(lines)
    assert all(part in line for part, line in zip(lines, said, strict=False)), said


@pytest.mark.parametrize(
    ("variables", "platform"),
    [
        ({"sm2a_architecture": "ARM64"}, "linux/arm64"),
        ({"sm2a_architecture": "ARM64", "image_platform": ""}, "linux/arm64"),
        ({"sm2a_architecture": "ARM64", "image_platform": "linux/amd64"}, "linux/amd64"),
        ({"sm2a_architecture": ""}, None),
        ({}, None),
    ],
)
def test_an_image_is_looked_for_as_the_role_will_build_it(
    variables: dict[str, Any], platform: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_docker(_self: Any) -> None:
        raise validate.DockerError("there is no Docker")

    monkeypatch.setattr(validate.Docker, "require", no_docker)
    plugin, known = action(["image"], image_uris={"airflow": IMAGES["airflow"]}, **variables)
    asked = []

    def answer(_module: str, module_args: dict[str, Any], **_others: Any) -> dict[str, Any]:
        asked.append(module_args)
        return {"plan": [{"kind": "Docker::Image", "action": "none"}]}

    monkeypatch.setattr(plugin, "_execute_module", answer)

    assert not plugin.run(task_vars=known).get("failed")
    assert [options.get("platform") for options in asked] == [platform]


@pytest.mark.parametrize(
    ("wanted", "skipped", "docker"),
    [
        (["all"], [], True),
        (["tagged"], [], True),
        (["all"], ["image"], False),
        (["all"], ["workers", "scaler"], True),
        (["image"], [], True),
        (["workers"], [], False),
        (["network"], [], False),
    ],
)
def test_docker_is_needed_where_the_tags_choose_an_image(
    wanted: list[str], skipped: list[str], docker: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_docker(_self: Any) -> None:
        raise validate.DockerError("there is no Docker")

    monkeypatch.setattr(validate.Docker, "require", no_docker)

    said = refused(ansible_run_tags=wanted, ansible_skip_tags=skipped, image_uris={}, image_push=False)

    assert any("there is no Docker" in line for line in said) == docker


def test_tags_choose_the_roles_that_are_looked_at() -> None:
    for tags, looked in (["tagged"], True), (["network"], True), (["queue"], False), (["untagged"], False):
        assert bool(refused(ansible_run_tags=tags, network_cidr="x")) == looked, tags


def test_mappings_may_be_pairs_as_the_command_line_has_them() -> None:
    assert refused(image_uris="airflow=registry/airflow:1,scaler=registry/scaler:1") == []
    [line, *_others] = refused(["image"], image_uris="airflow=https://registry/airflow:1,scaler=registry/scaler:1")
    assert "https://registry/airflow:1" in line


KEY = "arn:aws:kms:eu-central-1:123456789012:key/01234567-89ab-cdef-0123-456789abcdef"


def test_without_boto3_and_a_region_the_rest_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("boto3", "botocore", "botocore.exceptions"):
        monkeypatch.setitem(sys.modules, name, None)
    specification = importlib.util.spec_from_file_location("validate_without_boto3", str(validate.__file__))
    assert specification and specification.loader
    bare = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(bare)

    assert bare._region({"region": None, "profile": None}) == ""


def test_a_key_is_fine_where_the_region_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    plugin, known = action(["storage"], storage_kms_key_arn=KEY)
    plugin._task.args["region"] = "eu-west-1"
    assert "must be in this region, eu-west-1" in plugin.run(task_vars=known)["msg"]

    monkeypatch.setattr(validate, "_region", lambda _arguments: "")
    assert not plugin.run(task_vars=known).get("failed")


def test_a_role_that_does_not_exist_is_named() -> None:
    [line] = refused(["networks", "queue"])

    assert line.startswith("roles: 'networks' is no role of SM2A; they are network, security")


@pytest.mark.parametrize(
    ("variables", "start"),
    [
        ({"sm2a_environment": "Dev_1"}, "sm2a_environment: 'Dev_1' is refused"),
        ({"sm2a_tags": {"Owner": "a", "owner": "b"}}, "sm2a_tags: 'Owner and owner' is refused"),
        ({"sm2a_execution_api_server_url": "http://api:8080"}, "sm2a_execution_api_server_url: 'http://api:8080'"),
    ],
)
def test_a_wrong_value_of_the_whole_site_is_said_once_and_by_its_name(variables: dict[str, Any], start: str) -> None:
    [line] = refused(**variables)

    assert line.startswith(start)


def test_a_wrong_value_of_one_role_is_said_by_the_roles_name() -> None:
    [one, other] = refused(["queue", "storage"], sm2a_tags={"Name": "x"}, queue_tags={"name": "y"})

    assert one.startswith("queue_tags: 'name'") and other.startswith("sm2a_tags: 'Name'")


def test_a_region_that_is_misspelt_is_told_once() -> None:
    plugin, known = action(sm2a_region="eu-centrl-1", network_availability_zones=["eu-central-1a", "eu-central-1b"])
    plugin._task.args["region"] = "eu-centrl-1"

    answer = plugin.run(task_vars=known)

    assert answer["failed"] and answer["msg"].startswith("sm2a_region: 'eu-centrl-1' is refused: no such region")
    assert len(answer["msg"].splitlines()) == 1


def test_a_region_that_is_new_is_warned_of() -> None:
    plugin, known = action()
    plugin._task.args["region"] = "eu-central-9"

    answer = plugin.run(task_vars=known)

    assert not answer.get("failed")
    assert len(answer["warnings"]) == 1 and "eu-central-9" in answer["warnings"][0]
