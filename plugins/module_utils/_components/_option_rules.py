# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules for options that several components have: ids, names, ARNs and addresses."""

from __future__ import annotations

import re
from ipaddress import ip_network
from typing import Any
from urllib.parse import urlsplit

from .._reconcile.errors import OptionError
from .._reconcile.values import has_unknown
from ._option import Form

RESOURCE_IDS = "https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/resource-ids.html"
BUCKETS = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html"
QUEUES = "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-queues.html"
IMAGES = "https://docs.docker.com/reference/cli/docker/image/tag/"
LISTENERS = "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/create-https-listener.html"

HOST_NAME = Form(
    r"(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+([a-z]{2,63}|xn--[a-z0-9-]{1,58}[a-z0-9])",
    "a host name in lower case",
    LISTENERS,
)
# [registry[:port]/]path[:tag][@digest], as the distribution's grammar has it. ECS takes 255 characters:
# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html
IMAGE = re.compile(
    r"(?=.{1,255}$)(?P<repository>(?:[A-Za-z0-9.-]+(?::[0-9]+)?/)?[a-z0-9]+(?:[._/-]+[a-z0-9]+)*)"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)
IMAGE_ADDRESS = Form(IMAGE, "it must be an image, registry/path:tag, of at most 255 characters", IMAGES)
# Account, region and repository of an image in Amazon ECR.
# https://docs.aws.amazon.com/AmazonECR/latest/userguide/Registries.html
ECR_IMAGE = re.compile(
    r"(\d{12})\.(?:dkr\.ecr(?:-fips)?\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?|"
    r"dkr-ecr(?:-fips)?\.([a-z0-9-]+)\.on\.(?:aws|amazonwebservices\.com\.cn))/([a-z0-9._/-]+)"
)
# A name that a / may follow.
BUCKET = (
    r"(?!xn--|sthree-|amzn-s3-demo-)(?![^/]*\.\.)(?!\d+\.\d+\.\d+\.\d+(/|$))"
    r"(?![^/]*(-s3alias|--ol-s3|\.mrap|--x-s3|--table-s3)(/|$))[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"
)
BUCKET_NAME = Form(
    BUCKET,
    "3 to 63 lower-case letters, digits, hyphens and dots, with a letter or digit first and last, never two dots in a "
    "row, no IP address, not beginning with xn--, sthree- or amzn-s3-demo-, not ending in -s3alias, --ol-s3, .mrap, "
    "--x-s3 or --table-s3",
    BUCKETS,
)
# It becomes part of the names of a queue, a service and a task definition; SQS has the shortest of their limits, 80.
POOL_NAME = Form(
    r"[a-z][a-z0-9-]{0,31}", "1 to 32 lower-case letters, digits and hyphens, starting with a letter", QUEUES
)
DEAD_LETTER = "dead-letter"


def id_form(prefix: str) -> Form:
    """Return the form of an id of EC2 with a prefix, such as ``subnet``."""
    rule = f"an id is like {prefix}-0123456789abcdef0, with 8 or 17 digits or letters from a to f"
    return Form(rf"{prefix}-([0-9a-f]{{8}}|[0-9a-f]{{17}})", rule, RESOURCE_IDS)


# How most services of AWS number what they keep.
UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
VPC_ID = id_form("vpc")
SUBNET_ID = id_form("subnet")
SECURITY_GROUP_ID = id_form("sg")


def arn_form(service: str, resource: str, why: str, rest: str = ".+") -> Form:
    """Return the form of the ARN of a ``resource`` of this account, such as ``role/``, of a service.

    ``rest`` is the pattern of what comes behind it.
    """
    return Form(
        rf"arn:(?P<partition>aws[a-z-]*):{service}:(?P<region>[a-z0-9-]*):(?P<account>\d{{12}}):{resource}{rest}",
        f"it must be an ARN, arn:aws:{service}:...:{resource}...",
        why,
    )


def validate_form(option: str, value: Any, form: Form, region: str = "") -> None:
    """Refuse a value that has not the form; one that is known only after apply passes."""
    if not has_unknown(value):
        for error in form.faults(option, value, region):
            raise error


def validate_url(option: str, url: str, documentation: str, ending: str = "") -> None:
    """Refuse what is not the address of a web server, and one that does not end as it must."""
    if has_unknown(url):
        return
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname or "", parts.port
    except ValueError as error:
        raise OptionError(option, url, f"it is no address: {error}", documentation) from None
    if parts.scheme not in ("http", "https") or not re.fullmatch(r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9])?", host):
        raise OptionError(option, url, "it must be like https://host.example.com", documentation)
    if not url.endswith(ending):
        raise OptionError(option, url, f"it must end in {ending}", documentation)


def validate_pattern(option: str, pattern: str, documentation: str) -> None:
    """Refuse what is no regular expression."""
    try:
        re.compile(pattern)
    except re.error as error:
        raise OptionError(option, pattern, f"it is no regular expression: {error}", documentation) from None


def validate_origin(option: str, url: str, documentation: str) -> None:
    """Refuse what is not the address of a web server, and one below which Airflow would have to live at a path.

    Airflow puts its execution API below that path too, where tasks do not look for it, and where the rule of the load
    balancer does not close it.
    """
    validate_url(option, url, documentation)
    if not has_unknown(url) and not re.fullmatch(r"https?://[^/?#]+", url):
        raise OptionError(option, url, "it must end after the host and its port, without a path", documentation)


def validate_pool_name(option: str, name: Any, documentation: str = QUEUES) -> None:
    """Refuse the name of a worker pool that cannot be part of a queue's name."""
    validate_form(option, name, POOL_NAME)
    if name == DEAD_LETTER:
        raise OptionError(option, name, "this name is the dead-letter queue's", documentation)


def validate_network(option: str, cidr: str, documentation: str) -> None:
    """Refuse what is no network in the notation of CIDR. Raises OptionError."""
    try:
        ip_network(cidr)
    except ValueError as error:
        raise OptionError(option, cidr, f"it is not a network: {error}", documentation) from None
