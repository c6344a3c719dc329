# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How EC2's resources bear with an EC2 that does not know them everywhere yet, and name what holds them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from fake_aws import each_time, refusal

from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.engine import ApplyError, Engine, Step
from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.shared import SharedAnswers
from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.tags import ownership_tags
from ansible_collections.sm2a.airflow.plugins.module_utils._resources.vpc import (
    ElasticIp,
    InternetGateway,
    RouteTable,
    Subnet,
    Vpc,
)


class Ec2:
    """Answers each operation with the next of its answers, the last one for ever; exceptions are raised."""

    def __init__(self, **answers: list[Any]) -> None:
        self.answers = answers
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def __getattr__(self, operation: str) -> Any:
        def call(**arguments: Any) -> Any:
            self.calls.append((operation, arguments))
            answers = self.answers[operation]
            answer = answers.pop(0) if len(answers) > 1 else answers[0]
            if isinstance(answer, Exception):
                raise answer
            return answer

        return call

    def pages(self, operation: str, result: str, **arguments: Any) -> Any:
        return getattr(self, operation)(**arguments)[result]

    def called(self, operation: str) -> list[dict[str, Any]]:
        return [arguments for name, arguments in self.calls if name == operation]


def aws(ec2: Ec2) -> Any:
    return SimpleNamespace(
        client=lambda _service: ec2,
        check_mode=False,
        region="eu-central-1",
        once=each_time,
        forget_answers=lambda: None,
    )


def tags(name: str) -> dict[str, str]:
    return {**ownership_tags("test", "network"), "Name": name}


def tag_list(name: str) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags(name).items()]


@pytest.fixture
def vpc() -> Vpc:
    found = Vpc(aws(Ec2()), "vpc", tags("vpc"), "10.0.0.0/16")
    found.id = "vpc-1"
    return found


def subnet(ec2: Ec2, vpc: Vpc) -> Subnet:
    return Subnet(aws(ec2), "subnet", tags("subnet"), vpc, "10.0.0.0/24", "eu-central-1a")


SUBNET = {
    "SubnetId": "subnet-1",
    "VpcId": "vpc-1",
    "CidrBlock": "10.0.0.0/24",
    "AvailabilityZone": "eu-central-1a",
    "Tags": tag_list("subnet"),
}


class TestJustCreated:
    """What was just created may be unknown for a while."""

    def test_a_vpc_that_is_not_known_yet_is_asked_for_again(self, vpc: Vpc, clock: SimpleNamespace) -> None:
        ec2 = Ec2(
            describe_subnets=[{"Subnets": []}, {"Subnets": []}, {"Subnets": [SUBNET]}],
            create_subnet=[refusal("InvalidVpcID.NotFound"), refusal("InvalidVpcID.NotFound"), {"Subnet": SUBNET}],
        )
        wanted = subnet(ec2, vpc)

        steps = Engine("test", check_mode=False).apply([wanted])

        assert (steps[0].action, wanted.id) == ("create", "subnet-1")
        # Once to find it, and then until the new subnet is visible to those that ask next.
        assert len(ec2.called("describe_subnets")) == 3

    def test_what_stays_unknown_fails_after_the_time_that_aws_advises(self, vpc: Vpc, clock: SimpleNamespace) -> None:
        ec2 = Ec2(describe_subnets=[{"Subnets": []}], create_subnet=[refusal("InvalidVpcID.NotFound")])

        with pytest.raises(ApplyError, match=r"InvalidVpcID\.NotFound"):
            Engine("test", check_mode=False).apply([subnet(ec2, vpc)])

        assert 300 <= clock.now < 310

    def test_another_refusal_is_not_repeated(self, vpc: Vpc, clock: SimpleNamespace) -> None:
        ec2 = Ec2(describe_subnets=[{"Subnets": []}], create_subnet=[refusal("InvalidSubnet.Range")])

        with pytest.raises(ApplyError, match=r"InvalidSubnet\.Range"):
            Engine("test", check_mode=False).apply([subnet(ec2, vpc)])

        assert len(ec2.called("create_subnet")) == 1 and clock.now == 0

    def test_an_attachment_whose_answer_was_lost_is_taken_for_done(self, vpc: Vpc, clock: SimpleNamespace) -> None:
        gateway = {"InternetGatewayId": "igw-1", "Tags": tag_list("internet")}
        attached = {**gateway, "Attachments": [{"VpcId": "vpc-1"}]}
        ec2 = Ec2(
            describe_internet_gateways=[{"InternetGateways": [gateway]}, {"InternetGateways": [attached]}],
            attach_internet_gateway=[refusal("Resource.AlreadyAssociated")],
        )

        steps = Engine("test", check_mode=False).apply([InternetGateway(aws(ec2), "internet", tags("internet"), vpc)])

        assert [step.action for step in steps] == ["update"]


def named(item: dict[str, Any], **changes: str | None) -> dict[str, Any]:
    """Return an answer of EC2's with other tags; None takes one off."""
    have = {**tags("subnet"), "sm2a:name": "subnet", **changes}
    return {**item, "Tags": [{"Key": key, "Value": value} for key, value in have.items() if value is not None]}


class TestIdentity:
    """What is ours is told by a tag that nobody edits, and nothing is made a second time."""

    def apply(self, vpc: Vpc, *found: dict[str, Any], **more: Any) -> tuple[Step, Ec2]:
        ec2 = Ec2(describe_subnets=[{"Subnets": list(found)}], create_tags=[{}], **more)
        wanted = Subnet(
            aws(ec2), "subnet", {**tags("subnet"), "sm2a:name": "subnet"}, vpc, "10.0.0.0/24", "eu-central-1a"
        )
        [step] = Engine("test", check_mode=False).apply([wanted])
        return step, ec2

    def test_what_was_renamed_gets_its_name_back(self, vpc: Vpc) -> None:
        step, _ec2 = self.apply(vpc, named(SUBNET, Name="the left one"))

        assert (step.action, step.before["tags"]["Name"], step.after["tags"]["Name"]) == (
            "update",
            "the left one",
            "subnet",
        )

    @pytest.mark.parametrize("lost", [{"sm2a:component": None}, {"sm2a:name": None}, {"sm2a:component": "other"}])
    def test_a_tag_that_was_taken_off_comes_back(self, vpc: Vpc, lost: dict[str, str | None]) -> None:
        step, ec2 = self.apply(vpc, named(SUBNET, **lost))

        assert step.action == "update" and list(step.before) == ["tags"]
        assert len(ec2.called("create_tags")) == 1

    def test_what_an_earlier_release_made_gets_its_name(self, vpc: Vpc) -> None:
        step, _ec2 = self.apply(vpc, SUBNET)

        assert (step.action, step.before["tags"]["sm2a:name"], step.after["tags"]["sm2a:name"]) == (
            "update",
            None,
            "subnet",
        )

    def test_another_of_that_name_is_left_alone(self, vpc: Vpc) -> None:
        theirs = named({**SUBNET, "SubnetId": "subnet-2"}, **{"sm2a:environment": "other"})
        further = named({**SUBNET, "SubnetId": "subnet-3"}, **{"sm2a:name": "other", "Name": "subnet"})

        step, ec2 = self.apply(vpc, theirs, named(SUBNET), further)

        assert step.action == "none" and step.resource.id == "subnet-1" and ec2.called("create_tags") == []

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"sm2a:environment": None}, "its tag sm2a:environment is None"),
            ({"sm2a:name": None, "Name": "the left one"}, "give it the tag sm2a:name"),
            ({"sm2a:name": None, "Name": None}, "give it the tag sm2a:name"),
        ],
    )
    def test_what_cannot_be_told_is_refused_and_not_made_again(
        self, vpc: Vpc, changes: dict[str, str | None], message: str
    ) -> None:
        with pytest.raises(ApplyError, match=message):
            self.apply(vpc, named(SUBNET, **changes))

    def test_the_id_of_what_cannot_be_told_is_named(self, vpc: Vpc) -> None:
        with pytest.raises(ApplyError, match="subnet-1"):
            self.apply(vpc, named(SUBNET, **{"sm2a:name": None, "Name": None}))


class TestStrays:
    """A second one, of a call whose answer was lost, goes; one that is in use does not."""

    def address(self, number: int, **more: str) -> dict[str, Any]:
        return {**named({}, Name="address", **{"sm2a:name": "address"}), "AllocationId": f"eipalloc-{number}", **more}

    def apply(self, *found: dict[str, Any], check: bool = False) -> tuple[Step, Ec2]:
        left = {"Addresses": list(found[1:])}
        ec2 = Ec2(describe_addresses=[{"Addresses": list(found)}, left], release_address=[{}])
        wanted = ElasticIp(aws(ec2), "address", {**tags("address"), "sm2a:name": "address"})
        [step] = Engine("test", check_mode=check).apply([wanted])
        return step, ec2

    @pytest.mark.parametrize(
        "used", [{"AssociationId": "eipassoc-1"}, {"AssociationId": "eipassoc-1", "NetworkInterfaceId": "eni-1"}]
    )
    def test_the_one_in_use_stays(self, used: dict[str, str]) -> None:
        step, ec2 = self.apply(self.address(1), self.address(2, **used))

        assert (step.before, step.after) == ({"strays": ["eipalloc-1"]}, {"strays": []})
        assert ec2.called("release_address") == [{"AllocationId": "eipalloc-1"}] and step.resource.id == "eipalloc-2"

    def test_a_plan_shows_them(self) -> None:
        step, ec2 = self.apply(self.address(1), self.address(2), check=True)

        assert step.before == {"strays": ["eipalloc-2"]} and ec2.called("release_address") == []

    def test_two_in_use_are_for_people_to_tell_apart(self) -> None:
        with pytest.raises(ApplyError, match=r"exists 2 times \(eipalloc-1, eipalloc-2\)"):
            self.apply(self.address(1, AssociationId="a"), self.address(2, AssociationId="b"))

    def test_a_second_one_that_botocore_made_goes_at_once(self) -> None:
        ec2 = Ec2(
            describe_addresses=[
                {"Addresses": []},
                {"Addresses": []},
                {"Addresses": [self.address(1), self.address(2)]},
            ],
            allocate_address=[{"AllocationId": "eipalloc-2"}],
            release_address=[{}],
        )
        wanted = ElasticIp(aws(ec2), "address", {**tags("address"), "sm2a:name": "address"})

        Engine("test", check_mode=False).apply([wanted])

        assert ec2.called("release_address") == [{"AllocationId": "eipalloc-1"}] and wanted.id == "eipalloc-2"

    def test_a_vpc_with_subnets_stays(self, vpc: Vpc) -> None:
        found = [
            {**named({}, Name="vpc", **{"sm2a:name": "vpc"}), "VpcId": f"vpc-{number}", "CidrBlock": "10.0.0.0/16"}
            for number in (1, 2)
        ]
        ec2 = Ec2(
            describe_vpcs=[{"Vpcs": found}, {"Vpcs": found[1:]}],
            describe_subnets=[{"Subnets": [{"VpcId": "vpc-2"}]}],
            describe_vpc_attribute=[{"EnableDnsSupport": {"Value": True}, "EnableDnsHostnames": {"Value": True}}],
            delete_vpc=[{}],
        )
        vpc.aws = aws(ec2)

        Engine("test", check_mode=False).apply([vpc])

        assert ec2.called("delete_vpc") == [{"VpcId": "vpc-1"}] and vpc.id == "vpc-2"


class TestTogether:
    """What the environment has of a kind is read by one call, and anew after a write."""

    @staticmethod
    def subnets(ec2: Ec2, vpc: Vpc) -> list[Subnet]:
        account = aws(ec2)
        account.once = SharedAnswers().once
        return [Subnet(account, name, tags(name), vpc, "10.0.0.0/24", "eu-central-1a") for name in ("subnet", "other")]

    def test_subnets_are_found_in_one_answer(self, vpc: Vpc) -> None:
        other = {**SUBNET, "SubnetId": "subnet-2", "Tags": tag_list("other")}
        ec2 = Ec2(describe_subnets=[{"Subnets": [SUBNET, other]}])

        one, two = self.subnets(ec2, vpc)
        steps = Engine("test", check_mode=False).apply([one, two])

        assert [step.action for step in steps] == ["none", "none"] and (one.id, two.id) == ("subnet-1", "subnet-2")
        assert sorted(Subnet.existing(one.aws, one.tags)) == ["other", "subnet"]
        assert len(ec2.called("describe_subnets")) == 1

    def test_what_is_waited_for_is_read_each_time(self, vpc: Vpc, clock: SimpleNamespace) -> None:
        ec2 = Ec2(
            describe_subnets=[{"Subnets": []}, {"Subnets": []}, {"Subnets": [SUBNET]}],
            create_subnet=[{"Subnet": SUBNET}],
        )

        [step] = Engine("test", check_mode=False).apply(self.subnets(ec2, vpc)[:1])

        assert step.action == "create" and len(ec2.called("describe_subnets")) == 3


class TestRoutes:
    """A route table leads where it should, whoever was there first."""

    def table(self, ec2: Ec2, vpc: Vpc, gateway: InternetGateway | None) -> RouteTable:
        return RouteTable(aws(ec2), "table", tags("table"), vpc, [], gateway)

    def found(self, **target: str) -> dict[str, Any]:
        route = [{"DestinationCidrBlock": "0.0.0.0/0", **target}] if target else []
        return {
            "RouteTables": [{"RouteTableId": "rtb-1", "VpcId": "vpc-1", "Routes": route, "Tags": tag_list("table")}]
        }

    def gateway(self, vpc: Vpc) -> InternetGateway:
        gateway = InternetGateway(aws(Ec2()), "internet", tags("internet"), vpc)
        gateway.id = "igw-1"
        return gateway

    def test_a_route_that_exists_already_is_replaced(self, vpc: Vpc, clock: SimpleNamespace) -> None:
        ec2 = Ec2(
            describe_route_tables=[self.found()],
            create_route=[refusal("RouteAlreadyExists")],
            replace_route=[{}],
        )

        Engine("test", check_mode=False).apply([self.table(ec2, vpc, self.gateway(vpc))])

        assert ec2.called("replace_route") == [
            {"RouteTableId": "rtb-1", "DestinationCidrBlock": "0.0.0.0/0", "GatewayId": "igw-1"}
        ]

    def test_a_route_that_is_gone_meanwhile_is_made_at_once(self, vpc: Vpc, clock: SimpleNamespace) -> None:
        ec2 = Ec2(
            describe_route_tables=[self.found(NatGatewayId="nat-1")],
            replace_route=[refusal("InvalidRoute.NotFound")],
            create_route=[{}],
        )

        Engine("test", check_mode=False).apply([self.table(ec2, vpc, self.gateway(vpc))])

        assert len(ec2.called("create_route")) == 1 and clock.now == 0

    @pytest.mark.parametrize(
        ("destination", "target", "left"),
        [
            ({"DestinationCidrBlock": "0.0.0.0/1"}, {"GatewayId": "igw-1"}, False),
            ({"DestinationCidrBlock": "198.51.100.0/24"}, {"NatGatewayId": "nat-9"}, False),
            ({"DestinationCidrBlock": "10.0.9.0/24"}, {"NetworkInterfaceId": "eni-1"}, False),
            ({"DestinationIpv6CidrBlock": "::/0"}, {"EgressOnlyInternetGatewayId": "eigw-1"}, False),
            ({"DestinationPrefixListId": "pl-1"}, {"GatewayId": "igw-1"}, False),
            ({"DestinationPrefixListId": "pl-1"}, {"GatewayId": "vpce-1"}, True),
            ({"DestinationCidrBlock": "10.0.0.0/16"}, {"GatewayId": "local"}, True),
            ({"DestinationCidrBlock": "10.1.0.0/16"}, {"VpcPeeringConnectionId": "pcx-1"}, True),
            ({"DestinationCidrBlock": "10.2.0.0/16"}, {"TransitGatewayId": "tgw-1"}, True),
            ({"DestinationCidrBlock": "10.3.0.0/16"}, {"GatewayId": "vgw-1"}, True),
            ({"DestinationCidrBlock": "10.4.0.0/16"}, {"CoreNetworkArn": "arn:aws:networkmanager::1:core"}, True),
        ],
    )
    def test_foreign_routes_go_but_not_those_to_the_users_own_networks(
        self, vpc: Vpc, destination: dict[str, str], target: dict[str, str], left: bool
    ) -> None:
        found = self.found()
        found["RouteTables"][0]["Routes"] = [{**destination, **target}]
        ec2 = Ec2(describe_route_tables=[found], delete_route=[{}])

        [step] = Engine("test", check_mode=False).apply([self.table(ec2, vpc, None)])

        assert step.action == ("none" if left else "update")
        assert (
            "delete_route" not in dict(ec2.calls)
            if left
            else ec2.called("delete_route") == [{"RouteTableId": "rtb-1", **destination}]
        )

    def test_a_route_to_anything_else_is_led_back(self, vpc: Vpc, clock: SimpleNamespace) -> None:
        ec2 = Ec2(describe_route_tables=[self.found(TransitGatewayId="tgw-1")], replace_route=[{}])

        [step] = Engine("test", check_mode=False).apply([self.table(ec2, vpc, self.gateway(vpc))])

        assert (step.before, step.after) == ({"default_route": "tgw-1"}, {"default_route": "igw-1"})

    def test_without_a_nat_gateway_a_way_out_of_the_users_own_stays(self, vpc: Vpc, clock: SimpleNamespace) -> None:
        ec2 = Ec2(describe_route_tables=[self.found(TransitGatewayId="tgw-1")])

        [step] = Engine("test", check_mode=False).apply([self.table(ec2, vpc, None)])

        assert step.action == "none"

    def test_without_a_nat_gateway_a_route_to_one_goes(self, vpc: Vpc, clock: SimpleNamespace) -> None:
        ec2 = Ec2(describe_route_tables=[self.found(NatGatewayId="nat-1")], delete_route=[{}])

        [step] = Engine("test", check_mode=False).apply([self.table(ec2, vpc, None)])

        assert step.action == "update" and len(ec2.called("delete_route")) == 1


def test_a_subnet_that_gives_public_addresses_is_shown_and_stops(vpc: Vpc) -> None:
    ec2 = Ec2(describe_subnets=[{"Subnets": [{**SUBNET, "MapPublicIpOnLaunch": True}]}], modify_subnet_attribute=[{}])

    [step] = Engine("test", check_mode=False).apply([subnet(ec2, vpc)])

    assert (step.before, step.after) == ({"public_addresses": True}, {"public_addresses": False})
    assert ec2.called("modify_subnet_attribute") == [{"SubnetId": "subnet-1", "MapPublicIpOnLaunch": {"Value": False}}]


def test_an_association_that_is_gone_meanwhile_is_made_at_once(vpc: Vpc, clock: SimpleNamespace) -> None:
    theirs = {"SubnetId": "subnet-1", "RouteTableId": "rtb-9", "RouteTableAssociationId": "rtbassoc-9"}
    ours = {"RouteTableId": "rtb-1", "VpcId": "vpc-1", "Tags": tag_list("table")}
    ec2 = Ec2(
        describe_route_tables=[{"RouteTables": [ours]}, {"RouteTables": [{**ours, "Associations": [theirs]}]}],
        associate_route_table=[refusal("Resource.AlreadyAssociated"), {}],
        replace_route_table_association=[refusal("InvalidAssociationID.NotFound")],
    )
    one = subnet(ec2, vpc)
    one.id = "subnet-1"

    Engine("test", check_mode=False).apply([RouteTable(aws(ec2), "table", tags("table"), vpc, [one], None)])

    assert len(ec2.called("associate_route_table")) == 2 and clock.now == 0


class TestDeletion:
    """What is gone already is gone, and what cannot go says why."""

    @pytest.mark.parametrize("code", ["InvalidSubnetID.NotFound", "InvalidSubnetId.NotFound"])
    def test_what_is_gone_already_is_deleted(self, vpc: Vpc, clock: SimpleNamespace, code: str) -> None:
        ec2 = Ec2(describe_subnets=[{"Subnets": [SUBNET]}], delete_subnet=[refusal(code)])

        [step] = Engine("test", check_mode=False).remove([subnet(ec2, vpc)])

        assert step.action == "delete"

    def test_a_gateway_that_somebody_detached_is_deleted(self, vpc: Vpc, clock: SimpleNamespace) -> None:
        gateway = {"InternetGatewayId": "igw-1", "Attachments": [{"VpcId": "vpc-1"}], "Tags": tag_list("internet")}
        ec2 = Ec2(
            describe_internet_gateways=[{"InternetGateways": [gateway]}],
            detach_internet_gateway=[refusal("Gateway.NotAttached")],
            delete_internet_gateway=[{}],
        )

        Engine("test", check_mode=False).remove([InternetGateway(aws(ec2), "internet", tags("internet"), vpc)])

        assert len(ec2.called("delete_internet_gateway")) == 1

    def test_what_lets_go_in_time_is_waited_for(self, vpc: Vpc, clock: SimpleNamespace) -> None:
        ec2 = Ec2(
            describe_subnets=[{"Subnets": [SUBNET]}],
            delete_subnet=[*[refusal("DependencyViolation")] * 20, {}],
        )

        [step] = Engine("test", check_mode=False).remove([subnet(ec2, vpc)])

        assert step.action == "delete" and 60 < clock.now < 600

    def test_who_still_uses_a_subnet_is_named(self, vpc: Vpc, clock: SimpleNamespace) -> None:
        interface = {"NetworkInterfaceId": "eni-1", "Description": "ELB app/other/50dc6c495c0c9188"}
        ec2 = Ec2(
            describe_subnets=[{"Subnets": [SUBNET]}],
            delete_subnet=[refusal("DependencyViolation")],
            describe_network_interfaces=[{"NetworkInterfaces": [interface]}],
        )

        with pytest.raises(ApplyError) as caught:
            Engine("test", check_mode=False).remove([subnet(ec2, vpc)])

        assert "gave up after 600 seconds of waiting until" in str(caught.value)
        assert "still used by network interface eni-1 (ELB app/other/50dc6c495c0c9188)" in str(caught.value)
        assert ec2.called("describe_network_interfaces")[0]["Filters"] == [
            {"Name": "subnet-id", "Values": ["subnet-1"]}
        ]

    def test_what_holds_a_vpc_is_named_but_not_without_end(self, vpc: Vpc, clock: SimpleNamespace) -> None:
        found = {"VpcId": "vpc-1", "CidrBlock": "10.0.0.0/16", "Tags": tag_list("vpc")}
        ec2 = Ec2(
            describe_vpcs=[{"Vpcs": [found]}],
            describe_vpc_attribute=[{"EnableDnsSupport": {"Value": True}, "EnableDnsHostnames": {"Value": True}}],
            delete_vpc=[refusal("DependencyViolation")],
            describe_network_interfaces=[{"NetworkInterfaces": []}],
            describe_subnets=[{"Subnets": [{"SubnetId": f"subnet-{number}"} for number in range(6)]}],
            describe_security_groups=[{"SecurityGroups": [{"GroupId": "sg-0", "GroupName": "default"}]}],
            describe_vpc_endpoints=[{"VpcEndpoints": [{"VpcEndpointId": "vpce-1", "ServiceName": "s3"}]}],
        )
        vpc.aws = aws(ec2)

        with pytest.raises(ApplyError) as caught:
            Engine("test", check_mode=False).remove([vpc])

        assert "used by subnet subnet-0, subnet subnet-1" in str(caught.value) and "and 2 more" in str(caught.value)
        assert "default" not in str(caught.value)
