# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Security groups on the running platform: what must be closed is, changes take effect, names follow tasks."""

from __future__ import annotations

import contextlib
import json
import subprocess
import time
from collections.abc import Iterator

import pytest
import requests
from platform_client import Airflow, aws
from playbook_runs import Platform, docker, playbook, succeed, wait

EXECUTION_API_NAME = "api-server.sm2a-local.internal"
NETWORK = "sm2a"
WAREHOUSE_PORT = 5439
CONNECT = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 3).close()"


@pytest.fixture(scope="module", autouse=True)
def airflow(platform: Platform) -> Airflow:
    client = Airflow()
    client.wait_until_up()
    return client


def containers(family: str) -> list[str]:
    """Return the containers of a family of task definitions, the newest first."""
    label = f"label=com.amazonaws.ecs.task-definition-family=sm2a-local-{family}"
    return docker("ps", "--quiet", "--filter", label).split()


def container(family: str) -> str:
    return containers(family)[0]


def inspected(identity: str, template: str) -> str:
    return docker("inspect", "--format", template, identity).strip()


def address(identity: str) -> str:
    return inspected(identity, f"{{{{ .NetworkSettings.Networks.{NETWORK}.IPAddress }}}}")


def reaches(caller: str, called: str, port: int) -> bool:
    """Tell whether a program in a container gets a connection to an address."""
    command = ["docker", "exec", caller, "python", "-c", CONNECT, called, str(port)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@contextlib.contextmanager
def a_neighbour(*command: str) -> Iterator[str]:
    """Run a program in the VPC that has no security group and filters nothing."""
    image = inspected(container("scheduler"), "{{ .Config.Image }}")
    # Its end is not waited for: python ignores SIGTERM as the first process.
    options = ("--detach", "--rm", "--init", f"--network={NETWORK}", "--entrypoint=python")
    identity = docker("run", *options, image, *command).strip()
    try:
        yield identity
    finally:
        docker("rm", "--force", identity)


def group(name: str) -> str:
    filters = [{"Name": "tag:Name", "Values": [f"sm2a-local-{name}"]}]
    return str(aws("ec2").describe_security_groups(Filters=filters)["SecurityGroups"][0]["GroupId"])


def database() -> str:
    return docker("ps", "--quiet", "--filter", "label=ministack=rds").strip()


def database_port() -> int:
    return int(aws("rds").describe_db_instances()["DBInstances"][0]["Endpoint"]["Port"])


def test_only_the_api_server_reads_logs_of_running_tasks() -> None:
    logs = {address(container("worker-default")): 8793, address(container("triggerer")): 8794}

    def readers(caller: str) -> list[bool]:
        return [reaches(container(caller), host, port) for host, port in logs.items()]

    wait("the log servers", lambda: all(readers("api-server")), 60)
    assert readers("scheduler") == [False, False]
    assert not reaches(container("worker-default"), address(container("triggerer")), 8794)


def test_whoever_has_none_of_the_groups_reaches_nothing() -> None:
    execution_api, worker = address(container("execution-api")), address(container("worker-default"))
    api_server = address(container("api-server"))
    assert reaches(container("worker-default"), execution_api, 8080)
    assert not reaches(container("worker-default"), api_server, 8080)
    assert reaches(container("scheduler"), address(database()), database_port())
    with a_neighbour("-c", "import time; time.sleep(600)") as bastion:
        assert not reaches(bastion, api_server, 8080)
        assert not reaches(bastion, execution_api, 8080)
        assert not reaches(bastion, worker, 8793)
        assert not reaches(bastion, address(database()), database_port())


def test_a_rule_that_is_taken_away_closes_the_port_and_site_opens_it_again() -> None:
    worker = address(container("worker-default"))
    pair = [{"GroupId": group("api-server")}]
    rule = {"IpProtocol": "tcp", "FromPort": 8793, "ToPort": 8793, "UserIdGroupPairs": pair}
    aws("ec2").revoke_security_group_ingress(GroupId=group("airflow"), IpPermissions=[rule])
    time.sleep(1)
    assert not reaches(container("api-server"), worker, 8793)

    assert succeed(playbook("site", "--tags", "security")).stats["changed"] > 0
    time.sleep(1)
    assert reaches(container("api-server"), worker, 8793)


def test_a_task_calls_what_the_option_egress_names() -> None:
    with a_neighbour("-m", "http.server", str(WAREHOUSE_PORT)) as warehouse:
        host = address(warehouse)
        wait("the warehouse", lambda: reaches(warehouse, host, WAREHOUSE_PORT), 30)
        assert not reaches(container("worker-default"), host, WAREHOUSE_PORT)
        egress = [{"cidr": f"{host}/32", "from_port": WAREHOUSE_PORT}]
        succeed(playbook("site", "--tags", "security", "-e", json.dumps({"security_egress": egress})))
        wait("the rule", lambda: reaches(container("worker-default"), host, WAREHOUSE_PORT), 5)

        succeed(playbook("site", "--tags", "security"))
        time.sleep(1)
        assert not reaches(container("worker-default"), host, WAREHOUSE_PORT)


def test_the_name_of_the_execution_api_follows_its_tasks(airflow: Airflow) -> None:
    worker = container("worker-default")

    def named() -> set[str]:
        script = f"import socket; print(*socket.gethostbyname_ex({EXECUTION_API_NAME!r})[2])"
        done = subprocess.run(["docker", "exec", worker, "python", "-c", script], capture_output=True, check=False)
        return set(done.stdout.decode().split())

    old = container("execution-api")
    assert named() == {address(old)}
    with a_neighbour("-c", "import time; time.sleep(600)"):
        docker("kill", old)
        wait("a successor", lambda: containers("execution-api") not in ([], [old]), 60)
        successor = container("execution-api")
        wait("its name", lambda: named() == {address(successor)}, 30)
        wait("its answer", lambda: reaches(worker, EXECUTION_API_NAME, 8080), 180)
    airflow.wait_until_up()


def test_the_execution_api_is_closed_on_the_public_listener(airflow: Airflow) -> None:
    path = "/execution/health/health"
    assert airflow.request("GET", path).status_code == requests.codes.forbidden
    # Inside of the VPC it answers itself.
    script = (
        f"import http.client as h; c = h.HTTPConnection({EXECUTION_API_NAME!r}, 8080, timeout=30); "
        f"c.request('GET', {path!r}); print(c.getresponse().status)"
    )
    answered = docker("exec", container("worker-default"), "python", "-c", script).strip()
    assert int(answered) != requests.codes.forbidden
