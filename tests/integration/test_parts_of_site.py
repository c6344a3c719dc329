# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Parts of the playbook ``site``, run alone on a complete environment.

MiniStack runs no container here: the image exists already, and a thread ends the task that migrates the database.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from emulators import Account, Emulator
from playbook_runs import PlaybookRun, playbook, succeed

from ansible_collections.sm2a.airflow.plugins.module_utils._components._names import SECRETS
from ansible_collections.sm2a.airflow.plugins.plugin_utils._order import ROLES

# What is read of an environment in which nothing changes, for each of its resources. Roles, buckets and secrets take
# more: IAM, S3 and Secrets Manager have a call for each part of each of them.
READS_OF_A_RESOURCE = 1.3

pytestmark = pytest.mark.parametrize("emulator", ["ministack"], indirect=True)


def site(account: Account, *arguments: str) -> PlaybookRun:
    """Run the playbook on the emulator, with images and the internal name that an account has."""
    variables = {
        "sm2a_endpoint_url": account.emulator.url,
        "image_uris": {"airflow": "registry.example.com/airflow:1", "scaler": "registry.example.com/scaler:1"},
        "cluster_service_discovery": True,
        "load_balancer_hosted_zone_id": account.emulator.hosted_zone("sm2a.localhost"),
    }
    return playbook("site", *arguments, "-e", json.dumps(variables))


@contextmanager
def migrations_end(account: Account) -> Iterator[None]:
    """End every one-off task of the cluster, as its program would."""
    ecs, done = account.client("ecs"), threading.Event()

    def end() -> None:
        while not done.wait(0.3):
            try:
                for task in ecs.list_tasks(cluster="sm2a-local", family="sm2a-local-migration")["taskArns"]:
                    ecs.stop_task(cluster="sm2a-local", task=task)
            except (BotoCoreError, ClientError):
                continue  # there is no cluster yet, or the machine is slow

    thread = threading.Thread(target=end)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def encryption(account: Account) -> dict[str, Any]:
    """How everything of the environment is encrypted that can change its key."""
    s3, sqs, logs, secrets = (account.client(service) for service in ("s3", "sqs", "logs", "secretsmanager"))
    buckets = [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]
    urls = sqs.list_queues(QueueNamePrefix="sm2a-local-")["QueueUrls"]
    names = [secret["Name"] for secret in secrets.list_secrets(MaxResults=100)["SecretList"]]
    return {
        **{name: s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"] for name in buckets},
        **{url: sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"] for url in urls},
        **{name: secrets.describe_secret(SecretId=name).get("KmsKeyId") for name in names},
        **{group["logGroupName"]: group.get("kmsKeyId") for group in logs.describe_log_groups()["logGroups"]},
    }


def test_each_part_alone_does_what_it_does_in_the_whole(emulator: Emulator) -> None:
    emulator.reset()
    account = Account(emulator)
    with migrations_end(account):
        succeed(site(account))
    before = encryption(account)
    key = account.client("kms").describe_key(KeyId="alias/sm2a-local")["KeyMetadata"]["Arn"]
    assert len(before) == 2 + 2 + len(SECRETS) + 5, "buckets, queues, secrets and log groups"
    assert [name for name, how in before.items() if key not in str(how)] == []

    whole = succeed(site(account))
    assert (whole.stats["changed"], whole.api_calls["write"]) == (0, 0)
    resources = {(step["kind"], step["name"]) for step in whole.plan}
    assert whole.api_calls["read"] <= READS_OF_A_RESOURCE * len(resources)

    for tag in ROLES:
        alone = succeed(site(account, "--tags", tag))

        assert (alone.stats["changed"], alone.api_calls["write"]) == (0, 0), tag
        assert {step["action"] for step in alone.plan} <= {"none"}, tag
        # What was only read is not in the summary, and is as its variables say.
        assert alone.results[-1]["lines"] == ["Created 0, changed 0, deleted 0"], tag
        assert not any("With the playbook site" in text for text in warnings(alone)), tag
    assert encryption(account) == before

    # What is there is enough, also where it is not as the variables say.
    other = succeed(site(account, "--tags", "queue", "-e", "network_nat_gateways=one_per_zone"))
    assert (other.stats["changed"], other.api_calls["write"]) == (0, 0)
    assert any("What exists of network is not as its variables say" in text for text in warnings(other))

    # A new part gets the environment's key, as it would in the whole.
    account.client("logs").delete_log_group(logGroupName="/sm2a/local/scaler")
    succeed(site(account, "--tags", "observability"))
    assert encryption(account) == before


def test_a_part_that_lacks_another_is_refused_before_the_first_write(emulator: Emulator) -> None:
    emulator.reset()
    account = Account(emulator)
    succeed(site(account, "--tags", "secrets"))

    for tags, needed in {
        "security": "network,security",
        "load_balancer": "network,security,load_balancer",
        # The secrets are there.
        "database": "network,security,database",
        # The images are somebody else's.
        "scaler": ",".join(role for role in ROLES if role != "image"),
    }.items():
        for arguments in ([], ["--check"]):
            alone = site(account, "--tags", tags, *arguments)

            [refusal] = [result["msg"] for result in alone.results if result.get("failed")]
            assert alone.api_calls["write"] == 0
            assert refusal.endswith(f"with the playbook site: --tags {needed}"), refusal
    assert (
        account.client("ec2").describe_vpcs(Filters=[{"Name": "tag-key", "Values": ["sm2a:environment"]}])["Vpcs"] == []
    )

    # What the message asks for is enough.
    succeed(site(account, "--tags", "network,security,load_balancer"))


def test_secrets_that_are_read_by_name_are_missed_first(emulator: Emulator) -> None:
    emulator.reset()

    refused = site(Account(emulator), "--tags", "network,security,database")

    [refusal] = [result["msg"] for result in refused.results if result.get("failed")]
    assert "The role database reads secrets that the role secrets has not made." in refusal
    assert refusal.endswith("--tags network,security,secrets,database")
    assert refused.api_calls["write"] == 0


def warnings(run: PlaybookRun) -> list[str]:
    """Return all warnings of the tasks of a run."""
    return [text for result in run.results for text in result.get("warnings", [])]
