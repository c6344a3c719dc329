# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the security component refuses, and what its roles may do, without AWS."""

from __future__ import annotations

from fnmatch import fnmatchcase
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from fake_aws import FakeClient

from ansible_collections.sm2a.airflow.plugins.module_utils._components._names import SERVICES
from ansible_collections.sm2a.airflow.plugins.module_utils._components.security import SecurityComponent
from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.errors import OptionError

ACCOUNT = "123456789012"


def arn(service: str, resource: str) -> str:
    return f"arn:aws:{service}:eu-central-1:{ACCOUNT}:{resource}"


def missing(**_request: Any) -> None:
    raise ClientError({"Error": {"Code": "NoSuchEntity"}}, "GetRolePolicy")


AWS: Any = SimpleNamespace(
    region="eu-central-1",
    account_id=ACCOUNT,
    partition="aws",
    check_mode=True,
    arn=arn,
    # No role has been made yet.
    client=lambda _service: FakeClient(get_role_policy=missing),
    once=lambda _service, _name, _read: [],
    writes=0,
)
POLICY = "arn:aws:iam::aws:policy/ReadOnlyAccess"


def component(**options: Any) -> SecurityComponent:
    defaults = {name: argument.get("default") for name, argument in SecurityComponent.ARGUMENTS.items()}
    common = {"environment": "test", "state": "present", "tags": {}, "wait": True}
    given = {**common, **defaults, "vpc_id": "vpc-01234567", **options}
    return SecurityComponent(given, AWS)


@pytest.mark.parametrize(
    "options",
    [
        {"ingress_cidrs": ["everybody"]},
        {"ingress_cidrs": ["203.0.113.1/24"]},
        {"kms_key_arn": "alias/mine"},
        {"kms_key_arn": "arn:aws:kms:eu-west-1:123456789012:key/abc"},
        {"kms_deletion_window_days": 6},
        {"kms_deletion_window_days": 31},
        {"role_policies": {"webserver": [POLICY]}},
        {"role_policies": {"worker": ["ReadOnlyAccess"]}},
        {"role_policies": {"worker": [None]}},
        {"role_permissions_boundary": "boundary"},
        {"role_path": "teams/data"},
        {"role_path": "/teams data/"},
        {"role_path": f"/{'x' * 511}/"},
        {"configuration_secrets": ["jwt_secret"]},
        {"configuration_secrets": ["sql_alchemy_conn/migration"]},
        {"configuration_secrets": ["*"]},
    ],
)
def test_bad_input(options: dict[str, Any]) -> None:
    with pytest.raises(OptionError) as caught:
        component(**options).validate()

    assert caught.value.option == next(iter(options))
    assert caught.value.documentation or "role_policies" in options


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"vpc_id": "(known after apply)", "kms_key_arn": "(known after apply)"},
        {"ingress_cidrs": ["203.0.113.0/24", "2001:db8::/32"]},
        {"ingress_cidrs": [], "kms_key_arn": "arn:aws:kms:eu-central-1:123456789012:alias/mine"},
        {"role_path": "/", "role_permissions_boundary": ""},
        {"role_path": "/teams/data/"},
        {"role_policies": {"worker": [POLICY]}, "role_permissions_boundary": POLICY, "kms_deletion_window_days": 7},
    ],
)
def test_good_input(options: dict[str, Any]) -> None:
    component(**options).validate()


@pytest.mark.parametrize("policies", [None, POLICY, {POLICY: None}])
def test_policies_of_a_role_are_a_list(policies: Any) -> None:
    with pytest.raises(OptionError, match=r"role_policies\.worker: .* is refused: it must be a list of ARNs"):
        component(role_policies={"worker": policies}).validate()


KEY = arn("kms", "key/0123")
OURS = [{"Key": "sm2a:environment", "Value": "test"}]


class Cloud:
    """IAM, KMS and Secrets Manager, of which one secret is known or an error."""

    def __init__(self, secret: dict[str, Any] | str) -> None:
        self.secret = secret

    get_role_policy = staticmethod(missing)

    def describe_key(self, KeyId: str) -> None:
        raise ClientError({"Error": {"Code": "NotFoundException"}}, "DescribeKey")

    def describe_secret(self, SecretId: str) -> dict[str, Any]:
        assert SecretId == "sm2a/test/config/fernet_key"
        if isinstance(self.secret, str):
            raise ClientError({"Error": {"Code": self.secret}}, "DescribeSecret")
        return self.secret


@pytest.mark.parametrize(
    ("secret", "kept"),
    [
        ({"KmsKeyId": KEY, "Tags": OURS}, [KEY]),
        ({"KmsKeyId": KEY, "Tags": [{"Key": "sm2a:environment", "Value": "test-2"}]}, []),
        ({"KmsKeyId": KEY}, []),
        ({"KmsKeyId": "alias/aws/secretsmanager", "Tags": OURS}, []),
        ({"Tags": OURS}, []),
        ("ResourceNotFoundException", []),
        ("AccessDeniedException", []),
    ],
)
def test_a_key_of_ones_own_that_was_taken_out_still_decrypts(secret: Any, kept: list[str]) -> None:
    cloud = Cloud(secret)
    security = component(kms_key=False)
    security.aws = SimpleNamespace(**{**vars(AWS), "client": lambda _service: cloud})
    security.resources()

    assert security.key_arn is None and security.key_arns == kept


def test_an_error_about_the_former_key_is_not_swallowed() -> None:
    cloud = Cloud("InternalServiceError")
    security = component(kms_key=False)
    security.aws = SimpleNamespace(**{**vars(AWS), "client": lambda _service: cloud})
    with pytest.raises(ClientError, match="InternalServiceError"):
        security.resources()


HTTPS = {"cidr": "10.0.0.0/8", "protocol": "tcp", "from_port": 443, "to_port": None}


@pytest.mark.parametrize(
    ("rule", "option", "words"),
    [
        ({"cidr": "everywhere"}, "egress[1].cidr", "not a network"),
        ({"cidr": "10.0.0.1/8"}, "egress[1].cidr", "not a network"),
        ({"from_port": 65536}, "egress[1].from_port", "from 0 to 65535"),
        ({"from_port": -1}, "egress[1].from_port", "from 0 to 65535"),
        ({"to_port": 65536}, "egress[1].to_port", "from 0 to 65535"),
        ({"from_port": None}, "egress[1]", "from_port is needed"),
        ({"to_port": 80}, "egress[1]", "below from_port"),
        ({"protocol": "all"}, "egress[1]", "has no ports"),
        ({"protocol": "all", "from_port": None, "to_port": 0}, "egress[1]", "has no ports"),
    ],
)
def test_egress_that_ec2_would_refuse(rule: dict[str, Any], option: str, words: str) -> None:
    with pytest.raises(OptionError) as caught:
        component(egress=[HTTPS, {**HTTPS, **rule}]).validate()

    assert caught.value.option == option and words in caught.value.rule
    assert caught.value.documentation.startswith("https://")


def test_no_role_name_is_longer_than_64_characters() -> None:
    longest = component(environment="x" * 16)
    longest.resources()

    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
    assert set(longest.roles) == set(SERVICES)
    assert all(len(role.name) <= 64 for role in longest.roles.values())


@pytest.mark.parametrize("service", SERVICES)
def test_no_service_may_do_everything(service: str) -> None:
    security = component()
    security.resources()

    for statement in security.roles[service].statements:
        actions, resources = statement["Action"], statement["Resource"]
        assert not any(action.endswith("*") for action in ([actions] if isinstance(actions, str) else actions))
        assert resources != "*" or "Condition" in statement or actions == "ecr:GetAuthorizationToken"


# What an environment called test-2 has, whose names begin with those of the environment test.
NEIGHBOURS = {
    "sqs": arn("sqs", "sm2a-test-2-default"),
    "secretsmanager": arn("secretsmanager", "secret:sm2a/test-2/config/fernet_key-AbCdEf"),
    "s3": f"arn:aws:s3:::sm2a-test-2-logs-{ACCOUNT}-eu-central-1/task-logs/x",
    "ecs": arn("ecs", "service/sm2a-test-2/sm2a-test-2-worker-default"),
    "task": arn("ecs", "task/sm2a-test-2/0123456789abcdef"),
}


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("neighbour", NEIGHBOURS.values(), ids=NEIGHBOURS)
def test_no_service_reaches_an_environment_whose_name_begins_alike(service: str, neighbour: str) -> None:
    security = component()
    security.resources()

    for statement in security.roles[service].statements:
        resources = statement["Resource"]
        patterns = [resources] if isinstance(resources, str) else resources
        matching = [pattern for pattern in patterns if pattern != "*" and fnmatchcase(neighbour, pattern)]
        condition = statement.get("Condition", {}).get("StringEquals", {})
        assert not matching or condition == {"aws:ResourceTag/sm2a:environment": "test"}


def test_the_scaler_may_look_at_its_cluster_and_change_its_workers() -> None:
    security = component()
    security.resources()

    may = {
        action: statement["Resource"]
        for statement in security.roles["scaler"].statements
        if "ecs:" in str(statement["Action"])
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
    }
    workers, tasks = arn("ecs", "service/sm2a-test/sm2a-test-worker-*"), arn("ecs", "task/sm2a-test/*")
    assert may == {
        "ecs:DescribeServices": workers,
        "ecs:UpdateService": workers,
        "ecs:ListTasks": "*",
        "ecs:DescribeTasks": tasks,
    }


@pytest.mark.parametrize(
    ("image", "repository"),
    [
        (
            "210987654321.dkr.ecr.eu-west-1.amazonaws.com/team/airflow:1",
            "eu-west-1:210987654321:repository/team/airflow",
        ),
        ("210987654321.dkr-ecr.eu-west-1.on.aws/airflow@sha256:0123", "eu-west-1:210987654321:repository/airflow"),
        ("ghcr.io/team/airflow:1", None),
    ],
)
def test_ecs_may_pull_an_image_of_ones_own(image: str, repository: str | None) -> None:
    security = component(image_uris={"airflow": image})
    security.resources()

    [pull] = [item for item in security.roles["execution"].statements if "ecr:BatchGetImage" in item["Action"]]
    ours = arn("ecr", "repository/sm2a-test/*")
    assert pull["Resource"] == ([ours, f"arn:aws:ecr:{repository}"] if repository else ours)


def test_only_named_services_may_be_entered() -> None:
    security = component(execute_command_services=["worker"])
    security.resources()

    may = {name: str(role.statements) for name, role in security.roles.items()}
    assert {name for name, statements in may.items() if "ssmmessages:" in statements} == {"worker"}
    for operation in ("CreateControlChannel", "CreateDataChannel", "OpenControlChannel", "OpenDataChannel"):
        assert f"ssmmessages:{operation}" in may["worker"]
    group = arn("logs", "log-group:/sm2a/test/execute-command:*")
    [records] = [item for item in security.roles["worker"].statements if item["Resource"] == group]
    assert set(records["Action"]) == {"logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"}


@pytest.mark.parametrize("service", ["worker", "scaler"])
def test_only_an_entered_service_decrypts_sessions(service: str) -> None:
    security = component(execute_command_services=[service])
    security.resources()

    alone = {"Action": "kms:Decrypt", "Resource": security.key_arn}
    assert {name for name, role in security.roles.items() if alone in role.key_statements()} == {service}


def test_only_the_account_may_use_the_services_roles() -> None:
    security = component()
    security.resources()

    for role in security.roles.values():
        [statement] = role.trust["Statement"]
        assert statement["Principal"] == {"Service": "ecs-tasks.amazonaws.com"}
        assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": ACCOUNT}}


def test_only_the_migration_reads_the_administrator() -> None:
    security = component()
    security.resources()

    may = {name for name, role in security.roles.items() if "sm2a/test/admin" in str(role.statements)}
    assert may == {"migration"}


def test_no_role_is_written_before_its_key_is_there() -> None:
    """Its policy names the key, whose ARN is known only then; in check mode too."""
    security = component()
    security.resources()

    assert [name for name, role in security.roles.items() if security.key not in list(role.dependencies())] == []
    assert len(security.roles) == len(SERVICES)
