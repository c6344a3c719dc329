# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the account says of options before anything is created, and that a principal who may not ask is not refused."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from declared import component
from fake_aws import FakeAws

from ansible_collections.sm2a.airflow.plugins.action import plan
from ansible_collections.sm2a.airflow.plugins.module_utils._components import _account
from ansible_collections.sm2a.airflow.plugins.module_utils._components._option import Option
from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.engine import Step
from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.values import KNOWN_AFTER_APPLY
from ansible_collections.sm2a.airflow.plugins.plugin_utils._order import ROLES
from ansible_collections.sm2a.airflow.plugins.plugin_utils._role_options import component_class

OTHER = "210987654321"
POLICY = "arn:aws:iam::{}:policy/limits"
ROLE = "arn:aws:iam::{}:role/airflow"
CERTIFICATE = "arn:aws:acm:eu-central-1:{}:certificate/01234567-89ab-cdef-0123-456789abcdef"
WEB_ACL = "arn:aws:wafv2:eu-central-1:{}:regional/webacl/airflow/01234567-89ab-cdef-0123-456789abcdef"
TARGET_GROUP = "arn:aws:elasticloadbalancing:eu-central-1:{}:targetgroup/airflow/0123456789abcdef"
# Role, option, where in it the ARN is, and the ARN without its account.
ARNS = [
    *(
        (role, "registry_credentials", (), "arn:aws:secretsmanager:eu-central-1:{}:secret:registry-login-AbCdEf")
        for role in ("security", "airflow", "workers", "scaler")
    ),
    ("network", "role_permissions_boundary", (), POLICY),
    ("security", "role_permissions_boundary", (), POLICY),
    ("security", "role_policies", ("worker", 0), POLICY),
    ("load_balancer", "certificate_arn", (), CERTIFICATE),
    ("load_balancer", "web_acl_arn", (), WEB_ACL),
    ("database", "monitoring_role_arn", (), ROLE),
    ("airflow", "target_group_arn", (), TARGET_GROUP),
    ("airflow", "role_arns", ("scheduler",), ROLE),
    ("workers", "role_arns", ("worker",), ROLE),
    ("scaler", "role_arns", ("scaler",), ROLE),
]


class Service:
    """Answers operations with what a test says; whatever it says nothing of is denied."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self._answers = answers

    def __getattr__(self, operation: str) -> Any:
        def call(**_arguments: Any) -> Any:
            answer = self._answers.get(operation, "AccessDenied")
            if isinstance(answer, str):
                raise ClientError({"Error": {"Code": answer, "Message": "no"}}, operation)
            return answer

        return call

    def pages(self, operation: str, result: str, **_arguments: Any) -> Any:
        return getattr(self, operation)()[result]


def aws(**answers: Any) -> Any:
    """Return an account in which all services answer alike."""
    return SimpleNamespace(region="eu-central-1", emulated=False, client=lambda _service: Service(answers))


def texts(faults: Any) -> list[str]:
    return [str(fault).partition(" (see ")[0] for fault in faults]


def database(version: str = "17", **answers: Any) -> list[str]:
    return texts(_account.database_class_faults(aws(**answers), "sm2a-dev", "postgres", version, "db.t4g.micro"))


def offers(*versions: str) -> dict[str, Any]:
    return {"OrderableDBInstanceOptions": [{"EngineVersion": version} for version in versions]}


def test_a_class_that_cannot_be_ordered() -> None:
    ask = "describe_orderable_db_instance_options"
    there = {"describe_db_instances": {"DBInstances": [{"DBInstanceClass": "db.t4g.micro"}]}}
    new = {"describe_db_instances": "DBInstanceNotFound"}

    assert database(**new, **{ask: offers("16.4", "17.2")}) == []
    assert database(**new, **{ask: offers("16.4", "1.17")}) == [
        "instance_class: 'db.t4g.micro' is refused: eu-central-1 has it for postgres 1.17, 16.4, and not for 17"
    ]
    assert database(**new, **{ask: offers()}) == [
        "instance_class: 'db.t4g.micro' is refused: eu-central-1 does not offer it for postgres"
    ]
    # What runs is fine, whether it is still offered or not.
    assert database(**there, **{ask: offers()}) == []
    # Another class has to be there for the version to which RDS has upgraded the instance.
    upgraded = {"DBInstanceClass": "db.t4g.small", "EngineVersion": "17.6"}
    assert database("17.5", **{"describe_db_instances": {"DBInstances": [upgraded]}, ask: offers("17.6")}) == []
    assert database("17.5", **new, **{ask: offers("17.6")}) != []
    assert database(**new) == database() == []


@pytest.mark.parametrize(
    ("domain", "start"),
    [
        ("airflow.example.com", None),
        ("example.com", None),
        ("airflow.example.org", "domain_name: 'airflow.example.org' is refused: it is outside of the hosted zone Z1"),
        ("airflow.badexample.com", "domain_name: 'airflow.badexample.com' is refused"),
    ],
)
def test_a_domain_outside_of_its_zone(domain: str, start: str | None) -> None:
    zone = {"HostedZone": {"Name": "example.com."}}

    found = texts(_account.hosted_zone_faults(aws(get_hosted_zone=zone), "Z1", domain))

    assert len(found) == (start is not None) and all(text.startswith(str(start)) for text in found)


def test_a_zone_that_does_not_exist_or_may_not_be_read() -> None:
    [text] = texts(_account.hosted_zone_faults(aws(get_hosted_zone="NoSuchHostedZone"), "Z1", "example.com"))

    assert text == "hosted_zone_id: 'Z1' is refused: the account has no such hosted zone"
    assert texts(_account.hosted_zone_faults(aws(), "Z1", "example.com")) == []


def vpc(nat_gateways: str, most: int, addresses: int = 0) -> list[str]:
    answers = {
        "get_service_quota": {"Quota": {"Value": float(most)}},
        "describe_vpcs": {"Vpcs": [{}] * 2},
        "describe_internet_gateways": {"InternetGateways": []},
        "describe_account_attributes": {"AccountAttributes": [{"AttributeValues": [{"AttributeValue": "5"}]}]},
        "describe_addresses": {"Addresses": [{}] * addresses},
        "describe_nat_gateways": {"NatGateways": [{"SubnetId": "subnet-1"}] * 3},
        "describe_subnets": {"Subnets": [{"SubnetId": "subnet-1", "AvailabilityZone": "b"}]},
    }
    return texts(_account.vpc_faults(aws(**answers), ["a", "b"], nat_gateways))


def test_quotas_in_which_a_new_vpc_does_not_fit() -> None:
    assert vpc("single", most=3) == []
    assert vpc("one_per_zone", most=3) == [
        "nat_gateways: 'one_per_zone' is refused: b has 3 NAT gateways and may have 3; have the quota raised "
        f"({_account.NAT_GATEWAYS})"
    ]
    [full] = vpc("none", most=2, addresses=5)
    assert full.startswith("vpc_id: None is refused: eu-central-1 has 2 VPCs and may have 2; name a VPC that exists")
    [addresses] = vpc("single", most=9, addresses=5)
    assert "Elastic IP addresses needed: 1, in use: 5 of 5" in addresses
    assert texts(_account.vpc_faults(aws(), ["a"], "single")) == []


def step(kind: str, after: dict[str, Any], before: dict[str, Any] | None = None) -> Step:
    """Return a step of a plan that leads to these fields."""
    resource: Any = SimpleNamespace(kind=kind)
    return Step(resource, "update" if before else "create", before or {}, after)


def policies(after: dict[str, Any], before: dict[str, Any] | None = None, **answers: Any) -> list[str]:
    return texts(_account.planned_policy_faults(aws(**answers), [step("AWS::IAM::Role", after, before)]))


def test_a_managed_policy_that_does_not_exist() -> None:
    ours, aws_own = POLICY.format(FakeAws.account_id), "arn:aws:iam::aws:policy/AmazonS3ReadAcces"
    gone = {"get_policy": "NoSuchEntity"}
    wanted = {"managed_policies": [ours], "permissions_boundary": aws_own}

    assert policies(wanted, **gone) == [
        f"role_permissions_boundary: '{aws_own}' is refused: there is no such policy",
        f"role_policies: '{ours}' is refused: there is no such policy",
    ]
    assert policies(wanted, get_policy={"Policy": {}}) == []
    assert policies(wanted) == []
    # What a role has already exists, and a boundary that is taken away need not.
    assert (
        policies({"managed_policies": [ours], "permissions_boundary": ""}, {"managed_policies": [ours]}, **gone) == []
    )
    # Nothing is asked for a role whose policies stay as they are.
    assert policies({"description": "new"}, {"description": "old"}, **gone) == []


def test_a_policy_of_listeners_that_does_not_exist() -> None:
    name = "ELBSecurityPolicy-TLS13-1-4"

    assert texts(_account.ssl_policy_faults(aws(describe_ssl_policies="SSLPolicyNotFound"), name)) == [
        f"ssl_policy: '{name}' is refused: eu-central-1 has no such policy"
    ]
    assert texts(_account.ssl_policy_faults(aws(describe_ssl_policies={"SslPolicies": [{}]}), name)) == []
    assert texts(_account.ssl_policy_faults(aws(), name)) == []


SUBNETS = ["subnet-1", "subnet-2"]


def subnets(*found: tuple[str, str]) -> dict[str, Any]:
    """Return what EC2 answers: subnets by their VPC and zone."""
    there = [
        {"SubnetId": subnet_id, "VpcId": vpc_id, "AvailabilityZone": zone}
        for subnet_id, (vpc_id, zone) in zip(SUBNETS, found, strict=False)
    ]
    return {"describe_subnets": {"Subnets": there}}


@pytest.mark.parametrize(
    ("found", "of_load_balancer", "of_database"),
    [
        ([("vpc-1", "a"), ("vpc-1", "b")], [], []),
        ([("vpc-1", "a")], ["there is no such subnet"], ["there is no such subnet"]),
        ([("vpc-1", "a"), ("vpc-1", "a")], ["2 of them are in a, and a load balancer takes one"], ["all are in a"]),
        (
            [("vpc-1", "a"), ("vpc-2", "b")],
            ["they are in vpc-2, and vpc_id is vpc-1"],
            ["they are in vpc-1 and vpc-2, and have to be in one VPC"],
        ),
        ([("vpc-2", "a"), ("vpc-2", "b")], ["they are in vpc-2, and vpc_id is vpc-1"], []),
    ],
)
def test_subnets_in_which_nothing_can_be_made(
    found: list[tuple[str, str]], of_load_balancer: list[str], of_database: list[str]
) -> None:
    account = aws(**subnets(*found))
    said = {
        "load balancer": texts(_account.load_balancer_subnet_faults(account, SUBNETS, "vpc-1")),
        "database": texts(_account.database_subnet_faults(account, SUBNETS)),
    }

    for who, expected in (("load balancer", of_load_balancer), ("database", of_database)):
        assert len(said[who]) == len(expected), said
        assert all(f"is refused: {start}" in text for start, text in zip(expected, said[who], strict=True)), said


def test_subnets_that_are_known_later_or_may_not_be_read_are_left_to_aws() -> None:
    for account, ids, vpc_id in (
        (aws(**subnets()), [KNOWN_AFTER_APPLY], "vpc-1"),
        (aws(**subnets(("vpc-1", "a"), ("vpc-1", "b"))), SUBNETS, KNOWN_AFTER_APPLY),
        (aws(), SUBNETS, "vpc-1"),
    ):
        assert texts(_account.load_balancer_subnet_faults(account, ids, vpc_id)) == []
        assert texts(_account.database_subnet_faults(account, ids)) == []


@pytest.mark.parametrize(
    ("role", "options", "field", "rule"),
    [
        ("security", {}, "managed_policies", "there is no such policy"),
        ("network", {}, "permissions_boundary", "there is no such policy"),
        ("load_balancer", {"subnet_ids": SUBNETS, "vpc_id": "vpc-1"}, "subnet_ids", "there is no such subnet"),
        ("load_balancer", {}, "ssl_policy", "has no such policy"),
        ("database", {"subnet_ids": SUBNETS}, "subnet_ids", "there is no such subnet"),
    ],
)
def test_a_component_asks_only_for_what_a_plan_changes(role: str, options: Any, field: str, rule: str) -> None:
    class Empty(FakeAws):
        emulated = False

        def client(self, service: str) -> Any:
            asked.append(service)
            return Service({"get_policy": "NoSuchEntity", "describe_ssl_policies": "SSLPolicyNotFound", **subnets()})

    asked: list[str] = []
    made: Any = component(component_class(role), Empty(), **options)
    made.instance = None
    value = POLICY.format(FakeAws.account_id)
    wanted = {field: [value] if field == "managed_policies" else value}

    assert texts(made.planned_faults([step("AWS::IAM::Role", {"tags": {}})])) == [] and asked == []
    found = texts(made.planned_faults([step("AWS::IAM::Role", wanted)]))
    assert found and all(rule in text for text in found)


VCPUS = {
    "airflow": ({"services": {"scheduler": {"count": 2, "cpu": 2048}}}, {"FARGATE": 2 * 2 + 1 + 1 + 0.5 + 0.5}),
    "workers": (
        {
            "pools": {
                "default": {"maximum": 4, "cpu": 512},
                "large": {"maximum": 2, "cpu": 4096},
                "spot": {"maximum": 3, "cpu": 1024, "capacity_provider": "FARGATE_SPOT"},
            }
        },
        {"FARGATE": 10.0, "FARGATE_SPOT": 3.0},
    ),
    "scaler": ({}, {"FARGATE": 0.25}),
    "queue": ({}, {}),
}


@pytest.mark.parametrize("role", VCPUS)
def test_a_component_knows_how_many_vcpus_it_takes(role: str) -> None:
    options, vcpus = VCPUS[role]
    made = component(component_class(role), FakeAws(), **options)
    list(made.faults())

    assert made.vcpus() == vcpus


def test_more_vcpus_than_the_account_has() -> None:
    quota = {"get_service_quota": {"Quota": {"Value": 6.0}}}

    [warning] = _account.vcpu_warnings(aws(**quota), {"FARGATE": 3.25, "FARGATE_SPOT": 3})
    assert warning.startswith(
        "With every worker pool at its maximum the environment takes 3.25 vCPUs of FARGATE, and up to 7 while services "
        "are replaced; the account has 6 in eu-central-1"
    )
    assert "--service-code fargate --quota-code L-3032A538 --desired-value 7" in warning
    assert _account.vcpu_warnings(aws(**quota), {"FARGATE": 3}) == []
    # Whoever may not ask is not warned.
    assert _account.vcpu_warnings(aws(), {"FARGATE": 300}) == []


def test_a_plan_that_starts_no_task_asks_for_no_quota(monkeypatch: pytest.MonkeyPatch) -> None:
    def account(where: dict[str, Any]) -> Any:
        asked.append(where)
        return aws(get_service_quota={"Quota": {"Value": 6.0}})

    def answer(role: str, kind: str, action: str) -> dict[str, Any]:
        fact = {"region": "eu-central-1", "vcpus": {"FARGATE": 2.5}}
        return {
            "plan": [{"kind": kind, "name": "sm2a-test", "action": action}],
            "ansible_facts": {f"sm2a_{role}": {"vcpus": "of another kind"}, f"sm2a_plan_{role}": fact},
        }

    asked: list[dict[str, Any]] = []
    monkeypatch.setattr(plan, "controller_aws", account)
    same = {role: answer(role, "AWS::ECS::Service", "none") for role in ("airflow", "workers")}
    queue = {"queue": answer("queue", "AWS::SQS::Queue", "create")}
    new = {"workers": answer("workers", "AWS::ECS::TaskDefinition", "create")}

    assert plan.vcpu_warnings_of({**same, **queue}, {"profile": "mine"}) == [] and asked == []
    [warning] = plan.vcpu_warnings_of({**same, **new}, {"profile": "mine", "region": None})
    assert "5 vCPUs of FARGATE, and up to 10" in warning
    assert asked == [{"profile": "mine", "region": "eu-central-1"}]


def at(path: tuple[str | int, ...], value: str) -> Any:
    """Return a value where an option has it: by these keys, or as an item of a list."""
    for key in reversed(path):
        nested: Any = {key: value} if isinstance(key, str) else [value]
        value = nested
    return value


class Silent(FakeAws):
    """An account that says no more of itself than its number."""

    emulated = False

    def client(self, service: str) -> Any:
        """Return a client that may nothing."""
        return Service({})


def foreign(role: str, **options: Any) -> list[str]:
    return [str(fault) for fault in component(component_class(role), Silent(), **options).account_faults()]


@pytest.mark.parametrize(("role", "option", "path", "arn"), ARNS)
def test_what_is_in_another_account(role: str, option: str, path: tuple[str | int, ...], arn: str) -> None:
    ours, theirs = arn.format(FakeAws.account_id), arn.format(OTHER)
    name = ".".join([option, *(key for key in path if isinstance(key, str))])

    [text] = foreign(role, **{option: at(path, theirs)})

    assert text.startswith(f"{name}: '{theirs}' is refused: it must be in this account, {FakeAws.account_id} (see ")
    assert foreign(role, **{option: at(path, ours)}) == []
    # What has been made in another account can be let go.
    assert foreign(role, state="absent", **{option: at(path, theirs)}) == []


def test_every_option_that_names_an_account_is_compared() -> None:
    def named(options: Any) -> set[str]:
        found = set()
        for name, option in options.items():
            assert isinstance(option, Option)
            form = option.form or option.texts
            nested = named({**option.options, **option.each})
            if nested or (form and "(?P<account>" in getattr(form.pattern, "pattern", form.pattern)):
                found.add(name)
        return found

    declared = {(role, name) for role in ROLES for name in named(component_class(role).OPTIONS)}

    assert declared == {(role, option) for role, option, _path, _arn in ARNS}


def test_an_account_is_asked_for_only_if_something_names_one() -> None:
    asked = []

    class Account(Silent):
        @property
        def account_id(self) -> str:  # type: ignore[override]
            asked.append("GetCallerIdentity")
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "GetCallerIdentity")

    for policy in ("arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess", POLICY.format(OTHER)):
        made = component(component_class("security"), Account(), role_policies={"worker": [policy]})
        # Whoever may not ask is not refused.
        assert list(made.account_faults()) == []
    assert asked == ["GetCallerIdentity"]
