# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values of Airflow's options that are no text: numbers, truth values, and those of which Airflow has a list."""

from __future__ import annotations

from typing import Any

from .._reconcile.errors import OptionError
from .._reconcile.values import has_unknown
from ._airflow_options import CHOICES, TYPES
from ._own_options import REFERENCE, split_variable

# As Airflow reads them: `getboolean` in its configuration parser.
TRUTH_VALUES = ("true", "t", "1", "false", "f", "0")
_HEARTBEAT = "a container whose job has not beaten for a minute is taken for dead and replaced"
# The largest values, and why there are limits.
MOST = {
    "celery_broker_transport_options.wait_time_seconds": (
        10,
        "a worker that ends waits so long for messages that are on their way, and one that comes later hides for hours",
    ),
    "scheduler.job_heartbeat_sec": (30, _HEARTBEAT),
    "scheduler.scheduler_idle_sleep_time": (30, _HEARTBEAT),
    "triggerer.job_heartbeat_sec": (30, _HEARTBEAT),
}
RULES = {"integer": "a whole number", "float": "a number", "boolean": "true or false"}


def validate_value(option: str, variable: str, value: Any) -> None:
    """Refuse a value with which Airflow would not start, or would fail later. Raises OptionError.

    Empty values pass: what they mean depends on the option. The value is shown, since none of these is a secret.
    """
    name = ".".join(split_variable(variable) or ())
    if has_unknown(value):
        return
    # Airflow cuts comments off.
    text = str(value).partition("#")[0].strip()
    if text and name in TYPES and not _is_of(TYPES[name], text):
        raise OptionError(option, variable, f"it must be {RULES[TYPES[name]]}, and is {value!r}", REFERENCE)
    if text and name in MOST and _is_of("float", text) and float(text) > MOST[name][0]:
        most, why = MOST[name]
        raise OptionError(option, variable, f"it must be at most {most}, and is {value!r}: {why}", REFERENCE)
    if text and name in CHOICES and text not in CHOICES[name]:
        raise OptionError(option, variable, f"it must be one of {', '.join(CHOICES[name])}, not {value!r}", REFERENCE)


def _is_of(kind: str, text: str) -> bool:
    if kind == "boolean":
        return text.lower() in TRUTH_VALUES
    try:
        if kind == "integer":
            int(text)
        else:
            float(text)
    except ValueError:
        return False
    return True
