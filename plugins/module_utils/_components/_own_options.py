# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Refuses what of Airflow's configuration is SM2A's own, or would break a promise, and what Airflow does not know."""

from __future__ import annotations

import json
import re
from typing import Any

from .._reconcile.errors import OptionError
from .._spelling import most_similar, one_slip_away
from ._airflow_options import HONOURED, OF_OTHER_PROVIDERS, OLD, OPTIONS, SENSITIVE, VERSIONS
from ._sorted_options import CELERY, VARIABLES, reason_against

CONFIGURATION = "https://airflow.apache.org/docs/apache-airflow/stable/howto/set-config.html"
REFERENCE = "https://airflow.apache.org/docs/apache-airflow/stable/configurations-ref.html"
DEFAULT_CELERY_CONFIG = "airflow.providers.celery.executors.default_celery.DEFAULT_CELERY_CONFIG"

# Whatever stands in these sections is handed to Celery, to Sentry and to clients of a search engine.
_OPEN = (
    "celery_broker_transport_options",
    "celery_result_backend_transport_options",
    "elasticsearch_configs",
    "opensearch_configs",
    "sentry",
)
# Of providers that read options without describing them, and one of Airflow's that names variables of pods.
_UNDESCRIBED = ("databricks", "google", "kubernetes_environment_variables", "ssh")
# What the image's Airflow and the providers know that may be in somebody's own image.
KNOWN = {**OF_OTHER_PROVIDERS, **OPTIONS}
_FORMER_SECTIONS = {name.partition(".")[0] for name in (*OLD, *HONOURED)} - KNOWN.keys()
# An option may be given by the name of a secret, or by a command.
_FORM = re.compile(r"_(secret|cmd)$")
# The variables of options as they are called by who does not know that two underscores stand between the parts.
_BY_ONE_UNDERSCORE = {
    f"AIRFLOW_{variable}".upper(): f"AIRFLOW__{section}__{name}".upper()
    for section, names in ((section.replace(".", "_").replace("-", "_"), names) for section, names in KNOWN.items())
    for name in names
    for variable in (f"{section}_{name}", f"{section}__{name}", f"_{section}_{name}")
}
_SECTIONS = {section.replace(".", "_").replace("-", "_"): section for section in KNOWN}


def split_variable(variable: str) -> tuple[str, str] | None:
    """Return section and option of a variable of Airflow's configuration, and nothing for another variable.

    An old name that Airflow still reads is turned into the new one.
    """
    found = re.fullmatch(r"AIRFLOW__(.+?)__(.+)", variable)
    if not found:
        return None
    section, name = (part.lower() for part in found.groups())
    bare = _FORM.sub("", name)
    ending = name[len(bare) :]
    section, _dot, bare = HONOURED.get(f"{section}.{bare}", f"{section}.{bare}").partition(".")
    return _SECTIONS.get(section, section), bare + ending


def validate_own(option: str, variable: str, value: Any) -> None:
    """Refuse a variable that SM2A sets itself or that would break a promise, in any of its forms.

    Raises OptionError, without the value.
    """
    for pattern, reason in VARIABLES.items():
        if re.fullmatch(pattern, variable):
            raise OptionError(option, variable, f"it cannot be set: {reason}", CONFIGURATION)
    parts = split_variable(variable)
    if not parts:
        return
    section, name = parts
    bare = _FORM.sub("", name)
    if section in ("secrets", "workers") and "backend_kwarg__" in name:
        name = bare = name.partition("_kwarg__")[0] + "_kwargs"
    if section == "celery" and bare == "extra_celery_config":
        _validate_celery(option, variable, value if name == bare else None)
    elif f"{section}.{name}" == "celery.celery_config_options" and value == DEFAULT_CELERY_CONFIG:
        return
    reason = reason_against(section, name) or reason_against(section, bare)
    if reason:
        raise OptionError(option, variable, reason, CONFIGURATION)


def _validate_celery(option: str, variable: str, value: Any) -> None:
    """Refuse what Celery would be told beside Airflow's options."""
    try:
        settings = json.loads(value) if isinstance(value, str) else value
    except ValueError:
        settings = None
    if not isinstance(settings, dict):
        raise OptionError(option, variable, "it must map settings of Celery to values, in the clear", CONFIGURATION)
    for setting in sorted(map(str, settings)):
        if setting.lower() in CELERY:
            raise OptionError(option, f"{variable}: {setting}", CELERY[setting.lower()], CONFIGURATION)


def validate_known(option: str, variable: str, strict: bool) -> None:
    """Refuse an option that Airflow does not read. Raises OptionError, naming the nearest that it does.

    Without ``strict`` a section or an option that resembles no other passes, since an image of one's own may have
    further providers, or other versions.
    """
    if variable.upper().startswith("AIRFLOW__") and variable != variable.upper():
        rule = f"Airflow reads variables in capitals only, {variable.upper()}"
        raise OptionError(option, variable, rule, CONFIGURATION)
    parts = split_variable(variable)
    if not parts:
        meant = _BY_ONE_UNDERSCORE.get(variable.upper())
        if meant:
            rule = f"Airflow reads options by two underscores, {meant}"
            raise OptionError(option, variable, rule, CONFIGURATION)
        return
    if parts[0] in _OPEN:
        return
    section, name = parts
    airflow = f"Airflow {VERSIONS['apache-airflow']}"
    if f"{section}.{name}" in OLD:
        new = OLD[f"{section}.{name}"]
        rule = f"{airflow} no longer has [{section}] {name}" + (f"; it is called {_shown(new)} now" if new else "")
        raise OptionError(option, variable, rule, REFERENCE)
    if section not in KNOWN:
        _validate_section(option, variable, section, name, strict)
    elif name not in KNOWN[section] and not _names_secret(option, variable, section, name):
        nearest = _nearest(section, name, strict)
        if nearest or strict:
            hint = f"is it {nearest}?" if nearest else f"if your image's does, set the environment variable {variable}"
            rule = f"{airflow} does not know [{section}] {name}; {hint}"
            raise OptionError(option, variable, rule, REFERENCE)


def _validate_section(option: str, variable: str, section: str, name: str, strict: bool) -> None:
    # With the option's name, since many a section's is so short that a slip makes another word of it.
    known = [f"{other}.{name}" for other in KNOWN if name in KNOWN[other]]
    meant = one_slip_away(f"{section}.{name}", known)
    if meant:
        rule = f"Airflow has no section {section}; is it {_shown(meant)}?"
        raise OptionError(option, variable, rule, REFERENCE)
    if section in _FORMER_SECTIONS:
        rule = f"Airflow {VERSIONS['apache-airflow']} no longer has a section {section}"
        raise OptionError(option, variable, rule, REFERENCE)
    if strict and section not in _UNDESCRIBED:
        similar = most_similar(section, KNOWN)
        hint = f"is it {similar}?" if similar else f"if your image's does, set the environment variable {variable}"
        raise OptionError(option, variable, f"Airflow has no section {section}; {hint}", REFERENCE)


def _names_secret(option: str, variable: str, section: str, name: str) -> bool:
    """Tell whether this is the form of an option that names a secret, or a command. Refuses it if nobody reads it."""
    bare = _FORM.sub("", name)
    if bare == name or bare not in KNOWN[section]:
        return False
    if f"{section}.{bare}" not in SENSITIVE:
        rule = f"Airflow does not take [{section}] {bare} from a secret or a command"
        raise OptionError(option, variable, rule, CONFIGURATION)
    return True


def _nearest(section: str, name: str, strict: bool) -> str:
    """Return the option that was probably meant: one slip away, then of another section, then merely similar."""
    meant = one_slip_away(name, KNOWN[section])
    if strict and not meant:
        elsewhere = sorted(f"{other}.{name}" for other, names in KNOWN.items() if name in names)
        if elsewhere:
            return _shown(elsewhere[0])
        meant = most_similar(name, KNOWN[section])
    return _shown(f"{section}.{meant}") if meant else ""


def _shown(full_name: str) -> str:
    section, _dot, name = full_name.rpartition(".")
    return f"[{section}] {name}"
