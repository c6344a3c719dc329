# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The certificates of the local AWS's database servers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import authority
import pytest
import rds_certificates
from cryptography import x509
from ministack.services import rds


@pytest.fixture(autouse=True)
def own_authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An authority that nobody has yet."""
    monkeypatch.setattr(authority, "FOLDER", tmp_path / "authority")
    monkeypatch.setattr(authority, "CERTIFICATE", tmp_path / "authority" / "authority.pem")
    monkeypatch.setattr(authority, "KEY", tmp_path / "authority" / "authority.key")


def test_the_authority_stays_the_same_and_its_key_is_nobody_elses() -> None:
    first = authority.load().cert_pem.bytes()

    assert authority.load().cert_pem.bytes() == first == authority.CERTIFICATE.read_bytes()
    assert authority.KEY.stat().st_mode & 0o077 == 0


def test_postgresql_and_mysql_get_certificates_for_their_endpoints(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[dict[str, Any]] = []
    monkeypatch.setattr(rds, "_pg_server_material", None)
    monkeypatch.setattr(rds, "_run_rds_container", lambda _client, _engine, options, *_names: started.append(options))

    rds_certificates.install(["127.0.0.1", "172.17.0.1"])
    pem, _key = rds._pg_server_material(["localhost", "ministack_rds_1"], ["127.0.0.1"])
    rds._run_rds_container(None, "mysql", {"command": ["--skip-log-bin"]}, tls_names=["database.example.com"])

    folder = authority.FOLDER / "mysql"
    assert started[0]["volumes"] == {str(folder): {"bind": "/rds-certificate", "mode": "ro"}}
    assert started[0]["command"][0] == "--skip-log-bin"
    assert started[0]["command"][1:] == [
        "--ssl-cert=/rds-certificate/server.crt",
        "--ssl-key=/rds-certificate/server.key",
    ]
    root = x509.load_pem_x509_certificate(authority.CERTIFICATE.read_bytes())
    for made in (pem.encode(), (folder / "server.crt").read_bytes()):
        certificate = x509.load_pem_x509_certificate(made)
        certificate.verify_directly_issued_by(root)
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        addresses = [str(address) for address in names.get_values_for_type(x509.IPAddress)]
        assert addresses == ["127.0.0.1", "172.17.0.1"]
