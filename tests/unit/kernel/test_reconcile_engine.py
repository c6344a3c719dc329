# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The engine: order, threads, ownership, what is deferred, what is shown and how failures are told."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, EndpointConnectionError, ReadTimeoutError
from fake_cloud import OURS, Cloud, SlowThing, Thing

from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.engine import ApplyError, Engine, diff_of, pending
from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.errors import (
    CheckModeError,
    ReconcileError,
    UnknownValueError,
    WaitTimeoutError,
)
from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.tags import ownership_tags
from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.values import (
    KNOWN_AFTER_APPLY,
    SENSITIVE,
    SENSITIVE_CHANGED,
)

Actions = Callable[[list[Any]], dict[str, str]]


@pytest.fixture
def cloud() -> Cloud:
    """An empty cloud."""
    return Cloud()


@pytest.fixture
def engine() -> Engine:
    """The engine of the environment ``test``, which changes things."""
    return Engine("test", check_mode=False)


@pytest.fixture
def planner() -> Engine:
    """The same engine in check mode."""
    return Engine("test", check_mode=True)


@pytest.fixture
def actions() -> Callable[[list[Any]], dict[str, str]]:
    """Turn steps into a mapping of name to action."""
    return lambda steps: {step.resource.name: step.action for step in steps}


def denied(operation: str) -> ClientError:
    """Return what botocore raises when a permission is missing."""
    return ClientError(
        {
            "Error": {"Code": "AccessDenied", "Message": "not authorized"},
            "ResponseMetadata": {
                "RequestId": "request-4711",
                "HostId": "",
                "HTTPStatusCode": 403,
                "HTTPHeaders": {},
                "RetryAttempts": 0,
            },
        },
        operation,
    )


class TestOrder:
    """Dependencies first; independent things at the same time; deletion the other way round."""

    def test_dependencies_come_first_whatever_order_they_are_listed_in(self, cloud: Cloud, engine: Engine) -> None:
        vpc = Thing(cloud, "vpc")
        subnets = [Thing(cloud, f"subnet-{zone}", vpc) for zone in "abc"]
        balancer = Thing(cloud, "balancer", {"subnets": subnets})

        engine.apply([balancer, *reversed(subnets), vpc])

        for subnet in subnets:
            assert cloud.position("create", "vpc") < cloud.position("create", subnet.name)
            assert cloud.position("create", subnet.name) < cloud.position("create", "balancer")

    @pytest.mark.parametrize("wrap", [lambda r: r, lambda r: [r], lambda r: (r,), lambda r: {"k": [{"n": r}]}])
    def test_dependencies_are_found_in_nested_attributes(self, cloud: Cloud, wrap: Callable[[Any], Any]) -> None:
        first = Thing(cloud, "first")

        assert list(Thing(cloud, "second", wrap(first)).dependencies()) == [first]

    def test_a_dependent_reads_the_id_that_its_dependency_got(self, cloud: Cloud, engine: Engine) -> None:
        vpc = Thing(cloud, "vpc")
        subnet = Thing(cloud, "subnet", vpc, vpc_id=lambda: vpc.id)

        engine.apply([subnet, vpc])

        assert cloud.things["subnet"]["vpc_id"] == "id-vpc"

    def test_independent_resources_are_worked_on_at_the_same_time(self, cloud: Cloud, engine: Engine) -> None:
        together = threading.Barrier(2, timeout=20)

        class Meeting(Thing):
            def create(self, desired: dict[str, Any]) -> None:
                together.wait()  # breaks, and fails the test, unless both are here at once
                super().create(desired)

        engine.apply([Meeting(cloud, "one"), Meeting(cloud, "two")])

        assert set(cloud.things) == {"one", "two"}

    def test_deletion_goes_from_the_dependents_to_what_they_need(self, cloud: Cloud, engine: Engine) -> None:
        def graph() -> list[Thing]:
            vpc = Thing(cloud, "vpc")
            subnet = Thing(cloud, "subnet", vpc)
            return [vpc, subnet, Thing(cloud, "nat", [subnet, vpc])]

        engine.apply(list(graph()))
        engine.remove(list(graph()))

        assert [name for verb, name in cloud.log if verb == "delete"] == ["nat", "subnet", "vpc"]
        assert cloud.things == {}

    def test_deletion_waits_until_the_dependent_is_really_gone(self, cloud: Cloud, engine: Engine) -> None:
        class Lingering(Thing):
            def wait_deleted(self) -> None:
                self.cloud.do("gone", self.name)

        vpc = Lingering(cloud, "vpc")
        nat = Lingering(cloud, "nat", vpc)
        cloud.things = {"vpc": {"tags": OURS}, "nat": {"tags": OURS}}

        engine.remove([vpc, nat])

        assert cloud.log == [("delete", "nat"), ("gone", "nat"), ("delete", "vpc"), ("gone", "vpc")]

    def test_a_cycle_is_refused_before_anything_happens(self, cloud: Cloud, engine: Engine) -> None:
        one, two = Thing(cloud, "one"), Thing(cloud, "two")
        one.needs, two.needs = two, one

        with pytest.raises(ValueError, match=r"depend on each other: .*Thing one, .*Thing two"):
            engine.apply([one, two])

        assert cloud.log == []

    def test_a_dependency_outside_the_run_does_not_block(self, cloud: Cloud, engine: Engine) -> None:
        engine.apply([Thing(cloud, "subnet", Thing(cloud, "vpc of somebody else"))])

        assert set(cloud.things) == {"subnet"}


class TestConverge:
    """Create, leave alone, repair."""

    def test_second_run_changes_nothing(self, cloud: Cloud, engine: Engine, actions: Actions) -> None:
        engine.apply([Thing(cloud, "queue", timeout=30)])
        cloud.log.clear()

        steps = engine.apply([Thing(cloud, "queue", timeout=30)])

        assert (actions(steps), cloud.log, diff_of(steps)) == ({"queue": "none"}, [], {"before": {}, "after": {}})

    def test_only_what_differs_is_changed_and_shown(self, cloud: Cloud, engine: Engine) -> None:
        cloud.things["queue"] = {"timeout": 30, "retention": 60, "default of AWS": 1, "tags": OURS}

        steps = engine.apply([Thing(cloud, "queue", timeout=43200, retention=60)])

        assert diff_of(steps) == {
            "before": {"Test::Cloud::Thing queue": {"timeout": 30}},
            "after": {"Test::Cloud::Thing queue": {"timeout": 43200}},
        }
        assert cloud.things["queue"]["timeout"] == 43200

    def test_tags_of_others_are_no_difference(self, cloud: Cloud, engine: Engine) -> None:
        cloud.things["queue"] = {"tags": {**OURS, "cost-center": "set by finance"}}

        engine.apply([Thing(cloud, "queue")])

        assert cloud.log == []

    def test_a_lost_tag_of_ours_is_repaired(self, cloud: Cloud, engine: Engine) -> None:
        cloud.things["queue"] = {"tags": {"sm2a:environment": "test"}}

        engine.apply([Thing(cloud, "queue")])

        assert cloud.things["queue"]["tags"] == OURS

    def test_absent_resource_of_a_present_run_is_deleted_last(
        self, cloud: Cloud, engine: Engine, actions: Actions
    ) -> None:
        cloud.things["old"] = {"tags": OURS}
        old = Thing(cloud, "old")
        old.absent = True

        steps = engine.apply([old, Thing(cloud, "new")])

        assert actions(steps) == {"new": "create", "old": "delete"}
        assert cloud.position("create", "new") < cloud.position("delete", "old")

    def test_what_cannot_be_changed_says_which_fields(self, cloud: Cloud, engine: Engine) -> None:
        class Fixed(Thing):
            update = Thing.__mro__[1].update

        cloud.things["vpc"] = {"cidr": "10.0.0.0/16", "tags": OURS}

        with pytest.raises(ApplyError, match="Thing vpc: cidr cannot be changed once created"):
            engine.apply([Fixed(cloud, "vpc", cidr="10.1.0.0/16")])

    @pytest.mark.parametrize("check_mode", [True, False])
    def test_a_field_that_is_fixed_is_refused_in_a_plan_too(self, cloud: Cloud, check_mode: bool) -> None:
        class Fixed(Thing):
            fixed_fields = ("cidr",)

        cloud.things["vpc"] = {"cidr": "10.0.0.0/16", "tags": OURS}

        with pytest.raises(ApplyError, match=r"its cidr '10\.0\.0\.0/16' cannot be changed to '10\.1\.0\.0/16'"):
            Engine("test", check_mode).apply([Fixed(cloud, "vpc", cidr="10.1.0.0/16")])
        assert cloud.log == []


class TestCheckMode:
    """The plan is the same as the run, and makes no change."""

    def test_plan_on_nothing_lists_everything_and_touches_nothing(
        self, cloud: Cloud, engine: Engine, planner: Engine
    ) -> None:
        def graph() -> list[Any]:
            vpc = Thing(cloud, "vpc", cidr="10.0.0.0/16")
            return [vpc, Thing(cloud, "subnet", vpc, cidr="10.0.1.0/24")]

        planned = planner.apply(graph())
        assert (cloud.log, cloud.things) == ([], {})

        assert diff_of(planned) == diff_of(engine.apply(graph()))

    def test_ids_that_do_not_exist_yet_are_shown_as_such(self, cloud: Cloud, planner: Engine) -> None:
        vpc = Thing(cloud, "vpc")

        steps = planner.apply([vpc, Thing(cloud, "subnet", vpc, vpc_id=lambda: vpc.id)])

        assert diff_of(steps)["after"]["Test::Cloud::Thing subnet"]["vpc_id"] == KNOWN_AFTER_APPLY

    def test_asking_about_something_unknown_means_that_it_does_not_exist(
        self, cloud: Cloud, planner: Engine, actions: Actions
    ) -> None:
        class AskedById(Thing):
            def find(self) -> dict[str, Any] | None:
                raise UnknownValueError("DescribeRouteTables would carry a value that is known only after apply")

        assert actions(planner.apply([AskedById(cloud, "routes")])) == {"routes": "create"}
        assert actions(planner.remove([AskedById(cloud, "routes")])) == {"routes": "none"}

    def test_planned_update_and_deletion_touch_nothing(self, cloud: Cloud, planner: Engine, actions: Actions) -> None:
        cloud.things["queue"] = {"timeout": 30, "tags": OURS}

        assert actions(planner.apply([Thing(cloud, "queue", timeout=60)])) == {"queue": "update"}
        assert actions(planner.remove([Thing(cloud, "queue")])) == {"queue": "delete"}
        assert (cloud.log, cloud.things["queue"]["timeout"]) == ([], 30)

    def test_a_plan_does_not_wait(self, cloud: Cloud, planner: Engine) -> None:
        cloud.things["database"] = {"status": "creating", "tags": OURS}

        planner.apply([SlowThing(cloud, "database")])

        assert cloud.log == []

    def test_a_call_that_the_guard_stopped_fails_the_plan(self, cloud: Cloud, planner: Engine) -> None:
        class Writing(Thing):
            def find(self) -> dict[str, Any] | None:
                raise CheckModeError("CreateTags was about to be called in check mode")

        with pytest.raises(ApplyError, match="Thing subnet: CreateTags was about to be called in check mode"):
            planner.apply([Writing(cloud, "subnet")])


class TestOwnership:
    """What this environment did not create is neither changed nor deleted."""

    @pytest.mark.parametrize("tags", [{}, {"owner": "somebody"}, {"sm2a:environment": "production"}])
    def test_foreign_resource_is_an_error_and_stays(self, cloud: Cloud, engine: Engine, tags: dict[str, str]) -> None:
        cloud.things["bucket"] = {"timeout": 1, "tags": tags}

        with pytest.raises(ApplyError, match="bucket exists but was not created by the SM2A environment 'test'"):
            engine.apply([Thing(cloud, "bucket", timeout=2)])

        assert cloud.log == []

    def test_the_plan_tells_it_too(self, cloud: Cloud, planner: Engine) -> None:
        cloud.things["bucket"] = {"tags": {}}

        with pytest.raises(ApplyError, match="it is left alone"):
            planner.apply([Thing(cloud, "bucket")])

    def test_foreign_resource_is_not_deleted(self, cloud: Cloud, engine: Engine, actions: Actions) -> None:
        cloud.things = {"theirs": {"tags": {"sm2a:environment": "production"}}, "ours": {"tags": OURS}}

        steps = engine.remove([Thing(cloud, "theirs"), Thing(cloud, "ours")])

        assert actions(steps) == {"theirs": "none", "ours": "delete"}
        assert set(cloud.things) == {"theirs"}

    def test_a_kind_may_have_further_tags_of_its_owner(self, cloud: Cloud, engine: Engine, actions: Actions) -> None:
        class Regional(Thing):
            owner_tags = ("sm2a:environment", "sm2a:region")

            def __init__(self, *args: Any, **kwargs: Any) -> None:
                super().__init__(*args, **kwargs)
                self.tags["sm2a:region"] = "eu-central-1"

        cloud.things["role"] = {"tags": {**OURS, "sm2a:region": "eu-west-1"}}

        with pytest.raises(ApplyError, match="its tag sm2a:region is 'eu-west-1'"):
            engine.apply([Regional(cloud, "role")])
        assert actions(engine.remove([Regional(cloud, "role")])) == {"role": "none"}

    def test_a_resource_without_tags_belongs_to_its_parent(self, cloud: Cloud, engine: Engine) -> None:
        class Untagged(Thing):
            tagged = False

            def desired(self) -> dict[str, Any]:
                return dict(self.fields)

        cloud.things["route"] = {"target": "igw-1"}

        engine.apply([Untagged(cloud, "route", target="igw-2")])

        assert cloud.things["route"] == {"target": "igw-2"}

    def test_an_interrupted_creation_is_adopted_and_tagged(self, cloud: Cloud, engine: Engine) -> None:
        class TaggedLater(Thing):
            def adopts(self, current: dict[str, Any]) -> bool:
                return not current["tags"]

        cloud.things["address"] = {"tags": {}}

        engine.apply([TaggedLater(cloud, "address")])

        assert cloud.things["address"]["tags"] == OURS


class TestSlowResources:
    """Begun early, waited for late."""

    def test_a_fresh_resource_is_waited_for_before_its_dependents(self, cloud: Cloud, engine: Engine) -> None:
        database = SlowThing(cloud, "database")

        engine.apply([database, Thing(cloud, "secret", database)])

        assert cloud.log == [
            ("create", "database"),
            ("wait", "database"),
            ("create", "secret"),
            ("wait", "secret"),
        ]

    def test_without_wait_dependents_are_deferred_all_the_way_down(self, cloud: Cloud, actions: Actions) -> None:
        database = SlowThing(cloud, "database")
        secret = Thing(cloud, "secret", database)
        beside = Thing(cloud, "parameter group")

        steps = Engine("test", check_mode=False, wait=False).apply(
            [database, secret, Thing(cloud, "policy", secret), beside]
        )

        assert actions(steps) == {
            "database": "create",
            "secret": "deferred",
            "policy": "deferred",
            "parameter group": "create",
        }
        assert "Test::Cloud::Thing secret" not in diff_of(steps)["after"]

    def test_a_later_run_finishes_what_was_deferred(self, cloud: Cloud, engine: Engine, actions: Actions) -> None:
        def graph() -> list[Any]:
            database = SlowThing(cloud, "database")
            return [database, Thing(cloud, "secret", database)]

        without_wait = Engine("test", check_mode=False, wait=False)
        without_wait.apply(graph())

        assert actions(without_wait.apply(graph())) == {"database": "none", "secret": "deferred"}
        assert actions(engine.apply(graph())) == {"database": "none", "secret": "create"}
        assert actions(without_wait.apply(graph())) == {"database": "none", "secret": "none"}

    def test_what_is_replaced_stays_until_its_successor_is_ready(
        self, cloud: Cloud, engine: Engine, actions: Actions
    ) -> None:
        def graph() -> list[Any]:
            old = Thing(cloud, "old gateway")
            old.absent = True
            gateway = SlowThing(cloud, "gateway")
            return [gateway, Thing(cloud, "route", gateway), old]

        engine.apply([Thing(cloud, "old gateway")])
        begun = Engine("test", check_mode=False, wait=False).apply(graph())

        assert actions(begun) == {"gateway": "create", "route": "deferred", "old gateway": "deferred"}
        assert pending(begun)
        finished = engine.apply(graph())
        assert actions(finished) == {"gateway": "none", "route": "create", "old gateway": "delete"}
        assert not pending(finished)

    def test_a_plan_shows_what_is_replaced_as_deleted(self, cloud: Cloud, engine: Engine, actions: Actions) -> None:
        old = Thing(cloud, "old gateway")
        engine.apply([old])
        old.absent = True

        steps = Engine("test", check_mode=True, wait=False).apply([SlowThing(cloud, "gateway"), old])

        assert actions(steps) == {"gateway": "create", "old gateway": "delete"}

    def test_a_resource_left_half_way_by_a_killed_run_is_waited_for(self, cloud: Cloud, engine: Engine) -> None:
        cloud.things["database"] = {"status": "creating", "tags": OURS}

        engine.apply([SlowThing(cloud, "database")])

        assert cloud.log == [("wait", "database")]


class TestSecrets:
    """Values of secret fields are in no step and no diff."""

    class Login(Thing):
        """A secret."""

        secret_fields = ("password",)

    def test_creation_update_and_deletion_are_masked(self, cloud: Cloud, engine: Engine) -> None:
        label = "Test::Cloud::Thing login"
        created = engine.apply([self.Login(cloud, "login", password="first-secret")])
        updated = engine.apply([self.Login(cloud, "login", password="second-secret")])
        deleted = engine.remove([self.Login(cloud, "login", password="second-secret")])

        assert diff_of(created)["after"][label]["password"] == SENSITIVE
        assert diff_of(updated)["before"][label] == {"password": SENSITIVE}
        assert diff_of(updated)["after"][label] == {"password": SENSITIVE_CHANGED}
        assert diff_of(deleted)["before"][label]["password"] == SENSITIVE
        assert "-secret" not in repr([(step.before, step.after) for step in [*created, *updated, *deleted]])


class TestLostAnswers:
    """A connection that breaks after AWS did what was asked costs a message at most."""

    @pytest.fixture(autouse=True)
    def hurry(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Do not look a second time."""
        monkeypatch.setattr(f"{Engine.__module__}.LOOK_SECONDS", 0)

    @staticmethod
    def losing(kind: type[Thing], verb: str, error: Exception) -> type[Thing]:
        """Return a kind whose calls for this verb are carried out, and then fail."""

        def do(self: Thing, *arguments: Any) -> None:
            getattr(super(lost, self), verb)(*arguments)
            raise error

        lost: type[Thing] = type("Lost", (kind,), {verb: do})
        return lost

    closed = ConnectionClosedError(endpoint_url="https://sqs.example")
    exists = ClientError({"Error": {"Code": "QueueAlreadyExists", "Message": "no"}}, "CreateQueue")

    @pytest.mark.parametrize("error", [closed, exists])
    def test_what_was_made_after_all_is_made(
        self, cloud: Cloud, engine: Engine, actions: Actions, error: Exception
    ) -> None:
        queue = self.losing(Thing, "create", error)(cloud, "queue", timeout=1)

        steps = engine.apply([queue, Thing(cloud, "policy", queue)])

        assert actions(steps) == {"queue": "create", "policy": "create"}
        assert cloud.log.count(("create", "queue")) == 1

    def test_what_was_made_half_is_finished(self, cloud: Cloud, engine: Engine) -> None:
        cloud_things = cloud.things

        class Half(Thing):
            def create(self, desired: dict[str, Any]) -> None:
                cloud_things[self.name] = {"timeout": 0, "tags": OURS}
                raise TestLostAnswers.closed

        engine.apply([Half(cloud, "queue", timeout=1)])

        assert cloud.things["queue"]["timeout"] == 1

    def test_what_exists_and_is_somebody_elses_is_left_alone(self, cloud: Cloud, engine: Engine) -> None:
        class Late(Thing):
            def find(self) -> dict[str, Any] | None:
                return super().find() if self.cloud.log else None

            def create(self, desired: dict[str, Any]) -> None:
                self.cloud.do("create", self.name)
                raise TestLostAnswers.exists

        cloud.things["queue"] = {"tags": {"sm2a:environment": "other"}}

        with pytest.raises(ApplyError, match="left alone"):
            engine.apply([Late(cloud, "queue")])

    @pytest.mark.parametrize(
        "error",
        [
            closed,
            ReadTimeoutError(endpoint_url="https://sqs.example"),
            EndpointConnectionError(endpoint_url="https://sqs.example"),
        ],
    )
    def test_what_may_have_been_made_is_told(
        self, cloud: Cloud, engine: Engine, actions: Actions, error: Exception
    ) -> None:
        error.operation_name = "CreateQueue"  # type: ignore[attr-defined]
        cloud.failing = {("create", "queue"): error}

        with pytest.raises(ApplyError) as failure:
            engine.apply([Thing(cloud, "queue"), Thing(cloud, "topic")])

        assert "Thing queue: " in str(failure.value) and "operation CreateQueue; it is not known" in str(failure.value)
        assert actions(failure.value.steps) == {"queue": "create", "topic": "create"}

    def test_a_lost_answer_to_a_question_changes_nothing(self, cloud: Cloud, engine: Engine) -> None:
        error = ConnectionClosedError(endpoint_url="https://sqs.example")
        error.operation_name = "ListQueues"

        class Unreadable(Thing):
            def create(self, desired: dict[str, Any]) -> None:
                raise error

        with pytest.raises(ApplyError) as failure:
            engine.apply([Unreadable(cloud, "queue")])

        assert "(operation ListQueues)" in str(failure.value) and failure.value.steps == []

    def test_what_may_have_been_changed_or_deleted_is_told(
        self, cloud: Cloud, engine: Engine, actions: Actions
    ) -> None:
        cloud.things["old"] = {"timeout": 1, "tags": OURS}

        with pytest.raises(ApplyError) as failure:
            engine.apply([self.losing(Thing, "update", self.closed)(cloud, "old", timeout=2)])
        assert actions(failure.value.steps) == {"old": "update"}
        with pytest.raises(ApplyError) as failure:
            engine.remove([self.losing(Thing, "delete", self.closed)(cloud, "old")])
        assert actions(failure.value.steps) == {"old": "delete"}

    def test_what_is_gone_already_is_deleted(self, cloud: Cloud, engine: Engine, actions: Actions) -> None:
        cloud.things["old"] = {"tags": OURS}
        gone = ClientError({"Error": {"Code": "AWS.SimpleQueueService.NonExistentQueue"}}, "DeleteQueue")

        assert actions(engine.remove([self.losing(Thing, "delete", gone)(cloud, "old")])) == {"old": "delete"}

    def test_a_part_of_it_that_is_missing_is_no_success(self, cloud: Cloud, engine: Engine) -> None:
        cloud.things["old"] = {"tags": OURS}
        cloud.failing = {("delete", "old"): ClientError({"Error": {"Code": "NoSuchEntity"}}, "DeleteRolePolicy")}

        with pytest.raises(ApplyError):
            engine.remove([Thing(cloud, "old")])


class TestFormerTags:
    """Tags that the user gave once and names no more come off; those of others stay."""

    def test_they_are_shown_and_taken_off(self, cloud: Cloud, engine: Engine, planner: Engine) -> None:
        given = ownership_tags("test", "thing", {"team": "data", "cost": "1"})
        cloud.things["queue"] = {"tags": {**given, "map-migrated": "theirs"}}
        queue = Thing(cloud, "queue")
        queue.tags = ownership_tags("test", "thing", {"team": "data"})

        [planned] = planner.apply([queue])
        assert cloud.log == []
        [step] = engine.apply([queue])

        assert planned.before == step.before and step.before["tags"]["cost"] == "1" and "cost" not in step.after["tags"]
        assert cloud.things["queue"]["tags"] == {**queue.tags, "map-migrated": "theirs"}
        assert [step.action for step in engine.apply([queue])] == ["none"]

    def test_the_last_one_takes_the_note_along(self, cloud: Cloud, engine: Engine) -> None:
        cloud.things["queue"] = {"tags": ownership_tags("test", "thing", {"team": "data"})}

        engine.apply([Thing(cloud, "queue")])

        assert cloud.things["queue"]["tags"] == OURS


class TestFailures:
    """Every failure is told, by name; what does not depend on it is finished."""

    def test_independent_resources_are_finished_and_dependents_not_begun(
        self, cloud: Cloud, engine: Engine, actions: Actions
    ) -> None:
        cloud.failing = {("create", "vpc"): denied("CreateVpc"), ("create", "topic"): ReconcileError("no")}
        vpc = Thing(cloud, "vpc")

        with pytest.raises(ApplyError) as failure:
            engine.apply([vpc, Thing(cloud, "subnet", vpc), Thing(cloud, "topic"), Thing(cloud, "queue")])

        message = str(failure.value)
        assert "Thing vpc" in message and "Thing topic: no" in message and "subnet" not in message
        assert actions(failure.value.steps) == {"queue": "create"}
        assert set(cloud.things) == {"queue"}

    def test_message_has_resource_operation_and_request_id(self, cloud: Cloud, engine: Engine) -> None:
        cloud.failing = {("create", "queue"): denied("CreateQueue")}

        with pytest.raises(ApplyError, match=r"Thing queue: .*not authorized.*CreateQueue, request id request-4711"):
            engine.apply([Thing(cloud, "queue")])

    def test_a_wait_that_runs_out_names_the_resource_once(self, cloud: Cloud, engine: Engine) -> None:
        cloud.failing = {("wait", "database"): WaitTimeoutError("database is available: not reached")}

        with pytest.raises(ApplyError) as failure:
            engine.apply([SlowThing(cloud, "database")])

        assert str(failure.value).count("database") == 1

    def test_what_was_changed_before_its_wait_failed_is_told(
        self, cloud: Cloud, engine: Engine, actions: Actions
    ) -> None:
        """It costs money, whatever becomes of it."""
        cloud.things["old"] = {"timeout": 1, "tags": OURS}
        cloud.failing = {("wait", name): WaitTimeoutError(f"{name} is late") for name in ("new", "old")}

        with pytest.raises(ApplyError) as failure:
            engine.apply([SlowThing(cloud, "new"), Thing(cloud, "old", timeout=2)])

        assert actions(failure.value.steps) == {"new": "create", "old": "update"}

        class Lingering(Thing):
            """Something whose end nobody sees."""

            def wait_deleted(self) -> None:
                raise WaitTimeoutError(f"{self.name} is still there")

        with pytest.raises(ApplyError) as failure:
            engine.remove([Lingering(cloud, "old")])

        assert actions(failure.value.steps) == {"old": "delete"}

    def test_what_was_made_is_told_when_what_goes_cannot_be_read(
        self, cloud: Cloud, engine: Engine, actions: Actions
    ) -> None:
        class Unreadable(Thing):
            """Something that may not be looked at."""

            def find(self) -> dict[str, Any] | None:
                raise denied("DescribeThings")

        gone = Unreadable(cloud, "gone")
        gone.absent = True

        with pytest.raises(ApplyError, match="DescribeThings") as failure:
            engine.apply([Thing(cloud, "new"), gone])

        assert actions(failure.value.steps) == {"new": "create"}

    def test_nothing_is_deleted_that_a_failed_deletion_still_needs(self, cloud: Cloud, engine: Engine) -> None:
        cloud.things = {"vpc": {"tags": OURS}, "nat": {"tags": OURS}, "queue": {"tags": OURS}}
        cloud.failing = {("delete", "nat"): denied("DeleteNatGateway")}
        vpc = Thing(cloud, "vpc")

        with pytest.raises(ApplyError, match=r"Thing nat: .*DeleteNatGateway"):
            engine.remove([vpc, Thing(cloud, "nat", vpc), Thing(cloud, "queue")])

        assert set(cloud.things) == {"vpc", "nat"}

    def test_absent_resources_stay_when_the_rest_failed(self, cloud: Cloud, engine: Engine) -> None:
        cloud.things["old"] = {"tags": OURS}
        cloud.failing = {("create", "new"): denied("CreateQueue")}
        old = Thing(cloud, "old")
        old.absent = True

        with pytest.raises(ApplyError):
            engine.apply([old, Thing(cloud, "new")])

        assert set(cloud.things) == {"old"}

    def test_steps_taken_before_a_failed_deletion_are_reported(
        self, cloud: Cloud, engine: Engine, actions: Actions
    ) -> None:
        cloud.things["old"] = {"tags": OURS}
        cloud.failing = {("delete", "old"): denied("DeleteQueue")}
        old = Thing(cloud, "old")
        old.absent = True

        with pytest.raises(ApplyError) as failure:
            engine.apply([old, Thing(cloud, "new")])

        assert actions(failure.value.steps) == {"new": "create"}

    def test_a_defect_in_a_resource_class_is_not_disguised(self, cloud: Cloud, engine: Engine) -> None:
        cloud.failing = {("create", "queue"): KeyError("QueueUrl")}

        with pytest.raises(KeyError):
            engine.apply([Thing(cloud, "queue")])

    def test_a_killed_run_converges_when_repeated(self, cloud: Cloud, engine: Engine) -> None:
        """Fails at the first mutation, the second, and so on; after each, one more run reaches the same state."""

        def graph() -> list[Any]:
            vpc = Thing(cloud, "vpc", cidr="10.0.0.0/16")
            subnet = Thing(cloud, "subnet", vpc, vpc_id=lambda: vpc.id)
            database = SlowThing(cloud, "database", subnet, subnet_id=lambda: subnet.id)
            return [vpc, subnet, database, Thing(cloud, "secret", database, host=lambda: database.id)]

        engine.apply(graph())
        whole, mutations = cloud.things, list(cloud.log)
        for mutation in mutations:
            cloud.things, cloud.failing = {}, {mutation: denied("any")}
            with pytest.raises(ApplyError):
                engine.apply(graph())
            cloud.failing = {}

            engine.apply(graph())

            assert cloud.things == whole, mutation
