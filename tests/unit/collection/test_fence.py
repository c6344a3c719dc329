# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every playbook refuses variables that SM2A does not know, and what is one slip away from one that it knows."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

from ansible_collections.sm2a.airflow.plugins.lookup.refused_variables import LookupModule
from ansible_collections.sm2a.airflow.plugins.module_utils._spelling import Slips, did_you_mean
from ansible_collections.sm2a.airflow.plugins.plugin_utils import _variables

ROOT = Path(__file__).parents[3]
PLAYBOOKS = sorted((ROOT / "playbooks").glob("*.yml"))
OPTIONS = {name: option for options in _variables.role_options().values() for name, option in options.items()}
# What cannot be converted; everything can be a text.
WRONG = {"int": "many", "bool": "perhaps", "dict": "one", "list": {"a": 1}, "path": {"a": 1}}


def refused(**variables: Any) -> list[str]:
    """Return what the fence says of a host's variables."""
    loader = DataLoader()
    return LookupModule(loader=loader, templar=Templar(loader=loader, variables=variables)).run([], variables)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("sm2a_tag", "sm2a_tags"),
        ("sm2a_tgas", "sm2a_tags"),
        ("sm2atags", "sm2a_tags"),
        ("s2ma_tags", "sm2a_tags"),
        ("SM2A_TAGS", "sm2a_tags"),
        ("sm2a_worker_pool", "sm2a_worker_pools"),
        ("sm2a_workers_pools", "sm2a_worker_pools"),
        ("sm2a_default_pool", "sm2a_default_worker_pool"),
        ("sm2a_teardwon", "sm2a_teardown"),
        ("sm2a_enviroment", "sm2a_environment"),
        ("loadbalancer_scheme", "load_balancer_scheme"),
        ("load-balancer-scheme", "load_balancer_scheme"),
        ("load_ballancer_scheme", "load_balancer_scheme"),
        ("loadbalancerscheme", "load_balancer_scheme"),
        ("worker_environment_variables", "workers_environment_variables"),
        ("workersenvironment_variables", "workers_environment_variables"),
        ("databse_engine", "database_engine"),
        ("databases_engine", "database_engine"),
        ("storage_delete_bucket", "storage_delete_buckets"),
        ("database_final_snapshots", "database_final_snapshot"),
        ("database_multiaz", "database_multi_az"),
        ("security_role_policy", "security_role_policies"),
        ("network_zones", None),
        ("storage_colour", None),
        ("sm2a_colour", None),
    ],
)
def test_a_variable_that_sm2a_does_not_know_is_refused(name: str, meant: str | None) -> None:
    [sentence] = refused(**{name: "x", "sm2a_environment": "dev"})

    assert sentence == f"SM2A knows no variable {name}{f' (did you mean {meant}?)' if meant else ''}."


@pytest.mark.parametrize(
    "name",
    [
        *("image", "images", "network", "networks", "queue", "secret", "environment", "environment_name", "tags"),
        *("ansible_facts", "ansible_network_os", "inventory_hostname", "groups", "group_names", "hostvars"),
        *("playbook_dir", "role_path", "role_name", "omit", "vars", "item", "play_hosts", "inventory_dir"),
        *("awx_job_id", "awx_workflow_job_name", "tower_user_name", "tower_project_revision"),
        *("region", "profile", "aws_region", "vpc_id", "airflow", "workers", "my_network_cidr", "team_storage"),
        *("db_engine", "images_by_name", "queued_jobs", "airflows", "sm2a", "sm2a_local_gateway"),
        *sorted(_variables.facts(list(_variables.role_options()))),
        *sorted(_variables.INTERNAL),
    ],
)
def test_a_variable_of_something_else_is_left_alone(name: str) -> None:
    assert refused(**{name: "x"}) == []


@pytest.mark.parametrize(
    "name", ["sm2a_image_reports", "sm2a_plan_image_reports", "sm2a_image_our_base", "sm2a_plan_image_reports_begun"]
)
def test_the_facts_of_any_image_are_left_alone(name: str) -> None:
    assert refused(**{name: {"uri": "x"}, "ansible_facts": {name: {"uri": "x"}}}) == []
    assert refused(**{name: "x", "ansible_facts": {}}) == [f"SM2A knows no variable {name}."]
    assert refused(sm2a_reports="x", ansible_facts={"sm2a_reports": "x"}) != []


def test_pools_that_are_pairs_are_looked_at() -> None:
    [sentence] = refused(sm2a_worker_pools="default=big")

    assert "sm2a_worker_pools.default" in sentence


@pytest.mark.parametrize("others", [["network_team"], "network_team, image_editor", '["network_team"]'])
def test_other_variables_are_the_way_out(others: Any) -> None:
    assert refused(network_team="red") != []
    assert refused(network_team="red", sm2a_other_variables=others) == []


def test_variables_that_exist_are_no_slips_of_each_other() -> None:
    known = {*_variables.SITE, *OPTIONS}

    assert [name for name in known if Slips(known).find(name)] == []


def test_short_names_are_compared_whole() -> None:
    assert Slips({"cpu"}).find("cpy") is None
    assert Slips({"count"}).find("counts") == "count"
    assert did_you_mean("maxmium", ["minimum", "maximum"]) == " (did you mean maximum?)"


@pytest.mark.parametrize("name", [name for name, option in OPTIONS.items() if option["type"] in WRONG])
def test_a_value_of_another_type_is_refused_before_anything_is_done(name: str) -> None:
    sentence, *_more = refused(**{name: WRONG[OPTIONS[name]["type"]]})

    assert name in sentence


@pytest.mark.parametrize("name", [name for name, option in OPTIONS.items() if "choices" in option])
def test_a_value_that_is_no_choice_is_refused_before_anything_is_done(name: str) -> None:
    [sentence] = refused(**{name: "other" if OPTIONS[name]["type"] == "str" else "9"})

    assert name in sentence and str(OPTIONS[name]["choices"][0]) in sentence


@pytest.mark.parametrize("text", [lambda value: value, json.dumps, yaml.safe_dump])
@pytest.mark.parametrize(
    ("variables", "parts"),
    [
        ({"sm2a_worker_pools": {"default": {"minimun": 1}}}, ["sm2a_worker_pools.default.minimun", "mean minimum"]),
        ({"sm2a_worker_pools": {"default": {"max": 1}}}, ["sm2a_worker_pools.default.max", "one of minimum, maximum"]),
        ({"sm2a_worker_pools": {"default": {"cpu": "big"}}}, ["sm2a_worker_pools.default.cpu", "whole number"]),
        ({"sm2a_worker_pools": {"Default": {}}}, ["'Default'", "lower-case"]),
        ({"workers_pools": {"default": {"cpus": 1024}}}, ["workers_pools.default.cpus", "mean cpu?"]),
        ({"airflow_services": {"schedulers": {}}}, ["airflow_services.schedulers", "mean scheduler?"]),
        ({"airflow_services": {"webserver": {}}}, ["airflow_services.webserver", "none of api_server, execution_api"]),
        ({"airflow_services": {"scheduler": {"counts": 2}}}, ["airflow_services.scheduler.counts", "mean count?"]),
        ({"airflow_services": {"scheduler": {"count": "two"}}}, ["count", "int"]),
    ],
)
def test_an_option_that_a_pool_or_a_service_has_not_is_refused(
    variables: dict[str, Any], parts: list[str], text: Any
) -> None:
    [sentence] = refused(**{name: text(value) for name, value in variables.items()})

    assert all(part in sentence for part in parts), sentence


def test_answers_of_a_survey_are_accepted() -> None:
    for nothing in ("", " ", None):
        assert refused(**{name: nothing for name in [*_variables.SITE, *OPTIONS]}) == []

    answers = {
        "sm2a_worker_pools": '{"default": {"minimum": "1", "maximum": "3", "cpu": ""}, "heavy": null}',
        "sm2a_tags": "owner: data\ncost-center: 4711\n",
        "sm2a_secret_recovery_window_days": "7",
        "airflow_services": "scheduler: {count: '2', cpu: ''}",
        "database_multi_az": "true",
        "network_availability_zone_count": "3",
        "network_availability_zones": '["eu-central-1a", "eu-central-1b"]',
        "storage_log_expiration_days": "90",
        "image_uris": '{"airflow": "registry.example.com/airflow:1"}',
    }
    assert refused(**answers) == []


def test_values_that_are_known_later_only_are_left_to_the_module() -> None:
    # Templates of an inventory are trusted; what they refer to may be a fact of a role that has not run.
    template = trust_as_template("{{ ansible_facts.sm2a_queue.pools }}")
    assert refused(queue_pools=template, database_engine_version=trust_as_template("{{ omit }}")) == []


def test_it_takes_less_than_half_a_second_beside_thousands_of_variables() -> None:
    variables = {f"something_else_{number}": number for number in range(3000)}

    started = time.process_time()
    assert refused(**variables) == []
    assert time.process_time() - started < 0.5


@pytest.mark.parametrize("path", PLAYBOOKS, ids=lambda path: path.stem)
def test_every_playbook_begins_with_the_fence(path: Path) -> None:
    for play in yaml.safe_load(path.read_text()):
        first = play["tasks"][0]
        # Without roles the action looks at all variables, beside the options of the roles that run.
        whole = path.stem == "site" and "sm2a.airflow.validate" in first and first["sm2a.airflow.validate"] is None
        assert whole or first["ansible.builtin.import_tasks"] == "tasks/variables.yml"
        assert first["tags"] == ["always"]


def test_the_list_of_the_sites_variables_is_what_playbooks_and_roles_use() -> None:
    files = [*PLAYBOOKS, *(ROOT / "roles").glob("*/defaults/*.yml"), *(ROOT / "roles").glob("*/tasks/*.yml")]
    used = {name for path in files for name in re.findall(r"(?<!facts\.)\bsm2a_[a-z_]+", path.read_text())}

    assert used | {"sm2a_other_variables"} == set(_variables.SITE)


def test_the_list_of_internal_variables_is_what_roles_set() -> None:
    tasks = [task for path in (ROOT / "roles").glob("*/tasks/*.yml") for task in yaml.safe_load(path.read_text())]

    assert {name for task in tasks for name in task.get("ansible.builtin.set_fact", {})} == _variables.INTERNAL


def test_the_list_of_facts_is_what_modules_return() -> None:
    modules = {path.stem for path in (ROOT / "plugins/modules").glob("*.py")} - {"image", "environment_info"}
    modules -= {path.stem for path in (ROOT / "plugins/action").glob("*.py")}
    expected = {f"sm2a_{module}" for module in modules} | {"sm2a_image_airflow", "sm2a_image_scaler"}
    expected |= {"sm2a_plan_network", "sm2a_plan_database_begun", "sm2a_plan_image_airflow"}

    assert expected <= _variables.facts(list(_variables.role_options()))
