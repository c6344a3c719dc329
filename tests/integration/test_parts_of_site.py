# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Parts of the playbook ``site``, run alone on a complete environment.

MiniStack runs no container here: the image exists already, and a thread ends the task that migrates the database.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from emulators import Account, Emulator
from playbook_runs import PlaybookRun, playbook, succeed

from ansible_collections.sm2a.airflow.plugins.plugin_utils._facts import FACTS, tags_for

pytestmark = pytest.mark.parametrize("emulator", ["ministack"], indirect=True)

# What needs no fact of another component, or leaves what exists as it is without one.
COMPLETE = ["network", "storage", "secrets", "queue", "observability", "image"]
INCOMPLETE = ["security", "database", "load_balancer", "cluster", "airflow", "workers", "scaler"]


def site(account: Account, *arguments: str) -> PlaybookRun:
    """Run the playbook on the emulator, with images and the internal name that an account has."""
    variables = {
        "sm2a_endpoint_url": account.emulator.url,
        "image_uris": {"airflow": "registry.example.com/airflow:1", "scaler": "registry.example.com/scaler:1"},
        "cluster_service_discovery": True,
        "sm2a_execution_api_server_url": "",
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


def test_parts_alone_change_nothing_or_say_what_they_lack(emulator: Emulator) -> None:
    assert {*COMPLETE, *INCOMPLETE} == set(FACTS), "every role"
    emulator.reset()
    account = Account(emulator)
    with migrations_end(account):
        succeed(site(account))
    before = encryption(account)
    key = account.client("kms").describe_key(KeyId="alias/sm2a-local")["KeyMetadata"]["Arn"]
    assert len(before) == 2 + 2 + 9 + 2, "buckets, queues, secrets and log groups"
    assert [name for name, how in before.items() if key not in str(how)] == []

    # Together: each of them lacks the key that the role security would have named.
    together = succeed(site(account, "--tags", ",".join(COMPLETE)))

    assert (together.stats["changed"], together.api_calls["write"]) == (0, 0)
    assert {step["action"] for step in together.plan} == {"none"}
    assert encryption(account) == before
    for tag in INCOMPLETE:
        alone = site(account, "--tags", tag)
        [refusal] = [result["msg"] for result in alone.results if result.get("failed")]
        assert alone.api_calls == {"read": 0, "write": 0}
        assert re.search(rf"--tags network,(\w+,)*{tag}$", refusal), refusal
    # What the message asks for is enough.
    whole = succeed(site(account, "--tags", ",".join(tags_for(["load_balancer"]))))
    assert whole.stats["changed"] == 0 and {step["action"] for step in whole.plan} == {"none"}
