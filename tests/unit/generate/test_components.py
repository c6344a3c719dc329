# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the declaration of a component come its module and its role, as Ansible reads them."""

from __future__ import annotations

from typing import Any

import components
import pytest
import yaml
from ansible.parsing.plugin_docs import read_docstring
from documents import WIDTH, dump, variable

from ansible_collections.sm2a.airflow.plugins.module_utils._components._base import Component
from ansible_collections.sm2a.airflow.plugins.module_utils._components._option import Fact, Option, Return

FILES = components.files()
LONG = "Whether " + "so it is, or " * 30 + "not."


class ExampleComponent(Component):
    """Has an option of every kind."""

    NAME = "example"
    SUMMARY = "An example"
    DESCRIPTION = ("Makes one, as the M(sm2a.airflow.queue) module does.",)
    TASK = "Make an example"
    OPTIONS = {
        "seconds": Option("int", "Time.", default=5, least=1, most=60),
        "days": Option("int", "Days for which it is kept.", default=1, allowed=(1, 7)),
        "engine": Option("str", "Engine.", choices=("a", "b")),
        "path": Option("path", ("Folder.", "With O(seconds) and O(other).")),
        "key": Option("str", "Key.", fact=Fact("security", ("kms_key_arn",))),
        "groups": Option(
            "list", "Groups.", elements="str", default=[], needed=True, fact=Fact("security", ("ids", "a"), one=True)
        ),
        "zones": Option(
            "list", "Zones.", elements="str", default=[], needed_if="close", fact=Fact("network", ("zones",))
        ),
        "close": Option("bool", LONG, default=False),
        "architecture": Option("str", "CPU.", default="X86_64", site="sm2a_architecture"),
        "pool": Option("str", "Pool.", site="sm2a_pool"),
        "url": Option(
            "str", "Address.", site="sm2a_url", fact=Fact("cluster", ("url",)), role_default="{{ sm2a_url }}"
        ),
        "engine_of_other": Option("str", "Engine.", default="a", role_default="{{ other_engine | default('a') }}"),
        "source": Option("str", "Source.", role_value="{{ example_source or omit }}", role_doc=("Of the role.",)),
        "name": Option("str", "Name.", required=True),
        "role_permissions_boundary": Option("str", "Boundary."),
        "sizes": Option("dict", "Sizes.", default={}, options={"count": Option("int", "Number.", least=1, most=3)}),
    }
    ROLE_OPTIONS = {"uris": Option("dict", "Addresses.", default={})}
    RETURNS = {"url": Return("str", "Address.", "https://example.com")}
    PLAN = ("AWS::Example", "sm2a-dev")
    EXAMPLES = """
- name: One
  sm2a.airflow.example:
    environment: dev
"""


@pytest.fixture
def module(tmp_path: Any) -> dict[str, Any]:
    """What Ansible reads of the module."""
    path = tmp_path / "example.py"
    path.write_text(components.module(ExampleComponent))
    return dict(read_docstring(str(path)))


def specification() -> dict[str, Any]:
    """Return the specification of the role's options."""
    return dict(yaml.safe_load(components.argument_specs(ExampleComponent))["argument_specs"]["main"])


def test_a_module_documents_what_is_declared(module: dict[str, Any]) -> None:
    options = module["doc"]["options"]

    assert options["seconds"] == {"description": ["Time.", "From 1 to 60."], "type": "int", "default": 5}
    assert options["days"]["description"] == ["Days for which it is kept.", "One of 1, 7."]
    assert options["engine"] == {"description": "Engine.", "type": "str", "choices": ["a", "b"]}
    assert options["groups"]["description"] == ["Groups.", "Required when O(state=present)."]
    assert options["zones"]["description"] == ["Zones.", "Required with O(close=true)."]
    assert options["close"]["description"] == LONG
    assert options["name"]["required"] is True
    assert options["sizes"]["suboptions"]["count"]["description"] == ["Number.", "From 1 to 3."]
    assert "uris" not in options and "environment" not in options
    assert module["doc"]["module"] == "example"
    assert "sm2a.airflow._component" in module["doc"]["extends_documentation_fragment"]
    assert "sm2a.airflow.example:" in module["plainexamples"]
    assert set(module["returndocs"]) == {"example", "plan", "api_calls", "errors"}
    assert list(module["returndocs"]["example"]["contains"]) == ["environment", "url"]


def test_a_module_runs_its_component() -> None:
    text = components.module(ExampleComponent)

    assert "_components.example import ExampleComponent" in text and "run(ExampleComponent)" in text
    compile(text, "example.py", "exec")


def test_a_role_takes_what_its_module_takes() -> None:
    options = specification()["options"]

    assert set(options) == {
        f"example_{name}" for name in (*ExampleComponent.OPTIONS, "uris", "environment", "state", "tags", "wait")
    }
    assert options["example_sizes"]["options"]["count"]["type"] == "int"
    # An empty text is an option that was not given.
    assert options["example_engine"]["choices"] == ["", "a", "b"]
    assert (options["example_path"]["type"], options["example_path"]["default"]) == ("str", "")


def test_a_role_says_where_it_has_values_from_and_names_its_own_variables() -> None:
    options = specification()["options"]

    assert options["example_groups"]["description"] == [
        "Groups.",
        "Required when O(example_state=present).",
        "By default the role P(sm2a.airflow.security#role) tells it.",
    ]
    assert options["example_pool"]["description"] == ["Pool.", "By default C(sm2a_pool)."]
    assert options["example_url"]["description"] == [
        "Address.",
        "By default C(sm2a_url), or what the role P(sm2a.airflow.cluster#role) tells.",
    ]
    assert options["example_path"]["description"] == ["Folder.", "With O(example_seconds) and O(other)."]
    assert options["example_source"]["description"] == ["Source.", "Of the role."]
    assert specification()["description"] == [
        "Makes one, as the role P(sm2a.airflow.queue#role) does.",
        "Facts come back as C(sm2a_example).",
    ]


def test_defaults_of_a_role() -> None:
    fact = "lookup('sm2a.airflow.fact', {}, environment=example_environment{})"

    assert yaml.safe_load(components.defaults(ExampleComponent)) == {
        "example_environment": "{{ sm2a_environment }}",
        "example_state": "present",
        "example_tags": "{{ sm2a_tags | default({}, true) }}",
        "example_wait": True,
        "example_uris": {},
        "example_seconds": 5,
        "example_days": 1,
        "example_engine": "{{ omit }}",
        "example_path": "",
        "example_key": "{{ " + fact.format("'security', 'kms_key_arn'", "") + " }}",
        "example_groups": "{{ [" + fact.format("'security', 'ids', 'a'", "") + "] | select | list }}",
        "example_zones": "{{ " + fact.format("'network', 'zones'", ", default=[]") + " }}",
        "example_close": False,
        "example_architecture": "{{ sm2a_architecture | default('X86_64', true) }}",
        "example_pool": "{{ sm2a_pool | default(omit, true) }}",
        "example_url": "{{ sm2a_url }}",
        "example_engine_of_other": "{{ other_engine | default('a') }}",
        "example_source": "{{ omit }}",
        "example_role_permissions_boundary": "{{ omit }}",
        "example_sizes": {},
    }


def test_a_role_passes_on_everything_and_reads_what_others_have_made() -> None:
    reading, component = yaml.safe_load(components.tasks(ExampleComponent))
    [call] = yaml.safe_load(components.component_tasks(ExampleComponent))
    passed = call["sm2a.airflow.example"]

    assert reading["sm2a.airflow.read_facts"] == {"roles": ["example"]}
    assert component["ansible.builtin.import_tasks"] == "component.yml"
    assert component["name"] == call["name"] == "Make an example"
    assert set(passed) == {*ExampleComponent.OPTIONS, "environment", "state", "tags", "wait"}
    assert passed["seconds"] == "{{ example_seconds }}"
    assert passed["engine"] == "{{ example_engine | default(omit, true) }}"
    assert passed["source"] == "{{ example_source or omit }}"
    # Without it a boundary stays as it is; an empty one takes it away.
    assert passed["role_permissions_boundary"] == "{{ example_role_permissions_boundary }}"


def test_entry_points_that_people_write_are_described(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ExampleComponent, "ENTRY_POINTS", {"image": ("Build it", "Makes the image.")})

    specifications = yaml.safe_load(components.argument_specs(ExampleComponent))["argument_specs"]
    assert specifications["image"] == {
        "short_description": "Build it",
        "description": "Makes the image.",
        "options": {},
    }


def test_a_component_that_has_nothing_to_wait_for_has_no_such_option(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ExampleComponent, "WAITS", False)

    assert "example_wait" not in yaml.safe_load(components.defaults(ExampleComponent))
    assert "wait" not in yaml.safe_load(components.component_tasks(ExampleComponent))[0]["sm2a.airflow.example"]


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_generated_file_says_so_below_its_licence_and_fits_the_page(name: str) -> None:
    text = FILES[name]

    [line] = [line for line in text.splitlines() if line.startswith("# `make generate` writes this file from ")]
    assert text.splitlines().index(line) == text.splitlines().index("# SPDX-License-Identifier: GPL-3.0-or-later") + 1
    assert [line for line in text.splitlines() if len(line) > WIDTH] == []


def test_yaml_is_written_as_people_write_it() -> None:
    assert dump({"a": [1, 2], "b": ["one two", "three"], "c": {}}) == ("a: [1, 2]\nb:\n  - one two\n  - three\nc: {}\n")
    assert list(variable("a", "{{ b }}")) == ['a: "{{ b }}"']
    sentences = {"a": ["So it is: " + "it's long, " * 40 + "or not.", "b " * 200 + "c"]}
    assert yaml.safe_load(dump(sentences)) == sentences
    assert max(map(len, dump(sentences).splitlines())) <= WIDTH
    folded = list(variable("a", "{{ " + "b + " * 40 + "c }}"))
    assert folded[0] == "a: >-" and all(line.startswith("  ") and len(line) <= WIDTH for line in folded[1:])
