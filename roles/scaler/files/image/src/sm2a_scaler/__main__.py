# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``python -m sm2a_scaler run`` is the service; ``decide`` answers JSON lines; ``simulate`` and ``bench`` try
the policy on traces."""

from __future__ import annotations

import argparse
import io
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Mapping, Sequence

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError

from sm2a_scaler import configuration, endpoint, lines
from sm2a_scaler.act import Actor
from sm2a_scaler.database import Database, Login
from sm2a_scaler.fleet import Fleet
from sm2a_scaler.loop import Scaler
from sm2a_scaler.metadata import Metadata
from sm2a_scaler.observe import Observer
from sm2a_scaler.report import Board, JsonFormatter
from sm2a_scaler.simulation import bench, command

AWS = Config(
    connect_timeout=2,
    read_timeout=4,
    # At most about ten seconds a call; "standard" waits between attempts with jitter, and the next loop tries again.
    # https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
    retries={"mode": "standard", "total_max_attempts": 2},
    max_pool_connections=10,
)

logger = logging.getLogger("sm2a_scaler")


def main(arguments: Sequence[str], environ: Mapping[str, str] | None = None) -> int:
    """Run a command and return the exit code: 0; 1 if the bench breaks a promise; 2 if what it is given is refused."""
    environ = os.environ if environ is None else environ
    parser = argparse.ArgumentParser(prog="python -m sm2a_scaler", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("run", help=f"scale the pools of {configuration.VARIABLE} until SIGTERM")
    commands.add_parser("decide", help="read observations as JSON lines, write decisions as JSON lines")
    command.add_simulate(commands.add_parser("simulate", help="what a trace of tasks would cost under a policy"))
    bench.add_bench(commands.add_parser("bench", help="compare the policy with others on traces of many kinds"))
    parsed = parser.parse_args(arguments)
    if parsed.command == "simulate":
        return command.run_simulate(parsed)
    if parsed.command == "bench":
        return bench.run_bench(parsed)
    if parsed.command == "decide":
        if isinstance(sys.stdin, io.TextIOWrapper):
            # A line that is not UTF-8 is a bad line, not the end.
            sys.stdin.reconfigure(encoding="utf-8", errors="replace")
        for reply in lines.answer(sys.stdin):
            print(reply, flush=True)
        return 0

    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=logging.WARNING, handlers=[handler])  # botocore's INFO is of no use here
    logger.setLevel(logging.INFO)
    try:
        run(configuration.read(os.environ if environ is None else environ), environ)
    except (configuration.ConfigurationError, BotoCoreError) as error:  # botocore's: no region, for instance
        logger.error("refused to start: %s", error)
        return 2
    return 0


def run(settings: configuration.Configuration, environ: Mapping[str, str]) -> None:
    """Scale until SIGTERM or SIGINT, which leave everything in AWS as it is."""
    # botocore itself reads AWS_DEFAULT_REGION only.
    session = boto3.Session(region_name=environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION"))
    secrets, sqs, ecs = (session.client(service, config=AWS) for service in ("secretsmanager", "sqs", "ecs"))

    def login() -> Login:
        return Login.parse(secrets.get_secret_value(SecretId=settings.database_secret)["SecretString"])

    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    board = Board(settings.interval_seconds, started=time.monotonic())
    server = endpoint.serve(board)
    logger.info("started", extra={"fields": {"environment": settings.environment, "pools": list(settings.pools)}})
    database = Database(login)
    metadata = Metadata(database)
    observer = Observer(settings, Fleet(settings, ecs, sqs), metadata)
    Scaler(settings, observer, Actor(settings.cluster, ecs, metadata), board).run(stop)
    database.close()
    server.shutdown()
    logger.info("stopped; the workers stay as they are")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
