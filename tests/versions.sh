#!/usr/bin/env bash
# Runs the tests on the oldest versions that the collection supports: the unit tests, every module against both
# emulators, and `site` and `teardown` from an empty account to an empty account. The newest versions are those of
# requirements/dev.txt, on which `make test` runs. Arguments are passed on to pytest, in the place of all of that.
# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# shellcheck source=tests/python312.sh
source tests/python312.sh
readonly SET="$PWD/.local/versions/oldest"
readonly VENV="$SET/venv"
make_venv "$VENV" requirements/oldest.txt

site=$("$VENV/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
echo "$PWD/roles/scaler/files/image/src" > "$site/sm2a-scaler.pth"
tree="$SET/collections/ansible_collections"
mkdir -p "$tree/sm2a"
ln -sfn "$PWD" "$tree/sm2a/airflow"
ln -sfn "$site/ansible_collections/amazon" "$tree/amazon"

# The emulators stay what they are for `make test`: MiniStack pins a newer botocore.
export SM2A_TEST_EMULATORS_PYTHON="$PWD/.venv/bin/python"
export PATH="$VENV/bin:$PATH"
export ANSIBLE_COLLECTIONS_PATH="$SET/collections" ANSIBLE_HOME="$SET/ansible" ANSIBLE_CONFIG="$PWD/tests/ansible.cfg"

[ "$#" -gt 0 ] || set -- tests/unit tests/integration tests/integration/nightly_whole_life.py -n 2 --dist worksteal
python - <<'PYTHON'
import platform, ansible, boto3
from ansible.release import __version__ as core
from ansible_collections.amazon.aws.plugins.module_utils.common import AMAZON_AWS_COLLECTION_VERSION as amazon
print(f"Python {platform.python_version()}, ansible-core {core}, amazon.aws {amazon}, boto3 {boto3.__version__}")
PYTHON
python -m pytest "$@"
