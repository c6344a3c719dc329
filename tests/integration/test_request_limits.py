# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The limits of AWS's requests before both emulators, and a site of the longest and strangest names and texts."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError
from disturbances import one_after_another
from emulators import Account
from whole_site import one_off_tasks_end_well, site_of

ENVIRONMENT = "a-2-4-6-8-0-2-46"
POOLS = {
    "p" * 32: {"minimum": 1, "maximum": 2},
    "a" + "-" * 31: {"maximum": 1, "capacity_provider": "FARGATE_SPOT"},
}
# Of each kind of character that tags may have, as many as there may be, and as long as they may be.
TAGS = {
    **{f"{number:02}" + "kÄ語²é_.:/=+-@" * 9: "v" * 256 for number in range(43)},
    "k" * 127: "",
    "Kostenstelle für Daten": "東京 / a_b.c:d=e+f-g@h",
}


@pytest.mark.parametrize(
    ("service", "operation", "arguments", "code"),
    [
        ("ec2", "create_security_group", {"GroupName": "g", "Description": "who's <in>"}, "InvalidParameterValue"),
        ("iam", "create_role", {"RoleName": "r" * 65, "AssumeRolePolicyDocument": "{}"}, "ValidationError"),
        ("sqs", "create_queue", {"QueueName": "q" * 81}, "InvalidParameterValue"),
        ("elbv2", "create_target_group", {"Name": "t" * 33}, "ValidationError"),
        ("rds", "delete_db_subnet_group", {"DBSubnetGroupName": "g"}, None),
        ("route53", "create_hosted_zone", {"Name": "z" * 1025, "CallerReference": "r"}, "InvalidInput"),
        ("s3", "create_bucket", {"Bucket": "a-s3alias"}, "InvalidArgument"),
        (
            "s3",
            "put_bucket_tagging",
            {"Bucket": "b-1", "Tagging": {"TagSet": [{"Key": "k" * 129, "Value": ""}]}},
            "InvalidArgument",
        ),
        ("kms", "schedule_key_deletion", {"KeyId": "k", "PendingWindowInDays": 400}, "ValidationException"),
        ("cloudwatch", "put_dashboard", {"DashboardName": "a b", "DashboardBody": "{}"}, "ValidationException"),
    ],
)
def test_a_request_of_a_wrong_form_is_refused_as_aws_does(
    account: Account, service: str, operation: str, arguments: dict[str, Any], code: str | None
) -> None:
    with pytest.raises(ClientError) as refused:
        getattr(account.client(service), operation)(**arguments)

    told = account.emulator.refused()
    assert len(told) == (1 if code else 0)
    assert not code or (refused.value.response["Error"]["Code"] == code and "failed to satisfy" in str(refused.value))


@pytest.mark.parametrize("emulator", ["ministack"], indirect=True)
def test_aws_takes_the_longest_and_strangest_names_and_tags(account: Account) -> None:
    """Everything is made and deleted; the fixture ``account`` fails if a single request was refused."""
    pools = {"queue": {"pools": list(POOLS)}, "airflow": {"worker_pools": POOLS}, "workers": {"pools": POOLS}}
    site = site_of(account, ENVIRONMENT, **pools)

    with one_after_another(), one_off_tasks_end_well():
        for tags in (TAGS, {"team": "data"}):
            for name in site.options:
                site.options[name] = {**site.options[name], "tags": tags}
            site.run()
        site.teardown()
