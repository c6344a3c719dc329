# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A region that is misspelt is refused before the first call, and one that is too new to be known is not."""

from __future__ import annotations

import pytest
from module_runs import run

from ansible_collections.sm2a.airflow.plugins.module_utils._components._regions import region_fault, region_warning
from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.aws import known_regions

MISSPELT = {
    "eu-centrl-1": "eu-central-1",
    "eu_central_1": "eu-central-1",
    "EU-CENTRAL-1": "eu-central-1",
    "eu-central1": "eu-central-1",
    "eu-central-1a": "eu-central-1",
    "ue-central-1": "eu-central-1",
    "us-est-1": "us-east-1",
    "ap-south-east-1": "ap-southeast-1",
    "us-gov-wst-1": "us-gov-west-1",
}


@pytest.mark.parametrize(("region", "nearest"), MISSPELT.items())
def test_a_region_that_is_misspelt(region: str, nearest: str) -> None:
    text = str(region_fault(region))

    assert text.startswith(f"region: '{region}' is refused: no such region is known; did you mean ")
    assert nearest in text and "update botocore" in text
    assert region_warning(region) == ""


@pytest.mark.parametrize("region", ["frankfurt", "aws-global", "x", "-", "https://example.com"])
def test_what_is_no_region_at_all(region: str) -> None:
    assert "no such region is known" in str(region_fault(region))


def test_every_region_that_botocore_knows() -> None:
    assert {"eu-central-1", "us-gov-west-1", "cn-north-1", "ap-southeast-2"} <= known_regions()
    assert [region for region in ("", *known_regions()) if region_fault(region) or region_warning(region)] == []


@pytest.mark.parametrize("region", ["eu-southwest-1", "us-east-9", "ca-central-2", "us-gov-central-1"])
def test_a_region_that_is_new(region: str) -> None:
    assert region_fault(region) is None
    assert f"knows no region {region}; the nearest name that it knows is " in region_warning(region)


@pytest.mark.parametrize("module", ["queue", "environment_info"])
def test_a_module_refuses_it_before_its_first_call(module: str) -> None:
    refused = run(module, region="eu-centrl-1")

    assert refused.result["failed"] and refused.result["option"] == "region"
    assert "eu-central-1" in refused.result["msg"] and refused.calls == []

    new = run(module, region="eu-central-9")
    assert new.calls and "knows no region eu-central-9" in str(new.result)
