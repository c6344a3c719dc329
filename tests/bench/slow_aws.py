# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Serves MiniStack without containers, and lets what takes minutes on AWS take them here too, scaled down.

Usage: slow_aws.py PORT SCALE

Answers pass through here on their way to the client. Until the time of a resource has passed, counted from the first
answer that knows it, they say what AWS says meanwhile: a database is ``creating`` and has no endpoint, a NAT gateway
is ``pending``. What AWS refuses then is refused here as well, so that a wrong order fails and is not merely fast.
A one-off task, for which MiniStack needs Docker, has ended well when somebody looks at it.
"""

from __future__ import annotations

import json
import re
import sys
import time
import urllib.parse
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

# Seconds on AWS.
SECONDS = {
    "database": 420.0,
    "nat_gateway": 150.0,
    "load_balancer": 180.0,
    "certificate": 120.0,
    "endpoint": 60.0,
    "service": 90.0,
}
Asgi = Callable[[dict[str, Any], Callable[[], Awaitable[Any]], Callable[[Any], Awaitable[None]]], Awaitable[None]]


class Clock:
    """Knows what is still being created."""

    def __init__(self, scale: float) -> None:
        self._scale = scale
        self._first_seen: dict[str, float] = {}

    def creating(self, kind: str, identity: str) -> bool:
        """Tell whether a resource's time has not passed yet; it begins with the first question."""
        begun = self._first_seen.setdefault(f"{kind} {identity}", time.monotonic())
        return time.monotonic() - begun < SECONDS[kind] * self._scale

    def known_and_creating(self, kind: str, identity: str) -> bool:
        """Tell the same, and False of what no answer has told of."""
        return f"{kind} {identity}" in self._first_seen and self.creating(kind, identity)


class Answers:
    """Rewrites answers."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def of_queries(self, content: bytes) -> bytes:
        """Rewrite an answer of EC2, RDS or Elastic Load Balancing, which speak XML."""
        operation = re.search(rb"<(\w+)Response[ >]", content[:400])
        if not operation or operation[1].decode() not in self.XML:
            return content
        root = ElementTree.fromstring(content)
        for element in root.iter():
            element.tag = element.tag.rpartition("}")[2]
        self.XML[operation[1].decode()](self, root)
        return ElementTree.tostring(root)

    def of_targets(self, operation: str, content: bytes) -> bytes:
        """Rewrite an answer of ACM or ECS, which speak JSON."""
        rewrite = self.JSON.get(operation)
        if rewrite is None:
            return content
        answer = json.loads(content)
        rewrite(self, answer)
        return json.dumps(answer).encode()

    def _nat_gateways(self, root: ElementTree.Element) -> None:
        for gateway, identity in _with(root, "natGatewayId"):
            state = gateway.find("state")
            if state is not None and state.text == "available" and self._clock.creating("nat_gateway", identity):
                state.text = "pending"

    def _endpoints(self, root: ElementTree.Element) -> None:
        for endpoint, identity in _with(root, "vpcEndpointId"):
            state, kind = endpoint.find("state"), endpoint.findtext("vpcEndpointType")
            if state is not None and kind == "Interface" and self._clock.creating("endpoint", identity):
                state.text = "pending"

    def _databases(self, root: ElementTree.Element) -> None:
        for database, identity in _with(root, "DbiResourceId"):
            status, endpoint = database.find("DBInstanceStatus"), database.find("Endpoint")
            if status is not None and self._clock.creating("database", identity):
                status.text = "creating"
                if endpoint is not None:
                    database.remove(endpoint)

    def _load_balancers(self, root: ElementTree.Element) -> None:
        for balancer, identity in _with(root, "LoadBalancerArn"):
            state = balancer.find("State/Code")
            if state is not None and self._clock.creating("load_balancer", identity):
                state.text = "provisioning"

    def _certificate(self, answer: dict[str, Any]) -> None:
        certificate = answer.get("Certificate", {})
        if certificate and self._clock.creating("certificate", certificate["CertificateArn"]):
            certificate["Status"] = "PENDING_VALIDATION"

    def _services(self, answer: dict[str, Any]) -> None:
        for service in [*answer.get("services", []), answer.get("service", {})]:
            for deployment in service.get("deployments", []):
                if deployment["status"] == "PRIMARY" and self._clock.creating("service", deployment["id"]):
                    deployment.update(rolloutState="IN_PROGRESS", runningCount=0)

    def _tasks(self, answer: dict[str, Any]) -> None:
        for task in answer.get("tasks", []):
            if not task.get("group", "").startswith("service:"):
                task.update(lastStatus="STOPPED", stoppedReason="Essential container in task exited")
                for container in task["containers"]:
                    container["exitCode"] = 0

    XML: dict[str, Callable[[Answers, ElementTree.Element], None]] = {
        "CreateNatGateway": _nat_gateways,
        "DescribeNatGateways": _nat_gateways,
        "CreateVpcEndpoint": _endpoints,
        "DescribeVpcEndpoints": _endpoints,
        "CreateDBInstance": _databases,
        "DescribeDBInstances": _databases,
        "CreateLoadBalancer": _load_balancers,
        "DescribeLoadBalancers": _load_balancers,
    }
    JSON: dict[str, Callable[[Answers, dict[str, Any]], None]] = {
        "DescribeCertificate": _certificate,
        "CreateService": _services,
        "UpdateService": _services,
        "DescribeServices": _services,
        "DescribeTasks": _tasks,
    }


def _with(root: ElementTree.Element, name: str) -> Iterator[tuple[ElementTree.Element, str]]:
    """Yield every element that has a child of this name, with the child's text."""
    for element in root.iter():
        identity = element.findtext(name)
        if identity:
            yield element, identity


class Refusals:
    """Refuses what AWS refuses while something is being created."""

    # Operation, parameter, what that names, and the code of the error.
    RULES = (
        # https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-troubleshooting.html
        ("CreateRoute", "NatGatewayId", "nat_gateway", "InvalidNatGatewayID.NotFound"),
        # https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateListener.html
        ("CreateListener", "Certificates.member.1.CertificateArn", "certificate", "UnsupportedCertificate"),
    )

    MISSING = {"DescribeTargetGroups": "TargetGroupNotFound", "DescribeLoadBalancers": "LoadBalancerNotFound"}

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def before(self, query: dict[str, str]) -> str | None:
        """Return the code of the error that a request gets; None lets it through."""
        for operation, parameter, kind, code in self.RULES:
            if query.get("Action") == operation and self._clock.known_and_creating(kind, query.get(parameter, "")):
                return code
        return None

    def after(self, query: dict[str, str], content: bytes) -> str | None:
        """Return the code of the error in the place of an empty answer about what was named, as AWS gives one."""
        if "Names.member.1" in query and b"<member>" not in content:
            return self.MISSING.get(query["Action"])
        return None


def install(app: Asgi, scale: float) -> Asgi:
    """Return ``app`` with AWS's creation times, times ``scale``."""
    clock = Clock(scale)
    answers, refusals = Answers(clock), Refusals(clock)

    async def wrapped(scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http" or scope["method"] != "POST":
            await app(scope, receive, send)
            return
        body = b""
        more = True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        query = _query(body)
        code = refusals.before(query)
        if code:
            await _refuse(send, code)
            return
        target = dict(scope["headers"]).get(b"x-amz-target", b"").decode().rpartition(".")[2]
        parts: list[dict[str, Any]] = []

        async def replay() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def collect(message: dict[str, Any]) -> None:
            parts.append(message)

        await app(scope, replay, collect)
        start, content = parts[0], b"".join(part.get("body", b"") for part in parts[1:])
        code = refusals.after(query, content)
        if code:
            await _refuse(send, code)
            return
        if start["status"] == 200:
            content = answers.of_targets(target, content) if target else answers.of_queries(content)
        kept = [header for header in start["headers"] if header[0].lower() != b"content-length"]
        start["headers"] = [*kept, (b"content-length", str(len(content)).encode())]
        await send(start)
        await send({"type": "http.response.body", "body": content})

    return wrapped


def _query(body: bytes) -> dict[str, str]:
    """Return the parameters of a request of EC2, RDS or Elastic Load Balancing; nothing for other requests."""
    if not body.startswith((b"Action=", b"Version=")) and b"&Action=" not in body:
        return {}
    return dict(urllib.parse.parse_qsl(body.decode()))


async def _refuse(send: Callable[[Any], Awaitable[None]], code: str) -> None:
    """Answer with an error in a form that clients of EC2 and of Elastic Load Balancing understand."""
    error = f"<Error><Code>{code}</Code><Message>it is not there yet</Message></Error>"
    content = f"<Response><Errors>{error}</Errors>{error}</Response>".encode()
    await send({"type": "http.response.start", "status": 400, "headers": [(b"content-type", b"text/xml")]})
    await send({"type": "http.response.body", "body": content})


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1] / "local_aws"))
    # It lets every logger speak, which whoever asks here for the times only does not want.
    import ministack_launcher

    ministack_launcher.app = install(ministack_launcher.app, float(sys.argv[2]))
    ministack_launcher.main(sys.argv[1], "127.0.0.1")
