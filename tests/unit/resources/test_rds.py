# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A database instance: what it may become, and how it goes."""

from __future__ import annotations

from typing import Any

import pytest
from fake_aws import OURS, FakeAws, FakeClient, in_turn, refusal

from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.engine import ApplyError, Engine
from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.tags import tags_to_list
from ansible_collections.sm2a.airflow.plugins.module_utils._resources.rds import (
    GROUP_IN_USE,
    OF_SNAPSHOT,
    Instance,
    ParameterGroup,
    SubnetGroup,
    describe_instance,
)

SETTINGS: dict[str, Any] = {"EngineVersion": "17", "AllocatedStorage": 20, "DeletionProtection": False}
TAGS = {"TagList": tags_to_list(OURS)}
FOUND: dict[str, Any] = {
    "DBInstanceArn": "arn",
    "DbiResourceId": "db-1",
    "DBInstanceStatus": "available",
    "Endpoint": {"Address": "db.example", "Port": 5432},
    "Engine": "postgres",
    "EngineVersion": "17.4",
    "AllocatedStorage": 20,
    "DeletionProtection": False,
    "StorageEncrypted": True,
    "MasterUsername": "sm2a",
    "DBParameterGroups": [{"DBParameterGroupName": "parameters"}],
}


def rds_with(*instances: dict[str, Any] | Exception, **answers: Any) -> FakeClient:
    described = [item if isinstance(item, Exception) else {"DBInstances": [item]} for item in instances]
    return FakeClient(**{"describe_db_instances": in_turn(*described), "list_tags_for_resource": TAGS, **answers})


def instance(
    rds: FakeClient, settings: dict[str, Any] | None = None, engine: str = "postgres", **changes: Any
) -> Instance:
    aws: Any = FakeAws(rds=rds)
    return Instance(
        aws,
        "sm2a-test",
        OURS,
        settings={**SETTINGS, **(settings or {})},
        creation={"Engine": engine, "StorageEncrypted": True, "MasterUsername": "sm2a"},
        subnet_group=SubnetGroup(aws, "subnets", OURS, []),
        parameter_group=ParameterGroup(aws, "parameters", OURS, "postgres17", {}),
        password=lambda: "made-up",
        **changes,
    )


def apply(one: Instance) -> str:
    [step] = Engine("test", check_mode=False).apply([one])
    return step.action


@pytest.mark.parametrize("code", ["DBInstanceNotFound", "DBInstanceNotFoundFault"])
def test_a_missing_instance_is_missing_by_either_name(code: str) -> None:
    aws: Any = FakeAws(rds=FakeClient(describe_db_instances=refusal(code)))

    assert describe_instance(aws, "sm2a-test") is None


@pytest.mark.parametrize(("told", "asked"), [(TAGS, 0), ({}, 1), ({"TagList": []}, 1)])
def test_tags_are_asked_for_only_where_the_description_lacks_them(told: dict[str, Any], asked: int) -> None:
    rds = rds_with({**FOUND, **told})

    assert apply(instance(rds)) == "none"
    assert len(rds.called("list_tags_for_resource")) == asked


@pytest.mark.parametrize("code", ["DBSubnetGroupNotFoundFault", "DBSubnetGroupNotFound"])
def test_a_missing_subnet_group_is_missing_by_either_name(code: str) -> None:
    aws: Any = FakeAws(rds=FakeClient(describe_db_subnet_groups=refusal(code)))

    assert SubnetGroup(aws, "subnets", OURS, []).find() is None


def test_many_foreign_parameters_get_their_default_back_twenty_at_a_time() -> None:
    """RDS takes no more in a request."""
    rds = FakeClient()
    aws: Any = FakeAws(rds=rds)
    names = [f"parameter_{number}" for number in range(45)]

    group = ParameterGroup(aws, "parameters", OURS, "postgres17", {})
    group.update({"further_parameters": names}, {"further_parameters": []})

    sent = [[item["ParameterName"] for item in call["Parameters"]] for call in rds.called("reset_db_parameter_group")]
    assert [len(part) for part in sent] == [20, 20, 5]
    assert [name for part in sent for name in part] == names


@pytest.mark.parametrize(
    "answer", [refusal("DBParameterGroupNotFound"), refusal("DBParameterGroupNotFoundFault"), {"DBParameterGroups": []}]
)
def test_a_missing_parameter_group_is_missing_in_every_way(answer: Any) -> None:
    aws: Any = FakeAws(rds=FakeClient(describe_db_parameter_groups=answer))

    assert ParameterGroup(aws, "parameters", OURS, "postgres17", {}).find() is None


def test_only_the_given_part_of_the_version_is_asked_for() -> None:
    assert apply(instance(rds_with(FOUND))) == "none"


def test_what_waits_for_the_maintenance_window_is_not_asked_for_again() -> None:
    pending = {**FOUND, "PendingModifiedValues": {"AllocatedStorage": 40}}

    assert apply(instance(rds_with(pending), {"AllocatedStorage": 40})) == "none"


def test_storage_that_rds_made_larger_does_not_shrink() -> None:
    rds = rds_with({**FOUND, "AllocatedStorage": 60})
    apply(instance(rds))

    assert rds.called("modify_db_instance") == []


@pytest.mark.parametrize(
    ("engine", "found", "wanted", "upgraded"),
    [
        ("postgres", "17.6", "17.5", True),
        ("postgres", "17.10", "17.9", True),
        ("postgres", "17.6", "17", False),
        ("postgres", "17.6", "17.6", False),
        ("mysql", "8.4.6", "8.4.3", True),
        ("mysql", "8.4.6", "8.4", False),
        ("mysql", "8.4.5.R2", "8.4.5", False),
    ],
)
def test_a_minor_version_to_which_rds_has_upgraded_stays(engine: str, found: str, wanted: str, upgraded: bool) -> None:
    rds = rds_with({**FOUND, "Engine": engine, "EngineVersion": found})
    one = instance(rds, {"EngineVersion": wanted}, engine=engine)

    assert apply(one) == "none" and rds.called("modify_db_instance") == []
    assert one.upgraded_by_rds is upgraded


def test_an_upgrade_by_rds_that_waits_for_the_window_is_not_undone() -> None:
    rds = rds_with({**FOUND, "EngineVersion": "17.5", "PendingModifiedValues": {"EngineVersion": "17.6"}})

    assert apply(instance(rds, {"EngineVersion": "17.5"})) == "none"


@pytest.mark.parametrize("check_mode", [True, False])
def test_a_newer_major_version_is_refused_in_a_plan_too(check_mode: bool) -> None:
    rds = rds_with({**FOUND, "EngineVersion": "18.1"})

    with pytest.raises(ApplyError, match=r"has version 18\.1, and RDS does not go back to 17"):
        Engine("test", check_mode).apply([instance(rds)])
    assert rds.called("modify_db_instance") == []


def test_what_rds_chooses_and_renews_by_itself_is_no_change() -> None:
    rds = rds_with(
        {
            **FOUND,
            "PreferredBackupWindow": "03:11-03:41",
            "PreferredMaintenanceWindow": "sun:04:00-sun:04:30",
            "CACertificateIdentifier": "rds-ca-rsa2048-g1",
            "CertificateDetails": {"CAIdentifier": "rds-ca-rsa2048-g1", "ValidTill": "2027-11-27T00:00:00Z"},
            "Iops": 12000,
            "StorageThroughput": 500,
        }
    )

    assert apply(instance(rds, {"CACertificateIdentifier": "rds-ca-rsa2048-g1"})) == "none"


@pytest.mark.parametrize(
    ("engine", "found", "wanted", "major"),
    [
        ("postgres", "16.9", "17", True),
        ("postgres", "17.4", "17.5", False),
        ("mysql", "8.0.43", "8.4", True),
        ("mysql", "8.4.3", "8.4.6", False),
    ],
)
def test_a_major_upgrade_is_allowed_where_it_is_one(engine: str, found: str, wanted: str, major: bool) -> None:
    before = {**FOUND, "Engine": engine, "EngineVersion": found}
    rds = rds_with(before, {**before, "EngineVersion": wanted})
    apply(instance(rds, {"EngineVersion": wanted}, engine=engine))

    [request] = rds.called("modify_db_instance")
    assert (request["EngineVersion"], request["AllowMajorVersionUpgrade"]) == (wanted, major)


@pytest.mark.parametrize(("field", "value"), [("Engine", "mysql"), ("StorageEncrypted", False)])
def test_what_cannot_change_is_refused_with_the_way_out(field: str, value: Any) -> None:
    with pytest.raises(ApplyError, match="restore a snapshot into a new environment instead"):
        apply(instance(rds_with({**FOUND, field: value})))


def test_a_restored_instance_brings_engine_and_login_along() -> None:
    rds = rds_with(refusal("DBInstanceNotFound"), FOUND, restore_db_instance_from_db_snapshot={"DBInstance": FOUND})
    assert apply(instance(rds, {"PubliclyAccessible": False}, snapshot_identifier="last-night")) == "create"

    [request] = rds.called("restore_db_instance_from_db_snapshot")
    assert request["DBSnapshotIdentifier"] == "last-night" and request["PubliclyAccessible"] is False
    assert {"Engine", "EngineVersion", "AllocatedStorage", "MasterUserPassword"} & set(request) == set()


def test_an_instance_that_fails_is_not_waited_for() -> None:
    rds = rds_with(
        refusal("DBInstanceNotFound"),
        {**FOUND, "DBInstanceStatus": "incompatible-network"},
        create_db_instance={"DBInstance": {**FOUND, "DBInstanceStatus": "creating"}},
    )

    with pytest.raises(ApplyError, match="is in the state incompatible-network"):
        apply(instance(rds))


@pytest.mark.parametrize("final", [True, False])
def test_the_last_snapshot_is_taken_unless_it_is_not_wanted(final: bool) -> None:
    rds = rds_with(FOUND, refusal("DBInstanceNotFound"))

    Engine("test", check_mode=False).remove([instance(rds, final_snapshot=final)])

    [request] = rds.called("delete_db_instance")
    assert request["SkipFinalSnapshot"] is not final
    assert request.get("FinalDBSnapshotIdentifier", "").startswith("sm2a-test-final-" if final else "")


def test_a_protected_instance_stays() -> None:
    rds = rds_with({**FOUND, "DeletionProtection": True})

    with pytest.raises(ApplyError, match="deletion_protection: false first"):
        Engine("test", check_mode=False).remove([instance(rds)])
    assert rds.called("delete_db_instance") == []


def test_a_deletion_that_an_interrupted_run_began_is_waited_for() -> None:
    rds = rds_with(
        FOUND,
        {**FOUND, "DBInstanceStatus": "deleting"},
        refusal("DBInstanceNotFound"),
        delete_db_instance=refusal("InvalidDBInstanceState"),
    )

    [step] = Engine("test", check_mode=False).remove([instance(rds)])

    assert step.action == "delete"


def test_an_instance_that_cannot_be_deleted_now_is_an_error() -> None:
    rds = rds_with(
        FOUND, {**FOUND, "DBInstanceStatus": "backing-up"}, delete_db_instance=refusal("InvalidDBInstanceState")
    )

    with pytest.raises(ApplyError, match="InvalidDBInstanceState"):
        Engine("test", check_mode=False).remove([instance(rds)])


def test_a_restored_instance_gets_our_password_and_what_a_restore_cannot_set() -> None:
    creating = {**FOUND, "DBInstanceStatus": "creating"}
    restored = {**FOUND, "TagList": [*TAGS["TagList"], {"Key": OF_SNAPSHOT, "Value": "true"}]}
    rds = rds_with(
        refusal("DBInstanceNotFound"),
        creating,
        restored,
        restored,
        FOUND,
        restore_db_instance_from_db_snapshot={"DBInstance": creating},
    )

    assert apply(instance(rds, {"BackupRetentionPeriod": 9}, snapshot_identifier="last", log_exports=["upgrade"])) == (
        "create"
    )

    [request] = rds.called("modify_db_instance")
    assert (request["MasterUserPassword"], request["ApplyImmediately"]) == ("made-up", True)
    assert request["BackupRetentionPeriod"] == 9
    # Until it has our password the tag says so, for the next run.
    [made] = rds.called("restore_db_instance_from_db_snapshot")
    assert {"Key": OF_SNAPSHOT, "Value": "true"} in made["Tags"]
    assert rds.called("remove_tags_from_resource") == [{"ResourceName": "arn", "TagKeys": [OF_SNAPSHOT]}]
    assert rds.calls.index(("modify_db_instance", request)) < len(rds.calls) - 2


def test_a_restore_that_was_killed_before_it_had_our_password_goes_on() -> None:
    restored = {**FOUND, "TagList": [*TAGS["TagList"], {"Key": OF_SNAPSHOT, "Value": "true"}]}
    rds = rds_with(restored, restored, restored, FOUND)

    apply(instance(rds, snapshot_identifier="last"))

    assert [call["MasterUserPassword"] for call in rds.called("modify_db_instance")] == ["made-up"]


@pytest.mark.parametrize("state", ["creating", "backing-up", "modifying"])
def test_a_change_waits_until_the_instance_takes_it(state: str) -> None:
    busy = {**FOUND, "DBInstanceStatus": state}
    rds = rds_with(busy, busy, FOUND, modify_db_instance=in_turn(refusal("InvalidDBInstanceState"), {}))

    assert apply(instance(rds, {"AllocatedStorage": 30})) == "update"
    assert rds.called("modify_db_instance")[-1]["AllocatedStorage"] == 30


def test_without_waiting_a_change_is_left_for_later() -> None:
    rds = rds_with({**FOUND, "DBInstanceStatus": "creating"})

    [step] = Engine("test", check_mode=False, wait=False).apply([instance(rds, {"AllocatedStorage": 30})])

    assert step.action == "deferred" and not step.resource.ready
    assert rds.called("modify_db_instance") == []


def test_an_instance_that_is_stopped_is_not_waited_for() -> None:
    rds = rds_with({**FOUND, "DBInstanceStatus": "stopped"})

    with pytest.raises(ApplyError, match="is stopped; start it"):
        apply(instance(rds))


def test_one_that_is_being_deleted_is_waited_for_and_made_again() -> None:
    leaving = {**FOUND, "DBInstanceStatus": "deleting"}
    gone = refusal("DBInstanceNotFound")
    rds = rds_with(leaving, leaving, gone, FOUND, create_db_instance={"DBInstance": FOUND})

    assert apply(instance(rds)) == "create"


def test_storage_that_rds_has_grown_is_no_difference() -> None:
    assert apply(instance(rds_with({**FOUND, "AllocatedStorage": 40}))) == "none"


@pytest.mark.parametrize("code", GROUP_IN_USE)
def test_groups_are_deleted_once_the_instance_has_let_go_of_them(code: str) -> None:
    rds = FakeClient(
        describe_db_subnet_groups={"DBSubnetGroups": [{"DBSubnetGroupArn": "arn", "Subnets": []}]},
        list_tags_for_resource=TAGS,
        delete_db_subnet_group=in_turn(refusal(code), {}),
    )
    aws: Any = FakeAws(rds=rds)

    [step] = Engine("test", check_mode=False).remove([SubnetGroup(aws, "subnets", OURS, [])])

    assert step.action == "delete" and len(rds.called("delete_db_subnet_group")) == 2
