# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Database servers whose certificates are signed by the local AWS's authority, for the addresses of their endpoints.

RDS installs a certificate for the endpoint's name on each instance, PostgreSQL or MySQL
(https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.SSL.html). MiniStack does so for PostgreSQL only,
by an authority that changes whenever it starts, and takes an address for a name.
"""

from __future__ import annotations

import ipaddress
from typing import Any

import authority
from ministack.services import rds

MOUNTED = "/rds-certificate"


def install(addresses: list[str]) -> None:
    """Give every database server a certificate for its own names, and for these addresses of this machine."""
    run = rds._run_rds_container

    def server_material(names: list[str], ips: list[str]) -> tuple[str, str]:
        return server_certificate([*names, *ips, *addresses])

    def run_with_certificate(
        client: Any, engine: str, options: dict[str, Any], tls_names: Any = (), tls_ips: Any = ()
    ) -> Any:
        if rds._is_mysql_engine(engine):
            options = {**options, **_mysql_options([*tls_names, *tls_ips, *addresses], options)}
        return run(client, engine, options, tls_names, tls_ips)

    rds._pg_server_material = server_material
    rds._run_rds_container = run_with_certificate


def server_certificate(names: list[str]) -> tuple[str, str]:
    """Return a new certificate for names and addresses, and its key, both in PEM."""
    usable = [name for name in dict.fromkeys(names) if name and (_is_address(name) or "_" not in name)]
    leaf = authority.load().issue_cert(*usable)
    chain = "".join(blob.bytes().decode() for blob in leaf.cert_chain_pems)
    return chain, leaf.private_key_pem.bytes().decode()


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _mysql_options(names: list[str], options: dict[str, Any]) -> dict[str, Any]:
    """Return what mounts a certificate into a container of MySQL, and makes the server use it."""
    certificate, key = server_certificate(names)
    folder = authority.FOLDER / "mysql"
    folder.mkdir(exist_ok=True)
    (folder / "server.crt").write_text(certificate)
    # The server's user in the container has to read it; the folder above is closed to others on this machine.
    (folder / "server.key").write_text(key)
    arguments = [f"--ssl-cert={MOUNTED}/server.crt", f"--ssl-key={MOUNTED}/server.key"]
    return {
        "command": [*(options.get("command") or []), *arguments],
        "volumes": {**(options.get("volumes") or {}), str(folder): {"bind": MOUNTED, "mode": "ro"}},
    }
