# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes plugins/module_utils/_components/_airflow_options.py: the options that the image's Airflow knows.

Usage: airflow_options.py FOLDER FURTHER

FOLDER holds Airflow and its providers, without what they depend on, in the versions of the image's requirements.txt,
and FURTHER the providers of requirements/providers.txt, which somebody's own image may have. `make lock` puts them
there. Nothing of them is imported: files are read and parsed.
"""

from __future__ import annotations

import ast
import configparser
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
REQUIREMENTS = ROOT / "roles/airflow/files/image/requirements.txt"
TARGET = ROOT / "plugins/module_utils/_components/_airflow_options.py"
HEADER = '''\
# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options that the image's Airflow and its providers know. Written by tests/airflow_options.py: see `make lock`."""

from __future__ import annotations
'''


def versions() -> dict[str, str]:
    """Return the versions of Airflow's own packages in the image, by package."""
    pinned = re.findall(r"^(apache-airflow[a-z-]*)==([\w.]+)", REQUIREMENTS.read_text(), re.MULTILINE)
    return dict(sorted(pinned))


def value_of(tree: ast.AST, name: str) -> ast.expr:
    """Return the expression that a module or a class gives to a name."""
    for node in ast.walk(tree):
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        value = getattr(node, "value", None)
        if value is not None and any(getattr(target, "id", None) == name for target in targets):
            return value
    raise LookupError(name)


def described(airflow: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each section with the descriptions of its options, of Airflow, if it is there, and of each provider."""
    core = airflow / "config_templates/config.yml"
    if core.exists():
        sections = yaml.safe_load(core.read_text())
        yield from ((section, content["options"]) for section, content in sections.items())
    for path in sorted((airflow / "providers").rglob("get_provider_info.py")):
        [returned] = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Return)]
        information = ast.literal_eval(returned.value) if returned.value else {}
        yield from ((section, content["options"]) for section, content in information.get("config", {}).items())


def read_in_the_code(airflow: Path) -> Iterator[tuple[str, str, str]]:
    """Yield how an option is read, section and option, since not every option is described."""
    for path in airflow.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            holder = node.func.value
            name = getattr(holder, "id", getattr(holder, "attr", ""))
            given = {word.arg: word.value for word in node.keywords}
            first = [given.get("section"), given.get("key")] if "section" in given else node.args[:2]
            texts = [word.value for word in first if isinstance(word, ast.Constant) and isinstance(word.value, str)]
            if name.endswith("conf") and re.match("get|has_option", node.func.attr) and len(texts) == 2:
                yield node.func.attr, texts[0].lower(), texts[1].lower()


def typed(airflow: Path) -> dict[str, str]:
    """Return the type of each option that is described or read as something else than text.

    The words are those of `config.yml`, which goes before: it calls some a text that are read as a truth value.
    """
    kinds = {"getint": "integer", "getfloat": "float", "getboolean": "boolean"}
    types = {f"{section}.{name}": kinds[how] for how, section, name in read_in_the_code(airflow) if how in kinds}
    for section, options in described(airflow):
        for name, option in options.items():
            if option.get("type") in ("integer", "float", "boolean"):
                types[f"{section}.{name.lower()}"] = option["type"]
    return types


def choices(airflow: Path) -> dict[str, list[str]]:
    """Return the values that Airflow takes of an option, where it looks at them when it starts."""
    tree = ast.parse((airflow / "configuration.py").read_text())
    known = {"_available_logging_levels": ast.literal_eval(value_of(tree, "_available_logging_levels"))}
    enums = value_of(tree, "enums_options")
    if not isinstance(enums, ast.Dict):
        raise TypeError("Airflow's enums_options is no mapping any more")
    found = {}
    for key, value in zip(enums.keys, enums.values, strict=True):
        if key is None or isinstance(value, ast.Call):
            continue  # computed
        if isinstance(value, ast.List):
            items = [known[item.value.id] if isinstance(item, ast.Starred) else [item.value] for item in value.elts]  # type: ignore[attr-defined]
            found[".".join(ast.literal_eval(key))] = [text for texts in items for text in texts if text]
        else:
            found[".".join(ast.literal_eval(key))] = known[value.id]  # type: ignore[attr-defined]
    return found


def renamed(airflow: Path) -> dict[str, str]:
    """Return what `airflow config lint` says of options of older versions: their new name, or nothing."""
    tree = ast.parse((airflow / "cli/commands/config_command.py").read_text())
    changes = value_of(tree, "CONFIGS_CHANGES")
    found = {}
    for change in ast.walk(changes):
        if getattr(getattr(change, "func", None), "id", "") == "ConfigChange":
            words = {word.arg: word.value for word in change.keywords}  # type: ignore[attr-defined]
            old, new = (_parameter(words.get(word)) for word in ("config", "renamed_to"))
            if new or not {"default_change", "is_invalid_if", "remove_if_equals"} & set(words):
                found[old] = new
    return found


def _parameter(node: ast.expr | None) -> str:
    return ".".join(ast.literal_eval(part) for part in node.args) if isinstance(node, ast.Call) else ""


def honoured(airflow: Path) -> dict[str, str]:
    """Return the old names that Airflow still reads, with the new ones."""
    parser = ast.parse((airflow / "_shared/configuration/parser.py").read_text())
    replaced = ast.literal_eval(value_of(parser, "deprecated_options"))
    return {f"{old[0]}.{old[1]}": f"{new[0]}.{new[1]}" for new, old in replaced.items()}


def fallbacks(airflow: Path) -> dict[str, list[str]]:
    """Return the options by section of which Airflow itself has the defaults, though a provider describes them."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(airflow / "config_templates/provider_config_fallback_defaults.cfg")
    return {section: list(parser[section]) for section in parser.sections()}


def collect(airflow: Path, further: dict[str, list[str]]) -> tuple[dict[str, set[str]], set[str]]:
    """Return the options by section, with further ones of its sections, and those that may come from a secret."""
    known: dict[str, set[str]] = {}
    secret = set()
    for section, options in described(airflow):
        known.setdefault(section, set()).update(name.lower() for name in options)
        secret |= {f"{section}.{name.lower()}" for name, option in options.items() if option.get("sensitive")}
    named = [(section, name) for section, names in further.items() for name in names]
    for section, name in [*named, *(read[1:] for read in read_in_the_code(airflow))]:
        if section in known:
            known[section].add(name)
    return known, secret


def old_names(airflow: Path, known: dict[str, set[str]]) -> dict[str, str]:
    """Return the names that this version does not read, with the newest of their new names."""
    names = renamed(airflow)
    read = {f"{section}.{name}" for section, options in known.items() for name in options} | set(honoured(airflow))

    def newest(name: str) -> str:
        while name in names and name not in read:
            name = names[name]
        return name

    return {name: newest(name) for name in names if name not in read and "." in name}


def of_providers(airflow: Path, further: Path) -> tuple[dict[str, set[str]], set[str]]:
    """Return what ``collect`` does, of the sections of providers that are not in the image."""
    defaults = fallbacks(airflow)
    own = {section for section, _options in described(airflow)}
    known, secret = collect(further, defaults)
    # The fallbacks of providers that describe nothing.
    known.update({section: set(names) for section, names in defaults.items() if section not in known})
    return {section: names for section, names in known.items() if section not in own}, secret


def by_section(name: str, known: dict[str, set[str]]) -> Iterator[str]:
    """Yield the lines of a mapping of sections to options."""
    yield f"{name} = {{"
    for section, names in sorted(known.items()):
        yield from (f'    "{section}": {{', *(f'        "{one}",' for one in sorted(names)), "    },")
    yield "}"


def written(airflow: Path, further: Path) -> str:
    """Return the text of the module."""
    known, secret = collect(airflow, fallbacks(airflow))
    others, secret_of_others = of_providers(airflow, further)
    secret |= secret_of_others
    lines = [HEADER, "VERSIONS = {"]
    lines += [f'    "{package}": "{version}",' for package, version in versions().items()]
    lines += ["}", "# By section.", *by_section("OPTIONS", known)]
    lines += ["# Of providers that somebody's own image may have.", *by_section("OF_OTHER_PROVIDERS", others)]
    lines += ["# Airflow reads the `_SECRET` form of these and of no others.", "SENSITIVE = {"]
    lines += [f'    "{name}",' for name in sorted(secret)]
    lines += ["}", "# Old names that are still read.", "HONOURED = {"]
    lines += [f'    "{old}": "{new}",' for old, new in sorted(honoured(airflow).items())]
    lines += ["}", "# Names of older versions that this one does not read: the new name, if there is one.", "OLD = {"]
    lines += [f'    "{old}": "{new}",' for old, new in sorted(old_names(airflow, known).items())]
    lines += ["}", "# What is no text, in the words of Airflow's own description.", "TYPES = {"]
    lines += [f'    "{name}": "{kind}",' for name, kind in sorted(typed(airflow).items())]
    lines += ["}", "# All values of options that Airflow looks at when it starts.", "CHOICES = {"]
    lines += [f'    "{name}": {json.dumps(values)},' for name, values in sorted(choices(airflow).items())]
    return "\n".join([*lines, "}", ""])


if __name__ == "__main__":
    TARGET.write_text(written(*(Path(folder, "airflow") for folder in sys.argv[1:3])))
