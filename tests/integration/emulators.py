# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An account on an emulator of the AWS API, and a way to run our modules in it."""

from __future__ import annotations

import importlib
import io
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
import trustme
from ansible.module_utils.testing import patch_module_args
from iam_principals import ROOT_ACCESS_KEY, SECRET_KEY

# The account's root, who may do everything: whoever looks at what the modules did.
ROOT = {"access_key": ROOT_ACCESS_KEY, "secret_key": SECRET_KEY}
CREDENTIALS = ROOT
# How MiniStack treats modules and playbooks where it checks calls: "RECORD" lets them do everything and notes what they
# do, "LOCAL" lets them do what docs/iam allows. The beginning of the access keys of iam_principals.
IAM = os.environ.get("SM2A_TEST_IAM", "")
REGION = "eu-central-1"
# Where no engine answers, for emulators and modules alike.
NO_DOCKER = "unix:///nonexistent"
MODULES = "ansible_collections.sm2a.airflow.plugins.modules"


LAUNCHERS = Path(__file__).parents[1] / "local_aws"
# An emulator is another machine as far as the modules are concerned: it keeps its own versions when the tests run with
# the oldest ones. tests/versions.sh sets this.
EMULATORS_PYTHON = os.environ.get("SM2A_TEST_EMULATORS_PYTHON", sys.executable)


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
            aws_access_key_id=ROOT["access_key"],
            aws_secret_access_key=ROOT["secret_key"],
        )

    def hosted_zone(self, domain: str = "example.com") -> str:
        """Return the id of the hosted zone of a domain, which the account has from now on."""
        route53 = self.client("route53")
        # A namespace of Cloud Map has a zone too.
        zones = [zone for zone in route53.list_hosted_zones()["HostedZones"] if zone["Name"] == f"{domain}."]
        if not zones:
            zones = [route53.create_hosted_zone(Name=domain, CallerReference=domain)["HostedZone"]]
        return str(zones[0]["Id"].rsplit("/", 1)[-1])

    def reset(self) -> None:
        """Forget everything, as an empty account."""
        path = "/moto-api/reset" if self.name == "moto" else "/_ministack/reset"
        urllib.request.urlopen(urllib.request.Request(self.url + path, method="POST"), timeout=30).read()

    def refused(self) -> list[str]:
        """Return what AWS would not have taken, of all requests since this was last asked for."""
        with urllib.request.urlopen(f"{self.url}/_sm2a/refused", timeout=30) as answer:
            return list(json.load(answer))


def credentials(check: bool = False, absent: bool = False, users: str = IAM) -> dict[str, str]:
    """Return the credentials of whoever only plans, deletes, or makes; of root where calls are not checked."""
    if not users:
        return ROOT
    return {**ROOT, "access_key": users + ("READONLY" if check else "TEARDOWN" if absent else "DEPLOYER")}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def checked(environment: str, record: str | None = None) -> dict[str, str]:
    """Return the environment variables of a MiniStack that checks every call, and notes in a file what it decided.

    The users of iam_principals have the policies of docs/iam for an environment of this name.
    """
    return {
        "AUTH": "true",
        "MINISTACK_REGION": REGION,
        "AWS_ACCESS_KEY_ID": ROOT["access_key"],
        "AWS_SECRET_ACCESS_KEY": ROOT["secret_key"],
        "SM2A_IAM_ENVIRONMENT": environment,
        **({"SM2A_IAM_RECORD": record} if record else {}),
    }


@contextmanager
def started(name: str, folder: Path, **variables: str) -> Iterator[Emulator]:
    """Run an emulator that keeps its log in ``folder``, with further environment variables, until the end of the block.

    It serves a free port of the loopback interface and has no Docker.
    """
    port = _free_port()
    command = {
        "moto": [EMULATORS_PYTHON, str(LAUNCHERS / "moto_launcher.py"), str(port)],
        "ministack": [EMULATORS_PYTHON, str(LAUNCHERS / "ministack_launcher.py"), str(port), "127.0.0.1"],
    }[name]
    environment = {
        **os.environ,
        "GATEWAY_PORT": str(port),
        "MOTO_ACM_VALIDATION_WAIT": "2",
        "MOTO_IAM_LOAD_MANAGED_POLICIES": "true",
        # Containers are the end-to-end tests' business; here an emulated API is enough and fast.
        "DOCKER_HOST": NO_DOCKER,
        **variables,
    }
    log = folder / f"{name}.log"
    with log.open("w") as stream:
        process = subprocess.Popen(
            command, env=environment, stdout=stream, stderr=stream, stdin=subprocess.DEVNULL, cwd=folder
        )
    running = Emulator(name, f"http://127.0.0.1:{port}")
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                running.reset()
                break
            except (urllib.error.URLError, ConnectionError):
                if time.monotonic() > deadline or process.poll() is not None:
                    pytest.fail(f"{name} did not start:\n{log.read_text()[-3000:]}")
                time.sleep(0.2)
        yield running
    finally:
        process.terminate()
        process.wait(timeout=20)


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
            **credentials(check, options.get("state") == "absent"),
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


def own_certificate(domain: str) -> dict[str, bytes]:
    """Return a certificate of somebody's own authority for a domain, as ImportCertificate takes it."""
    authority = trustme.CA()
    leaf = authority.issue_cert(domain)
    return {
        "Certificate": leaf.cert_chain_pems[0].bytes(),
        "PrivateKey": leaf.private_key_pem.bytes(),
        "CertificateChain": authority.cert_pem.bytes(),
    }
