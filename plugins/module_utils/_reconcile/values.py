# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values that are not known yet, and the comparison of two states."""

from __future__ import annotations

from typing import Any

KNOWN_AFTER_APPLY = "(known after apply)"
SENSITIVE = "(sensitive value)"
SENSITIVE_CHANGED = "(sensitive value, changed)"


def has_unknown(value: Any) -> bool:
    """Tell whether a value, or anything inside it, is known only after apply."""
    if isinstance(value, str):
        return KNOWN_AFTER_APPLY in value
    if isinstance(value, dict):
        return any(has_unknown(item) for item in value.values())
    if isinstance(value, (list, tuple, set, frozenset)):
        return any(has_unknown(item) for item in value)
    return False


def project(current: Any, desired: Any) -> Any:
    """Reduce a current value to what the desired value speaks of.

    AWS answers with every default filled in; only what was asked for is compared. Mappings keep the desired
    keys, lists of equal length are reduced pair by pair, anything else is kept as it is.
    """
    if isinstance(desired, dict) and isinstance(current, dict):
        return {key: project(current.get(key), value) for key, value in desired.items()}
    if isinstance(desired, list) and isinstance(current, list) and len(desired) == len(current):
        return [project(have, want) for have, want in zip(current, desired)]
    return current


def surplus(current: Any, desired: Any, known: frozenset[str] = frozenset(), path: str = "") -> list[str]:
    """Return in words what a current value says that the desired value does not speak of, but for empty values.

    Keys that are ``known`` are what AWS fills in by itself.
    """
    if isinstance(desired, dict) and isinstance(current, dict):
        found: list[str] = []
        for key, value in sorted(current.items()):
            here = f"{path}.{key}".lstrip(".")
            if key in desired:
                found += surplus(value, desired[key], known, here)
            elif value not in (None, "", 0, False, [], {}) and key not in known:
                found.append(f"{here}: {value}")
        return found
    if isinstance(desired, list) and isinstance(current, list) and len(desired) == len(current):
        return [text for have, want in zip(current, desired) for text in surplus(have, want, known, path)]
    return []


def changed_fields(current: dict[str, Any], desired: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of the desired state whose current value differs, with their desired values."""
    return {key: value for key, value in desired.items() if project(current.get(key), value) != value}
