# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The end of the platform: nothing of it is left in the account or on the machine."""

from __future__ import annotations

import json
import time

from denials import unexplained
from platform_client import aws, workers
from playbook_runs import Platform, docker, playbook, succeed


def _on_its_way_out(arn: str) -> bool:
    """Tell whether something is deleted as far as AWS lets it be.

    A key waits out its window; ECS still knows stopped tasks and inactive services, clusters and definitions.
    """
    if ":kms:" in arn:
        return aws("kms").describe_key(KeyId=arn)["KeyMetadata"]["KeyState"] == "PendingDeletion"
    ecs = aws("ecs")
    if ":task-definition/" in arn:
        return arn not in ecs.list_task_definitions(status="ACTIVE")["taskDefinitionArns"]
    clusters = ecs.describe_clusters(clusters=["sm2a-local"])["clusters"]
    if any(cluster["status"] != "INACTIVE" for cluster in clusters):
        return False
    if ":cluster/" in arn:
        return True
    if ":service/" in arn or ":task/" in arn:
        return not ecs.list_services(cluster="sm2a-local")["serviceArns"] and not docker(
            "ps", "-q", "--filter", f"label=com.amazonaws.ecs.task-arn={arn}"
        )
    return False


def test_teardown_refuses_an_environment_that_was_not_named(platform: Platform) -> None:
    refused = playbook("teardown")
    assert refused.returncode != 0
    assert workers()[1] >= 1


def test_teardown_leaves_nothing_tagged(platform: Platform) -> None:
    succeed(
        playbook(
            "teardown",
            "-e",
            json.dumps(
                {
                    "sm2a_teardown": "local",
                    "storage_delete_buckets": True,
                    "observability_delete_log_groups": True,
                    "database_final_snapshot": False,
                    "security_delete_key": True,
                }
            ),
        )
    )
    # A container has two minutes to stop.
    deadline = time.monotonic() + 150
    while docker("ps", "-q", "--filter", "label=com.amazonaws.ecs.task-arn"):
        assert time.monotonic() < deadline, "containers are still running"
        time.sleep(1)
    filters = [{"Key": "sm2a:environment", "Values": ["local"]}]
    tagged = aws("resourcegroupstaggingapi").get_resources(TagFilters=filters)["ResourceTagMappingList"]
    assert [item["ResourceARN"] for item in tagged if not _on_its_way_out(item["ResourceARN"])] == []
    assert aws("ec2").describe_vpcs(Filters=[{"Name": "tag:sm2a:environment", "Values": ["local"]}])["Vpcs"] == []


def test_nothing_was_denied_but_what_tests_tried(platform: Platform) -> None:
    """Containers and playbooks may do all that they do: IAM has refused nothing else since the start."""
    assert unexplained() == []
