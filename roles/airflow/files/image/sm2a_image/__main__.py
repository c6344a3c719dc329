# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The image's entry point: startup script, guard, then the command.

Commands of SM2A's own begin with ``sm2a-``; anything else is executed as it stands.
"""

from __future__ import annotations

import os
import sys

from sm2a_image import bytecode, groomer, heartbeat, startup
from sm2a_image.configuration_cache import ConfigurationCache
from sm2a_image.guard import ConfigurationError, check, config_prefix

# In the Dockerfile.
CONSTRAINT = "PIP_CONSTRAINT"
CONSTRAINTS = "/opt/sm2a/constraints.txt"


def airflow(arguments: list[str]) -> int:
    """Run Airflow in this process, which has read its secrets already."""
    if set(arguments) & set(heartbeat.PROGRAMS):
        heartbeat.install()
    from airflow.__main__ import main as run

    sys.argv = arguments
    run()
    return 0


def main(arguments: list[str]) -> int:
    """Run the startup script, check the configuration and run the command.

    Returns only when the command is one of SM2A's own.
    """
    if not arguments:
        print("sm2a: no command was given", file=sys.stderr)
        return 2
    # It is for images that are made from this one; a task's virtual environment may have what it likes.
    if os.environ.get(CONSTRAINT) == CONSTRAINTS:
        del os.environ[CONSTRAINT]
    try:
        os.environ.update(startup.run(os.environ))
        values = check(dict(os.environ))
    except (ConfigurationError, startup.StartupError) as error:
        print(f"sm2a: refusing to start: {error}", file=sys.stderr)
        return 78  # EX_CONFIG of sysexits.h
    if values:
        ConfigurationCache.keep(config_prefix(os.environ), values)
    if arguments == ["sm2a-migrate"]:
        from sm2a_image.migrate import migrate

        return migrate()
    if arguments[0] in ("airflow", "sm2a-worker"):
        bytecode.install()
        groomer.start(arguments[0])
    if arguments[0] == "sm2a-worker":
        from sm2a_image.worker import work

        return work(arguments[1:])
    if arguments[0] == "airflow":
        return airflow(arguments)
    try:
        os.execvp(arguments[0], arguments)
    except OSError as error:
        print(f"sm2a: {arguments[0]} cannot be run: {error.strerror}", file=sys.stderr)
        return 127  # what a shell answers


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
