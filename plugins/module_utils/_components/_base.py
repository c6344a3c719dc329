# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every component's module does: validate, build the graph, apply it, report."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from .._reconcile.aws import Aws
from .._reconcile.engine import ApplyError, Engine, Step, diff_of, pending
from .._reconcile.errors import BotoCoreError, ClientError, OptionError, ReconcileError
from .._reconcile.resource import Resource
from .._reconcile.tags import NAME, ownership_tags
from ._account import if_it_can_be_read
from ._common_options import COMMON_OPTIONS
from ._kms_rules import resolve_kms_key_arn
from ._module import aws_module, refusal
from ._option import Option, Return, accounts, arguments, faults, needed_options
from ._variables import secret_faults

ARNS = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html"
COMMON_ARGUMENTS: dict[str, Any] = arguments(COMMON_OPTIONS)


class Component:
    """One component of an environment: options in, a graph of resources and a dictionary of facts out."""

    NAME: ClassVar[str] = ""
    SUMMARY: ClassVar[str] = ""
    """One line for lists of modules and roles."""
    DESCRIPTION: ClassVar[tuple[str, ...]] = ()
    TASK: ClassVar[str] = ""
    """The name of the role's task."""
    OPTIONS: ClassVar[Mapping[str, Option]] = {}
    """All but those that every component has."""
    ROLE_OPTIONS: ClassVar[Mapping[str, Option]] = {}
    """Options of the role alone, from which the defaults of others are made."""
    RETURNS: ClassVar[Mapping[str, Return]] = {}
    """The keys of ``facts``."""
    MAIN: ClassVar[tuple[str, ...]] = ()
    """The options that most users look at first, as the README's table of roles names them."""
    PLAN: ClassVar[tuple[str, str]] = ("", "")
    """Kind and name of a resource, as an example of what is in a plan."""
    EXAMPLES: ClassVar[str] = ""
    WAITS: ClassVar[bool] = True
    """Whether it has something that takes minutes, so that its role has the option ``wait``."""
    CHECK_MODE: ClassVar[tuple[str, ...]] = ()
    """What else there is to say of check mode."""
    FACTS_DOC: ClassVar[str] = ""
    """How the facts are called, where that is not ``sm2a_`` and the component's name."""
    ENTRY_POINTS: ClassVar[Mapping[str, tuple[str, str]]] = {}
    """Summary and description of the role's other files of tasks, which people write."""
    ARGUMENTS: ClassVar[dict[str, Any]] = {}
    """The argument specification, which comes from OPTIONS."""
    CONSTRAINTS: ClassVar[dict[str, Any]] = {}
    """Further keywords of AnsibleModule: ``required_if``, ``mutually_exclusive`` and their like."""

    def __init_subclass__(cls) -> None:
        if cls.OPTIONS:
            cls.ARGUMENTS = arguments(cls.OPTIONS)
            needed = needed_options(cls.OPTIONS)
            if needed:
                cls.CONSTRAINTS = {**cls.CONSTRAINTS, "required_if": [("state", "present", needed)]}

    def __init__(self, options: dict[str, Any], aws: Aws) -> None:
        self.options = options
        self.aws = aws
        self.environment: str = options["environment"]
        self.prefix = f"sm2a-{self.environment}"
        self.tags = ownership_tags(self.environment, self.NAME, options["tags"])

    def faults(self) -> Iterator[OptionError]:
        """Yield, without a call to AWS, everything that AWS would refuse: violated declarations, then ``rules``."""
        present = self.options["state"] == "present"
        declared = {**COMMON_OPTIONS, **self.OPTIONS}
        secret = list(secret_faults({name: self.options.get(name) for name in declared}))
        hidden = {error.option.partition(".")[0] for error in secret}
        violated = (*faults(declared, self.options, self.aws.region, present), *self.rules())
        # A rule of several options may find again what one of them violates, and no other may show a secret.
        shown = (error for error in violated if error.option.partition(".")[0] not in hidden)
        found = {str(error): error for error in (*secret, *shown)}
        yield from found.values()
        if present and not found:
            yield from self.sizes()

    def rules(self) -> Iterator[OptionError]:
        """Yield what is wrong though no declaration of a single option says so.

        Options may violate their declarations here; what does is reported already.
        """
        yield from ()

    def sizes(self) -> Iterator[OptionError]:
        """Yield what would be too large of what is made of options that are fine, each by itself."""
        yield from ()

    def validate(self) -> None:
        """Raise the first of ``faults``."""
        for error in self.faults():
            raise error

    def account_faults(self) -> Iterator[OptionError]:
        """Yield what the account refuses of options without faults. It only reads, and leaves out what it may not read.

        `validate` asks for it before anything is created, with options that other components may yet find out.
        """
        named = list(accounts({**COMMON_OPTIONS, **self.OPTIONS}, self.options))
        if named and self.options["state"] == "present":
            with if_it_can_be_read():
                ours = self.aws.account_id
                for option, arn, account in named:
                    if account != ours:
                        yield OptionError(option, arn, f"it must be in this account, {ours}", ARNS)
        yield from self.account_rules()

    def account_rules(self) -> Iterator[OptionError]:
        """Yield what the account refuses though every ARN is one of its own."""
        yield from ()

    def planned_faults(self, steps: list[Step]) -> Iterator[OptionError]:
        """Yield what the account refuses of what a plan would create or change, which these steps are.

        Asked in check mode only, in which `site` plans everything before it creates anything. It only reads, no more
        than these steps are worth, and leaves out what it may not read. It may raise ReconcileError.
        """
        yield from ()

    def resources(self) -> list[Resource]:
        """Return the graph. It may read from AWS but not write. Called once, whatever the state."""
        raise NotImplementedError

    def facts(self) -> dict[str, Any]:
        """Return what the next roles need to know, beside ``environment``, which all facts carry.

        Called after the graph was applied, or planned.
        """
        return {}

    def remarks(self) -> Iterator[str]:
        """Yield what a user should know of what is there though nothing has to change. Called as ``facts`` is."""
        yield from ()

    def vcpus(self) -> dict[str, float]:
        """Return how many vCPUs all tasks take when there are as many as there may be, by capacity provider."""
        return {}

    @property
    def facts_name(self) -> str:
        """The name of the fact that carries ``facts``."""
        return f"sm2a_{self.NAME}"


def tags_of(given: Mapping[Any, Any]) -> dict[str, Any]:
    """Return tags as texts. What is no text and nothing like one stays as it is, to be refused."""
    return {
        str(key): value if value is None or isinstance(value, (dict, list)) else str(value)
        for key, value in given.items()
    }


def named_tags(tags: dict[str, str], name: str) -> dict[str, str]:
    """Add the tag that is the name, and the one that the AWS console shows as the name."""
    return {**tags, NAME: name, "Name": name}


def run(component_class: type[Component]) -> None:
    """Run a component as an Ansible module: the whole of every module's ``main``."""
    module = aws_module(
        {**COMMON_ARGUMENTS, **component_class.ARGUMENTS},
        **component_class.CONSTRAINTS,
    )
    module.params["tags"] = tags_of(module.params["tags"])
    aws = Aws(module)
    component = component_class(module.params, aws)
    steps: list[Step] = []
    wrong = list(component.faults())
    if wrong:
        module.fail_json(**refusal(wrong))
    try:
        if module.params["state"] == "present":
            resolve_kms_key_arn(module.params, aws)
        engine = Engine(module.params["environment"], module.check_mode, module.params["wait"])
        resources = component.resources()
        if module.params["state"] == "absent":
            steps = engine.remove(resources)
            facts: dict[str, Any] = {}
        else:
            steps = engine.apply(resources)
            wanted = [step for step in steps if step.action in ("create", "update")]
            wrong = list(component.planned_faults(wanted)) if wanted and module.check_mode else []
            if wrong:
                module.fail_json(**refusal(wrong))
            facts = {"environment": component.environment, **component.facts()}
            for remark in component.remarks():
                module.warn(remark)
    except OptionError as error:
        module.fail_json(**refusal([error]))
    except ApplyError as error:
        module.fail_json(msg=str(error), **_report(error.steps, aws))
    except (ReconcileError, ClientError, BotoCoreError) as error:
        module.fail_json_aws(error, msg=f"the component {component.NAME} could not be read")
    report = _report(steps, aws)
    ansible_facts = {component.facts_name: facts, **_plan_fact(component, report["plan"], steps)}
    module.exit_json(**report, **{component.NAME: facts}, ansible_facts=ansible_facts)


def _plan_fact(component: Component, plan: list[dict[str, Any]], steps: list[Step]) -> dict[str, Any]:
    """Return the fact from which the filter ``plan_summary`` tells, at the end of a play, what was done.

    The time tells it from the plan of an earlier play. A component that is begun without waiting and finished later
    has two; if the first is not ``pending``, nothing is left to be finished. In check mode each step says also what
    would change and has its digest, for a plan that is saved, and the fact says how many vCPUs the component takes.
    """
    name = component.facts_name.replace("sm2a_", "sm2a_plan_", 1) + ("" if component.options["wait"] else "_begun")
    if component.aws.check_mode:
        by_resource = {(step.resource.kind, step.resource.name): step for step in steps}
        plan = [{**told, **_detail(by_resource[told["kind"], told["name"]])} for told in plan]
    fact = {"at": time.time(), "region": component.aws.region, "steps": plan, "pending": pending(steps)}
    if component.aws.check_mode and component.options["state"] == "present":
        fact["vcpus"] = component.vcpus()
    return {name: fact}


def _detail(step: Step) -> dict[str, Any]:
    if step.action == "none":
        return {}
    return {"fields": sorted(step.after) if step.action == "update" else [], "digest": step.digest}


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
