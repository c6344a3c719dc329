# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Roles included by a role of somebody else's collection, with nothing but their own variables."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from emulators import CREDENTIALS, REGION, Account, Vpc

pytestmark = pytest.mark.parametrize("emulator", ["ministack"], indirect=True)

PROGRAMS = ("api_server", "execution_api", "scheduler", "dag_processor", "triggerer")
SERVICES = ("execution", *PROGRAMS, "worker", "migration", "scaler")


def container(vpc: Vpc, log_group: str) -> dict[str, Any]:
    """The variables of a role that runs containers, without its name in front."""
    return {
        "cluster": "their-cluster",
        "image": "registry.example.com/theirs:1",
        "subnet_ids": vpc.subnet_ids,
        "security_group_ids": [vpc.security_group_id],
        "role_arns": {service: f"arn:aws:iam::123456789012:role/their-{service}" for service in SERVICES},
        "log_group": log_group,
    }


def roles(account: Account, vpc: Vpc, folder: Path) -> dict[str, dict[str, Any]]:
    """The variables of each role, the last of `site` first: only the secrets were made by another."""
    url = "https://sqs.eu-central-1.amazonaws.com/123456789012/theirs"
    airflow = {
        **container(vpc, "/their/airflow"),
        "log_bucket": "their-logs",
        "dag_bucket": "their-dags",
        "queues": {"default": {"url": url}},
        "url": "https://airflow.example.com",
        "execution_api_server_url": "http://airflow.internal:8080/execution/",
    }
    pool = {"service": "theirs", "queue": "default", "queue_url": url, "concurrency": 4, "minimum": 0, "maximum": 5}
    target_group = account.client("elbv2").create_target_group(Name="theirs", Port=8080, Protocol="HTTP", VpcId=vpc.id)
    network = {"subnet_ids": vpc.subnet_ids, "security_group_ids": [vpc.security_group_id]}
    (folder / "Dockerfile").write_text("FROM scratch\n")
    variables: dict[str, dict[str, Any]] = {
        # The modules of others read its secrets by name.
        "secrets": {},
        "scaler": {**container(vpc, "/their/scaler"), "pools": {"default": pool}, "database_secret": "theirs"},
        "workers": airflow,
        "airflow": {
            **airflow,
            "target_group_arn": target_group["TargetGroups"][0]["TargetGroupArn"],
            "database_resource_id": "db-ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        },
        "image": {"name": "airflow", "source": str(folder)},
        "cluster": {"vpc_id": vpc.id},
        "observability": {},
        "load_balancer": {**network, "vpc_id": vpc.id, "protocol": "HTTP"},
        "database": network,
        "queue": {"pools": ["default"]},
        "storage": {},
        "security": {"vpc_id": vpc.id},
        "network": {},
    }
    return {
        role: {f"{role}_{name}": value for name, value in {**given, "environment": "test"}.items()}
        for role, given in variables.items()
    }


def play(
    account: Account, folder: Path, tasks: list[dict[str, Any]], *arguments: str, refused: int = 0
) -> list[dict[str, Any]]:
    """Run these tasks as a role of the collection acme.data and return what each of them answered.

    ``refused`` says how many of them fail.
    """
    collection = folder / "collections/ansible_collections/acme/data"
    (collection / "playbooks").mkdir(parents=True, exist_ok=True)
    (collection / "roles/deploy/tasks").mkdir(parents=True, exist_ok=True)
    (collection / "galaxy.yml").write_text(yaml.safe_dump({"namespace": "acme", "name": "data", "version": "1.0.0"}))
    (collection / "roles/deploy/tasks/main.yml").write_text(yaml.safe_dump(tasks))
    where = {"region": REGION, "endpoint_url": account.emulator.url, **CREDENTIALS}
    playbook = {
        "hosts": "localhost",
        "gather_facts": False,
        "module_defaults": {"group/sm2a.airflow.airflow": where},
        "roles": ["acme.data.deploy"],
    }
    (collection / "playbooks/deploy.yml").write_text(yaml.safe_dump([playbook]))
    environment = {
        **os.environ,
        "ANSIBLE_COLLECTIONS_PATH": f"{folder / 'collections'}:{os.environ['ANSIBLE_COLLECTIONS_PATH']}",
        "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json",
        "ANSIBLE_LOCALHOST_WARNING": "False",
    }
    # Without an inventory localhost has the Python of ansible-playbook, not one that is found on the machine.
    command = ["ansible-playbook", "acme.data.deploy", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd=folder)
    assert "{" in done.stdout, done.stderr
    report = json.loads(done.stdout[done.stdout.index("{") :])
    answers = [task["hosts"]["localhost"] for task in report["plays"][0]["tasks"]]
    failures = [answer.get("msg") for answer in answers if answer.get("failed")]
    assert len(failures) == refused, failures
    return answers


def include(role: str, variables: dict[str, Any], **more: str) -> dict[str, Any]:
    return {"ansible.builtin.include_role": {"name": f"sm2a.airflow.{role}", **more}, "vars": variables}


def test_every_role_plans_with_its_own_variables_only(account: Account, vpc: Vpc, tmp_path: Path) -> None:
    variables = roles(account, vpc, tmp_path)

    answers = play(account, tmp_path, [include(role, given) for role, given in variables.items()], "--check")

    plans = [answer for answer in answers if "plan" in answer]
    assert len(plans) == len(variables) == len(list((Path(__file__).parents[2] / "roles").iterdir()))
    assert all(answer["changed"] and answer["api_calls"]["write"] == 0 for answer in plans)


def test_the_scaler_runs_where_the_rest_is_somebody_elses(account: Account, vpc: Vpc, tmp_path: Path) -> None:
    account.client("ecs").create_cluster(clusterName="their-cluster")
    variables = {**roles(account, vpc, tmp_path)["scaler"], "scaler_wait": False}
    del variables["scaler_image"]
    image = {"image_environment": "test", "image_uris": {"scaler": "registry.example.com/scaler:1"}}
    tasks = [include("scaler", image, tasks_from="image"), include("scaler", variables)]

    assert any(answer.get("changed") for answer in play(account, tmp_path, tasks))

    ecs = account.client("ecs")
    [service] = ecs.describe_services(cluster="their-cluster", services=["sm2a-test-scaler"])["services"]
    definition = ecs.describe_task_definition(taskDefinition=service["taskDefinition"])["taskDefinition"]
    assert definition["containerDefinitions"][0]["image"] == "registry.example.com/scaler:1"
    assert not any(answer.get("changed") for answer in play(account, tmp_path, tasks))


def test_two_environments_in_one_play_do_not_mix(account: Account, tmp_path: Path) -> None:
    def role(name: str, environment: str, **variables: Any) -> dict[str, Any]:
        return include(name, {"sm2a_environment": environment, "network_nat_gateways": "none", **variables})

    # One environment after the other, as docs/configuration.md has it.
    order = "{{ ['one', 'two'] | product(['network', 'security', 'queue']) }}"
    whole = {**role("{{ item.1 }}", "{{ item.0 }}"), "loop": order}
    # By now all facts are of the environment two; those of one are read. Nobody has made three.
    mixed = [role(name, "one") for name in ("security", "queue")]
    nobody = {"block": [role("security", "three")], "rescue": [{"ansible.builtin.debug": {"msg": "refused"}}]}
    later = [role("queue", "one", queue_state="absent"), role("queue", "two")]

    answers = play(account, tmp_path, [whole, *mixed, nobody, *later], refused=1)

    [refusal] = [answer["msg"] for answer in answers if answer.get("failed")]
    assert "The role security needs facts of roles that have not run: network (security_vpc_id)" in refusal
    assert [answer["changed"] for answer in answers if "security" in answer] == [True, True, False]
    ec2, kms, sqs = (account.client(service) for service in ("ec2", "kms", "sqs"))
    for environment in ("one", "two"):
        of_it = [{"Name": "tag:sm2a:environment", "Values": [environment]}]
        [vpc] = ec2.describe_vpcs(Filters=of_it)["Vpcs"]
        groups = ec2.describe_security_groups(Filters=of_it)["SecurityGroups"]
        names = sorted(group["GroupName"].removeprefix(f"sm2a-{environment}-") for group in groups)
        assert names == ["airflow", "api-server", "database", "default", "execution-api", "load-balancer"]
        assert {group["VpcId"] for group in groups} == {vpc["VpcId"]}
    # Deleting needs no fact; the queues of the other one keep their own key.
    [url, dead_letter] = sqs.list_queues()["QueueUrls"]
    assert "sm2a-two-" in url and "sm2a-two-" in dead_letter
    key = kms.describe_key(KeyId="alias/sm2a-two")["KeyMetadata"]["Arn"]
    assert sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]["KmsMasterKeyId"] == key
    assert not answers[-1]["changed"]
