# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""TLS of Airflow's asynchronous database connections: the options of one driver in the words of another."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
from airflow_local_settings import tls_arguments


@pytest.fixture(scope="module")
def authority() -> str:
    """A file of certificate authorities, botocore's."""
    import botocore

    return str(Path(botocore.__file__).with_name("cacert.pem"))


@pytest.mark.parametrize(
    ("backend", "query"),
    [
        ("postgresql", {}),
        ("postgresql", {"sslmode": "disable"}),
        ("postgresql", {"sslmode": "prefer"}),
        ("postgresql", {"ssl_mode": "REQUIRED"}),
        ("mysql", {}),
        ("mysql", {"ssl_mode": "PREFERRED"}),
    ],
)
def test_no_tls_is_asked_for(backend: str, query: dict[str, str]) -> None:
    assert tls_arguments(backend, query) == {}


@pytest.mark.parametrize(
    ("backend", "query"), [("postgresql", {"sslmode": "require"}), ("mysql", {"ssl_mode": "REQUIRED"})]
)
def test_encryption_alone(backend: str, query: dict[str, str]) -> None:
    context = tls_arguments(backend, query)["ssl"]
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_NONE, False)


@pytest.mark.parametrize(
    ("backend", "mode", "file", "identity"),
    [
        ("postgresql", {"sslmode": "require"}, "sslrootcert", False),
        ("postgresql", {"sslmode": "verify-ca"}, "sslrootcert", False),
        ("postgresql", {"sslmode": "verify-full"}, "sslrootcert", True),
        ("mysql", {}, "ssl_ca", False),
        ("mysql", {"ssl_mode": "VERIFY_CA"}, "ssl_ca", False),
        ("mysql", {"ssl_mode": "VERIFY_IDENTITY"}, "ssl_ca", True),
    ],
)
def test_verification(backend: str, mode: dict[str, str], file: str, identity: bool, authority: str) -> None:
    context = tls_arguments(backend, {**mode, file: authority})["ssl"]
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, identity)
    assert context.cert_store_stats()["x509_ca"] > 50


def test_authority_that_is_not_there_is_an_error() -> None:
    with pytest.raises(FileNotFoundError):
        tls_arguments("postgresql", {"sslmode": "verify-full", "sslrootcert": "/nonexistent"})
