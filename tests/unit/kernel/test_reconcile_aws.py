# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The clients of a run: counted, shared, unable to write in check mode or to carry an unknown value."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import boto3
import botocore.config
import botocore.session
import pytest
from ansible_collections.amazon.aws.plugins.module_utils.retries import RetryingBotoClientWrapper
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ClientError, ConnectionClosedError

from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile import aws as kernel
from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile import waits
from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.aws import writes_of_thread
from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.errors import CheckModeError, UnknownValueError
from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.values import KNOWN_AFTER_APPLY


class Module:
    """As much of AnsibleAWSModule as the kernel uses.

    ``answers`` are (status, body) of the next responses, or what breaks off in their place.
    """

    region = "eu-central-1"

    def __init__(self, check_mode: bool) -> None:
        self.check_mode = check_mode
        self.made: list[str] = []
        self.sent: list[str] = []
        self.answers: list[tuple[int, bytes] | Exception] = []

    def client(self, service: str, retry_decorator: Any) -> Any:
        """Make a client whose requests end here instead of in the network."""
        self.made.append(service)
        client = boto3.session.Session().client(
            service,
            region_name=self.region,
            aws_access_key_id="none",
            aws_secret_access_key="none",
            config=botocore.config.Config(retries={"total_max_attempts": 1}),
        )
        client.meta.events.register("before-send.*.*", self._answer)
        return RetryingBotoClientWrapper(client, retry_decorator)

    def _answer(self, request: Any, **_kwargs: Any) -> AWSResponse:
        status, body = 200, b"{}"
        if self.answers:
            answer = self.answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            status, body = answer
        self.sent.append(request.headers.get("X-Amz-Target", b"").decode().rsplit(".", 1)[-1])
        return AWSResponse(request.url, status, {}, SimpleNamespace(stream=lambda **_kw: iter([body])))


@pytest.fixture
def account() -> Callable[..., tuple[kernel.Aws, Module]]:
    """Make the account of a run, in check mode or not."""

    def make(check_mode: bool = False) -> tuple[kernel.Aws, Module]:
        module = Module(check_mode)
        return kernel.Aws(module), module  # type: ignore[arg-type]

    return make


def test_reads_and_writes_are_counted_apart(account: Any) -> None:
    aws, _module = account()
    sqs = aws.client("sqs")

    sqs.list_queues()
    sqs.get_queue_attributes(QueueUrl="https://sqs.eu-central-1.amazonaws.com/1/q")
    sqs.delete_queue(QueueUrl="https://sqs.eu-central-1.amazonaws.com/1/q")

    assert (aws.reads, aws.writes) == (["ListQueues", "GetQueueAttributes"], ["DeleteQueue"])


@pytest.mark.parametrize("status", [200, 400])
def test_what_was_read_holds_until_something_of_the_service_is_written(account: Any, status: int) -> None:
    aws, module = account()
    sqs = aws.client("sqs")

    def read() -> Any:
        return aws.once("sqs", "queues", lambda: sqs.pages("list_queues", "QueueUrls"))

    read()
    sqs.get_queue_attributes(QueueUrl="https://sqs.eu-central-1.amazonaws.com/1/q")
    read()
    assert aws.reads == ["ListQueues", "GetQueueAttributes"]

    # A refusal too: the answer may have been lost after the deed.
    module.answers = [(status, b'{"__type": "InvalidAddress"}' if status == 400 else b"{}")]
    with contextlib.suppress(ClientError):
        sqs.delete_queue(QueueUrl="https://sqs.eu-central-1.amazonaws.com/1/q")
    read()
    assert aws.reads == ["ListQueues", "GetQueueAttributes", "ListQueues"]


def test_a_write_in_check_mode_never_leaves_the_machine(account: Any) -> None:
    aws, module = account(check_mode=True)

    with pytest.raises(CheckModeError, match="DeleteQueue was about to be called in check mode"):
        aws.client("sqs").delete_queue(QueueUrl="https://sqs.eu-central-1.amazonaws.com/1/q")

    aws.client("sqs").list_queues()
    assert (aws.writes, module.sent) == ([], ["ListQueues"])


@pytest.mark.parametrize("check_mode", [False, True])
def test_an_unknown_value_never_leaves_the_machine(account: Any, check_mode: bool) -> None:
    aws, module = account(check_mode)

    with pytest.raises(UnknownValueError, match="GetQueueAttributes"):
        aws.client("sqs").get_queue_attributes(QueueUrl=KNOWN_AFTER_APPLY)
    with pytest.raises(UnknownValueError, match="DescribeSubnets"):
        aws.client("ec2").pages(
            "describe_subnets", "Subnets", Filters=[{"Name": "vpc-id", "Values": [KNOWN_AFTER_APPLY]}]
        )

    assert (aws.reads, module.sent) == ([], [])


@pytest.mark.parametrize("code", ["ThrottlingException", "Throttling", "RequestLimitExceeded", "SlowDown"])
def test_throttling_is_waited_out(account: Any, monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    aws, module = account()
    pauses: list[float] = []
    monkeypatch.setattr("time.sleep", pauses.append)
    throttled = (400, json.dumps({"__type": code, "message": "slow down"}).encode())

    module.answers = [throttled, throttled]
    aws.client("sqs").list_queues()
    module.answers = [throttled]
    aws.client("sqs").pages("list_queues", "QueueUrls")

    assert (len(module.sent), len(pauses)) == (5, 3)


def test_what_breaks_off_names_its_operation(account: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    aws, module = account()
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    module.answers = [ConnectionClosedError(endpoint_url="https://sqs.example")]

    with pytest.raises(ConnectionClosedError) as caught:
        aws.client("sqs").delete_queue(QueueUrl="https://sqs.eu-central-1.amazonaws.com/1/q")

    assert caught.value.operation_name == "DeleteQueue"


def test_writes_that_were_carried_out_are_counted(account: Any) -> None:
    aws, module = account()
    before = writes_of_thread()

    aws.client("sqs").list_queues()
    aws.client("sqs").delete_queue(QueueUrl="https://sqs.eu-central-1.amazonaws.com/1/q")
    module.answers = [(400, b'{"__type": "AccessDenied", "message": "no"}')]
    with contextlib.suppress(ClientError):
        aws.client("sqs").delete_queue(QueueUrl="https://sqs.eu-central-1.amazonaws.com/1/q")

    assert writes_of_thread() == before + 1


def test_a_refusal_is_not_repeated(account: Any) -> None:
    aws, module = account()
    module.answers = [(400, b'{"__type": "AccessDenied", "message": "no"}')]

    with pytest.raises(ClientError, match="AccessDenied"):
        aws.client("sqs").list_queues()

    assert module.sent == ["ListQueues"]


def test_pages_are_put_together(account: Any) -> None:
    aws, module = account()
    module.answers = [(200, b'{"QueueUrls": ["a"], "NextToken": "more"}'), (200, b'{"QueueUrls": ["b"]}')]

    assert aws.client("sqs").pages("list_queues", "QueueUrls", QueueNamePrefix="sm2a-") == ["a", "b"]


def test_no_page_at_all_is_an_empty_list(account: Any) -> None:
    aws, _module = account()

    assert aws.client("sqs").pages("list_queues", "QueueUrls") == []


def test_threads_share_one_client_per_service(account: Any) -> None:
    aws, module = account()
    start = threading.Barrier(8, timeout=20)
    clients: list[Any] = []

    def ask() -> None:
        start.wait()
        clients.append(aws.client("sqs"))

    threads = [threading.Thread(target=ask) for _number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(set(map(id, clients))) == 1 and module.made == ["sqs"]


def test_the_account_is_asked_for_once(account: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    aws, module = account()
    module.answers = [
        (
            200,
            b"<GetCallerIdentityResponse><GetCallerIdentityResult><Account>123456789012</Account>"
            b"</GetCallerIdentityResult></GetCallerIdentityResponse>",
        )
    ]

    assert aws.arn("sqs", "sm2a-dev-default") == "arn:aws:sqs:eu-central-1:123456789012:sm2a-dev-default"
    assert aws.arn("logs", "*") == "arn:aws:logs:eu-central-1:123456789012:*"
    assert aws.reads == ["GetCallerIdentity"]


@pytest.mark.parametrize(
    ("region", "partition"),
    [("eu-central-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")],
)
def test_partition_follows_the_region(
    account: Any, monkeypatch: pytest.MonkeyPatch, region: str, partition: str
) -> None:
    aws, _module = account()
    monkeypatch.setattr(Module, "region", region)

    assert aws.partition == partition


def _operations() -> list[str]:
    """The operations of every service that the components use, as botocore knows them."""
    session = botocore.session.get_session()
    return sorted(
        {
            operation
            for service in ("ec2", "ecs", "ecr", "elbv2", "iam", "kms", "logs", "rds", "s3", "secretsmanager", "sqs")
            for operation in session.get_service_model(service).operation_names
        }
    )


def test_no_operation_that_changes_something_is_taken_for_a_read() -> None:
    """AWS names what it does by its first word; these words are those of the operations that the guard lets pass."""
    passing = [operation for operation in _operations() if kernel.READING.match(operation)]
    changing = ("Create", "Put", "Update", "Modify", "Delete", "Tag", "Untag", "Set", "Run", "Start", "Stop", "Attach")

    assert passing and not [operation for operation in passing if operation.startswith(changing)]
    for write in ("CreateQueue", "AuthorizeSecurityGroupIngress", "RegisterTaskDefinition", "AssociateRouteTable"):
        assert not kernel.READING.match(write)


UNKNOWN = (400, b'{"__type": "ClusterNotFoundException"}')
TOO_NEW = (400, b'{"__type": "InvalidParameterException", "message": "Unable to assume the service linked role."}')


@pytest.fixture
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waits.time, "sleep", lambda _seconds: None)


@pytest.mark.usefixtures("_no_pauses")
def test_what_was_made_a_moment_ago_may_be_unknown_to_the_next_write(account: Any) -> None:
    aws, module = account()
    module.answers = [(200, b"{}"), UNKNOWN, UNKNOWN, (200, b"{}")]

    aws.client("ecs").create_cluster(clusterName="c")
    aws.client("ecs").create_service(cluster="c", serviceName="s")

    assert module.sent == ["CreateCluster", "CreateService", "CreateService", "CreateService"]


@pytest.mark.usefixtures("_no_pauses")
@pytest.mark.parametrize(
    ("operation", "arguments"),
    [
        ("update_service", {"cluster": "c", "service": "s"}),
        ("delete_cluster", {"cluster": "c"}),
        ("list_tasks", {"cluster": "c"}),
    ],
)
def test_what_is_missing_otherwise_is_missing(account: Any, operation: str, arguments: dict[str, str]) -> None:
    aws, module = account()
    if operation != "update_service":
        aws.client("ecs").create_cluster(clusterName="c")
    module.answers = [UNKNOWN]

    with pytest.raises(ClientError):
        getattr(aws.client("ecs"), operation)(**arguments)


@pytest.mark.usefixtures("_no_pauses")
def test_a_role_that_is_too_new_to_be_taken_is_waited_for(account: Any) -> None:
    aws, module = account()
    module.answers = [TOO_NEW, TOO_NEW, (200, b"{}")]

    aws.client("ecs").create_cluster(clusterName="c")

    assert module.sent == ["CreateCluster"] * 3
