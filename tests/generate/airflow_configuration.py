# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The page of Airflow's options, made of how they are sorted and of what SM2A sets."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from types import SimpleNamespace
from typing import Any, cast

from tables import WIDTH, table

from ansible_collections.sm2a.airflow.plugins.module_utils._components._airflow_options import (
    OF_OTHER_PROVIDERS,
    OPTIONS,
    VERSIONS,
)
from ansible_collections.sm2a.airflow.plugins.module_utils._components._containers import airflow_variables
from ansible_collections.sm2a.airflow.plugins.module_utils._components._option_values import MOST
from ansible_collections.sm2a.airflow.plugins.module_utils._components._own_options import split_variable
from ansible_collections.sm2a.airflow.plugins.module_utils._components._sorted_options import (
    CELERY,
    FREE,
    FREE_SECTIONS,
    OURS,
    REFUSED,
    REFUSED_SECTIONS,
    VARIABLES,
)
from ansible_collections.sm2a.airflow.plugins.module_utils._components.airflow import AirflowComponent
from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.aws import Aws
from ansible_collections.sm2a.airflow.plugins.module_utils._resources.ecs import TaskDefinition

REGION = "eu-central-1"
SAMPLE = {
    "environment": "dev",
    "state": "present",
    "tags": {},
    "cluster": "sm2a-dev",
    "image": "airflow",
    "url": "https://airflow.example.com",
    "queues": {"default": {"url": "https://sqs.eu-central-1.amazonaws.com/123456789012/sm2a-dev-default"}},
}
LEAD = """
The image has Airflow {version}. Its options, and those of the providers that are in it, are SM2A's own, refused or
free, wherever they are given: in `sm2a_airflow_configuration`, as environment variables of a service or of a worker
pool, or, by Celery's own names, in `celery.extra_celery_config`. `site` says so before its first call to AWS.
"""


def set_by_sm2a() -> dict[str, str]:
    """Return the options that SM2A sets, or whose secret it names, with a value of a sample."""
    defaults = {name: argument.get("default") for name, argument in AirflowComponent.ARGUMENTS.items()}
    options: dict[str, Any] = {**defaults, **SAMPLE}
    # An account without services.
    aws = SimpleNamespace(region=REGION, once=lambda *_question: [])
    made = AirflowComponent(options, cast(Aws, aws)).resources()
    containers = [one.content["containerDefinitions"][0] for one in made if isinstance(one, TaskDefinition)]
    variables = {item["name"]: item["value"] for container in containers for item in container["environment"]}
    variables.update(airflow_variables(options, REGION, "worker"))
    found = {}
    for variable, value in sorted(variables.items()):
        section, option = split_variable(variable) or ("", "")
        if section:
            known = option in OPTIONS.get(section, ())
            found[f"{section}.{option if known else option.removesuffix('_secret')}"] = value
    return found


def page() -> str:
    """Return the page."""
    lines = [
        "<!-- `make generate` writes this file from plugins/module_utils/_components/_sorted_options.py. -->",
        "# Airflow's configuration, option by option",
        "",
        *_paragraph(LEAD.format(version=VERSIONS["apache-airflow"])),
        "## SM2A's own",
        "",
        *_reasons("What to use instead, or why", OURS),
        "## Refused",
        "",
        *_reasons("Why", {**REFUSED, **{f"{section}.*": reason for section, reason in REFUSED_SECTIONS.items()}}),
        "These values are refused:",
        "",
        *table(("Option", "At most", "Why"), ((f"`{name}`", str(most), why) for name, (most, why) in MOST.items())),
        "",
        "And these settings in `celery.extra_celery_config`:",
        "",
        *_reasons("Why, or what to use instead", CELERY),
        "And these environment variables, as regular expressions:",
        "",
        *_reasons("Why, or what to use instead", VARIABLES),
        "## Free",
        "",
        *_paragraph("Of these SM2A has a value of its own, which yours replaces:"),
        *_defaults(),
        *_paragraph("Whole sections are free: " + _names(FREE_SECTIONS) + "."),
        *_paragraph("Of the other sections these options are:"),
        *table(("Section", "Options"), ((f"`{section}`", _names(names)) for section, names in sorted(FREE.items()))),
        "",
        "## Other providers",
        "",
        *_paragraph(
            "An image of your own may have further providers. These sections are known, and a name in them that is not "
            "is refused: " + _names(OF_OTHER_PROVIDERS) + "."
        ),
        *_paragraph(
            "Set an option that your image knows and ours does not, of a section or a provider of any name, as an "
            "environment variable, `AIRFLOW__<SECTION>__<OPTION>`: of those only what is one slip away from a known "
            "option is refused."
        ),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _paragraph(text: str) -> list[str]:
    return [*textwrap.wrap(" ".join(text.split()), WIDTH, break_on_hyphens=False), ""]


def _names(names: Any) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names))


def _reasons(head: str, reasons: Mapping[str, str]) -> Iterator[str]:
    """Yield a table in which those that have a reason in common share a line."""
    shared: dict[str, list[str]] = {}
    for name, reason in reasons.items():
        shared.setdefault(reason, []).append(name.replace("|", "\\|"))
    yield from table(("Option", head), ((_names(names), reason) for reason, names in shared.items()))
    yield ""


def _defaults() -> Iterator[str]:
    own = {name: value for name, value in set_by_sm2a().items() if name not in OURS}
    rows = ((f"`{name}`", f"`{value if len(value) < WIDTH else f'{value[:WIDTH]}...'}`") for name, value in own.items())
    yield from table(("Option", "SM2A's value"), rows)
    yield ""
