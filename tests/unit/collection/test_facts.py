# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What roles take from the facts of other roles: where they look, what they say, and that one table has all of it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleError
from ansible.parsing.dataloader import DataLoader
from ansible.parsing.plugin_docs import read_docstring
from ansible.plugins.loader import lookup_loader
from ansible.template import Templar, trust_as_template

from ansible_collections.sm2a.airflow.plugins.action.read_facts import only_planned
from ansible_collections.sm2a.airflow.plugins.plugin_utils._facts import FACTS, parts_of_tags, tags_for
from ansible_collections.sm2a.airflow.plugins.plugin_utils._order import ROLES, STEPS, TAGS, role_of

ROOT = Path(__file__).parents[3]
KEY = "arn:aws:kms:eu-central-1:123456789012:key/mine"
# A variable's default, as it looks into a fact: the component, and the keys below it.
LOOKUP = re.compile(r"lookup\('sm2a\.airflow\.fact', ((?:'\w+',\s+)+)environment=(\w+)_environment")


def security(environment: str) -> dict[str, Any]:
    return {
        "sm2a_security": {"environment": environment, "kms_key_arn": KEY, "security_group_ids": {"airflow": "sg-1"}}
    }


def lookup(name: str, *terms: str, variables: dict[str, Any], **options: Any) -> list[Any]:
    """Run one of our lookups with these variables of a host, as a template would."""
    templar = Templar(loader=DataLoader(), variables=variables)
    plugin = lookup_loader.get(f"sm2a.airflow.{name}", loader=templar._loader, templar=templar)
    return list(plugin.run(list(terms), variables=variables, **options))


class TestFact:
    """The lookup ``fact``."""

    @pytest.mark.parametrize(
        ("path", "value"),
        [
            (("kms_key_arn",), KEY),
            (("security_group_ids", "airflow"), "sg-1"),
            (("security_group_ids", "moon"), "none"),
            (("kms_key_arn", "id"), "none"),
            (("moon",), "none"),
        ],
    )
    def test_it_finds_what_is_there(self, path: tuple[str, ...], value: str) -> None:
        variables = {"ansible_facts": security("one")}

        assert lookup("fact", "security", *path, variables=variables, environment="one", default="none") == [value]

    @pytest.mark.parametrize(
        "facts", [{}, {"sm2a_security": {}}, {"sm2a_security": {"kms_key_arn": KEY}}, security("two")]
    )
    def test_it_finds_nothing_of_another_environment(self, facts: dict[str, Any]) -> None:
        variables = {"ansible_facts": facts}

        assert lookup("fact", "security", "kms_key_arn", variables=variables, environment="one") == [""]
        assert lookup("fact", "security", "x", variables=variables, environment="one", default=[]) == [[]]
        assert lookup("fact", "security", "kms_key_arn", variables={}, environment="one") == [""]

    def test_a_key_that_nobody_made_is_none(self) -> None:
        variables = {"ansible_facts": {"sm2a_security": {"environment": "one", "kms_key_arn": None}}}

        assert lookup("fact", "security", "kms_key_arn", variables=variables, environment="one") == [""]


def missing(*roles: str, facts: dict[str, Any] | None = None, **variables: Any) -> str:
    """Return what the lookup ``missing_facts`` says of roles for the environment ``one``."""
    environments = {f"{role}_environment": "one" for role in FACTS}
    known = {"ansible_facts": facts or {}, "cluster_service_discovery": True, **environments, **variables}
    return " ".join(lookup("missing_facts", *roles, variables=known))


class TestMissingFacts:
    """The lookup ``missing_facts``, as the first task of a role asks it."""

    @pytest.mark.parametrize("role", ["network", "storage", "secrets", "queue", "observability", "image"])
    def test_what_needs_no_facts_has_them_all(self, role: str) -> None:
        assert missing(role) == ""

    def test_it_names_roles_variables_and_tags(self) -> None:
        said = missing("load_balancer", load_balancer_subnet_ids=["subnet-1", "subnet-2"])

        assert "The role load_balancer needs facts of roles that have not run" in said
        assert "security (load_balancer_security_group_ids)" in said and "network (load_balancer_vpc_id)" in said
        assert "load_balancer_subnet_ids" not in said
        assert said.endswith("--tags network,security,load_balancer")

    def test_the_tags_are_all_that_it_takes(self) -> None:
        tags = tags_for(["scaler"])

        assert missing("scaler").endswith(f"--tags {','.join(tags)}")
        # What it needs itself, and what that needs, each behind what it needs.
        assert {"network", "secrets", "image", "airflow", "workers"} < set(tags)
        assert tags == [role for role in ROLES if role in tags] and tags[-1] == "scaler"
        # Their modules read the secrets that another role makes, which is no fact.
        assert tags_for(["database"]) == ["network", "security", "secrets", "database"]
        assert "--tags network,security,secrets,database" in missing("database")

    def test_what_the_user_sets_or_a_role_returned_is_not_missing(self) -> None:
        assert missing("security", security_vpc_id="vpc-1") == ""
        assert missing("security", facts={"sm2a_network": {"environment": "one", "vpc_id": "vpc-1"}}) == ""

    @pytest.mark.parametrize("role", [role for role in FACTS if FACTS[role]])
    def test_nothing_is_needed_to_delete(self, role: str) -> None:
        assert missing(role, facts=security("two"), **{f"{role}_state": "absent"}) == ""

    @pytest.mark.parametrize("role", ["storage", "secrets", "queue", "database", "observability", "image", "airflow"])
    def test_facts_of_another_environment_are_refused(self, role: str) -> None:
        said = missing(role, facts=security("two"))

        assert "the facts of security are of the environment 'two', not of 'one'" in said
        assert "Run the role security of 'one' first" in said

    def test_facts_of_another_environment_do_not_matter_to_who_needs_none(self) -> None:
        assert missing("storage", facts=security("two"), storage_kms_key_arn=KEY) == ""
        assert missing("network", facts=security("two")) == ""

    def test_the_environment_is_the_sites_where_the_role_has_not_been_included(self) -> None:
        one = {"image_environment": None, "sm2a_environment": trust_as_template("{{ 'one' }}")}

        assert missing("image", facts=security("one"), **one) == ""
        assert "are of the environment 'two', not of 'one'" in missing("image", facts=security("two"), **one)

    def test_a_variable_that_is_omitted_was_not_set(self) -> None:
        omitted = trust_as_template("{{ omit }}")

        assert missing("storage", storage_kms_key_arn=omitted) == ""
        assert "security (database_security_group_ids)" in missing("database", database_security_group_ids=omitted)

    def test_a_role_that_does_not_exist_is_refused(self) -> None:
        with pytest.raises(AnsibleError, match="'moon' is no role of SM2A; they are network, security"):
            missing("moon")

    def test_names_resolve_in_no_vpc_without_service_discovery(self) -> None:
        assert "network (cluster_vpc_id)" in missing("cluster")
        assert missing("cluster", cluster_service_discovery=False) == ""
        assert missing("cluster", cluster_service_discovery="false") == ""


class TestTags:
    """The lookup ``missing_facts``, as the playbook asks it."""

    def said(self, *tags: str, skipped: tuple[str, ...] = ()) -> str:
        variables = {
            "ansible_facts": {},
            "cluster_service_discovery": True,
            **{f"{role}_environment": "one" for role in FACTS},
        }
        return " ".join(lookup("missing_facts", variables=variables, tags=list(tags), skipped_tags=list(skipped)))

    @pytest.mark.parametrize(
        "tags",
        [
            ("all",),
            ("tagged",),
            ("untagged",),
            ("network",),
            ("storage",),
            ("secrets", "queue"),
            ("network", "security"),
            ("network", "security", "database"),
            tuple(tags_for(["scaler"])),
            ("their_own",),
        ],
    )
    def test_what_is_complete(self, tags: tuple[str, ...]) -> None:
        assert self.said(*tags) == ""

    @pytest.mark.parametrize("role", [role for role in FACTS if tags_for([role]) != [role]])
    def test_every_other_role_alone_is_refused_with_the_tags_that_make_it_whole(self, role: str) -> None:
        match = re.search(r"--tags ([\w,]+)$", self.said(role))

        assert match and match[1].split(",")[-1] == role
        assert self.said(*match[1].split(",")) == ""

    def test_a_part_that_is_left_out(self) -> None:
        assert "The role security needs facts of roles that have not run: network" in self.said(
            "all", skipped=("network",)
        )
        said = self.said("all", skipped=("image", "scaler"))
        assert "The role airflow needs facts of roles that have not run: image (airflow_image)." in said
        assert "The role scaler" not in said and ",image,airflow" in said
        assert self.said("all", skipped=("scaler",)) == ""

    @pytest.mark.parametrize(
        ("tags", "skipped", "parts"),
        [
            (["workers"], [], ["workers"]),
            (["image"], [], ["image_airflow", "image_scaler"]),
            (["scaler", "image"], ["airflow"], ["image_airflow", "image_scaler", "scaler"]),
            (["all"], ["image", "scaler"], [part for part in FACTS if part not in ("image", "scaler")]),
            (["tagged"], [], list(TAGS)),
            (["untagged"], [], []),
            (["all"], ["tagged"], []),
        ],
    )
    def test_parts_are_those_that_ansible_runs(self, tags: list[str], skipped: list[str], parts: list[str]) -> None:
        assert parts_of_tags(tags, skipped) == parts


class TestTable:
    """The table is what the roles, the playbook and the modules say."""

    def test_it_has_every_variable_that_looks_into_a_fact(self) -> None:
        looked = {}
        for path in (ROOT / "roles").glob("*/defaults/main.yml"):
            role = path.parents[1].name
            for variable, text in yaml.safe_load(path.read_text()).items():
                for terms, environment in LOOKUP.findall(str(text)):
                    assert environment == role, f"{variable} looks for another role's environment"
                    looked[variable] = re.findall(r"\w+", terms)[0]

        table = {f"{role}_{option}": fact.component for role, facts in FACTS.items() for option, fact in facts.items()}
        assert looked == table

    def test_nothing_reads_facts_but_through_the_lookup(self) -> None:
        # Facts that are read directly may be of another environment.
        files = [path for kind in ("defaults", "tasks") for path in (ROOT / "roles").glob(f"*/{kind}/*.yml")]

        assert [path for path in files if "ansible_facts" in path.read_text()] == []

    def test_modules_return_what_the_lookups_look_for(self) -> None:
        for path in (ROOT / "roles").glob("*/defaults/main.yml"):
            for terms, _environment in LOOKUP.findall(path.read_text()):
                component, key = re.findall(r"\w+", terms)[:2]
                module = component.partition("_")[0] if component.startswith("image_") else component
                returned = read_docstring(str(ROOT / f"plugins/modules/{module}.py"))["returndocs"]
                assert {"environment", key} <= set(returned[module]["contains"]), f"{path}: {component}.{key}"

    def test_order_and_tags_are_the_playbooks(self) -> None:
        imported: dict[str, set[str]] = {}
        for task in yaml.safe_load((ROOT / "playbooks/tasks/roles.yml").read_text()):
            role = task["ansible.builtin.import_role"]
            name = role["name"].rsplit(".", 1)[-1]
            name = f"image_{name}" if role.get("tasks_from") == "image" else name
            imported.setdefault(name, set()).update(task["tags"])

        assert list(TAGS) == list(imported)
        assert list(FACTS) == list(ROLES)
        assert {role: set(tags) for role, tags in TAGS.items()} == imported

    def test_every_fact_is_made_before_it_is_asked_for(self) -> None:
        made: set[str] = set()
        for step in STEPS:
            lacking = {fact.component for fact in FACTS[role_of(step.component)].values()} - made
            assert lacking == set(), step.name
            made.add(step.component)

    @pytest.mark.parametrize("role", sorted(role for role, facts in FACTS.items() if facts))
    def test_a_role_asks_before_it_does_anything(self, role: str) -> None:
        [check, *others] = yaml.safe_load((ROOT / f"roles/{role}/tasks/main.yml").read_text())

        assert check["sm2a.airflow.read_facts"] == {"roles": [role]}
        assert len(others) == 1

    @pytest.mark.parametrize("role", sorted(FACTS))
    def test_no_default_is_omitted_where_a_text_would_not_be_taken(self, role: str) -> None:
        """Up to ansible-core 2.18 ``omit`` is a text until the module runs; a role checks its arguments before."""
        options = yaml.safe_load((ROOT / f"roles/{role}/meta/argument_specs.yml").read_text())
        options = options["argument_specs"]["main"]["options"]
        defaults = yaml.safe_load((ROOT / f"roles/{role}/defaults/main.yml").read_text())

        for name, value in defaults.items():
            if re.search(r"\bomit\b", str(value)):
                assert options[name]["type"] == "str" and "choices" not in options[name], name


def test_facts_that_only_a_plan_has_left_are_not_of_what_exists() -> None:
    facts = {
        "sm2a_network": {"environment": "test", "private_subnet_ids": ["(known after apply)"]},
        "sm2a_security": {"environment": "test", "kms_key_arn": "arn:aws:kms:eu-central-1:123456789012:key/1"},
        "sm2a_plan_network": {"at": 1.0, "steps": [{"name": "(known after apply)"}]},
    }

    assert only_planned(facts) == ["sm2a_network"]
