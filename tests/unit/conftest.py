# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Unit tests find no Docker, whether one runs on this machine or not: they pass before anything was installed."""

from __future__ import annotations

import os

os.environ["DOCKER_HOST"] = "unix:///var/run/no-docker-in-unit-tests.sock"
os.environ.pop("DOCKER_CONTEXT", None)
