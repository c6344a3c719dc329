# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What holds for every module, role and playbook of the collection, whoever writes the next one."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.parsing.plugin_docs import read_docstring

from ansible_collections.sm2a.airflow.plugins.module_utils._components._airflow_options import OPTIONS
from ansible_collections.sm2a.airflow.plugins.module_utils._components._pools import POOL_DEFAULTS, SCALED_POOL
from ansible_collections.sm2a.airflow.plugins.module_utils._components._sorted_options import CELERY
from ansible_collections.sm2a.airflow.plugins.plugin_utils._variables import SITE

ROOT = Path(__file__).parents[3]
ACTIONS = sorted((ROOT / "plugins/action").glob("[a-z]*.py"))
# Those without a program are the documentation of an action plugin, which does all of the work.
MODULES = sorted(path for path in (ROOT / "plugins/modules").glob("[a-z]*.py") if "def main():" in path.read_text())
ROLES = sorted(path for path in (ROOT / "roles").iterdir() if (path / "meta/main.yml").exists())
PLAYBOOKS = sorted((ROOT / "playbooks").glob("*.y*ml"))

# AWX lists a file as a playbook if one of its lines matches this. From awx/main/utils/ansible.py.
AWX_PLAYBOOK = re.compile(
    r"^\s*?-?\s*?(?:hosts|(ansible\.builtin\.)?include|(ansible\.builtin\.)?import_playbook):\s*?.*?$"
)


def load(path: Path) -> Any:
    """Return the content of a YAML file."""
    return yaml.safe_load(path.read_text())


def documentation(module: Path) -> dict[str, Any]:
    """Return a module's documentation, with that of its own fragments merged in as ansible-doc does."""
    doc: dict[str, Any] = read_docstring(str(module))["doc"]
    for fragment in doc.get("extends_documentation_fragment", []):
        if fragment.startswith("sm2a.airflow."):
            for key, value in _fragment(fragment.removeprefix("sm2a.airflow.")).items():
                doc[key] = _merged(value, doc.get(key, {})) if isinstance(value, dict) else value
    return doc


def _merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Return what both say of each option or attribute; where they disagree, what stands above."""
    return {key: {**below.get(key, {}), **above.get(key, {})} for key in {**below, **above}}


def _fragment(name: str) -> dict[str, Any]:
    tree = ast.parse((ROOT / f"plugins/doc_fragments/{name}.py").read_text())
    [text] = [
        ast.literal_eval(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "DOCUMENTATION"
    ]
    return dict(yaml.safe_load(text))


def by_name(paths: list[Path]) -> Any:
    """Parametrize a test by files, with their names as ids."""
    return pytest.mark.parametrize("path", paths, ids=lambda path: path.stem)


class TestModules:
    """Every module can be given its region once, and says what it supports."""

    def test_action_group_lists_every_module_and_nothing_else(self) -> None:
        group = load(ROOT / "meta/runtime.yml")["action_groups"]["airflow"]

        members = [
            path.stem
            for path in (ROOT / "plugins/modules").glob("[a-z]*.py")
            if "action_group" in documentation(path)["attributes"]
        ]
        names = [entry for entry in group if isinstance(entry, str)]
        assert names == sorted(members), "meta/runtime.yml: names, sorted, one for each module"

    def test_action_group_extends_the_one_of_amazon_aws(self) -> None:
        [metadata] = [e for e in load(ROOT / "meta/runtime.yml")["action_groups"]["airflow"] if isinstance(e, dict)]

        assert metadata == {"metadata": {"extend_group": ["amazon.aws.aws"]}}

    @by_name(MODULES)
    def test_attributes_are_documented(self, path: Path) -> None:
        attributes = documentation(path).get("attributes", {})

        assert set(attributes) >= {"check_mode", "diff_mode", "idempotent", "action_group", "platform"}
        assert attributes["check_mode"]["support"] == "full"
        assert attributes["action_group"]["membership"] == ["sm2a.airflow.airflow"]

    @by_name(MODULES)
    def test_documentation_examples_and_return_are_there(self, path: Path) -> None:
        docs = read_docstring(str(path))

        assert docs["doc"]["module"] == path.stem
        assert docs["doc"]["version_added"]
        assert f"sm2a.airflow.{path.stem}:" in docs["plainexamples"], "an example calls the module by its full name"
        assert docs["returndocs"]

    @by_name([module for module in MODULES if not module.stem.endswith("_info")])
    def test_its_lifecycle_is_tested_against_an_emulator(self, path: Path) -> None:
        tests = "".join(file.read_text() for file in (ROOT / "tests/integration").glob("test_*.py"))

        assert re.search(rf'account\.lifecycle\(\s*"{path.stem}"', tests)

    @by_name(MODULES)
    def test_a_module_is_documentation_and_a_short_main(self, path: Path) -> None:
        functions = [node for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)]

        assert [function.name for function in functions] == ["main"]
        assert functions[0].end_lineno is not None and functions[0].end_lineno - functions[0].lineno <= 20


class TestActions:
    """Every action plugin has its documentation where Ansible looks for it."""

    def test_every_module_has_one(self) -> None:
        assert {path.name for path in MODULES} <= {path.name for path in ACTIONS}

    @by_name(ACTIONS)
    def test_it_is_documented(self, path: Path) -> None:
        docs = read_docstring(str(ROOT / "plugins/modules" / path.name))
        attributes = documentation(ROOT / "plugins/modules" / path.name)["attributes"]

        assert docs["doc"]["module"] == path.stem
        assert docs["doc"]["version_added"]
        assert set(attributes) >= {"action", "check_mode", "diff_mode", "idempotent", "platform"}
        assert f"sm2a.airflow.{path.stem}:" in docs["plainexamples"]
        assert docs["returndocs"]


class TestRelease:
    """What is internal is named so, and a release has all that it reads."""

    def test_internal_utilities_have_a_leading_underscore(self) -> None:
        public = [
            path.relative_to(ROOT)
            for folder in ("module_utils", "plugin_utils", "doc_fragments")
            for path in (ROOT / "plugins" / folder).iterdir()
            if not path.name.startswith("_")
        ]

        assert public == []

    def test_roles_and_playbooks_read_nothing_that_a_release_may_lack(self) -> None:
        """https://docs.ansible.com/ansible/latest/community/collection_contributors/collection_requirements.html"""
        reaching_out = re.compile(r"(?<!/blob/main)/(inventories|tests|extensions|docs)/")
        for path in [*PLAYBOOKS, *(ROOT / "roles").glob("*/tasks/*.yml"), *(ROOT / "roles").glob("*/defaults/*.yml")]:
            assert not reaching_out.search(path.read_text()), path


class TestRoles:
    """Every role says what it takes, and takes what it says."""

    def test_every_component_module_has_a_role(self) -> None:
        modules = {path.stem for path in MODULES if not path.stem.endswith("_info")}

        assert modules == {path.name for path in ROLES}

    @by_name(ROLES)
    def test_specified_options_are_those_with_defaults(self, path: Path) -> None:
        options = load(path / "meta/argument_specs.yml")["argument_specs"]["main"]["options"]
        defaults = load(path / "defaults/main.yml")

        # An option without a default is either required or left out of the module's call.
        optional = {name for name, option in options.items() if not option.get("required")}
        assert set(defaults) <= set(options), "a default that argument_specs.yml does not describe"
        used = "".join(file.read_text() for file in (path / "tasks").glob("*.yml"))
        for name in optional - set(defaults):
            assert re.search(rf"\b{name}\b[^\n]*default\(", used), f"{name} has no default anywhere"

    @by_name(ROLES)
    def test_documented_defaults_are_the_real_ones(self, path: Path) -> None:
        options = load(path / "meta/argument_specs.yml")["argument_specs"]["main"]["options"]
        defaults = load(path / "defaults/main.yml")

        for name, value in defaults.items():
            if "{{" not in str(value) and "default" in options[name]:
                assert options[name]["default"] == value, name

    @by_name(ROLES)
    def test_it_passes_on_every_option_of_its_module(self, path: Path) -> None:
        module = documentation(ROOT / f"plugins/modules/{path.name}.py")["options"]
        role = load(path / "meta/argument_specs.yml")["argument_specs"]["main"]["options"]
        [call] = [
            task[f"sm2a.airflow.{path.name}"]
            for task in load(path / "tasks/component.yml")
            if f"sm2a.airflow.{path.name}" in task
        ]
        # What has nothing that takes minutes has nothing to wait for.
        quick = f"{path.name}_wait" not in role
        connection = {"region", "profile", "endpoint_url", "access_key", "secret_key", "session_token"}
        assert set(call) - connection == set(module) - ({"wait"} if quick else set())

        for option in set(call) - connection:
            variable = f"{path.name}_{option}"
            assert re.search(rf"\b{variable}\b", str(call[option])), f"{option} is not {variable}"
            for key in ("choices", "default"):
                if key in module[option] and key in role[variable]:
                    # For a role an empty text is an option that was not given.
                    given = [c for c in role[variable][key] if c] if key == "choices" else role[variable][key]
                    assert module[option][key] == given, f"{key} of {variable}"

    @by_name(ROLES)
    def test_variables_carry_the_name_of_the_role(self, path: Path) -> None:
        for specification in load(path / "meta/argument_specs.yml")["argument_specs"].values():
            assert all(name.startswith(f"{path.name}_") for name in specification["options"])

    @by_name(ROLES)
    def test_every_option_is_typed_and_described(self, path: Path) -> None:
        def untyped(options: dict[str, Any], where: str) -> list[str]:
            found = []
            for name, option in options.items():
                if not option.get("type") or not option.get("description"):
                    found.append(f"{where}{name}")
                found += untyped(option.get("options", {}), f"{where}{name}.")
            return found

        for entry, specification in load(path / "meta/argument_specs.yml")["argument_specs"].items():
            assert specification["short_description"]
            assert untyped(specification["options"], f"{entry}: ") == []

    @by_name(ROLES)
    def test_every_entry_point_is_specified(self, path: Path) -> None:
        entries = set(load(path / "meta/argument_specs.yml")["argument_specs"])

        called = {
            task[action]["tasks_from"]
            for playbook in PLAYBOOKS
            for play in load(playbook)
            for task in play.get("tasks", [])
            for action in ("ansible.builtin.import_role", "ansible.builtin.include_role")
            if action in task and task[action]["name"] == f"sm2a.airflow.{path.name}" and "tasks_from" in task[action]
        }
        assert called <= entries

    @by_name(ROLES)
    def test_readme_names_the_role(self, path: Path) -> None:
        assert f"sm2a.airflow.{path.name}" in (path / "README.md").read_text()


class TestPlaybooks:
    """AWX finds every playbook, and every playbook can be called by its full name."""

    @by_name(PLAYBOOKS)
    def test_awx_lists_it(self, path: Path) -> None:
        assert any(AWX_PLAYBOOK.match(line) for line in path.read_text().splitlines())

    @by_name(PLAYBOOKS)
    def test_its_name_is_an_identifier(self, path: Path) -> None:
        # https://docs.ansible.com/ansible/latest/collections_guide/collections_using_playbooks.html
        assert re.fullmatch(r"[a-z_][a-z0-9_]*\.yml", path.name)

    @by_name(PLAYBOOKS)
    def test_it_sets_region_and_credentials_once_for_all_modules(self, path: Path) -> None:
        for play in load(path):
            assert set(play["module_defaults"]) == {"group/sm2a.airflow.airflow"}
            assert play["gather_facts"] is False

    @by_name(PLAYBOOKS)
    def test_it_uses_roles_that_exist(self, path: Path) -> None:
        names = re.findall(r"name: sm2a\.airflow\.(\w+)$", path.read_text(), re.MULTILINE)

        assert set(names) <= {role.name for role in ROLES}

    @pytest.mark.parametrize("playbook", ["tasks/roles", "teardown"])
    def test_every_component_is_made_and_deleted(self, playbook: str) -> None:
        named = set(
            re.findall(r"name: sm2a\.airflow\.(\w+)$", (ROOT / f"playbooks/{playbook}.yml").read_text(), re.MULTILINE)
        )

        # The roles of Airflow and the scaler have their images built by that of the image.
        built = {"image"} if playbook == "tasks/roles" else set()
        assert named | built == {role.name for role in ROLES}


class TestInventories:
    """Three inventories for one set of variables."""

    INVENTORIES = sorted((ROOT / "inventories").iterdir())

    @by_name(INVENTORIES)
    def test_awx_finds_the_hosts_file(self, path: Path) -> None:
        assert (path / "hosts").is_file(), "AWX lists an inventory file of a project only without an extension"

    def test_all_have_the_same_variables(self) -> None:
        names = {path.name: set(load(path / "group_vars/sm2a.yml")) for path in self.INVENTORIES}

        # Where the emulator is and what it takes for credentials; an account needs neither.
        emulator = {name for name in names["local"] if name.startswith("sm2a_local_")}
        emulator |= {"sm2a_endpoint_url", "sm2a_access_key", "sm2a_secret_key"}
        assert names["local"] - emulator == names["dev"] == names["production"]

    @by_name(INVENTORIES)
    def test_every_variable_is_a_roles_or_the_sites(self, path: Path) -> None:
        known = {
            name
            for role in ROLES
            for entry in load(role / "meta/argument_specs.yml")["argument_specs"].values()
            for name in entry["options"]
        }
        for name in load(path / "group_vars/sm2a.yml"):
            assert name in known or name.startswith("sm2a_"), f"no role knows {name}"


class TestDocumentation:
    """What the documents point at is there."""

    DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "roles").glob("*/README.md")])

    @pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
    def test_links_within_the_repository_lead_somewhere(self, path: Path) -> None:
        links = re.findall(r"\]\((?!https?://|#)([^)#]+)", path.read_text())

        assert [link for link in links if not (path.parent / link).exists()] == []

    def test_readme_lists_every_role_and_every_playbook(self) -> None:
        readme = (ROOT / "README.md").read_text()

        missing = [
            path
            for path in [
                *(f"roles/{role.name}/README.md" for role in ROLES),
                *(f"playbooks/{p.name}" for p in PLAYBOOKS),
            ]
            if f"]({path})" not in readme
        ]
        assert missing == []

    def test_variables_that_documents_name_exist(self) -> None:
        known = {
            name
            for role in ROLES
            for entry in load(role / "meta/argument_specs.yml")["argument_specs"].values()
            for name in entry["options"]
        }
        prefixes = "|".join(sorted(module.stem for module in MODULES if not module.stem.endswith("_info")))
        # What Airflow and Celery call so.
        others = {*SCALED_POOL, *CELERY, *(name for options in OPTIONS.values() for name in options)}

        for path in self.DOCUMENTS:
            named = set(re.findall(rf"`((?:{prefixes})_[a-z0-9_]+)[`:]", path.read_text()))
            assert named - {module.stem for module in MODULES} - others <= known, path

    def test_variables_of_the_site_are_documented(self) -> None:
        text = (ROOT / "docs/configuration.md").read_text()

        # Those that are used are those of SITE: test_fence.py.
        assert set(SITE) == set(re.findall(r"`(sm2a_[a-z_]+[a-z])`", text))

    def test_make_targets_that_documents_name_exist(self) -> None:
        targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))

        text = "\n".join(path.read_text() for path in self.DOCUMENTS)
        named = set(re.findall(r"`make ([a-z0-9-]+)", text))
        for line in re.findall(r"^ *make (.+?)(?: +#.*)?$", text, re.MULTILINE):
            named |= set(line.split())
        assert {"demo", "setup", "test-unit"} <= named
        assert named <= targets

    def test_commands_that_documents_name_refer_to_what_exists(self) -> None:
        text = "\n".join(path.read_text() for path in self.DOCUMENTS)

        paths = set(re.findall(r"(?<![\w/.])((?:playbooks|inventories|tests|roles|extensions|docs)/[\w./-]+\w)", text))
        assert len(paths) > 20
        # A folder of somebody's own is not ours; a link's target is looked at where the link stands.
        assert [
            path for path in sorted(paths) if not (ROOT / path).exists() and not (ROOT / "docs" / path).exists()
        ] == []
        roles = set(re.findall(r"ansible-doc -t role sm2a\.airflow\.(\w+)", text))
        assert roles <= {role.name for role in ROLES}
        fully_named = set(re.findall(r"ansible-playbook sm2a\.airflow\.(\w+)", text))
        assert fully_named <= {playbook.stem for playbook in PLAYBOOKS}


class TestLicence:
    """Every file of code says under which licence it is, and the text of the licence is where it says."""

    HEADER = (
        "# Copyright (c) 2026, the SM2A contributors\n"
        "# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)\n"
        "# SPDX-License-Identifier: GPL-3.0-or-later\n"
    )
    # Folders at the top that are not made by somebody who runs a target.
    FOLDERS = (".ci", "changelogs", "extensions", "inventories", "meta", "playbooks", "plugins", "roles", "tests")

    def test_every_file_of_code_has_the_header_at_its_top(self) -> None:
        code = [*ROOT.glob("*.yml"), ROOT / "Makefile", ROOT / "pyproject.toml", ROOT / ".ci/run"]
        for folder in self.FOLDERS:
            for pattern in ("*.py", "*.sh", "*.yml", "*.yaml", "*.toml", "Dockerfile"):
                code += (ROOT / folder).rglob(pattern)
        # What antsibull-changelog reads and writes is data.
        data = ("fragments", "output", "changelog.yaml")
        code = [path for path in code if not {path.name, path.parent.name} & {*data} and path.read_text().strip()]

        assert [str(path.relative_to(ROOT)) for path in code if self.HEADER not in path.read_text()[:1000]] == []
        assert len(code) > 200

    def test_the_text_of_the_licence_is_there(self) -> None:
        assert "GNU GENERAL PUBLIC LICENSE\n                       Version 3" in (ROOT / "COPYING").read_text()
        assert load(ROOT / "galaxy.yml")["license"] == ["GPL-3.0-or-later"]


class TestStatements:
    """What the documents say is so."""

    MARKDOWN = sorted(
        [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "roles").rglob("*.md")],
    )

    @pytest.mark.parametrize("path", MARKDOWN, ids=lambda path: str(path.relative_to(ROOT)))
    def test_lines_are_short_enough_to_be_read(self, path: Path) -> None:
        # A row of a table cannot be wrapped.
        lines = [line for line in path.read_text().splitlines() if not line.startswith("|")]

        assert [line for line in lines if len(line) > 120] == []

    def test_defaults_of_a_pool_in_the_documentation_of_module_and_role(self) -> None:
        role = load(ROOT / "roles/workers/meta/argument_specs.yml")["argument_specs"]["main"]["options"]
        for option in (documentation(ROOT / "plugins/modules/workers.py")["options"]["pools"], role["workers_pools"]):
            named = dict(
                re.findall(r"^C\((\w+)\): .*By default (\w+)\.$", "\n".join(option["description"]), re.MULTILINE)
            )
            assert named == {key: str(value) for key, value in POOL_DEFAULTS.items() if value}

    def test_what_make_test_runs(self) -> None:
        makefile = (ROOT / "Makefile").read_text()
        [targets] = re.findall(r"^test: .*\n.*\$\(MAKE\) --no-print-directory (.+)$", makefile, re.MULTILINE)
        [described] = re.findall(r"^test: .*## (.+); leaves", makefile, re.MULTILINE)
        [sentence] = re.findall(r"^`make test` runs (.+?), on the newest", self._testing(), re.MULTILINE)

        assert re.split(r", | and ", described) == targets.split()
        assert re.split(r", | and ", sentence.replace("`", "").replace("make ", "")) == targets.split()

    def test_every_target_that_tests_is_documented(self) -> None:
        targets = re.findall(r"^((?:test|bench)[a-z-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE)

        assert [target for target in targets if f"`make {target}`" not in self._testing()] == []

    @staticmethod
    def _testing() -> str:
        return (ROOT / "docs/testing.md").read_text()

    def test_an_installed_collection_has_the_inventories_that_the_readme_copies(self) -> None:
        [copied] = re.findall(r"ansible_collections/sm2a/airflow/(\S+) ", (ROOT / "README.md").read_text())

        assert (ROOT / copied).is_dir()
        ignored = load(ROOT / "galaxy.yml")["build_ignore"]
        assert not any(copied.startswith(pattern) for pattern in ignored)
        version = load(ROOT / "galaxy.yml")["version"]
        assert f"sm2a-airflow-{version}.tar.gz" in (ROOT / "README.md").read_text()

    def test_slips_that_were_mended_do_not_come_back(self) -> None:
        slips = re.compile(r"belongs? into|[Nn]eeded unless|default are\b|free to be\b|generated anew|to whom their")
        files = [*self.MARKDOWN, *MODULES, *(ROOT / "inventories").rglob("*.yml"), *(ROOT / "plugins").rglob("*.py")]
        files += (ROOT / "roles").glob("*/meta/argument_specs.yml")

        assert {str(path.relative_to(ROOT)): slips.findall(path.read_text()) for path in files} == {
            str(path.relative_to(ROOT)): [] for path in files
        }
