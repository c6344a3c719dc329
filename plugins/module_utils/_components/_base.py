# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every component's module does: validate, build the graph, apply it, report."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import Any, ClassVar

from .._reconcile.aws import Aws
from .._reconcile.engine import ApplyError, Engine, Step, diff_of
from .._reconcile.errors import BotoCoreError, ClientError, OptionError, ReconcileError
from .._reconcile.resource import Resource
from .._reconcile.tags import ownership_tags
from ._kms_rules import resolve_kms_key_arn
from ._module import aws_module
from ._option import Option, arguments

TAGGING_RULES = "https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html"

IAM_TAGS = "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags.html"

# The longest name that we derive is the load balancer's and its target group's: 32 characters, without two
# hyphens in a row in the database's. https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/
ENVIRONMENT_RULE = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
ENVIRONMENT_LENGTH = 16
# TAGGING_RULES: letters, digits and spaces of any language, and these. Some services allow more; all allow these.
TAG_RULE = re.compile(r"[\w\s.:/=+@-]*")
# A resource has at most 50 tags (TAGGING_RULES), of which up to four are ours: environment, component, pool, Name.
MOST_TAGS = 46

COMMON_ARGUMENTS: dict[str, Any] = {
    "environment": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "tags": {"type": "dict", "default": {}},
    "wait": {"type": "bool", "default": True},
}


class Component:
    """One component of an environment: options in, a graph of resources and a dictionary of facts out."""

    NAME: ClassVar[str] = ""
    OPTIONS: ClassVar[Mapping[str, Option]] = {}
    ARGUMENTS: ClassVar[dict[str, Any]] = {}
    CONSTRAINTS: ClassVar[dict[str, Any]] = {}
    """Further keywords of AnsibleModule: ``required_if``, ``mutually_exclusive`` and their like."""

    def __init_subclass__(cls) -> None:
        if cls.OPTIONS:
            cls.ARGUMENTS = arguments(cls.OPTIONS)

    def __init__(self, options: dict[str, Any], aws: Aws) -> None:
        self.options = options
        self.aws = aws
        self.environment: str = options["environment"]
        self.prefix = f"sm2a-{self.environment}"
        self.tags = ownership_tags(self.environment, self.NAME, options["tags"])

    def validate(self) -> None:
        """Refuse, without a call to AWS, what AWS would refuse. Raises OptionError."""

    def resources(self) -> list[Resource]:
        """Return the graph. It may read from AWS but not write. Called once, whatever the state."""
        raise NotImplementedError

    def facts(self) -> dict[str, Any]:
        """Return what the next roles need to know, beside ``environment``, which all facts carry.

        Called after the graph was applied, or planned.
        """
        return {}

    @property
    def facts_name(self) -> str:
        """The name of the fact that carries ``facts``."""
        return f"sm2a_{self.NAME}"


def named_tags(tags: dict[str, str], name: str) -> dict[str, str]:
    """Add the tag that the AWS console shows as the name."""
    return {**tags, "Name": name}


def validate_environment(environment: str) -> None:
    """Refuse the name of an environment that could not be part of every name. Raises OptionError."""
    if not ENVIRONMENT_RULE.fullmatch(environment) or len(environment) > ENVIRONMENT_LENGTH:
        raise OptionError(
            "environment",
            environment,
            f"it must have at most {ENVIRONMENT_LENGTH} lower-case letters, digits and single hyphens, and start "
            "with a letter",
            "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html",
        )


def validate_common(options: dict[str, Any]) -> None:
    """Refuse the options of all components that AWS would refuse. Raises OptionError."""
    validate_environment(options["environment"])
    if len(options["tags"]) > MOST_TAGS:
        rule = f"at most {MOST_TAGS}, since AWS takes 50 and SM2A needs four"
        raise OptionError("tags", len(options["tags"]), rule, TAGGING_RULES)
    keys: dict[str, str] = {}
    for key, value in options["tags"].items():
        if key.lower() == "name":
            raise OptionError("tags", key, "SM2A sets the tag that is the name in the console", TAGGING_RULES)
        other = keys.setdefault(key.lower(), key)
        if other != key:
            # IAM takes no two keys that differ in this way only, other services do.
            rule = "keys have to differ in more than capital letters"
            raise OptionError("tags", f"{other} and {key}", rule, IAM_TAGS)
        if key.lower().startswith(("aws:", "sm2a:")):
            raise OptionError("tags", key, "the prefixes aws: and sm2a: are reserved", TAGGING_RULES)
        if not 1 <= len(key) <= 128 or len(str(value)) > 256:
            raise OptionError("tags", key, "a key has 1 to 128 characters, a value at most 256", TAGGING_RULES)
        for text in (key, value):
            if not TAG_RULE.fullmatch(text):
                raise OptionError("tags", text, "letters, digits, spaces and . : / = + - @ _", TAGGING_RULES)


def run(component_class: type[Component]) -> None:
    """Run a component as an Ansible module: the whole of every module's ``main``."""
    module = aws_module(
        {**COMMON_ARGUMENTS, **component_class.ARGUMENTS},
        **component_class.CONSTRAINTS,
    )
    module.params["tags"] = {str(key): str(value) for key, value in module.params["tags"].items()}
    aws = Aws(module)
    component = component_class(module.params, aws)
    steps: list[Step] = []
    try:
        validate_common(module.params)
        component.validate()
        if module.params["state"] == "present":
            resolve_kms_key_arn(module.params, aws)
        engine = Engine(module.params["environment"], module.check_mode, module.params["wait"])
        resources = component.resources()
        if module.params["state"] == "absent":
            steps = engine.remove(resources)
            facts: dict[str, Any] = {}
        else:
            steps = engine.apply(resources)
            facts = {"environment": component.environment, **component.facts()}
    except OptionError as error:
        module.fail_json(msg=str(error), option=error.option, rule=error.rule, documentation=error.documentation)
    except ApplyError as error:
        module.fail_json(msg=str(error), **_report(error.steps, aws))
    except (ReconcileError, ClientError, BotoCoreError) as error:
        module.fail_json_aws(error, msg=f"the component {component.NAME} could not be read")
    report = _report(steps, aws)
    ansible_facts = {component.facts_name: facts, **_plan_fact(component, report["plan"])}
    module.exit_json(**report, **{component.NAME: facts}, ansible_facts=ansible_facts)


def _plan_fact(component: Component, plan: list[dict[str, str]]) -> dict[str, Any]:
    """Return the fact from which the filter ``plan_summary`` tells, at the end of a play, what was done.

    The time tells it from the plan of an earlier play. A component that is begun without waiting and finished later
    has two.
    """
    name = component.facts_name.replace("sm2a_", "sm2a_plan_", 1) + ("" if component.options["wait"] else "_begun")
    return {name: {"at": time.time(), "steps": plan}}


def _report(steps: list[Step], aws: Aws) -> dict[str, Any]:
    changed = [step for step in steps if step.action in ("create", "update", "delete")]
    return {
        "changed": bool(changed),
        "diff": diff_of(steps),
        "plan": [
            {"kind": step.resource.kind, "name": step.resource.name, "action": step.action}
            for step in sorted(steps, key=lambda step: step.resource.label)
        ],
        "api_calls": {"read": len(aws.reads), "write": len(aws.writes)},
    }
