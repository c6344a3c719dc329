# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs a module in a fork of the controller, which has Python, boto3 and the module's code in memory already."""

from __future__ import annotations

import io
import json
import os
import signal
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NoReturn

from ansible.module_utils import _internal
from ansible.module_utils.common.json import Direction, get_module_encoder

from ansible_collections.sm2a.airflow.plugins.plugin_utils._output import show
from ansible_collections.sm2a.airflow.plugins.plugin_utils._progress import Progress

try:
    # The last step of the program that Ansible makes of a module.
    from ansible.module_utils._internal._ansiballz import _loader
except ImportError:
    _loader = None

# Another ansible-core may have no such step; modules then run as programs of their own.
POSSIBLE = hasattr(_loader, "run_module")
# How arguments and results are written; modules that do not say otherwise have this one.
PROFILE = "legacy"


def run_here(
    module: str,
    arguments: Mapping[str, Any],
    environment: Mapping[str, str],
    folder: str,
    say: Callable[[list[str]], None] = show,
) -> dict[str, Any]:
    """Run a module in a process that is forked from this one; return what a program would have left.

    ``module`` is the name of its Python module. What it does to its process, such as its environment, threads and
    connections, ends with it, and a run that is interrupted, by the task's ``timeout`` for example, is ended. ``say``
    is called meanwhile with lines about what it waits for. Returns the keys ``rc``, ``stdout`` and ``stderr``.
    """
    encoder = get_module_encoder(PROFILE, Direction.CONTROLLER_TO_MODULE)
    given = json.dumps({"ANSIBLE_MODULE_ARGS": arguments}, cls=encoder).encode()
    reading, writing = os.pipe()
    process = os.fork()
    if not process:
        _be_the_module(module, given, environment, folder, writing)
    os.close(writing)
    try:
        with open(reading, "rb") as stream:
            left = _listen(stream, say)
    except BaseException:
        os.kill(process, signal.SIGTERM)
        raise
    finally:
        _pid, status = os.waitpid(process, 0)
    return {"rc": os.waitstatus_to_exitcode(status), **left}


def _listen(stream: Iterable[bytes], say: Callable[[list[str]], None]) -> dict[str, Any]:
    """Pass on what a module says while it runs; return what it left, in the end or not at all."""
    left = {"stdout": "", "stderr": ""}
    for line in stream:
        told = json.loads(line)
        if "said" in told:
            say(told["said"])
        else:
            left = told
    return left


def _be_the_module(module: str, given: bytes, environment: Mapping[str, str], folder: str, writing: int) -> NoReturn:
    """Run the module, write what it printed, and end this process: none of the controller's code may go on in it."""
    sys.stdout, sys.stderr = io.StringIO(), io.StringIO()
    with open(writing, "wb") as stream:

        def tell(**what: Any) -> None:
            stream.write(json.dumps(what).encode() + b"\n")
            stream.flush()

        code: Any = 1
        try:
            # The controller's handlers are about its workers.
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM):
                signal.signal(number, signal.SIG_DFL)
            os.environ.update(environment)
            os.chdir(folder)
            # So that warnings become a part of the result.
            _internal.is_controller = False
            with Progress(lambda lines: tell(said=lines)):
                _loader.run_module(json_params=given, profile=PROFILE, module_fqn=module, modlib_path="", extensions={})
        except SystemExit as end:
            code = end.code
        finally:
            tell(stdout=sys.stdout.getvalue(), stderr=sys.stderr.getvalue())
            os._exit(code if isinstance(code, int) else 1)
