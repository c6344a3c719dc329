# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A worker pool: its keys, as users give them, and those of them that the scaler's program is given.

This is their one declaration. The checks, the documentation and the scaler's ``pool.json`` are made of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .._reconcile.errors import OptionError
from .._reconcile.values import KNOWN_AFTER_APPLY, has_unknown
from .._resources.ecs import FARGATE_SIZES, validate_size
from .._secret_values import kind_of
from .._spelling import did_you_mean
from .._text import from_text, is_empty
from ._option import Option, faults, refusals
from ._option_rules import QUEUES, validate_url
from ._variables import VARIABLES, validate_variables

CONCURRENCY = "https://airflow.apache.org/docs/apache-airflow-providers-celery/stable/celery_executor.html"
PROVIDERS = "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-capacity-providers.html"
SERVICE_QUOTAS = "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-quotas.html"
STORAGE = "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-task-storage.html"
# Tasks of a service (SERVICE_QUOTAS).
MOST_WORKERS = 5000
DASHBOARDS = "https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_limits.html"
# The scaler's dashboard has two widgets for each pool and two more; CloudWatch shows 500 (DASHBOARDS).
MOST_POOLS = 249

LIMITS: dict[str, Option] = {
    "minimum": Option(
        "int",
        default=1,
        least=0,
        most=MOST_WORKERS,
        why=SERVICE_QUOTAS,
        doc="Workers that always run. With 0 a pool costs nothing while nothing runs. At most C(maximum).",
    ),
    "maximum": Option(
        "int",
        default=5,
        least=1,
        most=MOST_WORKERS,
        why=SERVICE_QUOTAS,
        doc="Workers that the scaler starts at most.",
    ),
    "concurrency": Option(
        "int", default=4, least=1, most=1000, why=CONCURRENCY, doc="Tasks that one worker runs at once."
    ),
}
"""The keys of a pool that the scaler decides by, as a field each of its program's ``Limits``."""

POOL: dict[str, Option] = {
    **LIMITS,
    "cpu": Option("int", default=1024, why=FARGATE_SIZES, doc="CPU units of a worker; 1024 is one vCPU."),
    "memory": Option(
        "int",
        default=4096,
        why=FARGATE_SIZES,
        doc="MiB of memory of a worker. Fargate has to offer it together with the C(cpu).",
    ),
    "capacity_provider": Option(
        "str",
        default="FARGATE",
        allowed=("FARGATE", "FARGATE_SPOT"),
        why=PROVIDERS,
        doc="What the workers run on.",
    ),
    "ephemeral_storage": Option(
        "int",
        least=21,
        most=200,
        unit="GiB",
        why=STORAGE,
        doc="GiB of disk of a worker. Fargate gives 20 unless it is set.",
    ),
    "environment_variables": Option(
        "dict", default={}, why=VARIABLES, doc="Environment variables of this pool's workers only."
    ),
}
"""The keys of a pool."""

POOL_DEFAULTS: dict[str, Any] = {key: option.default for key, option in POOL.items()}

SCALED_POOL: dict[str, Option] = {
    "service": Option("str", doc="Name of the ECS service."),
    "queue": Option("str", doc="Name of the Celery queue."),
    "queue_url": Option("str", check=validate_url, why=QUEUES, doc="Address of the SQS queue."),
    **LIMITS,
}
"""The keys of a pool as the scaler takes it. Each is needed."""
UNKNOWN_POOL: dict[str, Any] = {
    key: KNOWN_AFTER_APPLY if option.default is None else option.default for key, option in SCALED_POOL.items()
}
"""A pool as the scaler takes it, before its service and its queue exist."""
# What no two pools of the scaler may share: with one service they would undo each other's decisions.
DISTINCT = tuple(key for key, option in SCALED_POOL.items() if option.type == "str")


def typed_pools(option: str, pools: Mapping[Any, Any]) -> dict[Any, dict[str, Any]]:
    """Return the pools that a mapping describes, with the defaults of what they leave out. Raises OptionError.

    A pool without options has all defaults. An option whose value is empty was not given, and a text of digits is the
    number; a pool, or its environment variables, may be a text of JSON or YAML.
    """
    return {name: typed_pool(f"{option}.{name}", pool) for name, pool in pools.items()}


def typed_pool(option: str, pool: Any) -> dict[str, Any]:
    """Return one pool, as `typed_pools` does."""
    pool = {} if is_empty(pool) else from_text(pool)
    if not isinstance(pool, dict):
        raise OptionError(option, kind_of(pool), "it must be a mapping")
    found = dict(POOL_DEFAULTS)
    for key, value in pool.items():
        if key not in POOL:
            rule = f"it must be one of {', '.join(POOL)}{did_you_mean(str(key), POOL)}"
            raise OptionError(f"{option}.{key}", key, rule)
        if not is_empty(value):
            found[key] = _typed(f"{option}.{key}", POOL[key], value)
    return found


def _typed(option: str, declared: Option, value: Any) -> Any:
    if declared.type == "int":
        return _whole_number(option, value)
    value = from_text(value)
    if declared.type == "str" and not isinstance(value, str):
        raise OptionError(option, kind_of(value), "it must be text", declared.why)
    return value


def _whole_number(option: str, value: Any) -> int:
    if isinstance(value, str):
        try:
            value = int(value)
        except ValueError:
            pass
    if not isinstance(value, int) or isinstance(value, bool):
        shown = kind_of(value) if isinstance(value, (dict, list)) else value
        raise OptionError(option, shown, "it must be a whole number")
    return value


def pool_faults(option: str, pool: Mapping[str, Any]) -> Iterator[OptionError]:
    """Yield what is wrong with the values of a pool that `typed_pool` returned."""
    yield from faults(POOL, pool, "", True, f"{option}.")
    yield from _order_faults(option, pool)
    yield from refusals(validate_size, option, pool["cpu"], pool["memory"])
    yield from refusals(validate_variables, f"{option}.environment_variables", pool["environment_variables"])


def scaled_pool_faults(option: str, pool: Any) -> Iterator[OptionError]:
    """Yield what is wrong with a pool as the scaler takes it."""
    keys = ", ".join(SCALED_POOL)
    if not isinstance(pool, dict):
        yield OptionError(option, kind_of(pool), f"it must be a mapping of {keys}")
        return
    strange = [key for key in [*pool, *SCALED_POOL] if (key in pool) != (key in SCALED_POOL)]
    for key in strange:
        yield OptionError(f"{option}.{key}", key, f"it must have the keys {keys}, and no others")
    if strange:
        return
    wrong = [fault for key, value in pool.items() for fault in _type_faults(f"{option}.{key}", SCALED_POOL[key], value)]
    yield from wrong
    if not wrong:
        yield from faults(SCALED_POOL, pool, "", True, f"{option}.")
        yield from _order_faults(option, pool)


def _type_faults(option: str, declared: Option, value: Any) -> Iterator[OptionError]:
    if declared.type == "str" and not (isinstance(value, str) and value):
        yield OptionError(option, value, "it must be text and not empty")
    if declared.type == "int" and (not isinstance(value, int) or isinstance(value, bool)):
        yield OptionError(option, value, f"it must be a whole number from {declared.least} to {declared.most}")


def scaled_pools_faults(option: str, pools: Mapping[str, Any]) -> Iterator[OptionError]:
    """Yield what is wrong with the pools as the scaler takes them, with each and with all of them together."""
    found = [fault for name, pool in pools.items() for fault in scaled_pool_faults(f"{option}.{name}", pool)]
    yield from found
    for key in () if found else DISTINCT:
        values = [pool[key] for pool in pools.values() if not has_unknown(pool[key])]
        if len(set(values)) != len(values):
            yield OptionError(option, values, f"each pool needs a {key} of its own")


def _order_faults(option: str, pool: Mapping[str, Any]) -> Iterator[OptionError]:
    if pool["minimum"] > pool["maximum"]:
        rule = f"it must be at most maximum, {pool['maximum']}"
        yield OptionError(f"{option}.minimum", pool["minimum"], rule, SERVICE_QUOTAS)
