#!/usr/bin/env bash
# Runs the tests on the oldest versions that the collection supports: the unit tests, every module against both
# emulators, and `site` and `teardown` from an empty account to an empty account. The newest versions are those of
# requirements/dev.txt, on which `make test` runs. Arguments are passed on to pytest, in the place of all of that.
# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly PYTHON=3.12
readonly SET="$PWD/.local/versions/oldest"
readonly VENV="$SET/venv"

# A candidate is only good if it runs: version managers leave stubs on the path that fail.
usable() {
    "$1" -c "import sys, venv, ensurepip; sys.exit('%d.%d' % sys.version_info[:2] != '$PYTHON')" > /dev/null 2>&1
}

find_python() {
    local candidate
    for candidate in "python$PYTHON" "${PYENV_ROOT:-$HOME/.pyenv}"/versions/"$PYTHON".*/bin/python; do
        if usable "$candidate"; then
            echo "$candidate"
            return
        fi
    done
    # uv knows of more places, and may fetch one.
    if { .venv/bin/uv python find "$PYTHON" \
        || { .venv/bin/uv python install "$PYTHON" && .venv/bin/uv python find "$PYTHON"; }; } 2> /dev/null; then
        return
    fi
    echo "sm2a: the oldest versions are tested on Python $PYTHON, which is missing here. Install it with its venv" \
        "module, by your system's packages, pyenv or uv." >&2
    exit 1
}

if ! usable "$VENV/bin/python"; then
    python=$(find_python)
    echo "making .local/versions/oldest/venv with $python"
    "$python" -m venv --clear --without-pip "$VENV"
fi
.venv/bin/uv pip sync --quiet --python "$VENV/bin/python" --require-hashes requirements/oldest.txt

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
