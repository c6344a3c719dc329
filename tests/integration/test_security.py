# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The security module against both emulators."""

from __future__ import annotations

import json
from typing import Any

from emulators import Account, Vpc

OURS = {"environment": "test", "component": "security"}


def test_lifecycle(account: Account, vpc: Vpc) -> None:
    account.lifecycle("security", change={"ingress_cidrs": ["203.0.113.0/24"]}, vpc_id=vpc.id)


def test_a_rule_that_somebody_added_is_taken_away(account: Account, vpc: Vpc) -> None:
    group = account.run("security", vpc_id=vpc.id)["security"]["security_group_ids"]["database"]
    ec2 = account.client("ec2")
    ec2.authorize_security_group_ingress(
        GroupId=group, IpProtocol="tcp", FromPort=5432, ToPort=5432, CidrIp="0.0.0.0/0"
    )

    result = account.run("security", vpc_id=vpc.id)

    before = result["diff"]["before"]["AWS::EC2::SecurityGroupIngress sm2a-test-database"]["rules"]
    assert "tcp 5432 from 0.0.0.0/0" in before
    permissions = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]["IpPermissions"]
    assert [permission["IpRanges"] for permission in permissions] == [[]]
    assert not account.run("security", vpc_id=vpc.id)["changed"]


def test_a_plan_refuses_a_policy_that_does_not_exist_and_asks_for_none_that_is_attached(
    account: Account, vpc: Vpc
) -> None:
    def plan(arn: str) -> dict[str, Any]:
        return account.run("security", check=True, vpc_id=vpc.id, role_policies={"worker": [arn]})

    statement = {"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    made = account.client("iam").create_policy(PolicyName="data-lake", PolicyDocument=document)["Policy"]["Arn"]

    refused = plan(f"{made}-gone")
    assert refused["failed"] and refused["msg"].startswith(f"role_policies: '{made}-gone' is refused: there is no such")
    first = plan(made)
    assert not first.get("failed"), first["msg"]

    account.run("security", vpc_id=vpc.id, role_policies={"worker": [made]})
    again = account.run("security", vpc_id=vpc.id, role_policies={"worker": [made]})
    # Without a change a plan reads what a run reads.
    assert plan(made)["api_calls"] == again["api_calls"] and not again["changed"]


def test_only_the_worker_may_take_messages(account: Account, vpc: Vpc) -> None:
    account.run("security", vpc_id=vpc.id)
    iam = account.client("iam")
    may = {}
    for role in iam.list_roles()["Roles"]:
        names = iam.list_role_policies(RoleName=role["RoleName"])["PolicyNames"]
        documents = [
            iam.get_role_policy(RoleName=role["RoleName"], PolicyName=name)["PolicyDocument"] for name in names
        ]
        may[role["RoleName"]] = str(documents)
    assert {name for name, policy in may.items() if "sqs:ReceiveMessage" in policy} == {"sm2a-test-worker"}
    assert {name for name, policy in may.items() if "ecs:UpdateService" in policy} == {"sm2a-test-scaler"}
    assert not any("sqs:ListQueues" in policy or "secretsmanager:*" in policy for policy in may.values())


def updates(result: dict[str, Any], before: str = "before") -> dict[str, Any]:
    """Return one side of the diff."""
    assert not result.get("failed"), result["msg"]
    return dict(result["diff"][before])


def test_without_networks_nobody_comes_in_and_nothing_changes_again(account: Account, vpc: Vpc) -> None:
    # Another way to write a network is no difference.
    created = account.run("security", vpc_id=vpc.id, ingress_cidrs=["2001:DB8::/32", "203.0.113.7"])
    assert not account.run("security", vpc_id=vpc.id, ingress_cidrs=["203.0.113.7/32", "2001:db8::/32"])["changed"]

    closed = account.run("security", vpc_id=vpc.id, ingress_cidrs=[])

    rules = updates(closed)["AWS::EC2::SecurityGroupIngress sm2a-test-load-balancer"]["rules"]
    assert sorted(rules)[0] == "tcp 443 from 2001:db8::/32" and len(rules) == 4
    group = created["security"]["security_group_ids"]["load_balancer"]
    found = account.client("ec2").describe_security_groups(GroupIds=[group])["SecurityGroups"][0]
    assert found["IpPermissions"] == []
    assert not account.run("security", vpc_id=vpc.id, ingress_cidrs=[])["changed"]


def test_outgoing_rules_that_somebody_added_are_shown_and_go(account: Account, vpc: Vpc) -> None:
    groups = account.run("security", vpc_id=vpc.id)["security"]["security_group_ids"]
    ec2 = account.client("ec2")
    everywhere = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    for group in groups.values():
        ec2.authorize_security_group_egress(GroupId=group, IpPermissions=[everywhere])

    shown = updates(account.run("security", vpc_id=vpc.id, check=True))
    repaired = updates(account.run("security", vpc_id=vpc.id))

    names = ("load-balancer", "airflow", "api-server", "execution-api", "database")
    assert set(shown) == {f"AWS::EC2::SecurityGroupEgress sm2a-test-{name}" for name in names}
    assert all("-1 all to 0.0.0.0/0" in state["rules"] for state in shown.values())
    assert repaired == shown
    found = ec2.describe_security_groups(GroupIds=list(groups.values()))["SecurityGroups"]
    assert all(one["IpProtocol"] == "tcp" for group in found for one in group["IpPermissionsEgress"])
    silent = (groups["database"], groups["execution_api"])
    assert [group["IpPermissionsEgress"] for group in found if group["GroupId"] in silent] == [[], []]
    assert not account.run("security", vpc_id=vpc.id)["changed"]


def test_further_egress_is_made_and_taken_back(account: Account, vpc: Vpc) -> None:
    egress = [
        {"cidr": "10.20.0.0/16", "from_port": 5439},
        {"cidr": "2001:DB8::/32", "protocol": "udp", "from_port": 1024, "to_port": 65535},
        {"cidr": "192.0.2.7", "protocol": "all"},
    ]
    account.run("security", vpc_id=vpc.id)

    label = "AWS::EC2::SecurityGroupEgress sm2a-test-airflow"
    added = updates(account.run("security", vpc_id=vpc.id, egress=egress), "after")[label]["rules"]
    assert {"tcp 5439 to 10.20.0.0/16", "udp 1024-65535 to 2001:db8::/32", "-1 all to 192.0.2.7/32"} <= set(added)
    assert not account.run("security", vpc_id=vpc.id, egress=egress)["changed"]
    taken = updates(account.run("security", vpc_id=vpc.id), "after")[label]["rules"]
    assert set(added) - set(taken) == {
        "tcp 5439 to 10.20.0.0/16",
        "udp 1024-65535 to 2001:db8::/32",
        "-1 all to 192.0.2.7/32",
    }


def test_policies_that_somebody_added_go_and_a_boundary_stays(account: Account, vpc: Vpc) -> None:
    iam = account.client("iam")
    options = {"vpc_id": vpc.id, "kms_key": False, "role_path": "/teams/data/"}
    arns = account.run("security", **options)["security"]["role_arns"]
    assert arns["worker"].endswith(":role/teams/data/sm2a-test-worker")
    everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    iam.put_role_policy(RoleName="sm2a-test-worker", PolicyName="backdoor", PolicyDocument=json.dumps(everything))
    boundary = "arn:aws:iam::aws:policy/PowerUserAccess"
    iam.put_role_permissions_boundary(RoleName="sm2a-test-worker", PermissionsBoundary=boundary)

    planned = account.run("security", check=True, **options)
    done = account.run("security", **options)

    shown = {"AWS::IAM::Role sm2a-test-worker": {"further_inline_policies": ["backdoor"]}}
    assert updates(planned) == updates(done) == shown
    assert iam.list_role_policies(RoleName="sm2a-test-worker")["PolicyNames"] == ["sm2a"]
    role = iam.get_role(RoleName="sm2a-test-worker")["Role"]
    assert role["PermissionsBoundary"]["PermissionsBoundaryArn"] == boundary

    account.run("security", role_permissions_boundary="", **options)
    assert "PermissionsBoundary" not in iam.get_role(RoleName="sm2a-test-worker")["Role"]
    moved = account.run("security", check=True, **{**options, "role_path": "/"})
    assert moved["failed"] and "its path '/teams/data/' cannot be changed to '/'" in moved["msg"]


def test_services_that_are_at_work_keep_what_they_need_until_they_are_replaced(account: Account, vpc: Vpc) -> None:
    """An environment of the time when every service read all of the configuration, with the owner's login."""
    made = account.run("security", vpc_id=vpc.id, kms_key=False)["security"]
    iam, secrets = account.client("iam"), account.client("secretsmanager")
    account_id = made["role_arns"]["worker"].split(":")[4]
    arn = f"arn:aws:secretsmanager:eu-central-1:{account_id}:secret:sm2a/test/config/*"
    former = {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": [arn]}
    document = json.dumps({"Version": "2012-10-17", "Statement": [former]})
    for service in ("scheduler", "worker"):
        iam.put_role_policy(RoleName=f"sm2a-test-{service}", PolicyName="sm2a", PolicyDocument=document)
    tags = [{"Key": f"sm2a:{key}", "Value": value} for key, value in OURS.items()]
    for name in ("sql_alchemy_conn", "result_backend"):
        secrets.create_secret(Name=f"sm2a/test/config/{name}", SecretString="x", Tags=tags)

    def allowed(service: str) -> list[Any]:
        policy = iam.get_role_policy(RoleName=f"sm2a-test-{service}", PolicyName="sm2a")["PolicyDocument"]
        return [item["Resource"] for item in policy["Statement"]]

    begun = account.run("security", vpc_id=vpc.id, kms_key=False, wait=False)
    assert begun["ansible_facts"]["sm2a_plan_security_begun"]["pending"]
    for service in ("scheduler", "worker"):
        assert [arn] in allowed(service) and len(allowed(service)) > 1
    assert not account.run("security", vpc_id=vpc.id, kms_key=False, wait=False)["changed"]

    planned = account.run("security", check=True, vpc_id=vpc.id, kms_key=False)
    done = account.run("security", vpc_id=vpc.id, kms_key=False)
    assert updates(planned) == updates(done)
    assert [arn] not in allowed("scheduler") and [arn] not in allowed("worker")
    for name in ("sql_alchemy_conn", "result_backend"):
        assert secrets.describe_secret(SecretId=f"sm2a/test/config/{name}")["DeletedDate"]
    again = account.run("security", vpc_id=vpc.id, kms_key=False, wait=False)
    assert not again["changed"] and not again["ansible_facts"]["sm2a_plan_security_begun"]["pending"]


def test_what_a_former_key_encrypts_can_be_read(account: Account, vpc: Vpc) -> None:
    def allowed() -> list[str]:
        policy = account.client("iam").get_role_policy(RoleName="sm2a-test-worker", PolicyName="sm2a")["PolicyDocument"]
        found = [item["Resource"] for item in policy["Statement"] if str(item["Action"]).startswith("kms:")]
        assert len(found) == 2 and found[0] == found[1]
        return [found[0]] if isinstance(found[0], str) else list(found[0])

    former = account.run("security", vpc_id=vpc.id)["security"]["kms_key_arn"]
    assert allowed() == [former]

    without = account.run("security", vpc_id=vpc.id, kms_key=False)
    assert without["security"]["kms_key_arn"] is None and not without["changed"]
    assert allowed() == [former]

    other = account.client("kms").create_key()["KeyMetadata"]["Arn"]
    assert account.run("security", vpc_id=vpc.id, kms_key_arn=other)["security"]["kms_key_arn"] == other
    assert allowed() == [other, former]
    assert not account.run("security", vpc_id=vpc.id, kms_key_arn=other)["changed"]

    account.run("secrets", kms_key_arn=other)
    account.run("security", vpc_id=vpc.id, kms_key=False)
    assert sorted(allowed()) == sorted([former, other])


def test_roles_of_the_same_environment_in_another_region_are_left_alone(account: Account, vpc: Vpc) -> None:
    account.run("security", vpc_id=vpc.id, kms_key=False)
    iam = account.client("iam")
    iam.tag_role(RoleName="sm2a-test-worker", Tags=[{"Key": "sm2a:region", "Value": "eu-west-1"}])

    again = account.run("security", vpc_id=vpc.id, kms_key=False)
    assert again["failed"] and "AWS::IAM::Role sm2a-test-worker exists but was not created by" in again["msg"]
    assert "sm2a:region is 'eu-west-1'" in again["msg"]

    absent = account.run("security", vpc_id=vpc.id, state="absent")
    assert not absent.get("failed"), absent["msg"]
    left = [role["RoleName"] for role in iam.list_roles()["Roles"] if role["RoleName"].startswith("sm2a-")]
    assert left == ["sm2a-test-worker"]


def test_roles_that_services_need_are_made_and_stay(account: Account, vpc: Vpc) -> None:
    iam = account.client("iam")
    iam.create_service_linked_role(AWSServiceName="rds.amazonaws.com")

    def linked() -> list[str]:
        return sorted(role["Path"] for role in iam.list_roles(PathPrefix="/aws-service-role/")["Roles"])

    account.run("security", vpc_id=vpc.id, kms_key=False)
    expected = [f"/aws-service-role/{name}.amazonaws.com/" for name in ("ecs", "elasticloadbalancing", "rds")]
    assert linked() == expected
    account.run("security", vpc_id=vpc.id, state="absent")
    assert linked() == expected


def test_a_key_that_waits_for_its_deletion_is_taken_back(account: Account, vpc: Vpc) -> None:
    kms = account.client("kms")
    key = account.run("security", vpc_id=vpc.id)["security"]["kms_key_arn"]
    account.run("security", vpc_id=vpc.id, state="absent", delete_key=True)
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "PendingDeletion"

    again = account.run("security", vpc_id=vpc.id, tags={"owner": "data"})

    assert updates(again)["AWS::KMS::Key alias/sm2a-test"]["state"] == "PendingDeletion"
    assert again["security"]["kms_key_arn"] == key
    assert kms.describe_key(KeyId="alias/sm2a-test")["KeyMetadata"]["KeyState"] == "Enabled"

    kms.disable_key(KeyId=key.rsplit("/", 1)[-1])
    enabled = account.run("security", vpc_id=vpc.id, tags={"owner": "data"})
    assert updates(enabled) == {"AWS::KMS::Key alias/sm2a-test": {"state": "Disabled"}}
    assert not account.run("security", vpc_id=vpc.id, tags={"owner": "data"})["changed"]


def test_an_interrupted_run_leaves_no_second_key(account: Account, vpc: Vpc) -> None:
    kms = account.client("kms")
    tags = [{"TagKey": f"sm2a:{key}", "TagValue": value} for key, value in OURS.items()]
    key = kms.create_key(Tags=tags)["KeyMetadata"]["Arn"]
    stranger = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName="alias/another", TargetKeyId=stranger)

    result = account.run("security", vpc_id=vpc.id)

    assert not result.get("failed"), result["msg"]
    assert result["security"]["kms_key_arn"] == key


def test_an_alias_stands_for_its_key(account: Account, vpc: Vpc) -> None:
    kms = account.client("kms")
    key = kms.create_key()["KeyMetadata"]
    kms.create_alias(AliasName="alias/mine", TargetKeyId=key["KeyId"])
    alias = key["Arn"].replace(f"key/{key['KeyId']}", "alias/mine")

    result = account.run("security", vpc_id=vpc.id, kms_key_arn=alias)

    assert not result.get("failed"), result["msg"]
    assert result["security"]["kms_key_arn"] == key["Arn"]
    policy = account.client("iam").get_role_policy(RoleName="sm2a-test-worker", PolicyName="sm2a")["PolicyDocument"]
    assert key["Arn"] in str(policy) and alias not in str(policy)
    unknown = account.run("security", vpc_id=vpc.id, kms_key_arn=alias.replace("mine", "nobodys"))
    assert unknown["failed"] and unknown["msg"].startswith("kms_key_arn:")
    kms.disable_key(KeyId=key["KeyId"])
    disabled = account.run("storage", kms_key_arn=alias)
    assert disabled["failed"] and "is Disabled" in disabled["msg"] and disabled["msg"].startswith("kms_key_arn:")


def test_workers_reach_the_api_server_of_a_version_before_until_it_has_been_replaced(
    account: Account, vpc: Vpc
) -> None:
    groups = account.run("security", vpc_id=vpc.id)["security"]["security_group_ids"]
    ec2 = account.client("ec2")

    def port(group: str) -> list[dict[str, Any]]:
        pairs = [{"GroupId": groups[group]}]
        return [{"IpProtocol": "tcp", "FromPort": 8080, "ToPort": 8080, "UserIdGroupPairs": pairs}]

    def open_to_workers() -> tuple[bool, bool]:
        found = ec2.describe_security_groups(GroupIds=[groups["api_server"], groups["airflow"]])["SecurityGroups"]
        by_id = {group["GroupId"]: group for group in found}
        ingress = str(by_id[groups["api_server"]]["IpPermissions"])
        return groups["airflow"] in ingress, groups["api_server"] in str(
            by_id[groups["airflow"]]["IpPermissionsEgress"]
        )

    assert open_to_workers() == (False, False)
    # As it was while tasks reported to the API server.
    ec2.authorize_security_group_ingress(GroupId=groups["api_server"], IpPermissions=port("airflow"))
    ec2.authorize_security_group_egress(GroupId=groups["airflow"], IpPermissions=port("api_server"))

    begun = account.run("security", vpc_id=vpc.id, wait=False)
    assert not begun["changed"] and begun["ansible_facts"]["sm2a_plan_security_begun"]["pending"]
    assert open_to_workers() == (True, True)
    assert account.run("security", vpc_id=vpc.id)["changed"]
    assert open_to_workers() == (False, False)
    assert not account.run("security", vpc_id=vpc.id)["changed"]


def test_only_the_api_server_reads_logs_of_running_tasks(account: Account, vpc: Vpc) -> None:
    """https://airflow.apache.org/docs/apache-airflow/stable/administration-and-deployment/logging-monitoring/"""
    groups = account.run("security", vpc_id=vpc.id)["security"]["security_group_ids"]
    found = account.client("ec2").describe_security_groups(GroupIds=[groups["airflow"]])["SecurityGroups"][0]

    allowed = {
        (permission["FromPort"], pair["GroupId"])
        for permission in found["IpPermissions"]
        for pair in permission["UserIdGroupPairs"]
    }
    assert allowed == {(8793, groups["api_server"]), (8794, groups["api_server"])}
