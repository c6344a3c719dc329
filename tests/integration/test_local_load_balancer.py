# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The load balancer of the local AWS: what our module makes answers as Elastic Load Balancing would."""

from __future__ import annotations

import http.server
import json
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import authority
import pytest
import requests
from cryptography import x509
from emulators import Account, Emulator, Vpc, started
from requests.adapters import HTTPAdapter

# Each of the processes among which pytest-xdist shares the tests has ports of its own.
OFFSET = 20000 + 1000 * int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
DOMAIN = "airflow.example.com"


class Target:
    """A program behind the load balancer: it tells what it was asked, and fails its health checks when told to."""

    def __init__(self, address: str) -> None:
        self.healthy = True
        self.seconds = 0.0
        target = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                time.sleep(target.seconds)
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                told = {"target": address, "headers": dict(self.headers), "path": self.path, "body": body.decode()}
                content = json.dumps(told).encode()
                self.send_response(200 if target.healthy or not self.path.startswith("/api/v2/version") else 500)
                self.send_header("Content-Length", str(len(content)))
                self.send_header("Set-Cookie", "own=1")
                self.end_headers()
                self.wfile.write(content)

            do_POST = do_GET

            def log_message(self, *_arguments: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer((address, 0), Handler)
        self.address = {"Id": address, "Port": self.server.server_port}
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


class ByName(HTTPAdapter):
    """Asks this machine for a host of the domain, as DNS would have it."""

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, server_hostname=DOMAIN, assert_hostname=DOMAIN, **options)


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """MiniStack with load balancers that answer."""
    with started("ministack", tmp_path_factory.mktemp("local"), SM2A_LOCAL_PORT_OFFSET=str(OFFSET)) as running:
        yield running


@pytest.fixture
def account(local: Emulator) -> Account:
    """An empty account."""
    local.reset()
    return Account(local)


@pytest.fixture
def options(account: Account, vpc: Vpc) -> dict[str, Any]:
    """A load balancer with HTTPS for a domain in a hosted zone, which everybody may call."""
    let_in(account, vpc, "0.0.0.0/0")
    return {
        "vpc_id": vpc.id,
        "subnet_ids": vpc.subnet_ids,
        "security_group_ids": [vpc.security_group_id],
        "domain_name": DOMAIN,
        "hosted_zone_id": account.emulator.hosted_zone(),
    }


@pytest.fixture
def targets() -> Iterator[list[Target]]:
    """Two programs."""
    made = [Target("127.0.0.1"), Target("127.0.0.2")]
    yield made
    for target in made:
        target.server.shutdown()


@pytest.fixture
def browser() -> requests.Session:
    """A client that trusts the local AWS's authority and knows the domain's address."""
    session = requests.Session()
    session.mount("https://", ByName())
    session.headers["Host"] = DOMAIN
    # Neither a proxy nor the authorities of the network are for this machine.
    session.trust_env = False
    session.verify = str(authority.CERTIFICATE)
    return session


def let_in(account: Account, vpc: Vpc, *cidrs: str) -> None:
    """Let these networks and no others call the load balancer."""
    ec2 = account.client("ec2")
    [group] = ec2.describe_security_groups(GroupIds=[vpc.security_group_id])["SecurityGroups"]
    if group["IpPermissions"]:
        ec2.revoke_security_group_ingress(GroupId=group["GroupId"], IpPermissions=group["IpPermissions"])
    ranges = [{"CidrIp": cidr} for cidr in cidrs]
    rules = [{"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": ranges} for port in (80, 443)]
    ec2.authorize_security_group_ingress(GroupId=group["GroupId"], IpPermissions=rules)


def connects(source: str, port: int = 443) -> bool:
    """Tell whether somebody who calls from an address of this machine gets an answer."""
    try:
        with socket.create_connection(("127.0.0.1", port + OFFSET), 2, (source, 0)) as connection:
            if port == 443:
                context = ssl.create_default_context(cafile=str(authority.CERTIFICATE))
                return bool(context.wrap_socket(connection, server_hostname=DOMAIN).version())
            connection.sendall(f"GET / HTTP/1.1\r\nHost: {DOMAIN}\r\n\r\n".encode())
            return connection.recv(1) == b"H"
    except OSError:
        return False


def made(account: Account, options: dict[str, Any], targets: list[Target]) -> dict[str, Any]:
    """Run the module, register the targets, and return the module's facts once the port answers."""
    result = account.run("load_balancer", **options)
    assert not result.get("failed"), result.get("msg")
    facts: dict[str, Any] = result["load_balancer"]
    elbv2 = account.client("elbv2")
    elbv2.modify_target_group(
        TargetGroupArn=facts["target_group_arn"], HealthCheckIntervalSeconds=5, HealthyThresholdCount=2
    )
    elbv2.register_targets(TargetGroupArn=facts["target_group_arn"], Targets=[target.address for target in targets])
    eventually(lambda: states(account, facts) == ["healthy"] * len(targets))
    return facts


def states(account: Account, facts: dict[str, Any]) -> list[str]:
    health = account.client("elbv2").describe_target_health(TargetGroupArn=facts["target_group_arn"])
    return [target["TargetHealth"]["State"] for target in health["TargetHealthDescriptions"]]


def eventually(happened: Callable[[], bool], seconds: float = 40) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def address(path: str, port: int = 443) -> str:
    return f"{'https' if port == 443 else 'http'}://127.0.0.1:{port + OFFSET}{path}"


def test_https_is_the_domains_and_plain_http_leads_to_it(
    account: Account, options: dict[str, Any], targets: list[Target], browser: requests.Session
) -> None:
    made(account, options, targets)

    answer = browser.post(address("/a%2Fb?c=d%20e"), data="content", headers={"X-Forwarded-For": "6.6.6.6", "a_b": "c"})
    told = answer.json()

    assert told["path"] == "/a%2Fb?c=d%20e" and told["body"] == "content"
    headers = {name.lower(): value for name, value in told["headers"].items()}
    assert headers["host"] == DOMAIN
    # In append mode the load balancer's own word comes last.
    assert headers["x-forwarded-for"] == "6.6.6.6, 127.0.0.1"
    assert (headers["x-forwarded-proto"], headers["x-forwarded-port"]) == ("https", "443")
    assert "a_b" not in headers
    moved = browser.get(address("/login?next=x", 80), allow_redirects=False)
    assert (moved.status_code, moved.headers["Location"]) == (
        301,
        f"https://{DOMAIN}:{443 + OFFSET}/login?next=x",
    )
    assert browser.get(moved.headers["Location"].replace(DOMAIN, "127.0.0.1")).json()["path"] == "/login?next=x"
    for path in ("/execution", "/execution/task-instances/1/run"):
        assert browser.post(address(path)).status_code == 403
    with pytest.raises(requests.exceptions.SSLError):
        requests.get(address("/"), headers={"Host": DOMAIN}, timeout=10)


def test_a_browser_stays_with_its_server(
    account: Account, options: dict[str, Any], targets: list[Target], browser: requests.Session
) -> None:
    made(account, options, targets)

    alone = {fresh(browser).get(address("/")).json()["target"] for _time in range(4)}
    together = set()
    cookie = ""
    for _time in range(4):
        answer = browser.get(address("/"), headers={"Cookie": cookie})
        cookie = "; ".join(f"{name}={value}" for name, value in answer.cookies.items())
        together.add(answer.json()["target"])

    assert len(alone) == 2
    assert len(together) == 1
    assert {"AWSALB", "AWSALBCORS", "own"} == {part.partition("=")[0] for part in cookie.split("; ")}


def fresh(browser: requests.Session) -> requests.Session:
    """Return a browser that was never here."""
    browser.cookies.clear()
    return browser


def test_a_target_that_fails_its_checks_gets_nothing(
    account: Account, options: dict[str, Any], targets: list[Target], browser: requests.Session
) -> None:
    facts = made(account, options, targets)
    targets[0].healthy = False
    eventually(lambda: "unhealthy" in states(account, facts))

    assert {fresh(browser).get(address("/")).json()["target"] for _time in range(6)} == {"127.0.0.2"}
    # With nobody left that passes, everybody is asked.
    targets[1].healthy = False
    eventually(lambda: states(account, facts) == ["unhealthy"] * 2)
    assert len({fresh(browser).get(address("/")).json()["target"] for _time in range(6)}) == 2


@pytest.mark.parametrize(("seconds", "status"), [(0.0, 200), (3.0, 504)])
def test_a_target_that_says_nothing_is_given_up(
    seconds: float,
    status: int,
    account: Account,
    options: dict[str, Any],
    targets: list[Target],
    browser: requests.Session,
) -> None:
    made(account, {**options, "idle_timeout": 1}, targets)
    for target in targets:
        target.seconds = seconds

    assert browser.get(address("/")).status_code == status


def test_a_dead_target_is_a_bad_gateway(
    account: Account, options: dict[str, Any], targets: list[Target], browser: requests.Session
) -> None:
    made(account, options, targets[:1])
    targets[0].server.server_close()

    assert browser.get(address("/")).status_code == 502


@pytest.mark.parametrize(
    ("policy", "refused"),
    [("ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09", None), ("ELBSecurityPolicy-TLS13-1-3-PQ-2025-09", "TLSv1_2")],
)
def test_the_policy_says_which_tls(
    policy: str, refused: str | None, account: Account, options: dict[str, Any], targets: list[Target]
) -> None:
    made(account, {**options, "ssl_policy": policy}, targets)

    for version in ("TLSv1_2", "TLSv1_3"):
        context = ssl.create_default_context(cafile=str(authority.CERTIFICATE))
        context.minimum_version = context.maximum_version = ssl.TLSVersion[version]
        with socket.create_connection(("127.0.0.1", 443 + OFFSET)) as connection:
            if version == refused:
                with pytest.raises(ssl.SSLError):
                    context.wrap_socket(connection, server_hostname=DOMAIN)
            else:
                context.wrap_socket(connection, server_hostname=DOMAIN).close()


def test_only_those_whom_its_security_groups_name_get_a_connection(
    account: Account, options: dict[str, Any], vpc: Vpc, targets: list[Target], browser: requests.Session
) -> None:
    made(account, options, targets)
    session = fresh(browser)
    assert session.get(address("/")).ok

    let_in(account, vpc, "203.0.113.0/24", "127.0.0.2/32")
    eventually(lambda: not connects("127.0.0.1"))
    assert not connects("127.0.0.1", 80)
    assert connects("127.0.0.2") and connects("127.0.0.2", 80)
    # Security groups look at the beginning of a connection.
    assert session.get(address("/")).ok

    let_in(account, vpc, "127.0.0.0/31")
    eventually(lambda: connects("127.0.0.1"))
    assert not connects("127.0.0.2")


def test_a_load_balancer_that_is_made_closed_is_closed_from_the_beginning(
    account: Account, options: dict[str, Any], vpc: Vpc, targets: list[Target]
) -> None:
    let_in(account, vpc, "203.0.113.0/24")
    made(account, options, targets)

    assert not connects("127.0.0.1") and not connects("127.0.0.1", 80)


def test_ports_close_with_their_listeners(account: Account, options: dict[str, Any], targets: list[Target]) -> None:
    made(account, options, targets)
    assert account.run("load_balancer", state="absent", **options)["changed"]

    def closed(port: int) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port + OFFSET)) != 0

    eventually(lambda: closed(80) and closed(443), 5)


def test_a_certificate_is_issued_once_its_record_is_there(account: Account, options: dict[str, Any]) -> None:
    acm = account.client("acm")
    arn = acm.request_certificate(DomainName=DOMAIN, ValidationMethod="DNS", IdempotencyToken="a")["CertificateArn"]
    assert acm.request_certificate(DomainName=DOMAIN, IdempotencyToken="a")["CertificateArn"] == arn
    first, later = (acm.describe_certificate(CertificateArn=arn)["Certificate"] for _time in range(2))
    assert "ResourceRecord" not in first["DomainValidationOptions"][0]
    record = later["DomainValidationOptions"][0]["ResourceRecord"]
    assert later["Status"] == "PENDING_VALIDATION"
    refused = account.run("load_balancer", **{**options, "hosted_zone_id": None, "certificate_arn": arn})
    assert refused["failed"] and "must have a valid status" in refused["msg"]

    change = {"Name": record["Name"], "Type": "CNAME", "TTL": 60, "ResourceRecords": [{"Value": record["Value"]}]}
    account.client("route53").change_resource_record_sets(
        HostedZoneId=options["hosted_zone_id"],
        ChangeBatch={"Changes": [{"Action": "CREATE", "ResourceRecordSet": change}]},
    )

    assert acm.describe_certificate(CertificateArn=arn)["Certificate"]["Status"] == "ISSUED"
    issued = x509.load_pem_x509_certificate(acm.get_certificate(CertificateArn=arn)["Certificate"].encode())
    issued.verify_directly_issued_by(x509.load_pem_x509_certificate(authority.CERTIFICATE.read_bytes()))
