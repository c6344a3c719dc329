# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Clients for one module run: cached, retried, counted, and unable to write in check mode."""

from __future__ import annotations

import gc
import os
import re
import threading
import time
from collections.abc import Callable, Hashable
from functools import cache, cached_property, partial
from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.amazon.aws.plugins.module_utils.retries import AWSRetry

from .errors import CheckModeError, ClientError, UnknownValueError, is_unknown
from .shared import Answer, SharedAnswers
from .values import has_unknown
from .waits import CONSISTENCY_SECONDS, retry_while

try:
    import boto3.session
    import botocore.loaders
    import botocore.session
    from botocore.exceptions import UnknownRegionError
except ImportError:
    pass  # AnsibleAWSModule reports it with the interpreter's name.

# AWS names its reading operations by these verbs; everything else is taken for a write.
READING = re.compile(r"^(Describe|List|Get|BatchGet|Head|Lookup|Search|Simulate|Filter|Validate|Query|Scan)")

# What AWS calls throttling, or a clash of two requests, beyond amazon.aws's list: ECS, Secrets Manager, CloudWatch Logs
# and others say it in words of their own.
# https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
THROTTLED = [
    "ConcurrentModification",
    "ConcurrentModificationException",
    "EC2ThrottledException",
    "OperationAbortedException",
    "PriorRequestNotComplete",
    "RequestThrottled",
    "RequestThrottledException",
    "RequestTimeout",
    "RequestTimeoutException",
    "ServiceUnavailableException",
    "SlowDown",
    "ThrottledException",
    "ThrottlingException",
]
_thread = threading.local()
RETRY = AWSRetry.jittered_backoff(catch_extra_error_codes=THROTTLED)

MAKING = re.compile(r"^(Create|Register|Run|Allocate|Request|Restore|Copy)")
TAKING_AWAY = re.compile(r"^(Delete|Detach|Remove|Revoke|Release|Untag|Deregister|Disassociate|Cancel|Stop)")
# A role that was made a moment ago cannot be taken yet. ECS, Elastic Load Balancing and RDS say so in these words:
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/using-service-linked-roles.html
# https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_general.html#troubleshoot_general_eventual-consistency
NEW_ROLE = re.compile(
    r"unable to assume the (service linked )?role|service[- ]linked role exists|IAM role ARN value is invalid",
    re.IGNORECASE,
)


@cache
def _loader(path: str | None) -> botocore.loaders.Loader:
    """Return what reads botocore's files and keeps what it has read. ``path`` is the setting data_path."""
    return botocore.loaders.create_loader(path)


def _new_core() -> botocore.session.Session:
    core = botocore.session.Session()
    core.register_component("data_loader", _loader(core.get_config_variable("data_path")))
    return core


@cache
def _core() -> botocore.session.Session:
    """Return the session for what is no secret and the same for all accounts."""
    return _new_core()


def session(profile: str | None = None) -> boto3.session.Session:
    """Return a session of boto3 that shares with all others what botocore has read of AWS's services."""
    return boto3.session.Session(botocore_session=_new_core(), profile_name=profile)


@cache
def read_model(service: str) -> None:
    """Read what botocore knows of AWS and of a service, so that forks of this process need not."""
    loader = _core().get_component("data_loader")
    _core().get_available_partitions()
    for data in ("partitions", "sdk-default-configuration", "_retry"):
        loader.load_data(data)
    for kind in ("service-2", "endpoint-rule-set-1", "paginators-1"):
        loader.load_service_model(service, kind, api_version=None)
    # Forks share memory with their parent until one of them touches it, which the garbage collector else does:
    # https://docs.python.org/3/library/gc.html#gc.freeze
    gc.freeze()


@cache
def partition_of(region: str) -> str:
    """Return the partition of a region, ``aws`` for all commercial ones; nothing for what is no region's name."""
    try:
        return str(_core().get_partition_for_region(region))
    except UnknownRegionError:
        return ""


@cache
def known_regions() -> frozenset[str]:
    """Return the names of the regions that this version of botocore knows, of all partitions."""
    partitions = _core().get_component("data_loader").load_data("partitions")["partitions"]
    names = (region for partition in partitions for region in partition["regions"])
    # Beside them are names for what is of no region, such as aws-global.
    return frozenset(name for name in names if not name.endswith("-global"))


def writes_of_thread() -> int:
    """Return how many writes AWS has carried out for this thread, as far as it has told."""
    return int(getattr(_thread, "writes", 0))


class Client:
    """A boto3 client whose every operation is retried with jitter when AWS calls the error retryable.

    A write is also retried while AWS does not know what it names, if the run has made something a moment ago, and
    while a role is too new to be taken. ``seconds_since_making`` says how long ago the run has made something.
    """

    def __init__(self, client: Any, seconds_since_making: Callable[[], float] = lambda: CONSISTENCY_SECONDS) -> None:
        self._client = client
        self._seconds_since_making = seconds_since_making

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        attribute = getattr(self._client, operation)
        if operation in ("can_paginate", "get_paginator", "get_waiter", "meta", "exceptions", "generate_presigned_url"):
            return attribute
        if operation not in self._client.meta.method_to_api_mapping:
            return partial(attribute, aws_retry=True)
        name = self._client.meta.method_to_api_mapping[operation]
        if READING.match(name) or TAKING_AWAY.match(name):
            return partial(attribute, aws_retry=True)

        def write(**arguments: Any) -> Any:
            return retry_while(self._is_too_new, lambda: attribute(aws_retry=True, **arguments), CONSISTENCY_SECONDS)

        return write

    def _is_too_new(self, error: ClientError) -> bool:
        """Whether an error may say no more than that something was made a moment ago."""
        if NEW_ROLE.search(str(error)):
            return True
        return is_unknown(error) and self._seconds_since_making() < CONSISTENCY_SECONDS

    def pages(self, operation: str, result: str, **arguments: Any) -> list[Any]:
        """Return the concatenated list ``result`` of every page of a reading operation."""
        return RETRY(
            lambda: self._client.get_paginator(operation).paginate(**arguments).build_full_result().get(result, [])
        )()


class Aws:
    """The AWS account and region that a module run works on.

    ``reads`` and ``writes`` list the names of the operations called so far.
    """

    def __init__(self, module: AnsibleAWSModule) -> None:
        self._module = module
        self._lock = threading.Lock()
        self._clients: dict[str, Client] = {}
        self._account_lock = threading.Lock()
        self._account_id: str | None = None
        self._shared = SharedAnswers()
        self._made_at = -float(CONSISTENCY_SECONDS)
        self.check_mode: bool = module.check_mode
        self.reads: list[str] = []
        self.writes: list[str] = []

    @cached_property
    def region(self) -> str:
        """The region, for example ``eu-central-1``."""
        return str(self._module.region)

    @property
    def emulated(self) -> bool:
        """Whether all services are at one address, as an emulator's are and AWS's are not.

        https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html
        """
        return bool(self._module.params.get("endpoint_url") or os.environ.get("AWS_ENDPOINT_URL"))

    @cached_property
    def partition(self) -> str:
        """The partition, ``aws`` for all commercial regions."""
        return partition_of(self.region)

    @property
    def account_id(self) -> str:
        """The twelve digits of the account, asked for once."""
        with self._account_lock:
            if self._account_id is None:
                self._account_id = str(self.client("sts").get_caller_identity()["Account"])
            return self._account_id

    def arn(self, service: str, resource: str) -> str:
        """Return the ARN of something in this account and region."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.account_id}:{resource}"

    def client(self, service: str) -> Client:
        """Return the client of a service, the same one to all threads."""
        # boto3's clients can be shared by threads, its default session cannot make them in two at once:
        # https://docs.aws.amazon.com/boto3/latest/guide/clients.html#multithreading-or-multiprocessing-with-clients
        with self._lock:
            if service not in self._clients:
                wrapped = self._module.client(service, retry_decorator=RETRY)
                events = wrapped.client.meta.events
                events.register("provide-client-params.*.*", _refuse_unknown)
                events.register("before-call.*.*", self._count)
                # Before and after a write: what is read meanwhile may be of either state.
                for moment in ("before-call", "after-call", "after-call-error"):
                    events.register(f"{moment}.*.*", partial(self._forget, service))
                events.register("after-call.*.*", _count_success)
                events.register("after-call-error.*.*", _name_operation)
                events.register("after-call.*.*", self._note_making)
                self._clients[service] = Client(wrapped, lambda: time.monotonic() - self._made_at)
            return self._clients[service]

    def once(self, service: str, key: Hashable, call: Callable[[], Answer]) -> Answer:
        """Return what ``call`` has read of a service since this run last wrote to it, and read it if it has not.

        For what several resources find their state in. The ``key`` says what is read.
        """
        return self._shared.once(service, key, call)

    def forget_answers(self) -> None:
        """Let `once` read everything anew."""
        with self._lock:
            services = list(self._clients)
        for service in services:
            self._shared.forget(service)

    def _forget(self, service: str, event_name: str, **_kwargs: Any) -> None:
        if not READING.match(event_name.rsplit(".", 1)[-1]):
            self._shared.forget(service)

    def _note_making(self, model: Any, parsed: dict[str, Any], **_kwargs: Any) -> None:
        if MAKING.match(model.name) and "Error" not in parsed:
            self._made_at = time.monotonic()

    def _count(self, model: Any, **_kwargs: Any) -> None:
        if READING.match(model.name):
            self.reads.append(model.name)
            return
        if self.check_mode:
            raise CheckModeError(f"{model.name} was about to be called in check mode")
        self.writes.append(model.name)


def _count_success(model: Any, http_response: Any, **_kwargs: Any) -> None:
    if http_response.status_code < 300 and not READING.match(model.name):
        _thread.writes = writes_of_thread() + 1


def _name_operation(exception: Exception, event_name: str, **_kwargs: Any) -> None:
    # botocore's errors of a connection name the address only.
    exception.operation_name = event_name.rsplit(".", 1)[-1]  # type: ignore[attr-defined]


def _refuse_unknown(params: dict[str, Any], model: Any, **_kwargs: Any) -> None:
    if has_unknown(params):
        raise UnknownValueError(f"{model.name} would carry a value that is known only after apply")
