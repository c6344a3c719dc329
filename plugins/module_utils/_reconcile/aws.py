# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Clients for one module run: cached, retried, counted, and unable to write in check mode."""

from __future__ import annotations

import gc
import os
import re
import threading
from collections.abc import Callable, Hashable
from functools import cache, cached_property, partial
from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.amazon.aws.plugins.module_utils.retries import AWSRetry

from .errors import CheckModeError, UnknownValueError
from .shared import Answer, SharedAnswers
from .values import has_unknown

try:
    import boto3.session
    import botocore.loaders
    import botocore.session
    from botocore.exceptions import UnknownRegionError
except ImportError:
    pass  # AnsibleAWSModule reports it with the interpreter's name.

# AWS names its reading operations by these verbs; everything else is taken for a write.
READING = re.compile(r"^(Describe|List|Get|BatchGet|Head|Lookup|Search|Simulate|Filter|Validate|Query|Scan)")

# What AWS calls throttling, beyond amazon.aws's list: ECS, Secrets Manager and others say it in words of their own.
# https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
THROTTLED = [
    "EC2ThrottledException",
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
RETRY = AWSRetry.jittered_backoff(catch_extra_error_codes=THROTTLED)


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


class Client:
    """A boto3 client whose every operation is retried with jitter when AWS calls the error retryable."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        attribute = getattr(self._client, operation)
        if operation in ("can_paginate", "get_paginator", "get_waiter", "meta", "exceptions", "generate_presigned_url"):
            return attribute
        return partial(attribute, aws_retry=True)

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
                self._clients[service] = Client(wrapped)
            return self._clients[service]

    def once(self, service: str, key: Hashable, call: Callable[[], Answer]) -> Answer:
        """Return what ``call`` has read of a service since this run last wrote to it, and read it if it has not.

        For what several resources find their state in. The ``key`` says what is read.
        """
        return self._shared.once(service, key, call)

    def _forget(self, service: str, event_name: str, **_kwargs: Any) -> None:
        if not READING.match(event_name.rsplit(".", 1)[-1]):
            self._shared.forget(service)

    def _count(self, model: Any, **_kwargs: Any) -> None:
        if READING.match(model.name):
            self.reads.append(model.name)
            return
        if self.check_mode:
            raise CheckModeError(f"{model.name} was about to be called in check mode")
        self.writes.append(model.name)


def _refuse_unknown(params: dict[str, Any], model: Any, **_kwargs: Any) -> None:
    if has_unknown(params):
        raise UnknownValueError(f"{model.name} would carry a value that is known only after apply")
