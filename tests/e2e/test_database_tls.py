# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every client of the database verifies the server: what connects with the right authority fails with others."""

from __future__ import annotations

import json
import subprocess

import pytest
from playbook_runs import Platform, docker, wait

# Drivers hide the reason in the errors that theirs came from.
REASON = """
def reason(error):
    return f"{error} {reason(error.__cause__ or error.__context__)}" if error else ""
"""
# Each prints, for the authorities of the image and for those of the internet, what became of a connection.
AIRFLOW = """
import asyncio, json
import airflow_local_settings
from airflow.configuration import conf
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

def synchronous(url):
    with create_engine(url).connect() as connection:
        connection.execute(text("SELECT 1"))

def asynchronous(url):
    async def connect():
        engine = airflow_local_settings.create_async_metadata_engine(
            url.set(drivername=DRIVERS[url.get_backend_name()]).render_as_string(hide_password=False), connect_args={}
        )
        async with engine.connect() as connection:
            await connection.execute(text("SELECT 1"))
    asyncio.run(connect())

DRIVERS = {"postgresql": "postgresql+asyncpg", "mysql": "mysql+aiomysql"}
given = make_url(conf.get("database", "sql_alchemy_conn"))
[option] = {"sslrootcert", "ssl_ca"} & set(given.query)
said = {}
for client in (synchronous, asynchronous):
    for authorities in (given.query[option], "/etc/ssl/certs/ca-certificates.crt"):
        try:
            client(given.update_query_dict({option: authorities}))
            outcome = "connected"
        except Exception as error:
            outcome = reason(error)
        said.setdefault(client.__name__, []).append(outcome)
print(json.dumps(said))
"""
SCALER = """
import json
import boto3, botocore
from sm2a_scaler import database

secret = boto3.client("secretsmanager").get_secret_value(SecretId="sm2a/local/scaler/database")["SecretString"]
login = database.Login.parse(secret)
internet = botocore.__file__.replace("__init__.py", "cacert.pem")
said = []
for authorities in (database.AUTHORITIES, internet):
    database.AUTHORITIES = authorities
    try:
        database.connect(login)
        said.append("connected")
    except Exception as error:
        said.append(reason(error))
print(json.dumps({"scaler": said}))
"""


@pytest.mark.parametrize(("container", "program"), [("api-server", AIRFLOW), ("scaler", SCALER)])
def test_a_server_of_another_authority_is_not_connected_to(platform: Platform, container: str, program: str) -> None:
    name = f"label=com.amazonaws.ecs.container-name={container}"
    wait(f"a container of {container}", lambda: docker("ps", "-q", "--filter", name).split(), 120)
    identity = docker("ps", "-q", "--filter", name).split()[0]

    ran = subprocess.run(
        ["docker", "exec", identity, "python", "-c", REASON + program], capture_output=True, text=True, check=True
    )

    outcomes = json.loads(ran.stdout.splitlines()[-1])
    assert outcomes
    for client, (right, wrong) in outcomes.items():
        assert right == "connected", client
        assert "certificate" in wrong.lower(), f"{client}: {wrong}"
