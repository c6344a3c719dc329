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
# What moto reads when it is imported.
export MOTO_ACM_VALIDATION_WAIT=2 MOTO_IAM_LOAD_MANAGED_POLICIES=true MOTO_EC2_LOAD_DEFAULT_AMIS=false
PYTHONPATH=tests/integration:tests/e2e:tests/local_aws python tests/judges/judge.py "$@"
