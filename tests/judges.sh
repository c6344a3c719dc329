#!/usr/bin/env bash
# Runs the judges of tests/judges on what `site` makes of the inventory `production`; arguments are names of some.
# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# shellcheck source=tests/python312.sh
source tests/python312.sh
make_venv "$PWD/.local/judges/venv" requirements/judges.txt
python tests/judges/judge.py "$@"
