# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the scaler's program knows of the collection's declarations: a JSON schema of a pool."""

from __future__ import annotations

import json
from typing import Any

from tables import markdown

from ansible_collections.sm2a.airflow.plugins.module_utils._components._option import Option
from ansible_collections.sm2a.airflow.plugins.module_utils._components._pools import SCALED_POOL

FILE = "roles/scaler/files/image/src/sm2a_scaler/pool.json"


def scaled_pool() -> str:
    """Return the text of the file from which the program takes the keys of a pool, and their bounds."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$comment": "`make generate` writes this file from plugins/module_utils/_components/_pools.py; do not edit it.",
        "type": "object",
        "additionalProperties": False,
        "required": list(SCALED_POOL),
        "properties": {key: _property(option) for key, option in SCALED_POOL.items()},
    }
    return json.dumps(schema, indent=2) + "\n"


def _property(option: Option) -> dict[str, Any]:
    described = {"description": markdown(str(option.doc))}
    if option.type == "int":
        return {"type": "integer", "minimum": option.least, "maximum": option.most, **described}
    return {"type": "string", "minLength": 1, **described}
