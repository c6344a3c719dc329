# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The sums of docs/cost.md follow from its prices, from the inventories and from the defaults."""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Any

import yaml

from ansible_collections.sm2a.airflow.plugins.module_utils._components import airflow, scaler, workers
from ansible_collections.sm2a.airflow.plugins.module_utils._components._names import SECRETS
from ansible_collections.sm2a.airflow.plugins.module_utils._components._service_secrets import service_options

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docs/cost.md").read_text()
HOURS = 730


def prices() -> dict[str, float]:
    rows = re.findall(r"^\| ([^|]+) \| ([^|]+) \| ([\d.]+) \|", TEXT, re.MULTILINE)
    return {f"{what}, {unit}": float(price) for what, unit, price in rows}


def column(number: int) -> list[int]:
    """Return a column of the table of sums, nothing for what is included elsewhere."""
    [table] = re.findall(r"^\| A month.*?\n\n", TEXT, re.MULTILINE | re.DOTALL)
    cells = [row.strip("|").split("|")[number].strip(" *") for row in table.splitlines()[2:] if row]
    return [int(cell) if cell.isdigit() else 0 for cell in cells]


def inventory(name: str) -> dict[str, Any]:
    return dict(yaml.safe_load((ROOT / f"inventories/{name}/group_vars/sm2a.yml").read_text()))


def sums(variables: dict[str, Any]) -> list[float]:
    price = prices()
    processor = "ARM" if variables.get("sm2a_architecture") == "ARM64" else "x86"

    def fargate(count: int, cpu: int, memory: int) -> float:
        per_cpu, per_gb = (price[f"Fargate, {processor}, {unit} and hour"] for unit in ("vCPU", "GB"))
        return count * HOURS * (cpu / 1024 * per_cpu + memory / 1024 * per_gb)

    sizes = {
        name: {**service["size"], **variables["airflow_services"].get(name, {})}
        for name, service in airflow.SERVICES.items()
    }
    arguments = scaler.ScalerComponent.ARGUMENTS
    pools = [{**workers.POOL_DEFAULTS, **pool} for pool in variables["sm2a_worker_pools"].values()]
    zones = variables["network_availability_zone_count"]
    gateways = {"none": 0, "single": 1, "one_per_zone": zones}[variables["network_nat_gateways"]]
    databases = 2 if variables["database_multi_az"] else 1
    return [
        sum(fargate(**size) for size in sizes.values())
        + fargate(1, arguments["cpu"]["default"], arguments["memory"]["default"]),
        sum(fargate(pool["minimum"], pool["cpu"], pool["memory"]) for pool in pools),
        gateways * HOURS * price["NAT gateway, hour"],
        HOURS * (price["Load balancer, hour"] + (zones + gateways) * price["Public IPv4 address, hour"]),
        databases * HOURS * price[f"RDS, {variables['database_instance_class']}, hour"]
        + databases * 20 * price["RDS, storage gp3, GB and month"],
        len(SECRETS) * price["Secret, month"]
        + price["KMS key, month"]
        + (5 + 10 * len(pools)) * price["Metric, month"],
    ]


def assert_column(number: int, expected: list[float]) -> None:
    assert column(number) == [round(value) for value in [*expected, sum(expected)]]


def test_dev() -> None:
    assert_column(1, sums(inventory("dev")))


def test_production() -> None:
    assert_column(2, sums(inventory("production")))


def test_right_sized_production() -> None:
    variables = copy.deepcopy(inventory("production"))
    variables |= {"sm2a_architecture": "ARM64", "database_instance_class": "db.t4g.medium"}
    variables["sm2a_worker_pools"]["default"]["minimum"] = 1

    assert_column(3, sums(variables))


def test_mwaa() -> None:
    price = prices()
    gateways = 3 * HOURS * price["NAT gateway, hour"]
    addresses = 3 * HOURS * price["Public IPv4 address, hour"]
    environment, worker = (HOURS * price[f"MWAA, medium {part}, hour"] for part in ("environment", "worker"))

    assert_column(4, [environment, worker, gateways, addresses, 0, 0])


def test_defaults_that_the_sums_take_for_granted() -> None:
    defaults = yaml.safe_load((ROOT / "roles/database/defaults/main.yml").read_text())
    assert defaults["database_allocated_storage"] == 20
    assert len(SECRETS) == 18 and "eighteen of them" in TEXT
    options = {len(service_options(service)) for service in airflow.SERVICES} | {len(service_options("worker"))}
    assert (min(options), max(options)) == (2, 4) and "its configuration, two to four, when it starts" in TEXT
