# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lets programs of others judge what ``site`` makes of the inventory ``production``, on moto.

Prowler looks at the account, parliament at every policy, and cfn-lint at what ECS, CloudWatch Logs and IAM were asked
for, as a template of CloudFormation. What ``exceptions.yml`` gives no reason for fails, and so does an exception that
nothing needs any more.
"""

from __future__ import annotations

import csv
import json
import logging
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import made
import moto_account
import yaml
from emulators import CREDENTIALS, REGION, Emulator
from playbook_runs import playbook
from verdict import Finding, verdict

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = ROOT / ".local" / "judges" / "venv" / "bin"
# Of Prowler's: those in which ``site`` makes something.
SERVICES = (
    *("acm", "cloudwatch", "ec2", "vpc", "ecr", "ecs", "elbv2", "iam", "kms", "rds", "s3", "secretsmanager", "sqs"),
)


def deploy(account: Emulator) -> None:
    """Run ``site`` with the inventory ``production``. Raises RuntimeError with what failed."""
    variables = {
        "sm2a_endpoint_url": account.url,
        "sm2a_access_key": CREDENTIALS["access_key"],
        "sm2a_secret_key": CREDENTIALS["secret_key"],
        "load_balancer_hosted_zone_id": account.hosted_zone(),
    }
    with tempfile.TemporaryDirectory(prefix="sm2a-docker-") as folder:
        docker = Path(folder, "docker")
        stand_in = ROOT / "tests" / "integration" / "docker_stand_in.py"
        docker.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{stand_in}" "$@"\n')
        docker.chmod(0o755)
        os.environ.update(STAND_IN_STATE=folder, STAND_IN_ENDPOINT=account.url)
        os.environ["PATH"] = f"{folder}{os.pathsep}{os.environ['PATH']}"
        run = playbook("site", "-e", json.dumps(variables), inventory="production")
    if run.returncode:
        raise RuntimeError("\n".join(str(result.get("msg")) for result in run.results if result.get("failed")))


def prowler(account: Emulator) -> Iterator[Finding]:
    """Yield the checks that fail. What is said of the account as such is nobody's of ours."""
    environment = {
        **os.environ,
        "AWS_ENDPOINT_URL": account.url,
        "AWS_ACCESS_KEY_ID": CREDENTIALS["access_key"],
        "AWS_SECRET_ACCESS_KEY": CREDENTIALS["secret_key"],
    }
    with tempfile.TemporaryDirectory(prefix="sm2a-prowler-") as folder:
        output = ["--output-formats", "csv", "--output-directory", folder, "--output-filename", "findings"]
        # moto answers 500 to what it does not know, however often it is asked.
        chosen = ["--region", REGION, "--aws-retries-max-attempts", "0", "--service", *SERVICES]
        _run(["prowler", "aws", *chosen, *output, "--no-banner", "--ignore-exit-code-3"], env=environment)
        # A finding quotes whole policies.
        csv.field_size_limit(sys.maxsize)
        with Path(folder, "findings.csv").open(newline="") as stream:
            rows = list(csv.DictReader(stream, delimiter=";"))
    failed = {row["CHECK_ID"] for row in rows if row["STATUS"] == "FAIL"}
    passed = {row["CHECK_ID"] for row in rows if row["STATUS"] == "PASS"} - failed
    ours = [row for row in rows if row["STATUS"] == "FAIL" and row["RESOURCE_NAME"] != row["ACCOUNT_UID"]]
    ours_failed = {row["CHECK_ID"] for row in ours}
    account_failed = len(failed - ours_failed)
    print(f"prowler: {len(passed)} checks pass, {len(ours_failed)} fail, and {account_failed} for the account")
    for row in ours:
        yield row["CHECK_ID"], row["RESOURCE_NAME"] or row["RESOURCE_UID"]


def parliament(account: Emulator) -> Iterator[Finding]:
    """Yield what is wrong with a policy: of the account, or of ``docs/iam``."""
    policies = made.policies(account, ROOT / "docs" / "iam")
    print(f"parliament: {len(policies)} policies")
    script = Path(__file__).with_name("parliament_findings.py")
    yield from map(tuple, json.loads(_run(["python", str(script)], input=json.dumps(policies))))


def cfn_lint(account: Emulator) -> Iterator[Finding]:
    """Yield what is wrong with what ECS, CloudWatch Logs and IAM were asked for."""
    template = made.template(account)
    print(f"cfn-lint: {len(template['Resources'])} resources")
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(template, file)
        file.flush()
        for finding in json.loads(_run(["cfn-lint", "--format", "json", "--regions", REGION, "--", file.name])):
            path = finding["Location"]["Path"]
            kind = template["Resources"][path[1]]["Type"] if len(path) > 1 else ""
            yield finding["Rule"]["Id"], f"{kind} {'/'.join(map(str, path[3:]))}: {finding['Message']}"


JUDGES = {"prowler": prowler, "parliament": parliament, "cfn-lint": cfn_lint}


def _run(command: list[str], **options: Any) -> str:
    """Run one of the judges' programs and return what it printed. Raises RuntimeError if it printed nothing."""
    done = subprocess.run(
        [str(PROGRAMS / command[0]), *command[1:]], capture_output=True, text=True, check=False, **options
    )
    if not done.stdout:
        raise RuntimeError(f"{command[0]} ended with {done.returncode}: {done.stderr[-2000:]}")
    return done.stdout


def main(names: list[str]) -> int:
    """Deploy, let the judges of these names judge, or all of them, and return the exit code."""
    # moto tells at length what it does not know of all that Prowler asks for.
    logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
    excepted = yaml.safe_load(Path(__file__).with_name("exceptions.yml").read_text())
    with moto_account.serve() as url:
        account = Emulator("moto", url)
        deploy(account)
        verdicts = [verdict(name, JUDGES[name](account), excepted[name]) for name in names or JUDGES]
    return 0 if all(verdicts) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
