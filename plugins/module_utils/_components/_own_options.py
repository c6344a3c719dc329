# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What of Airflow's configuration is SM2A's own, and what Airflow does not know.

Some options name the environment's resources. Others would take back, without a word, what SM2A promises: a worker
that is not stopped while it runs tasks, a scaler that knows how much runs, logs that can be read.
"""

from __future__ import annotations

import json
import re
from typing import Any

from .._reconcile.errors import OptionError
from .._spelling import most_similar, one_slip_away
from ._airflow_options import HONOURED, OLD, OPTIONS, SENSITIVE, VERSIONS
from ._names import API_SERVER_PORT

CONFIGURATION = "https://airflow.apache.org/docs/apache-airflow/stable/howto/set-config.html"
REFERENCE = "https://airflow.apache.org/docs/apache-airflow/stable/configurations-ref.html"
DEFAULT_CELERY_CONFIG = "airflow.providers.celery.executors.default_celery.DEFAULT_CELERY_CONFIG"

_CONCURRENCY = "use sm2a_worker_pools.<pool>.concurrency, with which the scaler counts"
_QUEUES = "each pool of sm2a_worker_pools has its SQS queue"
_ACKNOWLEDGE = "a worker keeps its protection for as long as it has messages to acknowledge, which is when a task ends"
_PROCESSES = "a worker runs each task in a process of its own, and its protection is made for that"
_PORT = (
    f"the load balancer and the health check ask port {API_SERVER_PORT} by HTTP; "
    "for HTTPS use load_balancer_certificate_arn"
)
_LOG_SERVER = "the security group lets the API server in at this port only"
_REMOTE_LOG = "tasks' logs are in the log bucket, from where the API server reads them"
_BACKEND = "connections, variables and keys are read from Secrets Manager"
_PROXY = "headers that are not the load balancer's could come from anybody"

# Why, or what to use instead, by section and option.
OWN = {
    "api.base_url": "use load_balancer_domain_name or load_balancer_url",
    "api.host": _PORT,
    "api.port": _PORT,
    "api.ssl_cert": _PORT,
    "api.ssl_key": _PORT,
    "celery.broker_url": _QUEUES,
    "celery.celery_config_options": "use celery.extra_celery_config, which can be checked before anything runs",
    "celery.pool": _PROCESSES,
    "celery.ssl_active": "SQS always uses HTTPS, and Celery takes certificates for other brokers only",
    "celery.task_acks_late": _ACKNOWLEDGE,
    "celery.worker_autoscale": _CONCURRENCY,
    "celery.worker_concurrency": _CONCURRENCY,
    "celery.worker_enable_remote_control": "SQS has no remote control",
    "celery.worker_prefetch_multiplier": "a message that waits in a worker is one that no other worker can take",
    "celery_broker_transport_options.predefined_queues": _QUEUES,
    "celery_broker_transport_options.queue_name_prefix": _QUEUES,
    "celery_broker_transport_options.region": "use sm2a_region",
    "celery_broker_transport_options.visibility_timeout": "the queues have their own, queue_visibility_timeout",
    "core.auth_manager": "SM2A makes its administrator with that of the FAB provider",
    "core.execution_api_server_url": "use sm2a_execution_api_server_url",
    "core.executor": "the scaler and the workers are made for the CeleryExecutor",
    "core.hostname_callable": "the API server reads the logs of running tasks at the address that it returns",
    "core.multi_team": "the scaler knows no queues of teams",
    "fab.cookie_secure": "it follows from the address, see load_balancer_protocol",
    "fab.enable_proxy_fix": _PROXY,
    "fab.proxy_fix_x_for": _PROXY,
    "fab.proxy_fix_x_host": _PROXY,
    "fab.proxy_fix_x_port": _PROXY,
    "fab.proxy_fix_x_prefix": _PROXY,
    "fab.session_backend": "sessions are in the database; workers know the key that would sign one in a cookie",
    "logging.logging_config_class": "with its own the API server reads logs that are not in the bucket yet",
    "logging.remote_base_log_folder": _REMOTE_LOG,
    "logging.remote_log_conn_id": _REMOTE_LOG,
    "logging.remote_logging": _REMOTE_LOG,
    "logging.trigger_log_server_port": _LOG_SERVER,
    "logging.worker_log_server_port": _LOG_SERVER,
    "operators.default_queue": "use sm2a_default_worker_pool",
    "secrets.backend": _BACKEND,
    "secrets.backend_kwargs": _BACKEND,
    "workers.secrets_backend": _BACKEND,
    "workers.secrets_backend_kwargs": _BACKEND,
}
# Celery's own names, for `celery.extra_celery_config`.
# https://docs.celeryq.dev/en/stable/userguide/configuration.html
CELERY = {
    "broker_read_url": _QUEUES,
    "broker_transport": _QUEUES,
    "broker_transport_options": "use the section celery_broker_transport_options",
    "broker_url": _QUEUES,
    "broker_use_ssl": OWN["celery.ssl_active"],
    "broker_write_url": _QUEUES,
    "result_backend": "results are in the metadata database, where each service has a login of its own",
    "task_acks_late": _ACKNOWLEDGE,
    "task_acks_on_failure_or_timeout": _ACKNOWLEDGE,
    "task_annotations": f"it can change task_acks_late; {_ACKNOWLEDGE}",
    "task_default_queue": OWN["operators.default_queue"],
    "task_queues": _QUEUES,
    "task_routes": _QUEUES,
    "worker_autoscaler": _CONCURRENCY,
    "worker_concurrency": _CONCURRENCY,
    "worker_enable_remote_control": OWN["celery.worker_enable_remote_control"],
    "worker_pool": _PROCESSES,
    "worker_prefetch_multiplier": OWN["celery.worker_prefetch_multiplier"],
}
# Variables of the image and of ECS, as regular expressions.
VARIABLES = {
    r"AWS_DEFAULT_REGION": "use sm2a_region",
    r"DUMB_INIT_SETSID": "a worker's tasks end before it does, so the signal to stop is for the worker alone",
    r"ECS_(AGENT_URI|CONTAINER_METADATA_URI(_V4)?)": "ECS sets it, and a worker asks for its protection there",
    r"PYTHONPATH": "the image's own programs are found by it",
    r"SM2A_\w+": "the programs of the images read it",
}
# Whatever stands in these sections is handed to Celery and to Sentry.
_OPEN = ("celery_broker_transport_options", "celery_result_backend_transport_options", "sentry")
# Sections of Airflow's providers that are not in the image, but may be in one of somebody's own:
# https://airflow.apache.org/docs/apache-airflow-providers/core-extensions/configurations.html
_OF_PROVIDERS = frozenset(
    {
        "azure_remote_logging",
        "celery_kubernetes_executor",
        "databricks",
        "edge",
        "elasticsearch",
        "elasticsearch_configs",
        "google",
        "hive",
        "imap",
        "keycloak_auth_manager",
        "kubernetes",
        "kubernetes_environment_variables",
        "kubernetes_executor",
        "kubernetes_secrets",
        "local_kubernetes_executor",
        "openlineage",
        "opensearch",
        "opensearch_configs",
        "snowflake",
        "ssh",
        "yandex",
    }
)
# An option may be given by the name of a secret, or by a command.
_FORM = re.compile(r"_(secret|cmd)$")
# The variables of options as they are called by who does not know that two underscores stand between the parts.
_BY_ONE_UNDERSCORE = {
    f"AIRFLOW_{variable}".upper(): f"AIRFLOW__{section}__{name}".upper()
    for section, names in ((section.replace(".", "_").replace("-", "_"), names) for section, names in OPTIONS.items())
    for name in names
    for variable in (f"{section}_{name}", f"{section}__{name}", f"_{section}_{name}")
}
_SECTIONS = {section.replace(".", "_").replace("-", "_"): section for section in OPTIONS}


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
    """Refuse a variable that SM2A sets itself, in any of its forms. Raises OptionError, without the value."""
    for pattern, reason in VARIABLES.items():
        if re.fullmatch(pattern, variable):
            _refuse(option, variable, reason)
    parts = split_variable(variable)
    if not parts:
        return
    section, name = parts
    bare = _FORM.sub("", name)
    if section in ("secrets", "workers") and "backend_kwarg__" in name:
        _refuse(option, variable, _BACKEND)
    if section == "celery" and bare == "extra_celery_config":
        _validate_celery(option, variable, value if name == bare else None)
    elif f"{section}.{name}" == "celery.celery_config_options" and value == DEFAULT_CELERY_CONFIG:
        return
    for known in (name, bare):
        if f"{section}.{known}" in OWN:
            _refuse(option, variable, OWN[f"{section}.{known}"])


def _refuse(option: str, variable: str, reason: str) -> None:
    raise OptionError(option, variable, f"SM2A sets this itself: {reason}", CONFIGURATION)


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
            _refuse(option, f"{variable}: {setting}", CELERY[setting.lower()])


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
    if section not in OPTIONS:
        _validate_section(option, variable, section, name, strict)
    elif name not in OPTIONS[section] and not _names_secret(option, variable, section, name):
        nearest = _nearest(section, name, strict)
        if nearest or strict:
            hint = f"is it {nearest}?" if nearest else f"if your image's does, set the environment variable {variable}"
            rule = f"{airflow} does not know [{section}] {name}; {hint}"
            raise OptionError(option, variable, rule, REFERENCE)


def _validate_section(option: str, variable: str, section: str, name: str, strict: bool) -> None:
    # With the option's name, since many a section's is so short that a slip makes another word of it.
    known = [f"{other}.{name}" for other in OPTIONS if name in OPTIONS[other]]
    meant = one_slip_away(f"{section}.{name}", known)
    if meant:
        rule = f"Airflow has no section {section}; is it {_shown(meant)}?"
        raise OptionError(option, variable, rule, REFERENCE)
    if strict and section not in _OF_PROVIDERS:
        similar = most_similar(section, OPTIONS)
        hint = f"is it {similar}?" if similar else f"if your image's does, set the environment variable {variable}"
        raise OptionError(option, variable, f"Airflow has no section {section}; {hint}", REFERENCE)


def _names_secret(option: str, variable: str, section: str, name: str) -> bool:
    """Tell whether this is the form of an option that names a secret, or a command. Refuses it if nobody reads it."""
    bare = _FORM.sub("", name)
    if bare == name or bare not in OPTIONS[section]:
        return False
    if f"{section}.{bare}" not in SENSITIVE:
        rule = f"Airflow does not take [{section}] {bare} from a secret or a command"
        raise OptionError(option, variable, rule, CONFIGURATION)
    return True


def _nearest(section: str, name: str, strict: bool) -> str:
    """Return the option that was probably meant: one slip away, then of another section, then merely similar."""
    meant = one_slip_away(name, OPTIONS[section])
    if strict and not meant:
        elsewhere = sorted(f"{other}.{name}" for other, names in OPTIONS.items() if name in names)
        if elsewhere:
            return _shown(elsewhere[0])
        meant = most_similar(name, OPTIONS[section])
    return _shown(f"{section}.{meant}") if meant else ""


def _shown(full_name: str) -> str:
    section, _dot, name = full_name.rpartition(".")
    return f"[{section}] {name}"
