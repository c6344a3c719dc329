# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Gives Airflow's asynchronous database connections the TLS that the database's address asks for.

Airflow derives their address from the synchronous one by changing the driver's name, and leaves the options in it.
Those of psycopg2 and mysqlclient mean nothing to asyncpg and aiomysql: every request that uses such a connection, for
example the one that waits for a DAG run, would end in a TypeError. Airflow lets a module of this name replace the
function.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import Any

__all__ = ["create_async_metadata_engine"]

# The option for the kind of TLS and the one for the authority's file: of libpq, and of MySQL's client library.
TLS_OPTIONS = {"postgresql": ("sslmode", "sslrootcert"), "mysql": ("ssl_mode", "ssl_ca")}
ENCRYPTING = ("require", "required", "verify-ca", "verify_ca", "verify-full", "verify_identity")


def tls_arguments(backend: str, query: Mapping[str, Any]) -> dict[str, ssl.SSLContext]:
    """Return the driver's arguments that mean what the synchronous driver's options mean."""
    mode_option, authority_option = TLS_OPTIONS[backend]
    authority = query.get(authority_option)
    mode = str(query.get(mode_option, "verify-ca" if authority else "")).lower()
    if mode not in ENCRYPTING:
        return {}
    context = ssl.create_default_context(cafile=authority)
    # Python's own demands on the form of certificates: neither client library makes them, nor does RDS promise to meet
    # them.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.check_hostname = mode in ("verify-full", "verify_identity")
    if mode in ("require", "required") and not authority:
        # What these two words mean to both client libraries: encrypted, whoever the server is.
        context.verify_mode = ssl.CERT_NONE
    return {"ssl": context}


def create_async_metadata_engine(
    sql_alchemy_conn_async: str, *, connect_args: dict[str, Any], engine_args: dict[str, Any] | None = None
) -> Any:
    """Create the asynchronous engine; the signature is Airflow's."""
    from sqlalchemy.engine import make_url
    from sqlalchemy.ext.asyncio import create_async_engine

    url = make_url(sql_alchemy_conn_async)
    options = TLS_OPTIONS.get(url.get_backend_name())
    if options:
        connect_args = {**tls_arguments(url.get_backend_name(), url.query), **connect_args}
        url = url.difference_update_query(options)
    return create_async_engine(url, connect_args=connect_args, **(engine_args or {}))
