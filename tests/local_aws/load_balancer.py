# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Application load balancers that answer on the ports of their listeners, as AWS documents them.

MiniStack keeps what the API says of a load balancer, and evaluates rules; it has no TLS, no health checks and no
stickiness. Here a port is open as long as a listener has it:

- TLS with the listener's certificate, of the versions that its security policy allows
  (https://docs.aws.amazon.com/elasticloadbalancing/latest/application/describe-ssl-policies.html);
- targets that fail their health checks get no requests, unless all of a group fail
  (https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html);
- cookies by which a browser stays with a target
  (https://docs.aws.amazon.com/elasticloadbalancing/latest/application/sticky-sessions.html);
- the headers ``X-Forwarded-*``, the idle time-out, and the headers that a listener adds;
- security groups: who may not call a port from the address that he has here gets no connection. Load balancers that
  share a port are called by whoever may call one of them.

HTTP/2 and WebSockets are missing.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import functools
import hashlib
import hmac
import itertools
import json
import logging
import re
import secrets
import socket
import ssl
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.utils import formatdate
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import aiohttp
from aiohttp import web
from ministack.core.responses import get_account_id, get_region, request_scope
from ministack.services import acm, alb, route53
from security_groups import callers_of
from socket_filters import FilteredSocket
from yarl import URL

LOOK_SECONDS = 0.2
CONNECT_SECONDS = 10
BALANCED_COOKIE = "AWSALB"
CORS_COOKIE = "AWSALBCORS"
OWN_HEADERS = {"Server": "awselb/2.0"}
# Of one connection only: https://www.rfc-editor.org/rfc/rfc9110#section-7.6.1
HOP_BY_HOP = {"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}
VALID_HEADER = re.compile(r"[-A-Za-z0-9]+")

logger = logging.getLogger("load_balancer")


@dataclass(frozen=True)
class Port:
    """An open port: its number, and the security policy of its listener, none if it speaks HTTP."""

    number: int
    policy: str | None


@dataclass
class Entrance:
    """What serves an open port, and who may call it."""

    runner: web.ServerRunner
    callers: frozenset[IPv4Network]
    sockets: list[FilteredSocket] = field(default_factory=list)

    async def listen(self, address: str, port: int, tls: ssl.SSLContext | None) -> None:
        """Serve a port of an address. Raises OSError."""
        listening = FilteredSocket()
        self.sockets.append(listening)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((address, port))
        listening.let_in(self.callers)
        await web.SockSite(self.runner, listening, ssl_context=tls).start()

    def let_in(self, callers: frozenset[IPv4Network]) -> None:
        """Follow a change of those who may call. Raises OSError."""
        if callers != self.callers:
            for listening in self.sockets:
                listening.let_in(callers)
            self.callers = callers

    async def close(self) -> None:
        """Serve it no longer."""
        await self.runner.cleanup()
        for listening in self.sockets:
            listening.close()


@dataclass
class Health:
    """What the checks of a target have said so far."""

    state: str = "initial"
    reason: str = "Elb.InitialHealthChecking"
    streak: int = 0
    """How many checks in a row contradicted the state."""

    due: float = 0.0


class LoadBalancers:
    """All load balancers of the account, on some addresses of this machine.

    A listener's port is found ``offset`` higher, where this machine's own ports are somebody else's.
    """

    def __init__(self, addresses: list[str], offset: int = 0) -> None:
        self.addresses = addresses
        self.offset = offset
        self._open: dict[Port, Entrance] = {}
        self._health: dict[tuple[str, str, int], Health] = {}
        self._turn = itertools.count()
        self._cookie_key = secrets.token_bytes()
        self._client: aiohttp.ClientSession

    async def run(self) -> None:
        """Follow the account until the task is cancelled."""
        alb._ACTION_MAP["DescribeTargetHealth"] = self._describe_target_health
        # Cookies are the browsers', and a compressed answer is passed on as it is.
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False) as self._client:
            try:
                while True:
                    await self._open_and_close()
                    self._begin_checks()
                    await asyncio.sleep(LOOK_SECONDS)
            finally:
                for entrance in self._open.values():
                    await entrance.close()

    # Ports

    async def _open_and_close(self) -> None:
        wanted = _callers_by_port()
        for port in self._open.keys() - wanted.keys():
            await self._open.pop(port).close()
        for port, callers in wanted.items():
            try:
                if port in self._open:
                    self._open[port].let_in(callers)
                else:
                    await self._begin(port, callers)
            except (OSError, LookupError) as error:
                await self._open.pop(port).close()
                logger.error("port %s stays closed: %s", port.number, error)

    async def _begin(self, port: Port, callers: frozenset[IPv4Network]) -> None:
        """Open a port. Raises OSError, or LookupError for a policy or a certificate that is none."""
        runner = web.ServerRunner(web.Server(functools.partial(self._answer, port.number), access_log=None))
        self._open[port] = Entrance(runner, callers)
        tls = self._tls_of(port) if port.policy else None
        await runner.setup()
        for address in self.addresses:
            await self._open[port].listen(address, port.number + self.offset, tls)

    def _tls_of(self, port: Port) -> ssl.SSLContext:
        """Return TLS of a port whose certificate is that of the listener which a client asks for."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version, context.maximum_version = tls_versions(str(port.policy))

        def choose(connection: ssl.SSLObject, name: str | None, _context: ssl.SSLContext) -> None:
            with _listener(port.number, name or "") as listener:
                connection.context = _certificate_context(listener)

        context.sni_callback = choose
        return context

    # Requests

    async def _answer(self, port: int, request: web.BaseRequest) -> web.StreamResponse:
        with _listener(port, request.host.rpartition(":")[0] or request.host) as listener:
            balancer = listener["LoadBalancerArn"]
            headers = _joined(request)
            if _attribute(alb._lb_attrs, balancer, "routing.http.drop_invalid_header_fields.enabled"):
                headers = {name: value for name, value in headers.items() if VALID_HEADER.fullmatch(name)}
            query = parse_qs(request.query_string, keep_blank_values=True)
            rules = [rule for rule in alb._rules.values() if rule["ListenerArn"] == listener["ListenerArn"]]
            asked = (request.method, request.path, headers, query)
            action = next(
                rule["Actions"][0]
                for rule in sorted(rules, key=alb._rule_sort_key)
                if rule.get("IsDefault") or all(alb._match_condition(one, *asked) for one in rule["Conditions"])
            )
            sent = alb._target_headers(balancer, listener, headers, request.remote)
            added = alb._with_listener_response_headers(listener["ListenerArn"], (0, {}, b""))[1]
            if action["Type"] == "redirect":
                action = self._moved(action, listener)
            if action["Type"] == "forward":
                return await self._forward(listener, action["TargetGroupArn"], request, sent, added)
            status, own, body = await alb._execute_action(
                action, request.method, request.path, sent, b"", query, request.query_string, request.raw_path
            )
            return web.Response(status=status, headers={**own, **OWN_HEADERS, **added}, body=body)

    def _moved(self, action: dict[str, Any], listener: dict[str, Any]) -> dict[str, Any]:
        """Return a redirection that names the ports of this load balancer as they are found here."""
        to = action["RedirectConfig"]
        if to["Host"] != "#{host}":
            return action
        port = int(to["Port"].replace("#{port}", str(listener["Port"])))
        return {**action, "RedirectConfig": {**to, "Port": str(port + self.offset)}}

    async def _forward(
        self,
        listener: dict[str, Any],
        group: str,
        request: web.BaseRequest,
        headers: dict[str, str],
        added: dict[str, str],
    ) -> web.StreamResponse:
        balancer = listener["LoadBalancerArn"]
        target = self._choose(group, request.cookies.get(BALANCED_COOKIE, ""))
        if target is None:
            return web.Response(status=503, headers={**OWN_HEADERS, **added})
        if not _attribute(alb._lb_attrs, balancer, "routing.http.preserve_host_header.enabled"):
            headers = {**headers, "host": alb._target_host_header(headers["host"], listener["Port"])}
        idle = float(alb._lb_attr(balancer, "idle_timeout.timeout_seconds", "60"))
        response: web.StreamResponse | None = None
        try:
            async with self._client.request(
                request.method,
                URL(f"http://{target[0]}:{target[1]}{request.raw_path}", encoded=True),
                headers={name: value for name, value in headers.items() if name not in HOP_BY_HOP},
                skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
                data=request.content if request.body_exists else None,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, sock_read=idle),
            ) as answer:
                response = web.StreamResponse(status=answer.status, reason=answer.reason)
                for name, value in answer.headers.items():
                    if name.lower() not in HOP_BY_HOP:
                        response.headers.add(name, value)
                response.headers.update(added)
                for cookie in self._cookies(group, target):
                    response.headers.add("Set-Cookie", cookie)
                await response.prepare(request)
                async for chunk in answer.content.iter_any():
                    await response.write(chunk)
                await response.write_eof()
                return response
        except (aiohttp.ClientError, TimeoutError) as error:
            if response is not None and response.prepared:
                raise  # half of an answer is out; that it ends here tells the client
            late = isinstance(error, TimeoutError) and not isinstance(error, aiohttp.ClientConnectorError)
            return web.Response(status=504 if late else 502, headers={**OWN_HEADERS, **added})

    # Targets

    def _choose(self, group: str, cookie: str) -> tuple[str, int] | None:
        """Return the address and port of the target that gets a request, by its cookie or in turn."""
        targets = _targets(group)
        # Where none is healthy, all are asked: https://docs.aws.amazon.com/elasticloadbalancing/latest/application/
        # target-group-health-checks.html
        able = [one for one in targets if self._of(group, one).state == "healthy"] or targets
        known = self._read_cookie(group, cookie) if _sticky(group) else None
        if known in able:
            return known
        return able[next(self._turn) % len(able)] if able else None

    def _cookies(self, group: str, target: tuple[str, int]) -> list[str]:
        """Return what a browser is told to come back with; each answer begins the time anew."""
        if not _sticky(group):
            return []
        seconds = int(_attributes(alb._tg_attrs, group).get("stickiness.lb_cookie.duration_seconds", "86400"))
        content = json.dumps([group, *target, time.time() + seconds]).encode()
        signed = base64.urlsafe_b64encode(hmac.digest(self._cookie_key, content, hashlib.sha256) + content).decode()
        until = f"{signed}; Expires={formatdate(time.time() + seconds, usegmt=True)}; Path=/"
        return [f"{BALANCED_COOKIE}={until}", f"{CORS_COOKIE}={until}; SameSite=None; Secure"]

    def _read_cookie(self, group: str, cookie: str) -> tuple[str, int] | None:
        """Return the target of a cookie that is ours and still counts."""
        with contextlib.suppress(ValueError):
            signed = base64.urlsafe_b64decode(cookie)
            digest, content = signed[:32], signed[32:]
            if hmac.compare_digest(digest, hmac.digest(self._cookie_key, content, hashlib.sha256)):
                of, address, port, until = json.loads(content)
                if of == group and until > time.time():
                    return address, port
        return None

    # Health

    def _of(self, group: str, target: tuple[str, int]) -> Health:
        return self._health.setdefault((group, *target), Health())

    def _begin_checks(self) -> None:
        """Begin the checks that are due, and forget targets that are gone."""
        now = time.monotonic()
        registered = set()
        for (account, region, arn), group in alb._tgs.all_items():
            with request_scope(account, region):
                targets = _targets(arn)
            registered |= {(arn, *target) for target in targets}
            for target in targets if group.get("LoadBalancerArns") else []:
                health = self._of(arn, target)
                if now >= health.due:
                    health.due = now + group["HealthCheckIntervalSeconds"]
                    asyncio.get_running_loop().create_task(self._check(group, target, health))
        for gone in self._health.keys() - registered:
            del self._health[gone]

    async def _check(self, group: dict[str, Any], target: tuple[str, int], health: Health) -> None:
        port = group["HealthCheckPort"]
        address = f"http://{target[0]}:{target[1] if port == 'traffic-port' else port}{group['HealthCheckPath']}"
        timeout = aiohttp.ClientTimeout(total=group["HealthCheckTimeoutSeconds"])
        try:
            async with self._client.get(address, timeout=timeout, allow_redirects=False) as answer:
                reason = "" if _matches(group["Matcher"]["HttpCode"], answer.status) else "Target.ResponseCodeMismatch"
        except TimeoutError:
            reason = "Target.Timeout"
        except aiohttp.ClientError:
            reason = "Target.FailedHealthChecks"
        if (health.state == "healthy") == (not reason):
            health.streak = 0
            return
        health.streak += 1
        # One success is enough for a target that was registered a moment ago.
        needed = group["UnhealthyThresholdCount"] if reason else group["HealthyThresholdCount"]
        if health.streak >= (1 if health.state == "initial" and not reason else needed):
            health.state, health.reason, health.streak = "unhealthy" if reason else "healthy", reason, 0

    def _describe_target_health(self, params: Any) -> Any:
        arn = alb._p(params, "TargetGroupArn")
        group = alb._tgs.get(arn)
        if group is None:
            return alb._error("TargetGroupNotFound", f"Target group '{arn}' not found.")
        asked = {one["Id"] for one in alb._parse_targets_param(params)}
        described = ""
        for target in _targets(arn):
            if asked and target[0] not in asked:
                continue
            health = self._of(arn, target) if group.get("LoadBalancerArns") else Health("unused", "Target.NotInUse")
            reason = f"<Reason>{health.reason}</Reason>" if health.reason else ""
            described += (
                f"<member><Target><Id>{target[0]}</Id><Port>{target[1]}</Port></Target>"
                f"<TargetHealth><State>{health.state}</State>{reason}</TargetHealth></member>"
            )
        content = f"<TargetHealthDescriptions>{described}</TargetHealthDescriptions>"
        return alb._xml(200, "DescribeTargetHealth", content)


def tls_versions(policy: str) -> tuple[ssl.TLSVersion, ssl.TLSVersion]:
    """Return the oldest and the newest version of TLS that a security policy allows, which its name says."""
    oldest = re.search(r"-(?:TLS13|TLS|FS)-1-([0-3])", policy)
    versions = (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)
    return versions[int(oldest[1]) if oldest else 0], versions[3 if "-TLS13-" in policy else 2]


def _all(stored: Any) -> list[dict[str, Any]]:
    return [value for _key, value in stored.all_items()]


def _callers_by_port() -> dict[Port, frozenset[IPv4Network]]:
    """Return the ports of all listeners, each with the networks from which security groups let somebody call it."""
    found: dict[Port, frozenset[IPv4Network]] = {}
    balancers = {one["LoadBalancerArn"]: one for one in _all(alb._lbs)}
    for listener in _all(alb._listeners):
        # A listener goes with its load balancer, which MiniStack forgets.
        if balancer := balancers.get(listener["LoadBalancerArn"]):
            port = Port(listener["Port"], listener.get("SslPolicy"))
            found[port] = found.get(port, frozenset()) | callers_of(balancer["SecurityGroups"], port.number)
    return found


@contextlib.contextmanager
def _listener(port: int, name: str) -> Iterator[dict[str, Any]]:
    """Lend the listener that a client means by a port and the name of a host, in the scope of its account.

    On AWS every load balancer has addresses of its own, and names lead to them. Here all share this machine's: a name
    tells whose alias record it is, if more than one has the port.
    """
    found = [(key, listener) for key, listener in alb._listeners.all_items() if listener["Port"] == port]
    if not found:
        raise LookupError(f"no listener has port {port}")
    scoped = next((one for one in found if len(found) > 1 and _leads_to(name, *one)), found[0])
    (account, region, _arn), listener = scoped
    with request_scope(account or get_account_id(), region or get_region()):
        yield listener


def _leads_to(name: str, key: tuple[str, str, str], listener: dict[str, Any]) -> bool:
    with request_scope(key[0], key[1]):
        host = alb._lbs[listener["LoadBalancerArn"]]["DNSName"].lower()
        aliases = {
            record["Name"].rstrip(".").lower()
            for records in route53._records.values()
            for record in records
            if record.get("AliasTarget", {}).get("DNSName", "").rstrip(".").lower().removeprefix("dualstack.") == host
        }
    return name.lower() in {host, *aliases}


def _certificate_context(listener: dict[str, Any]) -> ssl.SSLContext:
    stored = acm._certificates[listener["Certificates"][0]]
    return _loaded(stored["_pem_body"] + stored["_pem_chain"], stored["_private_key"])


@functools.lru_cache
def _loaded(chain: str, key: str) -> ssl.SSLContext:
    """Return a context with a certificate, which Python reads from files only."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory(prefix="sm2a-certificate-") as folder:
        path = Path(folder, "certificate.pem")
        path.write_text(f"{key}\n{chain}")
        context.load_cert_chain(path)
    return context


def _joined(request: web.BaseRequest) -> dict[str, str]:
    """Return the headers by name in lower case; what came in several lines is one, as RFC 9110 allows."""
    names = {name.lower() for name in request.headers}
    return {name: ("; " if name == "cookie" else ", ").join(request.headers.getall(name)) for name in names}


def _attributes(stored: Any, arn: str) -> dict[str, str]:
    return {item["Key"]: item["Value"] for item in stored.get(arn, [])}


def _attribute(stored: Any, arn: str, key: str) -> bool:
    return _attributes(stored, arn).get(key) == "true"


def _sticky(group: str) -> bool:
    return _attribute(alb._tg_attrs, group, "stickiness.enabled")


def _targets(group: str) -> list[tuple[str, int]]:
    default = alb._tgs[group]["Port"] if group in alb._tgs else 80
    return [(target["Id"], int(target.get("Port") or default)) for target in alb._targets.get(group, [])]


def _matches(matcher: str, status: int) -> bool:
    """Tell whether a status is one of a matcher's, such as 200, 200,302 or 200-299."""
    for part in matcher.split(","):
        least, _hyphen, most = part.strip().partition("-")
        if int(least) <= status <= int(most or least):
            return True
    return False
