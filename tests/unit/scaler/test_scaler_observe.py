# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Observing and acting: what is asked of AWS, how often, and what a source that fails leaves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sm2a_scaler.act import Actor, Plan
from sm2a_scaler.configuration import Configuration, PoolSettings
from sm2a_scaler.fleet import CALLS_PER_LOOP, STALE_SECONDS, Fleet
from sm2a_scaler.observe import Observer
from sm2a_scaler.policy.values import Limits, Messages
from sm2a_scaler.sources import MetadataAnswer, WorkerRow

CLUSTER = "sm2a-test"
NAMES = [f"pool{number}" for number in range(10)]
CONFIGURATION = Configuration(
    "test",
    CLUSTER,
    "unused",
    {name: PoolSettings(f"worker-{name}", name, f"https://sqs.example/{name}", Limits(4, 0, 10)) for name in NAMES},
)


class Aws:
    """ECS and SQS as the scaler sees them: every pool's service has the tasks that it is given."""

    def __init__(self) -> None:
        self.tasks: dict[str, str] = {}
        self.gone: set[str] = set()
        self.refuses = ""
        self.calls: list[str] = []
        self.updates: list[tuple[str, int]] = []

    def _called(self, name: str) -> None:
        self.calls.append(name)
        if self.refuses and self.refuses in name:
            raise ConnectionError("throttled")

    def describe_services(self, cluster: str, services: list[str]) -> dict[str, Any]:
        assert cluster == CLUSTER
        assert len(services) <= 10, "more are refused"
        self._called("describe_services")
        running = {name: list(self.tasks.values()).count(name) for name in services}
        return {
            "services": [
                {
                    "serviceName": name,
                    "status": "INACTIVE" if name in self.gone else "ACTIVE",
                    "desiredCount": running[name],
                    "runningCount": running[name],
                    "pendingCount": 0,
                    "taskDefinition": "worker:2",
                }
                for name in services
            ]
        }

    def list_tasks(self, cluster: str, maxResults: int, nextToken: str = "0") -> dict[str, Any]:
        self._called("list_tasks")
        start = int(nextToken)
        arns = [f"arn:aws:ecs:eu-central-1:1:task/{cluster}/{task}" for task in self.tasks]
        more = {"nextToken": str(start + maxResults)} if len(arns) > start + maxResults else {}
        return {"taskArns": arns[start : start + maxResults], **more}

    def describe_tasks(self, cluster: str, tasks: list[str]) -> dict[str, Any]:
        assert len(tasks) <= 100, "more are refused"
        self._called("describe_tasks")
        created = datetime.now(UTC) - timedelta(seconds=70)
        return {
            "tasks": [
                {
                    "taskArn": f"arn:aws:ecs:eu-central-1:1:task/{cluster}/{task}",
                    "createdAt": created,
                    "group": f"service:{self.tasks[task]}",
                    "taskDefinitionArn": "worker:2",
                }
                for task in tasks
            ]
        }

    def get_queue_attributes(self, QueueUrl: str, AttributeNames: list[str]) -> dict[str, Any]:
        self._called(f"get_queue_attributes {QueueUrl.rsplit('/', 1)[-1]}")
        return {"Attributes": {"ApproximateNumberOfMessages": "3", "ApproximateNumberOfMessagesNotVisible": "1"}}

    def update_service(self, cluster: str, service: str, desiredCount: int) -> None:
        self.updates.append((service, desiredCount))


class Metadata:
    def __init__(self) -> None:
        self.error: Exception | None = None
        self.workers: dict[str, WorkerRow] = {}
        self.told: list[tuple[set[str], set[str]]] = []

    def read(self, at: float) -> MetadataAnswer:
        if self.error:
            raise self.error
        return MetadataAnswer(leads=True, workers=self.workers)

    def cordon(self, tasks: Any, open_again: Any) -> None:
        self.told.append((set(tasks), set(open_again)))


@pytest.fixture
def aws() -> Aws:
    return Aws()


@pytest.fixture
def metadata() -> Metadata:
    return Metadata()


@pytest.fixture
def observer(aws: Aws, metadata: Metadata) -> Observer:
    return Observer(CONFIGURATION, Fleet(CONFIGURATION, aws, aws), metadata)


def test_everything_answers(aws: Aws, observer: Observer) -> None:
    aws.tasks = {"a": "worker-pool0", "b": "worker-pool0", "c": "api-server"}

    seen = observer.observe(at=7.0)

    assert (seen.at, seen.faults) == (7.0, {})
    assert list(seen.services) == NAMES
    service = seen.services["pool0"]
    assert (service.desired, service.running, service.task_definition) == (2, 2, "worker:2")
    assert [task.id for task in service.tasks] == ["a", "b"]
    assert all(69 < task.age < 75 for task in service.tasks)


def test_ten_pools_take_at_most_three_calls_a_loop_and_each_queue_has_its_turn(aws: Aws, observer: Observer) -> None:
    asked: set[str] = set()
    for loop in range(10):
        aws.tasks = {"a": "worker-pool0"} if loop < 5 else {"a": "worker-pool0", "b": "worker-pool1"}
        aws.calls.clear()
        seen = observer.observe(at=5.0 * loop)
        assert len(aws.calls) == seen.aws_calls <= CALLS_PER_LOOP + (loop in (0, 5)), aws.calls
        asked |= {call.split()[1] for call in aws.calls if call.startswith("get_queue")}
    assert asked == set(NAMES)
    assert seen.messages["pool9"] == Messages(visible=3, in_flight=1)


def test_tasks_are_listed_again_when_a_worker_is_not_among_them(
    aws: Aws, metadata: Metadata, observer: Observer
) -> None:
    for at, workers, listed in ((0.0, {}, True), (5.0, {}, False), (10.0, {"a": None}, True)):
        metadata.workers = {name: WorkerRow(name, "q", "h", 4, 0, "open", True, 1.0, 0.0) for name in workers}
        aws.calls.clear()
        observer.observe(at)
        assert ("list_tasks" in aws.calls) is listed, at
    metadata.workers = {}
    aws.calls.clear()
    observer.observe(10.1 + STALE_SECONDS)
    assert "list_tasks" in aws.calls, "after a while, in any case"


def test_more_than_a_page_of_tasks(aws: Aws, observer: Observer) -> None:
    aws.tasks = {f"task{number}": "worker-pool0" for number in range(250)}
    assert len(observer.observe(0.0).services["pool0"].tasks) == 250
    aws.calls.clear()
    aws.tasks["one-more"] = "worker-pool0"
    assert len(observer.observe(5.0).services["pool0"].tasks) == 251
    assert aws.calls.count("describe_tasks") == 1, "only what is new is described"


def test_database_fails(metadata: Metadata, observer: Observer) -> None:
    metadata.error = OSError("no route to host")

    seen = observer.observe(at=0.0)

    assert seen.faults == {"database": "OSError: no route to host"}
    assert seen.database is None
    assert len(seen.services) == 10 and seen.messages


@pytest.mark.parametrize(
    ("refuses", "faults"),
    [("describe_services", ["services"]), ("list_tasks", ["tasks"]), ("get_queue_attributes pool0", ["queue pool0"])],
)
def test_one_call_fails(aws: Aws, observer: Observer, refuses: str, faults: list[str]) -> None:
    aws.refuses = refuses

    seen = observer.observe(at=0.0)

    assert list(seen.faults) == faults
    assert seen.database is not None
    assert bool(seen.services) is (faults != ["services"])


def test_one_service_is_gone(aws: Aws, observer: Observer) -> None:
    aws.gone = {"worker-pool3"}

    seen = observer.observe(at=0.0)

    assert seen.faults == {"service pool3": "ECS knows no active service worker-pool3"}
    assert "pool3" not in seen.services and "pool4" in seen.services


def test_acts_only_on_change(aws: Aws, metadata: Metadata) -> None:
    actor = Actor(CLUSTER, aws, metadata)

    assert actor.scale("worker-pool0", 2, 5)
    assert not actor.scale("worker-pool0", 2, 2)
    assert aws.updates == [("worker-pool0", 5)]
    nothing = Plan(2, frozenset(), frozenset())
    assert not actor.tell({"pool0": nothing})
    assert actor.tell({"pool0": nothing, "pool1": Plan(2, frozenset({"a"}), frozenset({"b"}))})
    assert metadata.told == [({"a"}, {"b"})]
