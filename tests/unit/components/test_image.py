# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the image component refuses, and the images of others, without AWS and without Docker."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import trustme
from cryptography import x509

from ansible_collections.sm2a.airflow.plugins.module_utils._components.image import ImageComponent
from ansible_collections.sm2a.airflow.plugins.module_utils._reconcile.errors import OptionError

RDS_AUTHORITIES = Path(__file__).parents[3] / "roles/image/files/rds-ca-bundle.pem"
AWS: Any = SimpleNamespace(region="eu-central-1", account_id="123456789012", partition="aws", check_mode=True)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A build context."""
    folder = tmp_path / "image"
    (folder / "src" / "__pycache__").mkdir(parents=True)
    (folder / "Dockerfile").write_text("FROM scratch\n")
    (folder / "src" / "main.py").write_text("print('hello')\n")
    (folder / "src" / "__pycache__" / "main.cpython-313.pyc").write_bytes(b"compiled")
    (folder / "run").write_text("#!/bin/sh\n")
    (folder / "run").chmod(0o755)
    return folder


def component(**options: Any) -> ImageComponent:
    defaults = {name: argument.get("default") for name, argument in ImageComponent.ARGUMENTS.items()}
    given = {"environment": "test", "state": "present", "tags": {}, **defaults, "name": "airflow", **options}
    return ImageComponent(given, AWS)


@pytest.mark.parametrize(
    ("options", "option"),
    [
        ({"name": "Airflow", "uri": "a/b:c"}, "name"),
        ({"name": "a--b", "uri": "a/b:c"}, "name"),
        ({"name": "x" * 65, "uri": "a/b:c"}, "name"),
        ({}, "source"),
        ({"source": "/no/such/folder"}, "source"),
        ({"uri": "not an image"}, "uri"),
        ({"uri": "a/b:"}, "uri"),
        ({"uri": "a/b:c", "kms_key_arn": "mine"}, "kms_key_arn"),
        ({"uri": "a/b:c", "keep_images": 0}, "keep_images"),
        ({"uri": "a/b:c", "keep_untagged_images": 0}, "keep_untagged_images"),
    ],
)
def test_bad_input(options: dict[str, Any], option: str) -> None:
    with pytest.raises(OptionError) as caught:
        component(**options).validate()

    assert caught.value.option == option


def test_bad_folders(source: Path) -> None:
    with pytest.raises(OptionError, match="no such file"):
        component(source=str(source), ca_bundle="/no/such/file").validate()
    with pytest.raises(OptionError, match="letters, digits and underscores"):
        component(source=str(source), build_arguments={"A B": 1}).validate()
    with pytest.raises(OptionError, match="no Dockerfile"):
        component(source=str(source / "src")).validate()


@pytest.mark.parametrize(
    ("region", "known"), [("eu-central-1", True), ("us-west-2", True), ("eu-central-9", False), ("cn-north-1", False)]
)
def test_authorities_of_rds_are_of_the_region(source: Path, region: str, known: bool) -> None:
    made = component(source=str(source), database_ca_bundle=str(RDS_AUTHORITIES))
    made.aws = SimpleNamespace(**{**vars(AWS), "region": region})

    faults = [fault.option for fault in made.faults()]

    assert faults == ([] if known else ["database_ca_bundle"])


def test_authorities_of_ones_own_are_of_any_region(source: Path, tmp_path: Path) -> None:
    own = tmp_path / "authority.pem"
    trustme.CA().cert_pem.write_to_path(str(own))

    assert list(component(source=str(source), database_ca_bundle=str(own)).faults()) == []


def test_every_authority_of_rds_is_a_root_for_decades_and_each_region_has_all_kinds() -> None:
    certificates = x509.load_pem_x509_certificates(RDS_AUTHORITIES.read_bytes())
    kinds: dict[str, set[str]] = {}
    for certificate in certificates:
        certificate.verify_directly_issued_by(certificate)
        assert certificate.not_valid_after_utc.year > 2060
        [name] = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
        found = re.fullmatch(r"Amazon RDS ([a-z0-9-]+) Root CA (RSA2048|RSA4096|ECC384) G1", str(name.value))
        assert found, name
        kinds.setdefault(found[1], set()).add(found[2])

    assert len(kinds) >= 29
    assert {region: kind for region, kind in kinds.items() if len(kind) != 3} == {}


@pytest.mark.parametrize(
    ("uri", "repository", "tag"),
    [
        ("airflow", "airflow", "latest"),
        ("apache/airflow:3.3.2", "apache/airflow", "3.3.2"),
        ("localhost:5000/a/b:c", "localhost:5000/a/b", "c"),
        ("example.com/a@sha256:" + "0" * 64, "example.com/a", None),
    ],
)
def test_images_that_exist(uri: str, repository: str, tag: str | None) -> None:
    existing = component(uri=uri)
    existing.validate()

    assert existing.resources() == []
    assert existing.facts() == {"name": "airflow", "uri": uri, "repository_uri": repository, "tag": tag}


def test_the_fact_has_a_python_name() -> None:
    assert component(name="my-image").facts_name == "sm2a_image_my_image"
