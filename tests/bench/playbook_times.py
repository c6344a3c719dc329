# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What users wait for: a run that changes nothing, a plan, and the first run of all.

The runs that are compared alternate, and of each the median counts. No run needs a container: the images are given.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import trustme
from slow_aws import SECONDS

FOLDER = Path(__file__).parent
ROOT = FOLDER.parents[1]
SITE, TASKS, EMPTY = "playbooks/site.yml", "tests/bench/platform_by_tasks.yml", "tests/bench/empty.yml"
RUNS = 5
# One of these takes as long as many of the others.
RUNS_BY_TASKS = 3
REGION = "eu-central-1"
CREDENTIALS = {"access_key": "local", "secret_key": "emulator-only"}
# Five times faster than AWS. What Ansible and the emulator take is not scaled, and counts five times as much.
SCALE = 0.2
# Services start when the migration has ended, and that needs the database; all else is there before it.
LONGEST_CHAIN = SECONDS["database"] + SECONDS["service"]


@dataclass
class Run:
    """What a run of a playbook took, by the clock and of processors, and the results of its tasks."""

    seconds: float
    processor_seconds: float
    results: list[dict[str, Any]]

    @property
    def changed(self) -> int:
        """How many tasks changed something, or would."""
        return sum(bool(result.get("changed")) for result in self.results)

    @property
    def reads(self) -> int:
        """The reading calls to AWS of all modules."""
        return self._calls("read")

    @property
    def writes(self) -> int:
        """The mutating calls to AWS of all modules."""
        return self._calls("write")

    @property
    def resources(self) -> int:
        """The resources of all components."""
        return len({(step["kind"], step["name"]) for result in self.results for step in result.get("plan", [])})

    def _calls(self, kind: str) -> int:
        return sum(result["api_calls"][kind] for result in self.results if "api_calls" in result)


class Account:
    """An empty account with a hosted zone and a certificate, and the playbooks that run in it."""

    def __init__(self, url: str) -> None:
        self._url = url
        zone = self._client("route53").create_hosted_zone(Name="example.com", CallerReference="bench")
        leaf = trustme.CA().issue_cert("tasks.example.com")
        certificate = self._client("acm").import_certificate(
            Certificate=leaf.cert_chain_pems[0].bytes(), PrivateKey=leaf.private_key_pem.bytes()
        )
        self._variables = {
            **{f"sm2a_{name}": value for name, value in CREDENTIALS.items()},
            "ansible_python_interpreter": sys.executable,
            "sm2a_endpoint_url": url,
            "load_balancer_hosted_zone_id": zone["HostedZone"]["Id"].rsplit("/", 1)[-1],
            "network_interface_endpoints": ["ecr.api", "logs"],
            "image_uris": {name: f"registry.example.com/{name}:1" for name in ("airflow", "scaler")},
            "bench_account_id": self._client("sts").get_caller_identity()["Account"],
            "bench_certificate_arn": certificate["CertificateArn"],
        }

    def _client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self._url,
            region_name=REGION,
            aws_access_key_id=CREDENTIALS["access_key"],
            aws_secret_access_key=CREDENTIALS["secret_key"],
        )

    def run(self, playbook: str, *arguments: str, scale: float = 1.0) -> Run:
        """Run a playbook. Raises RuntimeError with its last words if it fails."""
        environment = {
            **os.environ,
            "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json",
            "ANSIBLE_LOCALHOST_WARNING": "False",
        }
        if scale != 1.0:
            environment.update(PYTHONPATH=str(FOLDER / "scaled_time"), SM2A_BENCH_SCALE=str(scale))
        command = ["ansible-playbook", playbook, "-i", "inventories/dev", "-e", json.dumps(self._variables), *arguments]
        used, started = _processor_seconds(), time.monotonic()
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        seconds = time.monotonic() - started
        if done.returncode:
            raise RuntimeError(f"{playbook} failed:\n{done.stdout[-3000:]}{done.stderr[-1000:]}")
        report = json.loads(done.stdout[done.stdout.index("{") :])
        results = [result for play in report["plays"] for task in play["tasks"] for result in task["hosts"].values()]
        return Run(seconds, _processor_seconds() - used, results)


def _processor_seconds() -> float:
    """Return what all ended children of this process have used; the emulators run on."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


@contextlib.contextmanager
def account(scale: float) -> Iterator[Account]:
    """Serve an account on a free port of the loopback interface; AWS's creation times are scaled."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    # The emulator must not find Docker: what it would start is not measured.
    environment = {**os.environ, "GATEWAY_PORT": str(port), "DOCKER_HOST": "unix:///nonexistent"}
    url = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as folder, open(Path(folder) / "log", "w") as log:
        server = subprocess.Popen(
            [sys.executable, str(FOLDER / "slow_aws.py"), str(port), str(scale)],
            env=environment,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        try:
            _wait_for(url)
            yield Account(url)
        finally:
            server.terminate()
            server.wait()


def _wait_for(url: str) -> None:
    """Return once the emulator answers. Raises TimeoutError."""
    deadline = time.monotonic() + 60
    while True:
        with contextlib.suppress(OSError):
            urllib.request.urlopen(f"{url}/_ministack/health", timeout=5).read()
            return
        if time.monotonic() > deadline:
            raise TimeoutError("the emulator did not start")
        time.sleep(0.2)


def measure() -> dict[str, dict[str, Any]]:
    """Return what the three kinds of runs take, in seconds and as ratios within this measurement."""
    with account(0.0) as deployed, account(SCALE) as new:
        deployed.run(SITE)
        deployed.run(TASKS)
        runs: dict[str, list[Run]] = {"site": [], "tasks": [], "empty": [], "plan": []}
        for nth in range(RUNS):
            runs["empty"].append(deployed.run(EMPTY))
            runs["site"].append(deployed.run(SITE))
            runs["plan"].append(new.run(SITE, "--check"))
            if nth < RUNS_BY_TASKS:
                runs["tasks"].append(deployed.run(TASKS))
        first = new.run(SITE, scale=SCALE)
        repeated = new.run(SITE)
    for name in ("site", "tasks"):
        if any(run.changed for run in runs[name]):
            raise RuntimeError(f"a repeated run of {name} changed something: what it takes means nothing")
    if repeated.changed:
        raise RuntimeError("the first run of site left something to be done")
    seconds = {name: statistics.median(run.seconds for run in of) for name, of in runs.items()}
    processor = {name: statistics.median(run.processor_seconds for run in of) for name, of in runs.items()}
    site = runs["site"][-1]
    chain = LONGEST_CHAIN * SCALE
    return {
        "noop": {
            "seconds": seconds["site"],
            "seconds_by_tasks": seconds["tasks"],
            "ratio_to_tasks": seconds["site"] / seconds["tasks"],
            "ratio_to_empty_play": seconds["site"] / seconds["empty"],
            "processor_ratio_to_tasks": processor["site"] / processor["tasks"],
            "processor_ratio_to_empty_play": processor["site"] / processor["empty"],
            "mutating_calls": max(run.writes for run in runs["site"]),
            "resources": site.resources,
            "reads_per_resource": site.reads / site.resources,
        },
        "plan": {
            "seconds": seconds["plan"],
            "ratio_to_empty_play": seconds["plan"] / seconds["empty"],
            "processor_ratio_to_empty_play": processor["plan"] / processor["empty"],
            "mutating_calls": max(run.writes for run in runs["plan"]),
        },
        "first_deploy": {
            "seconds": first.seconds,
            "longest_chain_seconds": chain,
            "ratio_to_longest_chain": first.seconds / chain,
        },
        "empty_play": {"seconds": seconds["empty"]},
    }


def show(measured: dict[str, dict[str, Any]]) -> None:
    """Print what was measured."""
    noop, plan, first = (measured[name] for name in ("noop", "plan", "first_deploy"))
    print(f"Runs of ansible-playbook, medians of {RUNS} ({RUNS_BY_TASKS} by tasks)")
    print(f"  a play without tasks                              {measured['empty_play']['seconds']:6.1f} s")
    print(f"  site that changes nothing                         {noop['seconds']:6.1f} s", end="")
    print(f"   {noop['ratio_to_empty_play']:.1f} times as long")
    print(f"    the same by amazon.aws and community.aws        {noop['seconds_by_tasks']:6.1f} s", end="")
    print(f"   ratio 1/{1 / noop['ratio_to_tasks']:.1f}")
    print(f"    mutating calls {noop['mutating_calls']}, reads per resource {noop['reads_per_resource']:.2f}")
    print(f"  site --check in an empty account                  {plan['seconds']:6.1f} s", end="")
    print(f"   {plan['ratio_to_empty_play']:.1f} times as long")
    print(f"  first site, AWS's creation times times {SCALE}         {first['seconds']:6.1f} s", end="")
    print(f"   {first['ratio_to_longest_chain']:.2f} of database and services, {first['longest_chain_seconds']:.0f} s")
